# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors of the collection. PRIVATE to the collection.

    PcapError            everything below; its text is one sentence for a user
    ├── OptionError      a value that the user gave: which option, what is wrong, what would be right
    ├── TargetError      a pod, container or node that cannot be used as asked
    ├── NodeError        the node lacks something: a program, a right, space, a namespace
    ├── CaptureError     a capture that cannot be started, changed or removed as asked
    └── FileError        a file that is missing, empty, damaged or of another kind

Plugins catch ``PcapError`` in one place and hand its text to ``fail_json``.
"""

from __future__ import annotations


class PcapError(Exception):
    """The base of every error that the collection raises on purpose."""


class OptionError(PcapError):
    """An option's value is refused: ``option: what is wrong; what would be right``."""

    def __init__(self, option: str, wrong: str, right: str) -> None:
        super().__init__("%s: %s; %s" % (option, wrong, right))
        self.option, self.wrong, self.right = option, wrong, right

    def renamed(self, prefix: str) -> OptionError:
        """Return the same refusal by the name that the user wrote: a role's options are a module's with a prefix."""
        return OptionError(prefix + self.option, self.wrong, self.right)


class TargetError(PcapError):
    """A pod, container or node cannot be used as asked."""


class NodeError(PcapError):
    """The node lacks something that is needed."""


class CaptureError(PcapError):
    """A capture cannot be started, changed or removed as asked."""


class FileError(PcapError):
    """A file cannot be used: missing, empty, damaged or of another kind."""


def reason_of(error: OSError) -> str:
    """Return what is to be said of a call that the system refused: the file's name, where there is one, and why."""
    return "%s: %s" % (error.filename, error.strerror) if error.filename else str(error.strerror or error)


def shown(value: object) -> str:
    """Return a refused value as it may stand in a sentence: quoted, one line, not endless."""
    plain = "".join(c if c.isprintable() else "?" for c in str(value))
    return '"%s"' % (plain if len(plain) <= 60 else plain[:57] + "...")
