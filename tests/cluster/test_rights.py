# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shipped rights: they are enough, they are no more than the manifest says, and each that is missing is named."""

from __future__ import annotations

import base64
import json
import re

import pytest
import yaml

from ansible_collections.kube.pcap.plugins.module_utils._errors import PcapError
from ansible_collections.kube.pcap.plugins.plugin_utils._cluster.answer import answer
from tests.cluster.executing import execute, results
from tests.cluster.rights import may, spelled
from tests.lab.ansible_run import Ansible
from tests.lab.playing import failed, said, started
from tests.nodes.node import CHECKOUT

NAME = "kube-pcap-rights"
"""Of everything here, so that nothing of that name meets what else there is."""
MANIFEST = (CHECKOUT / "docs" / "rbac.yml").read_text().replace("kube-pcap", NAME)
ACCOUNT = "system:serviceaccount:%s:%s" % (NAME, NAME)
RULES = next(d for d in yaml.safe_load(MANIFEST)["items"] if d["kind"] == "ClusterRole")["rules"]
PODS = [rule for rule in RULES if rule["resources"] == ["pods"]]
(NODES,) = [rule for rule in RULES if rule["resources"] == ["nodes"]]


def put(cluster, rules):
    """Gives the account these rights, and waits until the API server knows."""
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": NAME},
        "rules": rules,
    }
    cluster.kubectl("apply", "-f", "-", input=json.dumps(role))
    cluster.wait("rights as they were set", lambda: may(cluster, ACCOUNT) == spelled(rules), 60)


@pytest.fixture(scope="module")
def account(cluster, tmp_path_factory):
    """The account of the manifest, as AWX's credential hands it to a job; gone afterwards."""
    cluster.kubectl("apply", "-f", "-", input=MANIFEST)
    try:
        token = cluster.kubectl("-n", NAME, "create", "token", NAME, "--duration", "1h").strip()
        (known,) = yaml.safe_load(cluster.kubeconfig.read_text())["clusters"]
        authority = tmp_path_factory.mktemp("account") / "ca.crt"
        data = known["cluster"]["certificate-authority-data"]
        authority.write_bytes(base64.b64decode(data))
        yield {
            "K8S_AUTH_HOST": known["cluster"]["server"],
            "K8S_AUTH_API_KEY": token,
            "K8S_AUTH_VERIFY_SSL": "True",
            "K8S_AUTH_SSL_CA_CERT": str(authority),
        }
    finally:
        cluster.kubectl("delete", "-f", "-", input=MANIFEST, timeout=120)


@pytest.fixture
def rights(cluster, account):
    """Sets the account's rights; the manifest's are there again afterwards."""
    yield lambda rules: put(cluster, rules)
    put(cluster, RULES)


def without(verb, resource):
    """The manifest's rules but for one right."""
    kept = []
    for rule in RULES:
        for one in rule["resources"]:
            verbs = [v for v in rule["verbs"] if (v, one) != (verb, resource)]
            kept += [{**rule, "resources": [one], "verbs": verbs}] if verbs else []
    return kept


def test_no_more_than_the_manifest_says(cluster, account):
    """PT-13: nothing but reading, and of that no more than is written there."""
    assert may(cluster, ACCOUNT) == spelled(RULES)
    assert {verb for verb, _resource in may(cluster, ACCOUNT)} == {"get", "list"}
    assert not any(resource.startswith("secrets") for _verb, resource in may(cluster, ACCOUNT))


def test_they_are_enough(account):
    """Each kind of selection, and everything, by what AWX sets."""
    for targets in (
        "pod shop/client",
        "pods shop app=web",
        "deployment shop/web",
        "statefulset shop/db",
        "daemonset shop/agentless",
        "service shop/web",
        "nodes *",
    ):
        assert answer({"targets": targets}, account, "/")["targets"], targets
    assert "warnings" not in answer({}, account, "/")


def test_playbooks(account, rights, plays, tmp_path):
    """PT-13: with get and list on pods alone every playbook runs, hosts are tied by name, and nothing is said."""
    rights(PODS)
    plays.env = account
    run = plays.capture(["pods shop app=web", "pod shop/client"], id="account")
    assert [row[2] for row in started(run)] == ["ready"] * 4, run.stdout
    tool = execute(plays, "pods shop app=web", argv=["true"])
    assert [one["rc"] for one in results(tool).values()] == [0] * 3
    status = plays.run("status", id="account")
    assert status.stdout.count("pod shop/web-") == 3, status.stdout
    stop = plays.run("stop", id="account")
    collect = plays.run("collect", id="account", dest=str(tmp_path))
    for one in (run, tool, status, stop, collect):
        assert one.rc == 0 and one.stderr == "", one.stdout + one.stderr
    assert len(list(tmp_path.rglob("*.pcap.gz"))) >= 4


def test_playbooks_that_ask_for_more(account, plays):
    """Workloads, Services and nodes are found with the manifest's further rights, and nothing is said."""
    plays.env = account
    run = plays.capture(["deployment shop/web", "service shop/web", "node node-a"], "--check")
    assert run.rc == 0 and run.stdout.count("planned") == 4 and run.stderr == "", run.stdout + run.stderr


@pytest.mark.parametrize(
    "verb, resource, targets, wanted",
    [
        ("get", "pods", "pod shop/client", "get pods in namespace shop; grant it get on pods (by"),
        ("list", "pods", "pods shop app=web", "list pods in namespace shop; grant it list on pods (by"),
        ("list", "pods", "pods * app=web", "list pods in the whole cluster; grant it list on pods (by a ClusterRole)"),
        ("get", "nodes", "node node-a", "get nodes in the whole cluster; grant it get on nodes (by a ClusterRole)"),
        ("list", "nodes", "nodes *", "list nodes in the whole cluster; grant it list on nodes (by a ClusterRole)"),
        ("get", "services", "service shop/web", "get services in namespace shop; grant it get on services (by"),
        (
            "list",
            "endpointslices",
            "service shop/web",
            'list endpointslices in namespace shop; grant it list on endpointslices (apiGroup "discovery.k8s.io", by',
        ),
        ("get", "deployments", "deployment shop/web", 'grant it get on deployments (apiGroup "apps", by'),
        ("list", "replicasets", "deployment shop/web", 'grant it list on replicasets (apiGroup "apps", by'),
        ("get", "replicasets", "replicaset shop/web-0", 'grant it get on replicasets (apiGroup "apps", by'),
        ("get", "statefulsets", "statefulset shop/db", 'grant it get on statefulsets (apiGroup "apps", by'),
        ("get", "daemonsets", "daemonset shop/agentless", 'grant it get on daemonsets (apiGroup "apps", by'),
        ("get", "jobs", "job shop/done", 'grant it get on jobs (apiGroup "batch", by'),
    ],
)
def test_a_right_that_is_missing_is_named(account, rights, verb, resource, targets, wanted):
    """PT-13: the sentence says who lacks what, and where."""
    rights(without(verb, resource))
    with pytest.raises(PcapError) as refused:
        answer({"targets": targets}, account, "/")
    assert str(refused.value).startswith("the API server %s forbids user %s to " % (account["K8S_AUTH_HOST"], ACCOUNT))
    assert wanted in str(refused.value)


def test_rights_that_everything_can_do_without(account, rights):
    """PT-13: where all is asked for, pods are told, and each further right that is missing is named."""
    rights(PODS)
    told = answer({}, account, "/")
    assert {target["kind"] for target in told["targets"]} == {"pod"}
    assert [re.findall(r"grant it (\w+ on \w+) \(", warning) for warning in told["warnings"]] == [
        ["list on " + resource] for resource in ("nodes", "services", "endpointslices", "replicasets", "jobs")
    ]


@pytest.fixture
def hosts(account, tmp_path):
    """Nodes by the inventory plugin, with the account's rights."""
    file = tmp_path / "cluster.pcap.yml"
    file.write_text("plugin: kube.pcap.nodes\n")
    ansible = Ansible(file, tmp_path)
    return lambda: ansible.adhoc("nodes", "ansible.builtin.debug", env=account)


def test_nodes_are_enough_for_the_inventory(cluster, rights, hosts):
    """With list on nodes alone the plugin gives every node; without it, a sentence names that right."""
    rights([{**NODES, "verbs": ["list"]}])
    run = hosts()
    assert sorted(run.of("debug")) == cluster.nodes and run.stderr == "", run.stdout + run.stderr
    rights(PODS)
    run = hosts()
    text = said(run)
    assert not run.tasks and "Traceback" not in text
    assert ACCOUNT + " to list nodes in the whole cluster; grant it list on nodes (by a ClusterRole)" in text, text


@pytest.mark.usefixtures("unchanged")
def test_without_rights_the_nodes_are_asked(account, rights, plays):
    """By default a missing right is one warning, and the nodes are asked; where the API must be, it is an error."""
    rights([NODES])
    plays.env = account
    run = plays.capture("pods shop app=web", "--check")
    assert run.rc == 0 and run.stdout.count("planned") == 3, run.stdout
    assert (run.stdout + run.stderr).count("[WARNING]") == 1 and "grant it list on pods" in run.stderr
    run = plays.capture("pods shop app=web", api="always")
    (said,) = failed(run)
    assert run.rc == 2 and " to list pods in namespace shop; grant it list on pods (by a Role in that names" in said
