# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A machine's node made of namespaces: the ground of the namespace lab and of the test cluster.

A node is one process tree in its own pid, network, mount, uts, ipc and cgroup namespaces. Its root is an overlay of
this machine's root, so the machine's programs are there and its own files stay private. Killing its first process
ends the node with everything in it; booting it again finds the same files and a new boot id.
"""
