# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's half of a bucket against the emulator, with Google's library as it is."""

from __future__ import annotations

import base64
import contextlib
import datetime
import hashlib
import json
import os

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import PcapError
from ansible_collections.kube.pcap.plugins.plugin_utils._archive import credentials, gcs
from ansible_collections.kube.pcap.plugins.plugin_utils._archive.access import Access, read_access
from ansible_collections.kube.pcap.plugins.plugin_utils._archive.gcs import Archive
from tests.bucket import emulator, front, policy
from tests.bucket.answers import RefusedError
from tests.bucket.faults import Fault, uploads
from tests.bucket.identity import Authority, make_account
from tests.bucket.proxy import Proxy

BUCKET = "caps"
PREFIX = "a/c-1/node-a/"
GOOGLE = ("storage.googleapis.com", "oauth2.googleapis.com", "iamcredentials.googleapis.com")
TYPE = "application/gzip"
RECORDER, OTHER = make_account("recorder"), make_account("other")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """An emulator with one bucket."""
    with emulator.running(tmp_path_factory.mktemp("emulator")) as running:
        running.make_bucket(BUCKET)
        yield running


@pytest.fixture
def bare(monkeypatch):
    """An environment that says nothing of Google or of proxies."""
    for name in list(os.environ):
        if name.upper().startswith(("GCP_", "GOOGLE_", "GCE_")) or name.upper().endswith(("_PROXY", "_CA_BUNDLE")):
            monkeypatch.delenv(name)


@pytest.fixture
def service(store, bare, monkeypatch):
    """The service without TLS, where STORAGE_EMULATOR_HOST says."""
    with front.running(front.Front(store, [RECORDER, OTHER])) as running:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", running.url)
        yield running


@pytest.fixture
def google(store, bare, monkeypatch, tmp_path):
    """The service under Google's own names, with TLS, behind a proxy."""
    authority = Authority(tmp_path)
    running = front.Front(store, [RECORDER, OTHER], certificate=authority.server(*GOOGLE))
    with front.running(running), Proxy().running() as proxy:
        proxy.routes = {name + ":443": ("127.0.0.1", running.port) for name in GOOGLE}
        running.proxy = proxy
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.ca))
        running.authority = authority
        yield running


def key(account, service=None):
    """Access by a key; without a service its tokens come from Google's own address."""
    uri = service.url + "/token" if service else "https://oauth2.googleapis.com/token"
    return read_access({"service_account_contents": account.key_json(uri)}, {})


def token_of(account, service):
    """A token that was given to an account."""
    return service.accounts._grant(account.email)["access_token"]


def signed_by(upload, service, name="shop/web/x.pcap.gz"):
    """Who signed, as the service reads the form of one object."""
    fields = {"key": upload.prefix + name, "content-type": TYPE, "content-md5": "x", **upload.fields}
    now = datetime.datetime.now(datetime.timezone.utc)
    return policy.check(fields, 10, BUCKET, service.accounts.keys, now)


def write(tmp_path, content):
    """A file with this content, and its MD5."""
    path = tmp_path / "segment"
    path.write_bytes(content)
    return str(path), hashlib.md5(content).hexdigest()


@pytest.mark.parametrize("place", ["service", "google"])
def test_with_a_key(request, place, tmp_path, store):
    """Plain, and with TLS and a proxy: checked, signed, put, found; and nothing but the object is in the bucket."""
    there = request.getfixturevalue(place)
    archive = Archive.open(key(RECORDER, there if place == "service" else None))
    prefix = "%s/c-1/node-a/" % place
    archive.check(BUCKET, prefix)
    assert archive.may_delete(BUCKET) is True
    upload = archive.sign(BUCKET, prefix, 60)
    assert signed_by(upload, there) == RECORDER.email
    assert upload.url == (there.url if place == "service" else "https://storage.googleapis.com") + "/caps/"

    path, md5 = write(tmp_path, b"packets")
    name = prefix + "shop/web/x.pcap.gz"
    assert archive.find(BUCKET, name) is None
    found = archive.put(path, BUCKET, name, TYPE, md5)
    assert (found.size, found.md5) == (7, md5)
    assert archive.read(BUCKET, name, 7) == b"packets" and archive.read(BUCKET, name + "x", 7) is None
    with pytest.raises(PcapError, match="^gs://caps/%s: it is larger than 0 MiB$" % name):
        archive.read(BUCKET, name, 6)
    assert archive.find(BUCKET, name) == found
    (kept,) = store.objects(BUCKET, prefix)
    assert (kept.name, kept.md5, kept.content_type, kept.crc32c) == (name, md5, TYPE, found.crc32c)


def test_a_large_file(service, tmp_path, store):
    """More than fits one request goes in pieces, also when an answer is lost on the way."""
    path, md5 = write(tmp_path, os.urandom(20 * 2**20))
    archive = Archive.open(key(RECORDER, service))
    with service.faults.cut(3 * 2**20, times=1):
        found = archive.put(path, BUCKET, "large/x.pcap", TYPE, md5)
    (kept,) = store.objects(BUCKET, "large/")
    assert (found.size, found.md5) == (kept.size, kept.md5) == (20 * 2**20, md5)


@pytest.mark.parametrize("lacking", [set(), {"storage.objects.delete"}])
def test_a_name_that_is_taken(service, tmp_path, store, lacking):
    """The same content is a success, another is refused and stays; whatever the account may do besides."""
    service.accounts.permissions[RECORDER.email] -= lacking
    archive = Archive.open(key(RECORDER, service))
    name = "taken-%d/x.pcap" % len(lacking)
    path, md5 = write(tmp_path, b"packets")
    first = archive.put(path, BUCKET, name, TYPE, md5)
    assert archive.put(path, BUCKET, name, TYPE, md5) == first
    other, other_md5 = write(tmp_path, b"PACKETS")
    with pytest.raises(PcapError, match="^gs://caps/%s: it is there with another content, and stays; " % name):
        archive.put(other, BUCKET, name, TYPE, other_md5)
    assert store.content(BUCKET, name) == b"packets"


def test_an_answer_that_is_lost(service, tmp_path):
    """The object is there, the second try is refused, and the comparison makes a success of it."""
    path, md5 = write(tmp_path, b"packets")
    with service.faults.answer_lost(times=1):
        found = Archive.open(key(RECORDER, service)).put(path, BUCKET, "lost/x.pcap", TYPE, md5)
    assert found.md5 == md5


def test_a_name_that_is_taken_told_as_a_missing_right(service, tmp_path):
    """To replace is to delete: who may not is refused for that, and what is there is compared all the same."""
    archive = Archive.open(key(RECORDER, service))
    path, md5 = write(tmp_path, b"packets")
    first = archive.put(path, BUCKET, "refused/x.pcap", TYPE, md5)
    with service.faults.add(NoRightToReplace(uploads, times=1)):
        assert archive.put(path, BUCKET, "refused/x.pcap", TYPE, md5) == first


class NoRightToReplace(Fault):
    """As the service refuses an upload without a condition to who may only create, where the name is taken."""

    def read(self, seen):
        """Says it."""
        text = "%s does not have storage.objects.delete access to the Google Cloud Storage object." % RECORDER.email
        return RefusedError(403, "forbidden", text).json()


def test_a_file_that_changed(service, tmp_path, store):
    """What is not what it was when its MD5 was taken does not become an object."""
    path, _md5 = write(tmp_path, b"packets")
    archive = Archive.open(key(RECORDER, service))
    with pytest.raises(PcapError, match="^gs://caps/changed/x.pcap: the service answers 400 .*MD5"):
        archive.put(path, BUCKET, "changed/x.pcap", TYPE, hashlib.md5(b"x").hexdigest())
    assert store.objects(BUCKET, "changed/") == []


@pytest.mark.parametrize("content, same", [(b"packets", True), (b"PACKETS", False)])
def test_a_service_without_md5(service, tmp_path, content, same):
    """Where the customer manages the keys, the CRC32C decides."""
    service.service.tells_md5 = False
    archive = Archive.open(key(RECORDER, service))
    name = "managed-%s/x.pcap" % same
    path, md5 = write(tmp_path, b"packets")
    assert archive.put(path, BUCKET, name, TYPE, md5).md5 is None
    path, md5 = write(tmp_path, content)
    with contextlib.nullcontext() if same else pytest.raises(PcapError, match="with another content"):
        archive.put(path, BUCKET, name, TYPE, md5)


def test_iam_signs_for_a_token(google):
    """A bare token signs nothing itself; IAM does, for the account that is named."""
    archive = Archive.open(Access("accesstoken", email=OTHER.email, token=token_of(RECORDER, google)))
    assert signed_by(archive.sign(BUCKET, PREFIX, 60), google) == OTHER.email
    archive.check(BUCKET, PREFIX)
    assert archive.may_delete(BUCKET) is None


def test_iam_signs_for_another_account(google):
    """A key signs as its own account only; an account that is named besides is signed for by IAM."""
    access = read_access({"service_account_email": OTHER.email, "service_account_contents": key(RECORDER).contents}, {})
    assert signed_by(Archive.open(access).sign(BUCKET, PREFIX, 60), google) == OTHER.email


def test_iam_refuses(google):
    """The sentence quotes IAM and names the role; the token is not in it."""
    google.accounts.permissions[RECORDER.email].clear()
    token = token_of(RECORDER, google)
    with pytest.raises(
        PcapError, match="IAM does not sign for the account .Permission .* denied.*roles/iam.serviceAccountTokenC"
    ) as refused:
        Archive.open(Access("accesstoken", email=OTHER.email, token=token)).sign(BUCKET, PREFIX, 60)
    assert token not in str(refused.value)


@pytest.fixture
def machine(google, store, monkeypatch):
    """The metadata server of a machine whose account is RECORDER."""
    with front.running(front.Front(store, [])) as metadata:
        metadata.service.accounts = google.accounts  # its tokens are those that Google knows
        google.accounts.machine = RECORDER
        google.proxy.routes["metadata.google.internal:80"] = ("127.0.0.1", metadata.port)
        monkeypatch.setenv("HTTP_PROXY", google.proxy.url)
        yield metadata


def test_the_machines_account(google, machine):
    """The metadata server says who the machine is, and IAM signs for it."""
    archive = Archive.open(Access("machineaccount"))
    assert signed_by(archive.sign(BUCKET, PREFIX, 60), google) == RECORDER.email
    archive.check(BUCKET, PREFIX)
    assert archive.may_delete(BUCKET) is True


@pytest.mark.parametrize("ahead, told", [(-3600, "fast"), (3600, "slow")])
def test_a_clock_that_is_wrong_on_a_machine(machine, ahead, told):
    """Nothing is signed to get a token there, and a policy of that time would be refused: the answer's date tells."""
    machine.clock_offset = ahead
    with pytest.raises(PcapError, match=r"^the controller's clock is 3[56]\d\d s %s: the clocks of contr" % told):
        Archive.open(Access("machineaccount")).check(BUCKET, PREFIX)


ASKS = {
    "check": lambda archive, path: archive.check(BUCKET, PREFIX),
    "may_delete": lambda archive, path: archive.may_delete(BUCKET),
    "find": lambda archive, path: archive.find(BUCKET, "x"),
    "put": lambda archive, path: archive.put(path, BUCKET, "x", TYPE, "00" * 16),
}


@pytest.mark.parametrize("ask", ASKS)
def test_a_token_endpoint_that_does_not_answer(service, monkeypatch, tmp_path, ask):
    """It is waited for, but not for ever."""
    monkeypatch.setattr(credentials, "TIMEOUT_SECONDS", 0.3)
    path, _md5 = write(tmp_path, b"packets")
    with service.faults.stalled(), pytest.raises(PcapError, match=r"^gs://caps\S*: \S+ gave no answer in time; "):
        ASKS[ask](Archive.open(key(RECORDER, service)), path)


def test_nobody(store, bare, monkeypatch, tmp_path):
    """The bare emulator asks for no credentials, and kind application has none there."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", store.url)
    archive = Archive.open(Access("application"))
    archive.check(BUCKET, PREFIX)
    path, md5 = write(tmp_path, b"packets")
    assert archive.put(path, BUCKET, "nobody/x.pcap", TYPE, md5).md5 == md5


def test_who_may_only_create(service, tmp_path):
    """It passes the check, may not delete, puts, and is told that it cannot look."""
    service.accounts.permissions[RECORDER.email] = {"storage.objects.create"}
    archive = Archive.open(key(RECORDER, service))
    archive.check(BUCKET, PREFIX)
    assert archive.may_delete(BUCKET) is False
    path, md5 = write(tmp_path, b"packets")
    assert archive.put(path, BUCKET, "create-only/x.pcap", TYPE, md5).md5 == md5
    with pytest.raises(PcapError, match="access is refused .*storage.objects.get.*grant roles/storage.objectViewer"):
        archive.find(BUCKET, "create-only/x.pcap")


def test_a_bucket_that_is_not_there(service):
    """It is named."""
    with pytest.raises(PcapError, match="^gs://no-such-bucket: this does not exist .*create the bucket, or correct"):
        Archive.open(key(RECORDER, service)).check("no-such-bucket", PREFIX)


def test_who_may_not_create(service):
    """The service's words say who lacks what; the sentence says which role has it."""
    service.accounts.permissions[RECORDER.email] -= {"storage.objects.create"}
    right = "access is refused .*%s .*storage.objects.create.*grant roles/storage.objectCreator" % RECORDER.email
    with pytest.raises(PcapError, match="^gs://caps: " + right):
        Archive.open(key(RECORDER, service)).check(BUCKET, PREFIX)


@pytest.mark.parametrize("ahead", [-3600, 3600])
def test_a_clock_that_is_wrong(service, ahead):
    """What the key has signed is of another time than the service's: the clocks are to blame, not the key."""
    service.clock_offset = ahead
    with pytest.raises(PcapError, match="^gs://caps: .* the clocks of controller and service differ; set the contr"):
        Archive.open(key(RECORDER, service)).check(BUCKET, PREFIX)


@pytest.mark.parametrize(
    "access, told",
    [
        (Access("application"), "there are no credentials; set auth_kind"),
        (Access("accesstoken", token="ya29.old"), "the access token is not accepted, or has expired; give a new one"),
    ],
)
def test_who_is_not_let_in(service, access, told):
    """Nobody, and a token that is worth nothing any more."""
    with pytest.raises(PcapError, match="^gs://caps: " + told):
        Archive.open(access).check(BUCKET, PREFIX)


def test_a_certificate_that_has_expired(google):
    """It is told at once, with the host: a second try would meet the same one."""
    google.use_certificate(google.authority.server(*GOOGLE, expired=True))
    archive = Archive.open(Access("accesstoken", token=token_of(RECORDER, google)))
    told = r"the certificate of storage.googleapis.com is refused \(certificate has expired\)"
    with pytest.raises(PcapError, match="^gs://caps: " + told):
        archive.check(BUCKET, PREFIX)
    assert google.proxy.used == [("CONNECT", "storage.googleapis.com:443")]


def test_an_authority_that_nobody_knows(google, monkeypatch):
    """The variable that would name it stands in the sentence."""
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    with pytest.raises(PcapError, match="the certificate of .* is refused .*REQUESTS_CA_BUNDLE"):
        Archive.open(key(RECORDER)).check(BUCKET, PREFIX)


@pytest.mark.parametrize("fault, told", [("down", "cannot be reached"), (503, "the service answers 503")])
def test_a_service_that_does_not_serve(service, monkeypatch, fault, told):
    """It is tried again for a while, and then told."""
    monkeypatch.setattr(gcs, "_RETRY_SECONDS", 2)
    archive = Archive.open(key(RECORDER, service))
    archive.check(BUCKET, PREFIX)
    with contextlib.nullcontext(service.down()) if fault == "down" else service.faults.status(fault):
        with pytest.raises(PcapError, match="^gs://caps: .*" + told):
            archive.check(BUCKET, PREFIX)


def test_a_fault_that_passes(service):
    """Two refusals on the way do no harm."""
    archive = Archive.open(key(RECORDER, service))
    with service.faults.status(503, times=2, only=lambda seen: "/b/" in seen.path):
        archive.check(BUCKET, PREFIX)


def test_no_secret_is_told(service):
    """Neither the key, nor a token, nor a signature is in what is printed of an archive or of a failure."""
    access = key(RECORDER, service)
    archive = Archive.open(access)
    archive.check(BUCKET, PREFIX)
    service.accounts.forget_tokens()
    service.accounts.permissions[RECORDER.email].clear()
    with pytest.raises(PcapError) as refused:
        archive.find(BUCKET, "x")
    private = json.loads(access.contents)["private_key"].splitlines()[1]
    for text in (repr(access), repr(archive), str(refused.value)):
        assert private not in text and "ya29" not in text
    document = base64.b64decode(archive.sign(BUCKET, PREFIX, 60).fields["policy"])
    assert private.encode() not in document
