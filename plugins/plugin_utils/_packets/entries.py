# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packets of capture files as entries of a list. PRIVATE to the collection."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from ...module_utils._errors import OptionError
from ...module_utils._options import check_filter
from ...module_utils._packet.capture import read_capture
from ...module_utils._packet.headers import dissect
from ...module_utils._packet.packet import Packet, Record
from ...module_utils._packet.stream import Damage
from ...module_utils._units import parse_count
from .._cluster.snapshot import resolve_path
from .where import passing

_MOST = 1_000_000_000


@dataclasses.dataclass(frozen=True)
class Wanted:
    """Which packets of which files."""

    files: tuple[str, ...]
    where: str
    """A BPF expression; empty: every packet."""
    limit: int | None


def read_wanted(terms: Sequence[Any], options: Mapping[str, Any], started_in: str) -> Wanted:
    """Return what is wanted; ``options`` may have ``where`` and ``limit``. Raises OptionError."""
    names = [name for term in terms for name in (term if isinstance(term, list) else [term])]
    right = "write a capture file's path, such as captures/web.pcap.gz"
    if not names:
        raise OptionError("FILE", "no file is named", right)
    for name in names:
        if not isinstance(name, str) or not name.strip():
            raise OptionError("FILE", "%r is no path" % (name,), right)
    for name in options:
        if name not in ("where", "limit"):
            raise OptionError(str(name), "there is no such option", "write where or limit, or leave it out")
    where, limit = options.get("where"), options.get("limit")
    return Wanted(
        tuple(resolve_path(name, started_in) for name in names),
        "" if where is None else check_filter("where", where),
        None if limit in (None, "") else parse_count("limit", limit, 1, _MOST),
    )


def read_entries(wanted: Wanted) -> list[dict[str, Any]]:
    """Return the packets as entries, in the files' order; of a damaged file, what is wrong follows its packets.

    Raises FileError where a file cannot be opened, and OptionError where tcpdump does not take the expression.
    """
    entries: list[dict[str, Any]] = []
    packets = 0
    for path in wanted.files:
        left = None if wanted.limit is None else wanted.limit - packets
        records = read_capture(path)
        try:
            for record in itertools.islice(passing(records, wanted.where) if wanted.where else records, left):
                entries.append(entry(record, dissect(record)))
                packets += 1
        except Damage as error:
            entries.append({"error": str(error)})
    return entries


def entry(record: Record, packet: Packet) -> dict[str, Any]:
    """Return a packet as one entry: ``{time_ns, interface, direction, caplen, length, …, encapsulation, error}``."""
    return {
        "time_ns": record.time_ns,
        "interface": _interface(record.interface, packet.ifindex),
        "direction": packet.direction,
        "caplen": len(record.data),
        "length": record.length,
        **_headers(packet),
        "error": packet.error,
    }


def _headers(packet: Packet) -> dict[str, Any]:
    icmp = packet.icmp and packet.icmp._asdict()
    if icmp and icmp["quoted"] is not None:
        icmp["quoted"] = {**_headers(icmp["quoted"]), "error": icmp["quoted"].error}
    return {
        "src": packet.src,
        "dst": packet.dst,
        "protocol": packet.protocol,
        "sport": packet.sport,
        "dport": packet.dport,
        "tcp": packet.tcp and packet.tcp._asdict(),
        "icmp": icmp,
        "ip_id": packet.ip_id,
        "ttl": packet.ttl,
        "encapsulation": [layer._asdict() for layer in packet.encapsulation],
    }


def _interface(name: str | None, index: int | None) -> str | None:
    """Return the name in the file, unless it stands for every interface and the packet has an index of its own."""
    if index is not None and (name is None or name == "any" or name.startswith("#")):
        return str(index)
    return name
