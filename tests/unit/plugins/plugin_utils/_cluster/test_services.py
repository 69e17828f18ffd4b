# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Services, and what is behind their ports."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._records import RecordError, to_result
from ansible_collections.kube.pcap.plugins.plugin_utils._cluster.objects import read
from ansible_collections.kube.pcap.plugins.plugin_utils._cluster.services import (
    AddressPort,
    Endpoint,
    Service,
    ServicePort,
    services,
    told_services,
)

from .test_objects import thing

SQL, COUNT = ServicePort("tcp", 5432, "sql"), ServicePort("udp", 9000, "count")


def _slice(name, addresses, **more):
    endpoint = {"addresses": addresses, "targetRef": {"kind": "Pod", "name": name}, **more}
    ports = [{"name": "sql", "port": 15432, "protocol": "TCP"}, {"name": "count", "port": 9000, "protocol": "UDP"}]
    return thing(
        "EndpointSlice",
        "db-%s" % name,
        metadata={"labels": {"kubernetes.io/service-name": "db"}},
        endpoints=[endpoint],
        ports=ports,
    )


def _service(**spec):
    ports = [{"name": "sql", "port": 5432, "targetPort": "pg"}, {"name": "count", "port": 9000, "protocol": "UDP"}]
    return thing("Service", "db", spec={"ports": ports, **spec})


def found(*objects):
    """The one Service among objects."""
    (service,) = services([read(one) for one in objects])
    return service


def test_a_service():
    """Its addresses and ports, and behind each port what the slices have under its name."""
    service = found(
        _service(clusterIP="10.96.0.1", clusterIPs=["10.96.0.1", "fd00:10::1"]),
        _slice("db-0", ["10.244.1.2"]),
        _slice("db-1", ["10.244.2.2"]),
    )
    assert (service.namespace, service.name) == ("shop", "db")
    assert service.addresses == ("10.96.0.1", "fd00:10::1")
    assert service.ports == (SQL, COUNT)
    assert [(one.address, one.port, one.pod) for one in service.behind(SQL)] == [
        ("10.244.1.2", 15432, "db-0"),
        ("10.244.2.2", 15432, "db-1"),
    ]
    assert {one.port for one in service.behind(COUNT)} == {9000}
    assert told_services({"services": to_result([service])}) == (service,)


def test_what_is_not_ready():
    """It gets packets only where nothing is ready."""
    ready, other = _slice("db-0", ["10.0.0.1"]), _slice("db-1", ["10.0.0.2"], conditions={"ready": False})
    assert [one.pod for one in found(_service(), ready, other).behind(SQL)] == ["db-0"]
    assert [one.pod for one in found(_service(), other).behind(SQL)] == ["db-1"]


@pytest.mark.parametrize("spec", [{"clusterIP": "None"}, {"clusterIPs": ["None"]}, {}])
def test_headless(spec):
    """It has no address."""
    assert found(_service(**spec)).addresses == ()


@pytest.mark.parametrize(
    "asked, port",
    [
        (AddressPort(30432, "tcp"), 5432),
        (AddressPort(30432, "udp"), None),
        (AddressPort(5432, "tcp"), None),
        (AddressPort(30432, "tcp", "192.0.2.1"), 5432),
        (AddressPort(5432, "tcp", "192.0.2.1"), None),
        (AddressPort(5432, "tcp", "10.96.0.1"), 5432),
        (AddressPort(30432, "tcp", "10.96.0.1"), None),
        (AddressPort(5432, "tcp", "198.51.100.1"), 5432),
        (AddressPort(5432, "tcp", "2001:db8::1"), 5432),
        (AddressPort(9000, "udp", "10.96.0.1"), 9000),
        (AddressPort(9000, "udp"), None),
    ],
)
def test_what_leads_to_it(asked, port):
    """A node port on the nodes; its own port on its addresses, external ones and a load balancer's among them."""
    ports = [{"name": "sql", "port": 5432, "nodePort": 30432}, {"name": "count", "port": 9000, "protocol": "UDP"}]
    item = _service(clusterIP="10.96.0.1", ports=ports, externalIPs=["198.51.100.1"])
    item["status"] = {"loadBalancer": {"ingress": [{"ip": "2001:DB8::1"}, {"hostname": "lb.example.com"}]}}
    reached = found(item).reached(asked)
    assert (reached.port if reached else None) == port


def test_node_ports_on_nodes_alone():
    """What is known to be no node's address leads to none."""
    item = _service(ports=[{"name": "sql", "port": 5432, "nodePort": 30432}])
    assert found(item).reached(AddressPort(30432, "tcp", "10.244.0.9"), of_node=False) is None


def test_no_pod_behind():
    """An endpoint may be any machine; slices of other Services are theirs."""
    other = thing("EndpointSlice", "x", endpoints=[{"addresses": ["10.0.0.9"]}], ports=[{"port": 1}])
    outside = _slice("ignored", ["192.0.2.1"], targetRef=None)
    (one,) = found(_service(), other, outside).behind(SQL)
    assert one == Endpoint("192.0.2.1", 15432, "tcp", "sql")


def test_no_answer():
    """What is no result of targets_info is refused; one from before Services were told has none."""
    assert told_services({}) == ()
    with pytest.raises(RecordError):
        told_services({"services": [{"namespace": 1, "name": "x"}]})
    assert Service("shop", "db").ports == ()
