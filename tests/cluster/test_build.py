# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs are built when they have to be, and images are what a registry would check them against."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile

import pytest

from tests.cluster import build, images
from tests.gate.places import GateError


@pytest.fixture
def made(monkeypatch, tmp_path):
    """A cache that holds nothing, and a list of what was made in it."""
    for name, folder in (("HOME", tmp_path), ("BIN", tmp_path / "bin"), ("_STAMPS", tmp_path / "stamps")):
        folder.mkdir(exist_ok=True)
        monkeypatch.setattr(build, name, folder)
    monkeypatch.setattr(images, "build", lambda *_: None)
    return []


def program(made, version):
    """A program whose making is seen; the version `bad` cannot be made."""

    def make(work, out):
        if version == "bad":
            raise GateError("exit status 1", "warning\nno such module\n")
        made.append(version)
        out.write_text(version + (work / "pause.c").read_text()[:2])
        out.with_name("beside").write_text(version)

    return build.Program("tool", version, make, "pause")


def test_built_once_for_each_version(made, monkeypatch):
    """What is there of this version is left alone; another one takes its place, with what lies beside it."""
    for version in ("1", "1", "2", "2"):
        monkeypatch.setattr(build, "PROGRAMS", (program(made, version),))
        build.build()
        assert [(build.BIN / name).read_text() for name in ("tool", "beside")] == [version + "/*", version]
    assert made == ["1", "2"]
    (build.BIN / "tool").unlink()
    build.build()
    assert made == ["1", "2", "2"]


def test_another_source_is_another_program(made, monkeypatch, tmp_path):
    """A changed source is built again."""
    before = program(made, "1").stamp
    (tmp_path / "pause").mkdir()
    (tmp_path / "pause" / "pause.c").write_text("int main(void) { return 0; }\n")
    monkeypatch.setattr(build, "_SOURCES", tmp_path)
    assert program(made, "1").stamp != before


def test_a_build_that_fails(made, monkeypatch):
    """The reason in one sentence; what was there stays, and is not taken for the new version."""
    monkeypatch.setattr(build, "PROGRAMS", (program(made, "1"),))
    build.build()
    monkeypatch.setattr(build, "PROGRAMS", (program(made, "bad"),))
    with pytest.raises(GateError, match="tool bad could not be built: no such module"):
        build.build()
    assert (build.BIN / "tool").read_text() == "1/*" and not build.PROGRAMS[0].built
    assert sorted(path.name for path in build.HOME.iterdir()) == ["bin", "stamps"]


def test_an_image(tmp_path):
    """The same files give the same bytes; every blob is what its digest says; a layer has links, folders and modes."""
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "tool").write_text("#!/bin/sh\n")
    (tmp_path / "root" / "tool").chmod(0o755)
    (tmp_path / "root" / "alias").symlink_to("tool")
    archives = [tmp_path / "one.tar", tmp_path / "two.tar"]
    for archive in archives:
        layers = [images.layer({**images.BASE, "etc/motd": b"hello\n"}), images.layer(images.tree(tmp_path / "root"))]
        images.image(archive, images.name("test"), layers, ["/tool"], env={"HOME": "/root"})
    assert archives[0].read_bytes() == archives[1].read_bytes()
    with tarfile.open(archives[0]) as tar:
        blobs = {"sha256:" + n.name.rpartition("/")[2]: tar.extractfile(n).read() for n in tar if "blobs" in n.name}
        (entry,) = json.load(tar.extractfile("index.json"))["manifests"]
    assert {"sha256:" + hashlib.sha256(data).hexdigest() for data in blobs.values()} == set(blobs)
    manifest = json.loads(blobs[entry["digest"]])
    config = json.loads(blobs[manifest["config"]["digest"]])
    assert config["rootfs"]["diff_ids"] == [one["digest"] for one in manifest["layers"]]
    assert config["config"]["Entrypoint"] == ["/tool"] and "HOME=/root" in config["config"]["Env"]
    base, tools = (tarfile.open(fileobj=io.BytesIO(blobs[one["digest"]])) for one in manifest["layers"])
    assert base.getmember("tmp").isdir() and base.getmember("tmp").mode == 0o1777
    assert tools.getnames() == ["alias", "tool"] and tools.getmember("alias").linkname == "tool"
    assert tools.getmember("tool").mode == 0o755
