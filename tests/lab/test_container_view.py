# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a container that sees the node's processes, such as an agent pod's, a node looks as it does from itself."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest

from tests.lab.ansible_run import Ansible
from tests.lab.lab import Lab

PYTHON = "/usr/local/bin/container-python"
CONTAINER = """\
#!/bin/sh
while IFS=: read -r number names path; do
    names=${names#name=}
    echo $$ > "/sys/fs/cgroup/${names:-unified}$path/cgroup.procs"
done < /proc/%d/cgroup
exec unshare --cgroup --mount sh -c '
    head -n 1 /proc/%d/cgroup > /tmp/container-group
    mount -t tmpfs none /var/log && mount -t tmpfs none /run && exec python3 "$@"' sh "$@"
"""


@pytest.fixture
def container(lab: Lab) -> Iterator[pathlib.Path]:
    """A Python that runs in the control groups of a pod, as their namespace shows them, without the node's files."""
    file = lab.node("node-a").root / PYTHON[1:]
    pid = lab.pod("shop", "cart").node_pids()[0]
    file.write_text(CONTAINER % (pid, pid))
    file.chmod(0o755)
    yield file.parents[3] / "tmp/container-group"
    file.unlink()


def test_a_node_looks_the_same(ansible: Ansible, container: pathlib.Path) -> None:
    """Names come from the node's files, and pods from control groups, whose paths say nothing in the container's."""
    seen = []
    for python in ({}, {"ansible_python_interpreter": PYTHON}):
        run = ansible.adhoc("node-a", "kube.pcap.node_pods_info", extra_vars=python)
        assert run.rc == 0, run.stdout + run.stderr
        seen.append({key: run.of("node_pods_info")["node-a"][key] for key in ("node", "pods", "default_interface")})
    assert container.read_text().endswith(":/\n")
    assert seen[0] == seen[1] and "cart" in [pod["name"] for pod in seen[0]["pods"]]
