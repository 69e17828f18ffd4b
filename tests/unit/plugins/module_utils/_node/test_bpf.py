# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What bpf(2) is asked, and what it answers."""

from __future__ import annotations

import errno
import os
import struct

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._node import bpf, links, surroundings


def test_the_layout():
    """``union bpf_attr`` of BPF_PROG_QUERY in linux/bpf.h: target, attachment, flags, and the number at byte 24."""
    assert bpf.query(7, bpf.TCX_EGRESS, 1) == struct.pack("=7I", 7, 47, 1, 0, 0, 0, 0)
    assert bpf.counted(struct.pack("=16I", *range(100, 116))) == 106


def test_a_machine_whose_number_is_not_known(monkeypatch):
    """Then nothing is called, and nothing is known: it is not told that there is nothing."""
    monkeypatch.setattr(bpf, "_NUMBERS", {"another": 1})
    with pytest.raises(OSError) as caught:
        bpf.count(1, bpf.TCX_INGRESS)
    assert caught.value.errno == errno.ENOSYS
    link = links.Link(2, "eth0", "veth", None, 1500, True, 0, 0, 0)
    assert surroundings.attached(link) == surroundings.Attached((), "ENOSYS")


def test_this_kernel():
    """It counts, or says that it is for others to know; an attachment that no kernel has is none."""
    for attachment in (bpf.TCX_INGRESS, bpf.NETKIT_PRIMARY, 0x7FFFFFFF):
        try:
            assert bpf.count(1, attachment) == 0
        except PermissionError:
            assert os.geteuid()
