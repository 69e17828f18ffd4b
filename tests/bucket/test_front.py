# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The front's manners: what it takes, refuses, tells and notes, seen from clients."""

from __future__ import annotations

import base64
import email.utils
import hashlib
import http.client
import itertools
import json
import os
import pathlib
import ssl
import threading
import time
import urllib.request

import pytest
import requests
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from tests.bucket import scene
from tests.bucket.proxy import Proxy
from tests.lab.recording import wait_for

CONTENT = os.urandom(300_000)
PATIENCE = 60
PREFIX = "p/id/node/"


def form(bucket, key=PREFIX + "1.gz", content=CONTENT, expires=600, most=10**9, **changed):
    """The form of a node: a policy for a prefix, signed by the bucket's account, and the fields it demands."""
    now = time.time()
    date, day = (time.strftime(form, time.gmtime(now)) for form in ("%Y%m%dT%H%M%SZ", "%Y%m%d"))
    signed = {
        "success_action_status": "201",
        "x-goog-date": date,
        "x-goog-credential": "%s/%s/auto/storage/goog4_request" % (bucket.account.email, day),
        "x-goog-algorithm": "GOOG4-RSA-SHA256",
    }
    conditions = [{"bucket": bucket.name}, ["starts-with", "$key", PREFIX], ["content-length-range", 0, most]]
    conditions += [["starts-with", "$Content-Type", "application/"], ["starts-with", "$Content-MD5", ""]]
    end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now + expires))
    document = {"expiration": end, "conditions": conditions + [{name: value} for name, value in signed.items()]}
    policy = base64.b64encode(json.dumps(document).encode()).decode()
    signature = bucket.account.key.sign(policy.encode(), padding.PKCS1v15(), hashes.SHA256()).hex()
    own = {"key": key, "Content-Type": "application/gzip"}
    own["Content-MD5"] = base64.b64encode(hashlib.md5(content).digest()).decode()
    return {**own, **signed, "policy": policy, "x-goog-signature": signature, **changed}


def post(bucket, key=PREFIX + "1.gz", content=CONTENT, timeout=PATIENCE, **options):
    """Posts it."""
    return send(bucket, form(bucket, key, content, **options), content, timeout)


def send(bucket, fields, content=CONTENT, timeout=PATIENCE):
    """Posts a form that is there."""
    where = bucket.url + "/" + bucket.name
    return requests.post(where, fields, files={"file": ("segment", content)}, timeout=timeout)


def code(answer):
    """Status and code of a refusal."""
    return answer.status_code, answer.text.partition("<Code>")[2].partition("</Code>")[0]


def test_form_is_stored(bucket):
    """201, the MD5 in hex, and the object as it was sent, noted with its bytes; a larger one as well."""
    large = CONTENT * 20
    for number, content in enumerate((CONTENT, b"", large)):
        key = PREFIX + "%d ü.gz" % number
        answer = post(bucket, key, content)
        md5 = hashlib.md5(content).hexdigest()
        assert (answer.status_code, answer.headers["ETag"]) == (201, '"%s"' % md5)
        assert "<ETag>&quot;%s&quot;</ETag>" % md5 in answer.text
        assert bucket.content(key) == content
        seen = bucket.front.seen[-1]
        assert (seen.key, seen.content, seen.status) == (key, len(content), 201)
    assert [one.size for one in bucket.objects(PREFIX)] == [len(CONTENT), 0, len(large)]
    assert {one.content_type for one in bucket.objects()} == {"application/gzip"}


@pytest.mark.parametrize(
    "options, refusal",
    [
        ({"key": "elsewhere/1.gz"}, (400, "InvalidPolicyDocument")),
        ({"acl": "public-read"}, (400, "InvalidPolicyDocument")),
        ({"expires": -1}, (400, "ExpiredToken")),
        ({"most": 10}, (400, "EntityTooLarge")),
        ({"Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="}, (400, "BadDigest")),
        ({"x-goog-signature": "00"}, (403, "SignatureDoesNotMatch")),
    ],
)
def test_form_is_refused(bucket, options, refusal):
    """With the service's status and code in XML; nothing is stored."""
    answer = post(bucket, **options)
    assert code(answer) == refusal
    assert bucket.objects() == [] and bucket.front.seen[-1].status == refusal[0]


def test_name_that_is_there(bucket):
    """Who may not delete cannot replace, and reads why; who may, can."""
    bucket.allow(bucket.account, "storage.objects.create")
    assert post(bucket).status_code == 201
    generation = bucket.objects()[0].generation
    refused = post(bucket)
    assert code(refused) == (403, "AccessDenied")
    words = "%s does not have storage.objects.delete access to the Google Cloud Storage object." % bucket.account.email
    assert "<Details>%s</Details>" % words in refused.text
    assert bucket.objects()[0].generation == generation
    bucket.allow(bucket.account, "storage.objects.create", "storage.objects.delete")
    assert post(bucket, content=b"other").status_code == 201
    assert bucket.content(PREFIX + "1.gz") == b"other"
    bucket.allow(bucket.account)
    assert "storage.objects.create access" in post(bucket, PREFIX + "2.gz").text


def peak() -> int:
    """Bytes of memory that this process held at most since it was asked to count anew."""
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def test_memory_is_bounded(bucket):
    """A form of 64 MiB, sent piece by piece, passes through this process in a fraction of it."""
    piece, count = b"x" * 2**20, 64
    md5 = base64.b64encode(hashlib.md5(piece * count).digest()).decode()
    made = requests.Request("POST", bucket.url, data=form(bucket, **{"Content-MD5": md5}), files={"file": b"CUT"})
    whole = made.prepare()
    assert isinstance(whole.body, bytes)
    head, _cut, tail = whole.body.partition(b"CUT")
    headers = {"Content-Type": whole.headers["Content-Type"]}
    headers["Content-Length"] = str(len(head) + count * len(piece) + len(tail))
    pathlib.Path("/proc/self/clear_refs").write_text("5")
    before = peak()
    connection = http.client.HTTPConnection(bucket.front.host, bucket.front.port, timeout=PATIENCE)
    connection.request("POST", "/captures", itertools.chain([head], itertools.repeat(piece, count), [tail]), headers)
    assert connection.getresponse().status == 201
    connection.close()
    assert peak() - before < 16 * 2**20
    assert bucket.objects()[0].size == count * len(piece)


def test_clocks(bucket):
    """The front tells its own time, and judges by it."""
    for offset, refusal in ((3600, (400, "ExpiredToken")), (-1200, (403, "RequestTimeTooSkewed"))):
        bucket.front.clock_offset = offset
        answer = post(bucket)
        assert code(answer) == refusal
        told = email.utils.parsedate_to_datetime(answer.headers["Date"]).timestamp()
        assert abs(told - time.time() - offset) < 10


def test_one_policy_is_over(bucket):
    """What replaces a policy that is over is taken, though no clock has moved."""
    over = form(bucket, expires=600)
    bucket.front.service.expired.add(over["policy"])
    assert code(send(bucket, over)) == (400, "ExpiredToken")
    assert post(bucket, expires=660).status_code == 201


def test_no_md5(bucket):
    """As under a key that the customer manages: no MD5 in the form's answer nor in the object."""
    bucket.front.service.tells_md5 = False
    answer = post(bucket)
    assert answer.status_code == 201
    assert hashlib.md5(CONTENT).hexdigest() not in answer.headers["ETag"] + answer.text
    flavor = {"Metadata-Flavor": "Google"}
    place = bucket.url + "/computeMetadata/v1/instance/service-accounts/default/token"
    token = requests.get(place, headers=flavor, timeout=PATIENCE).json()["access_token"]
    listed = requests.get(
        bucket.url + "/storage/v1/b/captures/o", headers={"Authorization": "Bearer " + token}, timeout=PATIENCE
    ).json()
    assert "crc32c" in listed["items"][0] and "md5Hash" not in listed["items"][0]


def test_down_and_up(bucket):
    """Down is a refused connection, for one that was open too; up is the same address."""
    session = requests.Session()
    place = bucket.url + "/storage/v1/b/captures"
    assert session.get(place, timeout=PATIENCE).status_code == 401
    bucket.front.down()
    with pytest.raises(requests.ConnectionError, match="refused"):
        session.get(place, timeout=PATIENCE)
    bucket.front.up()
    assert session.get(place, timeout=PATIENCE).status_code == 401


def test_emulator_restarts(bucket):
    """Its objects stay; while it is away the front answers 503."""
    assert post(bucket).status_code == 201
    before = bucket.objects()
    bucket.emulator.stop()
    assert post(bucket, PREFIX + "2.gz").status_code == 503
    bucket.emulator.start()
    bucket.emulator.restart()
    assert bucket.objects() == before and bucket.content(PREFIX + "1.gz") == CONTENT


@pytest.mark.parametrize("fault", ["stalled", "deaf"])
def test_no_answer_comes(bucket, fault):
    """The request hangs until the client gives up; nothing is stored, and what hangs elsewhere is let go at the end."""
    other = threading.Thread(target=lambda: pytest.raises(requests.ConnectionError, post, bucket, PREFIX + "2.gz"))
    with getattr(bucket.faults, fault)():
        other.start()
        with pytest.raises(requests.Timeout):
            post(bucket, timeout=0.5)
        assert other.is_alive()
    other.join(PATIENCE)
    assert not other.is_alive()
    assert bucket.objects() == []
    assert [one.status for one in bucket.front.seen] == ([None, None] if fault == "stalled" else [])
    assert post(bucket).status_code == 201


def test_connection_is_cut(bucket):
    """After so many bytes of the body; once, and nothing is stored."""
    bucket.faults.cut(100_000, times=1)
    with pytest.raises(requests.ConnectionError):
        post(bucket, content=CONTENT * 20)
    seen = bucket.front.seen[0]
    assert seen.status is None and 100_000 <= seen.content < 300_000
    assert bucket.objects() == []
    assert post(bucket).status_code == 201


def test_answer_is_lost(bucket):
    """The object is there, and the client does not know."""
    bucket.faults.answer_lost(times=1)
    with pytest.raises(requests.ConnectionError):
        post(bucket)
    assert bucket.content(PREFIX + "1.gz") == CONTENT and bucket.front.seen[0].status is None


def test_status(bucket):
    """So many requests, or until it is lifted; Retry-After in seconds and as a date; in XML and in JSON."""
    bucket.faults.status(503, times=2, retry_after=7)
    answers = [post(bucket) for _number in range(3)]
    assert [one.status_code for one in answers] == [503, 503, 201]
    assert [one.headers.get("Retry-After") for one in answers] == ["7", "7", None]
    place = bucket.url + "/storage/v1/b/captures"
    with bucket.faults.status(429, retry_date=60, only=lambda seen: seen.method == "GET"):
        answer = requests.get(place, timeout=PATIENCE)
        assert answer.json()["error"]["code"] == answer.status_code == 429
        when = email.utils.parsedate_to_datetime(answer.headers["Retry-After"]).timestamp()
        assert 30 < when - time.time() < 61
        assert post(bucket, PREFIX + "2.gz").status_code == 201
    assert requests.get(place, timeout=PATIENCE).status_code == 401


def test_wrong_checksum(bucket):
    """The object is right and the answer is not, in its header and in its text."""
    with bucket.faults.wrong_checksum():
        answer = post(bucket)
    md5 = hashlib.md5(CONTENT).hexdigest()
    assert answer.status_code == 201 and bucket.objects()[0].md5 == md5
    assert answer.headers["ETag"].strip('"')[1:] == md5[1:] and answer.headers["ETag"] != '"%s"' % md5
    assert md5 not in answer.text and md5[1:] in answer.text


def test_slow(bucket):
    """Seconds before anything is done, or so many bytes a second; other requests pass meanwhile, faults add up."""
    with bucket.faults.slow(seconds=0.5), bucket.faults.status(500, times=1):
        begin = time.monotonic()
        assert post(bucket).status_code == 500
        assert requests.get(bucket.url + "/none", timeout=PATIENCE).status_code == 401
        assert time.monotonic() - begin >= 0.5
    with bucket.faults.slow(rate=600_000):
        begin = time.monotonic()
        assert post(bucket).status_code == 201
        assert time.monotonic() - begin >= 0.45
    seen = bucket.front.seen[-1]
    wait_for(lambda: seen.ended is not None, what="the end, which is noted once all is sent")
    assert seen.ended - seen.time >= 0.45


def trusting(bucket):
    """An opener that trusts the bucket's CA and nobody else."""
    context = ssl.create_default_context(cafile=str(bucket.authority.ca))
    return urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), urllib.request.ProxyHandler({}))


def test_certificates(tmp_path):
    """One for its address is trusted; one that has expired, or is for another name, is not."""
    with scene.running(tmp_path, tls=True) as bucket:
        opener = trusting(bucket)
        for options, words in (
            ((("127.0.0.1",), {}), "401"),
            ((("127.0.0.1",), {"expired": True}), "expired"),
            ((("storage.googleapis.com",), {}), "IP address mismatch"),
        ):
            bucket.front.use_certificate(bucket.authority.server(*options[0], **options[1]))
            with pytest.raises(OSError, match=words):
                opener.open(bucket.url + "/storage/v1/b", timeout=PATIENCE)
        with bucket.faults.deaf(), pytest.raises(OSError, match="timed out"):
            opener.open(bucket.url + "/storage/v1/b", timeout=0.5)


@pytest.mark.parametrize("tls", [False, True])
def test_proxy(tmp_path, tls):
    """Requests by absolute URI and by CONNECT come through, and the proxy knows; a name can lead to the front."""
    with scene.running(tmp_path, tls=tls) as bucket, Proxy().running() as proxy:
        if tls:
            bucket.front.use_certificate(bucket.authority.server("iamcredentials.googleapis.com"))
        name = "iamcredentials.googleapis.com"
        proxy.routes["%s:%d" % (name, 443 if tls else 80)] = (bucket.front.host, bucket.front.port)
        session = requests.Session()
        session.proxies = {"http": proxy.url, "https": proxy.url}
        session.trust_env = False  # REQUESTS_CA_BUNDLE would win
        session.verify = str(bucket.authority.ca)
        place = "http%s://%s/captures" % ("s" if tls else "", name)
        for content in (CONTENT, CONTENT * 10):
            fields = form(bucket, PREFIX + str(len(content)), content)
            assert session.post(place, fields, files={"file": content}, timeout=PATIENCE).status_code == 201
        assert set(proxy.used) == {("CONNECT", name + ":443") if tls else ("POST", name + ":80")}
        assert len(bucket.objects()) == 2
        bucket.front.down()
        with pytest.raises(requests.RequestException):
            session.post(place, {}, timeout=PATIENCE).raise_for_status()
