# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Google's library, where it is not installed."""

from __future__ import annotations

import sys

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import PcapError
from ansible_collections.kube.pcap.plugins.plugin_utils._archive import library
from ansible_collections.kube.pcap.plugins.plugin_utils._archive.access import Access
from ansible_collections.kube.pcap.plugins.plugin_utils._archive.gcs import Archive


def test_what_is_missing_is_named_with_the_python(monkeypatch):
    """A controller has several Pythons, and the library is wanted in this one."""
    monkeypatch.setattr(library, "MISSING", "No module named 'google'")
    with pytest.raises(PcapError) as refused:
        Archive.open(Access("machineaccount"))
    python = sys.executable
    assert str(refused.value) == (
        f"google-cloud-storage is missing for {python} (No module named 'google'); "
        f"install it with `{python} -m pip install google-cloud-storage`"
    )
