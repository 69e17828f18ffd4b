# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A trace's files on the controller. PRIVATE to the collection."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from ...module_utils._errors import FileError, OptionError
from .._cluster.snapshot import resolve_path
from .result import read_result

NAME = "trace.json"


def write_trace(folder: str, result: Mapping[str, Any]) -> str:
    """Write a result below a folder, in one of the trace's name, and return the file's path; raise FileError.

    The file takes the place of an older one at once, and nobody but its owner can read it.
    """
    own = os.path.join(folder, str(result["id"]))
    path = os.path.join(own, NAME)
    try:
        os.makedirs(own, 0o700, exist_ok=True)
        with open(os.open(path + ".part", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(result, file, indent=1)
            file.write("\n")
        os.replace(path + ".part", path)
    except OSError as error:
        raise FileError("trace_dest: %s cannot be written: %s" % (path, error.strerror)) from None
    return path


def read_stored(given: str | None, started_in: str) -> dict[str, Any]:
    """Return what the option ``trace_from`` names; raise PcapError that names the option."""
    if not given:
        raise OptionError("trace_from", "nothing is named", "write a file trace.json, or a trace's folder")
    try:
        return read_trace(given, started_in)
    except FileError as error:
        raise FileError("trace_from: %s" % error) from None


def read_trace(given: str, started_in: str) -> dict[str, Any]:
    """Return the result in a file, or in a trace's folder, as it was stored; raise FileError that names the file."""
    path = resolve_path(given, started_in)
    if os.path.isdir(path):
        path = os.path.join(path, NAME)
    try:
        with open(path, encoding="utf-8") as file:
            stored: dict[str, Any] = json.load(file)
    except OSError as error:
        raise FileError("%s cannot be read: %s" % (path, error.strerror)) from None
    except (ValueError, RecursionError) as error:
        raise FileError("%s is no result of a trace: %s" % (path, error)) from None
    try:
        read_result(stored)
    except FileError as error:
        raise FileError("%s: %s" % (path, error)) from None
    return stored
