# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is to become an object: a name and bytes that can be read from any place on. PRIVATE to the collection."""

from __future__ import annotations

import base64
import dataclasses
from typing import Callable, Iterable


@dataclasses.dataclass(frozen=True)
class Content:
    """One object to be."""

    name: str
    size: int
    """Bytes."""
    md5: str
    """Hex."""
    pieces: Callable[[int], Iterable[bytes]]
    """Gives the bytes from an offset to ``size``; as often as it is called."""

    @property
    def md5_base64(self) -> str:
        """The MD5 as HTTP and the service write it (RFC 1864)."""
        return base64.b64encode(bytes.fromhex(self.md5)).decode()
