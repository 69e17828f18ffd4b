# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A bucket for each test, and a node that ships to one."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest

from tests.bucket import node as a_node
from tests.bucket import scene


@pytest.fixture
def bucket(tmp_path: pathlib.Path) -> Iterator[scene.Bucket]:
    """Plain HTTP on loopback."""
    with scene.running(tmp_path) as made:
        yield made


@pytest.fixture
def node(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[a_node.Node]:
    """Its bucket speaks plain HTTP."""
    with a_node.running(tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture
def tls_node(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[a_node.Node]:
    """Its bucket speaks HTTPS, by a certificate of an authority that SSL_CERT_FILE names."""
    with a_node.running(tmp_path, monkeypatch, tls=True) as made:
        yield made
