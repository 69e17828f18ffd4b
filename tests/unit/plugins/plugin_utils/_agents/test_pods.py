# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a cluster's objects tell of agents."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.plugin_utils._agents import pods

from .objects import CRASHING, daemonset, namespace, pod, waiting

UNPLACED = {"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available"}


@pytest.mark.parametrize(
    "status, reason",
    [
        ({}, "ready"),
        (waiting("ImagePullBackOff", 'Back-off pulling "x"\n again'), 'ImagePullBackOff: Back-off pulling "x" again'),
        (waiting("CrashLoopBackOff", "back-off 10s", CRASHING), "CrashLoopBackOff: " + CRASHING.strip()),
        ({"phase": "Pending", "conditions": [UNPLACED]}, "0/3 nodes are available"),
        ({"phase": "Failed", "reason": "Evicted", "message": "low on memory"}, "low on memory"),
        ({"phase": "Running", "containerStatuses": [{"state": {"running": {}}}]}, "it is not ready (Running)"),
        ({"phase": 7}, "it is starting (unknown)"),
    ],
)
def test_states(status, reason):
    """A pod is ready, or the kubelet, its own program or the scheduler says why not."""
    (found,) = pods.read_pods([pod(**status)])
    assert (found.ready, found.reason) == (reason == "ready", reason)


def test_order():
    """By node; what is on its way out is no agent any more."""
    leaving = pod("node-b")
    leaving["metadata"]["deletionTimestamp"] = "2026-11-21T09:00:00Z"
    assert [one.node for one in pods.read_pods([pod("node-c"), leaving, pod(None), pod()])] == [
        None,
        "node-a",
        "node-c",
    ]
    assert pods.read_leaving([pod("node-c"), leaving]) == (
        pods.Pod("node-b", "agent-node-b", False, "its agent is being deleted"),
    )


@pytest.mark.parametrize(
    "given, own",
    [
        (None, True),
        (namespace(), False),
        ({"metadata": {"labels": {"app.kubernetes.io/managed-by": "kube.pcap"}}}, True),
    ],
)
def test_whose_namespace(given, own):
    """One that is missing will be made; of those that are there, only one that was made for agents is theirs."""
    assert pods.owns_namespace(given) is own


def test_daemonset():
    """Its figures are of the manifest as it is only once its controller has seen that."""
    assert pods.read_wanted(daemonset(3, 1)) == pods.Wanted(3, 1, True)
    assert not pods.read_wanted(daemonset(seen=1)).seen
    assert pods.read_wanted({"metadata": {"generation": 1}}) == pods.Wanted(0, 0, False)
    assert pods.read_spool(daemonset()) == "/srv/pcap" and pods.read_spool({"metadata": {}}) is None


@pytest.mark.parametrize(
    "taken, name",
    [
        (["all", "nodes"], "kube_pcap_agents"),
        (["kube_pcap_agents"], "kube_pcap_agents_2"),
        (["kube_pcap_agents", "kube_pcap_agents_2"], "kube_pcap_agents_3"),
    ],
)
def test_own_group(taken, name):
    """A group that is there already has hosts of somebody else."""
    assert pods.own_group(taken) == name


def test_host_variables():
    """Ansible reaches a pod by kubectl; the cluster is named only where the user named it."""
    (one,) = pods.read_pods([pod()])
    plain = pods.host_variables(one, "kube-pcap", None, None)
    assert (plain["ansible_kubectl_pod"], plain["kube_node_name"]) == ("agent-node-a", "node-a")
    assert "ansible_kubectl_extra_args" not in plain
    checked = pods.host_variables(one, "kube-pcap", None, None, True)
    assert checked == {**plain, "ansible_kubectl_extra_args": "--insecure-skip-tls-verify=false"}
    named = pods.host_variables(one, "kube-pcap", "/k", "c")
    assert named == {**plain, "ansible_kubectl_kubeconfig": "/k", "ansible_kubectl_context": "c"}
