# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each host is to run, and what is refused before any does."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import OptionError, TargetError
from ansible_collections.kube.pcap.plugins.module_utils._records import Candidate, CommandOptions, Target, to_result
from ansible_collections.kube.pcap.plugins.plugin_utils._exec import plan_exec
from ansible_collections.kube.pcap.plugins.plugin_utils._play import Answer


def pod(name, node, **more):
    labels = {"app": name.partition("-")[0]}
    return Target("pod", "shop", name, "uid-" + name, node, **{"pid": 100, "netns": 7, "labels": labels, **more})


def asked(node, *pods):
    """The answer of a host: its node, and its pods."""
    own = Target("node", name=node, node=node, pid=1, netns=1)
    return Answer(node, None, {"node": to_result(own), "pods": to_result(list(pods)), "gone": []})


HOSTS = (asked("node-a", pod("web-1", "node-a"), pod("cart", "node-a")), asked("node-b", pod("web-2", "node-b")))


def plan(targets, answers=HOSTS, **options):
    options = {"argv": ["ip", "addr"], **options}
    return plan_exec({"exec_" + name: value for name, value in {"targets": targets, **options}.items()}, answers)


def test_one_record_per_host_with_targets():
    """SN-4: each host gets its own targets, and all the same command."""
    made = plan("pods shop app=web", timeout="1m", namespaces=["pid", "net"])
    assert {host: [t.title for t in one.targets] for host, one in made.records.items()} == {
        "node-a": ["pod shop/web-1"],
        "node-b": ["pod shop/web-2"],
    }
    options = CommandOptions(("ip", "addr"), ("net", "pid"), 60)
    assert {one.options for one in made.records.values()} == {options} and made.warnings == ()
    assert {host: one.node for host, one in made.records.items()} == {"node-a": "node-a", "node-b": "node-b"}


@pytest.mark.parametrize("pods, seconds", [(1, 160), (8, 160), (9, 200), (17, 240)])
def test_how_long_a_host_may_need(pods, seconds):
    """Eight tools run at once; the most that one host has decides."""
    answers = (
        asked("node-a", *(pod("web-%d" % n, "node-a") for n in range(pods))),
        asked("node-b", pod("x", "node-b")),
    )
    assert plan("pods shop *", answers).seconds == seconds


@pytest.mark.parametrize(
    "options, argv, text",
    [
        ({"allowed": ""}, ["rm"], None),
        ({"allowed": None}, ["rm"], None),
        ({"allowed": ["ip", "ss"]}, ["ss", "-tn"], None),
        ({"allowed": "ip, ss"}, ["ss"], None),
        ({"allowed": ["/usr/sbin/tcpdump"]}, ["/usr/sbin/tcpdump", "-D"], None),
        (
            {"allowed": ["ip"]},
            ["ss"],
            'exec_argv: "ss" is not allowed; exec_allowed has ip; write one of these, exactly',
        ),
        ({"allowed": ["tcpdump"]}, ["/usr/sbin/tcpdump"], 'exec_argv: "/usr/sbin/tcpdump" is not allowed'),
        ({"allowed": ["tcpdump"]}, ["/tmp/tcpdump"], 'exec_argv: "/tmp/tcpdump" is not allowed'),
        ({"allowed": ["/usr/sbin/tcpdump"]}, ["tcpdump"], 'exec_argv: "tcpdump" is not allowed'),
        ({"allowed": ["ip"]}, ["IP"], 'exec_argv: "IP" is not allowed'),
        ({"allowed": []}, ["ip"], "exec_allowed: a name is missing"),
        ({"allowed": ["ip", ""]}, ["ip"], "exec_allowed: a name is missing"),
        ({"allowed": ","}, ["ip"], "exec_allowed: a name is missing"),
        ({"allowed": {"ip": 1}}, ["ip"], "exec_allowed: \"{'ip': 1}\" is no list"),
        (
            {"allowed": ["ip"], "namespaces": ["net", "mount"]},
            ["ip"],
            "exec_namespaces: with mount the tool is the pod's own, and exec_allowed names those of the node",
        ),
    ],
)
def test_the_allow_list(options, argv, text):
    """Exactly what is on it runs; a name is the node's program of that name; a list with nothing on it is refused."""
    if text is None:
        assert plan("pod shop/cart", argv=argv, **options).records["node-a"].options.argv == tuple(argv)
        return
    with pytest.raises(OptionError) as error:
        plan("pod shop/cart", argv=argv, **options)
    assert str(error.value).startswith(text)


@pytest.mark.parametrize(
    "options, text",
    [
        ({"argv": []}, "exec_argv: no command is given; write a list, such as [ip, addr], or exec_command"),
        ({"command": "ip"}, "exec_command: exec_argv is given, too"),
        ({"timeout": "2h"}, 'exec_timeout: "2h" is out of range'),
        ({"dest": "/srv/x"}, "exec_dest: 2 targets of a node cannot write into one file; write a folder with a slash"),
        ({"unmatched": "maybe"}, 'exec_unmatched: "maybe" is not taken'),
        ({"colour": "red"}, '"exec_colour": it is not an option'),
        ({"targets": ""}, "exec_targets: it is empty"),
        ({"targets": "pods shop"}, "exec_targets: "),
        ({"container": "web", "targets": "nodes *"}, "exec_container: nodes * has no containers"),
    ],
)
def test_refused(options, text):
    """A wrong value is told by the role's name of the option."""
    with pytest.raises(OptionError) as error:
        plan(**{"targets": "pods shop *", **options})
    assert str(error.value).startswith(text)


def test_a_file_and_a_folder():
    """One target of a node may write a file, several into a folder."""
    assert plan("pods shop app=web", dest="/srv/x").records["node-a"].options.dest == "/srv/x"
    assert plan("pods shop *", dest="/srv/").records["node-a"].options.dest == "/srv/"


def test_nothing_found():
    """PT-5: one sentence, by this role's names; or a warning where that is asked for."""
    with pytest.raises(
        TargetError, match="^exec_targets: pod shop/crt matches no pod; namespace shop has the pods cart"
    ):
        plan("pod shop/crt")
    with pytest.raises(TargetError, match=r"give a snapshot .*exec_api") as error:
        plan("deployment shop/web")
    assert "exec_snapshot" in str(error.value) and "capture_" not in str(error.value)
    made = plan("pod shop/crt", unmatched="warn")
    assert made.records == {} and made.warnings[0].startswith("exec_targets: pod shop/crt matches no pod")


def test_who_is_left_out():
    """A host that gave no answer is told, and the others run."""
    made = plan("pods shop *", (*HOSTS, Answer("node-c", problem="unreachable: No route to host")))
    assert [one.host for one in made.left_out] == ["node-c"] and len(made.records) == 2
    assert made.warnings == ("host node-c is left out: unreachable: No route to host",)


def test_what_is_not_known_is_told_by_this_roles_names():
    """A node that does not know labels is named, with this role's way out."""
    blind = asked("node-b", pod("web-2", "node-b", labels=None))
    (warning,) = plan("pods shop app=web", (HOSTS[0], blind)).warnings
    assert "what it matches on node-b is not known" in warning and "set exec_snapshot" in warning


def test_a_dispute_is_told_by_this_roles_names():
    """Two nodes that say to run a pod: what decides is an option of this role, in the warning and in the refusal."""
    answers = (HOSTS[0], asked("node-b", pod("web-1", "node-b"), pod("web-2", "node-b")))
    (warning,) = plan("pods shop app=web", answers).warnings
    with pytest.raises(TargetError) as refused:
        plan("pod shop/web-1", answers)
    for said in (warning, str(refused.value)):
        assert "the API (exec_api) or exec_snapshot decides" in said and "capture_" not in said


def test_a_pod_that_does_not_run_yet():
    """What matches and cannot be entered now is named."""
    known = [Candidate(pod("web-3", None, pid=None, netns=None), "Pending", ()), Candidate(pod("web-1", "node-a"))]
    made = plan_exec({"exec_targets": "pods shop app=web", "exec_argv": ["ip"]}, HOSTS[:1], known)
    assert [len(one.targets) for one in made.records.values()] == [1]
    assert made.warnings[0].startswith("pods shop app=web: pod shop/web-3 is Pending: it is on no node yet; make")


def test_what_the_cluster_knows():
    """A workload's pods are found with it."""
    known = [Candidate(pod("cart", "node-a", pid=None, netns=None), workloads=(("deployment", "cart"),))]
    known.append(Candidate(Target("node", name="node-a", node="node-a")))
    request = {"exec_targets": "deployment shop/cart", "exec_command": "ip addr"}
    made = plan_exec(request, HOSTS[:1], known)
    assert [one.pid for one in made.records["node-a"].targets] == [100]
