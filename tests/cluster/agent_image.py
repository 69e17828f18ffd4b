# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The agents' image without a container engine: what its Containerfile installs, as an archive for ``ctr``.

    python -m tests.cluster.agent_image CRICTL ARCHIVE

The Debian packages are downloaded with what they depend on, but for what only configures packages, and unpacked.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Mapping

from ..gate.places import ROOT

NAME = "kube-pcap.local/agent:1"
CONTAINERFILE = ROOT / "roles" / "agent" / "files" / "Containerfile"
BASE = ("base-files", "coreutils", "dash", "grep", "sed", "tar")
"""Of what any image of Debian has: all that is used of it."""
PRUNED = re.compile(
    r"(adduser|cdebconf|debconf|debianutils|dpkg|gcc-12-base|install-info|libdebian-installer4|libelogind0|libnewt.*|"
    r"libpam.*|libaudit.*|libsemanage.*|libsepol.*|libslang2|libtextwrap1|libgdbm.*|mailcap|mime-support|mawk|openssl|"
    r"passwd|perl.*|libperl.*|readline-common)\Z"
)
"""What packages want for being installed, and no program wants at run time."""
LEFT_OUT = re.compile(
    r"\./(usr/share/(doc|man|locale|info|lintian|i18n|bash-completion)|usr/include|etc/(cron|init)\.?d?)(/|\Z)"
)
FILES = {
    "./etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    "./etc/group": "root:x:0:\nnogroup:x:65534:\n",
}
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_AUTHORITIES = re.compile(r"\./usr/share/ca-certificates/.*\.crt\Z")


def packages(containerfile: str) -> list[str]:
    """The Debian packages that a Containerfile installs."""
    (found,) = re.findall(r"--no-install-recommends((?:\s+\\?\s*[a-z0-9.+-]+)+)", containerfile)
    return [word for word in found.split() if word != "\\"]


def closure(wanted: Iterable[str]) -> list[str]:
    """These packages and all that they depend on; of alternatives the first."""
    known: set[str] = set()
    new = set(wanted)
    while new:
        known |= new
        said = subprocess.run(
            ["apt-cache", "depends", *sorted(new)], stdout=subprocess.PIPE, text=True, check=True
        ).stdout
        new = {name for name in _depends(said) if not PRUNED.match(name)} - known
    return sorted(known)


def _depends(said: str) -> Iterable[str]:
    chosen = False
    for line in said.splitlines():
        match = re.match(r" ([ |])(?:Pre)?Depends: ([a-z0-9.+-]+)\Z", line)
        if match:
            if not chosen:
                yield match.group(2)
            chosen = match.group(1) == "|"


def layer(archives: Iterable[pathlib.Path], crictl: pathlib.Path) -> bytes:
    """One layer with the content of these packages."""
    raw, authorities, seen = io.BytesIO(), [], set()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        for archive in archives:
            content = subprocess.run(["dpkg-deb", "--fsys-tarfile", archive], stdout=subprocess.PIPE, check=True).stdout
            with tarfile.open(fileobj=io.BytesIO(content)) as package:
                for member in package:
                    if _AUTHORITIES.match(member.name):
                        authorities.append(package.extractfile(member).read())
                    if member.name not in seen and not LEFT_OUT.match(member.name):
                        seen.add(member.name)
                        tar.addfile(member, package.extractfile(member) if member.isreg() else None)
        for name, text in {**FILES, "./etc/ssl/certs/ca-certificates.crt": b"".join(authorities)}.items():
            _add(tar, name, text if isinstance(text, bytes) else text.encode())
        _add(tar, "./usr/local/bin/crictl", crictl.read_bytes(), 0o755)
    return raw.getvalue()


def _add(tar: tarfile.TarFile, name: str, content: bytes, mode: int = 0o644) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), mode
    tar.addfile(member, io.BytesIO(content))


def write_image(path: pathlib.Path, name: str, raw: bytes) -> None:
    """Write an image of one layer as an OCI archive."""
    blobs: dict[str, bytes] = {}

    def blob(kind: str, content: bytes) -> dict[str, object]:
        digest = hashlib.sha256(content).hexdigest()
        blobs["blobs/sha256/" + digest] = content
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": "sha256:" + digest, "size": len(content)}

    only = blob("layer.v1.tar+gzip", gzip.compress(raw, 1, mtime=0))
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Env": ["PATH=" + PATH]},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(raw).hexdigest()]},
    }
    manifest = {"schemaVersion": 2, "config": blob("config.v1+json", _json(config)), "layers": [only]}
    entry: Mapping[str, object] = {
        **blob("manifest.v1+json", _json(manifest)),
        "annotations": {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name.rpartition(":")[2]},
    }
    with tarfile.open(path, "w") as tar:
        _add(tar, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
        _add(tar, "index.json", _json({"schemaVersion": 2, "manifests": [entry]}))
        for digest, content in sorted(blobs.items()):
            _add(tar, digest, content)


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def build(crictl: pathlib.Path, archive: pathlib.Path) -> None:
    """Make the archive."""
    wanted = closure([*BASE, *packages(CONTAINERFILE.read_text())])
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            ["apt-get", "download", "--quiet", "-o", "APT::Sandbox::User=root", *wanted],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        write_image(archive, NAME, layer(sorted(pathlib.Path(folder).glob("*.deb")), crictl))


if __name__ == "__main__":
    build(*map(pathlib.Path, sys.argv[1:]))
