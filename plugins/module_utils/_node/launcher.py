# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Starts a capture's supervisor so that it outlives whoever asked. PRIVATE to the collection.

Under systemd it is a transient unit: systemd starts it again when it is killed, and ends everything of it with it. No
RuntimeMaxSec: together with Restart it would start again for ever; the deadline is the supervisor's own. Without
systemd it is a daemon, which the next ``capture`` or ``status`` call starts again.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import sys

from .._errors import NodeError
from .._records import CaptureOptions
from . import archive, recorder
from .process import environment, has_argument, search_path
from .spool import Spool

_RESTARTS = ("Restart=on-failure", "RestartSec=200ms", "StartLimitIntervalSec=60", "StartLimitBurst=5")
_PROPERTIES = ("KillMode=control-group", "OOMScoreAdjust=500", "UMask=0077")


def write_archive(spool: Spool) -> None:
    """Put the supervisor's archive into the capture's folder."""
    with open(os.open(spool.path("recorder.pyz"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(archive.build(recorder.__name__))


def start(spool: Spool) -> None:
    """Start the supervisor; raise NodeError when that is refused."""
    command = [sys.executable, "-I", "-S", spool.path("recorder.pyz"), spool.folder]
    unit = unit_name(spool)
    try:
        detach(command, unit, "capture " + spool.id, spool.path("recorder.log"), restarts=True)
    except NodeError:
        # A unit that systemd is about to start again, of itself, is as good.
        if _run(["systemctl", "show", "--property=ActiveState", "--value", unit]) not in ("active", "activating"):
            raise


def detach(command: list[str], unit: str, title: str, log_path: str, restarts: bool) -> None:
    """Start a program that outlives this one and the session: as a transient unit, or else as a daemon.

    unit: its name, which ``process.in_own_unit`` must know. title: what it does, for listings. log_path: where a daemon
    says what a unit tells the journal. Raises NodeError where systemd refuses.
    """
    if has_systemd():
        _run(systemd_args(unit, title, command, restarts))
        return
    log = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=environment(),
            start_new_session=True,
        )
    finally:
        os.close(log)


def last_words(spool: Spool) -> str:
    """Return what the supervisor said last, or where that is to be read."""
    if has_systemd():
        return "see journalctl -u %s" % unit_name(spool)
    with contextlib.suppress(OSError), open(spool.path("recorder.log"), encoding="utf-8", errors="replace") as file:
        said = [line.strip() for line in file if line.strip()]
        if said:
            return said[-1]
    return "it said nothing"


def end(spool: Spool) -> None:
    """Have the supervisor end at once; it closes its taps and keeps its files."""
    pid = spool.supervisor
    if pid is not None and has_argument(pid, spool.folder):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


def has_systemd() -> bool:
    """Return whether systemd is this node's first process (sd_booted(3)) and can be asked."""
    return os.path.isdir("/run/systemd/system") and shutil.which("systemd-run", path=search_path()) is not None


def unit_name(spool: Spool) -> str:
    """Return the transient unit's name; another spool's capture of the same id has another."""
    if spool.root == CaptureOptions.spool:
        return "kube-pcap-%s.service" % spool.id
    return "kube-pcap-%s-%s.service" % (spool.id, hashlib.sha256(spool.root.encode()).hexdigest()[:8])


def systemd_args(unit: str, title: str, command: list[str], restarts: bool = True) -> list[str]:
    """Return the command line that makes a transient unit; the command holds no ``$``, which systemd would expand.

    restarts: whether systemd starts it again when it is killed.
    """
    args = ["systemd-run", "--quiet", "--collect", "--unit", unit, "--description", "kube.pcap " + title]
    # What was found on the caller's PATH is found by the unit too. No Type=exec: RHEL 8's systemd 239 has none.
    args += ["--setenv=PATH=" + search_path()]
    properties = (_RESTARTS if restarts else ()) + _PROPERTIES
    return args + ["--property=" + one for one in properties] + ["--"] + command


def _run(args: list[str]) -> str:
    done = subprocess.run(
        args,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=environment(),
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        raise NodeError("%s refused: %s" % (args[0], " ".join(done.stderr.split()) or "it said nothing"))
    return done.stdout.strip()
