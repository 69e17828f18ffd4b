# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes every task's result as a line of JSON into the file that LAB_RESULTS names."""

from __future__ import annotations

import json
import os

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: lab_results
type: aggregate
short_description: Results of tasks as lines of JSON
description: Writes every result into the file that the environment variable LAB_RESULTS names.
"""


class CallbackModule(CallbackBase):
    """One line per host and task: ``{"host", "task", "action", "status", "result"}``."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "lab_results"
    CALLBACK_NEEDS_ENABLED = True

    def _write(self, status, result):
        line = {"status": status, "host": result._host.get_name(), "task": result._task.get_name()}
        line["action"] = result._task.action
        line["result"] = json.loads(self._dump_results(result._result, indent=0))
        if "diff" in result._result:  # what is printed leaves it out
            line["result"]["diff"] = json.loads(json.dumps(result._result["diff"]))
        with open(os.environ["LAB_RESULTS"], "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def v2_runner_on_ok(self, result):
        self._write("ok", result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._write("ignored" if ignore_errors else "failed", result)

    def v2_runner_on_unreachable(self, result):
        self._write("unreachable", result)

    def v2_runner_on_skipped(self, result):
        self._write("skipped", result)
