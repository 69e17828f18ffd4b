# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lets tcpdump judge which packets a BPF expression means. PRIVATE to the collection.

libpcap reads no gzip, and of pcapng no file with two link types. So packets are handed over as classic files that are
made here, one for each link type and byte order; a packet's second is its number, by which those that pass are known.
"""

from __future__ import annotations

import io
import shutil
import struct
import subprocess
from collections.abc import Iterable, Iterator, Sequence

from ...module_utils._errors import OptionError, shown
from ...module_utils._node.process import environment, search_path
from ...module_utils._node.tcpdump import parse_complaint
from ...module_utils._packet.packet import Record
from ...module_utils._packet.pcap import read_pcap
from ...module_utils._packet.stream import MOST_BYTES, Damage

_MOST_PACKETS = 8192
_MOST_HELD = 16 << 20
_SECONDS = 60
_NONE_PASS = ("expression rejects all packets", "link-layer type filtering not implemented")
"""libpcap's words for a link type of which no packet passes; the second for USB, Bluetooth and others without IP."""
_ETHERNET = 1


def passing(records: Iterable[Record], where: str) -> Iterator[Record]:
    """Yield the packets that a BPF expression lets pass; raise OptionError where tcpdump does not take it.

    It reads some thousand packets ahead. Damage is raised after the packets before it.
    """
    tcpdump = shutil.which("tcpdump", path=search_path())
    if tcpdump is None:
        right = "install tcpdump there, or leave where out"
        raise OptionError("where", "it is tcpdump that reads it, which the controller does not have", right)
    batch: list[Record] = []
    held, judged = 0, False
    damage: Damage | None = None
    try:
        for record in records:
            batch.append(record)
            held += len(record.data)
            if len(batch) >= _MOST_PACKETS or held >= _MOST_HELD:
                yield from _pass(tcpdump, batch, where)
                batch, held, judged = [], 0, True
    except Damage as error:
        damage = error
    if batch or not judged:
        yield from _pass(tcpdump, batch, where)
    if damage is not None:
        raise damage


def _pass(tcpdump: str, batch: Sequence[Record], where: str) -> Iterator[Record]:
    # An expression is looked at although there is no packet.
    kinds = dict.fromkeys((record.link_type, record.order) for record in batch) or [(_ETHERNET, "<")]
    passed: list[int] = []
    for link_type, order in kinds:
        numbers = [number for number, one in enumerate(batch) if (one.link_type, one.order) == (link_type, order)]
        data = b"".join([_header(link_type, order), *(_packet(batch[number], number) for number in numbers)])
        passed += _run(tcpdump, data, where, link_type)
    return (batch[number] for number in sorted(passed))


def _header(link_type: int, order: str) -> bytes:
    """Return a file's beginning. Its byte order is the writer's: a BSD loopback's header is read in it."""
    return struct.pack(order + "IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, MOST_BYTES, link_type)


def _packet(record: Record, number: int) -> bytes:
    return struct.pack(record.order + "IIII", number, 0, len(record.data), record.length) + record.data


def arguments(tcpdump: str, where: str) -> list[str]:
    """Return the command line that passes on, from its input to its output, the packets that an expression means."""
    return [tcpdump, "-n", "-r", "-", "-w", "-", "--", where]


def _run(tcpdump: str, data: bytes, where: str, link_type: int) -> list[int]:
    """Return the numbers of the packets that pass."""
    right = "see pcap-filter(7)"
    try:
        done = subprocess.run(
            arguments(tcpdump, where), input=data, capture_output=True, timeout=_SECONDS, check=False, env=environment()
        )
    except OSError as error:
        raise OptionError("where", "tcpdump cannot be run: %s" % error.strerror, "leave it out, or see why") from None
    except subprocess.TimeoutExpired:
        right = "a name in it may be looked for in vain: write addresses"
        raise OptionError("where", "tcpdump was not done with it after %d s" % _SECONDS, right) from None
    complaint = parse_complaint(done.stderr.decode("utf-8", "replace"))
    if done.returncode and any(words in complaint for words in _NONE_PASS):
        return []
    if done.returncode:
        wrong = "tcpdump does not take %s with packets of link type %d: %s" % (shown(where), link_type, complaint)
        raise OptionError("where", wrong, right)
    return [(record.time_ns or 0) // 1_000_000_000 for record in read_pcap(io.BytesIO(done.stdout))]
