# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A trace's files in a bucket: put, read, refused (row KP-10)."""

from __future__ import annotations

import hashlib
import json
import pathlib
import tempfile
from typing import Any

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import OptionError, PcapError
from ansible_collections.kube.pcap.plugins.plugin_utils._archive.access import read_access
from ansible_collections.kube.pcap.plugins.plugin_utils._archive.gcs import Archive
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.bucket import check_sink, get_trace, put_trace
from tests.bucket.identity import make_account
from tests.bucket.scene import Bucket

SINK = "gs://captures/traces"
OWN = "traces/t-1/"
CREATE, LOOK = "storage.objects.create", "storage.objects.get"


class Asking:
    """The controller, as a job template with a Google credential has it."""

    def __init__(self, bucket: Bucket, **access: str) -> None:
        self.access = {"service_account_contents": bucket.key_file.read_text(), **access}

    def check(self, id: str | None = "t-1") -> None:
        """What is asked before anything is sent."""
        check_sink(SINK, id, self.access, {})

    def put(self, result: dict[str, Any]) -> str:
        """What is done in the end."""
        return put_trace(SINK, result, "# Trace\n", self.access, {})

    def get(self, given: str) -> dict[str, Any]:
        """What ``show`` reads."""
        return get_trace(given, self.access, {})


@pytest.fixture
def asking(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> Asking:
    """As the bucket's own account."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", bucket.url)
    return Asking(bucket)


def test_put(asking: Asking, bucket: Bucket) -> None:
    """Both files, with their types, and nothing else; what is no result is told as such when it is read."""
    asking.check()
    assert asking.put({"id": "t-1"}) == SINK + "/t-1/trace.json"
    found = {one.name: one.content_type for one in bucket.objects()}
    assert found == {OWN + "trace.json": "application/json", OWN + "trace.md": "text/markdown; charset=utf-8"}
    assert json.loads(bucket.content(OWN + "trace.json")) == {"id": "t-1"}
    with pytest.raises(
        PcapError,
        match="^trace_from: gs://captures/traces/t-1/trace.json: it is no result of a trace: it has no schema",
    ):
        asking.get(SINK + "/t-1")
    with pytest.raises(PcapError, match="^trace_from: gs://captures/traces/t-2/trace.json is not there"):
        asking.get(SINK + "/t-2/trace.json")


@pytest.mark.parametrize("there", ["trace.json", "trace.md"])
def test_a_name_that_is_taken(asking: Asking, bucket: Bucket, tmp_path: pathlib.Path, there: str) -> None:
    """One file of it is enough. Who may not look is told in the end, and replaces nothing."""
    file = tmp_path / there
    file.write_text("earlier")
    archive = Archive.open(read_access(asking.access, {}))
    archive.put(str(file), bucket.name, OWN + there, "text/plain", hashlib.md5(b"earlier").hexdigest())
    with pytest.raises(
        OptionError, match="^trace_id: .* is stored in gs://captures/traces/t-1 already; .*its objects$"
    ):
        asking.check()
    asking.check(None)
    bucket.allow(bucket.account, CREATE)
    asking.check()
    with pytest.raises(PcapError, match="^trace_sink: gs://captures/traces/t-1/trace"):
        asking.put({"id": "t-1"})
    assert bucket.content(OWN + there) == b"earlier"


def test_another_who_signs(asking: Asking, bucket: Bucket) -> None:
    """An account that signs for nodes has no part in this: it is the one that asks that must be able to write."""
    bucket.allow(bucket.account, LOOK)
    signer = Asking(bucket, service_account_email=make_account("signer").email)
    for one in (asking, signer):
        with pytest.raises(PcapError, match="^trace_sink: gs://captures: access is refused .*storage.objectCreator"):
            one.check()
    assert not bucket.objects()


def test_no_room(asking: Asking, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """A controller without a folder for files on their way is told so, by the option."""
    monkeypatch.setattr(tempfile, "tempdir", "/nonexistent")
    with pytest.raises(PcapError, match="^trace_sink: /nonexistent/kube-pcap-.*: No such file or directory"):
        asking.put({"id": "t-1"})
    assert not bucket.objects()
