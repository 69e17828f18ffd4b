# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``python -m tests.bench``: measures everything on a lab of its own, prints tables, keeps the figures as JSON."""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import platform
import signal
import subprocess
import sys
import tempfile
import time
from typing import Any

from tests.bucket.build import BuildError
from tests.bucket.emulator import EmulatorError
from tests.lab.lab import Lab
from tests.lab.model import LabError
from tests.nodes.node import CHECKOUT, NodeFailure

from . import life, packet_cost, recorder_cost, shipping
from .figures import table
from .scene import Scene, lab_yaml

BENCHES = {"packets": packet_cost, "recorder": recorder_cost, "life": life, "shipping": shipping}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measures beside bare tcpdump.")
    parser.add_argument("--quick", action="store_true", help="one short round of each: shows that it works, no more")
    parser.add_argument("--only", choices=BENCHES, action="append", help="one bench; may be given again")
    default = CHECKOUT / "build" / "bench.json"
    parser.add_argument("--output", type=pathlib.Path, default=default, help="the JSON file (default: %(default)s)")
    return parser.parse_args()


def _machine() -> dict[str, Any]:
    """What the figures depend on; the load tells whether others were at work."""
    words = subprocess.run(["tcpdump", "--version"], capture_output=True, text=True, check=False)
    return {
        "kernel": platform.release(),
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
        "tcpdump": " ".join((words.stdout + words.stderr).split()[:6]),
        "load": os.getloadavg()[0],
    }


def run(options: argparse.Namespace) -> None:
    """Measures in a lab that is gone afterwards."""
    began, machine = time.monotonic(), _machine()
    print("load before: %(load).1f, %(cpus)d CPUs, Linux %(kernel)s, %(tcpdump)s" % machine, flush=True)
    results: dict[str, list[dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = pathlib.Path(name)
        (folder / "lab.yml").write_text(lab_yaml(), encoding="utf-8")
        with Lab.up("b%d" % (os.getpid() % 10**8), folder / "lab.yml", owner=os.getpid()) as lab:
            scene = Scene(lab, folder, options.quick)
            for key in options.only or BENCHES:
                figures = BENCHES[key].measure(scene)
                results[key] = [one.to_result() for one in figures]
                print(table(BENCHES[key].TITLE, figures), flush=True)
    kept = {"machine": machine, "quick": options.quick, "seconds": time.monotonic() - began, "figures": results}
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    print("\n%.0f s, load after: %.1f; kept in %s" % (kept["seconds"], os.getloadavg()[0], options.output))


def main() -> None:
    """Runs what the command line asks for; errors are one sentence, and nothing is left after an interrupt."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        run(_options())
    except (LabError, NodeFailure, BuildError, EmulatorError) as error:
        sys.exit("bench: %s" % error)


if __name__ == "__main__":
    main()
