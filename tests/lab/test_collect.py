# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook collect: every file of every node on the controller or in a bucket, byte for byte, and once."""

from __future__ import annotations

import hashlib
import json
import pathlib
import stat
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.bucket.scene import Bucket
from tests.gate.venvs import venv
from tests.lab.ansible_run import Ansible, Run
from tests.lab.handles import LabNode
from tests.lab.lab import Lab
from tests.lab.model import Fault
from tests.lab.playing import NODES, WEB, Plays, changed, failed, inventory, remote_tasks, said, told
from tests.lab.recording import seen, wait_for
from tests.lab.sequences import MAGIC
from tests.lab.shipped import PREFIX, environment
from tests.lab.test_capture_faults import end_ssh_sessions

OPTIONS: dict[str, Any] = {"filter": "udp port 9000", "segment_size": "1M", "compress": False, "min_free": "1%"}
COUNT = 30_000
BLOCK = 4 * 2**20


def folder(node: LabNode, id: str) -> pathlib.Path:
    """The capture's folder on the node."""
    return node.root / "var/lib/kube-pcap" / id


def events(text: str, *kinds: str) -> list[dict[str, Any]]:
    """Lines of a manifest."""
    lines = [json.loads(line) for line in text.splitlines()]
    return [line for line in lines if line["event"] in kinds]


def digests(paths: Iterator[pathlib.Path]) -> dict[str, str]:
    """SHA-256 by the file's name."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths if path.is_file()}


def send(lab: Lab, first: int = 0) -> dict[str, int]:
    """Counted datagrams inside each web pod; the stream by node."""
    running = {
        node: lab.pod("shop", name).start_traffic("127.0.0.1", count=COUNT, rate=15_000, first=first)
        for node, name in WEB.items()
    }
    assert [one.wait().sent for one in running.values()] == [COUNT] * 3
    return {node: one.stream for node, one in running.items()}


def figures(run: Run, name: str) -> dict[str, Any]:
    """One figure of each host's capture, as the report has it."""
    return {one["host"]: one[name] for one in told(run)["captures"]}


def test_twice_while_it_records(plays: Plays, tmp_path: pathlib.Path) -> None:
    """KNT-7, KNT-12: as root and a normal user, byte for byte; the second run brings what is new, the third nothing."""
    dest, lab = tmp_path / "dest", plays.lab
    assert plays.capture("pods shop app=web", id="live", **OPTIONS).rc == 0
    streams = send(lab)
    for node in lab.nodes:
        wait_for(lambda node=node: len(list((folder(node, "live") / "segments").iterdir())) >= 2, what="segments")
    look = plays.run("collect", "--check", dest=str(dest))
    assert look.rc == 0 and changed(look) == dict.fromkeys(NODES, 1) and not dest.exists()
    assert "as it would be collected" in look.stdout and min(figures(look, "segments").values()) >= 2
    there = {node.name: digests((folder(node, "live") / "segments").iterdir()) for node in lab.nodes}
    first = plays.run("collect", "-vvv", dest=str(dest))
    assert first.rc == 0 and changed(first) == dict.fromkeys(NODES, 1), first.stdout
    assert MAGIC.decode("latin-1") not in first.stdout and remote_tasks(first) == dict.fromkeys(NODES, 2)
    files = {name: dest / "live" / name / "shop" / WEB[name] for name in NODES}
    for name in NODES:
        assert there[name].items() <= digests(files[name].iterdir()).items()
    kept = {path: path.stat().st_mtime_ns for name in NODES for path in files[name].iterdir()}
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept} == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in [dest, *dest.rglob("*")] if path.is_dir()} == {0o700}
    streams = {
        name: (stream, again) for (name, stream), again in zip(streams.items(), send(lab, COUNT).values(), strict=True)
    }
    status = plays.run("status", id="live")
    assert "collected into controller:%s/live" % dest in said(status)
    assert plays.run("stop", id="live").rc == 0
    second = plays.run("collect", id="live", dest=str(dest))
    assert (
        second.rc == 0
        and min(figures(second, "segments").values()) >= 1
        and set(figures(second, "left").values()) == {0}
    )
    assert kept.items() <= {path: path.stat().st_mtime_ns for name in NODES for path in files[name].iterdir()}.items()
    for node in lab.nodes:
        manifest = (dest / "live" / node.name / "manifest.jsonl").read_bytes()
        assert manifest == (folder(node, "live") / "manifest.jsonl").read_bytes()
        lines = events(manifest.decode(), "segment")
        assert digests(files[node.name].iterdir()) == {line["file"]: line["sha256"] for line in lines}
        assert {line["sink"] for line in events(manifest.decode(), "stored")} == {"controller:%s" % dest}
        assert not list((folder(node, "live") / "segments").iterdir())
        for stream, begin in zip(streams[node.name], (0, COUNT), strict=True):
            assert seen(files[node.name].iterdir(), stream) == list(range(begin, begin + COUNT))
    third = plays.run("collect", id="live", dest=str(dest))
    assert third.rc == 0 and changed(third) == dict.fromkeys(NODES, 0), third.stdout
    assert plays.run("stop", id="live", remove=True).rc == 0


def big(plays: Plays, id: str) -> tuple[pathlib.Path, int]:
    """A finished capture on node-b with one segment of ten blocks; its file, and the stream in it."""
    options = {**OPTIONS, "segment_size": "100M", "snaplen": 0}
    assert plays.capture("pod shop/checkout", id=id, **options).rc == 0
    sent = plays.lab.pod("shop", "checkout").send("127.0.0.1", count=COUNT, rate=10_000, size=1400)
    assert plays.run("stop", id=id).rc == 0
    (file,) = (folder(plays.lab.node("node-b"), id) / "segments").iterdir()
    assert file.stat().st_size > 10 * BLOCK
    return file, sent.stream


def test_cut_in_the_middle(plays: Plays, tmp_path: pathlib.Path) -> None:
    """KNT-7: with every ssh session killed while a file comes, the run makes a new one and goes on where it was."""
    file, stream = big(plays, "cut")
    node, digest = plays.lab.node("node-b"), hashlib.sha256(file.read_bytes()).hexdigest()
    copy = tmp_path / "cut" / "node-b" / "shop" / "checkout" / file.name
    part = copy.with_name(file.name + ".part")
    cut: list[int] = []

    def end() -> None:
        wait_for(lambda: part.exists() and part.stat().st_size > BLOCK, what="two blocks")
        cut.append(end_ssh_sessions(node))

    killer = threading.Thread(target=end)
    killer.start()
    run = plays.run("collect", id="cut", dest=str(tmp_path))
    killer.join()
    assert run.rc == 0 and cut[0] >= 1 and figures(run, "segments") == {"node-b": 1}, run.stdout
    assert hashlib.sha256(copy.read_bytes()).hexdigest() == digest and not part.exists() and not file.exists()
    assert seen([copy], stream) == list(range(COUNT))


def test_with_the_oldest_core(lab: Lab, tmp_path: pathlib.Path) -> None:
    """The same files with ansible-core 2.16, as a normal user with become."""
    plays = Plays(lab, Ansible(lab.inventory, tmp_path, str(venv("core-2.16") / "python")))
    try:
        file, stream = big(plays, "old")
        assert plays.run("collect", "--check").rc == 0 and file.exists()
        run = plays.run("collect", id="old")
        copy = tmp_path / "captures" / "old" / "node-b" / "shop" / "checkout" / file.name
        assert run.rc == 0 and seen([copy], stream) == list(range(COUNT)) and not file.exists()
    finally:
        plays.clean()


def test_what_an_earlier_run_left(plays: Plays, tmp_path: pathlib.Path) -> None:
    """KNT-7: its blocks are gone on with, another content is no obstacle, and a name that is taken is left alone."""
    file, _stream = big(plays, "left")
    content = file.read_bytes()
    copy = tmp_path / "left" / "node-b" / "shop" / "checkout" / file.name
    copy.parent.mkdir(parents=True)
    copy.write_bytes(b"another's")
    run = plays.run("collect", id="left", dest=str(tmp_path))
    (message,) = failed(run)
    assert run.rc == 2 and message.endswith("%s is there with another content, and stays; move it away" % copy)
    assert figures(run, "left") == {"node-b": 1} and message.partition(": ")[2] in said(run) and file.exists()
    copy.unlink()
    copy.with_name(file.name + ".part").write_bytes(bytes(len(content)))
    assert plays.run("collect", id="left", dest=str(tmp_path)).rc == 0
    assert copy.read_bytes() == content and not file.exists()


class Known(Ansible):
    """Ansible with the environment of a bucket."""

    env: dict[str, str]

    def _run(self, *args: Any, **options: Any) -> Run:
        return super()._run(*args, env=self.env, **options)


@pytest.fixture
def cut_off(lab: Lab, bucket: Bucket) -> Iterator[Callable[[], None]]:
    """Calls cut every node off from the bucket, until the end of the test."""
    faults = [Fault("drop", name, arguments="tcp sport %d" % bucket.front.port) for name in NODES]
    applied: list[Fault] = []

    def cut() -> None:
        for fault in faults:
            lab.faults.apply(fault)
            applied.append(fault)

    yield cut
    for fault in applied:
        lab.faults.clear(fault)


def test_through_the_controller_to_the_bucket(
    plays: Plays, bucket: Bucket, cut_off: Callable[[], None], tmp_path: pathlib.Path
) -> None:
    """KNT-7, SN-7: nodes that cannot reach their bucket end in it all the same: each object once, the manifest last."""
    plays.ansible = Known(plays.lab.inventory, tmp_path)
    plays.ansible.env = environment(bucket)
    started = plays.capture("pods shop app=web", id="cut-off", sink="gs://%s/%s" % (bucket.name, PREFIX), **OPTIONS)
    assert started.rc == 0, started.stdout
    cut_off()
    streams = send(plays.lab)
    stopped = plays.run("stop", id="cut-off", wait=0)
    assert stopped.rc == 0 and not [one for one in bucket.objects(PREFIX) if ".pcap" in one.name]
    for node in plays.lab.nodes:
        wait_for(lambda node=node: state(node, "cut-off")["settled"], what="the files")
    run = plays.run("collect", "-vvv")
    assert run.rc == 0 and set(figures(run, "left").values()) == {0}, run.stdout
    check_secrets(bucket, run)
    for node in plays.lab.nodes:
        wait_for(lambda node=node: state(node, "cut-off")["phase"] == "done", what="the end")
        check_bucket(bucket, node, tmp_path, streams[node.name])
    again = plays.run("collect")
    assert again.rc == 0 and changed(again) == dict.fromkeys(NODES, 0), again.stdout
    assert plays.run("stop", id="cut-off", remove=True).rc == 0


def state(node: LabNode, id: str) -> dict[str, Any]:
    """``state.json`` on the node."""
    told: dict[str, Any] = json.loads((folder(node, id) / "state.json").read_text())
    return told


def check_bucket(bucket: Bucket, node: LabNode, tmp_path: pathlib.Path, stream: int) -> None:
    """Every packet, each segment one object with the manifest's digest, and the manifest after all of them."""
    prefix = "%s/cut-off/%s/" % (PREFIX, node.name)
    every = {one.name: one for one in bucket.objects(prefix)}
    last, objects = every[prefix + "manifest.jsonl"], {name: one for name, one in every.items() if ".pcap" in name}
    assert last.generation > max(one.generation for one in objects.values())
    text = bucket.content(last.name).decode()
    assert text == (folder(node, "cut-off") / "manifest.jsonl").read_text()
    told = {line["file"]: line["sha256"] for line in events(text, "segment")}
    copies = tmp_path / "objects" / node.name
    copies.mkdir(parents=True)
    for name in objects:
        (copies / name.rpartition("/")[2]).write_bytes(bucket.content(name))
    assert digests(copies.iterdir()) == told
    stored = events(text, "stored")
    assert sorted(line["object"] for line in stored) == sorted(objects) and all(line["crc32c"] for line in stored)
    assert seen(copies.iterdir(), stream) == list(range(COUNT))


def check_secrets(bucket: Bucket, run: Run) -> None:
    """Neither the key nor a signature nor a token is in what was printed or returned."""
    text = run.stdout + run.stderr + json.dumps([task.result for task in run.tasks])
    key = json.loads(bucket.key_file.read_text())["private_key"].splitlines()[1]
    assert key not in text and "x-goog-signature" not in text and "ya29" not in text


@pytest.mark.parametrize(
    "options, words",
    [
        ({"dest": "x", "sink": "gs://b"}, "capture_dest: capture_sink is set, too; set one of them"),
        ({"sink": "/srv/sink"}, "capture_sink: '/srv/sink' is no bucket; write gs://BUCKET/PREFIX"),
        ({"sink": "gs://B"}, "capture_sink: 'B' is no bucket's name"),
        ({"id": "UP"}, "capture_id: 'UP' is not an id"),
        ({"wait": 5, "dset": "x"}, None),
    ],
)
def test_asked_wrongly_once(plays: Plays, options: dict[str, Any], words: str | None) -> None:
    """It is refused by the option that was written, once, before a host is asked; a slip, too."""
    run = plays.run("collect", **options)
    if words is None:
        assert run.rc == 2 and "capture_dset is no option; write capture_dest, or" in said(run)
        return
    (message,) = failed(run)
    assert run.rc == 2 and message.startswith(words) and remote_tasks(run) == {}


def test_what_is_not_there(plays: Plays, tmp_path: pathlib.Path) -> None:
    """An unknown id fails once; a host that does not answer is named, and the others are collected."""
    plays.capture("nodes *", id="some", **OPTIONS)
    (message,) = failed(plays.run("collect", id="soem"))
    assert message == "capture_id: no capture soem on any host that answered"
    assert plays.run("collect", id="soem", unmatched="warn").rc == 0
    plays.ansible = Ansible(inventory(plays.lab, tmp_path / "hosts.json", **{"node-a": {"ansible_port": 1}}), tmp_path)
    run = plays.run("collect", dest="here")
    assert run.rc == 4 and [one["host"] for one in told(run)["unasked"]] == ["node-a"]
    assert sorted(figures(run, "to").values()) == [str(tmp_path / "here")] * 2
