# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A page read object by object gives what it gives when it is read at once."""

from __future__ import annotations

import io
import json
import tracemalloc
from unittest import mock

import pytest

from ansible_collections.kube.pcap.plugins.plugin_utils._cluster import pages
from ansible_collections.kube.pcap.plugins.plugin_utils._cluster.objects import flatten
from ansible_collections.kube.pcap.plugins.plugin_utils._cluster.pages import Page

from .test_objects import pod

LIST = {"kind": "PodList", "metadata": {"continue": "next"}, "items": [pod("a"), pod("ü")]}


def read(document, **options):
    """The objects of a page, and its token."""
    page = Page(io.BytesIO(document if isinstance(document, bytes) else json.dumps(document, **options).encode()))
    return list(page.objects()), page.token


@pytest.mark.parametrize(
    "options", [{}, {"indent": 2}, {"separators": (",", ":")}, {"sort_keys": True}, {"ensure_ascii": False}]
)
def test_a_list(options):
    """However it is written, and whatever comes first in it."""
    assert read(LIST, **options) == (list(flatten(LIST)), "next")


@pytest.mark.parametrize("items", [[], None])
@pytest.mark.parametrize("sort_keys", [False, True])
def test_nothing(items, sort_keys):
    """An empty list, also as Go writes one that was never made."""
    assert read({"kind": "PodList", "metadata": None, "items": items}, sort_keys=sort_keys) == ([], "")


def test_an_object():
    """One object is itself."""
    assert read(pod("a")) == ([pod("a")], "")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{}",
        b"<html>",
        b'{"kind": "PodList", "x": "\xff"}',
        b'{"kind": "PodList"}',
        b'{"kind": "PodList", "items": {}}',
        b'{"kind": "PodList", "items": [1]}',
        b'{"kind": "PodList", "items": [{"metadata": {"name": "a"}} {}]}',
        b'{"kind": "PodList", "items": [{"metadata": {"name": "a"}}]',
        b'{"kind": "PodList", "items": []} {}',
        b'{"kind": "PodList" "items": []}',
        b'{"items": []}',
        b'{"kind": "PodList", "items": [' + b"[" * 100000,
        b'{1: "Pod", "kind": "Pod", "metadata": {"name": "a"}}',
    ],
)
def test_no_objects(text):
    """What is no list of objects, and no object, is refused."""
    with pytest.raises((ValueError, RecursionError)):
        read(text)


def test_wide_characters():
    """Each costs its text more memory, and nothing else."""
    wide = {**LIST, "items": [pod("a", labels={"x": "\U0001f600"})]}
    assert read(wide, ensure_ascii=False)[0] == list(flatten(wide))


@pytest.mark.parametrize("piece", [*range(1, 60), 1000])
@pytest.mark.parametrize("options", [{}, {"indent": 2}, {"ensure_ascii": False}])
def test_pieces(piece, options):
    """Wherever one ends: within a word, a number, a character or between two objects."""
    numbers = {"numbers": [1234567, -1.5e30, True, None, ""], "number": 1234567, "text": '\U0001f600\\"\u00e9'}
    items = [{**pod("a"), **numbers}, {**pod("b"), **numbers}]
    document = {"number": 1234567, "one": 1.5, "two": -1.5e-30, "three": 1e22, **LIST, "items": items, "last": 12}
    with mock.patch.object(pages, "_PIECE", piece):
        assert read(document, **options) == (list(flatten(document)), "next")


@pytest.mark.parametrize("lost", [1, 2, 40])
def test_an_end_is_missing(lost):
    """A page that ends early is refused, be it within a character."""
    body = json.dumps(LIST, ensure_ascii=False).encode()
    with mock.patch.object(pages, "_PIECE", 7), pytest.raises((ValueError, RecursionError)):
        read(body[:-lost])


def test_memory():
    """Beside what was sent there is one object of a page, and a piece of its text."""
    body = json.dumps({**LIST, "items": [pod("pod-%d" % number) for number in range(2000)]}).encode()
    tracemalloc.start()
    try:
        assert sum(1 for _item in Page(io.BytesIO(body)).objects()) == 2000
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 500_000 < 0.5 * len(body)
