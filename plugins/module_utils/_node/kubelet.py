# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The name under which the cluster knows a node, found on the node. PRIVATE to the collection."""

from __future__ import annotations

import base64
import binascii
import os
import re
from typing import Sequence

from .proc import Roots, read_text

_OPTIONS = ("--hostname-override", "--node-name")
"""The kubelet's, and k3s's and RKE2's, which run a kubelet inside themselves."""
_PROGRAMS = ("kubelet", "kubelite", "k3s", "rke2")
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)
_DATA = re.compile(r"^\s*client-certificate-data:\s*(\S+)", re.MULTILINE)
_FILE = re.compile(r"^\s*client-certificate:\s*(\S+)", re.MULTILINE)
_USER = b"system:node:"


def is_kubelet(cmdline: Sequence[str]) -> bool:
    """Say whether a process runs a kubelet (alone, or as one program of several)."""
    return any(os.path.basename(word) in _PROGRAMS for word in cmdline[:2])


def parse_node_name(cmdline: Sequence[str]) -> str | None:
    """Return the node name that a kubelet's arguments set; the last one counts, as for the kubelet."""
    name = None
    for word, following in zip(cmdline, [*cmdline[1:], ""]):
        option, equals, value = word.partition("=")
        if option in _OPTIONS:
            name = (value if equals else following).strip("\"'").lower() or name
    return name


def parse_certificate(text: str) -> str | None:
    """Return the node name in a kubelet's client certificate (PEM), whose subject is ``system:node:NAME``.

    No X.509 parser is at hand on a node: the name is the string that begins so, and its length stands before it (DER).
    """
    for block in _PEM.findall(text):
        try:
            der = base64.b64decode("".join(block.split()), validate=True)
        except binascii.Error:
            continue
        start = der.find(_USER)
        if start > 0:
            name = der[start : start + der[start - 1]][len(_USER) :]
            return name.decode("ascii", "replace") or None
    return None


def read_certificate(roots: Roots) -> str | None:
    """Return the node name of the kubelet's rotated certificate, else of the one that its kubeconfig holds or names."""
    name = parse_certificate(read_text(roots.at("/var/lib/kubelet/pki/kubelet-client-current.pem")) or "")
    if name:
        return name
    config = read_text(roots.at("/etc/kubernetes/kubelet.conf")) or ""
    data, path = _DATA.search(config), _FILE.search(config)
    if data:
        try:
            return parse_certificate(base64.b64decode(data.group(1)).decode("ascii", "replace"))
        except binascii.Error:
            return None
    return parse_certificate(read_text(roots.at(path.group(1))) or "") if path else None
