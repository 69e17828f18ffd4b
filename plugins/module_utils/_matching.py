# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a selection matches, and what to say when it matches nothing. PRIVATE to the collection.

Three questions, each a pure function over candidates (every pod and node that is known):

    choose(...)       the targets of all selections, or a TargetError for the first that has none
    select(...)       the targets of one selection, perhaps none (a node that is asked alone may have none)
    explain(...)      one sentence: why it has none, and what exists nearby

A pod can be used when a process of it is known (``pid``), or, where no node was asked, when its phase is Running.
"""

from __future__ import annotations

import dataclasses
import difflib
from typing import Container, Iterable, Mapping, Sequence

from ._errors import TargetError
from ._records import Candidate, Selection, Target, TargetRef
from ._selection import ALL, WORKLOADS, parse_term, to_text

GONE = "Gone"
"""The phase of a pod that only its node knows, which has no process of it: finished, or not started yet."""
UNSEEN, NOT_BEGUN = "Unseen", "NotBegun"
"""The phases of a pod that the cluster has as Running, and as Pending, and of which its node, asked at another time,
had no process. A Pending pod may have some: those of its init containers."""

_WORDS = {
    "Succeeded": "has finished (Succeeded)",
    "Failed": "has finished (Failed)",
    "Pending": "is Pending",
    NOT_BEGUN: "is Pending: no process of it was found on {node}",
    GONE: "has no process on {node}: it has finished, has not started yet, or waits to be started again",
    UNSEEN: "is said to run on {node}, which had no process of it when it was asked: it may have finished, have started"
    " since, or wait to be started again",
}
_SNAPSHOT = (
    "with the playbook's capture_snapshot give a snapshot of the cluster, or let the API be asked"
    " (K8S_AUTH_KUBECONFIG, or capture_api: always)"
)
_SHOWN = 8
"""How many names a message lists."""


def match_labels(terms: Iterable[str], labels: Mapping[str, str]) -> bool:
    """Say whether labels satisfy all terms; ``!=`` and ``notin`` hold for a missing label, as in Kubernetes."""
    for text in terms:
        term = parse_term(text)
        held = {
            "exists": term.key in labels,
            "absent": term.key not in labels,
            "in": labels.get(term.key) in term.values,
            "notin": labels.get(term.key) not in term.values,
        }[term.operator]
        if not held:
            return False
    return True


def matches(selection: Selection, candidate: Candidate) -> bool:
    """Say whether a candidate is known to match; what cannot be judged (unknown labels) does not match."""
    target, kind = candidate.target, selection.kind
    if target.name is None:  # a node can see processes of a pod whose name nobody there knows
        return False
    if kind in ("node", "nodes"):
        if target.kind != "node":
            return False
        return target.name == selection.name if kind == "node" else _labels_match(selection, target)
    if target.kind != "pod" or selection.namespace not in (ALL, target.namespace):
        return False
    if kind == "pod":
        return target.name == selection.name
    if kind == "pods":
        return _labels_match(selection, target)
    if kind == "service":
        return selection.name in (candidate.services or ())
    return (kind, selection.name) in (candidate.workloads or ())


def undecided(selection: Selection, candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """Return the candidates of which it is not known whether they match: labels, workloads or services are None."""
    kind = selection.kind
    found = []
    for candidate in candidates:
        target = candidate.target
        if target.kind != ("node" if kind == "nodes" else "pod") or kind in ("node", "pod"):
            continue
        if kind != "nodes" and selection.namespace not in (ALL, target.namespace):
            continue
        if kind in ("pods", "nodes"):
            unknown = bool(selection.label_selectors) and target.labels is None
        else:
            unknown = (candidate.services if kind == "service" else candidate.workloads) is None
        if unknown:
            found.append(candidate)
    return tuple(found)


def usable(candidate: Candidate) -> bool:
    """Say whether a candidate can be a target: a process of it is known, or nobody has said that there is none."""
    return candidate.target.kind == "node" or candidate.target.pid is not None or candidate.phase == "Running"


def waits(candidate: Candidate) -> bool:
    """Say whether a candidate that cannot be a target now may become one: nobody has said that it has finished."""
    return not usable(candidate) and candidate.phase not in ("Succeeded", "Failed", GONE)


def select(selection: Selection, candidates: Iterable[Candidate], node: str | None = None) -> tuple[Target, ...]:
    """Return the usable targets of one selection, on ``node`` where that is given, sorted, each with its container.

    Raises TargetError where one pod's name stands for two pods, and where a named container does not exist.
    """
    found: dict[TargetRef, Target] = {}
    for candidate in candidates:
        if matches(selection, candidate) and usable(candidate) and node in (None, candidate.target.node):
            found.setdefault(candidate.target.ref, candidate.target)
    targets = sorted(found.values(), key=_order)
    if selection.kind == "pod" and len(targets) > 1:
        where = " and ".join("%s (uid %s)" % (t.node or "an unknown node", t.uid) for t in targets)
        raise TargetError("%s is ambiguous: it runs on %s; wait until one of them is gone" % (targets[0].title, where))
    return tuple(choose_container(target, selection.container) for target in targets)


def choose(
    selections: Sequence[Selection], candidates: Iterable[Candidate], option: str, node: str | None = None
) -> tuple[Target, ...]:
    """Return the targets of all selections, each once, nodes after pods.

    Raises TargetError, which begins with ``option``, for the first selection without a usable target, for an
    ambiguous name, an unknown container, and a pod that is selected with two different containers.
    """
    known = tuple(candidates)
    found: dict[TargetRef, Target] = {}
    named: dict[TargetRef, str] = {}
    for selection in selections:
        try:
            targets = select(selection, known, node)
        except TargetError as error:
            raise TargetError("%s: %s" % (option, error)) from None
        if not targets:
            raise TargetError("%s: %s" % (option, explain(selection, known, node)))
        for target in targets:
            key = target.ref
            other = named.get(key, selection.container)
            if selection.container and other != selection.container:
                text = "%s: %s is selected with two containers, %s and %s; choose one"
                raise TargetError(text % (option, target.title, other, selection.container))
            if selection.container or key not in found:
                found[key] = target
            if selection.container:
                named[key] = selection.container
    return tuple(sorted(found.values(), key=_order))


def choose_container(target: Target, name: str | None) -> Target:
    """Return a pod's target with the container of that name, else its first; raise TargetError for an unknown one."""
    names = [container.name for container in target.containers]
    if name is None or target.kind != "pod":
        first = target.container or (names[0] if names else None)
        return target if first == target.container else dataclasses.replace(target, container=first)
    if name not in names:
        known = "its containers are %s" % ", ".join(names) if names else "which ones it has is not known here"
        raise TargetError('%s has no container "%s"; %s' % (target.title, name, known))
    return dataclasses.replace(target, container=name)


def explain(selection: Selection, candidates: Iterable[Candidate], node: str | None = None) -> str:
    """Return one sentence: why a selection has no usable target, and what exists nearby."""
    known = tuple(candidates)
    matching = [candidate for candidate in known if matches(selection, candidate)]
    if matching:
        return _why_unusable(selection, matching, node)
    blind = undecided(selection, known)
    if blind:
        return _why_undecided(selection, blind, known)
    if selection.kind in ("node", "nodes"):
        return _no_node(selection, [c.target.name or "?" for c in known if c.target.kind == "node"])
    return _no_pod(selection, [c for c in known if c.target.kind == "pod"], node)


def state(candidate: Candidate) -> str:
    """Return why a pod is no target, as what follows its title in a sentence."""
    phase = candidate.phase or "not known"
    if phase == "Pending" and candidate.target.node is None:
        return "is Pending: it is on no node yet"
    words = _WORDS.get(phase, "has no process that is known, and its phase is %s" % phase)
    return words.replace("{node}", candidate.target.node or "its node")


def runtime_problems(candidates: Iterable[Candidate], nodes: Container[str | None]) -> str:
    """Return what the crictl of these nodes said instead of an answer; empty when each answered or has none."""
    said = [c for c in candidates if c.target.kind == "node" and c.target.node in nodes and c.runtime_problem]
    return listed("crictl on %s says: %s" % (c.target.node, c.runtime_problem) for c in said)


def _order(target: Target) -> tuple[bool, str, str, str]:
    return target.kind != "pod", target.namespace or "", target.name or "", target.uid or ""


def _labels_match(selection: Selection, target: Target) -> bool:
    if not selection.label_selectors:
        return True
    return target.labels is not None and match_labels(selection.label_selectors, target.labels)


def _why_unusable(selection: Selection, matching: Sequence[Candidate], node: str | None) -> str:
    elsewhere = [c for c in matching if usable(c) and c.target.node != node]
    if node is not None and elsewhere:
        where = listed(c.target.node or "an unknown node" for c in elsewhere)
        subject = elsewhere[0].target.title if selection.kind == "pod" else "%s: what it matches" % to_text(selection)
        return "%s runs on %s, not on %s" % (subject, where, node)
    reasons = ["%s %s" % (c.target.title, state(c)) for c in matching]
    if len(reasons) == 1:
        return reasons[0]
    return "%s matches %d pods and none runs: %s" % (to_text(selection), len(reasons), listed(reasons))


def _why_undecided(selection: Selection, blind: Sequence[Candidate], known: Iterable[Candidate]) -> str:
    text, title = to_text(selection), blind[0].target.title
    if selection.kind == "service" or selection.kind in WORKLOADS:
        return "%s: nodes know pods, not what owns them; %s, or name the pods" % (text, _SNAPSHOT)
    problems = runtime_problems(known, {c.target.node for c in blind})
    if problems and selection.kind == "pods":
        right = "mend that, %s, or name the pods" % _SNAPSHOT
        return "%s: the labels of %s are not known: %s; %s" % (text, title, problems, right)
    other = "" if selection.kind == "nodes" else ", install crictl on the node, or name the pods"
    return "%s: the labels of %s are not known; %s%s" % (text, title, _SNAPSHOT, other)


def _no_node(selection: Selection, names: Sequence[str]) -> str:
    if not names:
        return "%s: no node is known" % to_text(selection)
    return "%s matches no node; there are %s" % (to_text(selection), listed(_near(selection.name, names)))


def _no_pod(selection: Selection, pods: Sequence[Candidate], node: str | None) -> str:
    """Say what exists: names of the same kind in that namespace, else its pods, else the namespaces."""
    text = "%s matches no pod%s" % (to_text(selection), " on %s" % node if node else "")
    if not pods:
        return "%s; no pod is known" % text
    inside = [c for c in pods if selection.namespace in (ALL, c.target.namespace)]
    if not inside:
        spaces = _near(selection.namespace, [c.target.namespace or "?" for c in pods])
        said = "%s: namespace %s has no pods; namespaces with pods are %s, as far as is known"
        return said % (text, selection.namespace, listed(spaces))
    names: list[str] = []
    if selection.kind == "service":
        names = [name for c in inside for name in c.services or ()]
    elif selection.kind in WORKLOADS:
        names = [name for c in inside for kind, name in c.workloads or () if kind == selection.kind]
    what = "%ss" % selection.kind
    if not names:
        what, names = "pods", [c.target.name or "?" for c in inside]
    where = "there are" if selection.namespace == ALL else "namespace %s has" % selection.namespace
    return "%s; %s the %s %s" % (text, where, what, listed(_near(selection.name, names)))


def _near(name: str | None, names: Iterable[str]) -> list[str]:
    """Return names without repetition, those first that are shown: the closest to ``name``, and sorted."""
    every = sorted(set(names))
    close = difflib.get_close_matches(name or "", every, n=_SHOWN)
    shown = sorted((close + [other for other in every if other not in close])[:_SHOWN])
    return shown + [other for other in every if other not in shown]


def listed(names: Iterable[str]) -> str:
    """Return names without repetition as a message lists them, not endlessly many."""
    every = list(dict.fromkeys(names))
    rest = len(every) - _SHOWN
    return ", ".join(every[:_SHOWN]) + (" and %d more" % rest if rest > 0 else "")
