# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A pod without a process is not gone while its runtime holds its namespace."""

from __future__ import annotations

from tests.lab.lab import Lab
from tests.lab.recording import Record, wait_for

PIN = "/run/netns/cni-test"


def test_a_sandbox_without_a_process_is_still_the_pods(lab: Lab, record: Record) -> None:
    """PT-4: as with CRI-O, whose sandbox needs no process, while a container waits to be started again."""
    one, pod = record("node-b"), lab.pod("test", "cart")
    node = one.node
    one.start("pod test/cart", filter="udp port 9000")
    node.run(["sh", "-c", "mkdir -p /run/netns && touch %s" % PIN])
    node.run(["mount", "--bind", "/proc/%d/ns/net" % pod.node_pids()[0], PIN])
    pod.delete()
    try:
        searched = one.state()["written_ns"] + 3 * 10**9  # a look every second; here, the search was over
        wait_for(lambda: one.state()["written_ns"] > searched, what="a few looks")
        assert one.state()["targets"][0]["phase"] == "ready" and one.tcpdump_pids()
    finally:
        node.run(["umount", PIN])
    wait_for(lambda: "the pod is gone" in str(one.state()["targets"][0]["reason"]), what="its absence")
    one.stop()
    pod.create()
