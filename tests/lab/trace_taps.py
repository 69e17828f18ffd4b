# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Taps of a trace without a module, in network namespaces of their own, for tests."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import tempfile
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import PcapError
from ansible_collections.kube.pcap.plugins.module_utils._node import tapping
from ansible_collections.kube.pcap.plugins.module_utils._records import Target, to_result
from ansible_collections.kube.pcap.plugins.module_utils._trace_records import Mark, NodeTap
from tests.lab.taps import until

FILTER = "udp port 9"
MARK = Mark(1, "udp", 4, nonce=b"00000001".hex(), ports=(9,))
"""Of the second packet that ``send`` sends: the others belong to it by their addresses and ports."""


class TraceTaps:
    """The taps of one trace, by the code that the module calls, in a folder that is looked at."""

    def __init__(self, root: pathlib.Path, *targets: Target) -> None:
        self.root = root
        self.folder = root / "t-1"
        self.asked = NodeTap("t-1", "node-a", targets, FILTER, (MARK,))

    def run(self, state: str, check_mode: bool = False, **changes: Any) -> dict[str, Any]:
        """What the module answers."""
        record = to_result(dataclasses.replace(self.asked, **changes)) if state == "started" else None
        return tapping.run({"state": state, "record": record, "id": self.asked.id}, check_mode, str(self.root))

    def read(self) -> dict[str, Any]:
        """What the only tap tells."""
        (told,) = self.run("read")["taps"]
        return dict(told)

    def refusal(self, state: str = "started", **changes: Any) -> str:
        """The sentence with which a call is refused."""
        with pytest.raises(PcapError) as refused:
            self.run(state, **changes)
        return str(refused.value)

    def processes(self) -> dict[int, str]:
        """Every process that has the folder in its command line, with its name."""
        found = {}
        for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                words = path.read_bytes().split(b"\0")
                if any(str(self.root).encode() in word for word in words):
                    found[int(path.parent.name)] = os.path.basename(words[0].decode())
        return found

    def tcpdumps(self) -> list[int]:
        """Its tcpdumps."""
        return [pid for pid, name in self.processes().items() if name == "tcpdump"]

    def supervisors(self) -> tuple[int, int]:
        """The process that waits, and the one that works."""
        worker = int(json.loads((self.folder / "state.json").read_text())["pid"])
        (waiter,) = [pid for pid, name in self.processes().items() if name != "tcpdump" and pid != worker]
        return waiter, worker

    def nothing_left(self) -> bool:
        """Whether there is no process and no file."""
        return not self.processes() and not self.root.exists()


@contextlib.contextmanager
def traced(target: Target) -> Iterator[TraceTaps]:
    """Taps of a target of which nothing is left afterwards."""
    with tempfile.TemporaryDirectory() as folder:  # a socket's path is short
        made = TraceTaps(pathlib.Path(folder) / "kube-pcap" / "taps", target)
        yield made
        made.run("absent")
        until(made.nothing_left)
