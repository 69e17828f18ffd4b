# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""JSON files of a capture that are replaced whole. PRIVATE to the collection."""

from __future__ import annotations

import contextlib
import json
import os
from typing import Any, Mapping

from .._errors import CaptureError
from . import disk


def read(path: str) -> dict[str, Any] | None:
    """Return what a file holds, None where there is none; raise CaptureError where it is damaged."""
    try:
        with open(path, encoding="utf-8") as file:
            values = json.load(file)
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise damaged(path, str(error)) from None
    if not isinstance(values, dict):
        raise damaged(path, "it holds no object")
    return values


def damaged(path: str, why: str) -> CaptureError:
    """Return what to raise of a file that cannot be used."""
    return CaptureError("%s is damaged (%s); remove the capture with state absent and force" % (path, why))


def replace(path: str, values: Mapping[str, Any], sync: bool = True) -> None:
    """Write a JSON file beside ``path`` and rename it there, so that a reader sees the old or the new, whole."""
    part = path + ".part"
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(json.dumps(values))  # json.dump() would write piece by piece
            if sync:
                file.flush()
                os.fsync(file.fileno())
        os.rename(part, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(part)
        raise
    if sync:
        disk.sync_folder(os.path.dirname(path))
