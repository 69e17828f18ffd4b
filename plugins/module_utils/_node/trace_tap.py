# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One tap of a trace: tcpdumps in a network namespace, and the interfaces there. PRIVATE to the collection."""

from __future__ import annotations

import dataclasses
import os
import time
from typing import Sequence

from .._errors import NodeError, PcapError
from .._records import Target, TargetRef
from .._trace_records import Interface, NodeTap
from . import netns, surroundings, trunks
from .links import Link
from .trace_tcpdump import TraceTcpdump, Written


@dataclasses.dataclass(frozen=True)
class Framed:
    """What was written of one trunk's frames."""

    ifindex: int
    name: str
    leaving: bool
    """Whether it is of what leaves with a tag in it."""
    written: Written


@dataclasses.dataclass(frozen=True)
class Watched:
    """What the supervisor tells of a tap that has ended."""

    target: TargetRef
    netns: int
    interfaces: tuple[Interface, ...]
    changed: tuple[str, ...]
    written: Written
    """On ``any``."""
    problem: str | None
    """Of what is neither on ``any`` nor of frames."""
    frames: tuple[Framed, ...] = ()


class Scene:
    """A network namespace that is to be watched, and its interfaces; whoever made it closes it."""

    def __init__(self, target: Target) -> None:
        self.target = target
        namespace = netns.open_target(target)
        try:
            with netns.inside(namespace):
                self.surroundings = surroundings.Surroundings()
        finally:
            os.close(namespace)
        try:
            self.before = self.surroundings.read()
            self.trunks = self.surroundings.trunks()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the namespace."""
        self.surroundings.close()


class TraceTap:
    """tcpdumps that were started; they have settled once ``settled`` is true and have ended once ``ended`` is."""

    def __init__(
        self, number: int, scene: Scene, folder: str, asked: NodeTap, most_bytes: int, watched_trunks: int
    ) -> None:
        """``folder``: is made. ``most_bytes``: what a file may have. ``watched_trunks``: of those that there are."""
        self._scene, self._number, self._folder, self._most_bytes = scene, number, folder, most_bytes
        self._any = TraceTcpdump(number, scene.target, folder, asked.filter, most_bytes)
        self._frames: list[tuple[Link, bool, TraceTcpdump]] = []
        untold = trunks.left_out([link.name for link in scene.trunks[watched_trunks:]])
        self._problems = [] if untold is None else [untold]
        for link in scene.trunks[:watched_trunks]:
            self._start_frames(link, False, asked.filter)
            if asked.tagged_filter:
                self._start_frames(link, True, asked.tagged_filter)

    def _start_frames(self, link: Link, leaving: bool, filter_text: str) -> None:
        folder = os.path.join(self._folder, "%d-%s" % (link.index, "leaving" if leaving else "both"))
        # The kernel takes the tag out of what comes in before anybody sees it: with one in it, a frame leaves.
        way, most = "out" if leaving else "", self._most_bytes
        try:
            made = TraceTcpdump(self._number, self._scene.target, folder, filter_text, most, link.name, way)
        except (PcapError, OSError) as error:
            self._problems.append(trunks.doubt(link.name, str(error)))
        else:
            self._frames.append((link, leaving, made))

    @property
    def _all(self) -> list[TraceTcpdump]:
        return [self._any, *(one for _link, _leaving, one in self._frames)]

    @property
    def settled(self) -> bool:
        """Whether each tcpdump listens or has ended."""
        return all(one.listening or one.ended for one in self._all)

    @property
    def ended(self) -> bool:
        """Whether its tcpdumps have ended."""
        return all(one.ended for one in self._all)

    def listen(self) -> None:
        """Take in what tcpdump has said."""
        for one in self._all:
            one.listen()

    @property
    def missing(self) -> str | None:
        """Why it does not listen, in a sentence; None where it does, if only on ``any``."""
        why = self._any.missing
        return None if why is None else "%s: %s" % (self._scene.target.title, why)

    def give_up_late(self) -> None:
        """End those tcpdumps of trunks that do not listen by now: what they would see later would not be all."""
        kept = []
        for link, leaving, one in self._frames:
            if one.missing is None:
                kept.append((link, leaving, one))
            else:
                self._problems.append(trunks.doubt(link.name, one.missing))
                one.kill()
        self._frames = kept

    def end(self, now: float) -> None:
        """Have tcpdump end once every packet up to now is in its file."""
        for one in self._all:
            one.end(now)

    def tick(self, now: float) -> None:
        """Send the signals that are due, and take in what comes of them."""
        for one in self._all:
            one.tick(now)

    def told(self) -> Watched:
        """Return what is known of it, once it has ended."""
        problems, before = list(self._problems), self._scene.before
        after = before
        try:
            after = self._scene.surroundings.read()
        except NodeError as error:
            problems.append(str(error))
        return Watched(
            self._scene.target.ref,
            self._scene.target.netns or 0,
            surroundings.together(before, after),
            surroundings.changed(before, after),
            self._any.told(),
            "; ".join(dict.fromkeys(problems)) or None,
            tuple(Framed(link.index, link.name, leaving, one.told()) for link, leaving, one in self._frames),
        )

    def kill(self) -> None:
        """End its tcpdumps at once."""
        for one in self._all:
            one.kill()


def all_ended(taps: Sequence[TraceTap], patience_seconds: float = 20.0) -> None:
    """End taps together and return when they have; each is killed in the end, so it takes no longer than that."""
    until = time.monotonic() + patience_seconds
    for tap in taps:
        tap.end(time.monotonic())
    while not all(tap.ended for tap in taps) and time.monotonic() < until:
        for tap in taps:
            tap.tick(time.monotonic())
        time.sleep(0.002)
