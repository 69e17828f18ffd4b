# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks the API server what there is of agents. PRIVATE to the collection."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

from .._cluster.fields import Object
from .._cluster.trouble import ApiError
from .pods import NAME, Pod, Wanted, is_rolled_out, owns_namespace, read_leaving, read_pods, read_spool, read_wanted

R = TypeVar("R")
_SECONDS_BETWEEN = 1.0


class Client(Protocol):
    """What is asked of ``_cluster.client.Client``."""

    def get(self, path: str) -> Object | None:
        """One object, or None."""

    def list(self, path: str, label_selector: str) -> Iterator[Object]:
        """The objects with a label."""


@dataclasses.dataclass(frozen=True)
class Found:
    """What a cluster has of agents."""

    owns_namespace: bool
    """Whether the namespace was made for the agents, or is missing."""
    wanted: Wanted | None = None
    """What the DaemonSet says, None where there is none; then no pod is anybody's."""
    spool: str | None = None
    pods: tuple[Pod, ...] = ()
    leaving: tuple[Pod, ...] = ()
    """Those on their way out."""


def look(client: Client, namespace: str) -> Found:
    """Return what there is now; raise PcapError in one sentence where the API server does not tell."""
    owned = owns_namespace(client.get("/api/v1/namespaces/" + namespace))
    daemonset = _daemonset(client, namespace)
    if daemonset is None:
        return Found(owned)
    pods = list(_pods(client, namespace))
    return Found(owned, read_wanted(daemonset), read_spool(daemonset), read_pods(pods), read_leaving(pods))


def wait(
    connect: Callable[[], AbstractContextManager[Client]],
    namespace: str,
    seconds: float,
    enough: Callable[[Found], bool],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Any] = time.sleep,
) -> Found:
    """Return what there is once it is enough, or after that many seconds.

    Only at the end of these an API server that does not tell is an error. Pods, of which there may be thousands, are
    asked for when the DaemonSet says that they are all there, and at the end.
    """

    def ask(_passed: float, over: bool) -> Found | None:
        with connect() as client:
            if not over and not is_rolled_out(_daemonset(client, namespace) or {"metadata": {}}):
                return None
            found = look(client, namespace)
        return found if over or enough(found) else None

    return _repeated(ask, seconds, clock, sleep)


def wait_until_gone(
    connect: Callable[[], AbstractContextManager[Client]],
    namespace: str,
    seconds: float,
    enough: Callable[[tuple[Pod, ...], float], bool],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Any] = time.sleep,
) -> tuple[Pod, ...]:
    """Return the pods that are left once their DaemonSet is gone: all on their way out.

    enough: told these and the seconds so far, whether there is nothing to wait for any more. As for ``wait``, only at
    the end of ``seconds`` an API server that does not tell is an error.
    """

    def ask(passed: float, over: bool) -> tuple[Pod, ...] | None:
        with connect() as client:
            pods = list(_pods(client, namespace))
        left = (*read_pods(pods), *read_leaving(pods))
        return left if over or enough(left, passed) else None

    return _repeated(ask, seconds, clock, sleep)


def _repeated(
    ask: Callable[[float, bool], R | None],
    seconds: float,
    clock: Callable[[], float],
    sleep: Callable[[float], Any],
) -> R:
    """Return the first answer; ``ask`` is told the seconds so far and whether they are over, when it must have one."""
    began = clock()
    while True:
        passed = clock() - began
        over = passed >= seconds
        try:
            answer = ask(passed, over)
        except ApiError:
            if over:
                raise
            answer = None
        if answer is not None:
            return answer
        sleep(_SECONDS_BETWEEN)


def _pods(client: Client, namespace: str) -> Iterator[Object]:
    return client.list("/api/v1/namespaces/%s/pods" % namespace, label_selector="app.kubernetes.io/name=" + NAME)


def _daemonset(client: Client, namespace: str) -> Object | None:
    return client.get("/apis/apps/v1/namespaces/%s/daemonsets/%s" % (namespace, NAME))
