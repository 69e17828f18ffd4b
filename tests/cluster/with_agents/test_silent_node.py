# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Agents are removed while a node's kubelet does not answer, as that of a node that is down."""

from __future__ import annotations

from tests.cluster.agents import NAMESPACE, Agents, report
from tests.cluster.capturing import SPOOL
from tests.lab.playing import failed


def test_a_kubelet_is_silent(agents: Agents) -> None:
    """The other agents go, and so does all else; that one is named, and ends when its kubelet is back."""
    cluster = agents.cluster
    silent = cluster.node("node-c")
    name = agents.pods()[silent.name]["metadata"]["name"]
    silent.stop("kubelet")
    try:
        cluster.wait("silence", lambda: not agents.is_ready(silent.name))
        run = agents.playbook(state="absent")
        assert run.rc == 0, run.stdout + run.stderr
        assert "the captures on node-c were not asked (it is not ready (Running)): what they have not" in run.stdout
        left = "the agent on node-c (%s) is still there: its node's kubelet has not ended it" % name
        assert report(run) == left + "\n2 agents removed"
        assert [pod["metadata"]["name"] for pod in cluster.objects("pods", "-n", NAMESPACE)] == [name]
        again = agents.bring(wait="5s")
        assert again.rc == 2 and "is being terminated" in failed(again)[-1], again.stdout
    finally:
        silent.start("kubelet")
    cluster.wait("end of the namespace", lambda: not cluster.kubectl("get", "ns", NAMESPACE, check=False))
    spool = silent.root / SPOOL
    if spool.exists():  # the kubelet, back again, may have made it once more for the pod that was to end
        spool.rmdir()
