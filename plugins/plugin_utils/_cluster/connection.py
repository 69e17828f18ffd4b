# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One HTTP request to the API server, over the official client's own pool. PRIVATE to the collection.

The client reads kubeconfigs, runs their credential plugins, and knows TLS and proxies; its models are left aside.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import io
import os
import tempfile
import zlib
from collections.abc import Mapping
from typing import IO, Any, NamedTuple, cast

from ...module_utils._errors import OptionError
from . import library
from .access import DEFAULT, HOST, POD, Access

CONNECT_SECONDS, READ_SECONDS = 4, 30


class Answer(NamedTuple):
    """What the API server sent."""

    status: int
    headers: Mapping[str, str]
    sent: bytes
    """As it came, mostly compressed: a tenth of what it says."""

    def open(self) -> IO[bytes]:
        """Return what it says, to be read in pieces; that can raise EOFError, OSError or zlib.error."""
        packed = io.BytesIO(self.sent)
        if self.headers.get("content-encoding") == "gzip":
            return cast(IO[bytes], gzip.open(packed))
        return packed

    @property
    def body(self) -> bytes:
        """All of what it says, as far as it can be read: for a refusal, which is short."""
        body = b""
        with contextlib.suppress(EOFError, OSError, zlib.error):
            body = self.open().read()
        return body


class Connection:
    """Credentials that are loaded, and a pool of connections. ``close`` also deletes what a kubeconfig had unpacked."""

    def __init__(self, access: Access) -> None:
        """Load the credentials; raise PcapError for a missing library and for what cannot be read."""
        library.require()
        # Keys that stand in a kubeconfig become files, which the client removes at exit: Ansible's workers skip that.
        self._files = tempfile.TemporaryDirectory(prefix="kube-pcap-")
        try:
            self._configuration = _configure(access, self._files.name)
            self._pool = _pool(self._configuration)
        except OptionError:
            _forget(self._files)
            raise
        self._extra = _headers(access)
        self.host = str(self._configuration.host).rstrip("/")

    def close(self) -> None:
        """Let go of connections and files."""
        self._pool.clear()
        _forget(self._files)

    def send(self, path: str, query: Mapping[str, str]) -> Answer:
        """Return the answer to one GET; raise what ``library.FAILURES`` holds. No redirect is followed."""
        response = self._pool.request(
            "GET",
            self.host + path,
            fields=dict(query),
            headers=self._all_headers(),
            timeout=library.urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
            retries=False,
            redirect=False,
            preload_content=False,
        )
        # Unpacked by urllib3 it takes five times its size while it comes.
        return Answer(response.status, response.headers, response.read(decode_content=False))

    def _all_headers(self) -> Any:
        headers = self._extra.copy()
        for setting in self._configuration.auth_settings().values():  # a token may have been renewed
            if setting["value"] and setting["key"] not in headers:
                headers[setting["key"]] = setting["value"].strip()
        for name, value in headers.items():
            if not (value.isascii() and value.isprintable()):
                option = name.replace("-", "_") if name.startswith("impersonate") else "api_key"
                raise OptionError(option, "a character in it cannot stand in a request", "write it as it was issued")
        return headers


def _pool(configuration: Any) -> Any:
    """Return the client's pool of connections, with its TLS and proxy."""
    try:
        return library.rest.RESTClientObject(configuration).pool_manager
    except library.NO_WAY as error:
        wrong = "no connection can go through it (%s)" % type(error).__name__
        raise OptionError("proxy", wrong, "write it as http://HOST:PORT; socks5:// needs PySocks") from None


def _forget(files: tempfile.TemporaryDirectory[str]) -> None:
    """Remove what a kubeconfig had unpacked; clients before version 35 would take it to be there for ever."""
    known = getattr(library.kubernetes.config.kube_config, "_temp_files", {})
    for content in [content for content, path in known.items() if path.startswith(files.name)]:
        del known[content]
    files.cleanup()


def _load(access: Access, configuration: Any, folder: str) -> None:
    config: Any = library.kubernetes.config  # it has no types
    try:
        if access.place == POD:
            config.load_incluster_config(client_configuration=configuration)
        elif access.place != HOST:
            config.load_kube_config(
                config_file=access.kubeconfig,
                context=access.context,
                client_configuration=configuration,
                persist_config=False,
                temp_file_path=folder,
            )
    except library.UNREADABLE as error:
        raise _unreadable(access, error) from None


def _configure(access: Access, folder: str) -> Any:
    configuration = library.kubernetes.client.Configuration()
    _load(access, configuration, folder)
    for name, value in (
        ("host", access.host),
        ("ssl_ca_cert", access.ca_cert),
        ("cert_file", access.client_cert),
        ("key_file", access.client_key),
        ("verify_ssl", access.validate_certs),
        ("proxy", access.proxy),
        ("no_proxy", access.no_proxy),
    ):
        if value is not None:
            setattr(configuration, name, value)
    if access.api_key:
        configuration.refresh_api_key_hook = None
        configuration.api_key = {"authorization": "Bearer " + access.api_key}
    for name in ("ca_cert", "client_cert", "client_key"):
        file = getattr(access, name)
        if file and not os.access(file, os.R_OK):
            raise OptionError(name, "%s cannot be read" % file, "name a file in PEM, or leave it out")
    if not configuration.verify_ssl:  # it was asked for, and urllib3 would say so at each request
        library.urllib3.disable_warnings(library.urllib3.exceptions.InsecureRequestWarning)
    return configuration


def _headers(access: Access) -> Any:
    headers = library.HTTPHeaderDict({"accept": "application/json", "accept-encoding": "gzip"})
    headers["user-agent"] = "kube.pcap"
    if access.username:
        known = ("%s:%s" % (access.username, access.password)).encode()
        headers["authorization"] = "Basic " + base64.b64encode(known).decode("ascii")
    if access.impersonate_user:
        headers["impersonate-user"] = access.impersonate_user
    for group in access.impersonate_groups:
        headers.add("impersonate-group", group)
    return headers


def _is_missing(path: str) -> bool:
    try:
        os.stat(os.path.expanduser(path))
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:  # nobody may look there
        return False
    return False


def _unreadable(access: Access, error: Exception) -> OptionError:
    said = " ".join(str(error).split()).rstrip(".")
    if isinstance(error, library.MISSHAPEN):
        said = "it has not the shape of one"
    elif access.place != POD and all(map(_is_missing, access.kubeconfig.split(os.pathsep))):
        said = "there is no such file"
    if access.place == POD:
        return OptionError("host", "the pod's service account cannot be used: %s" % said, "set host and api_key")
    if access.place == DEFAULT:
        wrong = "no cluster is named, and %s cannot be used: %s" % (access.kubeconfig, said)
        return OptionError("kubeconfig", wrong, "set kubeconfig, or host and api_key (or K8S_AUTH_HOST, ...)")
    right = "name a file that kubectl can use" + (", and one of its contexts" if access.context else "")
    return OptionError("kubeconfig", "%s cannot be used: %s" % (access.kubeconfig, said), right)
