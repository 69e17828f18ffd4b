# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The agents' image without a container engine: what the Containerfile installs, and what that depends on.

Debian's packages are downloaded and unpacked, but for those that only configure others; crictl is the cluster's.
"""

from __future__ import annotations

import pathlib
import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator

from tests.gate.places import CACHE, ROOT, digest, lock

from . import build, images, versions

CONTAINERFILE = ROOT / "roles" / "agent" / "files" / "Containerfile"
_BASE = ("base-files", "coreutils", "dash")
"""What the Containerfile's base has, and its programs use."""
_PRUNED = re.compile(
    r"(adduser|cdebconf|debconf|debianutils|dpkg|gcc-\d+-base|install-info|libdebian-installer4|libelogind0|libnewt.*|"
    r"libpam.*|libaudit.*|libsemanage.*|libsepol.*|libslang2|libtextwrap1|libgdbm.*|mailcap|mime-support|mawk|openssl|"
    r"passwd|perl.*|libperl.*|readline-common|tar)\Z"
)
_DEPENDS = re.compile(r" ([ |])(?:Pre)?Depends: (\S+)\Z")
_LISTS = pathlib.Path("/var/lib/apt/lists")
_LEFT_OUT = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info", "usr/share/lintian")


def name() -> str:
    """The image's name."""
    return images.name("agent")


def archive() -> pathlib.Path:
    """The image as an archive for ``Cluster.load``, built where it is missing."""
    made = digest(CONTAINERFILE.read_text(), pathlib.Path(__file__).read_text(), versions.CRICTL)
    path = CACHE / "cluster" / ("agent-%s.tar" % made)
    with lock("agent-image"):
        if not path.exists():
            with tempfile.TemporaryDirectory(dir=CACHE) as folder:
                _install(packages(CONTAINERFILE.read_text()), pathlib.Path(folder))
                images.image(path, name(), [_layer(pathlib.Path(folder) / "root")])
    return path


def packages(containerfile: str) -> list[str]:
    """The Debian packages that a Containerfile installs."""
    (found,) = re.findall(r"--no-install-recommends((?:\s+(?:\\\n\s*)?[a-z0-9][a-z0-9.+-]*)+)", containerfile)
    return [word for word in found.split() if word != "\\"]


def closure(wanted: Iterable[str]) -> list[str]:
    """These packages and all that they depend on; of alternatives the first."""
    known: set[str] = set()
    new = set(wanted)
    while new:
        known |= new
        asked = ["apt-cache", "depends", *sorted(new)]
        said = subprocess.run(asked, stdout=subprocess.PIPE, text=True, check=True).stdout
        new = {one for one in depends(said) if not _PRUNED.match(one)} - known
    return sorted(known)


def depends(said: str) -> Iterator[str]:
    """What ``apt-cache depends`` names: ``|`` stands before each alternative but the last; ``<...>`` is no package."""
    chosen = False
    for line in said.splitlines():
        match = _DEPENDS.match(line)
        if match:
            if not chosen and not match.group(2).startswith("<"):
                yield match.group(2)
                chosen = True
            chosen = chosen and match.group(1) == "|"


def _install(wanted: Iterable[str], folder: pathlib.Path) -> None:
    if not any(_LISTS.glob("*_Packages*")):
        subprocess.run(["apt-get", "update", "--quiet", "--quiet"], stdin=subprocess.DEVNULL, check=True)
    fetch = ["apt-get", "download", "--quiet", "--quiet", "-o", "APT::Sandbox::User=root"]
    subprocess.run([*fetch, *closure([*_BASE, *wanted])], cwd=folder, stdin=subprocess.DEVNULL, check=True)
    for package in folder.glob("*.deb"):
        subprocess.run(["dpkg-deb", "--extract", package, folder / "root"], check=True)


def _layer(root: pathlib.Path) -> bytes:
    """The files, with what the packages' scripts would have made of them."""
    kept = {path: one for path, one in images.tree(root).items() if not path.startswith(_LEFT_OUT)}
    authorities = sorted(root.glob("usr/share/ca-certificates/**/*.crt"))
    made: dict[str, images.Content] = {
        "etc/ssl/certs/ca-certificates.crt": b"".join(path.read_bytes() for path in authorities),
        "usr/local/bin/crictl": build.BIN / "crictl",
    }
    return images.layer({**images.BASE, **kept, **made})
