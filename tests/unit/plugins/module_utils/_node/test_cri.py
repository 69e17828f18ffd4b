# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What crictl answers, and how it is asked (row PT-3)."""

from __future__ import annotations

import pathlib
import socket

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._node import cri
from ansible_collections.kube.pcap.plugins.module_utils._node.proc import Roots

from .node_tree import HASH, UID, long_id

FIXTURES = pathlib.Path(__file__).parent / "fixtures" / "crictl"


def test_pods():
    """Sandboxes come with the pod's own labels; static ones say so."""
    ready, old, static, done = cri.parse_pods((FIXTURES / "pods.json").read_text())
    assert (ready.id, ready.uid, ready.namespace, ready.name) == (long_id("sandbox"), UID, "shop", "cart")
    assert ready.ready and not old.ready and not done.ready
    assert ready.labels == {"app": "cart", "tier": "middle"} and ready.created_ns > old.created_ns > 10**18
    assert static.static and static.uid == HASH and not ready.static


def test_containers():
    """Containers come with their names, states and sandboxes."""
    found = cri.parse_containers((FIXTURES / "ps.json").read_text())
    assert [c.name for c in found[:3]] == ["debugger-x7k2p", "app", "app"]
    assert found[0].running and not found[1].running and found[1].sandbox_id == long_id("sandbox")


@pytest.mark.parametrize("text", ["", "[]", '{"items": [1]}', '{"items": {}}', "null", "FATA[0002] connect: refused"])
def test_no_answer(text):
    """Anything else is refused."""
    with pytest.raises(ValueError):
        cri.parse_pods(text)


def test_empty_answer():
    """A runtime without pods leaves the list out or empty."""
    assert cri.parse_pods("{}") == cri.parse_pods('{"items": []}') == ()


@pytest.mark.parametrize(
    "text, endpoint",
    [
        ("runtime-endpoint: unix:///run/crio/crio.sock\nimage-endpoint: x\n", "unix:///run/crio/crio.sock"),
        ('timeout: 2\nruntime-endpoint: "unix:///a b"\n', "unix:///a"),
        ("# runtime-endpoint: unix:///no\n", None),
        ('runtime-endpoint: ""\n', None),
        ("", None),
    ],
)
def test_config(text, endpoint):
    """crictl's own setting is read where there is one."""
    assert cri.parse_config(text) == endpoint


def test_endpoint(tmp_path):
    """The first default socket that exists is taken; crictl's own setting goes before, and is a path of the node."""
    roots = Roots(top=str(tmp_path))
    assert cri.find_endpoint(roots) is None and cri.read_cri(roots) is None
    (tmp_path / "run/crio").mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "run/crio/crio.sock"))
        assert cri.find_endpoint(roots) == "unix://%s/run/crio/crio.sock" % tmp_path
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/crictl.yaml").write_text("runtime-endpoint: unix:///own.sock\n")
    assert cri.find_endpoint(roots) == "unix://%s/own.sock" % tmp_path
    (tmp_path / "etc/crictl.yaml").write_text("runtime-endpoint: tcp://127.0.0.1:3735\n")
    assert cri.find_endpoint(roots) == "tcp://127.0.0.1:3735"


def crictl(folder, text):
    """Put a program called crictl there."""
    folder.mkdir(parents=True)
    program = folder / "crictl"
    program.write_text("#!/bin/sh\n" + text)
    program.chmod(0o755)


@pytest.mark.parametrize(
    "text, problem",
    [
        ("exit 3", "it ended with status 3"),
        ("echo WARN >&2; echo 'FATA[0002] connect: permission denied' >&2; exit 1", "connect: permission denied"),
        ('echo \'time="2026-11-21T09:00:00Z" level=fatal msg="no such file"\' >&2; exit 1', "no such file"),
        ("printf 'FATA[0000] a\\033[31m\\tb\\377\\n' >&2; exit 1", "a [31m b?"),
        ("head -c 999 /dev/zero | tr '\\0' x >&2; exit 1", "x" * 197 + "..."),
        ("echo nothing", "Expecting value: line 1 column 1 (char 0)"),
        ("""echo '{"items": 1}'""", "crictl's answer has no list of items"),
    ],
)
def test_runtime_out_of_reach(tmp_path, monkeypatch, text, problem):
    """A crictl that fails or answers nonsense gives no lists, and what it said on one clean line."""
    crictl(tmp_path / "bin", text)
    monkeypatch.setenv("PATH", "%s:/bin:/usr/bin" % (tmp_path / "bin"))
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/crictl.yaml").write_text("runtime-endpoint: unix:///own.sock\n")
    state = cri.read_cri(Roots(top=str(tmp_path)))
    assert state == cri.CriState((), (), problem.replace("?", "\ufffd"))


def test_runtime_is_asked(tmp_path, monkeypatch):
    """Both lists are asked for at the endpoint, in JSON."""
    said = 'echo "$@" >> %s/said; case "$*" in *" pods "*) cat %s/pods.json;; *) cat %s/ps.json;; esac\n'
    crictl(tmp_path / "bin", said % (tmp_path, FIXTURES, FIXTURES))
    monkeypatch.setenv("PATH", "%s:/bin:/usr/bin" % (tmp_path / "bin"))
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/crictl.yaml").write_text("runtime-endpoint: unix:///own.sock\n")
    state = cri.read_cri(Roots(top=str(tmp_path)))
    assert len(state.sandboxes) == 4 and len(state.containers) == 7 and state.problem is None
    first, second = (tmp_path / "said").read_text().splitlines()
    asked = "--runtime-endpoint unix://%s/own.sock --timeout 10s " % tmp_path
    assert first == asked + "pods -o json" and second == asked + "ps -a -o json"
