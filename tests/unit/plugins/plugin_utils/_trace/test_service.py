# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The port of a Service that a trace goes to."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import OptionError
from ansible_collections.kube.pcap.plugins.plugin_utils._cluster.services import ServicePort, read_ports
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.expression import parse
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.service import choose as choose_port
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.wanted import Wanted

DB = [{"name": "postgres", "port": 5432, "targetPort": 5432, "protocol": "TCP"}]
WEB = [{"name": "http", "port": 80, "protocol": "TCP"}, {"name": "https", "port": 443, "protocol": "TCP"}]
DNS = [{"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53, "protocol": "TCP"}]
DNS_METRICS = [*DNS, {"name": "metrics", "port": 9153}]


def choose(expression, ports):
    """What is sent to a Service with these ports, as the API has them."""
    return choose_port(expression, read_ports(ports))[0]


def to_service(filter_text):
    """An expression whose filter begins at column 40."""
    return parse("from pod shop/cart to service shop/it and " + filter_text)


@pytest.mark.parametrize(
    "ports, text, protocol, dport",
    [
        (DB, "tcp", "tcp", 5432),
        (DB, "tcp port 5432", "tcp", 5432),
        (DB, "port 5432", "tcp", 5432),
        (DB, "greater 100", "tcp", 5432),
        (DB, "portrange 5000-6000", "tcp", 5432),
        (WEB, "tcp port https", "tcp", 443),
        (WEB, "tcp and not port 80", "tcp", 443),
        (WEB, "tcp portrange 1-100", "tcp", 80),
        (DNS, "udp", "udp", 53),
        (DNS, "tcp and port 53", "tcp", 53),
        (DNS_METRICS, "tcp port 9153", "tcp", 9153),
    ],
)
def test_one_port(ports, text, protocol, dport):
    """A Service's only port, or the only one that the filter lets through."""
    assert choose(to_service(text), ports) == Wanted(protocol, None, dport)


def test_the_rest_stays():
    """Source port and version are the filter's."""
    assert choose(to_service("ip6 and src port 1000"), DB) == Wanted("tcp", 1000, 5432, 6)


@pytest.mark.parametrize(
    "ports, text, said",
    [
        (
            DB,
            "udp port 5432",
            'service shop/it has no port that the filter lets through, but 5432/TCP "postgres";'
            " write one of its own, such as tcp port 5432",
        ),
        (
            WEB,
            "tcp port 81",
            'service shop/it has no port that the filter lets through, but 80/TCP "http", 443/TCP "https";'
            " write one of its own, such as tcp port 80",
        ),
        (
            WEB,
            "tcp",
            'service shop/it has several ports that the filter lets through: 80/TCP "http", 443/TCP "https";'
            " choose one, such as tcp port 80",
        ),
        (
            DNS_METRICS,
            "port 53",
            'service shop/it has several ports that the filter lets through: 53/UDP "dns", 53/TCP "dns-tcp";'
            " choose one, such as udp port 53",
        ),
        ([], "tcp", "service shop/it has no ports; trace to a pod behind it"),
        (
            [{"port": port} for port in range(1, 13)],
            "tcp",
            "service shop/it has several ports that the filter lets through: 1/TCP, 2/TCP, 3/TCP, 4/TCP, 5/TCP, 6/TCP,"
            " 7/TCP, 8/TCP, 9/TCP, 10/TCP, 2 more; choose one, such as tcp port 1",
        ),
        (
            DB,
            "icmp",
            "a Service forwards its ports alone, so that icmp to it proves nothing;"
            " write a port, such as tcp port 443, or trace to a pod behind it",
        ),
    ],
)
def test_refused(ports, text, said):
    """A contradiction, or more than one port: the error lists what the Service has."""
    with pytest.raises(OptionError) as caught:
        choose(to_service(text), ports)
    assert str(caught.value) == "trace_expression: column 43: " + said


def test_read_ports():
    """TCP is the default; what the cluster says is shown as data."""
    ports = read_ports([{"port": 80}, {"port": "http"}, {}, {"port": 1, "protocol": "SCTP", "name": "a\nb"}])
    assert ports == (ServicePort("tcp", 80, None), ServicePort("sctp", 1, "a\nb"))
    assert [one.title for one in ports] == ["80/TCP", '1/SCTP "a?b"']
