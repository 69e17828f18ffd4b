# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cluster as one file, for when its API is down. PRIVATE to the collection.

    kubectl get nodes,pods,services,endpointslices,deployments,replicasets,statefulsets,daemonsets,jobs \
        -A -o json > snapshot.json
"""

from __future__ import annotations

import gzip
import json
import os
import zlib
from typing import Any

from ...module_utils._errors import FileError
from ...module_utils._records import Candidate
from .objects import flatten, join, read
from .services import Service, services

_GZIP = b"\x1f\x8b"


def read_snapshot(path: str) -> tuple[tuple[Candidate, ...], tuple[Service, ...]]:
    """Return the nodes and pods of a snapshot, and its Services; raise FileError that names the file."""
    pieces = [read(item) for item in read_objects(path)]
    found = join(pieces)
    if not any(candidate.target.kind == "pod" for candidate in found):
        raise _refused(path, "has no pods")
    return found, services(pieces)


def read_objects(path: str) -> list[dict[str, Any]]:
    """Return the objects of a snapshot, which may be compressed by gzip; raise FileError that names the file."""
    try:
        with open(path, "rb") as file:
            data = file.read()
        plain = gzip.decompress(data) if data.startswith(_GZIP) else data
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise _refused(path, "cannot be read: %s" % reason) from error
    if not plain.strip():
        raise _refused(path, "is empty")
    try:
        return list(flatten(_loads(plain)))
    except ValueError as error:
        raise _refused(path, "is not what kubectl get -o json writes: %s" % error) from error


def resolve_path(path: str, started_in: str) -> str:
    """Return a path that is relative to where ansible-playbook was started."""
    return os.path.normpath(os.path.join(started_in, os.path.expanduser(path)))


def _refused(path: str, wrong: str) -> FileError:
    option, right = (
        "snapshot (in a playbook capture_snapshot or exec_snapshot)",
        "write it with kubectl get nodes,pods,... -A -o json",
    )
    return FileError("%s: the snapshot %s %s; %s" % (option, path, wrong, right))


def _loads(data: bytes) -> Any:
    try:
        return json.loads(data)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
