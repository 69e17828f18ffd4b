# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The records of a name's resolution, as a node answers them. PRIVATE to the collection.

``_records.to_result`` and ``from_result`` turn them into plain JSON types and back.
"""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Question:
    """One message that was to be sent to a server of DNS, and what came back."""

    name: str
    """What was asked, without a dot at its end: with the domain that was appended."""
    type: str
    """``A`` or ``AAAA``."""
    server: str
    """An address, as resolv.conf has it."""
    id: int
    """Of the message, 0 to 65535."""
    protocol: str = "udp"
    """``udp`` or ``tcp``."""
    source: str | None = None
    """The address that the kernel chose; None where no socket could be connected."""
    source_port: int | None = None
    query: str | None = None
    """The message in hexadecimal, without the length that TCP puts before it; None where it was not sent."""
    rcode: str | None = None
    """What the server said, such as ``NOERROR``; None where no answer came."""
    answers: tuple[str, ...] = ()
    """The records of the answer, ``NAME TYPE VALUE``, in their order, as far as they could be read."""
    time_ms: int = 0
    """From before it was sent until the answer was there, or was given up."""
    error: str | None = None
    """``ETIMEDOUT``, or another name of an errno; ``truncated``, ``damaged``, ``closed``; None where nothing failed."""


@dataclasses.dataclass(frozen=True)
class Resolution:
    """What became of a name in a target's network namespace."""

    found: bool
    """Whether the target is on this node."""
    name: str
    """As it was given."""
    container: str | None = None
    """Whose files were read; None for a node."""
    canonical: str | None = None
    """The last name to which CNAMEs lead; None where there is none."""
    addresses: tuple[str, ...] = ()
    """Those of IPv4 first, each in the order of the answer."""
    hosts_file: bool = False
    """Whether /etc/hosts has the name: then nothing was asked."""
    servers: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    ndots: int | None = None
    """None where resolv.conf was not read."""
    questions: tuple[Question, ...] = ()
    """In the order in which they were asked; those for A and AAAA at the same time."""
    problem: str | None = None
    """Why there is no address."""
