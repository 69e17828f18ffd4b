# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The client over real HTTP: paging, waiting, giving up, and what it says then."""

from __future__ import annotations

import base64
import gzip
import json
import subprocess
import tempfile
import tracemalloc

import pytest

pytest.importorskip("kubernetes")

from ansible_collections.kube.pcap.plugins.module_utils._errors import OptionError, PcapError
from ansible_collections.kube.pcap.plugins.plugin_utils._cluster import client as module
from ansible_collections.kube.pcap.plugins.plugin_utils._cluster import library
from ansible_collections.kube.pcap.plugins.plugin_utils._cluster.access import Access, read_access
from ansible_collections.kube.pcap.plugins.plugin_utils._cluster.client import Client, connect
from ansible_collections.kube.pcap.plugins.plugin_utils._cluster.connection import Connection
from ansible_collections.kube.pcap.plugins.plugin_utils._cluster.trouble import ApiError, Forbidden, Unreachable

from .apiserver import Said, failure, forbidden, listed, serving

PODS = "/api/v1/pods"
GZIP = (("content-encoding", "gzip"),)
EXPIRED = failure(410, "The provided continue parameter is too old")


class Clock:
    """Time that passes only where the client waits."""

    def __init__(self):
        self.now, self.waits = 0.0, []

    def sleep(self, seconds):
        self.now += seconds
        self.waits.append(seconds)


@pytest.fixture
def server():
    """An API server that says what the test tells it."""
    with serving() as running:
        yield running


@pytest.fixture
def clock():
    """The client's clock."""
    return Clock()


@pytest.fixture
def client(server, clock):
    """A client of that server."""
    connection = Connection(Access("host", host=server.url, api_key="token"))
    with Client(connection, clock=lambda: clock.now, sleep=clock.sleep) as connected:
        yield connected


def pod(name):
    return {"metadata": {"name": name, "namespace": "shop", "uid": "uid-" + name}}


def names(items):
    return [item["metadata"]["name"] for item in items]


def told(server, *answers):
    """Have the server give these answers in turn, the last one for ever."""
    left = list(answers)
    server.answer = lambda _asked: left.pop(0) if len(left) > 1 else left[0]


def test_a_list_comes_page_by_page(server, client):
    """Objects know their kind, a page asks with the token of the one before, and the selectors with each."""
    told(server, listed("Pod", pod("a"), pod("b"), token="t1"), listed("Pod", pod("c")))
    found = client.list(PODS, label_selector="app=web,tier!=db", field_selector="spec.nodeName=node-a")
    assert next(found)["kind"] == "Pod" and len(server.asked) == 1
    assert names(found) == ["b", "c"]
    selectors = {"labelSelector": "app=web,tier!=db", "fieldSelector": "spec.nodeName=node-a", "limit": "500"}
    assert [asked.query for asked in server.asked] == [selectors, {**selectors, "continue": "t1"}]


def test_what_may_be_a_moment_old_comes_at_once(server, client):
    """The API server's cache answers, which takes no limit."""
    told(server, listed("Node", pod("node-a")))
    assert [item["kind"] for item in client.list("/api/v1/nodes", fresh=False)] == ["Node"]
    assert server.asked[0].query == {"resourceVersion": "0"}


@pytest.mark.parametrize("headers", [(), (("content-encoding", "identity"),)])
def test_compressed_or_not(server, client, headers):
    """Either way it says the same, and its connection serves the next request, too."""
    told(server, listed("Pod", pod("ü"))._replace(headers=headers))
    assert [names(client.list(PODS)) for _time in range(3)] == [["ü"]] * 3
    assert client._connection._pool.connection_from_url(server.url).num_connections == 1


def test_memory(server, client):
    """A long list is never there as a whole but as it was sent, compressed."""
    page = listed("Pod", *({**pod("pod-%d" % number), "spec": {"x": "y" * 4000}} for number in range(1000)))
    body = json.dumps(page.body).encode()
    told(server, Said(200, gzip.compress(body), GZIP))
    assert len(next(client.list(PODS))["spec"]["x"]) == 4000
    tracemalloc.start()
    try:
        assert sum(1 for _one in client.list(PODS)) == 1000
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 0.3 * len(body)


@pytest.mark.parametrize("most, limits", [(1, ["1"]), (2, ["2"]), (3, ["3", "3"]), (1000, ["500", "500"])])
def test_no_more_than_asked_for(server, client, most, limits):
    """A list that only tells what exists is cut."""
    told(server, listed("Pod", pod("a"), pod("b"), token="t"), listed("Pod", pod("c"), pod("d")))
    assert names(client.list(PODS, fresh=False, most=most)) == ["a", "b", "c", "d"][:most]
    assert [asked.query["limit"] for asked in server.asked] == limits


def test_a_list_that_expired_is_begun_once_more(server, client):
    """Nothing is yielded twice, and what is new since is."""
    told(server, listed("Pod", pod("a"), token="t1"), EXPIRED, listed("Pod", pod("a"), pod("b")))
    assert names(client.list(PODS)) == ["a", "b"]
    assert [asked.query.get("continue") for asked in server.asked] == [None, "t1", None]


def test_a_list_that_expires_twice_is_given_up(server, client):
    """Nothing is waited for that would come again and again."""
    told(server, listed("Pod", pod("a"), token="t1"), EXPIRED, listed("Pod", pod("a"), token="t2"), EXPIRED)
    with pytest.raises(ApiError, match="answered 410 when asked to list pods in the whole cluster: The provided"):
        list(client.list(PODS))
    assert len(server.asked) == 4


@pytest.mark.parametrize(
    "answers",
    [
        [failure(429), listed("Pod")],
        [failure(500), failure(503), Said(502, b"<html>"), listed("Pod")],
        [Said(0, b""), listed("Pod")],
    ],
)
def test_what_passes_is_waited_for(server, client, clock, answers):
    """Too many requests, a server that starts, a connection that breaks."""
    told(server, *answers)
    assert list(client.list(PODS)) == []
    assert len(server.asked) == len(answers) and len(clock.waits) == len(answers) - 1
    assert clock.waits == sorted(clock.waits) and clock.waits[0] <= 0.25


def test_the_server_says_how_long(server, client, clock):
    """Retry-After is honoured, and where it is beyond patience it is not waited for."""
    told(server, failure(429, headers=(("Retry-After", "7"),)), listed("Pod"))
    assert list(client.list(PODS)) == [] and clock.waits == [7.0]
    told(server, failure(429, "slow down", headers=(("Retry-After", "60"),)))
    with pytest.raises(ApiError, match="answered 429 when asked to list pods in the whole cluster: slow down$"):
        list(client.list(PODS))
    assert clock.waits == [7.0]


def test_patience_ends(server, client, clock):
    """A server that only fails is given up within half a minute, and what then fails is not waited for again."""
    told(server, failure(503, "etcd is down"))
    with pytest.raises(ApiError, match="answered 503 when asked to get nodes in the whole cluster: etcd is down"):
        client.get("/api/v1/nodes/node-a")
    assert 15 < clock.now <= module.PATIENCE_SECONDS
    before, asked = clock.now, len(server.asked)
    with pytest.raises(ApiError):
        client.get("/api/v1/nodes/node-b")
    assert clock.now == before and len(server.asked) == asked + 1


def test_nobody_there_is_told_soon(clock):
    """Where nobody has ever answered, a few seconds are enough."""
    connection = Connection(Access("host", host="http://127.0.0.1:9"))
    with Client(connection, clock=lambda: clock.now, sleep=clock.sleep) as client:
        with pytest.raises(Unreachable) as refused:
            client.get(PODS)
    assert str(refused.value) == "the API server http://127.0.0.1:9 cannot be reached: Connection refused"
    assert 2 < clock.now <= module.CONNECT_PATIENCE_SECONDS


def test_an_object_that_is_not_there(server, client):
    """None is no error; a path that nobody serves is one."""
    told(server, failure(404, 'pods "x" not found', name="x", kind="pods"))
    assert client.get("/api/v1/namespaces/shop/pods/x") is None
    told(server, Said(404, b"404 page not found"))
    with pytest.raises(ApiError, match=r"has no /api/v1/namespaces/shop/pods/x \(404\); host must be the URL of a Kub"):
        client.get("/api/v1/namespaces/shop/pods/x")


@pytest.mark.parametrize(
    "answer, kind, sentence",
    [
        (
            forbidden("x"),
            Forbidden,
            "forbids user system:serviceaccount:ops:pcap to list pods in namespace shop; "
            "grant it list on pods (by a Role in that namespace, or a ClusterRole)",
        ),
        (
            failure(403, 'pods is forbidden: User "system:anonymous" cannot list resource "pods"'),
            Forbidden,
            "forbids to list pods in namespace shop, since it was asked without credentials that it takes; give ",
        ),
        (
            failure(403, "no"),
            Forbidden,
            "forbids whom it takes us for to list pods in namespace shop; grant it list on pods",
        ),
        (
            failure(401, "Unauthorized"),
            ApiError,
            "does not know who asks (401): the token or certificate is missing, wrong or over; give",
        ),
        (
            Said(302, b"", (("Location", "http://192.0.2.9/"),)),
            Unreachable,
            "sends elsewhere (302); host must be",
        ),
        (Said(200, b"no gzip", GZIP), Unreachable, "does not answer as an API server does when asked for "),
        (Said(200, gzip.compress(b'{"kind": "PodList", "items": []}')[:-9], GZIP), Unreachable, "does not answer as"),
        (Said(400, b"no gzip", GZIP), ApiError, "answered 400 when asked to list pods in namespace shop: it did not"),
        (Said(200, b"<html>hello"), Unreachable, "does not answer as an API server does when asked for "),
        (Said(200, {"kind": "PodList", "items": [1]}), Unreachable, "does not answer as an API server does when asked"),
        (Said(200, []), Unreachable, "does not answer as an API server does when asked for "),
        (
            Said(400, b"Client sent an HTTP request"),
            ApiError,
            "answered 400 when asked to list pods in namespace",
        ),
    ],
)
def test_a_refusal_is_a_sentence(server, client, clock, answer, kind, sentence):
    """It says who refused what, and nothing of it is tried again."""
    told(server, answer)
    with pytest.raises(kind) as refused:
        list(client.list("/api/v1/namespaces/shop/pods"))
    assert str(refused.value).startswith("the API server %s %s" % (server.url, sentence))
    assert len(server.asked) == 1 and not clock.waits and "token" not in str(refused.value).replace("the token", "")


def test_who_asks(server):
    """Token, impersonation and compression are in the headers; groups stand in a header each."""
    told(server, listed("Pod"))
    options = {"host": server.url, "api_key": "abc", "impersonate_user": "joe", "impersonate_groups": ["dev", "ops"]}
    with connect(read_access(options, {})) as client:
        assert list(client.list(PODS)) == []
    headers = server.asked[0].headers
    assert headers["authorization"] == "Bearer abc" and headers["accept-encoding"] == "gzip"
    assert headers["impersonate-user"] == "joe" and headers.get_all("impersonate-group") == ["dev", "ops"]
    with connect(read_access({"host": server.url, "username": "u", "password": "p"}, {})) as client:
        assert list(client.list(PODS)) == []
    assert server.asked[1].headers["authorization"] == "Basic " + base64.b64encode(b"u:p").decode()


@pytest.mark.parametrize(
    "options, sentence",
    [
        (
            {"api_key": "SECRET\nx: y"},
            "api_key: a character in it cannot stand in a request; write it",
        ),
        ({"api_key": "SECR\u00c9T"}, "api_key: a character in it cannot stand in a request; write it"),
        ({"impersonate_user": "a\r\nb"}, "impersonate_user: a character in it cannot stand in a request; write it as"),
        ({"proxy": "ftp://user:SECRET@x"}, "proxy: no connection can go through it (ProxySchemeUnknown); write it as"),
        ({"proxy": "http://["}, "proxy: no connection can go through it (LocationParseError); write it as http://HOST"),
    ],
)
def test_what_no_request_can_hold_is_refused(server, clock, options, sentence):
    """In a sentence without the secret, and before anything is sent."""
    access = read_access({"host": server.url, **options}, {})
    with pytest.raises(PcapError) as refused, Client(Connection(access), sleep=clock.sleep) as client:
        client.get(PODS)
    assert str(refused.value).startswith(sentence) and "SECR" not in str(refused.value)
    assert not server.asked and not clock.waits


def test_a_token_from_a_file_ends_with_its_line(server):
    """As `K8S_AUTH_API_KEY=$(cat token)` would have it, so do others."""
    told(server, listed("Pod"))
    with connect(read_access({"host": server.url}, {"K8S_AUTH_API_KEY": "abc\n"})) as client:
        assert list(client.list(PODS)) == []
    assert server.asked[0].headers["authorization"] == "Bearer abc"


def kubeconfig(folder, url, **user):
    """A kubeconfig with one context, test, and another that lacks its cluster."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": user}],
        "contexts": [
            {"name": "test", "context": {"cluster": "c", "user": "u"}},
            {"name": "broken", "context": {"cluster": "none", "user": "u"}},
        ],
        "current-context": "test",
    }
    path = folder / "kubeconfig"
    path.write_text(json.dumps(document))
    return str(path)


def test_a_kubeconfig(server, tmp_path):
    """Its token is used, and an option stands above it."""
    told(server, listed("Pod"))
    path = kubeconfig(tmp_path, server.url, token="from-file")
    for options in ({"kubeconfig": path}, {"kubeconfig": path, "context": "test", "api_key": "mine"}):
        with connect(read_access(options, {})) as client:
            assert list(client.list(PODS)) == []
    assert [asked.headers["authorization"] for asked in server.asked] == ["Bearer from-file", "Bearer mine"]


def test_keys_of_a_kubeconfig_leave_no_file(tmp_path, monkeypatch):
    """Data in it is written to files for TLS, which go with the client: a worker of Ansible has no exit to do so."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    data = base64.b64encode(b"CERT").decode(), base64.b64encode(b"SECRET KEY").decode()
    user = {"client-certificate-data": data[0], "client-key-data": data[1]}
    for _again in range(2):
        with connect(read_access({"kubeconfig": kubeconfig(tmp_path, "https://127.0.0.1:9", **user)}, {})):
            (folder,) = (tmp_path / "tmp").iterdir()
            assert folder.stat().st_mode & 0o077 == 0 and len(list(folder.iterdir())) == 2
        assert not list((tmp_path / "tmp").iterdir())


@pytest.mark.parametrize(
    "options, text, reason",
    [
        ({"context": "none"}, None, ".*none.*; name a file that kubectl can use, and one of its contexts"),
        ({"context": "broken"}, None, ".*none.*; name a file that kubectl can use, and one of its contexts"),
        ({}, "", ".*; name a file that kubectl can use"),
        ({}, "{token: SECRET", ".*; name a file that kubectl can use"),
        ({}, "SECRET", "it has not the shape of one; name a file that kubectl can use"),
        ({}, "[SECRET]", "it has not the shape of one; name a file that kubectl can use"),
        ({}, "clusters: 1", "it has not the shape of one; name a file that kubectl can use"),
    ],
)
def test_an_unusable_kubeconfig_is_named(tmp_path, options, text, reason):
    """Whatever is wrong with it is one sentence, without a word of its secrets."""
    path = kubeconfig(tmp_path, "https://127.0.0.1:9", token="SECRET")
    if text is not None:
        (tmp_path / "kubeconfig").write_text(text)
    with pytest.raises(OptionError, match="^kubeconfig: %s cannot be used: %s$" % (path, reason)) as refused:
        connect(read_access({"kubeconfig": path, **options}, {}))
    assert "SECRET" not in str(refused.value) and "\n" not in str(refused.value)


def test_a_kubeconfig_that_is_not_there(tmp_path):
    """The library would say that it found no configuration in it."""
    path = "%s/none:%s/neither" % (tmp_path, tmp_path)
    with pytest.raises(OptionError, match="^kubeconfig: %s cannot be used: there is no such file; name a file" % path):
        connect(read_access({"kubeconfig": path}, {}))


def test_no_cluster_at_all(tmp_path, monkeypatch):
    """Nothing given and nothing there: the sentence says what to give."""
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(OptionError, match="^kubeconfig: no cluster is named, and ~/.kube/config cannot be used: "):
        connect(read_access({}, {}))


def test_a_file_that_cannot_be_read_is_named():
    """A certificate is looked for before anything is asked."""
    with pytest.raises(OptionError, match="^ca_cert: /no/ca cannot be read; name a file in PEM, or leave it out$"):
        connect(Access("host", host="https://127.0.0.1:9", ca_cert="/no/ca"))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate that signed itself, for another name."""
    folder = tmp_path_factory.mktemp("tls")
    files = str(folder / "cert.pem"), str(folder / "key.pem")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    more = ["-days", "2", "-subj", "/CN=other", "-addext", "subjectAltName=DNS:other", "-out", files[0], "-keyout"]
    subprocess.run([*command, *more, files[1]], check=True, capture_output=True)
    return files


def test_a_certificate_that_is_not_accepted(certificate, clock, recwarn):
    """An unknown authority and a wrong name are told, tried once, and can be left unchecked without a warning."""
    with serving(ssl_files=certificate) as server:
        told(server, listed("Pod"))
        ours = {"host": server.url, "ca_cert": certificate[0]}
        other = "(IP address mismatch|hostname).*"  # as the client's urllib3 has it
        for options, reason in (({"host": server.url}, "self-signed certificate"), (ours, other)):
            with Client(Connection(read_access(options, {})), sleep=clock.sleep) as client:
                with pytest.raises(Unreachable, match="^the certificate of .* is not accepted: %s; give its" % reason):
                    list(client.list(PODS))
        with connect(read_access({"host": server.url, "validate_certs": False}, {})) as client:
            assert list(client.list(PODS)) == []
    assert not clock.waits and not list(recwarn)


def test_a_missing_library_is_named(monkeypatch):
    """A controller has several Pythons, and the client is wanted in this one."""
    monkeypatch.setattr(library, "MISSING", "No module named 'kubernetes'")
    with pytest.raises(PcapError, match="^the Python package kubernetes is missing for .*; install it with"):
        connect(Access("host", host="https://127.0.0.1:9"))
