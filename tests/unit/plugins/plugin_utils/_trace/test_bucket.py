# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a trace in a bucket is named; that it is put and read is shown with a bucket (tests/lab/test_trace_sink.py)."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import OptionError, PcapError
from ansible_collections.kube.pcap.plugins.plugin_utils._archive import library
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.bucket import check_sink, get_trace


@pytest.mark.parametrize(
    "given, said",
    [
        ("gs://", 'trace_from: "gs://" names no trace in a bucket; write gs://BUCKET/PREFIX/ID'),
        ("gs://caps", 'trace_from: "gs://caps" names no trace in a bucket'),
        ("gs://caps/trace.json", "trace_from: "),
        ("gs://Caps/t-1", "trace_from: 'Caps' is no bucket's name"),
        ("gs://caps/a/../t-1", "trace_from: 'a/..' is not taken as a prefix"),
        ("gs://caps/a/T", "trace_from: 'T' is not an id"),
    ],
)
def test_what_names_no_trace(given, said):
    """It is refused before anybody is asked."""
    with pytest.raises(OptionError) as caught:
        get_trace(given, {}, {})
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize(
    "sink, said",
    [
        (
            "/mnt/traces",
            'trace_sink: "/mnt/traces" is no bucket; write gs://BUCKET/PREFIX; a folder of the controller is',
        ),
        ("gs://x", "trace_sink: 'x' is no bucket's name"),
    ],
)
def test_what_is_no_bucket(sink, said):
    """A folder is another option's."""
    with pytest.raises(OptionError) as caught:
        check_sink(sink, None, {}, {})
    assert str(caught.value).startswith(said)


def test_no_library(monkeypatch):
    """The option that wants it is named."""
    monkeypatch.setattr(library, "MISSING", "No module named 'google'")
    with pytest.raises(PcapError, match="^trace_sink: google-cloud-storage is missing for "):
        check_sink("gs://caps", None, {}, {})


def test_without_a_sink():
    """Nobody is asked."""
    check_sink("", "t-1", {}, {})
    check_sink(None, None, {}, {})
