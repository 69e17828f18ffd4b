# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module ``dns_info`` in real pods, with the resolv.conf that the kubelet wrote and CoreDNS behind a Service."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cluster.places import DNS_SERVICE
from tests.cluster.pods import ClusterPod, named
from tests.lab.tools import results

ZONE = "shop.svc.cluster.local"
SEARCH = [ZONE, "svc.cluster.local", "cluster.local"]


def resolve(cluster, ansible, pod: str, name: str, **params: Any) -> dict[str, Any]:
    """What the pod's node says; every other node says that it has no such pod."""
    run = ansible.adhoc("all", "kube.pcap.dns_info", params={"pod": "shop/" + pod, "name": name, **params})
    found = results(run)
    assert not any(one["failed"] or one["changed"] for one in found.values()), run.stdout
    own = ClusterPod(cluster, "shop", pod).node.name
    assert {host for host, one in found.items() if one["found"]} == {own}, run.stdout
    return found[own]


def service(cluster, name: str) -> str:
    """The address of a Service."""
    address: str = cluster.kubectl("-n", "shop", "get", "service", name, "-o", "jsonpath={.spec.clusterIP}")
    return address


@pytest.mark.parametrize("pod", ["client", "distroless", "sidecar"])
@pytest.mark.parametrize("name", ["web", "web.shop", "web.shop.svc", "web." + ZONE, "web." + ZONE + "."])
def test_a_service(cluster, ansible, pod: str, name: str) -> None:
    """Each of its names leads to its address, also in a pod without a shell."""
    one = resolve(cluster, ansible, pod, name)
    assert one["addresses"] == [service(cluster, "web")] and one["problem"] is None
    assert (one["servers"], one["search"], one["ndots"]) == ([DNS_SERVICE], SEARCH, 5)
    last = one["questions"][-2:]
    assert [(q["name"], q["type"], q["rcode"]) for q in last] == [("web." + ZONE, t, "NOERROR") for t in ("A", "AAAA")]
    assert last[0]["answers"] == ["web.%s A %s" % (ZONE, one["addresses"][0])] and last[1]["answers"] == []
    assert {q["source"] for q in last} == {ClusterPod(cluster, "shop", pod).object()["status"]["podIP"]}


def test_a_headless_service(cluster, ansible) -> None:
    """It is its pods; one of them has a name of its own."""
    one = resolve(cluster, ansible, "client", "web-headless")
    assert sorted(one["addresses"]) == sorted(p.object()["status"]["podIP"] for p in named(cluster, "shop", "app=web"))
    one = resolve(cluster, ansible, "client", "db-0.db", family=4)
    assert one["addresses"] == [ClusterPod(cluster, "shop", "db-0").object()["status"]["podIP"]]


def test_a_name_that_does_not_exist(cluster, ansible) -> None:
    """The search list is asked to its end, and each answer is told."""
    one = resolve(cluster, ansible, "client", "nothing", family=4)
    told = [(q["name"], q["rcode"]) for q in one["questions"]]
    assert told[:3] == [("nothing." + domain, "NXDOMAIN") for domain in SEARCH] and told[3][0] == "nothing"
    assert one["addresses"] == [] and one["problem"].startswith(
        "no address of nothing was told: nothing.%s (NXDOMAIN), " % ZONE
    )
    one = resolve(cluster, ansible, "client", "nothing.%s." % ZONE)
    assert {q["rcode"] for q in one["questions"]} == {"NXDOMAIN"} and len(one["questions"]) == 2


def test_the_hosts_file_of_a_pod(cluster, ansible) -> None:
    """The kubelet wrote the pod's own name into it: nobody is asked."""
    one = resolve(cluster, ansible, "client", "client")
    assert one["hosts_file"] and one["questions"] == []
    assert one["addresses"] == [ClusterPod(cluster, "shop", "client").object()["status"]["podIP"]]


def test_a_container_that_does_not_run(cluster, ansible) -> None:
    """It is told, and the pod's other container has its files."""
    one = resolve(cluster, ansible, "half", "web", container="web", family=4)
    assert one["addresses"] == [service(cluster, "web")] and one["container"] == "web"
    one = resolve(cluster, ansible, "sidecar", "web", container="setup")
    assert "its container setup does not run" in one["problem"] and one["addresses"] == []
