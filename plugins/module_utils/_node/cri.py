# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the container runtime knows of pods, by crictl and CRI v1. PRIVATE to the collection.

Optional: without crictl, or with a runtime that does not answer, pods are found from /proc. A crictl that fails is
told in its own words, since what it would have said is missing.
Two lists are enough: a process's cgroup carries the ids of its sandbox and container.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
from typing import Any, Mapping, NamedTuple

from .proc import Roots, read_text

# Where runtimes listen by default: containerd, CRI-O, cri-dockerd, k3s, MicroK8s has its own under /var.
_SOCKETS = (
    "/run/containerd/containerd.sock",
    "/run/crio/crio.sock",
    "/run/cri-dockerd.sock",
    "/run/k3s/containerd/containerd.sock",
)
_CONFIG = "/etc/crictl.yaml"
_UNIX = "unix://"
_ENDPOINT = re.compile(r"^runtime-endpoint:[ ]*[\"']?([^\"'#\s]+)", re.MULTILINE)
_PATHS = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin:/opt/bin:/var/lib/rancher/rke2/bin"
_TIMEOUT_SECONDS = 10.0
_LONGEST = 200
_LOG_HEAD = re.compile(r"^(?:[A-Z]{4}\[\d+\]|time=\S+ level=\w+ msg=)\s*")
_OWN_LABELS = "io.kubernetes."
_CONFIG_SOURCE = "kubernetes.io/config.source"
_API = "api"


class Sandbox(NamedTuple):
    """One pod sandbox of the runtime."""

    id: str
    uid: str
    namespace: str
    name: str
    ready: bool
    created_ns: int
    labels: dict[str, str]
    """The pod's labels, without those that the kubelet adds for the runtime."""
    static: bool
    """The pod comes from a file on the node; its uid is the configuration's hash."""


class CriContainer(NamedTuple):
    """One container of the runtime, init and ephemeral ones included."""

    id: str
    sandbox_id: str
    name: str
    running: bool
    created_ns: int


class CriState(NamedTuple):
    """Both lists, or why there are none."""

    sandboxes: tuple[Sandbox, ...] = ()
    containers: tuple[CriContainer, ...] = ()
    problem: str | None = None
    """What crictl said instead, on one line; None when it answered."""


def parse_pods(text: str) -> tuple[Sandbox, ...]:
    """Return the sandboxes of ``crictl pods -o json``; raise ValueError when it is something else."""
    found = []
    for item in _items(text, "items"):
        metadata, annotations = item.get("metadata") or {}, item.get("annotations") or {}
        labels = {k: str(v) for k, v in (item.get("labels") or {}).items() if not k.startswith(_OWN_LABELS)}
        found.append(
            Sandbox(
                id=str(item.get("id", "")),
                uid=str(metadata.get("uid", "")),
                namespace=str(metadata.get("namespace", "")),
                name=str(metadata.get("name", "")),
                ready=item.get("state") == "SANDBOX_READY",
                created_ns=_number(item.get("createdAt")),
                labels=labels,
                static=annotations.get(_CONFIG_SOURCE, _API) != _API,
            )
        )
    return tuple(found)


def parse_containers(text: str) -> tuple[CriContainer, ...]:
    """Return the containers of ``crictl ps -a -o json``; raise ValueError when it is something else."""
    return tuple(
        CriContainer(
            id=str(item.get("id", "")),
            sandbox_id=str(item.get("podSandboxId", "")),
            name=str((item.get("metadata") or {}).get("name", "")),
            running=item.get("state") == "CONTAINER_RUNNING",
            created_ns=_number(item.get("createdAt")),
        )
        for item in _items(text, "containers")
    )


def parse_config(text: str) -> str | None:
    """Return the runtime's endpoint that /etc/crictl.yaml names."""
    match = _ENDPOINT.search(text)
    return match.group(1) if match else None


def crictl_args(binary: str, endpoint: str, *command: str) -> list[str]:
    """Return crictl's arguments."""
    return [binary, "--runtime-endpoint", endpoint, "--timeout", "%ds" % _TIMEOUT_SECONDS, *command, "-o", "json"]


def find_endpoint(roots: Roots) -> str | None:
    """Return the endpoint of the node's runtime: crictl's own setting, else the first default socket that exists."""
    named = parse_config(read_text(roots.at(_CONFIG)) or "")
    if named:
        return _UNIX + roots.at(named[len(_UNIX) :]) if named.startswith(_UNIX) else named
    for name in _SOCKETS:
        path = roots.at(name)
        try:
            if stat.S_ISSOCK(os.stat(path).st_mode):
                return _UNIX + path
        except OSError:
            continue
    return None


def read_cri(roots: Roots) -> CriState | None:
    """Return what the runtime knows, or the problem of a crictl that fails; None where there is no crictl or socket."""
    binary = shutil.which("crictl", path=os.pathsep.join((os.environ.get("PATH", ""), _PATHS)))
    endpoint = find_endpoint(roots)
    if not binary or not endpoint:
        return None
    try:
        pods = parse_pods(_run(crictl_args(binary, endpoint, "pods")))
        return CriState(pods, parse_containers(_run(crictl_args(binary, endpoint, "ps", "-a"))))
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        return CriState(problem=_problem(error))


def _problem(error: Exception) -> str:
    """Return why crictl gave no answer: the last line that it wrote, without its clock and control characters."""
    if isinstance(error, subprocess.TimeoutExpired):
        return "no answer in %d s" % _TIMEOUT_SECONDS
    said = str(error)
    if isinstance(error, subprocess.CalledProcessError):
        lines = [line for line in str(error.stderr or error.stdout or "").splitlines() if line.strip()]
        said = _LOG_HEAD.sub("", lines[-1]).strip('"') if lines else "it ended with status %d" % error.returncode
    plain = " ".join("".join(c if c.isprintable() else " " for c in said).split())
    return plain if len(plain) <= _LONGEST else plain[: _LONGEST - 3] + "..."


def _run(args: list[str]) -> str:
    """Return a command's output; raise SubprocessError when it fails or takes too long."""
    done = subprocess.run(
        args,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_TIMEOUT_SECONDS,
        check=True,
        encoding="utf-8",
        errors="replace",
    )
    return done.stdout


def _items(text: str, key: str) -> list[Mapping[str, Any]]:
    document = json.loads(text)
    items = document.get(key, []) if isinstance(document, dict) else None  # an empty list may be left out
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise ValueError("crictl's answer has no list of %s" % key)
    return items


def _number(value: object) -> int:
    return int(value) if isinstance(value, (str, int)) and str(value).isdigit() else 0
