# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which API server is asked and as whom, by options and environment."""

from __future__ import annotations

import pytest
import yaml

from ansible_collections.kube.pcap.plugins.doc_fragments._kubernetes import ModuleDocFragment
from ansible_collections.kube.pcap.plugins.module_utils._errors import OptionError
from ansible_collections.kube.pcap.plugins.plugin_utils._cluster.access import (
    ENVIRONMENT,
    OPTIONS,
    Access,
    check_cluster,
    read_access,
)

URL, OTHER = "https://192.0.2.1:6443", "https://192.0.2.2:6443"
AWX = {
    "K8S_AUTH_HOST": URL,
    "K8S_AUTH_API_KEY": "token",
    "K8S_AUTH_VERIFY_SSL": "True",
    "K8S_AUTH_SSL_CA_CERT": "/runner/ca",
}
"""What AWX's credential sets."""
LENT = (
    "kubectl would send it what a kubeconfig has for another cluster, a token or a password; "
    "name agent_kubeconfig, a file that has server and user together$"
)
POD = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"}


@pytest.mark.parametrize(
    "options, environ, access",
    [
        ({}, {}, Access("default")),
        ({"host": "", "api_key": None, "impersonate_groups": []}, {"K8S_AUTH_HOST": ""}, Access("default")),
        ({}, AWX, Access("host", host=URL, api_key="token", validate_certs=True, ca_cert="/runner/ca")),
        ({}, {"K8S_AUTH_CONTEXT": "prod"}, Access("kubeconfig", context="prod")),
        ({"context": "prod"}, {"KUBECONFIG": "/a:/b"}, Access("kubeconfig", "/a:/b", "prod")),
        ({}, {"KUBECONFIG": "/a"}, Access("kubeconfig", "/a")),
        ({}, {"K8S_AUTH_KUBECONFIG": "/a", "KUBECONFIG": "/b"}, Access("kubeconfig", "/a")),
        ({"kubeconfig": "/o"}, {"K8S_AUTH_KUBECONFIG": "/a"}, Access("kubeconfig", "/o")),
        ({"validate_certs": False}, {"K8S_AUTH_VERIFY_SSL": "yes"}, Access("default", validate_certs=False)),
        ({"impersonate_user": "joe"}, {}, Access("default", impersonate_user="joe")),
        (
            {},
            {"K8S_AUTH_IMPERSONATE_USER": "joe", "K8S_AUTH_IMPERSONATE_GROUPS": "dev, ops"},
            Access("default", impersonate_user="joe", impersonate_groups=("dev", "ops")),
        ),
    ],
)
def test_options_come_before_the_environment(options, environ, access):
    """An empty value is none."""
    assert read_access(options, environ) == access


@pytest.mark.parametrize(
    "options, environ, access",
    [
        ({"kubeconfig": "/o"}, AWX, Access("kubeconfig", "/o")),
        ({"context": "prod"}, AWX, Access("kubeconfig", context="prod")),
        (
            {"host": OTHER, "api_key": "mine"},
            {"K8S_AUTH_KUBECONFIG": "/a"},
            Access("host", host=OTHER, api_key="mine"),
        ),
        ({"host": OTHER}, {"K8S_AUTH_CONTEXT": "prod", "KUBECONFIG": "/a"}, Access("host", host=OTHER)),
        ({"host": OTHER}, {"K8S_AUTH_API_KEY": "token"}, Access("host", host=OTHER, api_key="token")),
        ({"host": OTHER}, AWX, Access("host", host=OTHER)),
        ({"host": OTHER, "api_key": "mine"}, AWX, Access("host", host=OTHER, api_key="mine")),
        (
            {"host": URL + "/"},
            AWX,
            Access("host", host=URL + "/", api_key="token", validate_certs=True, ca_cert="/runner/ca"),
        ),
        (
            {"kubeconfig": "/o", "host": OTHER},
            {"K8S_AUTH_API_KEY": "token"},
            Access("kubeconfig", "/o", host=OTHER),
        ),
        (
            {},
            {**AWX, "K8S_AUTH_KUBECONFIG": "/a"},
            Access("host", "/a", host=URL, api_key="token", validate_certs=True, ca_cert="/runner/ca"),
        ),
    ],
)
def test_no_credential_goes_to_another_cluster(options, environ, access):
    """What a credential of the environment says of one cluster is not mixed with another that is an option."""
    assert read_access(options, environ) == access


def test_a_pod_is_its_own_credential(tmp_path):
    """In a pod with a service account its cluster is asked, unless another is named."""
    token = tmp_path / "token"
    assert read_access({}, POD, str(token)).place == "default"
    token.write_text("x")
    assert read_access({}, POD, str(token)).place == "pod"
    assert read_access({}, {**POD, "KUBECONFIG": "/a"}, str(token)).place == "kubeconfig"
    assert read_access({}, {**POD, **AWX}, str(token)).place == "host"


@pytest.mark.parametrize(
    "options, sentence",
    [
        *(
            ({"host": host}, "host: it is no URL; write it as https://HOST:6443")
            for host in ("192.0.2.1", "https://[", "https://", "ftp://192.0.2.1", "https://a:99999", "https://a:b")
        ),
        ({"validate_certs": "perhaps"}, 'validate_certs: "perhaps" is not taken; write true or false'),
        ({"client_cert": "/c"}, "client_key: client_cert is given without it; give both"),
        ({"password": "p"}, "username: password is given without it; give both"),
        ({"impersonate_groups": ["g"]}, "impersonate_user: impersonate_groups is given without it; give both"),
    ],
)
def test_what_cannot_be_is_refused(options, sentence):
    """A value is refused by its option, before anything is asked."""
    with pytest.raises(OptionError) as refused:
        read_access(options, {})
    assert str(refused.value) == sentence


def test_no_secret_is_shown():
    """An Access in a log or a failing assertion does not tell its secrets."""
    told = repr(read_access({"host": URL, "api_key": "SECRET-1", "username": "u", "password": "SECRET-2"}, {}))
    assert "u" in told and "SECRET" not in told


def test_options_are_documented():
    """The argument specification, the variables and the documentation have the same options, types and aliases."""
    told = yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"]
    assert set(told) == set(OPTIONS) == set(ENVIRONMENT)
    for name, option in told.items():
        assert {"type": option["type"], "aliases": option.get("aliases")} == {
            "type": OPTIONS[name]["type"],
            "aliases": OPTIONS[name].get("aliases"),
        }
        assert ENVIRONMENT[name] in str(option["description"])


@pytest.mark.parametrize(
    "given, environ, refused",
    [
        (
            {"kubeconfig": "/a"},
            {"K8S_AUTH_HOST": URL},
            "agent_kubeconfig: K8S_AUTH_HOST is set, too, and may mean another",
        ),
        ({"context": "a"}, {"K8S_AUTH_API_KEY": "x"}, "agent_context: K8S_AUTH_API_KEY is set, too"),
        ({"context": "a"}, {"K8S_AUTH_TOKEN": "x"}, "agent_context: K8S_AUTH_TOKEN is set, too"),
        ({"kubeconfig": "/a"}, {"K8S_AUTH_SERVER": URL}, "agent_kubeconfig: K8S_AUTH_SERVER is set, too"),
        ({"host": URL}, {"K8S_AUTH_KUBECONFIG": "/b"}, "agent_host: K8S_AUTH_KUBECONFIG is set, too"),
        ({"host": URL}, {"K8S_AUTH_CONTEXT": "b"}, "agent_host: K8S_AUTH_CONTEXT is set, too"),
        ({"host": OTHER}, AWX, "agent_host: K8S_AUTH_HOST is set, too, and may mean another"),
        ({"host": OTHER}, {"K8S_AUTH_SERVER": URL, "K8S_AUTH_TOKEN": "x"}, "agent_host: K8S_AUTH_SERVER is set, too"),
        ({"host": URL}, {"KUBECONFIG": "/c"}, "agent_host: " + LENT),
        ({"host": URL, "client_cert": "/c", "client_key": "/k"}, {}, "agent_host: " + LENT),
        ({"host": URL, "api_key": "x"}, {}, "agent_host: " + LENT),
        ({}, {"K8S_AUTH_HOST": URL, "KUBECONFIG": "/c"}, "^K8S_AUTH_HOST: " + LENT),
        ({}, {"K8S_AUTH_SERVER": URL, "K8S_AUTH_CERT_FILE": "/c"}, "^K8S_AUTH_SERVER: " + LENT),
        ({}, {"K8S_AUTH_HOST": URL, "K8S_AUTH_TOKEN": "x"}, None),
        ({}, {"K8S_AUTH_HOST": URL, "K8S_AUTH_USERNAME": "u", "K8S_AUTH_PASSWORD": "x"}, None),
        ({}, {"K8S_AUTH_HOST": URL, "K8S_AUTH_KUBECONFIG": "/b"}, None),
        ({"host": URL, "kubeconfig": "/a"}, {}, None),
        ({"host": URL}, AWX, None),
        ({"kubeconfig": "/a"}, {"K8S_AUTH_HOST": "", "K8S_AUTH_KUBECONFIG": "/b", "KUBECONFIG": "/c"}, None),
        ({"kubeconfig": None}, AWX, None),
        ({}, AWX, None),
    ],
)
def test_one_cluster(given, environ, refused):
    """What comes near to root on every node of a cluster never comes to another one by a variable."""
    if refused is None:
        check_cluster(given, environ, "agent_")
        return
    with pytest.raises(OptionError, match=refused):
        check_cluster(given, environ, "agent_")
