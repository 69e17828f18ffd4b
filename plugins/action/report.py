# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Assembles on the controller what the hosts answered, and prints it; documented as module ``report``."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

from ansible.utils.display import Display

from ansible_collections.kube.pcap.plugins.plugin_utils._archive.access import OPTIONS as ACCESS
from ansible_collections.kube.pcap.plugins.plugin_utils._controller import ControllerAction
from ansible_collections.kube.pcap.plugins.plugin_utils._plain import plain
from ansible_collections.kube.pcap.plugins.plugin_utils._play import later, read_answers
from ansible_collections.kube.pcap.plugins.plugin_utils._report.captures import report_captures
from ansible_collections.kube.pcap.plugins.plugin_utils._report.collected import report_collected
from ansible_collections.kube.pcap.plugins.plugin_utils._report.markdown import markdown
from ansible_collections.kube.pcap.plugins.plugin_utils._report.parts import Report
from ansible_collections.kube.pcap.plugins.plugin_utils._report.shapes import (
    check_collected,
    check_info,
    check_started,
    check_tools,
)
from ansible_collections.kube.pcap.plugins.plugin_utils._report.text import clean
from ansible_collections.kube.pcap.plugins.plugin_utils._report.tools import ToolReport, report_tools
from ansible_collections.kube.pcap.plugins.plugin_utils._report.tracing import (
    TraceReport,
    pretend_trace,
    report_trace,
    show_trace,
)
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.answers import Registered, gather, read_planned
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.result import read_earlier
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.storing import read_from, store


def _artifacts(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return data that AWX keeps of a job, and hands to the next nodes of a workflow, as ``set_stats`` has it."""
    return {"data": data, "per_host": False, "aggregate": False}


class ActionModule(ControllerAction):
    """Answers from what the hosts of the play have registered."""

    OPTIONS = {
        "of": {
            "type": "str",
            "choices": ["start", "status", "stop", "remove", "collect", "exec", "trace", "show"],
            "required": True,
        },
        "registered": {"type": "list", "elements": "str", "default": []},
        "id": {"type": "str"},
        "segments": {"type": "bool", "default": False},
        "unmatched": {"type": "str", "choices": ["fail", "warn"], "default": "fail"},
        "plan": {"type": "str"},
        "sent": {"type": "str"},
        "registered_here": {"type": "list", "elements": "str", "default": []},
        "sent_here": {"type": "str"},
        "dest": {"type": "str"},
        "sink": {"type": "str"},
        "expect": {"type": "str"},
        "stored": {"type": "str"},
        **ACCESS,
    }

    def answer(self, options: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
        """Print the report, and return its data."""
        waiting = later(known["ansible_play_hosts"], known["ansible_play_batch"])
        hosts, variables = known["ansible_play_hosts_all"], known["hostvars"]
        of, registered = options["of"], options["registered"]
        told = {"lenient": options["unmatched"] == "warn", "check_mode": self._task.check_mode}
        made: Report | ToolReport | TraceReport
        if of == "show":
            stored = read_from(options["stored"], options, os.getcwd(), os.environ)
            made = show_trace(stored, Display().columns)
        elif of == "trace":
            made = self._trace(options, known)
        elif of == "exec":
            answers = read_answers(hosts, variables, registered, check_tools, waiting, partial="results")
            made = report_tools(answers, self._task.check_mode)
        elif of == "collect":
            answers = read_answers(hosts, variables, registered, check_collected, waiting, partial="captures")
            made = report_collected(answers, options["id"], **told)
        else:
            check = check_started if of == "start" else check_info
            answers = read_answers(hosts, variables, registered, check, waiting)
            made = report_captures(of, answers, options["id"], segments=options["segments"], **told)
        if made.text:
            Display().display(made.text)
        result = dataclasses.asdict(made)
        failure = result.pop("failure")
        if of == "trace" and isinstance(made, TraceReport) and made.trace is not None:
            told_of = {"id": made.trace["id"], **made.trace["verdict"]}
            kept = {name: told_of[name] for name in ("id", "outcome", "confidence", "text")}
            result["ansible_stats"] = _artifacts({"trace_verdict": kept})
            # Ansible prints the whole result of a task that fails; the role's next task fails instead.
            result["failure"] = None if failure is None else clean(failure)
        elif failure:
            result.update(failed=True, msg=failure)
        elif result.get("id"):
            result["ansible_stats"] = _artifacts({"capture_id": result["id"]})
        return result

    def _trace(self, options: Mapping[str, Any], known: Mapping[str, Any]) -> TraceReport:
        """Return the report of a trace, whose result is in its file by then."""
        plan = plain(known.get(options["plan"]))
        planned = read_planned(plan, "plan")
        if self._task.check_mode:
            return pretend_trace(planned)
        registered = Registered(*(options[name] for name in ("registered", "sent", "registered_here", "sent_here")))
        told = gather(planned, registered, known)
        made = report_trace(planned, told, options["expect"], Display().columns, read_earlier(plan))
        if made.trace is None:
            return made
        return made.with_places(*store(options, made.trace, markdown(made.trace), os.getcwd(), os.environ))
