# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A bucket for each test."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest

from tests.bucket import scene


@pytest.fixture
def bucket(tmp_path: pathlib.Path) -> Iterator[scene.Bucket]:
    """Plain HTTP on loopback."""
    with scene.running(tmp_path) as made:
        yield made
