# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory plugin within Ansible's own programs, of the ansible-core that runs these tests."""

from __future__ import annotations

import dataclasses
import http.server
import json
import os
import pathlib
import subprocess
import sys
import threading
import urllib.parse

import pytest
import yaml

from ansible_collections.kube.pcap.plugins.inventory.nodes import InventoryModule

ROOT = pathlib.Path(__file__).resolve().parents[4]
TEMPLATE = "{{ 6 * 7 }}{% if true %}x{% endif %}"
EDGE = {
    "kind": "Node",
    "metadata": {
        "name": "edge-1",
        "labels": {"pool": "edge", "evil": TEMPLATE},
        "annotations": {"note": TEMPLATE},
    },
    "spec": {"taints": [{"key": "evil", "value": TEMPLATE, "effect": "NoSchedule"}]},
    "status": {
        "conditions": [{"type": "Ready", "status": "True"}],
        "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}],
        "nodeInfo": {"kubeletVersion": TEMPLATE},
    },
}
CORE = {"kind": "Node", "metadata": {"name": "core-1", "labels": {"pool": "core"}}}
AGENT = {
    "kind": "Pod",
    "metadata": {
        "name": "agent-1",
        "namespace": "kube-pcap",
        "labels": {"app.kubernetes.io/name": "kube-pcap-agent"},
    },
    "spec": {"nodeName": "edge-1"},
    "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
}


@dataclasses.dataclass(frozen=True)
class Scene:
    """A folder with a configuration of the plugin, and Ansible's programs on it."""

    folder: pathlib.Path

    @property
    def config(self) -> pathlib.Path:
        """The configuration file."""
        return self.folder / "cluster.pcap.yml"

    def configure(self, **options):
        """Writes the configuration file."""
        self.config.write_text(yaml.safe_dump({"plugin": "kube.pcap.nodes", **options}))

    def run(self, program, *args, **environ):
        """Runs one of Ansible's programs on the configuration file; its standard output and error."""
        call = "import sys; from ansible.cli.%s import main; sys.argv[0] = 'ansible'; main()" % program
        return subprocess.run(
            [sys.executable, "-c", call, "-i", str(self.config), *args],
            env={
                **{name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ},
                "LC_ALL": "C.UTF-8",
                "HOME": str(self.folder),
                "ANSIBLE_CONFIG": str(self.folder / "ansible.cfg"),
                "ANSIBLE_COLLECTIONS_PATH": str(self.folder),
                "ANSIBLE_NOCOLOR": "1",
                **environ,
            },
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def inventory(self):
        """The inventory as data: hosts' variables, and the hosts of each group; and what was said of it."""
        done = self.run("inventory", "--list")
        told = json.loads(done.stdout, object_hook=lambda item: item.get("__ansible_unsafe", item))
        variables = told.pop("_meta")["hostvars"]
        groups = {name: group["hosts"] for name, group in told.items() if "hosts" in group}
        return variables, groups, " ".join(done.stderr.split())


@pytest.fixture
def scene(tmp_path):
    """A folder with this collection and a snapshot."""
    link = tmp_path / "ansible_collections" / "kube" / "pcap"
    link.parent.mkdir(parents=True)
    link.symlink_to(ROOT)
    (tmp_path / "ansible.cfg").touch()
    (tmp_path / "snapshot.json").write_text(json.dumps({"kind": "List", "items": [EDGE, CORE, AGENT]}))
    return Scene(tmp_path)


def test_list(scene):
    """Hosts, variables and groups, with those that the user composes; a path begins where Ansible was started."""
    scene.configure(
        snapshot="snapshot.json",
        strict=True,
        compose={"pool": "kube_labels['pool']", "ansible_user": "'ops'"},
        groups={"tainted": "kube_taints | length > 0"},
        keyed_groups=[{"key": "kube_labels['pool']", "prefix": "pool"}],
    )
    variables, groups, _said = scene.inventory()
    assert variables["edge-1"]["ansible_host"] == "10.0.0.1"
    assert variables["edge-1"]["kube_node_name"] == "edge-1"
    assert (variables["core-1"]["pool"], variables["core-1"]["ansible_user"]) == ("core", "ops")
    assert groups == {
        "nodes": ["core-1", "edge-1"],
        "ready": ["edge-1"],
        "not_ready": ["core-1"],
        "without_address": ["core-1"],
        "label_pool_core": ["core-1"],
        "label_pool_edge": ["edge-1"],
        "label_evil____6___7______if_true___x___endif___": ["edge-1"],
        "taint_evil____6___7______if_true___x___endif____NoSchedule": ["edge-1"],
        "pool_core": ["core-1"],
        "pool_edge": ["edge-1"],
        "tainted": ["edge-1"],
    }


def test_never_rendered(scene):
    """A template that stands in the cluster is text, wherever a playbook uses it."""
    scene.configure(snapshot="snapshot.json", strict=True, compose={"composed": "kube_labels.get('evil', '')"})
    expressions = [
        "kube_annotations['note']",
        "kube_labels['evil']",
        "kube_taints[0].value",
        "kube_kubelet_version",
        "composed",
        "hostvars['edge-1'].kube_annotations['note']",
        "kube_annotations | dict2items | map(attribute='value') | first",
        "'a ' ~ kube_annotations['note']",
    ]
    message = {expression: "{{ %s }}" % expression for expression in expressions}
    words = ["-m", "ansible.builtin.debug", "-a", json.dumps({"msg": message}), "-e", "ansible_connection=local"]
    done = scene.run("adhoc", "edge-1", *words)
    told = json.loads(done.stdout[done.stdout.index("{") :])["msg"]
    assert told == {**dict.fromkeys(expressions, TEMPLATE), expressions[-1]: "a " + TEMPLATE}


def test_agents(scene):
    """By agent, a host is reached by kubectl; a node without one is warned of."""
    given = {"context": "edge", "kubeconfig": "~/config", "api_key": "secret", "validate_certs": True}
    scene.configure(snapshot="snapshot.json", connect="agent", **given)
    variables, groups, said = scene.inventory()
    assert "no agent pod in namespace kube-pcap is ready on core-1" in said
    assert {name: value for name, value in variables["edge-1"].items() if name.startswith("ansible_")} == {
        "ansible_become": False,
        "ansible_connection": "kubernetes.core.kubectl",
        "ansible_kubectl_container": "agent",
        "ansible_kubectl_context": "edge",
        "ansible_kubectl_extra_args": "--insecure-skip-tls-verify=false",
        "ansible_kubectl_kubeconfig": str(scene.folder / "config"),
        "ansible_kubectl_namespace": "kube-pcap",
        "ansible_kubectl_pod": "agent-1",
        "ansible_kubectl_validate_certs": "",
        "ansible_python_interpreter": "python3",
    }
    assert groups["without_agent"] == ["core-1"]


def test_refused(scene):
    """What is wrong is told in a sentence, an empty inventory says why it is empty, and no host is made up."""
    sentences = {
        "none.json cannot be read: No such file": {"snapshot": "none.json"},
        "label_selector: ": {"label_selector": "!!"},
        "no node is known, label_selector is pool=none": {"label_selector": "pool=none"},
        "PublicIP": {"address": ["PublicIP"]},
        "telnet": {"connect": "telnet"},
        "conect: it is no option; write connect": {"conect": "agent"},
        "colour: it is no option; see ansible-doc -t inventory kube.pcap.nodes": {"colour": "red"},
        "host: kubectl would send it": {"connect": "agent", "host": "https://192.0.2.1:6443", "api_key": "x"},
    }
    more = []
    for number, options in enumerate(sentences.values()):
        scene.configure(**{"snapshot": "snapshot.json", **options})
        more += ["-i", str(scene.config.rename(scene.folder / ("%d.pcap.yml" % number)))]
    scene.configure(snapshot="snapshot.json", label_selector="pool=edge")
    done = scene.run("inventory", "--graph", *more)
    said = " ".join(done.stderr.split())
    assert [sentence for sentence in sentences if sentence not in said] == []
    assert "Traceback" not in said
    assert "edge-1" in done.stdout and "core-1" not in done.stdout


@pytest.mark.parametrize(
    "name, taken",
    [
        ("cluster.pcap.yml", True),
        ("pcap.yaml", True),
        ("kube.pcap.yml", True),
        ("cluster.yml", False),
        ("x.pcap", False),
    ],
)
def test_name(tmp_path, name, taken):
    """A file of another name is left to other plugins."""
    (tmp_path / name).touch()
    assert InventoryModule().verify_file(str(tmp_path / name)) is taken


class Server(http.server.ThreadingHTTPServer):
    """An API server that has two nodes and an agent."""

    daemon_threads = True
    asked: list[tuple[str, dict[str, list[str]]]]


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers lists, and notes what was asked."""

    server: Server

    def do_GET(self) -> None:
        """Answers one request."""
        url = urllib.parse.urlsplit(self.path)
        self.server.asked.append((url.path, urllib.parse.parse_qs(url.query)))
        kind, items = ("NodeList", [EDGE, CORE]) if url.path.endswith("/nodes") else ("PodList", [AGENT])
        body = json.dumps({"kind": kind, "metadata": {}, "items": items}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def server():
    """An API server of this process."""
    pytest.importorskip("kubernetes")
    with Server(("127.0.0.1", 0), Handler) as found:
        found.asked = []
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        yield found
        found.shutdown()
        thread.join()


def test_api(scene, server):
    """Two lists are asked for; what is kept is used until it is flushed, or another selection is asked for."""
    one = {"name": "one", "cluster": {"server": "http://127.0.0.1:%d" % server.server_address[1]}}
    user, context = {"name": "one", "user": {"token": "secret"}}, {"cluster": "one", "user": "one"}
    known = {"clusters": [one], "users": [user], "contexts": [{"name": "one", "context": context}]}
    (scene.folder / "config").write_text(json.dumps({**known, "current-context": "one"}))
    options = {
        "kubeconfig": str(scene.folder / "config"),
        "connect": "agent",
        "cache": True,
        "cache_plugin": "ansible.builtin.jsonfile",
        "cache_connection": str(scene.folder / "cache"),
    }
    scene.configure(**options)
    first = scene.inventory()
    assert first[0]["edge-1"]["ansible_kubectl_pod"] == "agent-1"
    assert [path for path, _query in server.asked] == ["/api/v1/nodes", "/api/v1/namespaces/kube-pcap/pods"]
    assert server.asked[1][1]["labelSelector"] == ["app.kubernetes.io/name=kube-pcap-agent"]
    assert scene.inventory() == first
    assert len(server.asked) == 2
    (scene.folder / "nothing.yml").write_text(json.dumps([{"hosts": "edge-1", "gather_facts": False}]))
    assert scene.run("playbook", "--flush-cache", str(scene.folder / "nothing.yml")).returncode == 0
    assert len(server.asked) == 4
    scene.configure(**options, label_selector="pool in (edge,core)")
    assert scene.inventory() == first
    assert server.asked[4][1]["labelSelector"] == ["pool in (core,edge)"]
    assert "secret" not in "".join(path.read_text() for path in (scene.folder / "cache").iterdir())
