# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The emulator as a process on loopback: started, stopped, asked what it holds."""

from __future__ import annotations

import base64
import contextlib
import ctypes
import dataclasses
import json
import pathlib
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

from .build import emulator

START_SECONDS = 60.0
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_LIBC = ctypes.CDLL(None, use_errno=True)
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""The emulator is asked past every proxy that a test sets."""


class EmulatorError(Exception):
    """The emulator does not run, or refused what a test asked of it."""


@dataclasses.dataclass(frozen=True)
class Object:
    """One object of a bucket."""

    name: str
    size: int
    """Bytes."""
    md5: str
    """Hex."""
    crc32c: str
    """Base64, as the service writes it."""
    content_type: str
    generation: int


class Emulator:
    """One fake-gcs-server; its objects lie in ``folder`` and outlive a restart."""

    def __init__(self, folder: pathlib.Path, host: str = "127.0.0.1") -> None:
        self.folder = folder
        self.host = host
        self.port = _free_port(host)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return "http://%s:%d" % (self.host, self.port)

    def start(self) -> None:
        """Starts it, and returns when it answers; EmulatorError with its own words."""
        folders = {name: self.folder / name for name in ("objects", "temporary")}
        for folder in folders.values():
            folder.mkdir(parents=True, exist_ok=True)
        options = {"scheme": "http", "host": self.host, "port": self.port, "external-url": self.url}
        storage = {"backend": "filesystem", "filesystem-root": folders["objects"], "log-level": "warn"}
        argv = [str(emulator()), *("-%s=%s" % option for option in {**options, **storage}.items())]
        with open(self.folder / "log", "ab") as log:
            self._process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={"TMPDIR": str(folders["temporary"])},
                preexec_fn=_die_with_starter,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise EmulatorError("the emulator did not start: " + (self.folder / "log").read_text()[-500:])
            time.sleep(0.02)

    def stop(self) -> None:
        """Ends it as a power cut would; the objects stay."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        """``stop`` and ``start``, on the same port."""
        self.stop()
        self.start()

    def make_bucket(self, name: str) -> None:
        """Makes a bucket."""
        body = json.dumps({"name": name}).encode()
        self._ask("/storage/v1/b?project=test", body, {"Content-Type": "application/json"})

    def objects(self, bucket: str, prefix: str = "") -> list[Object]:
        """All objects whose names begin so, by name."""
        found: list[Object] = []
        query = {"prefix": prefix, "pageToken": ""}
        while True:
            path = "/storage/v1/b/%s/o?%s" % (bucket, urllib.parse.urlencode(query))
            page = json.loads(self._ask(path))
            found += map(_object, page.get("items") or [])
            if not page.get("nextPageToken"):
                return sorted(found, key=lambda one: one.name)
            query["pageToken"] = page["nextPageToken"]

    def content(self, bucket: str, name: str) -> bytes:
        """An object's bytes."""
        return self._ask("/storage/v1/b/%s/o/%s?alt=media" % (bucket, urllib.parse.quote(name, safe="")))

    def _answers(self) -> bool:
        with contextlib.suppress(EmulatorError):
            self._ask("/_internal/healthcheck")
            return True
        return False

    def _ask(self, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> bytes:
        try:
            with _DIRECT.open(urllib.request.Request(self.url + path, body, headers or {}), timeout=60) as answer:
                content: bytes = answer.read()
                return content
        except urllib.error.HTTPError as error:
            raise EmulatorError("the emulator answered %d to %s: %r" % (error.code, path, error.read(500))) from None
        except OSError as error:
            raise EmulatorError("the emulator at %s does not answer: %s" % (self.url, error)) from None


@contextlib.contextmanager
def running(folder: pathlib.Path) -> Iterator[Emulator]:
    """An emulator that is stopped at the end."""
    made = Emulator(folder)
    try:
        made.start()
        yield made
    finally:
        made.stop()


def _object(item: dict[str, Any]) -> Object:
    return Object(
        name=item["name"],
        size=int(item["size"]),
        md5=base64.b64decode(item["md5Hash"]).hex(),
        crc32c=item["crc32c"],
        content_type=item.get("contentType", ""),
        generation=int(item["generation"]),
    )


def _die_with_starter() -> None:
    """In the child: the kernel kills it when the thread that starts it ends (prctl(2); kept over exec)."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _free_port(host: str) -> int:
    with socket.create_server((host, 0)) as made:
        port: int = made.getsockname()[1]
        return port
