# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a trace as a play hands them over. PRIVATE to the collection."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from ...module_utils._errors import OptionError, shown
from ...module_utils._names import check_id
from ...module_utils._units import parse_count, parse_duration
from .._request import check_names
from .expression import OPTION, Expression, parse
from .records import OUTCOMES

ID, REQUEST, COUNT, INTERVAL, TIMEOUT = "trace_id", "trace_request", "trace_count", "trace_interval", "trace_timeout"
TAPS, EXPECT, PROBE, TTL, UID = "trace_taps", "trace_expect", "trace_probe", "trace_ttl", "trace_uid"
EACH = "trace_each"
OPTIONS = (OPTION, ID, REQUEST, COUNT, INTERVAL, TIMEOUT, TAPS, EXPECT, PROBE, TTL, UID, EACH)
AUTO, ALL, PATH = "auto", "all", "path"
ENDPOINT = "endpoint"
CONNECTION, SYN, UDP, ICMP = "connection", "syn", "udp", "icmp"
PROBES = (CONNECTION, SYN, UDP, ICMP)
"""What may be sent."""
_MOST_PROBES, _MOST_BYTES = 100, 64 << 10
_MOST_SECONDS = 45
"""From the first probe to the end of the last one's patience: taps end by themselves a little later."""
_MOST_TTL = 255
_LAST_UID = (1 << 32) - 2
"""The number behind it stands for no user (setfsuid(2))."""
_FORMS = {
    "http": re.compile(r"[A-Z]+ /[!-~]*"),
    "text": re.compile(r".+", re.DOTALL),
    "hex": re.compile(r"(?:[0-9a-fA-F]{2})+"),
}
_INTERVAL = re.compile(r"(?:([0-9]{1,5})ms|([0-9]{1,2})s?)\Z", re.ASCII)


@dataclasses.dataclass(frozen=True)
class TraceOptions:
    """How a trace is made."""

    expression: Expression
    id: str | None
    """None: the plan makes one."""
    request: str
    """As it was written; ``said`` makes bytes of it."""
    count: int
    interval_ms: int
    timeout_ms: int
    """Of each probe."""
    every_node: bool
    """Whether all nodes are watched, or those on the way alone."""
    again: bool
    """Whether it may be sent a second time, with all nodes watched."""
    probe: str | None = None
    """One of PROBES; None: by the filter's protocol."""
    ttl: int | None = None
    """Of the probes; None: as the source's namespace has it."""
    uid: int | None = None
    """The user to whom the probes' sockets belong; None: root."""
    each_endpoint: bool = False
    """Whether as many probes go to each endpoint of a Service by itself."""

    def check_all(self, probes: int) -> None:
        """Raise OptionError for so many probes, all together."""
        if probes > _MOST_PROBES:
            right = "send at most %d" % _MOST_PROBES
            raise OptionError(EACH if self.each_endpoint else COUNT, "%d probes are too many" % probes, right)
        lasts = ((probes - 1) * self.interval_ms + self.timeout_ms) / 1000
        if lasts > _MOST_SECONDS:
            wrong = "%d probes, one each %d ms, and %d s for the last are more than %d s"
            wrong %= (probes, self.interval_ms, self.timeout_ms // 1000, _MOST_SECONDS)
            right = "send fewer, or at shorter intervals: taps do not stay longer"
            raise OptionError(EACH if self.each_endpoint else COUNT, wrong, right)

    def said(self, address: str, port: int | None) -> bytes:
        """Return what a connection says; HTTP names its destination. Raises OptionError where that is too much."""
        message = self._message(
            "[%s]" % address if ":" in address else address, "" if port in (80, None) else ":%d" % port
        )
        if len(message) > _MOST_BYTES:
            raise OptionError(REQUEST, "it has %d bytes" % len(message), "write at most %d" % _MOST_BYTES)
        return message

    def _message(self, host: str, port: str) -> bytes:
        kind, _space, rest = self.request.partition(" ")
        if kind == "http":
            method, path = rest.split()
            lines = (
                "%s %s HTTP/1.1" % (method, path),
                "Host: " + host + port,
                "User-Agent: kube.pcap",
                "Connection: close",
            )
            return ("\r\n".join(lines) + "\r\n\r\n").encode()
        return bytes.fromhex(rest) if kind == "hex" else rest.encode()


def read(request: Mapping[str, Any]) -> TraceOptions:
    """Return the options; what is empty or None takes its default. Raises OptionError."""
    check_names(request, OPTIONS)
    given = {name: value for name, value in request.items() if value is not None and value != ""}
    count = parse_count(COUNT, given.get(COUNT, 1), 1, _MOST_PROBES)
    interval = _interval(given.get(INTERVAL, "1s"))
    timeout = parse_duration(TIMEOUT, given.get(TIMEOUT, "5s"), 1, _MOST_SECONDS)
    if given.get(EXPECT, OUTCOMES[0]) not in OUTCOMES:
        raise OptionError(EXPECT, "%s is no outcome" % shown(given[EXPECT]), "write one of %s" % ", ".join(OUTCOMES))
    taps, each = _taps(given.get(TAPS, AUTO)), _each_endpoint(given.get(EACH))
    several = count > 1 or each
    options = TraceOptions(
        parse(given.get(OPTION, "")),
        check_id(ID, given[ID]) if ID in given else None,
        _request(given.get(REQUEST, "")),
        count,
        interval,
        timeout * 1000,
        taps == ALL or (taps == AUTO and several),
        taps == AUTO and not several,
        _probe(given.get(PROBE), REQUEST in given),
        parse_count(TTL, given[TTL], 1, _MOST_TTL) if TTL in given else None,
        parse_count(UID, given[UID], 0, _LAST_UID) if UID in given else None,
        each,
    )
    options.check_all(count)
    return options


def _interval(value: object) -> int:
    match = _INTERVAL.match(str(value))
    milliseconds = int(match[1]) if match and match[1] else int(match[2]) * 1000 if match else 0
    if not 100 <= milliseconds <= 60_000:
        raise OptionError(INTERVAL, "%s is not taken" % shown(value), "write 100ms to 60s")
    return milliseconds


def _probe(value: object, says: bool) -> str | None:
    """Return which probe is asked for; ``says``: whether a connection is to say something."""
    if value is None:
        return None
    if value not in PROBES:
        right = "write one of %s, or nothing for what the filter sends" % ", ".join(PROBES)
        raise OptionError(PROBE, "%s is not taken" % shown(value), right)
    if value == SYN and says:
        raise OptionError(REQUEST, "a lone SYN says nothing", "leave it empty, or send a connection (trace_probe)")
    return str(value)


def _taps(value: object) -> str:
    if value not in (AUTO, PATH, ALL):
        raise OptionError(TAPS, "%s is not taken" % shown(value), "write %s, %s or %s" % (AUTO, PATH, ALL))
    return str(value)


def _each_endpoint(value: object) -> bool:
    if value not in (None, ENDPOINT):
        raise OptionError(EACH, "%s is not taken" % shown(value), "write %s, or nothing" % ENDPOINT)
    return value is not None


def _request(value: object) -> str:
    """Return a request after a look at its form: ``http GET /path``, ``text WORDS``, ``hex DIGITS``."""
    written = str(value).strip()
    if not written:
        return "text "
    kind, _space, rest = written.partition(" ")
    form = _FORMS.get(kind)
    if form is None or not form.fullmatch(rest):
        right = "write http GET /path, text and what to say, or hex and pairs of hexadecimal digits"
        raise OptionError(REQUEST, "%s is not taken" % shown(written), right)
    return written
