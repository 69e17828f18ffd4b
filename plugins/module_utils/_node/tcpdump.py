# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""tcpdump's command line and what it says. PRIVATE to the collection.

Everything here but ``find_program`` and ``run`` is pure. Sources: tcpdump(1), tcpdump 4.99 (``tcpdump.c``: info(),
requestinfo()) and libpcap 1.10 (``pcap-linux.c``).
"""

from __future__ import annotations

import dataclasses
import re
import shutil
import subprocess
from typing import Sequence

from .._errors import NodeError
from .process import environment, search_path

TAP_SNAPLEN = 256
"""Bytes of each packet: all headers through two tunnels, and what a mark is known by."""
TAP_BUFFER_KIB = 4096
LISTENING = re.compile(r"^(?:tcpdump: )?listening on (\S+), link-type (\S+)", re.MULTILINE)
UNFILTERED = re.compile(r"Warning: (?:Couldn't allocate kernel memory for filter|Kernel filter failed)")
"""How libpcap tells that the kernel hands over every packet, since it did not take the filter (pcap-linux.c)."""
_COUNTERS = re.compile(
    r"(?:tcpdump: )?([0-9]+) packets? captured,?\s+([0-9]+) packets? received by filter,?\s+"
    r"([0-9]+) packets? dropped by kernel[^\n]*\n"
)
_LIBPCAP = re.compile(r"libpcap version ([0-9]+)\.([0-9]+)")
_ERROR = re.compile(r"^(?:tcpdump: |nsenter: )?(.*)$")
_NOISE = re.compile(
    r"listening on |reading from file |interface names might be incorrect|verbose output suppressed"
    r"|packets? (captured|received|dropped)|data link type |^$"
)


@dataclasses.dataclass(frozen=True)
class Counters:
    """tcpdump's own figures, cumulative since it was started. The drops at the interface are read elsewhere."""

    captured: int = 0
    received: int = 0
    dropped: int = 0


def capture_args(
    program: str,
    interface: str,
    filter_text: str,
    *,
    write: str,
    snaplen: int,
    buffer_kib: int,
    segment_bytes: int,
    segment_seconds: int,
    packet_count: int | None = None,
    promiscuous: bool = False,
) -> list[str]:
    """Return the command line of a rolling capture.

    ``write`` is a path with strftime's ``%s`` in it: with -G a name without a time would be written over. ``-Z root``:
    a tcpdump that has dropped its rights cannot open the next file in a folder of mode 0700. No -U and no
    --immediate-mode: both cost packets at high rates.
    """
    args = [program] + ([] if promiscuous else ["-p"])
    args += ["-n", "-Z", "root", "-i", interface, "-s", str(snaplen), "-B", str(buffer_kib), "-w", write]
    args += ["-G", str(segment_seconds), "-C", str(max(1, segment_bytes // 1_000_000))]
    if packet_count is not None:
        args += ["-c", str(packet_count)]
    return args + (["--", filter_text] if filter_text else [])


def tap_args(program: str, filter_text: str, write: str, interface: str = "any", direction: str = "") -> list[str]:
    """Return the command line that watches a network namespace, or one interface, for a trace, and writes one file.

    direction: ``in`` or ``out``, where it is to be that alone.
    With --immediate-mode every packet is read as it comes, and with -U it is in the file at once: none of the last
    second is lost, whatever ends it. At high rates both cost packets, so the filter is to let few through.
    """
    args = [program, "-p", "-n", "-Z", "root", "-i", interface, "-s", str(TAP_SNAPLEN), "-B", str(TAP_BUFFER_KIB)]
    args += ["-Q", direction] if direction else []
    return args + ["--immediate-mode", "-U", "-w", write, "--", filter_text]


def compile_args(program: str, interface: str, filter_text: str, snaplen: int) -> list[str]:
    """Return the command line that compiles a filter for an interface and captures nothing."""
    return [program, "-p", "-n", "-Z", "root", "-d", "-i", interface, "-s", str(snaplen), "--", filter_text]


def parse_counters(text: str, previous: Counters | None = None) -> Counters | None:
    """Return the last whole set of counters in tcpdump's words, or None.

    tcpdump prints 32 bits; ``previous`` is the last reading, and a figure that fell has gone round.
    """
    sets = _COUNTERS.findall(text)
    if not sets:
        return None
    captured, received, dropped = (int(number) for number in sets[-1])
    before = previous or Counters()
    return Counters(
        _unwrap(captured, before.captured), _unwrap(received, before.received), _unwrap(dropped, before.dropped)
    )


def without_counters(text: str) -> str:
    """Return tcpdump's words without the whole sets of counters in them."""
    return _COUNTERS.sub("", text)


def parse_complaint(text: str) -> str:
    """Return what tcpdump complained of, on one line, without its usual remarks."""
    lines = [line.strip() for line in text.splitlines()]
    said = [_ERROR.sub(r"\1", line) for line in lines if not _NOISE.search(line)]
    return "; ".join(said) or "it said nothing"


def parse_libpcap(text: str) -> tuple[int, int] | None:
    """Return libpcap's version as (major, minor) from the output of ``tcpdump --version``."""
    match = _LIBPCAP.search(text)
    return (int(match.group(1)), int(match.group(2))) if match else None


def any_has_index(version: tuple[int, int] | None) -> bool:
    """Return whether ``-i any`` records each packet's interface: LINUX_SLL2 came with libpcap 1.10."""
    return version is not None and version >= (1, 10)


def find_program() -> str:
    """Return tcpdump's path; raise NodeError where there is none."""
    found = shutil.which("tcpdump", path=search_path())
    if found is None:
        raise NodeError("tcpdump is not installed on this node; install the package tcpdump")
    return found


def run(args: Sequence[str], timeout: float = 20.0) -> subprocess.CompletedProcess[str]:
    """Run a tcpdump that ends by itself; raise NodeError when it does not."""
    try:
        return subprocess.run(
            list(args),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            check=False,
            text=True,
            errors="replace",
            env=environment(),
        )
    except OSError as error:
        raise NodeError("%s cannot be run: %s" % (args[0], error.strerror)) from None
    except subprocess.TimeoutExpired:
        raise NodeError("%s did not answer within %d s" % (args[0], timeout)) from None


def _unwrap(value: int, before: int) -> int:
    turns, last = divmod(before, 1 << 32)
    return (turns + (1 if value < last else 0)) * (1 << 32) + value
