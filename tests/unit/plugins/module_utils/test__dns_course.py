# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whom a resolution asks, in which order, and when it ends; servers are functions here."""

from __future__ import annotations

from typing import Callable, Sequence

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._dns_course import MOST_QUESTIONS, Reply, follow
from ansible_collections.kube.pcap.plugins.module_utils._dns_records import Question
from ansible_collections.kube.pcap.plugins.module_utils._packet.dns import Answer, Record
from ansible_collections.kube.pcap.plugins.module_utils._resolver import Config

CONFIG = Config(("s1", "s2"), ("x", "y"))
ALL = ("web.x", "web.y", "web")
Say = Callable[[str, str, str], "str | None"]
"""(server, name, type) to an address, an rcode, ``CNAME ADDRESS``, or None for silence."""


def reply(server: str, name: str, kind: str, said: str | None) -> Reply:
    """What a server says, as the socket tells it."""
    if said is None:
        return Reply(Question(name, kind, server, 7, error="ETIMEDOUT"))
    if said.isupper():
        answer = Answer(7, True, False, said, name, kind)
    else:
        canonical, _space, address = said.rpartition(" ")
        chain = (Record(name, "CNAME", canonical),) if canonical else ()
        records = (*chain, *([Record(canonical or name, kind, address)] if address != "-" else []))
        answer = Answer(7, True, False, "NOERROR", name, kind, records)
    return Reply(Question(name, kind, server, 7, rcode=answer.rcode), answer)


def course(say: Say, name: str = "web", versions: Sequence[int] = (4,), config: Config = CONFIG):
    """The course, and what was asked: server and name, with the type where there are two."""
    told = follow(
        name, versions, config, lambda server, one, kinds: [reply(server, one, k, say(server, one, k)) for k in kinds]
    )
    types = len(versions) > 1
    return told, ["%s %s%s" % (q.server, q.name, " " + q.type if types else "") for q in told.questions]


@pytest.mark.parametrize(
    "answers, asked, addresses",
    [
        ({"web.x": "10.0.0.1"}, ["s1 web.x"], ("10.0.0.1",)),
        ({"web.x": "NXDOMAIN", "web.y": "10.0.0.1"}, ["s1 web.x", "s1 web.y"], ("10.0.0.1",)),
        ({"web.x": "NOERROR", "web.y": "NXDOMAIN", "web": "10.0.0.1"}, ["s1 " + one for one in ALL], ("10.0.0.1",)),
        # SERVFAIL: the other server, once more both, and then the next name.
        ({"web.x": "SERVFAIL", "web.y": "10.0.0.1"}, ["s1 web.x", "s2 web.x"] * 2 + ["s1 web.y"], ("10.0.0.1",)),
        # Silence, or a refusal by all, ends the search list, and the name itself is asked.
        ({"web": "10.0.0.1"}, ["s1 web.x", "s2 web.x"] * 2 + ["s1 web"], ("10.0.0.1",)),
        ({"web.x": "REFUSED", "web": "NXDOMAIN"}, ["s1 web.x", "s2 web.x"] * 2 + ["s1 web"], ()),
    ],
)
def test_the_search_list(answers: dict[str, str], asked: list[str], addresses: tuple[str, ...]) -> None:
    """NXDOMAIN and an answer without an address lead to the next name, and no answer to the next server."""
    told, questions = course(lambda _server, name, _kind: answers.get(name))
    assert (questions, told.addresses) == (asked, addresses)
    assert (told.problem is None) == bool(addresses)


@pytest.mark.parametrize("said", [None, "SERVFAIL", "REFUSED", "RCODE12"])
def test_the_second_server(said: str | None) -> None:
    """It is asked where the first gives no answer, for each name anew."""
    answers = {"web.x": "NXDOMAIN", "web.y": "10.0.0.1"}
    told, asked = course(lambda server, name, _kind: said if server == "s1" else answers[name])
    assert asked == ["s1 web.x", "s2 web.x", "s1 web.y", "s2 web.y"] and told.addresses == ("10.0.0.1",)


def test_both_families() -> None:
    """They are asked together; who has answered is not asked again, and one of them is enough."""
    told, asked = course(lambda s, _n, k: "10.0.0.1" if k == "A" else None, "web.", (4, 6))
    assert asked == ["s1 web A", "s1 web AAAA", "s2 web AAAA", "s1 web AAAA", "s2 web AAAA"]
    assert told.addresses == ("10.0.0.1",) and told.problem is None
    told, _asked = course(lambda _s, _n, k: "edge fd00::1" if k == "AAAA" else "edge 10.0.0.1", "web.", (4, 6))
    assert (told.addresses, told.canonical) == (("10.0.0.1", "fd00::1"), "edge")
    told, _asked = course(lambda _s, _n, k: "edge fd00::1" if k == "AAAA" else "NOERROR", "web.", (4, 6))
    assert (told.addresses, told.canonical) == (("fd00::1",), "edge")


@pytest.mark.parametrize(
    "answers, versions, problem",
    [
        (["NXDOMAIN", "NXDOMAIN", "NXDOMAIN"], (4, 6), "web.x (NXDOMAIN), web.y (NXDOMAIN), web (NXDOMAIN)"),
        (["NXDOMAIN", "NOERROR", None], (4,), "web.x (NXDOMAIN), web.y (NOERROR, without an address), web (ETIMEDOUT)"),
        (
            ["SERVFAIL", "REFUSED", "edge -"],
            (4,),
            "web.x (SERVFAIL), web.y (REFUSED), web (NOERROR, without an address)",
        ),
    ],
)
def test_why_there_is_none(answers: list[str | None], versions: Sequence[int], problem: str) -> None:
    """Each name that was asked, with what became of it."""
    said = dict(zip(ALL, answers))
    told, _asked = course(lambda _server, name, _kind: said[name], versions=versions)
    assert told.problem == "no address of web was told: " + problem and told.addresses == ()


def test_two_outcomes_of_one_name() -> None:
    """Each is told with its type."""
    told, _asked = course(lambda _s, _n, kind: "NOERROR" if kind == "A" else None, "web.", (4, 6))
    assert told.problem == "no address of web. was told: web (A: NOERROR, without an address, AAAA: ETIMEDOUT)"


def test_when_it_stops() -> None:
    """No time left, and too many questions, are told, with what was heard before."""
    left = [2]

    def ask(server: str, name: str, kinds: Sequence[str]) -> list[Reply]:
        left[0] -= 1
        return [reply(server, name, kind, "NXDOMAIN") for kind in kinds] if left[0] >= 0 else []

    told = follow("web", (4,), CONFIG, ask)
    assert (
        told.problem
        == "no address of web was told: web.x (NXDOMAIN), web.y (NXDOMAIN); the time for all questions was over"
    )
    many = Config(("s1",), tuple("d%d" % n for n in range(400)))
    told, asked = course(lambda *_: "NXDOMAIN", config=many)
    assert len(asked) == MOST_QUESTIONS - 1 and (told.problem or "").endswith("no more than 256 questions are asked")
