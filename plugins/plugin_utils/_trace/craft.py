# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packets that no socket makes, crafted by Scapy where that is installed. PRIVATE to the collection."""

from __future__ import annotations

import sys
from typing import Any

from ...module_utils._errors import PcapError
from ...module_utils._trace_records import Mark

_MSS = {4: 1460, 6: 1440}
"""Of Ethernet. Firewalls drop a SYN that has none."""


def syn(source: str, destination: str, mark: Mark) -> bytes:
    """Return a SYN with its IP header, from the mark's source port to the first of its ports.

    source, destination: addresses of the mark's version. Its TTL is Scapy's own, and whoever sends it sets another.
    Raises PcapError where Scapy is not installed for the Python that runs.
    """
    layers = _layers()
    if mark.version == 4:
        header = layers.IP(src=source, dst=destination, flags="DF", id=0)
    else:
        header = layers.IPv6(src=source, dst=destination)
    options = [("MSS", _MSS[mark.version])]
    ports = {"sport": mark.source_ports[0], "dport": mark.ports[0]}
    return bytes(header / layers.TCP(**ports, seq=mark.sequence, flags="S", window=64240, options=options))


def _layers() -> Any:
    """Return Scapy's module of IPv6, TCP and what they need.

    Only who crafts loads it: that takes a while, reads this machine's routes, and writes to ``~/.cache/scapy``.
    """
    try:
        from scapy.layers import inet6
    except ImportError as error:
        python = sys.executable
        install = "install it with `%s -m pip install scapy`" % python
        text = "trace_probe: a lone SYN is crafted by Scapy, which is missing for %s (%s); %s"
        raise PcapError(text % (python, error, install)) from None
    return inet6
