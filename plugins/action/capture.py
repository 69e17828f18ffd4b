# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs module ``capture`` on the hosts that the plan has a record for; documented with the module."""

from __future__ import annotations

import os
from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.kube.pcap.plugins.module_utils._errors import PcapError
from ansible_collections.kube.pcap.plugins.plugin_utils._archive.access import ENVIRONMENT
from ansible_collections.kube.pcap.plugins.plugin_utils._plain import plain
from ansible_collections.kube.pcap.plugins.plugin_utils._report.text import clean
from ansible_collections.kube.pcap.plugins.plugin_utils._uploads import Uploads, with_words


class ActionModule(ActionBase):
    """A host without a record has no part in the capture, and is not touched; what a bucket takes is signed here."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the module's result, or that there is no capture here."""
        result = super().run(tmp, task_vars)
        given = plain(self._task.args)
        if given.get("state", "started") == "started" and not given.get("record", True) and "targets" not in given:
            return {**result, "changed": False, "capture": None}
        access = {name: given.pop(name, None) for name in ENVIRONMENT}
        uploads = Uploads(access, os.environ)
        try:
            if given.get("state", "started") == "started":
                given.update(uploads.for_start(given))
        except PcapError as error:
            return {**result, "failed": True, "changed": False, "msg": clean(str(error))}
        told = self._execute_module(module_name="kube.pcap.capture", module_args=given, task_vars=task_vars)
        needed = told.pop("uploads", ())
        if self._task.check_mode:
            told["changed"] = bool(told.get("changed")) or uploads.would_renew(needed, self._node(task_vars))
        more = {} if self._task.check_mode else uploads.for_node(needed, self._node(task_vars))
        if more:
            told = self._bring(given, more, told, task_vars)
        return with_words({**result, **told}, uploads.warnings, uploads.problems)

    def _bring(
        self, given: dict[str, Any], more: dict[str, Any], told: dict[str, Any], task_vars: dict[str, Any] | None
    ) -> dict[str, Any]:
        """Hand the node what it needs, and return what it tells then; a stop waits once more."""
        steps = [{**given, **more, "state": "refreshed"}, *([given] if given["state"] == "stopped" else [])]
        answers = [told]
        for step in steps:
            answers.append(self._execute_module(module_name="kube.pcap.capture", module_args=step, task_vars=task_vars))
            answers[-1].pop("uploads", None)
        words = dict.fromkeys(one["msg"] for one in answers if one.get("msg"))
        changed = any(one.get("changed") for one in answers)
        return {**answers[-1], "changed": changed, **({"msg": "; ".join(words)} if words else {})}

    def _node(self, task_vars: dict[str, Any] | None) -> str | None:
        """Return the node's name where the inventory has it."""
        name = self._templar.template((task_vars or {}).get("kube_node_name"))
        return str(name) if name else None
