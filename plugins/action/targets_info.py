# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks the API, or reads a snapshot, on the controller; documented as module ``targets_info``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ansible_collections.kube.pcap.plugins.plugin_utils._cluster.answer import OPTIONS, answer
from ansible_collections.kube.pcap.plugins.plugin_utils._controller import ControllerAction
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.ends import leading, named
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.names import resolved


class ActionModule(ControllerAction):
    """Answers from the API, or from a file."""

    OPTIONS = {
        **OPTIONS,
        "trace_expression": {"type": "raw"},
        "resolved": {"type": "str"},
        "resolved_here": {"type": "str"},
    }

    def answer(self, options: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
        """Return the targets and candidates of the cluster."""
        expression = options.get("trace_expression")
        if not expression:
            return answer(options, os.environ, os.getcwd())
        options = {**options, "targets": named(expression), "for_plan": True}
        return answer(options, os.environ, os.getcwd(), leading(expression, resolved(expression, options, known)))
