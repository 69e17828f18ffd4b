# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entries of packets: their shape, several files, a limit, damage, and options that are refused."""

from __future__ import annotations

import itertools

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import FileError, OptionError
from ansible_collections.kube.pcap.plugins.module_utils._packet.packet import Icmp, Layer, Packet, Record, Tcp
from ansible_collections.kube.pcap.plugins.plugin_utils._packets import entries
from ansible_collections.kube.pcap.plugins.plugin_utils._packets.entries import Wanted, entry, read_entries, read_wanted

from ...module_utils.pcap_bytes import START, enhanced, interface, pcap, section

RECORD = Record(5, None, 1, "<", 90, b"abc")
NOTHING = dict.fromkeys(["src", "dst", "protocol", "sport", "dport", "tcp", "icmp", "ip_id", "ttl"])


def test_shape():
    """Every key is there, and what is not known is null."""
    assert entry(RECORD, Packet()) == {
        "time_ns": 5,
        "interface": None,
        "direction": None,
        "caplen": 3,
        "length": 90,
        **NOTHING,
        "encapsulation": [],
        "error": None,
    }


def test_a_full_entry():
    """Layers, TCP's and ICMP's fields are mappings."""
    layer = Layer("vxlan", 42, "192.0.2.1", "192.0.2.2", "udp", 50000, 8472, 7)
    quoted = Packet(src="10.0.0.1", dst="10.0.0.2", protocol="tcp", sport=1, dport=2, tcp=Tcp(3), ip_id=4, ttl=5)
    packet = Packet(
        9, "In", (layer,), "10.0.0.3", "10.0.0.1", "icmp", None, None, 6, 64, None, Icmp(3, 1, quoted=quoted)
    )
    made = entry(RECORD, packet)
    assert made["encapsulation"] == [layer._asdict()]
    assert made["icmp"] == {
        "type": 3,
        "code": 1,
        "id": None,
        "sequence": None,
        "quoted": {
            **NOTHING,
            **{"src": "10.0.0.1", "dst": "10.0.0.2", "protocol": "tcp", "sport": 1, "dport": 2, "ip_id": 4, "ttl": 5},
            "tcp": {"seq": 3, "ack": None, "flags": None},
            "encapsulation": [],
            "error": None,
        },
    }
    assert (made["direction"], made["interface"]) == ("In", "9")


@pytest.mark.parametrize(
    "name, index, expected",
    [
        (None, None, None),
        (None, 3, "3"),
        ("eth0", None, "eth0"),
        ("eth0", 3, "eth0"),
        ("any", 3, "3"),
        ("any", None, "any"),
        ("#0", 3, "3"),
        ("#0", None, "#0"),
    ],
)
def test_interface(name, index, expected):
    """A name that a file gives says more than an index, but for the one that stands for all."""
    assert entry(RECORD._replace(interface=name), Packet(ifindex=index))["interface"] == expected


@pytest.fixture
def files(tmp_path):
    """A whole classic file, a damaged pcapng file, and no capture."""
    (tmp_path / "whole").write_bytes(pcap(3))
    (tmp_path / "damaged").write_bytes(section() + interface() + enhanced(b"a", 1) + enhanced(b"b", 2)[:-1])
    (tmp_path / "other").write_bytes(b"hello")
    return tmp_path


def read(files, *names, where="", limit=None):
    """The times or errors of entries."""
    found = read_entries(Wanted(tuple(str(files / name) for name in names), where, limit))
    return [one["time_ns"] if len(one) > 1 else one["error"] for one in found]


def test_files_follow_one_another(files):
    """What is wrong with a file comes after its packets, and the next file is read."""
    assert read(files, "damaged", "other", "whole") == [
        1000,
        "%s/damaged: the file ends inside block 4" % files,
        "%s/other: it is neither pcap nor pcapng: it begins with 68656c6c" % files,
        *(START * 1_000_000_000 + number * 1_000_001_000 for number in range(3)),
    ]


@pytest.mark.parametrize("limit, whole", [(1, 1), (2, 2), (3, 3), (4, 3), (5, 3)])
def test_limit(files, limit, whole):
    """So many packets of all files together; what follows the last is not read, so nothing is said of it."""
    found = read(files, "whole", "damaged", limit=limit)
    assert len([one for one in found if isinstance(one, int)]) == min(limit, 4)
    assert len(found) == (limit if limit <= 4 else 5)


def test_what_judges(files, monkeypatch):
    """An expression is applied to packets before they are counted; an empty one is none."""
    asked = []

    def second(records, where):
        asked.append(where)
        return itertools.islice(records, 1, None)

    monkeypatch.setattr(entries, "passing", second)
    assert read(files, "whole", where="udp", limit=1) == [START * 1_000_000_000 + 1_000_001_000]
    assert len(read(files, "whole", where="")) == 3
    assert asked == ["udp"]


def test_a_file_that_is_not_there(files):
    """It is an error, not an entry."""
    with pytest.raises(FileError, match="No such file"):
        read(files, "whole", "none")


@pytest.mark.parametrize(
    "terms, options, expected",
    [
        (["a.pcap"], {}, Wanted(("/here/a.pcap",), "", None)),
        (["a", ["/b", "../c"]], {"where": None, "limit": None}, Wanted(("/here/a", "/b", "/c"), "", None)),
        (["a"], {"where": " tcp\n port 80 ", "limit": "5"}, Wanted(("/here/a",), "tcp port 80", 5)),
        (["a"], {"where": "", "limit": ""}, Wanted(("/here/a",), "", None)),
    ],
)
def test_wanted(terms, options, expected):
    """Paths begin where Ansible was started; lists of files are taken, too."""
    assert read_wanted(terms, options, "/here") == expected


@pytest.mark.parametrize(
    "terms, options, option",
    [
        ([], {}, "FILE"),
        ([[]], {}, "FILE"),
        ([""], {}, "FILE"),
        ([None], {}, "FILE"),
        ([{"path": "x"}], {}, "FILE"),
        (["a"], {"limit": 0}, "limit"),
        (["a"], {"limit": -1}, "limit"),
        (["a"], {"limit": "many"}, "limit"),
        (["a"], {"limit": 1.5}, "limit"),
        (["a"], {"where": "-w x"}, "where"),
        (["a"], {"where": "tcp\0"}, "where"),
        (["a"], {"were": "tcp"}, "were"),
    ],
)
def test_refused(terms, options, option):
    """The option is named."""
    with pytest.raises(OptionError) as caught:
        read_wanted(terms, options, "/here")
    assert caught.value.option == option
