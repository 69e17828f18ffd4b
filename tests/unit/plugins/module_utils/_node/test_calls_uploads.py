# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a module call does of the way to a bucket: taken where it is better, never compared, never told."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import time

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import OptionError
from ansible_collections.kube.pcap.plugins.module_utils._node import calls
from ansible_collections.kube.pcap.plugins.module_utils._node.spool import Spool, Wanted
from ansible_collections.kube.pcap.plugins.module_utils._records import (
    CaptureOptions,
    NodeCapture,
    Selection,
    Target,
    Upload,
    to_result,
)

from .forks import fork, until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="captures are made and seen by root alone")
SECRET = "5ec4e7" * 9
HOUR = 3600 * 10**9
WEB = Target("pod", "shop", "web", "uid-1", "node-a", pid=4711, netns=1)


@pytest.fixture
def spool(tmp_path):
    """A capture that ships to a bucket, whose supervisor runs."""
    made = Spool(str(tmp_path / "spool"), "c-1")
    made.make()
    options = CaptureOptions(sink="gs://captures/p", spool=made.root)
    capture = NodeCapture("c-1", "node-a", (Selection("pods", "shop", "*"),), options, (WEB,))
    now = time.time_ns()
    made.write_wanted(Wanted(capture, now, now + 2 * HOUR))
    yield made


@pytest.fixture
def supervisor(spool):
    """Holds the lock, and has fresh figures whenever it is asked."""

    def supervise():
        spool.lock()
        stamp = None
        while True:
            if stamp != spool.wanted_stamp():
                stamp = spool.wanted_stamp()
                written(spool)
            time.sleep(0.01)

    pid = fork(supervise)
    until(lambda: spool.running and spool.read_state())
    yield
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def written(spool, phase="ready", **more):
    """The supervisor's word."""
    now = time.time_ns()
    one = {"target": to_result(WEB), "phase": phase, "reason": None}
    told = {"phase": phase, "reason": None, "targets": [one], "read_ns": now, "written_ns": now}
    spool.write_state({**told, "deadline_ns": now + 2 * HOUR, **more})


def way(hours=9):
    """What the controller signed."""
    now = time.time_ns()
    return Upload("https://b.example/b/", "p/c-1/node-a/", {"x-goog-signature": SECRET}, now, now + hours * HOUR)


def call(spool, check_mode=False, **given):
    """One call of the module."""
    params = {"spool": spool.root, "id": "c-1", "wait": "1s", "force": False, "record": None, "segments": False}
    return calls.run({**params, "policies": None, "confirmed": None, **given}, check_mode)


def policies(one):
    """As the action hands it over."""
    return json.dumps({"c-1": to_result(one)})


def started(spool, check_mode=False, **changed):
    """The same request again."""
    record = to_result(spool.read_wanted().capture)
    return call(spool, check_mode, state="started", record=record, **changed)


def refreshed(spool, check_mode=False, **changed):
    """A status."""
    return call(spool, check_mode, state="refreshed", **changed)


BOTH = (started, refreshed)


@pytest.mark.parametrize("again", BOTH)
def test_a_policy_is_renewed(spool, supervisor, again):
    """It is taken where there is none that lasts, which is a change; the next is none, and no difference either."""
    told = again(spool, True, policies=policies(way()))
    assert told["changed"] and spool.read_upload() is None
    told = again(spool, policies=policies(way()))
    assert told["changed"] and "renewed" in told["msg"] and SECRET not in json.dumps(told)
    first = spool.read_upload()
    assert first.fields == {"x-goog-signature": SECRET}
    told = again(spool, policies=policies(way(99)))
    assert not told["changed"] and spool.read_upload() == first and "msg" not in told
    assert not again(spool, True, policies=policies(way(99)))["changed"]


def test_what_is_told(spool, supervisor):
    """What was asked for as ``capture_info`` tells it, with its segments on request, and the names of what else is."""
    Spool(spool.root, "c-2").make()
    told = refreshed(spool)
    assert ([one["id"] for one in told["captures"]], told["others"]) == (["c-1"], ["c-2"])
    asked = {"spool": spool.root, "id": "c-1", "segments": True}
    assert refreshed(spool, segments=True)["captures"] == calls.info(asked)["captures"]
    told = refreshed(spool, id="c-3")
    assert (told["captures"], told["others"]) == ([], ["c-1", "c-2"])


def test_who_needs_what(spool, supervisor):
    """Each capture that wants a policy or a reader is told; one that is damaged keeps nobody from the others."""
    other, damaged = Spool(spool.root, "c-2"), Spool(spool.root, "c-3")
    for one in (other, damaged):
        one.make()
    wanted = spool.read_wanted()
    other.write_wanted(dataclasses.replace(wanted, capture=dataclasses.replace(wanted.capture, id="c-2")))
    written(other, "done", unconfirmed=1)
    with open(damaged.path("capture.json"), "w", encoding="ascii") as file:
        file.write("{")
    with open(other.path("manifest.jsonl"), "w", encoding="ascii"):
        pass
    told = call(spool, state="refreshed", id="all")
    asked = {one["id"]: (one["renew"], [file["file"] for file in one["unconfirmed"]]) for one in told["uploads"]}
    assert asked == {"c-1": (True, []), "c-2": (False, ["manifest.jsonl"])}
    assert "damaged" in told["msg"]
    spool.write_upload(way(), {})
    assert [one["id"] for one in call(spool, state="refreshed", id="all")["uploads"]] == ["c-2"]


@pytest.mark.parametrize("text", ["{", "[]", "5", '"x"', '{"c-1": 5}', '{"c-1": {"url": "%s"}}', '{"c-1": {"url": 7}}'])
def test_policies_of_another_shape(spool, supervisor, text):
    """They are refused by the option's name, and nothing of them is told."""
    given = text.replace("%s", SECRET)
    for again in BOTH:
        with pytest.raises(OptionError, match="policies: ") as caught:
            again(spool, policies=given)
        assert SECRET not in str(caught.value) and "c-1" not in str(caught.value)


@pytest.mark.parametrize(
    "given",
    [
        {"c-1": 5},
        {"c-1": ["x"]},
        {"c-1": [{"file": "x"}]},
        {"c-1": [{"file": 1, "sink": "x", "object": "y"}]},
        {"c-1": [{"file": "x", "sink": ["a"], "object": "y"}]},
        {"c-1": [{"file": "x", "sink": "a", "object": "y", "generation": "z"}]},
    ],
)
def test_confirmed_of_another_shape(spool, supervisor, given):
    """The supervisor never gets to see what is no file's record."""
    with pytest.raises(OptionError, match="confirmed: "):
        call(spool, state="refreshed", confirmed=given)
    assert not spool.has_confirmed


def test_nothing_to_confirm(spool, supervisor):
    """What is not here any more is no change, and check mode hands nothing over."""
    one = {"file": "s1", "sink": "gs://captures/p", "object": "x"}
    assert not call(spool, state="refreshed", confirmed={"c-1": [one]})["changed"]
    with open(spool.path("segments", "s1"), "wb"):
        pass
    call(spool, True, state="refreshed", confirmed={"c-1": [one]})
    assert not spool.has_confirmed
