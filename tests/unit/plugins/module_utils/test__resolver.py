# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What resolv.conf and hosts files mean, as tables; glibc's ways are those of resolv.conf(5)."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import OptionError
from ansible_collections.kube.pcap.plugins.module_utils._resolver import (
    Config,
    check_name,
    names_to_try,
    read_config,
    read_hosts,
)

KUBERNETES = """\
search shop.svc.cluster.local svc.cluster.local cluster.local
nameserver 10.96.0.10
options ndots:5
"""
SEARCH = ("shop.svc.cluster.local", "svc.cluster.local", "cluster.local")
HOSTS = """\
# Kubernetes-managed hosts file.
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost
10.244.1.5\tcart.shop.local  Cart # web
10.244.1.6\tcart
fd00::5 cart
10.244.1.5 cart
1.2 web
fe80::1%eth0 web
nonsense web
"""


@pytest.mark.parametrize(
    "text, expected",
    [
        (KUBERNETES, Config(("10.96.0.10",), SEARCH, 5)),
        ("", Config(("127.0.0.1",))),
        (
            "nameserver 10.0.0.1\nnameserver fd00::1\nnameserver fe80::1%eth0",
            Config(("10.0.0.1", "fd00::1", "fe80::1%eth0")),
        ),
        ("".join("nameserver 10.0.0.%d\n" % n for n in range(1, 6)), Config(("10.0.0.1", "10.0.0.2", "10.0.0.3"))),
        ("nameserver x\nnameserver\nnameserver 10.0.0.300\nnameserver 10.0.0.1%eth0\n", Config()),
        ("nameserver\t10.0.0.1;old\r\nnameserver 10.1\n", Config(("10.0.0.1", "10.0.0.1"))),
        # A keyword begins its line; comments are whole lines.
        (" nameserver 10.0.0.1\n;nameserver 10.0.0.2\n#nameserver 10.0.0.3\nnameservers 10.0.0.4\n", Config()),
        ("domain a.example b.example\n", Config(search=("a.example",))),
        ("search a.example\ndomain b.example\n", Config(search=("b.example",))),
        ("domain b.example\nsearch a.example c.example\nsearch\n", Config(search=("a.example", "c.example"))),
        ("options timeout:2 attempts:3 ndots:0 rotate edns0\n", Config(ndots=0, timeout=2, attempts=3)),
        ("options timeout:99 attempts:99 ndots:99\n", Config(ndots=15, timeout=30, attempts=5)),
        ("options timeout:0 attempts:0 ndots:x\noptions ndots\n", Config(ndots=0, timeout=1, attempts=1)),
        ("\0\ufffd\nnameserver \0\nsearch \0\n", Config(search=("\0",))),
    ],
)
def test_resolv_conf(text: str, expected: Config) -> None:
    """At most three servers, the last search list, options within glibc's bounds; the rest is ignored."""
    assert read_config(text) == expected


@pytest.mark.parametrize(
    "name, config, tried",
    [
        ("web", "kubernetes", ["web." + one for one in SEARCH] + ["web"]),
        ("a.b.c.d.e", "kubernetes", ["a.b.c.d.e." + one for one in SEARCH] + ["a.b.c.d.e"]),
        ("a.b.c.d.e.f", "kubernetes", ["a.b.c.d.e.f"] + ["a.b.c.d.e.f." + one for one in SEARCH]),
        ("web.", "kubernetes", ["web"]),
        ("web", Config(), ["web"]),
        ("web.shop", Config(search=("x",)), ["web.shop", "web.shop.x"]),
        ("web", Config(search=("x",)), ["web.x", "web"]),
        ("web", Config(search=("x",), ndots=0), ["web", "web.x"]),
        ("web", Config(search=(".x", "y.", ".", "x")), ["web.x", "web.y", "web"]),
        ("web", Config(search=("x y", "\0", "ä", "x" * 64, "a..b", ".".join(["x" * 50] * 5))), ["web"]),
    ],
)
def test_names_to_try(name: str, config: Config | str, tried: list[str]) -> None:
    """The search list's order, the name itself by its dots, and nothing that no message can hold."""
    assert list(names_to_try(name, read_config(KUBERNETES) if isinstance(config, str) else config)) == tried


@pytest.mark.parametrize(
    "name, versions, addresses",
    [
        ("cart", (4, 6), ("10.244.1.5", "10.244.1.6", "fd00::5")),
        ("CART", (4,), ("10.244.1.5", "10.244.1.6")),
        ("cart", (6,), ("fd00::5",)),
        ("localhost", (4, 6), ("127.0.0.1", "::1")),
        ("cart.", (4, 6), ()),
        ("car", (4, 6), ()),
        ("web", (4, 6), ()),
        ("10.244.1.5", (4, 6), ()),
    ],
)
def test_hosts(name: str, versions: tuple[int, ...], addresses: tuple[str, ...]) -> None:
    """Each line with the name counts, each address once; comments, and what is no address, do not."""
    assert read_hosts(HOSTS, name, versions) == addresses


@pytest.mark.parametrize(
    "name, taken",
    [
        ("web", "web"),
        ("Web.shop.", "Web.shop."),
        ("_http._tcp.web", "_http._tcp.web"),
        ("10.0.0.1", "10.0.0.1"),
        ("FD00:0::1", "fd00::1"),
        (".".join(["x" * 49] * 5 + ["xxx."]), ".".join(["x" * 49] * 5 + ["xxx."])),
    ],
)
def test_names(name: str, taken: str) -> None:
    """A name stays as it is; an address takes its usual form."""
    assert check_name("name", name) == taken


@pytest.mark.parametrize(
    "name, said",
    [
        ("", "is no DNS name"),
        (".", "is no DNS name"),
        ("a..b", "is no DNS name"),
        ("x" * 64, "is no DNS name"),
        (".".join(["x" * 49] * 5 + ["xxxx"]), "is no DNS name"),
        ("web shop", "is no DNS name"),
        ("web\n", "is no DNS name"),
        ("web/x", "is no DNS name"),
        ("fe80::1%eth0", "is no DNS name"),
        ("bücher.example", "write the name in its form with xn--"),
        ("10.1", "is no IPv4 address"),
        ("010.0.0.1", "is no IPv4 address"),
        ("0x7f.1", "is no IPv4 address"),
        ("10.0.0.1.", "is no IPv4 address"),
    ],
)
def test_what_is_no_name(name: str, said: str) -> None:
    """It is refused in a sentence that names the option."""
    with pytest.raises(OptionError, match="^name: ") as refused:
        check_name("name", name)
    assert said in str(refused.value)
