# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What users launch: the playbooks capture, status and stop, on three nodes."""

from __future__ import annotations

import json
import pathlib
import re
from typing import Any

import pytest

from tests.gate.venvs import venv
from tests.lab.ansible_run import Ansible
from tests.lab.lab import Lab
from tests.lab.playing import NODES, WEB, Plays, changed, failed, hosts, remote_tasks, said, started, told


def life_of_a_capture(plays: Plays) -> None:
    """Start, the same again, status, stop, finished, remove, gone: flags and figures at every step."""
    request: dict[str, Any] = {"targets": ["pods shop app=web", "node node-b"]}
    expected = [(node, name, "ready") for node, name in [*WEB.items(), ("node-b", "node-b")]]
    first = plays.capture(**request)
    assert first.rc == 0 and changed(first) == dict.fromkeys(NODES, 1) and started(first) == sorted(expected)
    assert remote_tasks(first) == dict.fromkeys(NODES, 3)  # one of them is the check
    id = told(first)["id"]
    assert re.fullmatch("c-[0-9a-f]{10}", id) and "capture %s: 4 targets on 3 nodes" % id in first.stdout
    again = plays.capture(**request, filter="", duration=None)
    assert again.rc == 0 and changed(again) == dict.fromkeys(NODES, 0) and started(again) == sorted(expected)
    sent = plays.lab.pod("shop", "cart").send("shop/" + WEB["node-c"], count=200, rate=1000)
    status = plays.run("status")
    assert status.rc == 0 and changed(status) == dict.fromkeys(NODES, 0) and remote_tasks(status)["node-a"] == 2
    assert re.search(r"^node-c +pod shop/%s +ready +2\d\d +0 " % WEB["node-c"], status.stdout, re.MULTILINE)
    stop = plays.run("stop", id=id, segments=True)
    assert stop.rc == 0 and changed(stop) == dict.fromkeys(NODES, 1) and remote_tasks(stop)["node-a"] == 2
    figures = {one["host"]: one for one in told(stop)["captures"]}
    web = figures["node-c"]["targets"][0]
    assert web["phase"] == "done" and sent.received <= web["packets"] == figures["node-c"]["segment_list"][0]["packets"]
    assert figures["node-c"]["segment_list"][0]["file"] in stop.stdout and plays.tcpdumps() == 0
    assert changed(plays.run("stop", id=id)) == dict.fromkeys(NODES, 0)
    finished = plays.capture(**request)
    assert finished.rc == 0 and changed(finished) == dict.fromkeys(NODES, 0)
    assert "is finished (done: stopped); remove it to start it again" in finished.stdout
    assert "nothing is being recorded now on node-a, node-b, node-c: capture %s is finished" % id in said(finished)
    removed = plays.run("stop", id=id, remove=True)
    assert removed.rc == 0 and changed(removed) == dict.fromkeys(NODES, 1) and plays.spool() == {}
    assert "removed from node-a, node-b, node-c" in removed.stdout
    files = sum(one["segments"] for one in figures.values())
    assert "capture %s: %d files went with it that nobody had collected (on node-" % (id, files) in said(removed)
    gone = plays.run("stop", id=id, remove=True)
    assert gone.rc == 0 and changed(gone) == dict.fromkeys(NODES, 0)


def test_a_captures_life(plays: Plays) -> None:
    """SN-1, SN-15, KD-3: on every node at once, and nothing changes but what was asked for."""
    life_of_a_capture(plays)


def test_a_captures_life_with_the_oldest_core(lab: Lab, tmp_path: pathlib.Path) -> None:
    """The same with ansible-core 2.16."""
    plays = Plays(lab, Ansible(lab.inventory, tmp_path, str(venv("core-2.16") / "python")))
    try:
        life_of_a_capture(plays)
    finally:
        plays.clean()


def test_the_reports_data_is_a_variable(plays: Plays, tmp_path: pathlib.Path) -> None:
    """KD-3: a later play of the same run reads what status told, on any host."""
    plays.capture("node node-a", id="told")
    later = {"hosts": "node-b", "gather_facts": False}
    task = {"ansible.builtin.debug": {"msg": "{{ capture_result.captures | map(attribute='id') | join(' ') }}"}}
    play = [{"import_playbook": "kube.pcap.status"}, {**later, "tasks": [{"name": "Show", **task}]}]
    (tmp_path / "later.json").write_text(json.dumps(play))
    run = plays.ansible.playbook(tmp_path / "later.json")
    assert run.rc == 0, run.stdout
    assert run.of("debug")["node-b"]["msg"] == "told"


def test_what_was_meant_as_an_option(plays: Plays) -> None:
    """KD-12: half a value, or a name that is not quite an option's, records nothing that nobody asked for."""
    for name in ("capture", "status", "stop"):
        cut = plays.run(name, "-e", "capture_filter=udp port 53", targets="node node-a", id="cut")
        assert cut.rc == 2 and plays.spool() == {}
        assert '-e: "port 53" belongs to no variable, since key=value ends at a space; write the whole' in said(cut)
    told = plays.capture("node node-a", "--check", colour="/srv")
    assert told.rc == 0 and "capture_colour is no option" in said(told)
    slip = plays.capture("node node-a", filtr="udp")
    assert slip.rc == 2 and "capture_filtr is no option; write capture_filter" in said(slip) and plays.spool() == {}
    (why,) = failed(plays.run("capture", target="node node-a"))
    assert "; capture_target is no option; write capture_targets, or " in why, why


def test_check_mode_changes_nothing(plays: Plays) -> None:
    """What would be started, refreshed and removed is told, and nothing is."""
    run = plays.capture("pods shop app=web", "--check")
    assert run.rc == 0 and changed(run) == dict.fromkeys(NODES, 1) and plays.spool() == {} and plays.tcpdumps() == 0
    assert {phase for _host, _name, phase in started(run)} == {None} and "planned" in run.stdout
    plays.capture("node node-a", id="kept")
    status = plays.run("status", "--check")
    assert status.rc == 0 and changed(status) == dict.fromkeys(NODES, 0)
    stopped = plays.run("stop", "--check", id="kept")
    assert "would be stopped on node-a" in stopped.stdout and changed(stopped)["node-a"] == 1
    removed = plays.run("stop", "--check", id="kept", remove=True)
    assert "would be removed from node-a" in removed.stdout and plays.spool() == {"node-a": ["kept"]}
    assert changed(removed) == {"node-a": 1, "node-b": 0, "node-c": 0} and plays.tcpdumps() == 1


def test_other_options_are_refused(plays: Plays) -> None:
    """SN-15: the same id with another filter says what differs, and the capture goes on as it was."""
    assert plays.capture("pods shop app=web", id="one", filter="udp").rc == 0
    run = plays.capture("pods shop app=web", id="one", filter="tcp", snaplen=96)
    assert run.rc == 2 and changed(run) == dict.fromkeys(NODES, 0) and len(failed(run)) == 3
    assert all('filter is "udp", asked for "tcp"' in message for message in failed(run))
    assert all("snaplen is 192, asked for 96" in message for message in failed(run))
    assert [one["reason"] for one in told(run)["unasked"]] == failed(run) or len(told(run)["unasked"]) == 3
    assert "capture one: 3 hosts gave no result\n" in run.stdout and plays.tcpdumps() == 3


@pytest.mark.parametrize(
    "targets, options, words",
    [
        ("pod shop/crt", {}, ["capture_targets: pod shop/crt matches no pod", "cart"]),
        ("pod shop/report-7q2xd", {}, ["is Pending"]),
        ("pod shop/seed-x8k4n", {}, ["has finished (Succeeded)"]),
        ("pod shop/web-6f8d5c7b9d-4hx2k[nope]", {}, ['no container "nope"; its containers are web, istio-proxy']),
        ("nodes", {}, ['capture_targets: column 6: bare "nodes" means nothing']),
        ("pod shop/cart", {"filter": "-w /tmp/x"}, ["capture_filter"]),
        ("pod shop/cart", {"duration": "10 parsecs"}, ["capture_duration", "parsecs"]),
        ("pod shop/cart", {"keep": "-1"}, ["capture_keep"]),
        (None, {}, ["capture_targets: it is empty"]),
    ],
)
def test_refused_once_before_anything_starts(
    plays: Plays, targets: Any, options: dict[str, Any], words: list[str]
) -> None:
    """KD-2, KD-5, KD-12: one sentence in one result, and no host is touched."""
    run = plays.capture(targets, **options)
    (message,) = failed(run)
    assert run.rc == 2 and all(word in message for word in words) and plays.spool() == {}
    assert re.findall(r"failed=(\d)", run.stdout) == ["1", "0", "0"]


def test_tcpdumps_own_words(plays: Plays) -> None:
    """KD-5: a filter that does not compile is refused by every node before it starts, and the report says why."""
    run = plays.capture("pods shop app=web", filter="tcp prt 80")
    assert run.rc == 2 and plays.spool() == {} and plays.tcpdumps() == 0
    assert all("syntax error" in message for message in failed(run)) and len(failed(run)) == 3
    assert [one["host"] for one in told(run)["unasked"]] == NODES


@pytest.mark.parametrize(
    "targets, container",
    [
        ("pod shop/web-6f8d5c7b9d-4hx2k", "web"),
        ("pod shop/web-6f8d5c7b9d-4hx2k[istio-proxy]", "istio-proxy"),
        ("pod shop/checkout[migrate]", "migrate"),
    ],
)
def test_containers(plays: Plays, targets: str, container: str) -> None:
    """KD-2: by name, init containers too, else the first; KD-5: a filter with spaces and parentheses is one filter."""
    run = plays.capture(targets, "--check", filter="udp and (port 9000 or port 53)")
    (one,) = told(run)["captures"]
    assert run.rc == 0 and [target["container"] for target in one["targets"]] == [container]


def test_limit(plays: Plays) -> None:
    """With --limit the others are not touched; a match there is named, and alone it is an error."""
    run = plays.capture("pods shop app=web", "--limit", "node-a")
    assert run.rc == 0 and hosts(run) == ["node-a"] and list(plays.spool()) == ["node-a"]
    assert "is on node-b, and no host of this play is that node" in said(run)
    (message,) = failed(plays.capture("pod shop/db-0", "--limit", "node-a"))
    assert "pod shop/db-0 is on node-c, and no host of this play" in message and "--limit" in message
    (message,) = failed(plays.capture("pod shop/db-0", "--limit", "node-a", snapshot=False))
    assert message.endswith("; looked on the hosts of this play: node-a")


def test_a_slice_only_warns(plays: Plays) -> None:
    """In a slice of a sliced job, no match is no failure, and the id is that of the other slices."""
    run = plays.capture("pod shop/db-0", "--limit", "node-a", unmatched="warn")
    whole = plays.capture("pod shop/db-0", "--check")
    assert run.rc == 0 and told(run)["captures"] == [] and told(run)["id"] == told(whole)["id"]
    assert changed(run) == {"node-a": 0}


def test_an_unanswered_survey(plays: Plays) -> None:
    """Empty and null take the defaults: the same id as with none of them."""
    names = re.findall(r"^capture_(\w+):", (pathlib.Path("roles/capture/defaults/main.yml")).read_text(), re.MULTILINE)
    optional = [name for name in names if name not in ("targets", "snapshot")]
    plain = plays.capture("pod shop/cart", "--check", snapshot=False)
    for value in ("", None):
        run = plays.capture("pod shop/cart", "--check", snapshot=False, **dict.fromkeys(optional, value))
        assert run.rc == 0 and told(run)["id"] == told(plain)["id"]


def test_new_matching_pods_are_added(plays: Plays) -> None:
    """SN-15: the same request again takes up a pod that is new, and changes nothing elsewhere."""
    assert changed(plays.capture("pods shop app in (cart,db)")) == {"node-a": 1, "node-b": 0, "node-c": 1}
    pod = plays.lab.pod("shop", "cart")
    pod.delete()
    pod.create(new_uid=True)
    run = plays.capture("pods shop app in (cart,db)")
    assert run.rc == 0 and changed(run) == {"node-a": 1, "node-b": 0, "node-c": 0}
    assert pod.uid in [target["uid"] for one in told(run)["captures"] for target in one["targets"]]


@pytest.mark.parametrize("serial", [1, 2])
def test_serial_is_refused(plays: Plays, tmp_path: pathlib.Path, serial: int) -> None:
    """A plan over a part of the hosts would call the others' pods missing; one sentence says so, and nothing starts."""
    play = {
        "hosts": "nodes",
        "gather_facts": False,
        "serial": serial,
        "roles": ["kube.pcap.capture"],
        "vars": {"capture_targets": "pods shop app=web", "capture_snapshot": str(plays.lab.snapshot)},
    }
    (tmp_path / "serial.yml").write_text(json.dumps([play]))
    run = plays.ansible.playbook(tmp_path / "serial.yml")
    assert run.rc == 2 and plays.spool() == {}
    assert all(message.startswith("serial: a capture is planned once") for message in failed(run)) and failed(run)


def test_serial_reports_of_a_part_say_so(plays: Plays, tmp_path: pathlib.Path) -> None:
    """What a later batch has is not known yet: an id of node-c alone is no unknown one, and the last report has all."""
    plays.capture("node node-c", id="late")
    for name, id, last in (("stop", "late", 0), ("status", "rael", 2)):
        role = {"name": "kube.pcap.capture", "tasks_from": name}
        tasks = [{"name": "Ask", "ansible.builtin.include_role": role, "vars": {"capture_id": id}}]
        play = {"hosts": "nodes", "gather_facts": False, "serial": 1, "tasks": tasks}
        (tmp_path / "serial.yml").write_text(json.dumps([play]))
        run = plays.ansible.playbook(tmp_path / "serial.yml")
        reports = [task.result for task in run.tasks if task.action.endswith("report")]
        assert run.rc == last and len(reports) == 3, run.stdout
        assert "  node-b, node-c: it is not asked yet: serial" in reports[0]["text"]
        assert [len(report["unasked"]) for report in reports] == [2, 1, 0]
        assert [len(report["captures"]) for report in reports] == ([0, 0, 1] if last == 0 else [0, 0, 0])


def test_an_unknown_id_fails_once(plays: Plays) -> None:
    """Status and stop of what no node has say so, once, with what there is."""
    plays.capture("node node-a", id="real")
    (message,) = failed(plays.run("status", id="rael"))
    assert message == "capture_id: no capture rael on any host that answered; there are real"
    (message,) = failed(plays.run("stop", id="rael"))
    assert message == "capture_id: no capture rael on any host that answered; there are real"
    assert plays.run("stop", id="rael", unmatched="warn").rc == 0


@pytest.mark.parametrize(
    "name, options, words",
    [
        ("stop", {}, "capture_id: no capture is named; write its id"),
        ("stop", {"id": "x", "wait": "10 parsecs"}, "capture_wait: "),
        ("status", {"id": "UP"}, "capture_id: 'UP' is not an id"),
    ],
)
def test_asked_wrongly_once(plays: Plays, name: str, options: dict[str, Any], words: str) -> None:
    """Stop and status are refused by the option that was written, once, before a host is asked."""
    run = plays.run(name, **options)
    (message,) = failed(run)
    assert run.rc == 2 and message.startswith(words) and remote_tasks(run) == {}


def test_a_value_that_ends_at_a_space(plays: Plays) -> None:
    """What -e key=value leaves of a selection is refused with the line that works."""
    (message,) = failed(plays.run("capture", "-e", "capture_targets=pod shop/cart"))
    assert """-e '{"capture_targets": "pod shop/cart"}'""" in message


@pytest.mark.parametrize(
    "params, words",
    [
        ({}, "targets: nothing is selected; write "),
        ({"targets": "pod"}, "targets: column 4: it says not which; write pod shop/cart"),
        ({"targets": "pod shop/cart", "duration": "10 parsecs"}, 'duration: "10 parsecs" is not a time; write '),
        ({"targets": "pod shop/cart", "filter": "tcp prt"}, "filter: pod shop/cart: tcpdump: "),
        ({"targets": "deployment shop/web"}, "targets: deployment shop/web: nodes know pods, not what owns them; "),
        ({"targets": "pod shop/cart", "record": {}}, "parameters are mutually exclusive: record|targets"),
        ({"state": "stopped"}, "id: no capture is named; write "),
    ],
)
def test_a_module_that_is_run_alone(plays: Plays, params: dict[str, Any], words: str) -> None:
    """Asked without a plan, the module refuses in one sentence that begins with its own option."""
    (message,) = failed(plays.ansible.adhoc("node-a", "kube.pcap.capture", params=params))
    assert message.startswith(words) and "\n" not in message and plays.spool() == {}
