# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook ``agent`` with an API that has what a test says; the cluster's tests have a real one."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("kubernetes")

from .plugins.plugin_utils._agents.objects import daemonset, namespace, pod
from .plugins.plugin_utils._cluster.apiserver import ApiServer, Asked, Said, failure, listed, serving

ROOT = pathlib.Path(__file__).resolve().parents[2]
INVENTORY = "localhost ansible_connection=local\n[kube_pcap_agents]\nbystander ansible_connection=local\n"
DOING = """
import pathlib
from ansible.plugins.action import ActionBase

class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        pathlib.Path(task_vars["applied"]).touch()
        return {"changed": True, "result": {}}
"""
REACHING = """
from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection.local import Connection as Local

DOCUMENTATION = "name: kubectl\\nshort_description: x\\ndescription: [x]\\noptions: {}"

class Connection(Local):
    def _connect(self):
        raise AnsibleConnectionFailure("pod %s is not there" % self._play_context.remote_addr)
"""


@pytest.fixture
def server() -> Iterator[ApiServer]:
    """The API."""
    with serving() as made:
        yield made


@pytest.fixture
def scene(tmp_path: pathlib.Path, server: ApiServer) -> pathlib.Path:
    """A folder with this collection, a stand-in for the other, and an inventory with a group of the agents' name."""
    (tmp_path / "ansible_collections" / "kube").mkdir(parents=True)
    (tmp_path / "ansible_collections" / "kube" / "pcap").symlink_to(ROOT)
    core = tmp_path / "ansible_collections" / "kubernetes" / "core" / "plugins"
    for name, text in (("action/k8s", DOING), ("connection/kubectl", REACHING)):
        file = core / (name + ".py")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (core / "modules").mkdir()
    (core / "modules" / "k8s.py").touch()
    (tmp_path / "hosts").write_text(INVENTORY)
    (tmp_path / "ansible.cfg").touch()
    server.answer = lambda asked: answer(asked, tmp_path)
    parts = {"clusters": {"cluster": {"server": server.url}}, "users": {"user": {"token": "x"}}}
    parts["contexts"] = {"context": {"cluster": "one", "user": "one"}}
    known = {kind: [{"name": "one", **part}] for kind, part in parts.items()}
    (tmp_path / "kubeconfig").write_text(json.dumps({**known, "current-context": "one"}))
    return tmp_path


def answer(asked: Asked, scene: pathlib.Path) -> Said:
    """What there is of agents, before the manifest was applied or after it."""
    known = json.loads((scene / "api.json").read_text())
    if (scene / "applied").exists():
        known.update(known.get("applied", {}))
    if asked.path.endswith("/pods"):
        return listed("Pod", *known["Pod"])
    kind = "DaemonSet" if "/daemonsets/" in asked.path else "Namespace"
    one = known.get(kind)
    return Said(200, {"kind": kind, **one}) if one else failure(404, "it is not there", name=asked.path.split("/")[-1])


def play(scene: pathlib.Path, objects: dict[str, Any], **variables: Any) -> tuple[dict[str, Any], str]:
    """Runs the playbook; the figures of each host that it came to, and all that was said."""
    (scene / "api.json").write_text(json.dumps(objects))
    (scene / "applied").unlink(missing_ok=True)
    call = "import sys; from ansible.cli.playbook import main; sys.argv[0] = 'ansible-playbook'; main()"
    own = {"applied": str(scene / "applied"), "agent_kubeconfig": str(scene / "kubeconfig")}
    extra = json.dumps({**own, "agent_image": "x", **variables})
    done = subprocess.run(
        [sys.executable, "-c", call, "-i", str(scene / "hosts"), "kube.pcap.agent", "-e", extra],
        env={
            **{name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ},
            "LC_ALL": "C.UTF-8",
            "HOME": str(scene),
            "ANSIBLE_CONFIG": str(scene / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": str(scene),
            "ANSIBLE_NOCOLOR": "1",
        },
        cwd=scene,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    recap = done.stdout.partition("PLAY RECAP")[2].splitlines()[1:]
    hosts = {line.split()[0]: dict(one.split("=") for one in line.split()[2:]) for line in recap if ":" in line}
    return hosts, done.stdout + done.stderr


def test_no_host_of_the_users_own_is_stopped(scene: pathlib.Path) -> None:
    """A group of the inventory may be called as the play's own: what is in it is no agent of this DaemonSet."""
    objects = {"Namespace": namespace(), "DaemonSet": daemonset(2), "Pod": [pod("node-a"), pod("node-b")]}
    hosts, said = play(scene, objects)
    assert list(hosts) == ["localhost"] and "2 agents of 2 nodes" in said, said
    hosts, said = play(scene, objects, agent_state="absent")
    assert set(hosts) == {"localhost", "node-a", "node-b"} and hosts["localhost"]["failed"] == "1", said
    assert "it is not known what agents record (node-a: unreachable: pod node-a is not there" in said
    hosts, said = play(scene, {**objects, "DaemonSet": None}, agent_state="absent")
    assert list(hosts) == ["localhost"] and "there are no agents" in said, said


def test_nodes_that_lose_their_agent(scene: pathlib.Path) -> None:
    """They are named with the spool in which their captures lie, and nothing is stopped by what brings agents."""
    before = {"Namespace": namespace(), "DaemonSet": daemonset(2), "Pod": [pod("node-a"), pod("node-b")]}
    after = {"DaemonSet": daemonset(1), "Pod": [pod("node-a")]}
    hosts, said = play(scene, {**before, "applied": after}, agent_spool="/srv/pcap")
    assert list(hosts) == ["localhost"] and hosts["localhost"]["failed"] == "0", said
    assert "no agent goes on with what was recorded on node-b: " in said and "stays there, in /srv/pcap" in said
    assert "Could not match" not in said


def test_the_api_server_does_not_tell(scene: pathlib.Path, server: ApiServer) -> None:
    """Who may not look, and who hears nothing, reads one sentence, and nothing is done."""
    server.answer = lambda asked: failure(403, 'namespaces is forbidden: User "joe" cannot get resource')
    hosts, said = play(scene, {})
    assert hosts["localhost"]["failed"] == "1" and not (scene / "applied").exists()
    assert "forbids user joe to get namespaces in the whole cluster; grant it get on namespaces (by a" in said, said
    server.answer = lambda _asked: Said(0, None)
    hosts, said = play(scene, {}, agent_state="absent")
    assert hosts["localhost"]["failed"] == "1" and "the API server %s cannot be reached: " % server.url in said, said
    assert "Traceback" not in said
