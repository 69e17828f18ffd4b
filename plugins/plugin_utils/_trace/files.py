# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A trace's files on the controller. PRIVATE to the collection."""

from __future__ import annotations

import contextlib
import json
import os
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from ...module_utils._errors import FileError, OptionError, PcapError
from .._cluster.snapshot import resolve_path
from .request import ID
from .result import read_result

NAME, MARKDOWN = "trace.json", "trace.md"
DEST, FROM = "trace_dest", "trace_from"


@contextlib.contextmanager
def named(option: str) -> Iterator[None]:
    """Put an option's name before what is told of its files or bucket; an OptionError has a name."""
    try:
        yield
    except OptionError:
        raise
    except PcapError as error:
        raise FileError("%s: %s" % (option, error)) from None


def taken(where: str, free: str) -> OptionError:
    """Return the refusal of a trace's name under which another is stored; ``free``: what makes room for it."""
    right = "choose another, leave it empty for one that no trace has, or %s" % free
    return OptionError(ID, "a trace of this name is stored in %s already" % where, right)


def check_new(folder: str, id: str) -> None:
    """Raise OptionError where a trace of this name is stored below a folder: nothing is to take its place."""
    own = os.path.join(folder, id)
    if os.path.lexists(os.path.join(own, NAME)):
        raise taken(own, "remove the folder")


def write_trace(folder: str, result: Mapping[str, Any], text: str) -> str:
    """Write a result below a folder, in one of the trace's name, and return the file's path; raise FileError.

    text: the same as Markdown, in a file beside it. Files take the place of older ones at once, and nobody but their
    owner can read them.
    """
    own = os.path.join(folder, str(result["id"]))
    try:
        os.makedirs(own, 0o700, exist_ok=True)
        _write(os.path.join(own, MARKDOWN), text)
        _write(os.path.join(own, NAME), written(result))
    except OSError as error:
        raise FileError("%s: nothing can be written into %s: %s" % (DEST, own, error.strerror)) from None
    return os.path.join(own, NAME)


def written(result: Mapping[str, Any]) -> str:
    """Return a result as it is stored; ``parsed`` reads it."""
    return json.dumps(result, indent=1) + "\n"


def _write(path: str, text: str) -> None:
    part = "%s.%s.part" % (path, uuid.uuid4().hex)
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(part, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(part)
        raise


def read_stored(given: str | None, started_in: str) -> dict[str, Any]:
    """Return what the option ``trace_from`` names; raise PcapError that names the option."""
    if not given:
        raise OptionError(
            FROM, "nothing is named", "write a file trace.json, a trace's folder, or gs://BUCKET/PREFIX/ID"
        )
    with named(FROM):
        return read_trace(given, started_in)


def read_trace(given: str, started_in: str) -> dict[str, Any]:
    """Return the result in a file, or in a trace's folder, as it was stored; raise FileError that names the file."""
    path = resolve_path(given, started_in)
    if os.path.isdir(path):
        path = os.path.join(path, NAME)
    try:
        with open(path, "rb") as file:
            return parsed(path, file.read())
    except OSError as error:
        raise FileError("%s cannot be read: %s" % (path, error.strerror)) from None


def parsed(where: str, content: bytes) -> dict[str, Any]:
    """Return the result that a file or object holds; raise FileError that names it."""
    try:
        stored: dict[str, Any] = json.loads(content.decode())
    except (ValueError, RecursionError) as error:
        raise FileError("%s is no result of a trace: %s" % (where, error)) from None
    try:
        read_result(stored)
    except FileError as error:
        raise FileError("%s: %s" % (where, error)) from None
    return stored
