# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads a snapshot of the cluster on the controller; documented as module ``targets_info``."""

from __future__ import annotations

import os
from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.kube.pcap.plugins.module_utils._errors import PcapError
from ansible_collections.kube.pcap.plugins.plugin_utils._cluster.answer import answer
from ansible_collections.kube.pcap.plugins.plugin_utils._plain import plain


class ActionModule(ActionBase):
    """Answers from a file; nothing is sent to any host."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_diff = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the targets and candidates of the snapshot."""
        result = super().run(tmp, task_vars)
        _validated, options = self.validate_argument_spec(
            {"snapshot": {"type": "str", "required": True}, "targets": {"type": "raw"}}
        )
        try:
            result.update(answer(plain(options["snapshot"]), plain(options["targets"]), os.getcwd()))
        except PcapError as error:
            return {**result, "failed": True, "msg": str(error)}
        return {**result, "changed": False}
