# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What cannot be recorded: one right sentence, no traceback, and nothing left on the nodes (KD-12, PT-5)."""

from __future__ import annotations

import contextlib
import json
import pathlib
from collections.abc import Iterator

import pytest
import yaml

from tests.cluster.agents import NAMESPACE, Agents
from tests.cluster.capturing import ClusterPlays
from tests.cluster.cluster import Cluster
from tests.cluster.node import ClusterNode
from tests.lab.ansible_run import Ansible
from tests.lab.playing import failed, started, told

NOBODY = {"K8S_AUTH_HOST": "https://127.0.0.1:9", "K8S_AUTH_API_KEY": "none"}
REFUSED = "the API server https://127.0.0.1:9 cannot be reached: Connection refused"
pytestmark = pytest.mark.usefixtures("unchanged")


@pytest.mark.parametrize(
    "selection, sentence",
    [
        ("pod shop/missing", "pod shop/missing matches no pod; namespace shop has the pods "),
        (
            "pod nowhere/client",
            "pod nowhere/client matches no pod: namespace nowhere has no pods; namespaces with pods ",
        ),
        ("deployment shop/wob", "deployment shop/wob matches no pod; namespace shop has the deployments web; "),
        ("pod shop/pending", "pod shop/pending is Pending: "),
        ("pod shop/completed", "pod shop/completed has finished (Succeeded)"),
        (
            "pod shop/sidecar[nope]",
            'pod shop/sidecar has no container "nope"; its containers are web, probe, setup, proxy, migrate',
        ),
    ],
)
def test_a_pod_that_cannot_be_recorded(plays: ClusterPlays, selection: str, sentence: str) -> None:
    """Said once, before any node is asked to record."""
    run = plays.capture(selection)
    assert run.rc == 2 and not run.of("kube.pcap.capture"), run.stdout
    (said,) = failed(run)
    assert said.startswith("capture_targets: " + sentence) and "\n" not in said, said


@pytest.mark.parametrize(
    "targets, api, sentence",
    [
        ("deployment shop/web", "auto", "or name the pods; the API was of no help: " + REFUSED),
        ("pods shop app=web", "always", REFUSED),
    ],
)
def test_the_api_cannot_be_reached(plays: ClusterPlays, targets: str, api: str, sentence: str) -> None:
    """It is an error where it is asked for, and where nodes cannot judge."""
    plays.env = NOBODY
    run = plays.capture(targets, api=api)
    (said,) = failed(run)
    assert run.rc == 2 and said.endswith(sentence) and not run.of("kube.pcap.capture"), run.stdout


def test_labels_without_the_api(plays: ClusterPlays) -> None:
    """By default an API that cannot be reached is one warning, and labels are known by the nodes."""
    plays.env = NOBODY
    run = plays.capture("pods shop app=web")
    assert run.rc == 0 and [row[2] for row in started(run)] == ["ready"] * 3, run.stdout
    assert (run.stdout + run.stderr).count("[WARNING]") == 1 and REFUSED + "; what the nodes know" in run.stderr


@pytest.mark.parametrize(
    "server, sentence",
    [
        ("https://127.0.0.1:9", REFUSED),
        (None, " forbids user system:serviceaccount:default:default to get namespaces "),
    ],
    ids=["down", "forbidden"],
)
def test_agents_that_cannot_be_asked_for(cluster: Cluster, tmp_path: pathlib.Path, server: str, sentence: str) -> None:
    """The playbook agent says it in one sentence, to bring and to remove."""
    known = yaml.safe_load(cluster.kubeconfig.read_text())
    known["users"][0]["user"] = {"token": cluster.kubectl("-n", "default", "create", "token", "default").strip()}
    known["clusters"][0]["cluster"]["server"] = server or known["clusters"][0]["cluster"]["server"]
    file = tmp_path / "kubeconfig"
    file.write_text(yaml.safe_dump(known))
    agents = Agents(cluster, tmp_path)
    for run in (agents.bring(kubeconfig=str(file)), agents.playbook(state="absent", kubeconfig=str(file))):
        (said,) = failed(run)
        assert run.rc == 2 and sentence in said and "raceback" not in said, said
    assert not cluster.kubectl("get", "ns", NAMESPACE, check=False)


@contextlib.contextmanager
def without(node: ClusterNode, program: str) -> Iterator[None]:
    """A node has something that is no program in this one's place."""
    path = node.run(["which", program]).stdout.strip()
    node.run(["mount", "--bind", "/dev/null", path])
    try:
        yield
    finally:
        node.run(["umount", path])


def test_a_node_lacks_what_a_capture_needs(cluster: Cluster, ansible: Ansible, tmp_path: pathlib.Path) -> None:
    """Tcpdump on one, the rights of root on another: each is told with what to do, and the third records."""
    more = tmp_path / "more.json"
    more.write_text(json.dumps({"all": {"hosts": {"node-c": {"ansible_user": "ops"}}}}))
    plays = ClusterPlays(cluster, ansible)
    try:
        with without(cluster.node("node-b"), "tcpdump"):
            run = plays.capture("pods shop app=web", "-i", str(more))
        assert run.rc == 2 and [row[::2] for row in started(run)] == [("node-a", "ready")], run.stdout
        assert {one["host"]: one["reason"] for one in told(run)["unasked"]} == {
            "node-b": "this host lacks tcpdump (install it: apt-get install tcpdump, or dnf install tcpdump)",
            "node-c": "this host lacks the rights of root (set ansible_become=true, or ansible_user=root)",
        }
        assert plays.spool()["node-a"] and not plays.spool().get("node-b") and not plays.spool().get("node-c")
    finally:
        plays.clean()
