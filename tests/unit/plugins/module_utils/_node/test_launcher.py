# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a supervisor is started: under systemd where that is the first process, else as a daemon."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._node import launcher
from ansible_collections.kube.pcap.plugins.module_utils._node.spool import Spool

COMMAND = ["/usr/bin/python3", "-I", "-S", "/var/lib/kube-pcap/c-1/recorder.pyz", "/var/lib/kube-pcap/c-1"]


def properties(args):
    """The unit's properties."""
    return dict(one.partition("=")[2].split("=", 1) for one in args if one.startswith("--property="))


def test_unit_name():
    """The default spool's captures have plain names; another spool's capture of the same id is another unit."""
    names = [launcher.unit_name(Spool(root, "c-1")) for root in ("/var/lib/kube-pcap", "/data/a", "/data/b")]
    assert names[0] == "kube-pcap-c-1.service"
    assert len(set(names)) == 3 and names[1] == launcher.unit_name(Spool("/data/a", "c-1"))
    assert launcher.unit_name(Spool("/data/a", "c-2")) != names[1]


@pytest.mark.parametrize("capture_id", ["c-1", "a" * 63])
@pytest.mark.parametrize("root", ["/var/lib/kube-pcap", "/" + "x" * 300])
def test_unit_names_are_systemds(root, capture_id):
    """A unit's name has at most 255 characters, none of which systemd would take for something else."""
    name = launcher.unit_name(Spool(root, capture_id))
    assert len(name) <= 255 and name.endswith(".service")
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.")


def test_systemd_args():
    """The command stands behind the options, as it is."""
    args = launcher.systemd_args("kube-pcap-c-1.service", "c-1", COMMAND)
    assert args[0] == "systemd-run"
    assert args[args.index("--unit") + 1] == "kube-pcap-c-1.service"
    assert args[args.index("--") + 1 :] == COMMAND
    assert "c-1" in args[args.index("--description") + 1]
    assert {"--quiet", "--collect"} <= set(args)
    assert not {"--scope", "--pty", "--wait", "--remain-after-exit"} & set(args)


def test_unit_properties():
    """It starts again when killed, not for ever and not at its deadline; with it goes everything that it started."""
    found = properties(launcher.systemd_args("u.service", "c-1", COMMAND))
    assert found["Restart"] == "on-failure"
    assert found["StartLimitBurst"].isdigit() and int(found["StartLimitIntervalSec"]) > 0
    assert found["KillMode"] == "control-group"
    assert found["OOMScoreAdjust"] == "500"
    assert found["UMask"] == "0077"
    assert "RuntimeMaxSec" not in found


def test_a_unit_that_does_not_start_again():
    """What ends by itself is not started again, and all else holds."""
    found = properties(launcher.systemd_args("u.service", "taps of trace t-1", COMMAND, restarts=False))
    assert set(found) == {"KillMode", "OOMScoreAdjust", "UMask"}


def test_archive_is_written_closed(tmp_path):
    """The archive is root's alone, and is replaced whole."""
    spool = Spool(str(tmp_path), "c-1")
    spool.make()
    for _time in range(2):
        launcher.write_archive(spool)
        path = tmp_path / "c-1" / "recorder.pyz"
        assert path.stat().st_mode & 0o777 == 0o600 and path.read_bytes()[:2] == b"PK"


@pytest.mark.parametrize(
    "systemd, log, words",
    [
        (True, "ignored", "see journalctl -u kube-pcap-"),
        (False, "first\nSyntaxError: invalid syntax\n\n", "SyntaxError: invalid syntax"),
        (False, "\n", "it said nothing"),
        (False, None, "it said nothing"),
    ],
)
def test_last_words(tmp_path, monkeypatch, systemd, log, words):
    """What is told of a supervisor that did not begin outlives the folder of its capture."""
    monkeypatch.setattr(launcher, "has_systemd", lambda: systemd)
    spool = Spool(str(tmp_path / "spool"), "c-1")
    spool.make()
    if log is not None:
        with open(spool.path("recorder.log"), "w", encoding="utf-8") as file:
            file.write(log)
    assert launcher.last_words(spool).startswith(words)
