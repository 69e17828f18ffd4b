# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs module ``capture`` on the hosts that the plan has a record for; documented with the module."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.kube.pcap.plugins.plugin_utils._plain import plain


class ActionModule(ActionBase):
    """A host without a record has no part in the capture, and is not touched."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the module's result, or that there is no capture here."""
        result = super().run(tmp, task_vars)
        given = plain(self._task.args)
        if given.get("state", "started") == "started" and not given.get("record", True) and "targets" not in given:
            return {**result, "changed": False, "capture": None}
        result.update(self._execute_module(module_name="kube.pcap.capture", module_args=given, task_vars=task_vars))
        return result
