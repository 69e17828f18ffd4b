# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the API server knows of what is selected. PRIVATE to the collection.

It asks what ``requests`` says, and hands the objects to the code that reads a snapshot.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gc
from collections.abc import Iterator, Sequence

from ...module_utils._matching import matches
from ...module_utils._records import Candidate, Selection
from ...module_utils._selection import WORKLOADS
from .client import Client
from .objects import Piece, join, read
from .requests import EVERY_NODE, EVERY_SERVICE, Request, everything, finished, first, nearby, slices, then
from .services import AddressPort, Service, services
from .trouble import ApiError, Unreachable


@dataclasses.dataclass(frozen=True)
class Found:
    """What was found out."""

    candidates: tuple[Candidate, ...]
    services: tuple[Service, ...] = ()
    """Those that were asked about."""
    problems: tuple[ApiError, ...] = ()
    """Why a part of what is selected is not known, each reason once."""
    gaps: tuple[ApiError, ...] = ()
    """Why something beside it is not known, where everything was asked for."""
    cut: bool = False
    """Whether there may be more nearby than was asked for."""


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Have Python's search for cycles wait: among millions of objects without any it takes half of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@uncollected()
def find(
    client: Client, selections: Sequence[Selection] | None, every_node: bool = False, asked: Sequence[AddressPort] = ()
) -> Found:
    """Return what selections match, and what exists nearby where one matches nothing; None selects everything.

    every_node: all nodes too, where that right is there, else none. asked: the Services to which these lead, too, or a
    gap. Where another right is missing, or nobody answers, the rest is returned with the reason.
    """
    asking = _Asking(client)
    if selections is None:
        pods, *beside = everything()
        asking.ask(pods)
        for request in beside:
            asking.ask(request, needed=False)
        return asking.found()
    if every_node:
        asking.ask(EVERY_NODE, needed=False)
    for selection in selections:
        asking.look_for(selection)
    beyond = asking.look_behind(asked) if asked else ()
    # What owns a pod that is no selected workload's, or no selected service's, was not asked for.
    owned = any(selection.kind in ("service", *WORKLOADS) for selection in selections)
    found = asking.found(owned)
    unmatched = [s for s in selections if not any(matches(s, one) for one in found.candidates)]
    cut = False
    if unmatched and not found.problems:
        for selection in unmatched:
            cut = asking.look_near(selection) or cut
        found = asking.found(owned)
    known = found.candidates
    if every_node and not asking.has_every_node:  # of some nodes alone nobody can tell that a host is none
        known = tuple(one for one in known if one.target.kind != "node")
    return dataclasses.replace(found, candidates=known, gaps=tuple(beyond), cut=cut)


class _Asking:
    """Asks each request once, and keeps each object once."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._answers: dict[Request, Sequence[Piece]] = {}
        self._problems: dict[str, ApiError] = {}
        self._gaps: dict[str, ApiError] = {}
        self._silent: Unreachable | None = None

    @property
    def has_every_node(self) -> bool:
        """Whether all nodes are known."""
        return EVERY_NODE in self._answers

    def found(self, whole: bool = False) -> Found:
        """Return all of it as candidates; ``whole``: whose they are is decided by it, where nothing went wrong."""
        pieces = {piece.key: piece for answer in self._answers.values() for piece in answer}
        known = join(tuple(pieces.values()), whole and not self._problems)
        told = services(pieces.values())
        return Found(known, told, tuple(self._problems.values()), tuple(self._gaps.values()))

    def look_for(self, selection: Selection) -> None:
        """Ask for what a selection matches."""
        if selection.kind in ("node", "nodes") and self.has_every_node:
            return
        self._requests(selection)

    def look_near(self, selection: Selection) -> bool:
        """Ask for what exists, and say whether there may be more; what of it is not known is no problem of its own."""
        cut = False
        for request in finished(self._requests(selection)):
            cut = len(self.ask(request, needed=False)) == request.most or cut
        if any(matches(selection, one) for one in self.found().candidates):
            return cut
        for step in nearby(selection):
            answers = [(request, self.ask(request, needed=False)) for request in step]
            cut = cut or any(len(found) == request.most for request, found in answers)
            if any(piece.target for _request, found in answers for piece in found):
                break
        return cut

    def look_behind(self, asked: Sequence[AddressPort]) -> Sequence[ApiError]:
        """Ask for the Services to which addresses and ports lead, and what is behind them; return what is not known."""
        before = set(self._gaps)
        self.ask(EVERY_SERVICE, needed=False)
        told = services(self._answers.get(EVERY_SERVICE, ()))
        leading = [one for one in told if any(map(one.reached, asked))]
        if EVERY_SERVICE in self._answers:  # the others are nobody's concern
            kept = {("Service", one.namespace, one.name) for one in leading}
            self._answers[EVERY_SERVICE] = [one for one in self._answers[EVERY_SERVICE] if one.key in kept]
        for one in leading:
            self.ask(slices(one.namespace, one.name), needed=False)
        return [error for text, error in self._gaps.items() if text not in before]

    def _requests(self, selection: Selection) -> Sequence[Request]:
        """Ask for what a selection matches, what was asked before not again, and return what was asked for."""
        beginning = first(selection)
        objects = [piece.rest for request in beginning for piece in self.ask(request) if piece.target is None]
        rest = then(selection, objects)
        for request in rest:
            self.ask(request)
        return (*beginning, *rest)

    def ask(self, request: Request, needed: bool = True) -> Sequence[Piece]:
        """Return the objects of a request, none where there is a problem, or a gap where it is not needed."""
        try:
            if self._silent:
                raise self._silent
            if request not in self._answers:
                self._answers[request] = self._asked(request)
            return self._answers[request]
        except ApiError as error:
            if isinstance(error, Unreachable):
                self._silent = error
            (self._problems if needed else self._gaps).setdefault(str(error), error)
            return ()

    def _asked(self, request: Request) -> Sequence[Piece]:
        if request.name is not None:
            item = self._client.get(request.path)
            return () if item is None else (read(item),)
        found = self._client.list(
            request.path, request.label_selector, request.field_selector, fresh=request.fresh, most=request.most
        )
        return tuple(read(item) for item in found)
