# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which server of DNS is asked what, and when a name's resolution ends. PRIVATE to the collection.

As glibc does it: every name of the search list in its order, of each the addresses of all families at the same time,
all servers in their order, and that as often as resolv.conf says.
"""

from __future__ import annotations

from typing import Callable, Mapping, NamedTuple, Sequence

from ._dns_records import Question
from ._matching import listed
from ._packet import dns
from ._resolver import Config, names_to_try

MOST_QUESTIONS = 256
TYPES = {4: dns.A, 6: dns.AAAA}
"""By IP version."""
_ANSWERS = (dns.NOERROR, dns.NXDOMAIN)
"""Where a server says anything else, the next one is asked."""


class Reply(NamedTuple):
    """A question that was asked, and what its answer says; None where none came that could be used."""

    question: Question
    answer: dns.Answer | None = None


Ask = Callable[[str, str, Sequence[str]], Sequence[Reply]]
"""(server, name, types) to what came back, in the order in which it was sent; nothing when the time for all is over."""


class Course(NamedTuple):
    """What was asked, and what it led to."""

    questions: tuple[Question, ...]
    canonical: str | None = None
    addresses: tuple[str, ...] = ()
    problem: str | None = None


def follow(name: str, versions: Sequence[int], config: Config, ask: Ask) -> Course:
    """Ask until a name has an address, and return what was asked.

    versions: 4, 6, or both, in this order. Where no server answers for a name of the search list, the rest of that is
    left out, as by glibc, since it would wait as long; with SERVFAIL it is not. The name as it is is asked in any case.
    """
    types = [TYPES[version] for version in versions]
    plain = name[:-1] if name.endswith(".") else name
    asked: list[Question] = []
    outcomes: list[str] = []
    unheard = False
    for one in names_to_try(name, config):
        if unheard and one != plain:
            continue
        last, stopped = _about(one, types, config, ask, asked)
        found = [dns.addresses(last[kind].answer or dns.Answer()) for kind in types if kind in last]
        addresses = tuple(dict.fromkeys(address for _canonical, some in found for address in some))
        if addresses:
            return Course(tuple(asked), next(canonical for canonical, some in found if some), addresses)
        if last:
            outcomes.append("%s (%s)" % (one, _outcome(last)))
        if stopped:
            return Course(tuple(asked), problem=_problem(name, outcomes, stopped))
        unheard = any(not _answered(reply) and reply.question.rcode != dns.SERVFAIL for reply in last.values())
    return Course(tuple(asked), problem=_problem(name, outcomes))


def _about(
    name: str, types: Sequence[str], config: Config, ask: Ask, asked: list[Question]
) -> tuple[dict[str, Reply], str]:
    """Ask about one name until it is told; return the last reply of each type, and what stopped it, or nothing."""
    last: dict[str, Reply] = {}
    for _attempt in range(config.attempts):
        for server in config.servers:
            missing = [kind for kind in types if not _answered(last.get(kind))]
            if not missing:
                return last, ""
            if len(asked) + 2 * len(missing) > MOST_QUESTIONS:  # each may be asked again over TCP
                return last, "no more than %d questions are asked" % MOST_QUESTIONS
            replies = ask(server, name, missing)
            if not replies:
                return last, "the time for all questions was over"
            asked += [reply.question for reply in replies]
            last.update({reply.question.type: reply for reply in replies})
    return last, ""


def _answered(reply: Reply | None) -> bool:
    return reply is not None and reply.answer is not None and reply.answer.rcode in _ANSWERS


def _outcome(last: Mapping[str, Reply]) -> str:
    """Return what became of the questions about one name, in a few words."""
    words = {kind: _word(reply) for kind, reply in last.items()}
    if len(set(words.values())) == 1:
        return next(iter(words.values()))
    return ", ".join("%s: %s" % one for one in words.items())


def _word(reply: Reply) -> str:
    said = reply.question.error or reply.question.rcode or "no answer"
    return "NOERROR, without an address" if said == dns.NOERROR else said


def _problem(name: str, outcomes: Sequence[str], stopped: str = "") -> str:
    told = "no address of %s was told" % name + (": %s" % listed(outcomes) if outcomes else "")
    return told + ("; %s" % stopped if stopped else "")
