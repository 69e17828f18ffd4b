# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shipped rights for agents: they are no more than the manifest says, and they are enough (row PT-13)."""

from __future__ import annotations

import contextlib
import copy
import json
import pathlib
from collections.abc import Iterator

import pytest
import yaml

from tests.cluster import agent_image
from tests.cluster.agents import NAMESPACE, Agents, report
from tests.cluster.cluster import Cluster
from tests.cluster.executing import execute, results
from tests.cluster.rights import Rights, may, spelled
from tests.lab.playing import failed, said, started
from tests.nodes.node import CHECKOUT

MANIFEST = (CHECKOUT / "docs" / "rbac-agents.yml").read_text()
ITEMS = yaml.safe_load(MANIFEST)["items"]
EVERYWHERE = spelled(next(one for one in ITEMS if one["kind"] == "ClusterRole")["rules"])
ACCOUNT = "system:serviceaccount:%s:" % NAMESPACE


def rules(name: str) -> Rights:
    """What the role of this name allows within the namespace."""
    (role,) = [one for one in ITEMS if one["kind"] == "Role" and one["metadata"]["name"] == name]
    return spelled(role["rules"])


@pytest.fixture(scope="module")
def accounts(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Agents]]:
    """Agents as each account of the manifest sees them; nothing of all this is left afterwards."""
    cluster.load(agent_image.archive())
    cluster.kubectl("apply", "-f", "-", input=MANIFEST)
    try:
        made = {}
        for name in ("kube-pcap-bring", "kube-pcap-use"):
            folder = tmp_path_factory.mktemp(name)
            made[name] = Agents(cluster, folder, kubeconfig(cluster, name, folder / "kubeconfig"))
            wait_for_rights(cluster, name)
        yield made
    finally:
        cluster.kubectl("delete", "-f", "-", input=MANIFEST, timeout=120)


def wait_for_rights(cluster: Cluster, account: str) -> None:
    """Until the API server knows of the role."""
    known = rules(account)
    cluster.wait("rights of " + account, lambda: known <= may(cluster, ACCOUNT + account, NAMESPACE), 60)


def kubeconfig(cluster: Cluster, account: str, file: pathlib.Path) -> pathlib.Path:
    """The cluster's, with an account's token in the place of its administrator."""
    known = yaml.safe_load(cluster.kubeconfig.read_text())
    token = cluster.kubectl("-n", NAMESPACE, "create", "token", account, "--duration", "1h").strip()
    known["users"] = [{**user, "user": {"token": token}} for user in known["users"]]
    file.write_text(yaml.safe_dump(known))
    return file


@pytest.mark.usefixtures("accounts")
def test_no_more_than_the_manifest_says(cluster: Cluster) -> None:
    """PT-13: who uses agents cannot bring them, who brings them reads no pod elsewhere, and neither reads a secret."""
    bring, use = ACCOUNT + "kube-pcap-bring", ACCOUNT + "kube-pcap-use"
    for account, beyond in ((bring, rules("kube-pcap-bring")), (use, EVERYWHERE)):
        listed = may(cluster, account, NAMESPACE)
        assert listed == rules("kube-pcap-use") | beyond
        assert not any(resource.startswith("secrets") for _verb, resource in listed)
    assert (may(cluster, bring), may(cluster, use)) == (set(), EVERYWHERE)
    assert {("list", "nodes"), ("get", "pods"), ("list", "pods")} == EVERYWHERE


@pytest.mark.usefixtures("plays")
def test_they_are_enough(accounts: dict[str, Agents]) -> None:
    """PT-13: one account brings agents, changes and removes them with what they record, the other works by them."""
    bringing, using = accounts["kube-pcap-bring"], accounts["kube-pcap-use"].plays
    for limit in ("512Mi", "400Mi"):
        chosen = {"node_selector": {"kubernetes.io/hostname": "node-b"}, "resources": {"limits": {"memory": limit}}}
        run = bringing.bring(**chosen)
        assert run.rc == 0 and report(run).startswith("1 agent of 1 node\n"), run.stdout + run.stderr
    run = using.capture("pods shop app=web", id="used", filter="udp port 9000")
    assert [(host, phase) for host, _pod, phase in started(run)] == [("node-b", "ready")], run.stdout
    tool = execute(using, "pods shop app=web", argv=["true"])
    assert [one["rc"] for one in results(tool).values()] == [0], tool.stdout
    assert not any("forbid" in one.stdout + one.stderr for one in (run, tool)), run.stderr + tool.stderr
    lacks_what_it_needs(accounts)
    run = bringing.playbook(state="absent")
    assert run.rc == 0 and bringing.pods() == {} and using.tcpdumps() == 0, run.stdout + run.stderr


@contextlib.contextmanager
def lacking(cluster: Cluster, name: str, resource: str, *verbs: str) -> Iterator[None]:
    """A role of the manifest without some rights, for a while."""
    (role,) = [one for one in ITEMS if one["kind"] == "Role" and one["metadata"]["name"] == name]
    less = copy.deepcopy(role)
    for rule in less["rules"]:
        if resource in rule["resources"]:
            rule["verbs"] = [verb for verb in rule["verbs"] if verb not in verbs]
    less["rules"] = [rule for rule in less["rules"] if rule["verbs"]]
    account = ACCOUNT + "kube-pcap-bring"
    cluster.kubectl("apply", "-f", "-", input=json.dumps(less))
    gone = rules(name) - spelled(less["rules"])
    cluster.wait("less rights", lambda: not gone & may(cluster, account, NAMESPACE), 60)
    try:
        yield
    finally:
        cluster.kubectl("apply", "-f", "-", input=json.dumps(role))
        cluster.wait("rights again", lambda: rules(name) <= may(cluster, account, NAMESPACE), 60)


def lacks_what_it_needs(accounts: dict[str, Agents]) -> None:
    """PT-13: each right that is missing is named, while an agent is there."""
    bringing, using = accounts["kube-pcap-bring"], accounts["kube-pcap-use"].plays
    cluster = bringing.cluster
    one_node = {"node_selector": {"kubernetes.io/hostname": "node-b"}, "resources": {"limits": {"memory": "300Mi"}}}
    for verb, resource, state in (
        ("get", "namespaces", "present"),
        ("get", "daemonsets", "present"),
        ("patch", "daemonsets", "present"),
        ("get", "serviceaccounts", "present"),
        ("delete", "daemonsets", "absent"),
    ):
        with lacking(cluster, "kube-pcap-bring", resource, verb):
            run = bringing.bring(wait="1s", **one_node) if state == "present" else bringing.playbook(state="absent")
        words = failed(run)[-1]
        assert run.rc == 2 and "forbid" in words and verb in words and resource in words, words
        assert "raceback" not in run.stdout + run.stderr
    with lacking(cluster, "kube-pcap-use", "pods/exec", "get", "create"):
        run = using.playbook("kube.pcap.status")
    assert run.rc == 4 and "cannot create resource" in said(run) and "pods/exec" in said(run), run.stdout
