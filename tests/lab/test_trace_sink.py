# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A trace that is put into a bucket, and shown again from there (row KP-10)."""

from __future__ import annotations

import json
import pathlib

import pytest

from tests.bucket.scene import Bucket
from tests.lab.playing import said
from tests.lab.shipped import environment
from tests.lab.tracing import Traces

REQUEST = "from pod shop/cart to pod shop/db-0 and tcp port 8080"
OWN = "traces/t-1/"


@pytest.fixture
def kept(traces: Traces, bucket: Bucket) -> Traces:
    """The playbook, with the environment of a bucket."""
    traces.env = environment(bucket)
    traces.known.update(id="t-1", sink="gs://%s/traces" % bucket.name)
    return traces


def test_kept_and_shown(kept: Traces, bucket: Bucket, tmp_path: pathlib.Path) -> None:
    """KP-10: both files are there, and another machine shows the same from there; a name is used once."""
    run = kept.run(REQUEST)
    result = kept.told(run)
    assert [one.name for one in bucket.objects()] == [OWN + "trace.json", OWN + "trace.md"]
    assert json.loads(bucket.content(OWN + "trace.json")) == result
    assert bucket.content(OWN + "trace.md") == (kept.folder / "t-1" / "trace.md").read_bytes()
    *text, there, here = run.of("report").popitem()[1]["text"].splitlines()
    assert there == "stored as gs://captures/traces/t-1/trace.json"
    assert here == "stored as %s/t-1/trace.json" % kept.folder

    for named in ("gs://captures/traces/t-1", "gs://captures/traces/t-1/trace.json"):
        again = kept.ansible.playbook("kube.pcap.show", extra_vars={"trace_from": named}, env=kept.env)
        (shown,) = again.of("report").values()
        assert (shown["trace"], shown["text"].splitlines()) == (result, text)

    refused = kept.run(REQUEST, dest=str(tmp_path / "elsewhere"))
    assert "trace_id: a trace of this name is stored in gs://captures/traces/t-1 already" in said(refused)
    assert refused.rc == 2 and {task.action for task in refused.tasks} == {"kube.pcap.plan"}


def test_no_right_to_write(kept: Traces, bucket: Bucket) -> None:
    """It is told before anybody is asked."""
    bucket.allow(bucket.account, "storage.objects.get")
    run = kept.run(REQUEST)
    assert run.rc == 2 and "trace_sink: gs://captures: " in said(run) and "roles/storage.objectCreator" in said(run)
    assert {task.action for task in run.tasks} == {"kube.pcap.plan"}


def test_a_bucket_that_fails_in_the_end(kept: Traces, bucket: Bucket) -> None:
    """The play fails; the result is told, returned, and in its folder all the same."""
    bucket.faults.status(403, only=lambda seen: "uploadType=multipart" in seen.path)
    run = kept.run(REQUEST)
    (told,) = run.of("report").values()
    assert run.rc == 2 and "trace t-1: trace_sink: gs://captures/traces/t-1/trace.md: " in told["failure"]
    assert told["trace"]["verdict"]["text"] in said(run)
    assert json.loads((kept.folder / "t-1" / "trace.json").read_text()) == told["trace"]
    assert not bucket.objects()
