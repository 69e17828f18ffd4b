# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a trace is stored: in a folder of the controller, in a bucket, or in both. PRIVATE to the collection.

``options`` are a task's: ``dest``, ``sink``, and those that say who asks a bucket (``_archive.access.OPTIONS``).
``started_in`` is the folder in which relative paths begin.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...module_utils._errors import PcapError
from ...module_utils._sinks import is_bucket
from .._cluster.snapshot import resolve_path
from .bucket import check_sink, get_trace, put_trace
from .files import check_new, read_stored, write_trace


def check_places(options: Mapping[str, Any], id: str | None, started_in: str, environment: Mapping[str, str]) -> None:
    """Raise PcapError where a trace could not be put into its bucket, or one of this name is stored in either."""
    if id is not None and options["dest"]:
        check_new(resolve_path(options["dest"], started_in), id)
    check_sink(options["sink"], id, options, environment)


def store(
    options: Mapping[str, Any], trace: Mapping[str, Any], text: str, started_in: str, environment: Mapping[str, str]
) -> tuple[list[str], list[str]]:
    """Return where the trace is stored now, the folder last, and why it is not where it should be, too.

    text: the same as Markdown.
    """
    places: list[Callable[[], str]] = []
    if options["dest"]:  # first: a bucket may take its time
        places.append(lambda: write_trace(resolve_path(options["dest"], started_in), trace, text))
    if options["sink"]:
        places.append(lambda: put_trace(options["sink"], trace, text, options, environment))
    stored: list[str] = []
    failures: list[str] = []
    for put in places:
        try:
            stored.insert(0, put())
        except PcapError as error:
            failures.append("trace %s: %s" % (trace["id"], error))
    return stored, failures


def read_from(
    given: str | None, options: Mapping[str, Any], started_in: str, environment: Mapping[str, str]
) -> dict[str, Any]:
    """Return the result that ``trace_from`` names: a file, a trace's folder, or what is in a bucket."""
    if given is not None and is_bucket(given):
        return get_trace(given, options, environment)
    return read_stored(given, started_in)
