# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Every command installs what it needs: Debian packages (with sudo where you are not root), virtual environments in
# ${XDG_CACHE_HOME:-~/.cache}/kube-pcap. Debian 12 or newer with Python 3.11.

.PHONY: help demo test test-cluster lint lab lab-down cluster cluster-down cluster-scale bench clean
.DEFAULT_GOAL := help

help:  ## tell what each command does
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo:  ## start a lab of three nodes, capture pods and a node, show what the sink has, take it down; DEMO_SINK=gs or directory
	@tests/gate/run demo

test:  ## run the whole gate: linters, ansible-core 2.16 and 2.19 on every Python found, the artifact, all tests
	@tests/gate/run test

test-cluster:  ## run the tests on a real Kubernetes of three nodes, built from sources the first time (minutes)
	@tests/gate/run test-cluster

lint:  ## run only the gate's linters: seconds
	@tests/gate/run lint

lab:  ## start the lab `shop` and leave it running, to try things by hand
	@tests/gate/run lab

lab-down:  ## take it down, and what a killed demo or test has left; labs of other names stay
	@tests/gate/run lab-down

cluster:  ## start that Kubernetes with its workloads and leave it running
	@tests/gate/run cluster

cluster-down:  ## take it down, and what a killed test run has left
	@tests/gate/run cluster-down

cluster-scale:  ## give it 1,000 nodes and 30,000 pods that only its API knows
	@tests/gate/run cluster-scale 1000 30000

bench:  ## measure beside bare tcpdump, in one run
	@tests/gate/run bench

clean:  ## remove the virtual environments and caches
	@tests/gate/run clean
