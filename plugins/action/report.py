# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Assembles on the controller what the hosts answered, and prints it; documented as module ``report``."""

from __future__ import annotations

import dataclasses
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.kube.pcap.plugins.plugin_utils._plain import plain
from ansible_collections.kube.pcap.plugins.plugin_utils._play import read_answers
from ansible_collections.kube.pcap.plugins.plugin_utils._report.captures import report_captures


class ActionModule(ActionBase):
    """Answers from what the hosts of the play have registered; nothing is sent to any host."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_diff = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Print the report, and return its data."""
        result = super().run(tmp, task_vars)
        known = task_vars or {}
        _validated, options = self.validate_argument_spec(
            {
                "of": {"type": "str", "choices": ["start", "status", "stop", "remove"], "required": True},
                "registered": {"type": "list", "elements": "str", "required": True},
                "id": {"type": "str"},
                "segments": {"type": "bool", "default": False},
                "unmatched": {"type": "str", "choices": ["fail", "warn"], "default": "fail"},
            }
        )
        answers = read_answers(known["ansible_play_hosts_all"], known["hostvars"], plain(options["registered"]))
        made = report_captures(
            options["of"],
            answers,
            plain(options["id"]),
            segments=options["segments"],
            lenient=options["unmatched"] == "warn",
            check_mode=self._task.check_mode,
        )
        if made.text:
            Display().display(made.text)
        result.update(dataclasses.asdict(made), changed=False)
        if result.pop("failure"):
            result.update(failed=True, msg=made.failure)
        elif made.id:
            result["ansible_stats"] = {"data": {"capture_id": made.id}, "per_host": False, "aggregate": False}
        return result
