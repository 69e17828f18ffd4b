# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which API server is asked, and as whom, by the options and environment of kubernetes.core. PRIVATE to the collection.

AWX's credential "OpenShift or Kubernetes API Bearer Token" sets K8S_AUTH_HOST, K8S_AUTH_API_KEY, K8S_AUTH_VERIFY_SSL
and K8S_AUTH_SSL_CA_CERT.
"""

from __future__ import annotations

import dataclasses
import os
import urllib.parse
from collections.abc import Mapping
from typing import Any

from ...module_utils._errors import OptionError
from ...module_utils._options import flag

HOST, KUBECONFIG, POD, DEFAULT = "host", "kubeconfig", "pod", "default"
SERVICE_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"
DEFAULT_KUBECONFIG = "~/.kube/config"

ENVIRONMENT = {
    "kubeconfig": "K8S_AUTH_KUBECONFIG",
    "context": "K8S_AUTH_CONTEXT",
    "host": "K8S_AUTH_HOST",
    "api_key": "K8S_AUTH_API_KEY",
    "username": "K8S_AUTH_USERNAME",
    "password": "K8S_AUTH_PASSWORD",
    "client_cert": "K8S_AUTH_CERT_FILE",
    "client_key": "K8S_AUTH_KEY_FILE",
    "ca_cert": "K8S_AUTH_SSL_CA_CERT",
    "validate_certs": "K8S_AUTH_VERIFY_SSL",
    "proxy": "K8S_AUTH_PROXY",
    "no_proxy": "K8S_AUTH_NO_PROXY",
    "impersonate_user": "K8S_AUTH_IMPERSONATE_USER",
    "impersonate_groups": "K8S_AUTH_IMPERSONATE_GROUPS",
}
"""The variable that stands in for an option which is not given."""

OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "kubeconfig": {"type": "path"},
    "context": {"type": "str"},
    "host": {"type": "str"},
    "api_key": {"type": "str", "no_log": True},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "client_cert": {"type": "path", "aliases": ["cert_file"]},
    "client_key": {"type": "path", "aliases": ["key_file"], "no_log": False},
    "ca_cert": {"type": "path", "aliases": ["ssl_ca_cert"]},
    "validate_certs": {"type": "bool", "aliases": ["verify_ssl"]},
    "proxy": {"type": "str"},
    "no_proxy": {"type": "str"},
    "impersonate_user": {"type": "str"},
    "impersonate_groups": {"type": "list", "elements": "str"},
}
"""The argument specification of an action that takes them; documented in doc_fragments/_kubernetes.py."""

_OF_A_FILE = ("kubeconfig", "context")
_OF_A_HOST = ("host", "api_key", "username", "password", "client_cert", "client_key", "ca_cert", "validate_certs")
_SERVERS, _SECRETS = ("K8S_AUTH_HOST", "K8S_AUTH_SERVER"), ("K8S_AUTH_API_KEY", "K8S_AUTH_TOKEN", "K8S_AUTH_PASSWORD")
"""Variables that name a server, and those by which kubectl sends no secret of a kubeconfig: a client's certificate does
not keep a kubeconfig's token back."""

_OTHERS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(_OF_A_FILE, ("HOST", "SERVER", "API_KEY", "TOKEN", "USERNAME", "CERT_FILE")),
    "host": ("KUBECONFIG", "CONTEXT"),
}
"""By option, what of K8S_AUTH_… may be another cluster's; SERVER and TOKEN are known to kubectl's connection alone."""


@dataclasses.dataclass(frozen=True)
class Access:
    """Where the API is, and who asks; nothing was read or asked yet."""

    place: str
    """``host``: only what stands here counts. ``kubeconfig``: that file, and what stands here above it. ``pod``: the
    controller's own service account. ``default``: nothing names a cluster, and ~/.kube/config may be there."""
    kubeconfig: str = DEFAULT_KUBECONFIG
    context: str | None = None
    host: str | None = None
    api_key: str | None = dataclasses.field(default=None, repr=False)
    username: str | None = None
    password: str | None = dataclasses.field(default=None, repr=False)
    client_cert: str | None = None
    client_key: str | None = None
    ca_cert: str | None = None
    validate_certs: bool | None = None
    proxy: str | None = None
    no_proxy: str | None = None
    impersonate_user: str | None = None
    impersonate_groups: tuple[str, ...] = ()


def read_access(options: Mapping[str, Any], environ: Mapping[str, str], service_token: str = SERVICE_TOKEN) -> Access:
    """Return which API server is asked and as whom, by options or else the environment; raise OptionError.

    What one cluster's credential has set in the environment is not mixed into a kubeconfig or context that is an
    option, nor into a host that is one and another than the environment's, and a kubeconfig of the environment not into
    a host that is an option. A token of the environment without a host there goes to the host that is an option.
    """
    told = {name: value for name, value in options.items() if name in ENVIRONMENT and value not in (None, "", [])}
    hidden: tuple[str, ...] = ()
    if any(name in told for name in _OF_A_FILE):
        hidden = _OF_A_HOST
    elif "host" in told:
        hidden = (*_OF_A_FILE, *_OF_A_HOST) if _another(told["host"], environ) else _OF_A_FILE
    given = {name: environ[key] for name, key in ENVIRONMENT.items() if environ.get(key) and name not in hidden}
    given.update(told)
    if "api_key" in given:
        given["api_key"] = given["api_key"].strip()  # it may come from a file, with its last line's end
    _check(given)
    place = _place(given, environ, service_token)
    if place == KUBECONFIG:
        given.setdefault("kubeconfig", environ.get("KUBECONFIG") or DEFAULT_KUBECONFIG)
    groups = given.pop("impersonate_groups", ())
    listed = groups.split(",") if isinstance(groups, str) else groups
    checked = given.pop("validate_certs", None)
    return Access(
        place,
        **given,
        validate_certs=None if checked is None else flag("validate_certs", checked),
        impersonate_groups=tuple(group.strip() for group in listed if group.strip()),
    )


def check_cluster(options: Mapping[str, Any], environ: Mapping[str, str], prefix: str = "") -> None:
    """Raise OptionError where kubernetes.core would be led to another cluster than the one that is named.

    Its modules, and its connection by kubectl, take whatever stands in the environment beside the options that they are
    given, and kubectl what it lacks from a kubeconfig that nobody has named. prefix: of the options' names.
    """
    for named, others in _OTHERS.items():
        for variable in ("K8S_AUTH_" + name for name in others):
            if options.get(named) and environ.get(variable):
                raise _mixed(prefix + named, variable)
    if options.get("host") and (other := _another(options["host"], environ)):
        raise _mixed(prefix + "host", other)
    server = "host" if options.get("host") else next((name for name in _SERVERS if environ.get(name)), None)
    of_a_file = any(options.get(name) or environ.get(ENVIRONMENT[name]) for name in _OF_A_FILE)
    if server and not of_a_file and not any(environ.get(name) for name in _SECRETS):
        wrong = "kubectl would send it what a kubeconfig has for another cluster, a token or a password"
        right = "name %skubeconfig, a file that has server and user together" % prefix
        raise OptionError(prefix + server if server == "host" else server, wrong, right)


def _mixed(option: str, variable: str) -> OptionError:
    wrong = "%s is set, too, and may mean another cluster" % variable
    return OptionError(option, wrong, "take one of both away")


def _another(host: str, environ: Mapping[str, str]) -> str | None:
    """Return the variable by which the environment, and the credentials there, mean another server than ``host``."""
    for variable in _SERVERS:
        if environ.get(variable, host).rstrip("/") not in ("", host.rstrip("/")):
            return variable
    return None


def _place(given: Mapping[str, Any], environ: Mapping[str, str], service_token: str) -> str:
    known = given.get("api_key") or given.get("username") or given.get("client_cert")
    from_file = any(name in given for name in _OF_A_FILE)
    if given.get("host") and (known or not from_file):
        return HOST
    if from_file or environ.get("KUBECONFIG"):
        return KUBECONFIG
    if environ.get("KUBERNETES_SERVICE_HOST") and os.path.isfile(service_token):
        return POD
    return DEFAULT


def _is_url(text: str) -> bool:
    try:
        parts = urllib.parse.urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _check(given: Mapping[str, Any]) -> None:
    if "host" in given and not _is_url(given["host"]):
        raise OptionError("host", "it is no URL", "write it as https://HOST:6443")
    for one, other in (("client_cert", "client_key"), ("username", "password")):
        for has, lacks in ((one, other), (other, one)):
            if given.get(has) and not given.get(lacks):
                raise OptionError(lacks, "%s is given without it" % has, "give both")
    if given.get("impersonate_groups") and not given.get("impersonate_user"):
        raise OptionError("impersonate_user", "impersonate_groups is given without it", "give both")
