# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What selections mean on this node, for a module that is called without a plan. PRIVATE to the collection."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from .._errors import OptionError
from .._matching import choose, explain, select, undecided
from .._records import Selection, Target
from .._selection import parse
from .pods import NodeView, read_node


def selected(params: Mapping[str, Any], options: Sequence[str]) -> tuple[Selection, ...]:
    """Return the selections of the one option that names targets: ``pod``, ``node`` or ``targets``.

    Raises OptionError where it is not one of these options that is given, and for what is no selection.
    """
    given = [name for name in options if params[name] not in (None, "")]
    if len(given) != 1:
        option = given[1] if given else "pod"
        right = "write one of %s and %s" % (", ".join(options[:-1]), options[-1])
        raise OptionError(option, "it is not clear where to run", right)
    option = given[0]
    value = params[option]
    return parse(option, value if option == "targets" else "%s %s" % (option, value))


def choose_here(
    selections: Sequence[Selection], kube_node_name: str | None, option: str = "targets"
) -> tuple[NodeView, tuple[Target, ...] | str]:
    """Return what the node knows, and the targets on it, or a sentence where nothing matches here.

    Called ad hoc on many nodes, one that nothing matches on has no part. A node that cannot tell whether something
    matches raises TargetError.
    """
    view = read_node(kube_node_name=kube_node_name)
    here = [one for one in selections if select(one, view.candidates) or undecided(one, view.candidates)]
    if not here:
        return view, "; ".join(explain(one, view.candidates, view.node.name) for one in selections)
    return view, choose(here, view.candidates, option)
