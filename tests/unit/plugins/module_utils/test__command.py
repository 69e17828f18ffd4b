# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A command as users write it."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils import _command as command
from ansible_collections.kube.pcap.plugins.module_utils._errors import OptionError
from ansible_collections.kube.pcap.plugins.module_utils._records import CommandOptions, Selection
from ansible_collections.kube.pcap.plugins.module_utils._selection import parse


@pytest.mark.parametrize(
    "given, argv",
    [
        ({"argv": ["ip", "-o", "addr"]}, ("ip", "-o", "addr")),
        ({"argv": ["ping", "-c", 3]}, ("ping", "-c", "3")),
        ({"argv": ["x", "", " a  b "]}, ("x", "", " a  b ")),
        ({"command": "ip -o addr"}, ("ip", "-o", "addr")),
        (
            {"command": "tcpdump -i eth0 'tcp port 80 and host 10.0.0.1'"},
            ("tcpdump", "-i", "eth0", "tcp port 80 and host 10.0.0.1"),
        ),
        ({"command": r"""a "b c" d\ e '$HOME' * ; | '' #x"""}, ("a", "b c", "d e", "$HOME", "*", ";", "|", "", "#x")),
        ({"command": "/usr/sbin/ip", "argv": []}, ("/usr/sbin/ip",)),
    ],
)
def test_words(given, argv):
    """PT-6: a list is taken as it is, a text is split at what quotes leave of its spaces, and means nothing else."""
    assert command.command_options(given).argv == argv


@pytest.mark.parametrize(
    "given, text",
    [
        ({}, "argv: no command is given; write a list, such as [ip, addr], or command"),
        ({"argv": [], "command": ""}, "argv: no command is given; "),
        ({"argv": ["ip"], "command": "ip"}, "command: argv is given, too; leave out one of the two"),
        ({"argv": "ip"}, 'argv: "ip" is no list; write a list of words, or use command'),
        ({"argv": ["ip", True]}, 'argv: item 2, "True", is no text; write it in quotes'),
        ({"argv": ["ip", None]}, 'argv: item 2, "None", is no text'),
        ({"argv": ["ip", ["a"]]}, "argv: item 2, \"['a']\", is no text"),
        ({"argv": [""]}, "argv: it names no program"),
        ({"argv": ["./ip"]}, 'argv: "./ip" is a relative path; write the program\'s name, or its absolute path'),
        ({"argv": ["ip", "a\0b"]}, "argv: a word holds a NUL character"),
        ({"argv": ["ip", "\ud800"]}, 'argv: "?" has no form in UTF-8'),
        ({"command": ["ip"]}, "command: \"['ip']\" is no text; write text, or a list as argv"),
        ({"command": "a 'b"}, 'command: "a \'b": no closing quotation; close every quote'),
        ({"command": "a \\"}, 'command: "a \\": no escaped character; close every quote'),
        ({"command": "  "}, "command: it names no program"),
        ({"argv": ["ip"], "timeout": "0"}, 'timeout: "0" is out of range; it takes 1s to 1h00m'),
        ({"argv": ["ip"], "timeout": "3601"}, "timeout: "),
        (
            {"argv": ["ip"], "namespaces": ["user"]},
            'namespaces: "user" is not taken; write some of net, mount, pid, uts',
        ),
        (
            {"argv": ["ip"], "namespaces": []},
            "namespaces: a name is missing; write a list, such as [net], or leave it out",
        ),
        ({"argv": ["ip"], "namespaces": 5}, 'namespaces: "5" is no list'),
        ({"argv": ["ip"], "encoding": "hex"}, 'encoding: "hex" is not taken; write text or base64'),
        ({"argv": ["ip"], "stdin": 5}, 'stdin: "5" is no text; write it in quotes'),
        ({"argv": ["ip"], "stdin": "é" * 600_000}, "stdin: it is longer than 1 MiB"),
        ({"argv": ["ip"], "dest": "x"}, "dest: 'x' is not taken"),
        ({"argv": ["ip"], "dest": "/a/../b"}, "dest: "),
        ({"argv": ["ip"], "dest": "/"}, "dest: "),
        ({"argv": ["ip"], "dest_size": "0"}, 'dest_size: "0" is out of range'),
        (
            {"argv": ["ip"], "return_stdout": "no"},
            "return_stdout: the output would go nowhere; leave it true, or set dest",
        ),
    ],
)
def test_refused(given, text):
    """A wrong value is refused by the name that the user wrote."""
    with pytest.raises(OptionError) as error:
        command.command_options(given)
    assert str(error.value).startswith(text)
    with pytest.raises(OptionError, match="exec_"):
        command.command_options(given, "exec_")


def test_defaults_and_forms():
    """What is empty takes its default; namespaces have one order; a folder keeps its slash."""
    names = dict.fromkeys(command.NAMES, "")
    assert command.command_options({**names, "argv": ["ip"]}) == CommandOptions(("ip",))
    made = command.command_options({"argv": ["ip"], "namespaces": "pid, net,pid", "timeout": "1h", "dest": "/srv//"})
    assert (made.namespaces, made.timeout_seconds, made.dest) == (("net", "pid"), 3600, "/srv/")


@pytest.mark.parametrize(
    "options, holds",
    [
        (CommandOptions(("ip",)), True),
        (CommandOptions(("ip", "a b"), ("mount", "pid"), 60, "x", "base64", "/srv/", 5, False), True),
        (CommandOptions(()), False),
        (CommandOptions(("ip",), ("user",)), False),
        (CommandOptions(("ip",), ("pid", "net")), False),
        (CommandOptions(("ip",), timeout_seconds=7200), False),
        (CommandOptions(("ip",), dest="etc/passwd"), False),
    ],
)
def test_a_record_is_checked(options, holds):
    """Whoever wrote it, a node takes what the plan could have made, and nothing else."""
    if holds:
        command.check(options, "record.")
    else:
        with pytest.raises(OptionError, match="^record."):
            command.check(options, "record.")


def test_a_container_for_all():
    """One container is named for all pods; a node has none, and no selection may name another one."""
    selected = parse("x", ["pod shop/cart", "pods shop app=web", "deployment shop/web[web]"])
    assert {one.container for one in command.with_container("container", selected, "web")} == {"web"}
    assert command.with_container("container", selected, "") == selected
    with pytest.raises(OptionError, match="^container: node node-a has no containers; leave it out, or select pods"):
        command.with_container("container", (Selection("node", name="node-a"),), "web")
    with pytest.raises(OptionError, match=r"^container: deployment shop/web\[web\] names container web; name the"):
        command.with_container("container", selected, "cart")
    with pytest.raises(OptionError, match="^container: "):
        command.with_container("container", selected, "a]b")
