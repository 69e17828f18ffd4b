# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads a capture file of any kind. PRIVATE to the collection."""

from __future__ import annotations

from typing import BinaryIO, Iterator

from .._errors import reason_of
from .packet import Record
from .pcap import MAGIC, read_pcap
from .pcapng import SECTION, read_pcapng
from .stream import Damage, opened


def read_capture(path: str) -> Iterator[Record]:
    """Yield the packets of a pcap or pcapng file, which may be compressed by gzip.

    Raises FileError where it cannot be opened, and Damage, which is one, where it is no capture or ends to be one;
    all packets before were yielded. It is read in pieces: what is in memory is one packet, or one block of pcapng.
    """
    with opened(path) as (stream, gunzip):
        try:
            yield from _read(stream)
            trouble = gunzip and gunzip.trouble
        except OSError as error:
            trouble = "it cannot be read on: %s" % reason_of(error)
        except Damage as error:
            trouble = (gunzip and gunzip.trouble) or str(error)
    if trouble:
        raise Damage("%s: %s" % (path, trouble))


def _read(stream: BinaryIO) -> Iterator[Record]:
    magic = stream.read(4)
    if not magic:
        raise Damage("the file is empty")
    if magic == SECTION:
        return read_pcapng(stream, magic)
    if magic in MAGIC:
        return read_pcap(stream, magic)
    if len(magic) < 4:
        raise Damage("the file ends inside its header")
    raise Damage("it is neither pcap nor pcapng: it begins with %s" % magic.hex())
