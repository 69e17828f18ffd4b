# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a node's first boot writes into its root: identity, users, sshd, and none of the machine's own services."""

from __future__ import annotations

import os
import pathlib
import shutil
import uuid
from typing import Any

OPS_ID = 1999
_SSHD = """\
HostKey /etc/ssh/ssh_host_ed25519_key
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
PrintMotd no
MaxStartups 200
MaxSessions 200
AcceptEnv LANG LC_*
Subsystem sftp internal-sftp
"""
# None of these stops the boot; they would offer logins that nobody can use, or show the node the machine's kernel.
_MASKED = (
    "getty.target",
    "systemd-journald-audit.socket",
    "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount",
    "sys-kernel-config.mount",
    "dev-hugepages.mount",
)
_MADE = "etc/.node-made"


def _write(path: pathlib.Path, text: str, mode: int = 0o644, owner: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    os.chown(path, owner, owner)


def _identity(etc: pathlib.Path, name: str, hosts: dict[str, str]) -> None:
    lines = ["127.0.0.1 localhost", "::1 localhost"] + ["%s %s" % pair for pair in hosts.items()]
    _write(etc / "hostname", name + "\n")
    _write(etc / "hosts", "\n".join(lines) + "\n")
    _write(etc / "machine-id", uuid.uuid4().hex + "\n", 0o444)
    _write(etc / "resolv.conf", "")
    _write(etc / "fstab", "")


def _user(root: pathlib.Path) -> None:
    """Adds ``ops``, who logs in by key only and may sudo."""
    lines = {"passwd": "ops:x:%d:%d::/home/ops:/bin/bash" % (OPS_ID, OPS_ID), "group": "ops:x:%d:" % OPS_ID}
    lines["shadow"] = "ops:*:19000:0:99999:7:::"
    for name, line in lines.items():
        path = root / "etc" / name
        kept = [old for old in path.read_text(encoding="utf-8").splitlines() if not old.startswith("ops:")]
        path.write_text("\n".join([*kept, line, ""]), encoding="utf-8")
    _write(root / "etc/sudoers.d/ops", "ops ALL=(ALL) NOPASSWD: ALL\n", 0o440)


def _ssh(root: pathlib.Path, host_key: str, client_key: str) -> None:
    shutil.rmtree(root / "etc/ssh/sshd_config.d", ignore_errors=True)
    for old in (root / "etc/ssh").glob("ssh_host_*"):
        old.unlink()
    _write(root / "etc/ssh/sshd_config", _SSHD)
    _write(root / "etc/ssh/ssh_host_ed25519_key", host_key, 0o600)
    for home, owner in ((root / "root", 0), (root / "home/ops", OPS_ID)):
        folder = home / ".ssh"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        _write(folder / "authorized_keys", client_key, 0o600, owner)
        for path, mode in ((folder, 0o700), (home, 0o711)):
            path.chmod(mode)
            os.chown(path, owner, owner)
    for name in (".bashrc", ".profile", ".bash_profile"):  # the machine's user may start anything there
        (root / "root" / name).unlink(missing_ok=True)


def _units(root: pathlib.Path, services: dict[str, list[str]]) -> None:
    units = root / "etc/systemd/system"
    shutil.rmtree(units, ignore_errors=True)
    shutil.rmtree(root / "var/log/journal", ignore_errors=True)
    (root / "var/log/journal").mkdir()
    (units / "multi-user.target.wants").mkdir(parents=True)
    for name in _MASKED:
        (units / name).symlink_to("/dev/null")
    generators = root / "etc/systemd/system-generators"
    generators.mkdir(parents=True, exist_ok=True)
    (generators / "systemd-sysv-generator").symlink_to("/dev/null")  # the machine's init.d scripts
    (units / "multi-user.target.wants/ssh.service").symlink_to("/lib/systemd/system/ssh.service")
    for name, argv in services.items():
        _write(units / (name + ".service"), "[Service]\nExecStart=%s\nRestart=always\n" % " ".join(argv))
        (units / "multi-user.target.wants" / (name + ".service")).symlink_to("../%s.service" % name)


def prepare(root: pathlib.Path, spec: dict[str, Any]) -> None:
    """Writes the node's files at its first boot; later boots find them.

    ``spec``: the fields of ``node.Node``.
    """
    if (root / _MADE).exists():
        return
    _identity(root / "etc", spec["name"], spec["hosts"])
    _user(root)
    for path, text in spec["files"].items():
        _write(root / path.lstrip("/"), text, 0o755)
    _ssh(root, spec["host_key"], spec["client_key"])
    if spec["init"] == "systemd":
        _units(root, spec["services"])
    (root / ".dockerenv").unlink(missing_ok=True)
    _write(root / _MADE, "")
