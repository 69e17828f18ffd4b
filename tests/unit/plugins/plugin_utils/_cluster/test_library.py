# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The official client, where it is too old."""

from __future__ import annotations

import sys

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import PcapError
from ansible_collections.kube.pcap.plugins.plugin_utils._cluster import library

pytest.importorskip("kubernetes")


@pytest.mark.parametrize("version", ["28.1.0", "28.1.0b1", "28.2", "100.0.0", "37.0.2+snapshot", "", "unknown"])
def test_new_enough(monkeypatch, version):
    """A version that cannot be read is no reason to refuse."""
    monkeypatch.setattr(library, "VERSION", version)
    library.require()


@pytest.mark.parametrize("version", ["28.0.9", "27.2.0", "9.0.0", "12.0.1+snapshot"])
def test_too_old(monkeypatch, version):
    """The version, the Python that has it, and what is wanted."""
    monkeypatch.setattr(library, "VERSION", version)
    with pytest.raises(PcapError) as refused:
        library.require()
    assert str(refused.value) == (
        f"the Python package kubernetes of {sys.executable} has version {version}, and 28.1 is the oldest "
        "that will do; "
        f"install a newer one with `{sys.executable} -m pip install 'kubernetes>=28.1'`"
    )
