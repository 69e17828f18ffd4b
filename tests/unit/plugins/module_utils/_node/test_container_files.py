# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files below a container's root, and links that would lead out of it."""

from __future__ import annotations

import os
import pathlib
from typing import Iterator

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import TargetError
from ansible_collections.kube.pcap.plugins.module_utils._node.container_files import read_inside
from ansible_collections.kube.pcap.tests.descriptors import open_now

MOST = 1024


@pytest.fixture
def root(tmp_path: pathlib.Path) -> Iterator[pathlib.Path]:
    """A container's root, beside a file of the node's; no descriptor is left open."""
    (tmp_path / "secret").write_text("the node's")
    made = tmp_path / "root"
    (made / "etc").mkdir(parents=True)
    (made / "run").mkdir()
    (made / "run" / "conf").write_text("the pod's")
    before = open_now()
    yield made
    assert open_now() <= before


def read(root: pathlib.Path, path: str = "/etc/resolv.conf") -> str | None:
    """Reads a file below it."""
    descriptor = os.open(str(root), os.O_RDONLY)
    try:
        return read_inside(descriptor, path, MOST)
    finally:
        os.close(descriptor)


@pytest.mark.parametrize(
    "link, text",
    [
        ("../run/conf", "the pod's"),
        ("/run/conf", "the pod's"),
        ("/run/./../run//conf", "the pod's"),
        ("../../../../../run/conf", "the pod's"),
        ("/etc/second", "the pod's"),
        ("nothing", None),
        ("../../secret", None),
        ("/../secret", None),
        ("{outside}", None),
        ("/way/secret", None),
        ("/self/root{outside}", None),
    ],
)
def test_links(root: pathlib.Path, link: str, text: str | None) -> None:
    """Whatever they say begins at the container's root and stays below it."""
    outside = str(root.parent / "secret")
    (root / "etc" / "second").symlink_to("/etc/../run/conf")
    (root / "way").symlink_to("..")
    (root / "self").symlink_to("/proc/self")
    (root / "etc" / "resolv.conf").symlink_to(link.replace("{outside}", outside))
    assert read(root) == text


def test_links_of_proc() -> None:
    """What is no path there, and would lead anywhere, is taken as the text that it shows."""
    descriptor = os.open("/proc", os.O_RDONLY)
    try:
        assert read_inside(descriptor, "/self/root/etc/passwd", 1 << 20) is None
        assert (read_inside(descriptor, "/self/comm", 64) or "").strip()
    finally:
        os.close(descriptor)


def test_what_is_no_plain_file(root: pathlib.Path) -> None:
    """A folder, a pipe that nobody writes to, a circle of links: each is a sentence, and nothing waits."""
    place = root / "etc" / "resolv.conf"
    place.mkdir()
    with pytest.raises(TargetError, match="its /etc/resolv.conf is no plain file"):
        read(root)
    place.rmdir()
    os.mkfifo(str(place))
    with pytest.raises(TargetError, match="is no plain file"):
        read(root)
    place.unlink()
    place.symlink_to("resolv.conf")
    with pytest.raises(TargetError, match="too many links"):
        read(root)


def test_its_size(root: pathlib.Path) -> None:
    """One that is larger than is read is refused: its beginning would not say what it says."""
    place = root / "etc" / "resolv.conf"
    assert read(root) is None
    place.write_bytes(b"x" * (MOST - 1) + b"\xff")
    assert read(root) == "x" * (MOST - 1) + "\ufffd"
    place.write_bytes(b"x" * (MOST + 1))
    with pytest.raises(TargetError, match="is larger than 1 KiB"):
        read(root)
