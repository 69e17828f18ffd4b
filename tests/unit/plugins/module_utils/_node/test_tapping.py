# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a record of taps must be before anything is started."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import NodeError, OptionError
from ansible_collections.kube.pcap.plugins.module_utils._node import preflight, tapping
from ansible_collections.kube.pcap.plugins.module_utils._records import Target, from_result, to_result
from ansible_collections.kube.pcap.plugins.module_utils._trace_records import Mark, NodeTap

TARGETS = tuple(Target("node", name="node-%d" % netns, pid=1, netns=netns) for netns in range(1, 66))
MARK = Mark(1, "udp", 4, nonce="00" * 8)
GOOD = NodeTap("t-1", "node-a", TARGETS[:2], "udp port 9", (MARK,))


@pytest.mark.parametrize("changes", [{}, {"seconds": 1}, {"targets": TARGETS[:64]}, {"targets": TARGETS[:1] * 99}])
def test_what_is_taken(changes):
    """Its bounds, and what a record becomes again."""
    asked = dataclasses.replace(GOOD, **changes)
    assert from_result(NodeTap, to_result(asked)) == asked
    tapping.check(asked)


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"id": "../x"}, "record.id: '../x' is not an id; write at most 63 characters"),
        ({"seconds": 0}, "record: seconds is 0; it must be 1 to 60"),
        ({"seconds": 61}, "record: seconds is 61; it must be 1 to 60"),
        ({"targets": ()}, "record: targets has 0 network namespaces; it must be 1 to 64"),
        ({"targets": TARGETS}, "record: targets has 65 network namespaces; it must be 1 to 64"),
        ({"filter": "-w /etc/passwd"}, "record.filter: a filter cannot begin with -; "),
        ({"marks": (MARK, dataclasses.replace(MARK, nonce="x"))}, 'record: marks[1].nonce is "x"; it must be hexa'),
    ],
)
def test_what_is_refused(changes, said):
    """In one sentence that names the place."""
    with pytest.raises(OptionError) as refused:
        tapping.check(dataclasses.replace(GOOD, **changes))
    assert str(refused.value).startswith(said)


def test_what_is_no_record(tmp_path):
    """A record of another shape is refused before anything is asked of the node."""
    with pytest.raises(OptionError, match="record: it is not one that the plan made .id is missing."):
        tapping.run({"state": "started", "record": {}, "id": None}, False, str(tmp_path))
    with pytest.raises(OptionError, match="^id: "):
        tapping.run({"state": "read", "record": None, "id": "A"}, False, str(tmp_path))


@pytest.mark.parametrize("state", ["started", "read", "absent"])
def test_it_takes_root(tmp_path, monkeypatch, state):
    """Who is not root is told so, and not that something is missing."""
    monkeypatch.setattr(preflight.os, "geteuid", lambda: 1000)
    with pytest.raises(NodeError, match="takes root on the node; run it with become"):
        tapping.run({"state": state, "record": to_result(GOOD), "id": "t-1"}, False, str(tmp_path))
