# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the API server is asked about agents, and for how long."""

from __future__ import annotations

import contextlib

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._records import from_result, to_result
from ansible_collections.kube.pcap.plugins.plugin_utils._agents import looking
from ansible_collections.kube.pcap.plugins.plugin_utils._agents.pods import Pod, Wanted
from ansible_collections.kube.pcap.plugins.plugin_utils._cluster.trouble import ApiError

from .objects import daemonset, namespace, pod

NAMESPACE = "/api/v1/namespaces/kube-pcap"
DAEMONSET = "/apis/apps/v1/namespaces/kube-pcap/daemonsets/kube-pcap-agent"
READY = Pod("node-a", "agent-node-a", True, "ready")


class Server:
    """Has objects by path."""

    def __init__(self, pods=(), **objects):
        self.objects = {NAMESPACE: objects.get("namespace"), DAEMONSET: objects.get("daemonset")}
        self.pods, self.looks, self.silent, self.now = pods, 0, 0, 100.0

    def get(self, path):
        """One of them."""
        if self.silent:
            self.silent -= 1
            raise ApiError("gone")
        return self.objects[path]

    def wait(self, enough):
        """Three seconds."""
        self.now = 100.0

        def sleep(seconds):
            self.now += seconds

        return looking.wait(lambda: contextlib.nullcontext(self), "kube-pcap", 3.0, enough, lambda: self.now, sleep)

    def list(self, path, label_selector):
        """The agents' pods."""
        self.looks += 1
        assert (path, label_selector) == (NAMESPACE + "/pods", "app.kubernetes.io/name=kube-pcap-agent")
        return iter(self.pods)


def test_look():
    """It becomes records, which stay what they are as a task's result; without a DaemonSet pods are nobody's."""
    leaving = pod("node-b")
    leaving["metadata"]["deletionTimestamp"] = "2026-11-21T10:00:00Z"
    found = looking.look(Server([leaving, pod()], namespace=namespace(), daemonset=daemonset()), "kube-pcap")
    assert (found.owns_namespace, found.wanted, found.spool) == (False, Wanted(1, 1, True), "/srv/pcap")
    assert found.pods == (READY,) and [one.node for one in found.leaving] == ["node-b"]
    assert from_result(looking.Found, {**to_result(found), "changed": False}) == found
    assert looking.look(Server([pod()]), "kube-pcap") == looking.Found(True)


@pytest.mark.parametrize("enough, looks", [([True], 1), ([False, False, True], 3), ([False] * 9, 4)])
def test_wait(enough, looks):
    """Until it is enough or the time is over, with a look at the end of it."""
    server, answers = Server(namespace=namespace(), daemonset=daemonset()), iter(enough)
    server.wait(lambda _found: next(answers))
    assert server.looks == looks


def test_wait_without_pods():
    """Before the DaemonSet says that all are there, nobody asks for pods; then once, when the time is over."""
    server = Server(namespace=namespace(), daemonset=daemonset(2, 1))
    assert server.wait(lambda _found: True).wanted == Wanted(2, 1, True) and server.looks == 1
    assert server.now == 103.0


def test_wait_while_nobody_answers():
    """It is asked again; at the end it is an error."""
    server = Server(namespace=namespace(), daemonset=daemonset())
    server.silent = 2
    assert server.wait(lambda _found: True).wanted and server.now == 102.0
    server.silent = 9
    with pytest.raises(ApiError, match="^gone$"):
        server.wait(lambda _found: True)


def _until_gone(server, enough):
    """Three seconds."""

    def sleep(seconds):
        server.now += seconds

    def connect():
        return contextlib.nullcontext(server)

    return looking.wait_until_gone(connect, "kube-pcap", 3.0, enough, lambda: server.now, sleep)


@pytest.mark.parametrize("answers, looks", [([True], 1), ([False, True], 2), ([False] * 9, 4)])
def test_wait_until_gone(answers, looks):
    """Until it is enough or the time is over; those that nobody has marked yet count, too."""
    leaving = pod("node-b")
    leaving["metadata"]["deletionTimestamp"] = "2026-11-21T10:00:00Z"
    server, left, asked = Server([leaving, pod()]), iter(answers), []

    def enough(pods, seconds):
        asked.append(seconds)
        return [one.node for one in pods] == ["node-a", "node-b"] and next(left)

    assert [one.node for one in _until_gone(server, enough)] == ["node-a", "node-b"]
    assert server.looks == looks and asked == [0.0, 1.0, 2.0][:looks]


def test_wait_until_gone_without_an_answer():
    """An API server that is silent for a while is asked again; at the end its words are the error."""

    class Silent(Server):
        def list(self, path, label_selector):
            self.silent -= 1
            if self.silent >= 0:
                raise ApiError("silent")
            return super().list(path, label_selector)

    server = Silent()
    server.silent = 2
    assert _until_gone(server, lambda pods, _seconds: not pods) == ()
    server.silent = 9
    with pytest.raises(ApiError, match="silent"):
        _until_gone(server, lambda pods, _seconds: not pods)
