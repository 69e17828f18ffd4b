# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What several files of tests begin with."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._node.spool import Spool


@pytest.fixture
def spool(tmp_path):
    """A capture's folder."""
    made = Spool(str(tmp_path / "spool"), "c-1")
    made.make()
    return made
