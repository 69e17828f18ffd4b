# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the plan of a trace and its assembly share, and what it comes to. PRIVATE to the collection."""

from __future__ import annotations

import dataclasses

from ...module_utils._dns_records import Resolution
from ...module_utils._records import TargetRef
from ...module_utils._trace_records import Layer, Mark

OUTCOMES = (
    *("lost", "looped", "reset", "refused", "unsent"),
    *("delivered", "inconclusive", "intercepted", "answered"),
)
"""What may become of a probe, the worst first."""
TIME, TOPOLOGY = "time", "topology"
"""By what a hop stands behind another."""
DNS = "dns"
"""The leg of questions for the destination's name, and of their answers."""


@dataclasses.dataclass(frozen=True)
class Place:
    """A network namespace that is watched."""

    host: str
    """Of the inventory."""
    node: str
    target: TargetRef
    """A pod; or the node, also where a pod shares its network."""
    netns: int
    """Its inode on that node."""

    @property
    def title(self) -> str:
        """How messages call it: ``node node-a``, ``pod shop/cart on node-a``."""
        return "%s on %s" % (self.target.title, self.node) if self.target.kind == "pod" else self.target.title


@dataclasses.dataclass(frozen=True)
class Landing:
    """Where packets to the destination may arrive."""

    address: str
    port: int | None = None
    """None where the protocol has no ports."""
    title: str | None = None
    """Of the pod or node that has the address; None where nobody knows."""
    place: int | None = None
    """Which of the places it is; None where nobody watches it."""
    node_place: int | None = None
    """The place of its node."""


@dataclasses.dataclass(frozen=True)
class CanaryWay:
    """From which place to which canaries of a number go."""

    number: int
    source: int
    destination: int


@dataclasses.dataclass(frozen=True)
class Proof:
    """What canaries of one way have proved of a tap: they were seen there before the probes, and after them."""

    direction: str
    """``in`` or ``out``."""
    source: str
    """Title of the place from which they went."""
    destination: str
    interfaces: tuple[str, ...]
    """Where they were seen."""
    encapsulation: tuple[str, ...] = ()
    """The kinds of tunnels in which they were seen there; of no other kind it is proved that the filter finds it."""


@dataclasses.dataclass(frozen=True)
class NameQuestion:
    """A question for the destination's name, which a probe asks once more."""

    probe: int
    name: str
    type: str
    """``A`` or ``AAAA``."""
    server: str
    """An address."""
    landings: tuple[Landing, ...]
    entry_place: int | None = None


@dataclasses.dataclass(frozen=True)
class EndpointProbe:
    """A probe that goes to one endpoint of a Service by itself."""

    probe: int
    landing: Landing


@dataclasses.dataclass(frozen=True)
class Planned:
    """What a trace was to do."""

    id: str
    expression: str
    protocol: str
    """As packets have it."""
    source: str
    """Its title."""
    source_place: int
    source_node_place: int
    destination: str
    """Its title."""
    address: str
    """To which the probes are sent."""
    port: int | None
    places: tuple[Place, ...]
    landings: tuple[Landing, ...]
    """Of a Service one for each endpoint."""
    marks: tuple[Mark, ...]
    ways: tuple[CanaryWay, ...]
    every_node: bool
    """Whether the cluster has told its nodes, and all of them are watched."""
    unwatched: tuple[str, ...] = ()
    """Nodes that are not."""
    absent: tuple[str, ...] = ()
    """Those of them that cannot be: they are no hosts of the play, or gave no answer."""
    listed: bool = True
    """Whether the cluster has told its nodes."""
    entry_place: int | None = None
    """The node to whose own address the probes are sent, where it is to send them on."""
    lone: bool = False
    """Whether each probe is a SYN alone, whose answer the source's own kernel resets."""
    questions: tuple[NameQuestion, ...] = ()
    """Where the destination is a name."""
    resolution: Resolution | None = None
    """What the source's resolver said of it."""
    problem: str | None = None
    """Why the name has no address; then nothing but its questions is sent."""
    run: int = 1
    """2: every node is watched, since what the first run saw could not be called a loss without that."""
    again: bool = False
    """Whether it may be sent a second time for that."""
    each: tuple[EndpointProbe, ...] = ()
    """Where every endpoint of a Service is probed, all probes but the questions."""
    ttl: int | None = None
    """Of the probes, but not of questions; None: as the source's namespace has it."""


@dataclasses.dataclass(frozen=True)
class Hop:
    """One packet of a probe at one interface, in its place on the way."""

    n: int
    """From 1."""
    probe: int
    time_ns: int
    """By the node's own clock."""
    timestamp: str
    """The same in UTC, with microseconds."""
    node: str
    pod: str | None
    """Whose namespace it is, or to whom the node's end of a veth belongs: NAMESPACE/NAME."""
    tap: int
    """In which of the places it was seen."""
    interface: str | None
    direction: str | None
    src: str | None
    dst: str | None
    sport: int | None
    dport: int | None
    protocol: str | None
    flags: str | None
    leg: str
    part: str
    joined: str
    again: int
    """How many times the same packet was at the same place before: a retransmission, or with a lower TTL a loop."""
    ttl: int | None
    length: int
    payload: int | None
    encapsulation: tuple[Layer, ...]
    changes: tuple[str, ...]
    """What differs from the same packet's hop before."""
    icmp: str | None = None
    """Type and code of an ICMP error, as numbers with a slash."""
    mac: str | None = None
    """From which address of the link layer its frame came; of a tunnel's packet, the frame around it."""
    order: str = TIME
    """TOPOLOGY: the clocks do not tell whether it was behind the hop before, which is of another node."""


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What a trace comes to."""

    outcome: str
    """One of OUTCOMES."""
    text: str
    leg: str | None = None
    at: str | None = None
    """Where it was seen last, or where an answer was born."""
    between: tuple[str, ...] = ()
    """Of a loss: the last namespace that saw it, and the next on its way."""
    answered_by: str | None = None
    confidence: str = "unproven"
    """``proven``, ``likely``, or ``unproven``."""
    missing: tuple[str, ...] = ()
    """What would have to be known to say more."""
