# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module ``dns_info`` is asked, and what it answers. PRIVATE to the collection."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
from typing import Any, Iterator, Mapping, Sequence

from .._command import with_container
from .._dns_course import Reply, follow
from .._dns_records import Resolution
from .._errors import NodeError, TargetError, reason_of
from .._records import CONTROLLER, Target, to_result
from .._resolver import Config, check_name, named_servers, read_address, read_config, read_hosts, version
from .._units import parse_duration
from . import dns_sockets
from .container_files import read_inside
from .namespaces import Namespaces, open_namespaces
from .selecting import choose_here, selected

MOST_SECONDS = 30
"""For all questions together."""
_VERSIONS = {"4": (4,), "6": (6,), "both": (4, 6)}
_RESOLV_CONF, _HOSTS = "/etc/resolv.conf", "/etc/hosts"
_MOST_CONFIG, _MOST_HOSTS = 64 << 10, 1 << 20


def run(params: Mapping[str, Any]) -> dict[str, Any]:
    """Resolve a name as the module is asked; return its result. Raises PcapError."""
    name = check_name("name", params["name"])
    seconds = params["timeout"]
    timeout = None if seconds in (None, "") else parse_duration("timeout", seconds, 1, MOST_SECONDS)
    here = params["pod"] is None and params["node"] is None
    chosen = [] if here else with_container("container", selected(params, ("pod", "node")), params["container"])
    if os.geteuid() != 0:
        raise NodeError("namespaces are entered by root alone; run it with become")
    try:
        targets = (_own(),) if here else choose_here(chosen, params["kube_node_name"])[1]
        if isinstance(targets, str):
            made = Resolution(False, name, problem=targets)
        else:
            made = _resolve(targets[0], name, _VERSIONS[params["family"]], timeout)
    except OSError as error:  # of the node: no memory or descriptor is left
        raise NodeError("the name cannot be resolved: %s" % reason_of(error)) from None
    return {"changed": False, **to_result(made)}


def _own() -> Target:
    """Return the machine as this process has it: on a controller, process 1 may be out of reach."""
    return Target(CONTROLLER, pid=os.getpid(), netns=os.stat("/proc/self/ns/net").st_ino, host_network=True)


def _resolve(target: Target, name: str, versions: Sequence[int], timeout: int | None) -> Resolution:
    """Return what becomes of a name in a target; what keeps it from being resolved is its problem."""
    container = next((one for one in target.containers if one.name == target.container), None)
    made = Resolution(True, name, target.container)
    if container is not None and container.pid is None:
        running = ", ".join(one.name for one in target.containers if one.pid) or "none"
        text = "%s: its container %s does not run, and its files cannot be read; those that run: %s"
        return dataclasses.replace(made, problem=text % (target.title, container.name, running))
    try:
        with _entered(target) as spaces:
            try:
                return _inside(spaces, made, versions, timeout)
            except TargetError as error:
                return dataclasses.replace(made, problem="%s: %s" % (target.title, error))
    except TargetError as error:  # it has gone since it was found
        return dataclasses.replace(made, found=False, problem=str(error))


@contextlib.contextmanager
def _entered(target: Target) -> Iterator[Namespaces]:
    """Hold a target's network namespace and the root folder of its container."""
    spaces = open_namespaces(target, ("net", "mount"))
    try:
        yield spaces
    finally:
        for descriptor in (*spaces.files.values(), spaces.root):
            os.close(descriptor)


def _inside(spaces: Namespaces, made: Resolution, versions: Sequence[int], timeout: int | None) -> Resolution:
    """Look where glibc looks: the name itself, the hosts file, the servers. Raises TargetError for unreadable files."""
    name = made.name
    if read_address(name):
        wanted = version(name) in versions
        problem = None if wanted else "%s is no address of IPv%d" % (name, versions[0])
        return dataclasses.replace(made, addresses=(name,) if wanted else (), problem=problem)
    known = read_hosts(read_inside(spaces.root, _HOSTS, _MOST_HOSTS) or "", name, versions)
    if known:
        return dataclasses.replace(made, addresses=known, hosts_file=True)
    text = read_inside(spaces.root, _RESOLV_CONF, _MOST_CONFIG)
    if text is None:
        raise TargetError("it has no %s, which would tell whom to ask" % _RESOLV_CONF)
    config = read_config(text)
    if timeout is not None:
        config = config._replace(timeout=timeout)
    course = follow(name, versions, config, _Asking(spaces.files["net"], config))
    problem = course.problem
    if problem is not None and not named_servers(text):
        why = "%s names no server of DNS, and so %s was asked, as by glibc; %s"
        problem = why % (_RESOLV_CONF, config.servers[0], problem)
    return dataclasses.replace(
        made,
        canonical=course.canonical,
        addresses=course.addresses,
        servers=config.servers,
        search=config.search,
        ndots=config.ndots,
        questions=course.questions,
        problem=problem,
    )


class _Asking:
    """Asks until the time for all questions is over."""

    def __init__(self, namespace: int, config: Config) -> None:
        self._namespace = namespace
        self._seconds = config.timeout
        self._until = time.monotonic() + MOST_SECONDS

    def __call__(self, server: str, name: str, types: Sequence[str]) -> tuple[Reply, ...]:
        """Return what came back, nothing where there is no time left."""
        if time.monotonic() >= self._until:
            return ()
        return dns_sockets.ask(self._namespace, server, name, types, self._seconds, self._until)
