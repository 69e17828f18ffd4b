# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans on the controller what each node is to do; documented as module ``plan``."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

from ansible_collections.kube.pcap.plugins.module_utils._errors import PcapError
from ansible_collections.kube.pcap.plugins.module_utils._records import to_result
from ansible_collections.kube.pcap.plugins.plugin_utils._archive.access import OPTIONS as ACCESS
from ansible_collections.kube.pcap.plugins.plugin_utils._cluster.merging import (
    cluster_candidates,
    cluster_told,
    node_candidates,
)
from ansible_collections.kube.pcap.plugins.plugin_utils._cluster.services import told_services
from ansible_collections.kube.pcap.plugins.plugin_utils._controller import ControllerAction
from ansible_collections.kube.pcap.plugins.plugin_utils._exec import plan_exec
from ansible_collections.kube.pcap.plugins.plugin_utils._plain import plain
from ansible_collections.kube.pcap.plugins.plugin_utils._plan import plan_capture, settle
from ansible_collections.kube.pcap.plugins.plugin_utils._play import Answer, check_batch, read_answers
from ansible_collections.kube.pcap.plugins.plugin_utils._request import change, collection
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.answers import Registered, gather, read_planned
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.controller import is_source, look
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.names import asking, resolved
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.planning import (
    TracePlan,
    node_addresses,
    not_watching,
    plan_trace,
    second_run,
)
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.request import read
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.runs import fallen, lacks_nodes, once_more
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.storing import check_places
from ansible_collections.kube.pcap.plugins.plugin_utils._variables import CAPTURE, EXEC, TRACE, check_cut, strange

_PLANS = {"start": plan_capture, "exec": plan_exec}
_EXAMPLES = {
    "exec": ("exec_targets",),
    "asked": ("trace_expression", "from pod shop/cart to service shop/db and tcp port 5432"),
}
"""Options that are cut at a space, with what they may be."""
_ONCE = "it is not sent a second time, with every node watched: %s"


class ActionModule(ControllerAction):
    """Answers from what the hosts of the play have registered."""

    OPTIONS = {
        "of": {
            "type": "str",
            "default": "start",
            "choices": ["start", "status", "stop", "collect", "exec", "asked", "nodes", "trace", "watching", "again"],
        },
        "request": {"type": "dict", "default": {}},
        "registered": {"type": "list", "elements": "str", "default": []},
        "cluster": {"type": "str"},
        "planned": {"type": "str"},
        "resolved": {"type": "str"},
        "resolved_here": {"type": "str"},
        "read": {"type": "list", "elements": "str", "default": []},
        "sent": {"type": "str"},
        "read_here": {"type": "list", "elements": "str", "default": []},
        "sent_here": {"type": "str"},
        "dest": {"type": "str"},
        "sink": {"type": "str"},
        **ACCESS,
    }

    def answer(self, options: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
        """Return the id and one record per host, or what is asked of captures that exist."""
        if options["of"] == "watching":
            return self._watching(options, known)
        if options["of"] == "again":
            return self._again(options, known)
        check_cut(known.get("_raw_params"), *_EXAMPLES.get(options["of"], ()))
        slips, others = strange(set(known), _prefix(options))
        try:
            planned = self._planned(options, known)
        except PcapError as error:  # a misspelled option may be why
            raise PcapError("; ".join([str(error), *slips, *others])) from None
        if slips:
            raise PcapError("; ".join(slips))
        return {**planned, "warnings": [*others, *planned.get("warnings", ())]}

    def _planned(self, options: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
        if options["of"] == "asked":
            wanted = read(options["request"])
            check_places(options, wanted.id, os.getcwd(), os.environ)
            asked = asking(options["request"].get("trace_expression"))
            return {"resolve": None if asked is None else to_result(asked)}
        if options["of"] == "collect":
            return {"asked": collection(options["request"])}
        if options["of"] not in (*_PLANS, "nodes", "trace"):
            return {"asked": change(options["of"], options["request"])}
        check_batch(known["ansible_play_hosts"], known["ansible_play_batch"], _prefix(options))
        if options["of"] == "trace":
            return dict(to_result(self._trace(options, known, options["request"])))
        answers, cluster = self._found(options, known)
        candidates, told = cluster_candidates(cluster), cluster_told(cluster)
        if options["of"] == "nodes":
            return {"nodes": {host: node for node, host in settle(answers, candidates, told).hosts.items()}}
        result: dict[str, Any] = to_result(_PLANS[options["of"]](options["request"], answers, candidates, told))
        return result

    def _found(
        self, options: Mapping[str, Any], known: Mapping[str, Any]
    ) -> tuple[tuple[Answer, ...], Mapping[str, Any]]:
        """Return what the hosts found, and what the cluster told."""
        hosts, variables = known["ansible_play_hosts_all"], known["hostvars"]
        answers = read_answers(hosts, variables, options["registered"], node_candidates)
        return answers, plain(known.get(options["cluster"])) or {}

    def _trace(self, options: Mapping[str, Any], known: Mapping[str, Any], request: Mapping[str, Any]) -> TracePlan:
        answers, cluster = self._found(options, known)
        expression = request.get("trace_expression")
        name = resolved(expression, options, known)
        addresses = name.addresses if name is not None else ()
        here = look(node_addresses(answers), addresses) if is_source(expression) else None
        candidates, told, services = cluster_candidates(cluster), cluster_told(cluster), told_services(cluster)
        return plan_trace(request, answers, candidates, told, services, os.urandom(16), here, name)

    def _again(self, options: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
        """Return the plan of a trace's second run; where none is needed, or none can be, that of its first."""
        plan = plain(known.get(options["planned"])) or {}
        planned = read_planned(plan, "planned")
        first = {field.name: plan[field.name] for field in dataclasses.fields(TracePlan) if field.name in plan}
        first["warnings"] = []  # they have been told
        if self._task.check_mode:
            return first
        registered = Registered(*(options[name] for name in ("read", "sent", "read_here", "sent_here")))
        earlier = lacks_nodes(planned, gather(planned, registered, known))
        if earlier is None:
            return first
        try:
            made = self._trace(options, known, once_more(options["request"], planned))
        except PcapError as error:
            return {**first, "warnings": [_ONCE % error]}
        if not made.trace.every_node:
            return first
        why = fallen(made.taps, known["ansible_play_hosts"])
        return dict(to_result(second_run(made, earlier))) if why is None else {**first, "warnings": [_ONCE % why]}

    def _watching(self, options: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
        """Return the hosts whose taps do not listen: where there is one, nothing is sent."""
        wanted = plain(known.get(options["planned"]) or {}).get("taps", {})
        hosts = [host for host in known["ansible_play_hosts_all"] if host in wanted]
        answers = read_answers(hosts, known["hostvars"], options["registered"], dict)
        return {"missing": to_result(not_watching(answers))}


def _prefix(options: Mapping[str, Any]) -> str:
    return {"exec": EXEC, "asked": TRACE, "nodes": TRACE, "trace": TRACE}.get(options["of"], CAPTURE)
