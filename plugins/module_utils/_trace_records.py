# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The records of a trace that cross between a node and the controller. PRIVATE to the collection.

``_records.to_result`` and ``from_result`` turn them into plain JSON types and back.
"""

from __future__ import annotations

import dataclasses

from ._records import Target, TargetRef


@dataclasses.dataclass(frozen=True)
class Probe:
    """One packet, or one conversation, that is injected; what makes it recognisable was chosen by the plan."""

    number: int
    """From 1, the order in which they are sent."""
    kind: str
    """``connection``: TCP, a whole conversation. ``syn``: one packet alone. ``udp``. ``icmp``: an echo request."""
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
    """What is said, in hexadecimal; of a ``syn`` the whole packet with its IP header, whose TTL is not looked at."""
    ttl: int | None = None
    """Or hop limit; None: as the namespace has it."""
    wait_ms: int | None = None
    """From the start of the one before it; None: as its record has it for all."""


@dataclasses.dataclass(frozen=True)
class Canary:
    """Datagrams that prove that the taps on their way see what passes, both before and after the probes."""

    number: int
    """Of the way they take, from 0 to 32767; the numbers in their payloads have it in the upper half."""
    target: Target
    """Where they are sent from."""
    destination: str
    """An address, on which nobody need listen."""
    nonce: str
    """In hexadecimal: what their payload begins with."""
    after: bool = False
    """Whether the probes have been sent."""


@dataclasses.dataclass(frozen=True)
class NodeInjection:
    """What one node is to inject: the plan's answer for that node."""

    id: str
    target: Target
    """Where it is sent from."""
    probes: tuple[Probe, ...] = ()
    canaries: tuple[Canary, ...] = ()
    """They are sent first."""
    interval_ms: int = 1000
    """From the start of one probe to that of the next."""
    timeout_ms: int = 5000
    """For each probe, from its start."""
    uid: int | None = None
    """The user to whom the sockets belong; None: root."""
    translated: bool = False
    """Whether what is sent is a lone SYN that some node is to lead from a Service's address to an endpoint."""


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


@dataclasses.dataclass(frozen=True)
class Mark:
    """By what the packets of one probe are known wherever they pass: a translation of addresses leaves it alone."""

    probe: int
    """The probe's number; 0 for canaries, which prove that a tap sees."""
    protocol: str
    """``tcp``, ``udp``, ``icmp`` or ``icmpv6``, as ``Packet.protocol`` has it."""
    version: int
    """4 or 6: the IP version of the probe's packets themselves, whatever they are wrapped in."""
    sequence: int | None = None
    """Of TCP: the initial sequence number. Of an echo request: its sequence number."""
    ident: int | None = None
    """Of an echo request, or of a question for a name."""
    nonce: str = ""
    """In hexadecimal: the payload, of UDP and of an echo, begins with these bytes: 8, or of a question for a name as
    many as tell it from others."""
    nonce_at: int = 0
    """How many bytes of payload are before the nonce: 13 where it is in a DNS question's name."""
    said: int = 0
    """Of TCP: how many bytes are said at most."""
    source_ports: tuple[int, ...] = ()
    """One of them is the source's, unless something translates it."""
    ports: tuple[int, ...] = ()
    """Of the destination: the one that is asked for, and those to which it may be translated."""


@dataclasses.dataclass(frozen=True)
class NodeTap:
    """What one node is to watch for a trace: the plan's answer for that node."""

    id: str
    """The trace's."""
    node: str
    targets: tuple[Target, ...]
    """Whose network namespaces are watched."""
    filter: str
    marks: tuple[Mark, ...]
    asked_filter: str = ""
    """The user's own, of the trace's expression. It is only compiled: it does not know what is translated."""
    seconds: int = 60
    """After so many the taps end by themselves, and nothing of them is left."""
    tagged_filter: str = ""
    """What finds the same packets in Ethernet frames that have a VLAN's tag in them; empty: nobody looks for those."""


@dataclasses.dataclass(frozen=True)
class Layer:
    """One encapsulation around a packet, as ``_packet.packet.Layer`` has it."""

    type: str
    id: int | None = None
    src: str | None = None
    dst: str | None = None
    protocol: str | None = None
    sport: int | None = None
    dport: int | None = None
    ip_id: int | None = None


@dataclasses.dataclass(frozen=True)
class Sighting:
    """One packet of a probe, seen at one interface."""

    probe: int
    time_ns: int
    """Nanoseconds since 1970 by the node's clock."""
    leg: str
    """``request``, ``reply``, or ``error``: an ICMP error that quotes one of them."""
    joined: str
    """Why it belongs to the probe: ``mark``; ``tuple``, the addresses and ports of a packet with the mark, there; or
    ``quote``."""
    part: str
    """``first``: the probe itself; ``answer``: to it; ``later``: of the same connection; ``error``: by ICMP, about the
    probe; ``notice``: another ICMP message about either; ``canary``."""
    ifindex: int | None = None
    direction: str | None = None
    """In, Out, B, M or P, as ``_packet.packet.Packet`` has it."""
    src: str | None = None
    dst: str | None = None
    protocol: str | None = None
    sport: int | None = None
    dport: int | None = None
    flags: str | None = None
    """Of TCP, in tcpdump's letters."""
    seq: int | None = None
    ack: int | None = None
    icmp_type: int | None = None
    icmp_code: int | None = None
    ip_id: int | None = None
    ttl: int | None = None
    length: int = 0
    """Bytes of the whole packet on the wire."""
    payload: int | None = None
    """Bytes that the innermost protocol carries, as far as they were captured; None where its header was cut."""
    number: int | None = None
    """Of a canary: the 32 bits behind its nonce."""
    encapsulation: tuple[Layer, ...] = ()
    """Outermost first."""
    mac: str | None = None
    """Of the frame's sender."""


@dataclasses.dataclass(frozen=True)
class Interface:
    """One interface of a namespace that is watched."""

    index: int
    name: str
    kind: str | None = None
    """veth, bridge, vxlan, ...; None for a physical one and for lo."""
    parent: int | None = None
    """Of a veth: its peer's index, in the peer's namespace."""
    mtu: int = 0
    mac: str | None = None
    addresses: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    """What is attached that may take packets away from taps: ``xdp``, ``tc``, ``tcx``, ``netkit``."""
    programs_unknown: str | None = None
    """Why it is not known whether there are programs of tcx or netkit, by errno's name; None where it is."""


@dataclasses.dataclass(frozen=True)
class KernelClock:
    """What a node's kernel says of its own clock (adjtimex(2)), as whoever keeps it has told the kernel."""

    synchronised: bool
    max_error_us: int
    """How far it is off at most; without anybody who keeps it that grows, up to 16 s."""
    estimated_error_us: int
    offset_ns: int
    """What of the last correction is still to be made."""


@dataclasses.dataclass(frozen=True)
class Tapped:
    """What one tap has seen, and how far it is to be trusted."""

    target: TargetRef
    netns: int
    """Inode of the network namespace."""
    interfaces: tuple[Interface, ...]
    """As they were when the tap began, and those that came until it ended."""
    changed: tuple[str, ...]
    """Names of interfaces that came, went, or became others meanwhile."""
    packets: int
    """In its files, each once, of the probes or not."""
    received: int
    """By the filters, as tcpdump has it: what is watched as Ethernet, too, counts once more."""
    dropped: int
    """By the kernel for want of room, as tcpdump has it."""
    sightings: tuple[Sighting, ...]
    """In the order of the file."""
    left_out: int = 0
    """Sightings beyond those that an answer may hold."""
    problem: str | None = None
    """Why it is not to be trusted, such as that it ended too early; None where nothing is known against it."""
    clock: KernelClock | None = None
    """The node's, when it was read; None where the kernel does not tell."""
