# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module ``tap`` is asked, checked and done. PRIVATE to the collection."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import time
import uuid
from typing import Any, BinaryIO, Iterator, Mapping

from .._errors import CaptureError, NodeError, OptionError, PcapError, TargetError, shown
from .._names import check_id
from .._options import check_filter
from .._records import RecordError, Target, from_result, to_result
from .._trace_records import NodeTap
from . import archive, kernel_clock, launcher, netns, preflight, tcpdump, trace_supervisor, turns
from .supervisors import wait
from .trace_folder import TraceFolder, default_root, left, remove_root
from .trace_reading import tapped
from .trace_tap import Watched

MOST_NAMESPACES, MOST_SECONDS = 64, 60
_READY_SECONDS, _BEGIN_SECONDS = 30.0, 10.0
_ANSWER_SECONDS = 60.0
_GONE_SECONDS = 10.0


def run(params: Mapping[str, Any], check_mode: bool, root: str | None = None) -> dict[str, Any]:
    """Start, read or remove a trace's taps; return the module's result. Raises PcapError.

    root: below which their folders are, where that is not the node's usual place.
    """
    preflight.check_root()
    root = root or default_root()
    if params["state"] == "started":
        asked = _asked(params["record"])
        check(asked)
        return _start(TraceFolder(asked.id, root), asked, check_mode)
    folder = TraceFolder(check_id("id", params["id"]), root)
    if params["state"] == "read":
        return _read(folder, check_mode)
    return _remove(folder, check_mode)


def _asked(record: Mapping[str, Any]) -> NodeTap:
    try:
        return from_result(NodeTap, record)
    except RecordError as error:
        raise OptionError("record", "it is not one that the plan made (%s)" % error, "pass it on unchanged") from None


def check(asked: NodeTap) -> None:
    """Raise OptionError for a record that watches nothing, or too much, or too long."""
    check_id("record.id", asked.id)
    for text in (asked.filter, asked.asked_filter, asked.tagged_filter):
        check_filter("record.filter", text)
    if not 1 <= asked.seconds <= MOST_SECONDS:
        raise OptionError("record", "seconds is %d" % asked.seconds, "it must be 1 to %d" % MOST_SECONDS)
    places = len(trace_supervisor.namespaces(asked))
    if not 1 <= places <= MOST_NAMESPACES:
        wrong = "targets has %d network namespaces" % places
        raise OptionError("record", wrong, "it must be 1 to %d" % MOST_NAMESPACES)
    for index, one in enumerate(asked.marks):
        try:
            bytes.fromhex(one.nonce)
        except ValueError:
            wrong = "marks[%d].nonce is %s" % (index, shown(one.nonce))
            raise OptionError("record", wrong, "it must be hexadecimal digits, two for each byte") from None


def preflight_check(asked: NodeTap) -> None:
    """Raise PcapError for the first thing that would keep these taps from listening."""
    gone = [why for why in map(_why_gone, asked.targets) if why]
    if gone:
        raise TargetError("; ".join(gone))
    program = tcpdump.find_program()
    if not preflight.any_has_index(program):
        raise NodeError(preflight.NO_INDEX + ", so nothing can be traced here; install libpcap 1.10 or newer")
    preflight.check_filter(program, "any", asked.targets[0], asked.filter, tcpdump.TAP_SNAPLEN)
    if asked.asked_filter:
        try:
            preflight.check_filter(program, "any", asked.targets[0], asked.asked_filter, tcpdump.TAP_SNAPLEN)
        except OptionError as error:
            raise NodeError("the filter of trace_expression cannot be used here: %s" % error) from None


def _why_gone(target: Target) -> str | None:
    try:
        os.close(netns.open_target(target))
    except TargetError as error:
        return str(error)
    return None


def _start(folder: TraceFolder, asked: NodeTap, check_mode: bool) -> dict[str, Any]:
    if check_mode:
        known = _known(folder, asked)
        if known is None:
            preflight_check(asked)
        return known or {"changed": True}
    with _turn(folder.root):
        for one in left(folder.root):
            one.remove()
        known = _known(folder, asked)
        if known is not None:
            return known
        preflight_check(asked)
        return _launch(folder, asked)


@contextlib.contextmanager
def _turn(root: str) -> Iterator[None]:
    """Keep out every other call that starts or removes taps."""
    try:
        with turns.taken(root):
            yield
    finally:
        remove_root(root)


def _known(folder: TraceFolder, asked: NodeTap) -> dict[str, Any] | None:
    """Return what is to be said of taps that are there already, None where there are none; raise where they differ."""
    if not folder.is_held:
        return None
    state = folder.read_state()
    if folder.read_record() == asked and state is not None and state["phase"] == "listening":
        return {"changed": False, "until_ns": state["until_ns"]}
    text = "trace %s has taps on this node already, of another record or about to end; end them with state absent, or"
    raise CaptureError(text % asked.id + " choose another id")


def _launch(folder: TraceFolder, asked: NodeTap) -> dict[str, Any]:
    """Have the taps listen, or leave nothing of them."""
    try:
        os.mkdir(folder.folder, 0o700)
        _write(folder.path("tapping.pyz"), archive.build(trace_supervisor.__name__))
        folder.write_record(asked)
        state = _run_supervisor(folder)
    except (PcapError, OSError) as error:
        _end(folder)
        if isinstance(error, OSError):
            text = "taps cannot be started in %s: %s"
            raise NodeError(text % (folder.folder, error.strerror)) from None
        raise
    return {"changed": True, "until_ns": state["until_ns"]}


def _run_supervisor(folder: TraceFolder) -> dict[str, Any]:
    """Start the supervisor and return its state once all taps listen; raise NodeError where they do not."""
    # A unit of its own each time: systemd may still be busy with an earlier one.
    unit = "kube-pcap-tap.%s.%s.service" % (folder.id, uuid.uuid4().hex[:8])
    command = [sys.executable, "-I", "-S", folder.path("tapping.pyz"), folder.folder]
    path = folder.path("tapping.log")
    _write(path, b"")
    with open(path, "rb") as log:  # now: a supervisor that fails takes the folder with it
        launcher.detach(command, unit, "taps of trace " + folder.id, path, restarts=False)
        state = _settled(folder)
        if state is None:
            said = _last_line(log) or ("see journalctl -u " + unit if launcher.has_systemd() else "it said nothing")
            raise NodeError("the taps' supervisor ended, or was not ready within %d s: %s" % (_READY_SECONDS, said))
    if state["problem"] is not None:
        raise NodeError(state["problem"])
    return state


def _write(path: str, data: bytes) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
        file.write(data)


def _settled(folder: TraceFolder) -> dict[str, Any] | None:
    """Return the supervisor's state once it has one; None where it has ended without."""
    began, lived = time.monotonic(), False

    def settled() -> bool:
        nonlocal lived
        lives = folder.is_held
        lived = lived or lives
        dead = not lives and (lived or time.monotonic() > began + _BEGIN_SECONDS)
        return dead or folder.read_state() is not None

    wait(settled, _READY_SECONDS)
    return folder.read_state()


def _last_line(log: BinaryIO) -> str | None:
    said = [line.strip() for line in log.read().decode("utf-8", "replace").splitlines() if line.strip()]
    return said[-1] if said else None


def _read(folder: TraceFolder, check_mode: bool) -> dict[str, Any]:
    if check_mode:
        return {"changed": folder.is_held, "taps": []}
    asked, connection = folder.read_record(), folder.connect()
    if asked is None or connection is None:
        raise _none(folder)
    with connection:
        told = _ask(connection, folder)
        if "problem" in told:
            raise NodeError("the taps of trace %s did not listen: %s" % (folder.id, told["problem"]))
        watched = [from_result(Watched, one) for one in told["taps"]]
        clock = kernel_clock.read()
        taps = [to_result(tapped(one, asked.marks, clock)) for one in watched]
    wait(lambda: not folder.is_held, _GONE_SECONDS)
    return {"changed": True, "taps": taps}


def _ask(connection: socket.socket, folder: TraceFolder) -> dict[str, Any]:
    """Return the supervisor's answer, once it has said all of it."""
    connection.settimeout(_ANSWER_SECONDS)
    try:
        connection.sendall(b"read")
        answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    except OSError:
        answer = b""
    if not answer:
        text = "the taps of trace %s have ended before they could be read: another call has read or removed them, their"
        raise NodeError((text + " time was over, or their supervisor was killed") % folder.id)
    told: dict[str, Any] = json.loads(answer)
    return told


def _none(folder: TraceFolder) -> NodeError:
    text = "no taps of trace %s are on this node: they were not started, or have ended by themselves after their time,"
    return NodeError((text + " %d s at most") % (folder.id, MOST_SECONDS))


def _remove(folder: TraceFolder, check_mode: bool) -> dict[str, Any]:
    there = folder.exists
    if there and not check_mode:
        with _turn(folder.root):
            _end(folder)
    return {"changed": there}


def _end(folder: TraceFolder) -> None:
    """End taps and return when nothing of them is left, whatever became of their supervisor."""
    connection = folder.connect()
    if connection is not None:
        with connection, contextlib.suppress(OSError):
            connection.sendall(b"absent")
    wait(lambda: not folder.is_held, _GONE_SECONDS)
    folder.remove()
