# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role's options that are not the recording's."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import OptionError
from ansible_collections.kube.pcap.plugins.plugin_utils._request import change, collection, lenient, selections

DEFAULTS = {"spool": "/var/lib/kube-pcap", "wait": 60, "force": False, "segments": False, "unmatched": "fail"}


def asked(of, **options):
    return change(of, {"capture_" + name: value for name, value in options.items()})


@pytest.mark.parametrize("raw", ["pod shop", "pods shop", "deplyment shop/web", "", None, 5, ["pod"]])
def test_what_selects_nothing(raw):
    """It is refused by the name that the user wrote."""
    with pytest.raises(OptionError, match="^capture_targets: "):
        selections({"capture_targets": raw})


@pytest.mark.parametrize("given, expected", [(None, False), ("", False), ("fail", False), ("warn", True)])
def test_unmatched(given, expected):
    """Nothing means that a play without a match fails."""
    assert lenient({"capture_unmatched": given}) is expected


@pytest.mark.parametrize("empty", [{}, {"id": None, "spool": "", "segments": None, "unmatched": ""}])
def test_status_is_of_every_capture(empty):
    """No id stands for all of them, and what is empty takes its default."""
    assert asked("status", **empty) == {"of": "status", "state": "refreshed", "id": "all", **DEFAULTS}


@pytest.mark.parametrize(
    "options, expected",
    [
        ({}, {"of": "stop", "state": "stopped"}),
        ({"remove": False, "wait": "", "force": None}, {"of": "stop", "state": "stopped"}),
        ({"remove": "true"}, {"of": "remove", "state": "absent"}),
        ({"remove": True, "force": "yes"}, {"of": "remove", "state": "absent", "force": True}),
        ({"wait": "2m", "segments": "on", "unmatched": "warn"}, {"wait": 120, "segments": True, "unmatched": "warn"}),
        ({"spool": "/mnt/spool/"}, {"spool": "/mnt/spool"}),
    ],
)
def test_stop(options, expected):
    """Removing is asked of the same playbook; values may be text, as the command line gives them."""
    plain = {"of": "stop", "state": "stopped", "id": "c-1", **DEFAULTS}
    assert asked("stop", id="c-1", **options) == {**plain, **expected}


@pytest.mark.parametrize(
    "of, options, words",
    [
        ("stop", {}, "capture_id: no capture is named; write its id"),
        ("stop", {"id": ""}, "capture_id: no capture is named; write its id"),
        ("stop", {"id": "../up"}, "capture_id: '../up' is not an id; write"),
        ("status", {"id": "UP"}, "capture_id: 'UP' is not an id; write"),
        ("stop", {"id": "x", "wait": "10 parsecs"}, 'capture_wait: "10 parsecs" is not a time'),
        ("stop", {"id": "x", "wait": "2d"}, "capture_wait: "),
        ("stop", {"id": "x", "remove": "maybe"}, 'capture_remove: "maybe" is not taken; write true or false'),
        ("stop", {"id": "x", "force": "maybe"}, "capture_force: "),
        ("status", {"segments": "maybe"}, "capture_segments: "),
        ("status", {"spool": "relative"}, "capture_spool: "),
        ("status", {"unmatched": "ignore"}, 'capture_unmatched: "ignore" is not taken; write fail or warn'),
        ("status", {"remove": True}, '"capture_remove": it is not an option'),
    ],
)
def test_refused_by_the_name_that_was_written(of, options, words):
    """Each refusal begins with the role's option."""
    with pytest.raises(OptionError) as error:
        asked(of, **options)
    assert str(error.value).startswith(words)


@pytest.mark.parametrize(
    "options, expected",
    [
        ({}, {}),
        ({"id": "", "dest": None, "sink": "", "spool": None, "unmatched": ""}, {}),
        ({"id": "c-1", "dest": "~/x", "unmatched": "warn"}, {"id": "c-1", "dest": "~/x", "unmatched": "warn"}),
        ({"sink": "gs://box/p", "spool": "/srv/spool"}, {"sink": "gs://box/p", "spool": "/srv/spool"}),
    ],
)
def test_collect(options, expected):
    """Every capture, to where its own sink tells, unless it is said otherwise."""
    plain = {"of": "collect", "id": "all", "dest": None, "sink": None, "spool": "/var/lib/kube-pcap"}
    asked = collection({"capture_" + name: value for name, value in options.items()})
    assert asked == {**plain, "unmatched": "fail", **expected}


@pytest.mark.parametrize(
    "options, words",
    [
        ({"dest": "x", "sink": "gs://box"}, "capture_dest: capture_sink is set, too"),
        ({"sink": "/mnt"}, "capture_sink: '/mnt' is no bucket"),
        ({"id": "UP"}, "capture_id: 'UP' is not an id"),
        ({"wait": 5}, '"capture_wait": it is not an option'),
    ],
)
def test_collected_wrongly(options, words):
    """The same for what collect is asked."""
    with pytest.raises(OptionError) as error:
        collection({"capture_" + name: value for name, value in options.items()})
    assert str(error.value).startswith(words)
