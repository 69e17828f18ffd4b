# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a node holds of the bucket: a policy for its own folder, told to nobody, renewed when it is needed."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import pathlib
import stat
import threading
import time
from collections.abc import Iterator
from typing import Any

from ansible_collections.kube.pcap.plugins.module_utils._node import transport
from ansible_collections.kube.pcap.plugins.module_utils._node.multipart import Form
from tests.bucket import scene
from tests.bucket.scene import Bucket
from tests.lab import addresses
from tests.lab.ansible_run import Ansible
from tests.lab.lab import Lab
from tests.lab.playing import Plays, told
from tests.lab.recording import Record, Recording, wait_for
from tests.lab.shipped import CREATE_ONLY, PREFIX, Shipped, environment


def upload(one: Recording) -> dict[str, Any]:
    """The node's ``upload.json``."""
    path = one.folder / "upload.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def post(url: str, fields: dict[str, str], content: bytes) -> int:
    """The status that the bucket answers to a form."""
    form = Form(fields, "x.pcap")
    headers = {"Content-Type": form.content_type, "Content-Length": str(len(form.head + content + form.tail))}
    return transport.send("POST", url, headers, [form.head, content, form.tail]).status


def test_a_policy_is_for_one_folder(bucket: Bucket, record: Record, tmp_path: pathlib.Path) -> None:
    """SN-9: who holds a node's policy creates objects below its folder, for a while, and nothing else."""
    shipped = Shipped(record("node-a", env=environment(bucket)), bucket, tmp_path)
    shipped.start(keep="8M", duration="10m", grace="0s")
    way = upload(shipped.one)
    own = "%s/%s/node-a/" % (PREFIX, shipped.one.id)
    document = json.loads(base64.b64decode(way["fields"]["policy"]))
    assert ["starts-with", "$key", own] in document["conditions"] and way["prefix"] == own
    assert ["content-length-range", 0, 8_000_000] in document["conditions"]
    assert 600 <= (way["expires_ns"] - way["issued_ns"]) / 1e9 <= 1800

    def attempt(key: str, content: bytes = b"x", url: str = way["url"], **changed: str) -> int:
        md5 = base64.b64encode(hashlib.md5(content).digest()).decode()
        fields = {"key": key, "Content-Type": "application/gzip", "Content-MD5": md5, **way["fields"], **changed}
        return post(url, {name: value for name, value in fields.items() if value}, content)

    refused = (400, 403)  # by the policy, and by the signature
    assert attempt(own + "a.pcap") == 201
    assert attempt(own + "a.pcap") == 403  # nothing there is replaced
    for key in (PREFIX + "/x", PREFIX + "/" + shipped.one.id + "/node-b/x", "x", "../x", own[:-1]):
        assert attempt(key) in refused, key
    assert attempt(own + "b.pcap", url=bucket.url + "/another/") in (*refused, 404)
    assert attempt(own + "c.html", **{"Content-Type": "text/html"}) in refused
    assert attempt(own + "d.pcap", acl="public-read") in refused
    assert attempt(own + "e.pcap", b"y" * 8_000_001) in refused
    assert attempt(own + "f.pcap", **{"x-goog-date": "20300101T000000Z"}) in refused
    bucket.front.clock_offset = 3600.0
    assert attempt(own + "g.pcap") in refused
    assert [one.name for one in bucket.objects() if "/start-" not in one.name] == [own + "a.pcap"]


def test_a_policy_that_is_over_is_told_and_renewed(lab: Lab, bucket: Bucket, plays: Plays, tmp_path: Any) -> None:
    """KNT-6: status says that it expired, signs another, and everything is shipped; nothing changes the next time."""
    plays.ansible = Ansible(lab.inventory, plays.ansible.folder)
    one = Recording(plays.ansible, lab.node("node-a"), "renewed", env=environment(bucket))
    shipped = Shipped(one, bucket, tmp_path)
    shipped.start(grace="1m", duration="10m")
    before = upload(one)
    assert one.call(state="refreshed")["changed"] is False
    assert upload(one) == before
    bucket.front.service.expired.add(before["fields"]["policy"])
    sent = lab.pod("shop", "cart").send("127.0.0.1", count=30_000, rate=15_000)
    wait_for(lambda: "ExpiredToken" in (one.state()["last_error"] or ""), 60, "the reason")
    run = plays.ansible.playbook("kube.pcap.status", env=environment(bucket))
    assert "the upload policy of capture renewed is renewed" in told(run)["text"], told(run)["text"]
    assert upload(one)["fields"]["x-goog-signature"] != before["fields"]["x-goog-signature"]
    shipped.wait_shipped(3)
    assert one.call(state="refreshed")["changed"] is False
    assert shipped.finish()["last_error"] is None
    shipped.check()
    assert shipped.seen(sent.stream) == list(range(30_000))


def test_status_tells_without_credentials(lab: Lab, bucket: Bucket, plays: Plays, tmp_path: pathlib.Path) -> None:
    """A controller that cannot sign still tells how captures are, and why nothing was renewed."""
    one = Recording(plays.ansible, lab.node("node-a"), "told", env=environment(bucket))
    Shipped(one, bucket, tmp_path).start()
    (one.folder / "upload.json").unlink()
    run = plays.ansible.playbook("kube.pcap.status", env={"STORAGE_EMULATOR_HOST": bucket.url})
    assert run.rc == 0 and "pod shop/cart" in told(run)["text"]
    assert "auth_kind: " in told(run)["text"], told(run)["text"]


@contextlib.contextmanager
def watching(found: set[bytes]) -> Iterator[None]:
    """Reads the command lines and environments of all processes, again and again, while the body runs."""
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            for folder in pathlib.Path("/proc").glob("[0-9]*"):
                for name in ("cmdline", "environ"):
                    with contextlib.suppress(OSError):
                        found.add((folder / name).read_bytes())

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_no_secret_is_told(lab: Lab, bucket: Bucket, plays: Plays, record: Record, tmp_path: pathlib.Path) -> None:
    """No key, policy or signature in any output at -vvv, process list, log, file of the capture, or the bucket."""
    node = lab.node("node-a")
    env = environment(bucket)
    shipped = Shipped(Recording(plays.ansible, node, "secret", env=env), bucket, tmp_path)
    processes: set[bytes] = set()
    began = "@%d" % time.time()
    options = {
        "capture_targets": "pod shop/cart",
        "capture_id": "secret",
        "capture_sink": "gs://%s/%s" % (bucket.name, PREFIX),
        "capture_segment_size": "1M",
        "capture_min_free": "1%",
    }
    with watching(processes):
        runs = [plays.ansible.playbook("kube.pcap.capture", "-vvv", "--diff", extra_vars=options, env=env)]
        assert runs[0].rc == 0, runs[0].stdout[-2000:]
        ways = [upload(shipped.one)]
        lab.pod("shop", "cart").send("127.0.0.1", count=10_000, rate=10_000)
        bucket.faults.status(403, times=2)
        workers = node.run(["pgrep", "-f", "recorder.pyz"]).stdout.split()
        runs.append(plays.ansible.playbook("kube.pcap.status", "-vvv", env=env))
        node.run(["kill", "-ABRT", workers[-1]])
    ways.append(upload(shipped.one))  # the refusal may have had it renewed
    key = json.loads(bucket.key_file.read_text())["private_key"].splitlines()
    signed = [way["fields"][name] for way in ways for name in ("x-goog-signature", "policy")]
    secrets = [*signed, signed[1][40:80], key[5]]
    files = ["find", "/var", "/run", "/tmp", "/root", "/home", "/etc", "-xdev", "-type", "f", "-newermt", began]
    patterns = [word for secret in secrets for word in ("-e", secret)]
    found = node.run([*files, "-exec", "grep", "-lsF", *patterns, "{}", "+"], check=False).stdout.split()
    assert found == ["/var/lib/kube-pcap/secret/upload.json"]
    assert key[5] not in (shipped.one.folder / "upload.json").read_text()
    with watching(processes):
        stop = {"capture_id": "secret"}
        runs.append(plays.ansible.playbook("kube.pcap.stop", "-vvv", extra_vars=stop, env=env))
    assert not (shipped.one.folder / "upload.json").exists()
    texts = {
        "output": "".join(run.stdout + run.stderr + json.dumps([task.result for task in run.tasks]) for run in runs)
    }
    texts["processes"] = b"\0".join(processes).decode("utf-8", "replace")
    texts["bucket"] = "".join(bucket.content(one.name).decode("latin-1") for one in bucket.objects())
    texts["log"] = node.run(["journalctl", "--no-pager"], check=False).stdout
    for name, text in texts.items():
        assert text
        for secret in secrets:
            assert secret not in text, name


def test_the_metadata_server_is_enough(lab: Lab, bucket: Bucket, plays: Plays, tmp_path: pathlib.Path) -> None:
    """A node that its own cloud knows ships without anything of the controller's."""
    play = tmp_path / "play.yml"
    play.write_text(
        json.dumps(
            [
                {
                    "hosts": "node-a",
                    "gather_facts": False,
                    "environment": {"GCE_METADATA_HOST": bucket.url.partition("//")[2]},
                    "tasks": [{"ansible.builtin.import_role": {"name": "kube.pcap.capture"}}],
                }
            ]
        )
    )
    bucket.allow(bucket.account)
    bucket.allow(bucket.machine, *CREATE_ONLY)
    options = {
        "capture_targets": "pod shop/cart",
        "capture_id": "machine",
        "capture_sink": "gs://%s/%s" % (bucket.name, PREFIX),
        "capture_upload": "metadata",
        "capture_filter": "udp port 9000",
        "capture_segment_size": "1M",
        "capture_compress": False,
        "capture_min_free": "1%",
    }
    env = {"STORAGE_EMULATOR_HOST": bucket.url}
    run = plays.ansible.playbook(play, extra_vars=options, env=env)
    assert run.rc == 0, run.stdout[-2000:]
    shipped = Shipped(Recording(plays.ansible, lab.node("node-a"), "machine", env=env), bucket, tmp_path)
    made = bucket.faults.answer_lost(only=lambda one: one.method == "PUT", times=1)
    sent = lab.pod("shop", "cart").send("127.0.0.1", count=30_000, rate=15_000)
    shipped.wait_shipped(3)
    assert made.left == 0
    assert shipped.finish()["last_error"] is None
    assert sorted(json.loads(line)["event"] for line in shipped.manifest().splitlines()).count("unconfirmed") == 0
    assert shipped.seen(sent.stream) == list(range(30_000))


def test_tls_and_its_authority(lab: Lab, plays: Plays, tmp_path: pathlib.Path) -> None:
    """SN-9: the node believes the authority that the play's environment names, and no other certificate."""
    host = addresses.underlay(lab.state.index, addresses.HOST).v4
    node = lab.node("node-a")
    with scene.running(tmp_path, host, tls=True) as bucket:
        bucket.allow(bucket.account, *CREATE_ONLY)
        node.run(["mkdir", "-p", "/srv"])
        (node.root / "srv/ca.pem").write_bytes(bucket.authority.ca.read_bytes())
        env = {**environment(bucket), "REQUESTS_CA_BUNDLE": str(bucket.authority.ca)}
        one = Recording(plays.ansible, node, "tls", env=env)
        sink = "gs://%s/%s" % (bucket.name, PREFIX)
        refused = one.call(targets="pod shop/cart", kube_node_name="node-a", sink=sink)
        assert refused["failed"] and "the certificate of %s is refused" % host in refused["msg"]
        play = tmp_path / "play.yml"
        tasks = [{"ansible.builtin.import_role": {"name": "kube.pcap.capture"}}]
        environ = {"SSL_CERT_FILE": "/srv/ca.pem"}
        play.write_text(
            json.dumps([{"hosts": "node-a", "gather_facts": False, "environment": environ, "tasks": tasks}])
        )
        options = {"capture_targets": "pod shop/cart", "capture_id": "tls", "capture_sink": sink}
        more = {"capture_filter": "udp port 9000", "capture_min_free": "1%", "capture_compress": False}
        run = plays.ansible.playbook(play, extra_vars={**options, **more}, env=env)
        assert run.rc == 0, run.stdout[-2000:]
        sent = lab.pod("shop", "cart").send("127.0.0.1", count=5_000, rate=5_000)
        shipped = Shipped(one, bucket, tmp_path)
        assert shipped.finish()["last_error"] is None
        shipped.check()
        assert shipped.seen(sent.stream) == list(range(5_000))
        node.run(["rm", "/srv/ca.pem"])
