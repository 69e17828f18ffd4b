# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The records of a trace that cross between a node and the controller. PRIVATE to the collection.

``_records.to_result`` and ``from_result`` turn them into plain JSON types and back.
"""

from __future__ import annotations

import dataclasses

from ._records import Target


@dataclasses.dataclass(frozen=True)
class Probe:
    """One packet, or one conversation, that is injected; what makes it recognisable was chosen by the plan."""

    number: int
    """From 1, the order in which they are sent."""
    kind: str
    """``connection``: TCP, a whole conversation. ``syn``: one packet as it is. ``udp``. ``icmp``: an echo request."""
    destination: str
    """An address."""
    port: int | None = None
    """Of the destination."""
    source_ports: tuple[int, ...] = ()
    """The first of them that is free is taken."""
    sequence: int | None = None
    """Of a connection: its initial sequence number. Of an echo request: its sequence number."""
    ident: int | None = None
    """Of an echo request."""
    payload: str = ""
    """What is said, in hexadecimal; of a ``syn`` the whole packet with its IP header."""
    ttl: int | None = None
    """None: as the namespace has it."""


@dataclasses.dataclass(frozen=True)
class NodeInjection:
    """What one node is to inject: the plan's answer for that node."""

    id: str
    target: Target
    """Where it is sent from."""
    probes: tuple[Probe, ...]
    interval_ms: int = 1000
    """From the start of one probe to that of the next."""
    timeout_ms: int = 5000
    """For each probe, from its start."""
    uid: int | None = None
    """The user to whom the sockets belong; None: root."""


@dataclasses.dataclass(frozen=True)
class Sent:
    """What became of one probe, as its own sockets know it."""

    number: int
    started_ns: int | None = None
    """Nanoseconds since 1970 by the node's clock; None where it was not sent."""
    ended_ns: int | None = None
    source: str | None = None
    """The address that the kernel chose."""
    source_port: int | None = None
    connected: bool = False
    """Whether the handshake of a connection was completed."""
    stage: str | None = None
    """Where it failed: ``open``, ``connect``, ``send``, ``receive`` or ``close``; None where nothing did."""
    error: str | None = None
    """Why, by errno's name such as ``ECONNREFUSED``, or ``ETIMEDOUT`` where nobody answered in time."""
    sent_bytes: int = 0
    received_bytes: int = 0
    received: str = ""
    """The beginning of what was received, in base64."""
