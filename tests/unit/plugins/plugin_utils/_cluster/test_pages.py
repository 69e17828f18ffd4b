# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A page read object by object gives what it gives when it is read at once."""

from __future__ import annotations

import json
import tracemalloc

import pytest

from ansible_collections.kube.pcap.plugins.plugin_utils._cluster.objects import flatten
from ansible_collections.kube.pcap.plugins.plugin_utils._cluster.pages import Page

from .test_objects import pod

LIST = {"kind": "PodList", "metadata": {"continue": "next"}, "items": [pod("a"), pod("ü")]}


def read(document, **options):
    """The objects of a page, and its token."""
    page = Page(document if isinstance(document, bytes) else json.dumps(document, **options).encode())
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


def test_memory():
    """The objects of a page are never there together: at most its text, and that as text, beside one of them."""
    body = json.dumps({**LIST, "items": [pod("pod-%d" % number) for number in range(2000)]}).encode()
    tracemalloc.start()
    try:
        assert sum(1 for _item in Page(body).objects()) == 2000
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 1.2 * len(body)
