# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SSH to the nodes: keys of their own, and when they answer."""

from __future__ import annotations

import pathlib
import socket
import subprocess
import time

from .model import LabError


def make_keys(run: pathlib.Path, addresses: dict[str, str]) -> None:
    """Makes ``client_key``, a ``host_key_NAME`` for each node, and ``known_hosts``, in the run folder.

    ``addresses``: of the nodes, by name.
    """
    for file in ["client_key", *("host_key_" + name for name in addresses)]:
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", str(run / file)]
        subprocess.run(argv, check=True)
    lines = []
    for name, address in addresses.items():
        lines.append("%s %s" % (address, (run / ("host_key_%s.pub" % name)).read_text(encoding="ascii")))
    (run / "known_hosts").write_text("".join(lines), encoding="ascii")


def wait(address: str, timeout_s: float = 20) -> None:
    """Returns when sshd answers there; LabError when it does not."""
    end = time.monotonic() + timeout_s
    while True:
        try:
            with socket.create_connection((address, 22), timeout=1) as connection:
                if connection.recv(4) == b"SSH-":
                    return
        except OSError:
            pass
        if time.monotonic() > end:
            raise LabError("%s does not answer by ssh after %g s" % (address, timeout_s))
        time.sleep(0.03)


def close(run: pathlib.Path, timeout_s: float = 5) -> None:
    """Ends the connections that Ansible keeps open in ``cp`` of the run folder."""
    for path in (run / "cp").glob("*"):
        subprocess.run(["ssh", "-O", "exit", "-S", str(path), "lab"], capture_output=True, check=False)
        end = time.monotonic() + timeout_s
        while path.exists() and time.monotonic() < end:
            time.sleep(0.01)
