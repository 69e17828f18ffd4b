# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs module ``capture`` on the hosts that the plan has a record for; documented with the module."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.kube.pcap.plugins.plugin_utils._archive.access import ENVIRONMENT
from ansible_collections.kube.pcap.plugins.plugin_utils._capturing import run_capture
from ansible_collections.kube.pcap.plugins.plugin_utils._plain import plain
from ansible_collections.kube.pcap.plugins.plugin_utils._uploads import Uploads


class ActionModule(ActionBase):
    """Credentials stay here; the module gets what they sign."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the module's result, or that there is no capture here."""
        result = super().run(tmp, task_vars)
        given = plain(self._task.args)
        access = {name: given.pop(name, None) for name in ENVIRONMENT}
        node = plain(self._templar.template((task_vars or {}).get("kube_node_name"))) or None

        def call(arguments: Mapping[str, Any]) -> dict[str, Any]:
            told: dict[str, Any] = self._execute_module(
                module_name="kube.pcap.capture", module_args=dict(arguments), task_vars=task_vars
            )
            return told

        return {**result, **run_capture(given, call, Uploads(access, os.environ), node, self._task.check_mode)}
