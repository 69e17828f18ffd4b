# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a node gets of the controller: what can be had, each apart, and a sentence for what cannot."""

from __future__ import annotations

import json
import types

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import OptionError, PcapError
from ansible_collections.kube.pcap.plugins.module_utils._records import Upload
from ansible_collections.kube.pcap.plugins.plugin_utils._uploads import Uploads

from .test__signing import ASKED, FILE, RECORD

MANIFEST = "p/c-1/node-a/manifest.jsonl"


class Service:
    """Stands where Google's library would be asked."""

    def __init__(self, objects=(), deletes=False, broken=()):
        self.objects, self.deletes, self.broken, self.asked = dict(objects), deletes, broken, []

    def sign(self, bucket, prefix, seconds, most):
        """A policy, or none for what is broken."""
        if "sign" in self.broken:
            raise PcapError("nobody can sign")
        self.asked.append((bucket, prefix, seconds, most))
        return Upload("https://x/%s/" % bucket, prefix, {"policy": "signed"}, 1, 2)

    def may_delete(self, bucket):
        """Whether it may."""
        if "look" in self.broken:
            raise PcapError("nobody may look")
        return self.deletes

    def find(self, bucket, name):
        """Size and MD5 of an object."""
        if name in self.broken or "look" in self.broken:
            raise PcapError("nobody may look at %s" % name)
        if name not in self.objects:
            return None
        size, md5 = self.objects[name]
        return types.SimpleNamespace(size=size, md5=md5, generation=3, crc32c="c")


def uploads(**told):
    """With that service."""
    made = Uploads({}, {})
    made._opened = Service(**told)
    return made


def need(**changed):
    """What a node says."""
    return {**ASKED, "unconfirmed": [FILE], **changed}


def test_without_a_bucket_nobody_is_asked():
    """No credentials are read, no library is loaded."""
    made = Uploads({"auth_kind": "nonsense"}, {})
    assert made.for_start({"targets": "pod shop/web"}) == {} and made.for_node([]) == {}
    assert made._opened is None and made.problems == []


def test_a_start():
    """One policy, for this capture and node; a start that cannot have it fails."""
    made = uploads()
    told = json.loads(made.for_start({"record": RECORD})["policies"])
    assert set(told) == {"c-1"} and told["c-1"]["prefix"] == "p/c-1/node-a/" and made.warnings == []
    assert made._opened.asked == [("captures", "p/c-1/node-a/", 690, 5_000_000)]
    with pytest.raises(PcapError, match="nobody can sign"):
        uploads(broken=["sign"]).for_start({"record": RECORD})


@pytest.mark.parametrize("emulator, url", [(None, "https://storage.googleapis.com"), ("http://h:1", "http://h:1")])
def test_a_node_that_asks_its_metadata_server(emulator, url):
    """It is told where the service is, and nobody is asked for credentials; an address without a scheme is refused."""
    record = {**RECORD, "options": {**RECORD["options"], "upload": "metadata"}}
    made = Uploads({"auth_kind": "nonsense"}, {"STORAGE_EMULATOR_HOST": emulator or ""})
    told = json.loads(made.for_start({"record": record})["policies"])["c-1"]
    assert (told["url"], told["prefix"], told["fields"]) == (url, "p/c-1/node-a/", None)
    with pytest.raises(OptionError, match="^STORAGE_EMULATOR_HOST: 'h:1' has no scheme; write it as http://HOST:PORT"):
        Uploads({}, {"STORAGE_EMULATOR_HOST": "h:1"}).for_start({"record": record})


@pytest.mark.parametrize(
    "told, words",
    [
        ({"deletes": True}, ["may delete objects"]),
        ({"objects": {MANIFEST: (1, "x")}}, [MANIFEST + " is there, of an earlier capture"]),
        ({"broken": ["look"]}, []),
    ],
)
def test_what_is_worth_knowing_of_a_bucket(told, words):
    """Who can take away, and an earlier capture of the same name; what cannot be asked keeps no start from going on."""
    made = uploads(**told)
    assert "policies" in made.for_start({"record": RECORD}) and len(made.warnings) == len(words)
    assert all(word in warning for word, warning in zip(words, made.warnings, strict=True))


def test_a_status():
    """The policy, and the files that are in the bucket byte for byte."""
    made = uploads(objects={FILE["object"]: (7, "ab" * 16)})
    told = made.for_node([need()], "node-a")
    assert set(json.loads(told["policies"])) == {"c-1"} and made.problems == []
    versions = {"generation": 3, "crc32c": "c"}
    assert told["confirmed"] == {
        "c-1": [{"file": "s1", "sink": "gs://captures/p", "object": FILE["object"], **versions}]
    }
    assert made.for_node([need(renew=False, unconfirmed=[])]) == {}
    assert made.would_renew([need()], "node-a") and not made.would_renew([need(renew=False)], "node-a")


@pytest.mark.parametrize(
    "found, words",
    [
        ({FILE["object"]: (8, "ab" * 16)}, "an object with other content"),
        ({FILE["object"]: (7, "cd" * 16)}, "an object with other content"),
        ({FILE["object"]: (7, None)}, "an object without an MD5, which collect compares,"),
    ],
)
def test_what_is_not_the_file(found, words):
    """It confirms nothing, and the problem says no more than what was seen."""
    made = uploads(objects=found)
    assert made.for_node([need(renew=False)]) == {}
    assert made.problems == ["the bucket has %s of the name %s, and the node keeps the file" % (words, FILE["object"])]


def test_what_is_not_there_is_sent_again():
    """Where the bucket has no object of the name, the node is told so; nothing is confirmed by it."""
    made = uploads(objects={})
    nothing = {"object": None, "generation": None, "crc32c": None}
    told = made.for_node([need(renew=False)])
    assert told == {"confirmed": {"c-1": [{"file": "s1", "sink": "gs://captures/p", **nothing}]}}
    assert made.problems == []


def test_one_failure_does_not_keep_the_others():
    """Nothing can be signed, one file not be looked at, one capture has no bucket: the others get what they need."""
    other = need(id="c-2", unconfirmed=[{**FILE, "object": "p/c-2/node-a/s1"}])
    found = {"p/c-2/node-a/s1": (7, "ab" * 16)}
    made = uploads(objects=found, broken=["sign", FILE["object"]])
    told = made.for_node([need(), need(id="c-3", sink="gs://X"), other])
    assert set(told) == {"confirmed"} and set(told["confirmed"]) == {"c-2"}
    assert made.problems[0] == "capture c-1 has no new upload policy: nobody can sign" and len(made.problems) == 5


@pytest.mark.parametrize("told", [[need(node="node-b")], [need(id="../x")], [5], 5])
def test_a_nodes_word(told):
    """What cannot be used is a problem, and no failure."""
    made = uploads()
    assert made.for_node(told, "node-a") == {} and len(made.problems) == 1 and made._opened.asked == []
    assert not made.would_renew(told, "node-a")
