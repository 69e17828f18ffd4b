# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A token from a metadata server: kept as long as it serves, and each failure a sentence without a secret."""

from __future__ import annotations

import json
import os
import socket

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._node import token

from .scripted import playing

GOOD = {"access_token": "ya29.secret", "expires_in": 3599, "token_type": "Bearer"}


@pytest.fixture
def node(monkeypatch):
    """A metadata server; the environment names a proxy that nobody may ask."""
    for name in ("http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setattr(token, "_kept", {})
    with playing() as script:
        monkeypatch.setenv("GCE_METADATA_HOST", script.place)
        yield script


def test_kept(node):
    """It is asked for once, past every proxy, and again where a fresh one is wanted."""
    assert [token.get(), token.get(), token.get(fresh=True), token.get()] == ["token-1"] * 2 + ["token-2"] * 2


@pytest.mark.parametrize("seconds, asked", [(3599, 1), (300, 1), (239, 2), (0, 2)])
def test_near_its_end(node, seconds, asked):
    """One that ends within four minutes is not used again."""
    node.tokens = [(200, json.dumps(dict(GOOD, expires_in=seconds)))] * 2
    assert token.get() == token.get() == "ya29.secret"
    assert len(node.tokens) == 2 - asked


def test_kept_by_server(node, monkeypatch):
    """Another server's token is another."""
    assert token.get() == "token-1"
    with playing() as other:
        other.handed_out = ["x"]
        monkeypatch.setenv("GCE_METADATA_HOST", other.place)
        assert token.get() == "token-2"


def test_nobody_answers(monkeypatch):
    """A node without such a server is told what to use."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        place = "127.0.0.1:%d" % taken.getsockname()[1]
        monkeypatch.setenv("GCE_METADATA_HOST", place)
        with pytest.raises(token.TokenError) as failure:
            token.get()
    words = "this node has no metadata server that answers at %s (Connection refused); use capture_upload=policy"
    assert str(failure.value) == words % place


@pytest.mark.parametrize("host", ["metadata.invalid", "a..b", "a b", "x:y"])
def test_no_such_server(monkeypatch, host):
    """Nor does a wrong name end otherwise."""
    monkeypatch.setenv("GCE_METADATA_HOST", host)
    with pytest.raises(token.TokenError, match="no metadata server that answers at"):
        token.get()


def test_silence(monkeypatch):
    """A server that accepts and says nothing is not waited for for long."""
    monkeypatch.setattr(token, "_TIMEOUT_SECONDS", 0.2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setenv("GCE_METADATA_HOST", "127.0.0.1:%d" % silent.getsockname()[1])
        with pytest.raises(token.TokenError, match="timed out"):
            token.get()


@pytest.mark.parametrize("status", [404, 500])
def test_no_account(node, status):
    """A machine without a service account is told what it lacks."""
    node.tokens = [(status, "{}")]
    with pytest.raises(token.TokenError, match="answered %d and gave no token; give this node a service" % status):
        token.get()


@pytest.mark.parametrize(
    "text",
    [
        "<html>sign in to the hotel</html>",
        "[]",
        "{}",
        json.dumps(dict(GOOD, expires_in="soon")),
        json.dumps(dict(GOOD, access_token=7)),
        json.dumps(dict(GOOD, access_token="ya29.secret\r\nX: y")),
    ],
)
def test_no_token(node, text):
    """What is no token goes into no request, and into no message."""
    node.tokens = [(200, text)]
    with pytest.raises(token.TokenError, match="is no metadata server of Google's") as failure:
        token.get()
    assert "secret" not in str(failure.value)
    assert os.environ["GCE_METADATA_HOST"] in str(failure.value)
