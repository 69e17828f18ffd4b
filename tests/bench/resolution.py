# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``python -m tests.bench.resolution``: pods by label in a cluster of 30,000, beside one raw LIST of the same objects.

It needs a cluster that is up and was filled: ``make cluster-scale``. Each round is a process of its own, ours and the
raw one in turn. Imports, credentials and the connection come before what is measured.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import pathlib
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Callable
from typing import Any

from tests.bench.figures import Figure, figure, ratios, table
from tests.cluster.cluster import Cluster
from tests.lab.ansible_run import link_collection
from tests.nodes.node import CHECKOUT

SELECTIONS = {
    "one label, a 300th of the pods": ("pods * app=app-007", 5),
    "one label, all of them": ("pods * tier=fake", 1),
}
"""And how many times as many rounds they take: what is over soon is easily disturbed."""
_FIRST = "/api/v1/namespaces/default"
"""What is asked before, so that the connection is there."""
SLOWEST, MOST_MEMORY = 1.5, 3.0


def main() -> None:
    """Measures what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.resolution", description=__doc__)
    parser.add_argument("--number", type=int, default=0, help="of the cluster (default: 0)")
    parser.add_argument("--rounds", type=int, default=5, help="of the largest (default: 5)")
    parser.add_argument("--round", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.round:
        print(json.dumps(_ROUNDS[options.round](json.loads(sys.stdin.read()))))
        return
    cluster = Cluster.attach(options.number)
    for title, (selection, times) in SELECTIONS.items():
        print(table(title, measure(cluster, selection, options.rounds * times)), flush=True)
    print("\nload after: %.1f" % os.getloadavg()[0])


def measure(cluster: Cluster, selection: str, rounds: int) -> list[Figure]:
    """The rows of one selection."""
    want = {"kubeconfig": str(cluster.kubeconfig), "selection": selection}
    pairs = [(_run("raw", want), _run("ours", want)) for _round in range(rounds)]
    raw, ours = [one for one, _other in pairs], [other for _one, other in pairs]
    assert all(one["objects"] == other["objects"] for one, other in pairs), "other pods came meanwhile"
    size = raw[0]["bytes"]
    return [
        figure("pods", "", [ours[0]["objects"]]),
        figure("response", "MB", [size / 1e6]),
        figure("raw LIST and json.loads", "s", [one["seconds"] for one in raw]),
        figure("resolution", "s", [one["seconds"] for one in ours]),
        figure("resolution / raw", "", ratios([o["seconds"] for o in ours], [r["seconds"] for r in raw]), SLOWEST),
        figure("CPU of the process, resolution / raw", "", ratios([o["cpu"] for o in ours], [r["cpu"] for r in raw])),
        figure("memory of raw / response", "", [one["memory"] / size for one in raw]),
        figure("memory / response", "", [one["memory"] / size for one in ours], MOST_MEMORY),
    ]


def _run(name: str, want: dict[str, Any]) -> dict[str, Any]:
    # Who else is at work on this machine is in neither.
    argv = ["nice", "-n", "-15", sys.executable, "-m", "tests.bench.resolution", "--round", name]
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "PYTHONPATH": str(link_collection(pathlib.Path(folder)))}
        given: dict[str, Any] = {"cwd": CHECKOUT, "env": env, "stdout": subprocess.PIPE, "text": True}
        done = subprocess.run(argv, input=json.dumps(want), check=True, **given)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def _measured(work: Callable[[], Any]) -> tuple[Any, dict[str, Any]]:
    """What some work returns, how long it took, and how many bytes more than before the process had at most."""
    pathlib.Path("/proc/self/clear_refs").write_text("5")  # the most, from here on
    before, began, used = _memory("VmRSS"), time.perf_counter(), time.process_time()
    result = work()
    figures = {"seconds": time.perf_counter() - began, "cpu": time.process_time() - used}
    return result, {**figures, "memory": _memory("VmHWM") - before}


def _memory(name: str) -> int:
    lines = pathlib.Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def _ours(want: dict[str, Any]) -> dict[str, Any]:
    """As targets_info answers, from the first request to the result."""
    from ansible_collections.kube.pcap.plugins.module_utils._selection import parse
    from ansible_collections.kube.pcap.plugins.plugin_utils._cluster.access import Access
    from ansible_collections.kube.pcap.plugins.plugin_utils._cluster.answer import chosen
    from ansible_collections.kube.pcap.plugins.plugin_utils._cluster.api import find
    from ansible_collections.kube.pcap.plugins.plugin_utils._cluster.client import connect
    from ansible_collections.kube.pcap.plugins.plugin_utils._plain import plain

    selections = parse("targets", want["selection"])
    with connect(Access("kubeconfig", want["kubeconfig"])) as client:
        client.get(_FIRST)
        result, figures = _measured(lambda: plain(chosen(find(client, selections).candidates, selections)))
    return {"objects": len(result["targets"]), **figures}


def _raw(want: dict[str, Any]) -> dict[str, Any]:
    """One request by the standard library, and its objects."""
    import kubernetes  # it loads the credentials, and no more

    configuration = kubernetes.client.Configuration()
    kubernetes.config.load_kube_config(want["kubeconfig"], client_configuration=configuration)
    tls = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
    tls.load_cert_chain(configuration.cert_file, configuration.key_file)
    server = urllib.parse.urlsplit(configuration.host)
    connection = http.client.HTTPSConnection(server.hostname or "", server.port, context=tls, timeout=120)

    def ask(path: str) -> bytes:
        connection.request("GET", path)
        return connection.getresponse().read()

    def work() -> tuple[int, int]:
        data = ask("/api/v1/pods?labelSelector=" + urllib.parse.quote(want["selection"].split()[2]))
        return len(json.loads(data)["items"]), len(data)

    ask(_FIRST)
    (objects, size), figures = _measured(work)
    return {"objects": objects, "bytes": size, **figures}


_ROUNDS = {"ours": _ours, "raw": _raw}

if __name__ == "__main__":
    main()
