# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A tool that is run in targets' namespaces, as users write it: checked and turned into a record. PRIVATE.

The role's options are the module's with ``exec_`` before them; errors name the one that was written.
"""

from __future__ import annotations

import dataclasses
import os
import re
import shlex
from typing import Any, Callable, Mapping, Sequence

from ._errors import OptionError, shown
from ._options import flag, node_path
from ._records import CommandOptions, Selection
from ._selection import POD_KINDS, parse, to_text
from ._units import parse_duration, parse_size

NAMESPACES = ("net", "mount", "pid", "uts", "ipc", "cgroup")
ENCODINGS = ("text", "base64")
LONGEST_SECONDS = 3600
AT_ONCE = 8
"""How many tools run at the same time on a node."""
_COMMANDS = ("argv", "command")
_STDIN_MOST = 1 << 20
_OTHER_WORDS = re.compile(r"\bcapture_(snapshot|api)\b")


def _timeout(option: str, value: Any) -> int:
    return parse_duration(option, value, 1, LONGEST_SECONDS)


def _encoding(option: str, value: Any) -> str:
    if value not in ENCODINGS:
        raise OptionError(option, "%s is not taken" % shown(value), "write text or base64")
    return str(value)


def _stdin(option: str, value: Any) -> str:
    if not isinstance(value, str):
        raise OptionError(option, "%s is no text" % shown(value), "write it in quotes")
    if len(_encoded(option, value)) > _STDIN_MOST:
        raise OptionError(option, "it is longer than 1 MiB", "have the tool read a file of the node")
    return value


def _dest(option: str, value: Any) -> str:
    return node_path(option, value) + ("/" if str(value).endswith("/") else "")


def _namespaces(option: str, value: Any) -> tuple[str, ...]:
    """Return kinds of namespaces, each once and in one order."""
    asked = words(option, value, "net")
    for kind in asked:
        if kind not in NAMESPACES:
            raise OptionError(option, "%s is not taken" % shown(kind), "write some of %s" % ", ".join(NAMESPACES))
    return tuple(kind for kind in NAMESPACES if kind in asked)


_FIELDS: Mapping[str, tuple[str, Callable[[str, Any], Any]]] = {
    "namespaces": ("namespaces", _namespaces),
    "timeout": ("timeout_seconds", _timeout),
    "stdin": ("stdin", _stdin),
    "encoding": ("encoding", _encoding),
    "dest": ("dest", _dest),
    "dest_size": ("dest_bytes", lambda name, value: parse_size(name, value, 1, 1 << 40)),
    "return_stdout": ("return_stdout", flag),
}
NAMES = (*_COMMANDS, *_FIELDS)
"""Every option of a command but its targets, without a prefix."""


def command_options(given: Mapping[str, Any], prefix: str = "") -> CommandOptions:
    """Return the record of checked options; what is None or empty takes its default; raise OptionError."""
    values = {name: value for name, value in given.items() if value is not None and value != ""}
    fields = {
        field: convert(prefix + name, values[name]) for name, (field, convert) in _FIELDS.items() if name in values
    }
    made = CommandOptions(_argv(values, prefix), **fields)
    if not made.return_stdout and made.dest is None:
        raise OptionError(prefix + "return_stdout", "the output would go nowhere", "leave it true, or set dest, too")
    return made


def check(options: CommandOptions, prefix: str) -> None:
    """Raise OptionError unless ``command_options`` could have made these options."""
    given = {name: getattr(options, field) for name, (field, _convert) in _FIELDS.items()}
    if command_options({**given, "argv": options.argv}, prefix) != options:
        raise OptionError(prefix + "argv", "it is not one that the plan made", "pass the record on unchanged")


def check_dest(option: str, options: CommandOptions, number: int) -> None:
    """Raise OptionError where so many targets of one node would write into one file."""
    if options.dest and not options.dest.endswith("/") and number > 1:
        right = "write a folder with a slash at its end, such as %s/" % options.dest
        raise OptionError(option, "%d targets of a node cannot write into one file" % number, right)


def with_container(option: str, selections: Sequence[Selection], container: Any) -> tuple[Selection, ...]:
    """Return selections of pods that name a container, where one is given; raise OptionError.

    ``option`` is that of the container. A selection that names another one in brackets is refused.
    """
    if container is None or container == "":
        return tuple(selections)
    name = parse(option, "pod x/x[%s]" % container)[0].container
    for selection in selections:
        if selection.kind not in POD_KINDS:
            raise OptionError(option, "%s has no containers" % to_text(selection), "leave it out, or select pods")
        if selection.container not in (None, name):
            wrong = "%s names container %s" % (to_text(selection), selection.container)
            raise OptionError(option, wrong, "name the container in one place")
    return tuple(dataclasses.replace(selection, container=name) for selection in selections)


def own_words(text: str, prefix: str = "exec_") -> str:
    """Return a sentence about what is known of the cluster by the names of the options of role ``exec``, or another."""
    return _OTHER_WORDS.sub(prefix + r"\1", text)


def words(option: str, value: Any, example: str) -> tuple[str, ...]:
    """Return the words of a list, or of a text with commas; raise OptionError where there are none."""
    found = value.split(",") if isinstance(value, str) else value
    if not isinstance(found, (list, tuple)):
        raise OptionError(option, "%s is no list" % shown(value), "write a list, such as [%s]" % example)
    kept = tuple(str(word).strip() for word in found)
    if not kept or "" in kept:
        raise OptionError(option, "a name is missing", "write a list, such as [%s], or leave it out" % example)
    return kept


def _argv(values: Mapping[str, Any], prefix: str) -> tuple[str, ...]:
    """Return the words of a command."""
    given = [name for name in _COMMANDS if values.get(name) not in (None, [], ())]
    if len(given) != 1:
        wrong = "no command is given" if not given else "%sargv is given, too" % prefix
        right = "write a list, such as [ip, addr], or %scommand" % prefix if not given else "leave out one of the two"
        raise OptionError(prefix + ("argv" if not given else "command"), wrong, right)
    option = prefix + given[0]
    found = _list(option, values["argv"]) if given == ["argv"] else _split(option, values["command"])
    for word in found:
        if b"\0" in _encoded(option, word):
            raise OptionError(option, "a word holds a NUL character", "no program takes one")
    if not found or not found[0]:
        raise OptionError(option, "it names no program", "write one first, such as ip addr")
    if "/" in found[0] and not found[0].startswith("/"):
        right = "write the program's name, or its absolute path"
        raise OptionError(option, "%s is a relative path" % shown(found[0]), right)
    return found


def _list(option: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)):
        right = "write a list of words, or use %s" % option.replace("argv", "command")
        raise OptionError(option, "%s is no list" % shown(value), right)
    for number, word in enumerate(value, 1):
        if isinstance(word, bool) or not isinstance(word, (str, int)):
            raise OptionError(option, "item %d, %s, is no text" % (number, shown(word)), "write it in quotes")
    return tuple(str(word) for word in value)


def _split(option: str, value: Any) -> tuple[str, ...]:
    """Return a command's words as a shell reads quotes; nothing else of it means anything here."""
    if not isinstance(value, str):
        right = "write text, or a list as %s" % option.replace("command", "argv")
        raise OptionError(option, "%s is no text" % shown(value), right)
    try:
        return tuple(shlex.split(value))
    except ValueError as error:
        wrong = "%s: %s" % (shown(value), str(error).lower())
        raise OptionError(option, wrong, "close every quote, and write nothing behind the last backslash") from None


def _encoded(option: str, text: str) -> bytes:
    try:
        return os.fsencode(text)
    except UnicodeEncodeError:
        raise OptionError(option, "%s has no form in UTF-8" % shown(text), "write characters of Unicode") from None
