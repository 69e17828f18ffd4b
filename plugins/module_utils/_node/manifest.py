# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The manifest of one capture: what happened, line by line. PRIVATE to the collection."""

from __future__ import annotations

import json
import os
from typing import Any, Iterator, Mapping

from .._records import to_result
from .._sinks import MANIFEST
from . import disk
from .spool import Spool


class Manifest:
    """``manifest.jsonl``, opened for appending by the one supervisor."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._file = open(spool.path(MANIFEST), "ab", buffering=0)
        disk.sync_folder(spool.folder)

    def append(self, event: Mapping[str, Any], sync: bool = True) -> None:
        """Append one line, and have it on disk where ``sync``; where that fails, none of it is there."""
        line = json.dumps(to_result(event), sort_keys=True, separators=(",", ":")).encode() + b"\n"
        self._spool.with_room(lambda: self._write(line, sync))

    def _write(self, line: bytes, sync: bool) -> None:
        """Write a line whole or not at all: its caller may do everything again."""
        end, data = os.fstat(self._file.fileno()).st_size, line
        if end and not _ends_with_newline(self._file.name):
            data = b"\n" + line  # a line that was cut by a crash stays a line of its own
        try:
            while data:
                data = data[self._file.write(data) :]
            if sync:
                os.fsync(self._file.fileno())
        except OSError:
            os.ftruncate(self._file.fileno(), end)
            raise

    def flush(self) -> None:
        """Have all lines on disk."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_manifest(path: str) -> Iterator[dict[str, Any]]:
    """Yield the manifest's lines; a line that was cut by a crash is passed over."""
    try:
        file = open(path, "rb")
    except FileNotFoundError:
        return
    with file:
        for line in file:
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if isinstance(event, dict):
                yield event


def _ends_with_newline(path: str) -> bool:
    with open(path, "rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
