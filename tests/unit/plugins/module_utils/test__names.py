# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of files, and of captures: what comes from a cluster, or from an enemy, becomes a safe part of a path."""

from __future__ import annotations

import itertools
import re

import pytest

from ansible_collections.kube.pcap.plugins.module_utils import _names as names
from ansible_collections.kube.pcap.plugins.module_utils._errors import OptionError
from ansible_collections.kube.pcap.plugins.module_utils._records import TargetRef

SAFE = re.compile(r"[A-Za-z0-9._-]{1,63}\Z", re.ASCII)
LONG = "a" * 60 + "." + "b" * 192
KEPT = ["cart", "web-6f8d5c7b9d-4hx2k", "0", "node-a.example.com", "a" * 63, "eth0.100", "A_b"]
HOSTILE = [
    "",
    ".",
    "..",
    "../../etc/passwd",
    "/",
    "a/b",
    "a b",
    "a--b",
    "-rf",
    ".hidden",
    "end-",
    "end.",
    "_node",
    "_host",
    "it's",
    '"quoted"',
    "$(id)",
    "`id`",
    "%s",
    "a\nb",
    "\n",
    "a\tb",
    "a\0b",
    "cärt",
    "١",
    "\udcff",
    "🦆",
    "a" * 64,
    "a" * 253,
    LONG,
    "-" * 253,
]
NODE_TARGET = TargetRef("node", None, "node-b", None, "node-b")


def pod(name, namespace="shop", node="node-a"):
    """A pod's name for ever."""
    return TargetRef("pod", namespace, name, "uid-1", node)


@pytest.mark.parametrize("text", KEPT)
def test_a_safe_part_is_kept(text):
    """A name that Kubernetes and file systems both take stays as people know it."""
    assert names.clean_part(text) == text


@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_becomes_a_safe_part(text):
    """Whatever it was, a part has 1 to 63 safe characters, is no hidden file or folder above, and cannot be split."""
    part = names.clean_part(text)
    assert SAFE.match(part)
    assert "--" not in part
    assert part[0] not in ".-" and part[-1] not in ".-"
    assert part != text


@pytest.mark.parametrize("size", [64, 100, 253])
def test_a_long_part_is_cut(size):
    """A part over 63 characters is its first 54 and eight digits of its digest."""
    part = names.clean_part("a" * size)
    assert len(part) == 63
    assert re.match(r"a{54}-[0-9a-f]{8}\Z", part)


def test_different_texts_are_different_parts():
    """No two of many near misses become the same part."""
    texts = {"".join(letters) for size in range(5) for letters in itertools.product("a-./_ A", repeat=size)}
    texts.update(HOSTILE, KEPT, ("a" * 70 + "%d" % number for number in range(200)))
    assert len({names.clean_part(text) for text in texts}) == len(texts)


@pytest.mark.parametrize("text", ["a", "c-0123456789", "9", "a" * 63, "nightly-4711"])
def test_id(text):
    """An id is a label as Kubernetes has them."""
    assert names.check_id("capture_id", text) == text


@pytest.mark.parametrize(
    "text", ["-a", "a-", "A", "a_b", "a.b", "", "a" * 64, "../x", "a/b", "a b", "$x", "ä", "a\n b"]
)
def test_no_id(text):
    """Anything else is refused, and the sentence names the option."""
    with pytest.raises(OptionError, match="^capture_id: .*; write "):
        names.check_id("capture_id", text)


def test_all_is_no_id():
    """The word that means every capture names none."""
    with pytest.raises(OptionError, match="^capture_id: "):
        names.check_id("capture_id", "all")


def test_folders_of_targets():
    """A node's folders cannot be a pod's: no namespace begins with an underscore."""
    assert names.target_folder(pod("cart")) == ("shop", "cart")
    assert names.target_folder(NODE_TARGET) == ("_node", "_host")
    assert names.target_folder(pod("_host", "_node")) != ("_node", "_host")


@pytest.mark.parametrize(
    "target, compressed, expected",
    [
        (pod("cart"), True, "node-a--shop--cart--any--20261121T081502Z--00000001.pcap.gz"),
        (pod("cart"), False, "node-a--shop--cart--any--20261121T081502Z--00000001.pcap"),
        (NODE_TARGET, True, "node-b--_node--_host--any--20261121T081502Z--00000001.pcap.gz"),
    ],
)
def test_segment_name(target, compressed, expected):
    """A segment's name tells where and when it was recorded, in UTC."""
    assert names.segment_name(target, "any", 1795248902, 1, compressed) == expected


@pytest.mark.parametrize("text", HOSTILE + KEPT)
def test_segment_names_split_into_six(text):
    """However a node, namespace, pod and interface are called, the name is one file's and its parts can be told."""
    name = names.segment_name(pod(text, text, text), text[:15], 1795248902, 7, True)
    assert re.match(r"[A-Za-z0-9._-]+\Z", name, re.ASCII) and len(name) <= 255
    assert len(name.split("--")) == 6


@pytest.mark.parametrize("interface", ["any", "eth0", "abcdefghijklmno"])
def test_the_longest_names_leave_room_for_a_hidden_copy(interface):
    """A file system takes 255 bytes, and a copy that is being written is called ``.NAME.part``."""
    name = names.segment_name(pod("p" * 253, "n" * 253, "h" * 253), interface, 1795248902, 99_999_999, True)
    assert len(".%s.part" % name) <= 255


def test_segment_names_sort_by_time_then_number():
    """Listing a folder shows a target's segments in the order in which they were opened."""
    moments = [
        (0, 1),
        (1_600_000_000, 2),
        (1_795_248_902, 3),
        (1_795_248_902, 4),
        (1_795_248_903, 9),
        (1_795_300_000, 10),
    ]
    moments += [(1_795_300_000, 100), (4_000_000_000, 99_999_999)]
    made = [names.segment_name(pod("cart"), "any", opened, seq, True) for opened, seq in moments]
    assert made == sorted(made) and len(set(made)) == len(made)
