# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Objects of a cluster with agents, as its API sends them."""

from __future__ import annotations

from typing import Any

CRASHING = "/proc/1/ns/net: Permission denied: CAP_SYS_PTRACE, and no confinement by AppArmor or SELinux\n"


def pod(node: str | None = "node-a", **status: Any) -> dict[str, Any]:
    """An agent pod that is ready, unless a status is given."""
    ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    spec = {"nodeName": node} if node else {}
    name = "agent-%s" % (node or "x")
    return {"metadata": {"name": name, "uid": "uid-" + name}, "spec": spec, "status": status or ready}


def waiting(reason: str, message: str, last: str | None = None) -> dict[str, Any]:
    """The status of a pod whose container waits; ``last``: what its program said before."""
    before = {"terminated": {"message": last, "exitCode": 1}} if last else {}
    state = {"waiting": {"reason": reason, "message": message}}
    return {"phase": "Pending", "containerStatuses": [{"state": state, "lastState": before}]}


def daemonset(nodes: int = 1, fresh: int | None = None, generation: int = 2, seen: int = 2) -> dict[str, Any]:
    """The agents' DaemonSet."""
    volumes = [{"name": "tmp", "emptyDir": {}}, {"name": "spool", "hostPath": {"path": "/srv/pcap"}}]
    return {
        "metadata": {"name": "kube-pcap-agent", "generation": generation},
        "spec": {"template": {"spec": {"volumes": volumes}}},
        "status": {
            "desiredNumberScheduled": nodes,
            "updatedNumberScheduled": nodes if fresh is None else fresh,
            "numberReady": nodes,
            "observedGeneration": seen,
        },
    }


def namespace(**labels: str) -> dict[str, Any]:
    """A namespace with these labels; ``__`` stands for what a name cannot hold."""
    return {"metadata": {"name": "kube-pcap", "labels": labels}}
