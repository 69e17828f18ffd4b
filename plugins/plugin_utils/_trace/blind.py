# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which programs may keep packets from a tap, as far as its node tells. PRIVATE to the collection."""

from __future__ import annotations

from collections.abc import Iterable

from ...module_utils._trace_records import Interface


def attached(interfaces: Iterable[Interface]) -> tuple[str, ...]:
    """Return the programs that are attached, as messages call them: ``tcx at eth0 and 9 more``."""
    return _at((" and ".join(one.programs), one.name) for one in interfaces if one.programs)


def unknown(interfaces: Iterable[Interface]) -> str | None:
    """Return that it is not known whether there are programs, and why; None where it is known."""
    why = _at((one.programs_unknown, one.name) for one in interfaces if one.programs_unknown is not None)
    return "whether programs of tcx or netkit are attached is not known (%s)" % ", ".join(why) if why else None


def blind(interfaces: Iterable[Interface]) -> tuple[str, ...]:
    """Return for what a tap may be blind: programs at each interface, and what is not known of them."""
    known = list(interfaces)
    doubt = unknown(known)
    each = tuple(told for one in known for told in attached([one]))
    return each if doubt is None else (*each, doubt)


def _at(told: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Return what is told of interfaces, each once, with the first of them and how many more there are."""
    names: dict[str, list[str]] = {}
    for what, name in told:
        names.setdefault(what, []).append(name)
    more = {what: " and %d more" % (len(own) - 1) if len(own) > 1 else "" for what, own in names.items()}
    return tuple("%s at %s%s" % (what, own[0], more[what]) for what, own in names.items())
