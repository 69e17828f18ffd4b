# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The grammar of selections. PRIVATE to the collection.

    pod NAMESPACE/NAME[CONTAINER]          one pod; the container may be left out
    pods NAMESPACE TERMS                   pods by label; NAMESPACE * is every namespace, TERMS * is every pod
    deployment NAMESPACE/NAME              its pods; statefulset, daemonset, job, replicaset and service too
    node NAME                              one node
    nodes TERMS                            nodes by label; TERMS * is every node

TERMS are Kubernetes label selectors: ``app=web,tier!=db,env in (a,b),env notin (c),canary,!canary``. ``[CONTAINER]``
may stand behind any namespace or name of pods. A mapping has the keys ``kind``, ``namespace``, ``name``,
``container`` and ``label_selectors`` (a list of terms); a list holds several of either. Bare ``pods`` and ``nodes`` are
refused: a value that was cut at a space must not mean something wider.
"""

from __future__ import annotations

import functools
import re
from typing import Any, Mapping, NamedTuple

from ._errors import OptionError, shown
from ._grammar import Place, check_name
from ._records import Selection

WORKLOADS = ("deployment", "statefulset", "daemonset", "job", "replicaset")
POD_KINDS = ("pod", "pods", "service") + WORKLOADS
KINDS = POD_KINDS + ("node", "nodes")
ALL = "*"

_KEYS = ("kind", "namespace", "name", "container", "label_selectors")
_MOST = 512
"""Most selections of one option, and most label terms of one selection."""
_TEXT_MOST = 4096

# Kubernetes' own rules for labels: qualified names and values.
_LABEL_PART = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
_KEY = re.compile(r"(?:(?=.{1,253}/)[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?/)?%s\Z" % _LABEL_PART, re.ASCII)
_VALUE = re.compile(r"(?:%s)?\Z" % _LABEL_PART, re.ASCII)

_WORD = re.compile(r"[^ ]+")
_OBJECT = re.compile(r"([^/\[\]]*)(?:(/)([^/\[\]]*))?(?:(\[)([^\[\]]*)\])?\Z")
_TERM = re.compile(
    r" *(?:(?P<absent>!) *(?P<missing>[^ =!,()]+)"
    r"|(?P<key>[^ =!,()]+)(?: *(?P<op>==|=|!=) *(?P<value>[^ =!,()]*)| +(?P<set>in|notin) *\((?P<values>[^()]*)\))?)"
    r" *(?P<end>,|\Z)"
)


class Term(NamedTuple):
    """One label term: ``operator`` is ``in``, ``notin``, ``exists`` or ``absent``."""

    key: str
    operator: str
    values: tuple[str, ...]


def parse(option: str, raw: object) -> tuple[Selection, ...]:
    """Return the selections that a user wrote, sorted and without repetition, so that one request has one form.

    ``raw`` is a string (one selection), a mapping (one selection) or a list of these. Raises OptionError, whose text
    names the option, the item of the list and the column.
    """
    items = raw if isinstance(raw, (list, tuple)) else [raw]
    if not items:
        raise OptionError(option, "it is an empty list", "write at least one selection, such as pod shop/cart")
    if len(items) > _MOST:
        raise OptionError(option, "it has %d selections" % len(items), "write at most %d, or select by label" % _MOST)
    found = set()
    for number, item in enumerate(items, 1):
        place = Place(option, "item %d: " % number if len(items) > 1 else "")
        found.add(_parse_mapping(place, item) if isinstance(item, Mapping) else _parse_text(place, item))
    return tuple(sorted(found, key=to_text))


def to_text(selection: Selection) -> str:
    """Return a selection as a string that ``parse`` turns into the same selection."""
    words = [selection.kind]
    container = "[%s]" % selection.container if selection.container else ""
    terms = ",".join(selection.label_selectors) or ALL
    if selection.kind in ("pods", "nodes"):
        words += [(selection.namespace or "") + container] if selection.kind == "pods" else []
        words.append(terms)
    elif selection.kind == "node":
        words.append(selection.name or "")
    else:
        words.append("%s/%s%s" % (selection.namespace, selection.name, container))
    return " ".join(words)


@functools.lru_cache(maxsize=_MOST)  # each is compared with every pod
def parse_term(text: str) -> Term:
    """Return the meaning of one label term in the form that ``parse`` gives it."""
    match = _TERM.match(text)
    if not match or match.group("end"):
        raise ValueError("no label term: %r" % text)
    return _term(match)


def _parse_text(place: Place, raw: object) -> Selection:
    text = _check_text(place, raw)
    words = [(match.start(), match.group()) for match in _WORD.finditer(text)]
    if not words:
        raise place.error("it is empty", "write a selection such as pod shop/cart or nodes *")
    start, kind = words[0]
    _check_kind(place, kind, start)
    if kind in ("pods", "nodes"):
        return _parse_plural(place, text, kind, words)
    example = "node node-a" if kind == "node" else "%s shop/cart" % kind
    if len(words) != 2:
        wrong = "it says not which" if len(words) < 2 else "%s is one word too many" % shown(words[2][1])
        raise place.error(wrong, "write %s" % example, words[2][0] if len(words) > 2 else len(text))
    at, word = words[1]
    if kind == "node":
        return Selection("node", name=_check(place, "node", word, at))
    match = _OBJECT.match(word)
    if not match or not match.group(2):
        raise place.error("%s is not NAMESPACE/NAME" % shown(word), "write %s" % example, at)
    namespace = _check(place, "namespace", match.group(1), at)
    name = _check(place, kind, match.group(3), at + match.start(3))
    return Selection(kind, namespace, name, _container(place, match, at))


def _parse_plural(place: Place, text: str, kind: str, words: list[tuple[int, str]]) -> Selection:
    """Parse ``pods NAMESPACE TERMS`` and ``nodes TERMS``."""
    namespace, container, before = None, None, 1
    if kind == "pods" and len(words) > 1:
        at, word = words[1]
        match = _OBJECT.match(word)
        if not match or match.group(2):
            right = 'write pods shop app=web (one pod by its name is "pod shop/cart")'
            raise place.error("%s is not a namespace" % shown(word), right, at)
        namespace, before = _check(place, "namespace", match.group(1), at, wide=True), 2
        container = _container(place, match, at)
    if len(words) <= before or (kind == "pods" and namespace is None):
        example = "nodes" if kind == "nodes" else "pods %s" % (namespace or "shop")
        right = "write %s app=web, or %s * for all" % (example, example)
        raise place.error('bare "%s" means nothing' % text.strip(), right, len(text))
    at = words[before][0]
    if text[at:].strip() == ALL:
        return Selection(kind, namespace, ALL, container)
    return Selection(kind, namespace, None, container, _parse_terms(place._replace(start=at), text[at:]))


def _parse_mapping(place: Place, raw: Mapping[Any, Any]) -> Selection:
    unknown = sorted(shown(key) for key in raw if key not in _KEYS)
    if unknown:
        raise place.error("%s is not a key" % unknown[0], "the keys are %s" % ", ".join(_KEYS))
    given = {key: value for key, value in raw.items() if value is not None and value != "" and value != []}
    kind = _check_text(place._replace(item=place.item + "kind: "), given.get("kind", ""))
    _check_kind(place._replace(item=place.item + "kind: "), kind)
    _check_keys(place, kind, given)
    values: dict[str, str | None] = {"namespace": None, "name": None, "container": None}
    for key in values:
        if key in given:
            inner = place._replace(item="%s%s: " % (place.item, key))
            text, wide = _check_text(inner, given[key]), key == "namespace" and kind == "pods"
            values[key] = _check(inner, kind if key == "name" else key, text, wide=wide)
    terms = given.get("label_selectors", ())
    inner = place._replace(item=place.item + "label_selectors: ")
    if isinstance(terms, str):
        terms = [terms]
    if not isinstance(terms, (list, tuple)):
        raise inner.error("%s is not a list" % shown(terms), "write a list of terms such as app=web")
    parsed = [term for text in terms for term in _parse_terms(inner, _check_text(inner, text))]
    return Selection(kind, values["namespace"], values["name"], values["container"], tuple(sorted(set(parsed))))


def _check_keys(place: Place, kind: str, given: Mapping[str, Any]) -> None:
    """Refuse a mapping whose keys do not fit its kind, or that would mean everything without saying so."""
    plural = kind in ("pods", "nodes")
    needed = {"namespace"} if kind in POD_KINDS else set()
    taken = needed | ({"container"} if kind in POD_KINDS else set()) | {"kind", "name"}
    if plural:
        taken.add("label_selectors")
        if given.get("name", ALL) != ALL:
            raise place.error("%s takes no name" % kind, "write kind: %s, or label_selectors" % kind[:-1])
        if ("name" in given) == ("label_selectors" in given):
            raise place.error("which %s is not clear" % kind, 'write either label_selectors, or name: "*" for all')
    else:
        needed.add("name")
    for key in sorted(needed - set(given)):
        raise place.error("a %s needs the key %s" % (kind, key), "add it, or write a string such as pod shop/cart")
    for key in sorted(set(given) - taken):
        right = "its keys are %s" % ", ".join(name for name in _KEYS if name in taken)
        raise place.error("a %s takes no %s" % (kind, key), right)


def _parse_terms(place: Place, text: str) -> tuple[str, ...]:
    """Return label terms in their one form, sorted: ``==`` is ``=``, ``in (a)`` is ``=a``, values are sorted."""
    terms, position, end = set(), 0, ","
    while end:
        match = _TERM.match(text, position)
        if not match:
            wrong = text[position:].strip(" ")
            raise place.error(
                "%s is not a label term" % shown(wrong) if wrong else "a label term is missing",
                "write app=web, tier!=db, env in (a,b), env notin (c), canary or !canary",
                position + (len(text[position:]) - len(text[position:].lstrip(" "))),
            )
        _check_term(place, match)
        terms.add(_term_text(_term(match)))
        position, end = match.end(), match.group("end")
    if len(terms) > _MOST:
        raise place.error("there are %d label terms" % len(terms), "write at most %d" % _MOST)
    return tuple(sorted(terms))


def _term(match: re.Match[str]) -> Term:
    if match.group("absent"):
        return Term(match.group("missing"), "absent", ())
    key, sign, named = match.group("key"), match.group("op"), match.group("set")
    if not sign and not named:
        return Term(key, "exists", ())
    if sign:
        return Term(key, "notin" if sign == "!=" else "in", (match.group("value"),))
    return Term(key, named, tuple(sorted({value.strip(" ") for value in match.group("values").split(",")})))


def _term_text(term: Term) -> str:
    if not term.values:
        return ("!" if term.operator == "absent" else "") + term.key
    if len(term.values) == 1:
        return "%s%s%s" % (term.key, "=" if term.operator == "in" else "!=", term.values[0])
    return "%s %s (%s)" % (term.key, term.operator, ",".join(term.values))


def _check_term(place: Place, match: re.Match[str]) -> None:
    group = "missing" if match.group("absent") else "key"
    if not _KEY.match(match.group(group)):
        right = "a key is [PREFIX/]NAME of letters, digits, -, _ and ."
        raise place.error("%s is not a label's key" % shown(match.group(group)), right, match.start(group))
    for value in _term(match).values:
        if not _VALUE.match(value):
            right = "a value has at most 63 letters, digits, -, _ and ."
            column = match.start("value" if match.group("op") else "values")
            raise place.error("%s is not a label's value" % shown(value), right, column)


def _container(place: Place, match: re.Match[str], at: int) -> str | None:
    return _check(place, "container", match.group(5), at + match.start(5)) if match.group(4) else None


def _check_kind(place: Place, kind: str, index: int | None = None) -> None:
    if kind not in KINDS:
        raise place.error("%s is not a kind" % shown(kind), "write one of %s" % ", ".join(KINDS), index)


def _check(place: Place, what: str, text: str, index: int | None = None, wide: bool = False) -> str:
    """Return a name that keeps Kubernetes' rules; ``wide`` also takes ``*``; ``what`` is what it names."""
    if wide and text == ALL:
        return text
    if text == ALL and what in ("pods", "nodes"):
        return text
    if text == ALL:
        right = "write nodes * for all nodes" if what == "node" else "write pods NAMESPACE * for all pods"
        raise place.error("%s is not a %s's name" % (shown(text), what), right, index)
    return check_name(place, what, text, index)


def _check_text(place: Place, raw: object) -> str:
    if not isinstance(raw, str):
        right = "write text such as pod shop/cart, a mapping, or a list"
        raise place.error("%s is not a selection" % shown(raw), right)
    if len(raw) > _TEXT_MOST:
        raise place.error("it has %d characters" % len(raw), "write at most %d" % _TEXT_MOST)
    for index, char in enumerate(raw):
        if not char.isprintable():
            raise place.error("a control character stands there", "write it on one line, in plain text", index)
    return raw
