# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Brings a node's segments to where they are wanted, and has it delete what is safe. PRIVATE to the collection."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from ...module_utils._endings import lacks_manifest
from ...module_utils._errors import PcapError
from ...module_utils._sinks import MANIFEST, manifest_parts, segment_parts
from .._report.text import clean
from .._uploads import Uploads
from .choice import HeldCapture, Place, Segment, Wanted, choose_place, manifest_due, read_captures, waiting
from .fetching import Read
from .stores import Kept, Store

_BATCH = 10
"""So many files the node is told of at a time: what a run that is cut off has to look at again."""
_MOST_FAILURES = 3
"""So many files may fail one after the other, before the rest is not tried."""


class Asked(Protocol):
    """The node: see Node."""

    read: Read
    call: Callable[..., dict[str, Any]]


@dataclasses.dataclass
class Collected:
    """What became of one capture on its node."""

    id: str
    node: str | None
    phase: str
    to: str
    """Where: a folder of the controller, or a bucket."""
    segments: int = 0
    """That are safe now and were not told to the node before."""
    bytes: int = 0
    manifest: bool = False
    """Whether the manifest has come, or there is more of it than before."""
    gone: int = 0
    """Segments that the node shipped or gave up meanwhile."""
    left: int = 0
    """Segments that lie on the node."""
    settled: bool = False
    """Whether no segment will come any more."""
    problems: list[str] = dataclasses.field(default_factory=list)
    """Why something could not be collected."""


@dataclasses.dataclass(frozen=True)
class Collector:
    """Collects the captures of one node."""

    wanted: Wanted
    node: Asked
    store: Callable[[Place], Store]
    uploads: Uploads

    def run(self, check_mode: bool) -> dict[str, Any]:
        """Return the task's result; raise NodeError where the node cannot tell of its captures."""
        captures, changed, notes = self._refresh(check_mode)
        takes_time = any(waiting(one) for one in captures)
        told = [self._look(one) if check_mode else self._collect(one, takes_time) for one in captures]
        problems = ["capture %s: %s" % (one.id, problem) for one in told for problem in one.problems]
        result = {
            "changed": changed or any(one.segments or one.manifest for one in told),
            "captures": [dataclasses.asdict(one) for one in told],
        }
        if problems or notes:
            result["msg"] = clean("; ".join([*problems, *notes]))
        return {**result, "failed": True} if problems else result

    def _refresh(self, check_mode: bool) -> tuple[tuple[HeldCapture, ...], bool, list[str]]:
        """Have dead recorders run again, and look after what the node uploads itself; return captures, and words."""
        told = self._ask(self.wanted.id)
        changed, notes = told["changed"], [told["msg"]] if told.get("msg") else []
        try:
            more = {} if check_mode else self.uploads.for_node(told.get("uploads", ()), self.wanted.node)
            if more:
                told = self._ask(self.wanted.id, **more)
                changed = told["changed"] or changed
        except PcapError as error:  # what is here is collected all the same
            notes.append("what the node uploads itself was not looked after: %s" % error)
        return read_captures(told, self.wanted.node), changed, [*notes, *self.uploads.problems]

    def _ask(self, id: str, segments: bool = True, **more: object) -> dict[str, Any]:
        """Have captures refreshed, and told."""
        asked = {"state": "refreshed", "id": id, "spool": self.wanted.spool, "segments": segments}
        return self.node.call("capture", **asked, **more)

    def _read(self, id: str) -> dict[str, Any]:
        """Have captures told."""
        return self.node.call("capture_info", id=id, spool=self.wanted.spool, segments=True)

    def _look(self, capture: HeldCapture) -> Collected:
        """Tell what would be collected."""
        collected = self._begin(capture, choose_place(self.wanted, capture.sink))
        collected.segments = collected.left = len(waiting(capture))
        collected.bytes = sum(one.bytes for one in waiting(capture))
        return collected

    def _begin(self, capture: HeldCapture, place: Place) -> Collected:
        made = Collected(capture.id, capture.node, capture.phase, place.title, settled=capture.settled)
        if capture.node is None:
            made.problems.append(capture.reason or "it is damaged")
        return made

    def _collect(self, capture: HeldCapture, takes_time: bool) -> Collected:
        """Collect one; ``takes_time``: what was told of it may be long ago by now."""
        place = choose_place(self.wanted, capture.sink)
        collected = self._begin(capture, place)
        if collected.problems:
            return collected
        collected.left = len(waiting(capture))
        try:
            store = self.store(place)
            now = self._bring_segments(capture, place, store, collected) if takes_time else capture
            if now is None:
                return collected  # it was removed meanwhile
            collected.phase, collected.settled, collected.left = now.phase, now.settled, len(waiting(now))
            if manifest_due(now, place):
                self._bring_manifest(now, place, store, collected)
        except PcapError as error:
            collected.problems.append(str(error))
        return collected

    def _bring_segments(
        self, capture: HeldCapture, place: Place, store: Store, collected: Collected
    ) -> HeldCapture | None:
        """Bring all that wait, tell the node of what is safe, and note what could not be; return how it is then."""
        failures, safe = 0, []
        for one in waiting(capture):
            try:
                kept = store.keep(self.node.read, self._path(capture, "segments", one.file), _parts(capture, one), one)
            except PcapError as error:
                collected.problems.append(str(error))
                failures += 1
                if failures == _MOST_FAILURES:
                    break
                continue
            failures = 0
            if kept is None:
                collected.gone += 1
                continue
            collected.segments, collected.bytes = collected.segments + 1, collected.bytes + one.bytes
            safe.append(_told(one.file, place, kept))
            if len(safe) == _BATCH:
                self._confirm(capture, safe)
                safe = []
        told = self._confirm(capture, safe, segments=True) if safe else self._read(capture.id)
        return next((one for one in read_captures(told, self.wanted.node) if one.id == capture.id), None)

    def _bring_manifest(self, capture: HeldCapture, place: Place, store: Store, collected: Collected) -> None:
        parts = manifest_parts(capture.id, str(capture.node))
        kept = store.keep_manifest(self.node.read, self._path(capture, MANIFEST), parts, capture.settled)
        collected.manifest = kept is not None and kept.new
        waits = capture.phase == "draining" or lacks_manifest(capture.reason)  # for nothing else
        if kept is not None and capture.sink == place.sink and waits:
            self._confirm(capture, [_told(MANIFEST, place, kept)])

    def _confirm(
        self, capture: HeldCapture, files: Sequence[Mapping[str, Any]], segments: bool = False
    ) -> dict[str, Any]:
        """Have the node write down where files are, and delete them."""
        return self._ask(capture.id, segments, confirmed={capture.id: list(files)})

    def _path(self, capture: HeldCapture, *parts: str) -> str:
        return os.path.join(self.wanted.spool, capture.id, *parts)


def _parts(capture: HeldCapture, segment: Segment) -> list[str]:
    return segment_parts(capture.id, str(capture.node), segment.target, segment.file)


def _told(file: str, place: Place, kept: Kept) -> dict[str, Any]:
    """Return what the node is told of a file that is safe."""
    versions = {"generation": kept.generation, "crc32c": kept.crc32c}
    return {"file": file, "sink": place.sink, "object": kept.object, **versions}
