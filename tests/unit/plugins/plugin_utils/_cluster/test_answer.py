# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whom targets_info asks, and what it answers."""

from __future__ import annotations

import json

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import FileError, OptionError, PcapError, TargetError
from ansible_collections.kube.pcap.plugins.plugin_utils._cluster import library
from ansible_collections.kube.pcap.plugins.plugin_utils._cluster.answer import answer
from ansible_collections.kube.pcap.plugins.plugin_utils._cluster.requests import CUT

from .apiserver import failure, forbidden, listed, serving
from .test_objects import pod, thing

TEXT = json.dumps({"kind": "List", "items": [pod("cart"), thing("Node", "node-a", None)]})
NOBODY = {"K8S_AUTH_HOST": "http://127.0.0.1:9", "K8S_AUTH_API_KEY": "x"}


@pytest.fixture
def folder(tmp_path):
    """Where the playbook was started, with a snapshot."""
    (tmp_path / "s.json").write_text(TEXT)
    return str(tmp_path)


@pytest.fixture
def server():
    """An API server with pod shop/cart and node node-a, where these may be read."""
    pytest.importorskip("kubernetes")
    with serving() as running:
        running.answer = lambda asked: (
            listed("Pod", pod("cart"))
            if asked.path.endswith("/pods")
            else listed("Node", thing("Node", "node-a", None))
            if asked.path.endswith("/nodes")
            else failure(404, name="x")
        )
        yield running


def names(result, key="targets"):
    return [(target.get("target") or target)["name"] for target in result[key]]


def test_a_snapshot(folder):
    """A relative path begins where the playbook was started; selections choose the targets."""
    result = answer({"snapshot": "./s.json", "targets": "pod shop/cart"}, {}, folder)
    assert names(result) == ["cart"] and result["candidates"][1]["phase"] == "Running"
    assert (result["source"], result["problem"]) == ("snapshot", None)
    assert len(answer({"snapshot": "s.json"}, {}, folder)["targets"]) == 2
    with pytest.raises(TargetError, match="targets: pod shop/x matches no pod"):
        answer({"snapshot": "s.json", "targets": "pod shop/x"}, {}, folder)
    with pytest.raises(OptionError, match="targets: column 1"):
        answer({"snapshot": "none.json", "targets": "x"}, {}, folder)


@pytest.mark.parametrize("api", ["auto", "always", "never", None])
def test_a_snapshot_comes_before_the_api(folder, api):
    """Who gives a snapshot gets its answer, and nobody else is asked."""
    result = answer({"snapshot": "s.json", "api": api, "for_plan": True}, NOBODY, folder)
    assert result["source"] == "snapshot" and "warnings" not in result
    with pytest.raises(FileError, match="cannot be read"):
        answer({"snapshot": "none.json", "api": api}, NOBODY, folder)


@pytest.mark.parametrize("options", [{}, {"api": "always"}, {"api": "auto"}, {"for_plan": True, "api": "auto"}])
def test_the_api(server, options):
    """The same result as that of a snapshot; one who is selected chooses the targets."""
    environ = {"K8S_AUTH_HOST": server.url, "K8S_AUTH_API_KEY": "x"}
    result = answer({"targets": "pods shop app=web", **options}, environ, "/")
    assert (result["source"], result["problem"]) == ("API", None) and "warnings" not in result
    assert names(result) == (["node-a", "cart"] if options.get("for_plan") else ["cart"])


def test_without_selection_everything_is_asked_for(server):
    """What could not be read beside pods is a warning each."""
    everything = server.answer
    server.answer = lambda a: everything(a) if a.path.startswith("/api/v1/") else forbidden(a.path)
    result = answer({"host": server.url}, {}, "/")
    assert names(result) == ["node-a", "cart"]
    said = [warning.partition(" forbids ")[2].partition(";")[0] for warning in result["warnings"]]
    who = "user system:serviceaccount:ops:pcap to list %s in the whole cluster"
    assert said[1:] == [who % resource for resource in ("endpointslices", "replicasets", "jobs")]


def test_what_matches_nothing_is_explained(server):
    """One who asks alone gets the error with what exists; a plan judges by itself."""
    with pytest.raises(TargetError, match="^targets: pod shop/crt matches no pod; namespace shop has the pods cart$"):
        answer({"targets": "pod shop/crt", "host": server.url}, {}, "/")
    result = answer({"targets": "pod shop/crt", "host": server.url, "for_plan": True}, {}, "/")
    assert names(result, "candidates") == ["node-a", "cart"] and result["problem"] is None


def test_what_exists_is_told_as_far_as_it_was_looked_at(server):
    """Where there may be more, the sentence says so, and a plan gets to know it."""
    asked = {"targets": "pod shop/x", "host": server.url}
    few = server.answer
    for number, cut in ((1999, False), (2000, True)):
        pods = [pod("p%d" % one) for one in range(number)]
        server.answer = lambda a, pods=pods: listed("Pod", *pods) if a.path.endswith("/pods") else few(a)
        with pytest.raises(TargetError, match=r"namespace shop has the pods .* and %d more" % (number - 8)) as refused:
            answer(asked, {}, "/")
        assert str(refused.value).endswith("; " + CUT) == cut and "2,000 objects" in CUT
        assert answer({**asked, "for_plan": True}, {}, "/")["cut"] is cut


def test_a_plan_refuses_a_selection_itself(server):
    """By the name of its own option; until then nothing is looked for."""
    for targets in ("", "nodes", ["pod shop"]):
        result = answer({"targets": targets, "host": server.url, "for_plan": True}, {}, "/")
        assert names(result, "candidates") == ["node-a"]
    assert {asked.path for asked in server.asked} == {"/api/v1/nodes"}


@pytest.mark.parametrize(
    "environ, reason",
    [
        ({"K8S_AUTH_KUBECONFIG": "/no/config"}, "kubeconfig: /no/config cannot be used: .*; name a file that kubectl"),
        ({"K8S_AUTH_HOST": "nowhere"}, "host: it is no URL; write it as https://HOST:6443"),
    ],
)
def test_auto_warns_where_always_fails(environ, reason):
    """One warning with the reason, which the plan gets to know, too."""
    pytest.importorskip("kubernetes")
    with pytest.raises(PcapError, match="^" + reason):
        answer({"targets": "pod shop/cart", "api": "always", "for_plan": True}, environ, "/")
    result = answer({"targets": "pod shop/cart", "api": "auto", "for_plan": True}, environ, "/")
    (warning,) = result["warnings"]
    assert result["problem"] and warning == result["problem"] + "; what the nodes know is used"
    assert (result["candidates"], result["targets"]) == ([], [])


def test_auto_keeps_what_is_known(server):
    """Of two selections one may be forbidden."""
    allowed = server.answer
    server.answer = lambda a: forbidden(a.path) if "/services/" in a.path else allowed(a)
    options = {"targets": ["pods shop app=web", "service shop/web"], "host": server.url, "for_plan": True}
    result = answer({**options, "api": "auto"}, {}, "/")
    assert "cart" in names(result, "candidates") and "grant it get on services" in result["problem"]
    with pytest.raises(PcapError, match="grant it get on services"):
        answer({**options, "api": "always"}, {}, "/")


def test_a_missing_library(monkeypatch):
    """It is named where the API must answer, and a warning where it may."""
    monkeypatch.setattr(library, "MISSING", "No module named 'kubernetes'")
    with pytest.raises(PcapError, match="^the Python package kubernetes is missing for "):
        answer({"targets": "pod shop/cart"}, NOBODY, "/")
    assert len(answer({"targets": "pod shop/cart", "for_plan": True}, NOBODY, "/")["warnings"]) == 1


def test_auto_asks_nobody_who_is_not_named():
    """No cluster is named, or it must not be asked: nothing is known of it, which is no problem."""
    for api, environ in (("auto", {}), ("", {}), ("never", NOBODY)):
        result = answer({"targets": "pod shop/cart", "api": api, "for_plan": True}, environ, "/")
        assert result == {
            "targets": [],
            "candidates": [],
            "services": [],
            "source": None,
            "problem": None,
            "cut": False,
        }


@pytest.mark.parametrize(
    "options, sentence",
    [
        ({"api": "sometimes"}, r'^api \(in a playbook capture_api or exec_api\): "sometimes" is not taken; write '),
        ({"api": "never"}, "^snapshot: none is given, and the API must not be asked; give one, or leave out api$"),
    ],
)
def test_what_cannot_be_is_refused(options, sentence):
    """Before anything is asked."""
    with pytest.raises(OptionError, match=sentence):
        answer(options, NOBODY, "/")
