# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a process's control group of version 2 is found."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._node.socket_programs import Mount, folders, mounts

ALONE = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
BOTH = (
    "31 23 0:27 / /sys/fs/cgroup/systemd rw,nosuid - cgroup cgroup rw,xattr,name=systemd\n"
    "32 23 0:28 / /sys/fs/cgroup/unified rw,nosuid - cgroup2 cgroup2 rw\n"
)
CILIUMS = "40 23 0:28 / /run/cilium/a\\040b rw shared:9 master:1 - cgroup2 none rw\n"


@pytest.mark.parametrize(
    "text, found",
    [
        (ALONE, [Mount("/", "/sys/fs/cgroup")]),
        (BOTH + CILIUMS, [Mount("/", "/sys/fs/cgroup/unified"), Mount("/", "/run/cilium/a b")]),
        (BOTH.splitlines()[0], []),
        ("", []),
    ],
)
def test_mounts(text, found):
    """Those of version 2 alone, by their paths as they are."""
    assert mounts(text) == found


@pytest.mark.parametrize(
    "cgroup, mounted, found",
    [
        ("0::/kubepods/podx\n", [Mount("/", "/sys/fs/cgroup")], ["/sys/fs/cgroup/kubepods/podx"]),
        ("9:name=systemd:/a\n0::/\n", [Mount("/", "/u"), Mount("/", "/v")], ["/u", "/v"]),
        ("0::/kubepods/podx\n", [Mount("/kubepods", "/sys/fs/cgroup")], ["/sys/fs/cgroup/podx"]),
        ("0::/kubepods\n", [Mount("/kubepods/podx", "/sys/fs/cgroup")], []),
        ("0::/../../podx\n", [Mount("/", "/sys/fs/cgroup")], []),
        ("0::/podx\n", [Mount("/../..", "/sys/fs/cgroup")], []),
        ("0::/podx\n", [], []),
        ("4:memory:/podx\n", [Mount("/", "/sys/fs/cgroup")], []),
        ("", [Mount("/", "/sys/fs/cgroup")], []),
    ],
)
def test_folders(cgroup, mounted, found):
    """The process's own group below each mount; nothing where that is another's, or not below any."""
    assert folders(cgroup, mounted) == found
