# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which pods the cluster runs once it is up, and what is still amiss with them. Pure, over the API's answers."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable
from typing import Any

Pod = dict[str, Any]


def _statuses(pod: Pod, kind: str = "containerStatuses") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pod["status"].get(kind, [])
    return found


def running(pod: Pod) -> bool:
    """Every container is ready."""
    return pod["status"]["phase"] == "Running" and all(status["ready"] for status in _statuses(pod))


def debugged(pod: Pod) -> bool:
    """An ephemeral container runs in it, too."""
    return running(pod) and any("running" in s["state"] for s in _statuses(pod, "ephemeralContainerStatuses"))


def crashing(pod: Pod) -> bool:
    """A container of it has ended and was started again; the others run."""
    statuses = _statuses(pod)
    return any(s["restartCount"] for s in statuses) and all(s["restartCount"] or s["ready"] for s in statuses)


def succeeded(pod: Pod) -> bool:
    """It has done what it had to do."""
    return bool(pod["status"]["phase"] == "Succeeded")


def unschedulable(pod: Pod) -> bool:
    """No node is right for it."""
    return any(c.get("reason") == "Unschedulable" for c in pod["status"].get("conditions", []))


def unpullable(pod: Pod) -> bool:
    """It is on a node and its image is not."""
    return any(s["state"].get("waiting", {}).get("reason", "").startswith("ErrImage") for s in _statuses(pod))


LONG_NAME = "a-name-of-sixty-three-characters-which-is-as-long-as-a-label-is"
EXPECTED: dict[str, tuple[int, Callable[[Pod], bool]]] = {
    "kube-system/coredns-*": (2, running),
    "shop/web-*": (3, running),
    "shop/db-*": (2, running),
    "shop/agentless-*": (3, running),
    "shop/done-*": (1, succeeded),
    "shop/static-node-b": (1, running),
    "shop/client": (1, running),
    "shop/host-network": (1, running),
    "shop/sidecar": (1, running),
    "shop/debugged": (1, debugged),
    "shop/shared": (1, running),
    "shop/distroless": (1, running),
    "shop/crash": (1, crashing),
    "shop/half": (1, crashing),
    "shop/unpullable": (1, unpullable),
    "shop/pending": (1, unschedulable),
    "shop/completed": (1, succeeded),
    "shop/twin": (1, running),
    "other/twin": (1, running),
    "shop/" + LONG_NAME: (1, running),
}
"""How many pods of a name there are, and how they are."""


def key(pod: Pod) -> str:
    """``namespace/name``."""
    return "%s/%s" % (pod["metadata"]["namespace"], pod["metadata"]["name"])


def amiss(pods: Iterable[Pod]) -> list[str]:
    """What is not as expected, one line for each name; empty when all is well."""
    there, lines = list(pods), []
    for pattern, (count, state) in EXPECTED.items():
        good = [pod for pod in there if fnmatch.fnmatchcase(key(pod), pattern) and state(pod)]
        if len(good) != count:
            lines.append("%s: %d of %d %s" % (pattern, len(good), count, state.__name__))
    return lines
