# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who asks Google Cloud Storage, by the options and environment of google.cloud. PRIVATE to the collection.

AWX's credential "Google Compute Engine" sets GCP_AUTH_KIND, GCP_SERVICE_ACCOUNT_FILE and GCP_PROJECT among others.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from typing import Any

from ...module_utils._errors import OptionError, shown

APPLICATION, KEY, MACHINE, TOKEN = KINDS = ("application", "serviceaccount", "machineaccount", "accesstoken")

ENVIRONMENT = {
    "auth_kind": "GCP_AUTH_KIND",
    "service_account_file": "GCP_SERVICE_ACCOUNT_FILE",
    "service_account_contents": "GCP_SERVICE_ACCOUNT_CONTENTS",
    "service_account_email": "GCP_SERVICE_ACCOUNT_EMAIL",
    "access_token": "GCP_ACCESS_TOKEN",
    "project": "GCP_PROJECT",
}
"""The variable that stands in for an option which is not given."""

OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "auth_kind": {"type": "str", "choices": list(KINDS)},
    "service_account_file": {"type": "path"},
    "service_account_contents": {"type": "jsonarg", "no_log": True},
    "service_account_email": {"type": "str"},
    "access_token": {"type": "str", "no_log": True},
    "project": {"type": "str"},
}
"""The argument specification of an action that takes them; documented in doc_fragments/_gcp.py."""

_NEEDED = ("client_email", "private_key", "token_uri")


@dataclasses.dataclass(frozen=True)
class Access:
    """Credentials as they were given; nobody has asked Google yet."""

    kind: str
    """One of KINDS."""
    file: str | None = None
    """Where ``contents`` were read from, if from a file."""
    contents: str | None = dataclasses.field(default=None, repr=False)
    """JSON of a service account's key, with kind ``serviceaccount``."""
    email: str | None = None
    """The account that signs, where it is not the one that asks."""
    token: str | None = dataclasses.field(default=None, repr=False)
    """With kind ``accesstoken``."""
    project: str | None = None


def read_access(options: Mapping[str, Any], environ: Mapping[str, str]) -> Access:
    """Return who asks, by options or else the environment; raise OptionError.

    A kind that is not given follows from what is: a key, a token, or what Google's library finds by itself.
    """
    given = {name: _text(options.get(name)) or environ.get(ENVIRONMENT[name]) or None for name in ENVIRONMENT}
    file, contents = _one_key(options, given)
    token = given["access_token"]
    kind = given["auth_kind"] or (KEY if file or contents else TOKEN if token else APPLICATION)
    if kind not in KINDS:
        raise OptionError("auth_kind", "%s is no kind of credentials" % shown(kind), "choose " + ", ".join(KINDS))
    if kind == TOKEN and not token:
        raise OptionError("access_token", "auth_kind %s needs one" % TOKEN, "set it, or GCP_ACCESS_TOKEN")
    return Access(
        kind=kind,
        file=file if kind == KEY else None,
        contents=_key(file, contents) if kind == KEY else None,
        email=given["service_account_email"],
        token=token if kind == TOKEN else None,
        project=given["project"],
    )


def _text(value: Any) -> str | None:
    """Return an option as text: Ansible makes a mapping of JSON text."""
    if value is None or isinstance(value, str):
        return value or None
    return json.dumps(value)


def _one_key(options: Mapping[str, Any], given: Mapping[str, str | None]) -> tuple[str | None, str | None]:
    """Return file and contents; one that is an option is not overruled by the other's environment."""
    file, contents = given["service_account_file"], given["service_account_contents"]
    if not (file and contents):
        return file, contents
    by_file, by_contents = (bool(options.get("service_account_" + name)) for name in ("file", "contents"))
    if by_file == by_contents:
        raise OptionError("service_account_contents", "service_account_file is given, too", "give one of them")
    return (file, None) if by_file else (None, contents)


def _key(file: str | None, contents: str | None) -> str:
    """Return the JSON of a service account's key; what is wrong with it is told without a word of it."""
    option = "service_account_contents" if contents else "service_account_file"
    text = contents or _read(file)
    try:
        key = json.loads(text)
    except ValueError:
        key = None
    if not isinstance(key, dict):
        raise OptionError(option, "this is no JSON object", "give a service account's key as Google wrote it")
    if key.get("type") != "service_account":
        wrong = "these are credentials of type %s" % shown(key.get("type"))
        raise OptionError(option, wrong, "give a service account's key, or choose auth_kind %s" % APPLICATION)
    missing = [name for name in _NEEDED if not key.get(name)]
    if missing:
        raise OptionError(option, "the key has no " + ", ".join(missing), "give it as Google wrote it")
    return text


def _read(file: str | None) -> str:
    if not file:
        right = "set service_account_file or service_account_contents, or GCP_SERVICE_ACCOUNT_FILE"
        raise OptionError("service_account_file", "auth_kind %s needs a key" % KEY, right)
    right = "name the file of a service account's key"
    try:
        with open(os.path.expanduser(file), encoding="utf-8") as stream:
            return stream.read()
    except OSError as error:
        wrong = "%s cannot be read (%s)" % (shown(file), error.strerror)
        raise OptionError("service_account_file", wrong, right) from None
    except UnicodeDecodeError:
        raise OptionError("service_account_file", "%s is no text" % shown(file), right) from None
