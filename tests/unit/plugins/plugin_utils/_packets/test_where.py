# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is handed to tcpdump, and what becomes of its answer. The real one judges in tests/lab/test_packets.py."""

from __future__ import annotations

import json
import os
import pathlib
import sys

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import OptionError
from ansible_collections.kube.pcap.plugins.module_utils._packet.packet import Record
from ansible_collections.kube.pcap.plugins.module_utils._packet.stream import Damage
from ansible_collections.kube.pcap.plugins.plugin_utils._packets import where
from ansible_collections.kube.pcap.plugins.plugin_utils._packets.where import arguments, passing

STUB = """\
#!%s
import json, os, signal, struct, sys
data = sys.stdin.buffer.read()
order = "<" if data[0] == 0xD4 else ">"
answer, position, count = data[:24], 24, 0
while position < len(data):
    second, fraction, captured, length = struct.unpack_from(order + "IIII", data, position)
    end = position + 16 + captured
    count += 1
    if sys.argv[-1] == "all" or sys.argv[-1] == "odd" and data[end - 1] %% 2:
        answer += data[position:end]
    position = end
with open(%r, "a") as file:
    file.write(json.dumps([sys.argv[1:], struct.unpack_from(order + "I", data, 20)[0], order, count]) + "\\n")
sys.stderr.write("reading from file -, link-type EN10MB (Ethernet), snapshot length 262144\\n")
if sys.argv[-1] == "slow":
    signal.pause()
if sys.argv[-1] in ("wrong", "none"):
    sys.exit("tcpdump: " + {"wrong": "can't parse", "none": "expression rejects all packets"}[sys.argv[-1]])
sys.stdout.buffer.write(answer)
"""


class Stub:
    """A program called tcpdump, and what it was asked."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.calls_file = folder / "calls"
        program = folder / "tcpdump"
        program.write_text(STUB % (sys.executable, str(self.calls_file)))
        program.chmod(0o755)

    def calls(self):
        """Of each call its arguments, link type, byte order and number of packets."""
        return [json.loads(line) for line in self.calls_file.read_text().splitlines()]


@pytest.fixture
def stub(tmp_path, monkeypatch):
    """A tcpdump that lets a packet pass whose last byte is odd."""
    monkeypatch.setenv("PATH", "%s:%s" % (tmp_path, os.environ["PATH"]))
    return Stub(tmp_path)


def packet(number, link_type=1, order="<"):
    """A packet with a number as its content."""
    return Record(number * 7, "eth0", link_type, order, 60, b"xyz" + bytes([number % 256]))


def test_which_pass(stub):
    """The packets themselves pass, in their order, with all that is known of them."""
    assert list(passing(map(packet, range(10)), "odd")) == [packet(number) for number in (1, 3, 5, 7, 9)]
    assert [call[1:] for call in stub.calls()] == [[1, "<", 10]]


def test_an_expression_is_no_option():
    """It is the one argument behind those that are not options."""
    assert arguments("/usr/bin/tcpdump", "-w x")[-2:] == ["--", "-w x"]


def test_each_kind_by_itself(stub):
    """libpcap reads one link type, and the writer's byte order matters to it; the order of packets stays."""
    kinds = [(1, "<"), (276, "<"), (0, ">"), (0, "<"), (276, "<")]
    packets = [packet(number, *kinds[number % 5]) for number in range(25)]
    assert list(passing(packets, "odd")) == packets[1::2]
    assert [call[1:] for call in stub.calls()] == [[1, "<", 5], [276, "<", 10], [0, ">", 5], [0, "<", 5]]


@pytest.mark.parametrize("bound, value", [("_MOST_PACKETS", 4), ("_MOST_HELD", 16)])
def test_a_bounded_number_at_once(stub, monkeypatch, bound, value):
    """However large a file is; and what nobody asks for any more is not read."""
    monkeypatch.setattr(where, bound, value)
    read = []

    def records():
        for number in range(100):
            read.append(number)
            yield packet(number)

    found = passing(records(), "odd")
    assert [next(found), next(found)] == [packet(1), packet(3)]
    assert len(read) == 4
    assert len(list(found)) == 48
    assert [call[3] for call in stub.calls()] == [4] * 25


def test_damage_comes_last(stub):
    """After the packets before it."""

    def records():
        yield packet(1)
        yield packet(3)
        raise Damage("the file ends inside record 3")

    found = []
    with pytest.raises(Damage, match="inside record 3"):
        for one in passing(records(), "odd"):
            found.append(one)
    assert found == [packet(1), packet(3)]


def test_an_expression_without_packets(stub):
    """It is looked at all the same."""
    assert list(passing([], "odd")) == []
    with pytest.raises(OptionError, match="can't parse"):
        list(passing([], "wrong"))


def test_refused(stub):
    """What tcpdump said, and of which packets."""
    with pytest.raises(OptionError) as caught:
        list(passing([packet(0, 276)], "wrong"))
    wrong = """where: tcpdump does not take "wrong" with packets of link type 276: can't parse; see pcap-filter(7)"""
    assert str(caught.value) == wrong


def test_what_can_mean_no_packet_of_a_kind(stub):
    """That is no error: there is none."""
    assert list(passing([packet(1)], "none")) == []


def test_endless(stub, monkeypatch):
    """A name server that does not answer is not waited for for ever."""
    monkeypatch.setattr(where, "_SECONDS", 0.5)
    with pytest.raises(OptionError, match="where: tcpdump was not done with it"):
        list(passing([packet(1)], "slow"))


def test_without_tcpdump(monkeypatch):
    """It is told what is missing, and where."""
    monkeypatch.setattr(where.shutil, "which", lambda name, path: None)
    with pytest.raises(
        OptionError, match="which the controller does not have; install tcpdump there, or leave where out"
    ):
        list(passing([packet(1)], "odd"))


def test_a_tcpdump_that_cannot_be_run(stub, tmp_path):
    """What the system says is told."""
    (tmp_path / "tcpdump").write_text("#!/no/such/interpreter\n")
    with pytest.raises(OptionError, match="where: tcpdump cannot be run: No such file"):
        list(passing([packet(1)], "odd"))
