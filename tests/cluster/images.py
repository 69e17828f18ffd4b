# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images as OCI archives, without a builder: the same files give the same bytes."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import os
import pathlib
import subprocess
import tarfile
from collections.abc import Mapping, Sequence

REGISTRY = "kube-pcap.test"
"""The host in the images' names; nobody is asked for them."""
BUSYBOX = pathlib.Path("/bin/busybox")
_OCI = "application/vnd.oci.image."


@dataclasses.dataclass(frozen=True)
class Link:
    """A symbolic link in an image."""

    target: str


Content = bytes | pathlib.Path | Link | None
"""Of a path in an image: None is a folder, text has mode 0644, a file of this machine keeps its mode."""
BASE: dict[str, Content] = {
    **dict.fromkeys(("bin", "dev", "etc", "proc", "root", "sys", "tmp", "var")),
    "etc/passwd": b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n",
    "etc/group": b"root:x:0:\nnobody:x:65534:\n",
}


def _add(tar: tarfile.TarFile, name: str, content: Content, mode: int = 0o644) -> None:
    """Adds one entry with nothing of today in it; None is a folder."""
    info = tarfile.TarInfo(name)
    info.mode, data = mode, b""
    if content is None:
        info.type, info.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
    elif isinstance(content, Link):
        info.type, info.linkname = tarfile.SYMTYPE, content.target
    else:
        data = content if isinstance(content, bytes) else content.read_bytes()
        info.mode = mode if isinstance(content, bytes) else content.stat().st_mode & 0o7777
        info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def layer(files: Mapping[str, Content]) -> bytes:
    """A layer: what it holds by its path in the image. The lowest layer of an image wants ``BASE``, too."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        for name, content in files.items():
            _add(tar, name, content)
    return raw.getvalue()


def tree(folder: pathlib.Path) -> dict[str, Content]:
    """The files and links below a folder of this machine, as ``layer`` takes them."""
    found: dict[str, Content] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            found[str(path.relative_to(folder))] = Link(os.readlink(path))
        elif path.is_file():
            found[str(path.relative_to(folder))] = path
    return found


def image(
    path: pathlib.Path,
    ref: str,
    layers: Sequence[bytes],
    entrypoint: Sequence[str] = (),
    command: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
) -> None:
    """Writes an archive that ``ctr images import`` takes.

    ``ref``: the image's name with its tag. ``layers``: tar files, the lowest first; they are not compressed, since
    nobody carries them anywhere.
    """
    blobs: dict[str, bytes] = {}

    def blob(kind: str, data: bytes) -> dict[str, object]:
        digest = hashlib.sha256(data).hexdigest()
        blobs[digest] = data
        return {"mediaType": _OCI + kind, "digest": "sha256:" + digest, "size": len(data)}

    tars = [blob("layer.v1.tar", data) for data in layers]
    variables = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", **(env or {})}
    config = {
        "architecture": "amd64",
        "os": "linux",
        "created": "2026-01-01T00:00:00Z",
        "config": {
            "Env": ["%s=%s" % pair for pair in variables.items()],
            "Entrypoint": list(entrypoint),
            "Cmd": list(command),
        },
        "rootfs": {"type": "layers", "diff_ids": [tar["digest"] for tar in tars]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": _OCI + "manifest.v1+json",
        "config": blob("config.v1+json", json.dumps(config).encode()),
        "layers": tars,
    }
    names = {"io.containerd.image.name": ref, "org.opencontainers.image.ref.name": ref.rpartition(":")[2]}
    index = {
        "schemaVersion": 2,
        "manifests": [{**blob("manifest.v1+json", json.dumps(manifest).encode()), "annotations": names}],
    }
    _write(path, json.dumps(index).encode(), blobs)


def _write(path: pathlib.Path, index: bytes, blobs: Mapping[str, bytes]) -> None:
    new = path.with_name(path.name + ".new")
    with tarfile.open(new, "w") as tar:
        _add(tar, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        _add(tar, "index.json", index)
        for digest, data in sorted(blobs.items()):
            _add(tar, "blobs/sha256/" + digest, data)
    new.replace(path)


def shell() -> dict[str, Content]:
    """Busybox with a link for each of its programs."""
    applets = subprocess.run([BUSYBOX, "--list"], capture_output=True, text=True, check=True).stdout.split()
    links: dict[str, Content] = {"bin/" + name: Link("busybox") for name in applets}
    return {**links, "bin/busybox": BUSYBOX}


def name(short: str) -> str:
    """The whole name of one of the cluster's own images."""
    return "%s/%s:1" % (REGISTRY, short)


def build(programs: pathlib.Path, folder: pathlib.Path, stamp: str) -> None:
    """Writes the cluster's own images, unless those of that stamp are there."""
    done = folder / "stamp"
    if done.exists() and done.read_text(encoding="utf-8") == stamp:
        return
    done.unlink(missing_ok=True)
    one = {short: [layer({**BASE, short: programs / short})] for short in ("pause", "coredns", "netkit")}
    image(folder / "pause.tar", name("pause"), one["pause"], ["/pause"])
    image(folder / "coredns.tar", name("coredns"), one["coredns"], ["/coredns"])
    image(folder / "distroless.tar", name("distroless"), one["netkit"], ["/netkit"])
    image(
        folder / "netkit.tar",
        name("netkit"),
        [layer({**BASE, **shell(), "bin/netkit": programs / "netkit"})],
        (),
        ["netkit"],
    )
    done.write_text(stamp, encoding="utf-8")
