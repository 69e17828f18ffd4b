# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab and Ansible for tests."""

from __future__ import annotations

import os
import pathlib
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._records import Target
from tests.bucket import scene
from tests.bucket.scene import Bucket
from tests.lab import addresses, turns
from tests.lab.ansible_run import Ansible
from tests.lab.lab import Lab
from tests.lab.playing import Plays
from tests.lab.recording import Record, Recording
from tests.lab.shipped import CREATE_ONLY
from tests.lab.tracing import Traces


def pytest_configure(config: pytest.Config) -> None:
    """With several workers, tests wait for their turn."""
    turns.register(config, Lab.sweep)


def lab_name(prefix: str) -> str:
    """A lab's name that no other test process uses: the prefix and this process's id in base 32."""
    digits, number = "", os.getpid()
    while number:
        digits, number = "0123456789abcdefghijklmnopqrstuv"[number % 32] + digits, number // 32
    return prefix + digits


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """The shop (shop.yml), up for the whole run; labs that killed test processes left behind are removed first."""
    Lab.sweep()
    with Lab.up(lab_name("t"), owner=os.getpid()) as made:
        yield made


@pytest.fixture(scope="session")
def ansible(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Ansible:
    """``ansible.playbook(...)`` and ``ansible.adhoc(...)`` on the lab's nodes."""
    return Ansible(lab.inventory, tmp_path_factory.mktemp("ansible"))


@pytest.fixture
def record(lab: Lab, ansible: Ansible, request: pytest.FixtureRequest) -> Iterator[Record]:
    """Makes recordings that are removed, with nothing left, when the test ends."""
    made: list[Recording] = []

    def make(node: str, **options: Any) -> Recording:
        name = "".join(c if c.isalnum() else "-" for c in request.node.name.lower()).strip("-")[-50:].strip("-")
        made.append(Recording(ansible, lab.node(node), "%s-%d" % (name.replace("--", "-"), len(made)), **options))
        return made[-1]

    yield make
    for one in {(one.node.name, one.spool): one for one in made}.values():
        gone = one.call(id="all", state="absent", force=True)
        assert not gone["failed"], gone["msg"]
    for one in made:
        assert one.tcpdump_pids() == [] and not one.folder.exists()


@pytest.fixture
def bucket(lab: Lab, tmp_path: pathlib.Path) -> Iterator[Bucket]:
    """A bucket that nodes and controller reach, whose signer may only create and read."""
    host = addresses.underlay(lab.state.index, addresses.HOST).v4
    with scene.running(tmp_path, host) as made:
        made.allow(made.account, *CREATE_ONLY)
        yield made


@pytest.fixture
def plays(lab: Lab, ansible: Ansible) -> Iterator[Plays]:
    """The playbooks on the lab."""
    made = Plays(lab, ansible)
    yield made
    made.clean()


@pytest.fixture
def traces(lab: Lab, ansible: Ansible, tmp_path: pathlib.Path) -> Iterator[Traces]:
    """The playbook; nothing of it is left on any node afterwards."""
    yield Traces(ansible, tmp_path, snapshot=str(lab.snapshot))
    for node in lab.nodes:
        assert node.run(["pgrep", "-c", "tcpdump"], check=False).stdout == "0\n"
        assert node.run(["ls", "-A", "/run/kube-pcap/taps"], check=False).stdout == ""


@pytest.fixture
def target() -> Iterator[Target]:
    """A node of its own: a process in a network namespace that has loopback alone, up."""
    process = subprocess.Popen(
        ["unshare", "--net", "sh", "-c", "ip link set lo up && echo up && exec sleep 600"], stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None and process.stdout.readline() == b"up\n"
        inode = os.stat("/proc/%d/ns/net" % process.pid).st_ino
        yield Target("node", name="node-a", node="node-a", pid=process.pid, netns=inode)
    finally:
        process.kill()
        process.wait()
