# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lines of /proc (proc(5))."""

from __future__ import annotations

import os

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._node import proc

STAT = "4711 (a) b (c) S 1 4711 4711 0 -1 4194560 107 0 0 0 0 0 0 0 20 0 1 0 8612 2703360 223 184467440737\n"


@pytest.mark.parametrize(
    "text, found",
    [
        (STAT, proc.Stat("a) b (c", "S", 8612, 1)),
        ("1 (x) Z 0", None),
        ("", None),
        ("no brackets", None),
    ],
)
def test_stat(text, found):
    """A comm may hold spaces and brackets; a cut line is none."""
    assert proc.parse_stat(text) == found


@pytest.mark.parametrize(
    "link, inode", [("net:[4026531840]", 4026531840), ("net:[]", None), ("/some/path", None), ("", None)]
)
def test_namespace(link, inode):
    """A namespace's link holds its inode."""
    assert proc.parse_namespace(link) == inode


def test_own_process():
    """The readers read this very process."""
    pid = os.getpid()
    assert pid in list(proc.read_pids("/proc"))
    assert proc.read_netns("/proc", pid) == os.stat("/proc/self/ns/net").st_ino
    assert proc.read_stat("/proc", pid).start_time > 0 and proc.read_cmdline("/proc", pid)


def test_no_process():
    """A process that has ended answers nothing, and no reader fails."""
    gone = 1 << 23
    assert proc.read_stat("/proc", gone) is None and proc.read_netns("/proc", gone) is None
    assert proc.read_cmdline("/proc", gone) == [] and proc.read_cgroup("/proc", gone) == ""


def test_the_nodes_own_paths():
    """Where nothing stands before them, the kernel follows the links."""
    assert proc.Roots().at("/var/../run") == "/var/../run" and proc.node_roots().proc == "/proc"


@pytest.mark.parametrize(
    "path, place",
    [
        ("/var/log/pods", "/var/log/pods"),
        ("/var/run/x.sock", "/run/x.sock"),
        ("/logs/pods", "/var/log/pods"),
        ("/beside/deep", "/var/deep"),
        ("/above", "/var"),
        ("/gone/x", "/nowhere/x"),
    ],
)
def test_paths_below_another_root(tmp_path, path, place):
    """A link stays below the root that it is seen from, wherever it begins."""
    (tmp_path / "var/log").mkdir(parents=True)
    for name, target in {
        "var/run": "/run",
        "logs": "/var/log",
        "beside": "var",
        "above": "../../../var",
        "gone": "/nowhere",
    }.items():
        (tmp_path / name).symlink_to(target)
    assert proc.Roots(top=str(tmp_path)).at(path) == str(tmp_path) + place


def test_links_without_an_end(tmp_path):
    """A link to itself is not followed for ever."""
    (tmp_path / "loop").symlink_to("/loop")
    assert proc.Roots(top=str(tmp_path)).at("/loop/x") == str(tmp_path / "loop")
