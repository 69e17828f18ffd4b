# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one tap's interfaces are called, and what they dropped while it listened. PRIVATE to the collection."""

from __future__ import annotations

from .._errors import NodeError
from . import links


class Interfaces:
    """Made inside the namespace; reads it from anywhere afterwards.

    A reading that the kernel refuses (netlink runs out of room, interfaces come and go) leaves things as last read:
    no figure on the side is worth a tap.
    """

    def __init__(self, watched: str) -> None:
        """``watched``: an interface's name, or ``any``."""
        self._watched = watched
        self._socket = links.open_socket()
        self._names: dict[str, str] = {}
        self._at: dict[int, int] = {}
        self._dropped: int | None = None
        if self._read():
            self._dropped = 0

    def names(self) -> dict[str, str]:
        """Return index to name of all the namespace's interfaces; only there and now the index means something."""
        self._read()
        return dict(self._names)

    def dropped(self) -> int | None:
        """Return what the watched interfaces dropped since this was made (IFLA_STATS64); None where that is unknown.

        It only grows: an interface that goes takes nothing away, and one that comes counts from its making on.
        """
        self._read()
        return self._dropped

    def close(self) -> None:
        """Let go of the namespace."""
        self._socket.close()

    def _read(self) -> bool:
        try:
            found = links.read_links(self._socket)
        except NodeError:
            return False
        self._names = {str(link.index): link.name for link in found}
        now = {link.index: link.dropped for link in found if self._watched in ("any", link.name)}
        if self._dropped is not None:
            self._dropped += sum(max(0, dropped - self._at.get(index, 0)) for index, dropped in now.items())
        self._at = now
        return True
