# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pods of a node from trees of files (rows KD-2, KD-11, KD-12, PT-3, PT-4, PT-5)."""

from __future__ import annotations

import functools
import itertools
import pathlib
import time

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import NodeError
from ansible_collections.kube.pcap.plugins.module_utils._node import cri, pods, processes
from ansible_collections.kube.pcap.plugins.module_utils._node.cgroups import parse_cgroup
from ansible_collections.kube.pcap.plugins.module_utils._node.netns import Network

from .node_tree import (
    HASH,
    HOST,
    UID,
    NodeTree,
    containerd_v1_cgroupfs,
    containerd_v2_systemd,
    crio_systemd,
    docker_systemd,
    long_id,
    spelled,
)

POD, ELSEWHERE = 4026532441, 4026532999
FIXTURES = pathlib.Path(__file__).parent / "fixtures" / "crictl"
SPELLINGS = [containerd_v2_systemd, containerd_v1_cgroupfs, crio_systemd, docker_systemd]
NODES = list(itertools.product(["containerd", "CRI-O", "docker"], ["v1", "v2"], ["systemd", "cgroupfs"]))


@pytest.fixture
def tree(tmp_path):
    """A node without pods."""
    return NodeTree(tmp_path)


def look(pid, inode, proc_root):
    """Stands for the kernel, which a tree of files cannot be asked."""
    return Network({"lo": 1, "eth0": 2}, ("10.244.1.%d" % (pid % 250),))


def read(tree, name=None):
    return pods.read_node(tree.roots, name, ask_runtime=False, observe=look)


def runtime():
    return cri.CriState(
        cri.parse_pods((FIXTURES / "pods.json").read_text()), cri.parse_containers((FIXTURES / "ps.json").read_text())
    )


def with_runtime(tree):
    """As ``read``, with what crictl said on such a node."""
    state = read(tree)
    logged, names = pods.read_logged(tree.roots), pods.read_container_names(tree.roots)
    return pods.assemble(processes.read_processes(tree.roots.proc).processes, logged, names, runtime(), state.node)


def test_a_runtime_that_fails(tree):
    """Its problem is the node's; pods are found all the same, without labels."""
    tree.process(60, POD, SPELLINGS[0](UID, "app"))
    tree.logs("shop", "cart", UID, "app")
    state, logged = read(tree), pods.read_logged(tree.roots)
    failed = cri.CriState(problem="connect: permission denied")
    view = pods.assemble(processes.read_processes(tree.roots.proc).processes, logged, {}, failed, state.node)
    assert [c.runtime_problem for c in view.candidates] == ["connect: permission denied", None]
    assert view.pods[0].name == "cart" and view.pods[0].labels is None


@pytest.mark.parametrize("spell", [*SPELLINGS, *(functools.partial(spelled, *node) for node in NODES)])
def test_running_pod(tree, spell):
    """Each runtime's pod is found with all that its node knows; the sandbox is no container."""
    tree.process(50, POD, spell(UID, "sandbox"), comm="pause")
    tree.process(61, POD, spell(UID, "side"))
    tree.process(60, POD, spell(UID, "app"))
    tree.process(62, POD, spell(UID, "app"), comm="child")
    tree.logs("shop", "cart", UID, "app", "side")
    (pod,) = read(tree).pods
    assert (pod.namespace, pod.name, pod.uid, pod.node) == ("shop", "cart", UID, "node-a")
    assert [(c.name, c.id, c.pid) for c in pod.containers] == [
        ("app", long_id("app"), 60),
        ("side", long_id("side"), 61),
    ]
    assert (pod.container, pod.pid, pod.netns, pod.host_network) == ("app", 50, POD, False)
    assert pod.addresses == ("10.244.1.50",) and pod.interfaces == {"lo": 1, "eth0": 2}
    assert pod.labels is None and pod.static_hash is None


def test_conmon_is_not_of_the_pod(tree):
    """CRI-O's monitor lives in the pod's group, but in the node's namespace."""
    tree.process(40, HOST, crio_systemd(UID, "app", "crio-conmon"), comm="conmon")
    tree.process(60, POD, crio_systemd(UID, "app"))
    tree.logs("shop", "cart", UID, "app")
    (pod,) = read(tree).pods
    assert (pod.pid, pod.netns, pod.host_network) == (60, POD, False)


def test_static_pod(tree):
    """A static pod's uid is its configuration's hash, and it says so."""
    tree.process(60, HOST, containerd_v2_systemd(HASH, "etcd"))
    tree.logs("kube-system", "etcd-node-a", HASH, "etcd")
    (pod,) = read(tree).pods
    assert (pod.name, pod.uid, pod.static_hash, pod.node_uid) == ("etcd-node-a", HASH, HASH, HASH)
    assert pod.host_network


def test_host_network(tree):
    """A pod in the node's namespace says so, and has the node's interfaces."""
    tree.process(50, HOST, containerd_v2_systemd(UID, "sandbox"), comm="pause")
    tree.process(60, HOST, containerd_v2_systemd(UID, "app"))
    tree.logs("kube-system", "agent", UID, "app")
    view = read(tree)
    assert view.pods[0].host_network and view.pods[0].netns == view.node.netns == HOST
    assert view.pods[0].addresses == view.node.addresses


def test_crashing_first_container(tree):
    """A first container that is between two starts does not prevent anything (row PT-4)."""
    tree.process(50, POD, containerd_v2_systemd(UID, "sandbox"), comm="pause")
    tree.process(61, None, containerd_v2_systemd(UID, "app"))
    tree.process(62, POD, containerd_v2_systemd(UID, "side"))
    tree.logs("shop", "cart", UID, "app", "side")
    (pod,) = read(tree).pods
    assert (pod.pid, pod.netns) == (50, POD)
    assert [(c.name, c.pid) for c in pod.containers] == [("side", 62), ("app", None)]


def test_only_the_sandbox_lives(tree):
    """A pod all of whose containers crash is reached by its sandbox."""
    tree.process(50, POD, containerd_v2_systemd(UID, "sandbox"), comm="pause")
    tree.logs("shop", "cart", UID, "app")
    (pod,) = read(tree).pods
    assert (pod.pid, pod.netns, pod.container) == (50, POD, "app")


@pytest.mark.parametrize("sandbox", [True, False])
def test_a_container_in_another_namespace(tree, sandbox):
    """A container that went into another namespace does not mislead: the sandbox counts, else the majority."""
    if sandbox:
        tree.process(50, POD, containerd_v2_systemd(UID, "sandbox"), comm="pause")
    tree.process(60, ELSEWHERE, containerd_v2_systemd(UID, "app"))
    tree.process(61, ELSEWHERE, containerd_v2_systemd(UID, "app"))
    tree.process(62, POD, containerd_v2_systemd(UID, "side"))
    if not sandbox:
        tree.process(63, POD, containerd_v2_systemd(UID, "third"))
    tree.logs("shop", "cart", UID, "app", "side", "third")
    (pod,) = read(tree).pods
    assert (pod.pid, pod.netns) == (50 if sandbox else 62, POD)


def test_the_only_nameless_container_is_the_sandbox(tree):
    """A sandbox of another program's name is known by having no log."""
    tree.process(50, POD, containerd_v2_systemd(UID, "sandbox"), comm="sleep")
    tree.process(60, ELSEWHERE, containerd_v2_systemd(UID, "app"))
    tree.logs("shop", "cart", UID, "app")
    assert read(tree).pods[0].netns == POD


def test_names_are_not_guessed(tree):
    """Where no link ties an id to a name, the container has a name and no process."""
    tree.process(60, POD, containerd_v2_systemd(UID, "app"))
    tree.logs("shop", "cart", UID, "app", linked=False)
    (container,) = read(tree).pods[0].containers
    assert (container.name, container.id, container.pid) == ("app", None, None)


def test_pod_without_any_name(tree):
    """A pod that has no folder is shown with its uid alone, so that the cluster can name it."""
    tree.process(60, POD, containerd_v2_systemd(UID, "app"))
    (pod,) = read(tree).pods
    assert (pod.namespace, pod.name, pod.uid) == (None, None, UID)


def test_gone(tree):
    """A pod of which only logs are left is told as gone, unless its namesake runs."""
    tree.logs("shop", "seed", "3113c735-d9bb-47b8-8e88-4d8f27f8219d", "seed")
    tree.logs("shop", "cart", "11111111-2222-3333-4444-555555555555", "app")
    tree.process(60, POD, containerd_v2_systemd(UID, "app"))
    tree.logs("shop", "cart", UID, "app")
    view = read(tree)
    assert [(c.target.name, c.phase) for c in view.candidates] == [
        ("node-a", "Running"),
        ("cart", "Running"),
        ("seed", "Gone"),
    ]
    assert view.candidates[2].target.pid is None


def test_runtime_adds_labels_and_containers(tree):
    """The runtime tells labels, init and ephemeral containers and each one's last attempt (row KD-2)."""
    tree.process(50, POD, containerd_v2_systemd(UID, "sandbox"), comm="other")
    tree.process(61, POD, containerd_v2_systemd(UID, "istio-proxy"))
    tree.process(63, POD, containerd_v2_systemd(UID, "debugger"))
    view = with_runtime(tree)
    (pod,) = view.pods
    assert (pod.namespace, pod.name, pod.labels) == ("shop", "cart", {"app": "cart", "tier": "middle"})
    assert [(c.name, c.pid) for c in pod.containers] == [
        ("istio-proxy", 61),
        ("debugger-x7k2p", 63),
        ("init-db", None),
        ("app", None),
    ]
    assert pod.containers[3].id == long_id("app") and pod.pid == 50
    gone = {c.target.name: c.target for c in view.candidates if c.phase == "Gone"}
    assert sorted(gone) == ["etcd-node-a", "seed-x8k4n"]
    assert gone["etcd-node-a"].static_hash == HASH and gone["seed-x8k4n"].static_hash is None


def test_node(tree):
    """The node itself is process 1's namespace, with its default interface."""
    route = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
    tree.write("proc/1/net/route", route + "ens3\t00000000\t0102000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n")
    view = read(tree)
    assert (view.node.kind, view.node.name, view.node.pid, view.node.netns) == ("node", "node-a", 1, HOST)
    assert view.node.host_network and view.default_interface == "ens3" and view.pods == ()


def test_name_of_the_node(tree):
    """The option wins over the kubelet's argument, and that over the host name."""
    assert read(tree).node.name == "node-a"
    tree.process(
        30, HOST, "0::/system.slice/kubelet.service\n", cmdline="/usr/bin/kubelet\0--hostname-override=Worker-7\0"
    )
    assert read(tree).node.name == "worker-7"
    assert read(tree, "given").node.name == "given"


def test_rights_are_missing(tmp_path):
    """Without the right to see process 1 the sentence says what to do."""
    (tmp_path / "proc").mkdir()
    with pytest.raises(NodeError, match="run as root"):
        pods.read_node(pods.Roots(str(tmp_path / "proc")), observe=look)


def test_entry_process_is_the_sandboxs():
    """It outlives a container that crashes again and again; for files it is the first container's first one."""
    member = [parse_cgroup(containerd_v2_systemd(UID, word)) for word in ("sandbox", "app")]
    group = [processes.Process(5, 1, "pause", POD, member[0]), processes.Process(9, 2, "a", POD, member[1])]
    assert processes.choose_process(group, {long_id("sandbox")}).pid == 5
    assert processes.choose_process(group, {long_id("sandbox")}, for_files=True).pid == 9
    assert processes.choose_process(group[1:], (), {long_id("app")}).pid == 9


def test_a_pod_without_a_known_container(tree):
    """Its files are entered by the process that the pod is, which must be a container's and not the sandbox's."""
    tree.process(50, POD, containerd_v2_systemd(UID, "sandbox"), comm="pause")
    tree.process(60, POD, containerd_v2_systemd(UID, "app"))
    tree.logs("shop", "cart", UID)
    (pod,) = read(tree).pods
    assert (pod.container, pod.pid, pod.netns) == (None, 60, POD)


def test_fast(tree):
    """A node with 110 pods and 500 processes is read in some 0.1 s; ten times that is far too long."""
    for number in range(110):
        uid = "%08x-0000-4000-8000-000000000000" % number
        tree.logs("shop", "pod-%d" % number, uid, "app-%d" % number)
        for step, word in enumerate(("sandbox-%d", "app-%d", "app-%d", "app-%d")):
            word = word % number
            tree.process(1000 + number * 4 + step, 4026540000 + number, containerd_v2_systemd(uid, word))
    for pid in range(100, 160):
        tree.process(pid, HOST, "0::/system.slice/some.service\n", cmdline="/usr/bin/some\0")
    began = time.perf_counter()
    view = read(tree)
    assert len(view.pods) == 110 and time.perf_counter() - began < 3.0
