# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A capture's options: what each takes, what it refuses before anything starts, and the id they make."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.kube.pcap.plugins.module_utils import _options as options
from ansible_collections.kube.pcap.plugins.module_utils._errors import OptionError
from ansible_collections.kube.pcap.plugins.module_utils._records import CaptureOptions
from ansible_collections.kube.pcap.plugins.module_utils._selection import parse

GOOD = [
    ("filter", "tcp port 443", "filter", "tcp port 443"),
    ("filter", "  tcp\n  port\t443 ", "filter", "tcp port 443"),
    ("filter", "   ", "filter", ""),
    ("filter", "host 10.0.0.1 and not port 22 and tcp[13] & 2 != 0", "filter", None),
    ("interface", "any", "interface", "any"),
    ("interface", "eth0.100", "interface", "eth0.100"),
    ("interface", "cali0123456789a", "interface", "cali0123456789a"),
    ("interface", "br-ex", "interface", "br-ex"),
    ("snaplen", 0, "snaplen", 0),
    ("snaplen", "262144", "snaplen", 262144),
    ("buffer", 512, "buffer_kib", 512),
    ("segment_size", "1M", "segment_bytes", 1_000_000),
    ("segment_size", "1GiB", "segment_bytes", 1 << 30),
    ("segment_seconds", "15m", "segment_seconds", 900),
    ("segment_seconds", 1, "segment_seconds", 1),
    ("packet_count", 1, "packet_count", 1),
    ("packet_count", "1000", "packet_count", 1000),
    ("keep", "5Gi", "keep_bytes", 5 << 30),
    ("min_free", "20%", "min_free_percent", 20),
    ("min_free", "5Gi", "min_free_bytes", 5 << 30),
    ("min_free", 0, "min_free_percent", 0),
    ("duration", "5d", "duration_seconds", 432000),
    ("duration", "7d", "duration_seconds", 604800),
    ("compress", False, "compress", False),
    ("sink", "/mnt/captures/", "sink", "/mnt/captures"),
    ("sink", "gs://captures", "sink", "gs://captures"),
    ("sink", "gs://captures/", "sink", "gs://captures"),
    ("sink", "gs://my-captures.example/cluster=a/x/", "sink", "gs://my-captures.example/cluster=a/x"),
    ("upload", "metadata", "upload", "metadata"),
    ("upload_rate", "5M", "upload_rate", 5_000_000),
    ("spool", "/data/kube-pcap.d/@1+2_3", "spool", "/data/kube-pcap.d/@1+2_3"),
    ("memory", "512Ki", "memory_bytes", 512 << 10),
    ("promiscuous", True, "promiscuous", True),
    ("grace", 0, "grace_seconds", 0),
]
NO_SIZES = ["-1", -1, "1e9", "1.5G", "10 parsecs", "1Zi", "all", "0", [], {}, True]
NO_TIMES = ["-1", -90, "10 parsecs", "0", "1.5h", "2h30m", "forever", "1e3", "400d", True]
NO_PATHS = [
    "relative/path",
    "./x",
    "..",
    "/",
    "/a/../b",
    "/a/./b",
    "/a//b",
    "/a b",
    "/a/$HOME",
    "/a/%s",
    "/a/`id`",
    "/a;b",
    "/a\0b",
    "/a\nb",
    "/ä",
    "~/x",
    "gs://bucket/prefix",
    "http://host/",
    7,
]
BAD = [
    *(("filter", text) for text in ("-w /etc/passwd", "  -r x", "-", "tcp\0port 1", "tcp\x1b[2J", "port\x7f1", "a\rb")),
    *(
        ("interface", text)
        for text in ("-i", "eth0 -w x", "eth 0", "a/b", "../x", "a" * 16, "eth0;id", "$x", "é", "a\nb")
    ),
    *(("snaplen", value) for value in (-1, "-1", 262145, "1e2", "x", 1.5, True)),
    *(("buffer", value) for value in (-1, 0, 15, (1 << 20) + 1, "4M", "x")),
    *(("segment_size", value) for value in [*NO_SIZES, "999999", "2T"]),
    *(("segment_seconds", value) for value in [*NO_TIMES, "2d"]),
    *(("packet_count", value) for value in (0, -1, "1e9", 10**10, "x")),
    *(("keep", value) for value in [*NO_SIZES, "3M", "2P"]),
    *(("min_free", value) for value in ("-1", "-5%", "100%", "10 %%", "1e9", "ten")),
    *(("duration", value) for value in [*NO_TIMES, "8d", "604801"]),
    *(("sink", value) for value in NO_PATHS if value != "gs://bucket/prefix"),
    *(("sink", "gs://" + value) for value in ("", "/x", "ab", "Captures", "-captures", "c" * 64)),
    *(("sink", "gs://captures/" + value) for value in ("a//b", "../b", "a/.", "a b", "a?b", "x" * 401)),
    ("upload", "anonymous"),
    ("upload_rate", "9"),
    *(("spool", value) for value in NO_PATHS),
    *(("memory", value) for value in [*NO_SIZES, "511Ki", "2Ti"]),
    *(("grace", value) for value in ("-1", "10 parsecs", "8d", "x")),
]
REQUEST = ["pods shop app=web,tier!=db", "node node-a"]
OTHER = {
    "filter": "port 1",
    "interface": "eth0",
    "snaplen": 96,
    "buffer": 512,
    "segment_size": "10M",
    "segment_seconds": 10,
    "packet_count": 5,
    "keep": "2Gi",
    "min_free": "1Gi",
    "duration": 60,
    "compress": False,
    "sink": "/mnt/x",
    "upload": "metadata",
    "upload_rate": "5M",
    "spool": "/mnt/y",
    "memory": "64Mi",
    "promiscuous": True,
    "grace": 0,
}


def made_id(targets, **given):
    """The id that a request makes by itself."""
    return options.capture_id("capture_id", None, parse("targets", targets), options.capture_options(given))


@pytest.mark.parametrize("name, value, field, expected", GOOD)
def test_good(name, value, field, expected):
    """A value becomes its field, in bytes, seconds or KiB, and touches no other."""
    made = options.capture_options({name: value})
    assert getattr(made, field) == (value if expected is None else expected)
    others = {one.name for one in dataclasses.fields(made)} - {field, "min_free_percent"}
    assert {one: getattr(made, one) for one in others} == {one: getattr(CaptureOptions(), one) for one in others}


@pytest.mark.parametrize("name, value", BAD, ids=lambda value: repr(value)[:40])
@pytest.mark.parametrize("prefix", ["", "capture_"])
def test_bad(name, value, prefix):
    """A bad value is refused in one sentence that begins with the option and says what would be right."""
    with pytest.raises(OptionError) as caught:
        options.capture_options({name: value}, prefix)
    text = str(caught.value)
    assert text.startswith(prefix + name + ": ") and "; " in text
    assert text.isprintable() and len(text) < 400


@pytest.mark.parametrize("value", [None, ""])
def test_what_is_not_given_takes_its_default(value):
    """None, and an empty text, is no value: the defaults are the record's."""
    assert options.capture_options(dict.fromkeys(options.NAMES, value)) == CaptureOptions()
    assert options.capture_options({}) == CaptureOptions()


def test_a_shorter_bound_of_the_duration():
    """``max_duration`` bounds ``duration``."""
    assert options.capture_options({"duration": "1h", "max_duration": "1h"}).duration_seconds == 3600
    with pytest.raises(OptionError, match="^duration: .*1h00m"):
        options.capture_options({"duration": "2h", "max_duration": "1h"})


@pytest.mark.parametrize("name", ["compress", "promiscuous"])
@pytest.mark.parametrize("value, expected", [("false", False), ("no", False), ("True", True), (0, False), (1, True)])
def test_yes_and_no_as_text(name, value, expected):
    """What -e compress=false gives is text, and means what it says."""
    assert getattr(options.capture_options({name: value}), name) is expected
    with pytest.raises(OptionError, match="^%s: " % name):
        options.capture_options({name: "maybe"})


def test_other_keys_are_left_alone():
    """The module's other parameters are none of the capture's options."""
    assert options.capture_options({"state": "started", "id": "x"}) == CaptureOptions()


@pytest.mark.parametrize(
    "targets",
    [
        list(reversed(REQUEST)),
        [*REQUEST, REQUEST[0]],
        ["node  node-a", "pods shop tier!=db, app==web"],
        ["pods shop app in (web),tier notin (db)", "node node-a"],
        [
            {"kind": "pods", "namespace": "shop", "label_selectors": ["tier!=db", "app=web"]},
            {"kind": "node", "name": "node-a"},
        ],
    ],
)
def test_one_request_has_one_id(targets):
    """Order, repetition and spelling of a request do not change its id."""
    assert made_id(targets) == made_id(REQUEST)


def test_an_id_is_stable():
    """The id is the same on every host, on every day, in every version that keeps its word."""
    assert made_id(REQUEST) == made_id(REQUEST, segment_size=100_000_000, duration="120m", keep="1024Mi", filter=" ")
    assert options.check_id("capture_id", made_id(REQUEST)) == made_id(REQUEST)
    assert len(made_id(REQUEST)) == 12 and made_id(REQUEST).startswith("c-")


def test_another_request_has_another_id():
    """Every option, and every other selection, makes another id."""
    ids = {made_id(REQUEST, **{name: value}) for name, value in OTHER.items()}
    ids |= {made_id(REQUEST), made_id(REQUEST[:1]), made_id("pods shop app=web"), made_id("pods * app=web")}
    assert len(ids) == len(OTHER) + 4


def test_a_given_id_is_taken():
    """What the user calls a capture is its id, when it is one."""
    assert options.capture_id("capture_id", "nightly-7", parse("t", "nodes *"), CaptureOptions()) == "nightly-7"
    with pytest.raises(OptionError, match="^capture_id: "):
        options.capture_id("capture_id", "../x", parse("t", "nodes *"), CaptureOptions())


def test_the_table_of_other_values_is_whole():
    """Each option of a capture is tried below."""
    assert set(OTHER) == set(options.NAMES) - {"max_duration"}


@pytest.mark.parametrize("name, value", OTHER.items())
def test_differences_name_the_option(name, value):
    """What differs is told by the option's own name, the values before and after."""
    selections = parse("targets", REQUEST)
    before, after = CaptureOptions(), options.capture_options({name: value})
    found = options.differences((selections, before), (selections, after), "capture_")
    assert found and all(one.startswith("capture_%s is " % name) for one in found)


def test_no_differences():
    """The same request, written otherwise, differs in nothing; another selection does."""
    one, same = parse("targets", REQUEST), parse("targets", list(reversed(REQUEST)))
    assert options.differences((one, CaptureOptions()), (same, options.capture_options({"keep": "1Gi"})), "") == []
    other = parse("targets", REQUEST[:1])
    assert options.differences((one, CaptureOptions()), (other, CaptureOptions()), "capture_") == [
        "capture_targets differ"
    ]
