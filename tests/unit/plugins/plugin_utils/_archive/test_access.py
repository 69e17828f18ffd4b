# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who asks Google, by options and environment."""

from __future__ import annotations

import json

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import OptionError
from ansible_collections.kube.pcap.plugins.plugin_utils._archive.access import Access, read_access

KEY = {
    "type": "service_account",
    "client_email": "recorder@test.iam.gserviceaccount.com",
    "private_key": "TOP-SECRET",
    "token_uri": "https://oauth2.googleapis.com/token",
}
"""What AWX's credential writes has no more than this either."""
TEXT = json.dumps(KEY)


@pytest.fixture
def key_file(tmp_path):
    """A file with a key."""
    path = tmp_path / "key.json"
    path.write_text(TEXT)
    return str(path)


@pytest.mark.parametrize(
    "options, environ, access",
    [
        ({}, {}, Access("application")),
        ({"auth_kind": "", "project": ""}, {"GCP_AUTH_KIND": ""}, Access("application")),
        ({}, {"GCP_AUTH_KIND": "machineaccount", "GCP_PROJECT": "p"}, Access("machineaccount", project="p")),
        ({"auth_kind": "application"}, {"GCP_AUTH_KIND": "machineaccount"}, Access("application")),
        ({"auth_kind": "application", "access_token": "t"}, {"GCP_SERVICE_ACCOUNT_FILE": "/no"}, Access("application")),
        ({"access_token": "t"}, {"GCP_ACCESS_TOKEN": "other"}, Access("accesstoken", token="t")),
        (
            {},
            {"GCP_ACCESS_TOKEN": "t", "GCP_SERVICE_ACCOUNT_EMAIL": "a@b"},
            Access("accesstoken", None, None, "a@b", "t"),
        ),
        ({"service_account_contents": TEXT}, {}, Access("serviceaccount", contents=TEXT)),
        ({"service_account_contents": KEY}, {}, Access("serviceaccount", contents=TEXT)),
        ({}, {"GCP_SERVICE_ACCOUNT_CONTENTS": TEXT}, Access("serviceaccount", contents=TEXT)),
        (
            {"service_account_contents": TEXT},
            {"GCP_SERVICE_ACCOUNT_FILE": "/no"},
            Access("serviceaccount", contents=TEXT),
        ),
    ],
)
def test_options_come_before_the_environment(options, environ, access):
    """An empty value is none, and a kind that is not given follows from the rest."""
    assert read_access(options, environ) == access


def test_awx_needs_no_option(key_file):
    """What AWX's credential Google Compute Engine sets is enough."""
    environ = {"GCP_AUTH_KIND": "serviceaccount", "GCP_SERVICE_ACCOUNT_FILE": key_file, "GCP_PROJECT": "p"}
    assert read_access({}, environ) == Access("serviceaccount", file=key_file, contents=TEXT, project="p")


def test_a_file_that_is_an_option_comes_before_contents_of_the_environment(key_file):
    """Of the two ways to give a key the option's is meant."""
    access = read_access({"service_account_file": key_file}, {"GCP_SERVICE_ACCOUNT_CONTENTS": "{}"})
    assert access.file == key_file


@pytest.mark.parametrize(
    "options, sentence",
    [
        ({"auth_kind": "password"}, 'auth_kind: "password" is no kind of credentials; choose application, service'),
        ({"auth_kind": "accesstoken"}, "access_token: auth_kind accesstoken needs one; set it, or GCP_ACCESS_TOKEN"),
        ({"auth_kind": "serviceaccount"}, "service_account_file: auth_kind serviceaccount needs a key; set"),
        ({"service_account_file": "/no"}, r'service_account_file: "/no" cannot be read \(No such file or directory\)'),
        ({"service_account_file": "/"}, r'service_account_file: "/" cannot be read \(Is a directory\)'),
        ({"service_account_contents": "SECRET"}, "service_account_contents: this is no JSON object; give a"),
        ({"service_account_contents": "[]"}, "service_account_contents: this is no JSON object; give a"),
        (
            {"service_account_contents": '{"type": "authorized_user"}'},
            'service_account_contents: these are credentials of type "authorized_user"; give a service account\'s key',
        ),
        (
            {"service_account_contents": '{"type": "service_account", "token_uri": "x"}'},
            "service_account_contents: the key has no client_email, private_key; give it",
        ),
        (
            {"service_account_file": "/a", "service_account_contents": "{}"},
            "service_account_contents: service_account_file is given, too; give one of them",
        ),
    ],
)
def test_what_is_refused(options, sentence):
    """A sentence names the option, what is wrong, what is right, and nothing of a key."""
    with pytest.raises(OptionError, match="^" + sentence) as refused:
        read_access(options, {})
    assert "SECRET" not in str(refused.value)


def test_bytes_are_no_key(tmp_path):
    """A key in an archive format is told as what it is."""
    (tmp_path / "key.p12").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(OptionError, match="is no text"):
        read_access({"service_account_file": str(tmp_path / "key.p12")}, {})


def test_secrets_are_not_shown(key_file):
    """What is printed of it has neither key nor token."""
    assert "SECRET" not in repr(read_access({"service_account_file": key_file}, {}))
    assert "TOKEN" not in repr(read_access({"access_token": "TOKEN"}, {}))
