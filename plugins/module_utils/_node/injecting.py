# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module ``inject`` is asked, checked and done. PRIVATE to the collection."""

from __future__ import annotations

import ipaddress
from typing import Any, Mapping

from .._errors import OptionError, shown
from .._records import RecordError, from_result, to_result
from .._trace_records import NodeInjection, Probe
from . import canaries, lone, probes, socket_programs
from .caller import Caller
from .injector import inject

MOST_PROBES, MOST_CANARIES = 108, 1000
"""A hundred, and the questions for a name that go before them."""
LEAST_INTERVAL_MS, MOST_INTERVAL_MS, MOST_TIMEOUT_MS = 100, 60_000, 60_000
FIRST_SEQUENCE, LAST_SEQUENCE = 1 << 16, (1 << 32) - (1 << 24)
"""Of a connection: 0 would let the kernel choose, and what is said must not pass the end of 32 bits."""
_PORTS, _NUMBERS, _WAYS = range(1, 1 << 16), range(1 << 16), range(1 << 15)
_MOST_NONCE = 64


def run(params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    """Send the probes of a record, or in check mode none of them; return the module's result. Raises PcapError."""
    try:
        asked = from_result(NodeInjection, params["record"])
    except RecordError as error:
        raise OptionError("record", "it is not one that the plan made (%s)" % error, "pass it on unchanged") from None
    check(asked)
    doubt = _doubt(asked)
    failed = {} if check_mode else canaries.send(asked.canaries)
    sent = inject(asked, (lambda: True) if check_mode else Caller().is_gone) if asked.probes else ()
    changed = any(one.error is None if check_mode else one.started_ns for one in sent)
    told = {"changed": changed or len(failed) < len(asked.canaries), "sent": to_result(sent), "canaries": failed}
    return told if doubt is None else {**told, "warnings": [doubt]}


def _doubt(asked: NodeInjection) -> str | None:
    """Return what is to be warned of before a lone SYN goes to a Service; raise NodeError where it is not to go."""
    alone = {ipaddress.ip_address(one.destination).version for one in asked.probes if one.kind == "syn"}
    why = socket_programs.check(asked.target, sorted(alone)) if asked.translated else None
    if why is None:
        return None
    text = "it is not known whether a load balancer of sockets serves %s (%s); where one does, a lone SYN to a Service"
    return (text + " tells nothing") % (asked.target.title, why)


def check(asked: NodeInjection) -> None:
    """Raise OptionError for a record whose values no packet can have, or that would send too much."""
    if not asked.probes and not asked.canaries or len(asked.probes) > MOST_PROBES:
        raise _wrong("probes", "%d of them" % len(asked.probes), "1 to %d" % MOST_PROBES)
    if len(asked.canaries) > MOST_CANARIES:
        raise _wrong("canaries", "%d of them" % len(asked.canaries), "at most %d" % MOST_CANARIES)
    if len(asked.probes) > 1 and not LEAST_INTERVAL_MS <= asked.interval_ms <= MOST_INTERVAL_MS:
        raise _wrong("interval_ms", asked.interval_ms, "%d to %d" % (LEAST_INTERVAL_MS, MOST_INTERVAL_MS))
    if not 1 <= asked.timeout_ms <= MOST_TIMEOUT_MS:
        raise _wrong("timeout_ms", asked.timeout_ms, "1 to %d" % MOST_TIMEOUT_MS)
    if asked.uid is not None and not 0 <= asked.uid < (1 << 32) - 1:
        raise _wrong("uid", asked.uid, "a user's number")
    for index, probe in enumerate(asked.probes):
        _check(probe, "probes[%d]." % index)
    for index, canary in enumerate(asked.canaries):
        place = "canaries[%d]." % index
        _check_address(canary.destination, place)
        if canary.number not in _WAYS:
            raise _wrong(place + "number", canary.number, "0 to 32767")
        if len(_payload(canary.nonce, place + "nonce")) > _MOST_NONCE:
            raise _wrong(place + "nonce", "%d digits" % len(canary.nonce), "at most %d" % (2 * _MOST_NONCE))


def _check(probe: Probe, place: str) -> None:
    if probe.kind not in probes.OPENING:
        raise _wrong(place + "kind", shown(probe.kind), "one of %s" % ", ".join(probes.OPENING))
    _check_address(probe.destination, place)
    if probe.kind in ("connection", "udp") and probe.port not in _PORTS:
        raise _wrong(place + "port", probe.port, "1 to 65535")
    if probe.kind == "connection" and not probe.source_ports:
        raise _wrong(
            place + "source_ports", "empty", "at least one: the kernel would take one that waits, and its number"
        )
    for port in probe.source_ports:
        if port not in _PORTS:
            raise _wrong(place + "source_ports", port, "1 to 65535")
    if probe.kind == "connection" and not FIRST_SEQUENCE <= (probe.sequence or 0) <= LAST_SEQUENCE:
        raise _wrong(place + "sequence", probe.sequence, "%d to %d" % (FIRST_SEQUENCE, LAST_SEQUENCE))
    if probe.kind == "icmp" and (probe.ident not in _NUMBERS or probe.sequence not in _NUMBERS):
        raise _wrong(place + "ident", "%s with sequence %s" % (probe.ident, probe.sequence), "both 0 to 65535")
    if probe.ttl is not None and not 1 <= probe.ttl <= 255:
        raise _wrong(place + "ttl", probe.ttl, "1 to 255")
    size = len(_payload(probe.payload, place + "payload"))
    if size > probes.MOST_BYTES:
        raise _wrong(place + "payload", "%d bytes" % size, "at most %d" % probes.MOST_BYTES)
    if probe.kind == "syn" and not lone.is_syn(bytes.fromhex(probe.payload), probe.destination):
        raise _wrong(place + "payload", "no SYN to %s" % probe.destination, "a whole packet, without options of IP")


def _check_address(given: str, place: str) -> None:
    try:
        address = str(ipaddress.ip_address(given))
    except ValueError:
        raise _wrong(place + "destination", shown(given), "an address") from None
    # A scope would be another interface here, and an IPv4 address with leading zeros is another one to the C library.
    if address != given or "%" in address:
        right = "one address, such as %s" % address.partition("%")[0]
        raise _wrong(place + "destination", shown(given), right)


def _payload(digits: str, place: str) -> bytes:
    try:
        return bytes.fromhex(digits)
    except ValueError:
        raise _wrong(place, "no hexadecimal digits", "two for each byte") from None


def _wrong(place: str, value: object, right: str) -> OptionError:
    return OptionError("record", "%s is %s" % (place, value), "it must be %s" % right)
