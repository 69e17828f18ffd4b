# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The default route's interface (row KNT-4)."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._node.routes import (
    parse_ipv6_route,
    parse_route,
    read_default_interface,
)

HEAD = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
ZERO = "0" * 32


def route(name, destination="00000000", flags="0003", metric=0, mask="00000000"):
    return "%s\t%s\t0102000A\t%s\t0\t0\t%d\t%s\t0\t0\t0\n" % (name, destination, flags, metric, mask)


def route6(name, destination=ZERO, length="00", metric="00000400", flags="00000003"):
    return "%s %s %s 00 fe800000000000000000000000000001 %s 00000001 00000000 %s %8s\n" % (
        destination,
        length,
        ZERO,
        metric,
        flags,
        name,
    )


MANY = "".join(route("veth%d" % n, "%02X00F40A" % n, "0001", 0, "00FFFFFF") for n in range(40))


@pytest.mark.parametrize(
    "text, name",
    [
        (HEAD + MANY + route("ens5", metric=100) + route("wg0", metric=200), "ens5"),
        (HEAD + route("wg0", metric=200) + route("ens5", metric=100), "ens5"),
        (HEAD + route("down", flags="0002") + route("ens5", metric=9), "ens5"),
        (HEAD + route("half", mask="00000080"), None),
        (HEAD + route("*", flags="0201"), None),
        (HEAD, None),
        ("", None),
    ],
)
def test_ipv4(text, name):
    """The lowest metric counts, whatever else is routed; half the Internet is no default."""
    assert parse_route(text) == name


@pytest.mark.parametrize(
    "text, name",
    [
        (route6("lo", metric="ffffffff", flags="00200200") + route6("ens5"), "ens5"),
        (route6("eth1", metric="00000800") + route6("eth0"), "eth0"),
        (route6("lo", metric="ffffffff", flags="00200200"), None),
        (route6("eth0", "fe80" + "0" * 28, "40"), None),
        ("", None),
    ],
)
def test_ipv6(text, name):
    """The kernel's own refusing route over lo is no default."""
    assert parse_ipv6_route(text) == name


def test_ipv6_alone(tmp_path):
    """A node with IPv6 only has a default interface too."""
    (tmp_path / "1" / "net").mkdir(parents=True)
    (tmp_path / "1" / "net" / "ipv6_route").write_text(route6("ens5"))
    assert read_default_interface(str(tmp_path), 1) == "ens5"
    assert read_default_interface(str(tmp_path), 2) is None
