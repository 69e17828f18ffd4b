# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What there is of agents in a cluster, from its objects as the API sends them. PRIVATE to the collection."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from .._cluster.fields import Object, entries, labels, part, text

NAME, CONTAINER = "kube-pcap-agent", "agent"
"""Of the DaemonSet, and of the container in its pods."""
OWNER = ("app.kubernetes.io/managed-by", "kube.pcap")
"""What a namespace is labelled with that was made for the agents."""
GROUP = "kube_pcap_agents"
"""Of the hosts by which a play reaches the agents."""
_SPOOL = "spool"
_SKIP = "--insecure-skip-tls-verify=%s"
_READY = "ready"
_LEAVES = "its agent is being deleted"


@dataclasses.dataclass(frozen=True)
class Pod:
    """One agent pod."""

    node: str | None
    """None while it is not placed."""
    name: str
    ready: bool
    reason: str
    """``ready``, or why not, as the kubelet or the scheduler has it."""


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What the DaemonSet says of its pods."""

    nodes: int
    """That are to have one."""
    up_to_date: int
    """Pods made of the manifest as it is now."""
    seen: bool
    """Whether these figures are of the manifest as it is now."""


def owns_namespace(namespace: Object | None) -> bool:
    """Say whether the namespace is the agents' own: made for them, or still to be made."""
    key, value = OWNER
    return namespace is None or labels(namespace).get(key) == value


def own_group(taken: Collection[str]) -> str:
    """Return the name of a group that an inventory does not have: what is in one of that name is somebody else's."""
    names = itertools.chain([GROUP], ("%s_%d" % (GROUP, number) for number in itertools.count(2)))
    return next(name for name in names if name not in taken)


def read_pods(items: Iterable[Object]) -> tuple[Pod, ...]:
    """Return the pods, by node; those on their way out are left out."""
    found = [
        Pod(_node(one), one["metadata"]["name"], _reason(one) == _READY, _reason(one))
        for one in items
        if not _leaves(one)
    ]
    return tuple(sorted(found, key=lambda pod: (pod.node or "", pod.name)))


def read_leaving(items: Iterable[Object]) -> tuple[Pod, ...]:
    """Return the pods that are on their way out."""
    return tuple(Pod(_node(one), one["metadata"]["name"], False, _LEAVES) for one in items if _leaves(one))


def read_wanted(daemonset: Object) -> Wanted:
    """Return what a DaemonSet's controller says."""
    status = part(daemonset, "status")
    nodes, fresh = status.get("desiredNumberScheduled"), status.get("updatedNumberScheduled")
    seen = status.get("observedGeneration") == daemonset["metadata"].get("generation")
    return Wanted(nodes if isinstance(nodes, int) else 0, fresh if isinstance(fresh, int) else 0, seen)


def is_rolled_out(daemonset: Object) -> bool:
    """Say whether its controller knows of nothing that is still to come."""
    status, wanted = part(daemonset, "status"), read_wanted(daemonset)
    return wanted.seen and min(wanted.up_to_date, status.get("numberReady") or 0) >= wanted.nodes


def read_spool(daemonset: Object) -> str | None:
    """Return the folder of the nodes in which the agents' captures live."""
    spec = part(part(part(daemonset, "spec"), "template"), "spec")
    paths = [text(part(one, "hostPath"), "path") for one in entries(spec, "volumes") if one.get("name") == _SPOOL]
    return paths[0] if paths else None


def host_variables(
    pod: Pod, namespace: str, kubeconfig: str | None, context: str | None, checked: bool | None = None
) -> dict[str, Any]:
    """Return what Ansible needs to reach a pod; how it reaches the API server otherwise is kubectl's to know.

    checked: whether the server's certificate is; None where that was not said. The connection plugin has an option for
    it, also a variable of the environment, which it hands over in a form that kubectl refuses (kubernetes.core 6.2).
    """
    chosen: Mapping[str, Any] = {
        "ansible_kubectl_kubeconfig": kubeconfig,
        "ansible_kubectl_context": context,
        "ansible_kubectl_extra_args": None if checked is None else _SKIP % str(not checked).lower(),
    }
    return {
        "kube_node_name": pod.node,
        "ansible_connection": "kubernetes.core.kubectl",
        "ansible_kubectl_namespace": namespace,
        "ansible_kubectl_pod": pod.name,
        "ansible_kubectl_container": CONTAINER,
        "ansible_kubectl_validate_certs": "",
        "ansible_python_interpreter": "python3",  # as the pod's own program is run, by the image's PATH
        "ansible_become": False,
        **{name: value for name, value in chosen.items() if value is not None},
    }


def _node(pod: Object) -> str | None:
    return text(part(pod, "spec"), "nodeName")


def _leaves(pod: Object) -> bool:
    return text(pod["metadata"], "deletionTimestamp") is not None


def _reason(pod: Object) -> str:
    status = part(pod, "status")
    if any(one.get("type") == "Ready" and one.get("status") == "True" for one in entries(status, "conditions")):
        return _READY
    for container in entries(status, "containerStatuses"):
        states = [part(container, "state"), part(container, "lastState")]
        waiting = part(states[0], "waiting")
        said = [text(part(state, "terminated"), "message") for state in states]  # what its program said last
        words = [text(waiting, "reason"), next(filter(None, said), text(waiting, "message"))]
        if any(words):
            return ": ".join(" ".join(word.split()) for word in words if word)
    for one in entries(status, "conditions"):
        if one.get("type") == "PodScheduled" and one.get("status") == "False":
            return text(one, "message") or text(one, "reason") or "it is not placed"
    phase = text(status, "phase") or "unknown"
    known = text(status, "message") or text(status, "reason")
    return known or "it is %s (%s)" % ("not ready" if phase == "Running" else "starting", phase)
