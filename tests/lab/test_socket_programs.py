# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A lone SYN to a Service where programs meet what sockets connect to, over the real kernel."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import NodeError
from ansible_collections.kube.pcap.plugins.module_utils._node import injecting, socket_programs
from ansible_collections.kube.pcap.plugins.module_utils._records import Target, to_result
from ansible_collections.kube.pcap.plugins.module_utils._trace_records import Mark, NodeInjection, Probe
from ansible_collections.kube.pcap.plugins.plugin_utils._trace import craft
from tests.lab.programs import connecting
from tests.nodes import cgroups

LOCAL = {4: "127.0.0.1", 6: "::1"}
REFUSED = (
    "node node-a: programs are attached to what its sockets connect to, as load balancers of sockets are, and a lone"
    " SYN to a Service, which no socket has made, passes them by; send a connection, or a lone SYN to a pod behind the"
    " Service"
)


@pytest.fixture
def group(target: Target) -> Iterator[pathlib.Path]:
    """The target's own control group, below another, whose programs it has, too."""
    hierarchies = [one for one in cgroups.read_hierarchies() if one.version == 2]
    name = "kube-pcap-test-%d" % os.getpid()
    (procs,) = cgroups.make(hierarchies, name + "/inner")
    home = procs.parent.parent.parent / "cgroup.procs"
    try:
        procs.write_text(str(target.pid), encoding="ascii")
        yield procs.parent
    finally:
        home.write_text(str(target.pid), encoding="ascii")
        procs.parent.rmdir()
        procs.parent.parent.rmdir()


def record(target: Target, version: int, translated: bool = True) -> dict[str, Any]:
    """A lone SYN."""
    mark = Mark(1, "tcp", version, sequence=0x6B707063, source_ports=(20001,), ports=(80,))
    packet = craft.syn(LOCAL[version], LOCAL[version], mark).hex()
    asked = NodeInjection("t", target, (Probe(1, "syn", LOCAL[version], payload=packet),), timeout_ms=1500)
    return {**to_result(asked), "translated": translated}


@pytest.mark.parametrize("above", [False, True])
@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("check_mode", [False, True])
def test_a_load_balancer_of_sockets(
    target: Target, group: pathlib.Path, version: int, above: bool, check_mode: bool
) -> None:
    """It is refused before anything is sent, by the programs of its own IP version, also of groups above."""
    other = 10 - version
    with connecting(group.parent if above else group, version):
        with pytest.raises(NodeError) as caught:
            injecting.run({"record": record(target, version)}, check_mode)
        assert str(caught.value) == REFUSED
        for taken in (record(target, version, translated=False), record(target, other)):
            told = injecting.run({"record": taken}, check_mode)
            assert [one["error"] for one in told["sent"]] == [None if check_mode else "ECONNREFUSED"]
            assert "warnings" not in told
    assert "warnings" not in injecting.run({"record": record(target, version)}, check_mode)


def test_what_is_not_known(target: Target, group: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is sent, and warned of: a machine whose number of bpf(2) is not known does not tell."""
    monkeypatch.setattr(socket_programs.bpf, "_NUMBERS", {})
    with connecting(group, 4):
        told = injecting.run({"record": record(target, 4)}, False)
    assert told["warnings"] == [
        "it is not known whether a load balancer of sockets serves node node-a (ENOSYS); where one does, a lone SYN to"
        " a Service tells nothing"
    ]
    assert [one["error"] for one in told["sent"]] == ["ECONNREFUSED"]
