# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Brings segments of a node to the controller, or through it to a bucket; documented as module ``collect``."""

from __future__ import annotations

import os
from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.kube.pcap.plugins.module_utils._errors import PcapError
from ansible_collections.kube.pcap.plugins.plugin_utils._archive.access import OPTIONS as ACCESS
from ansible_collections.kube.pcap.plugins.plugin_utils._collect.choice import read_options
from ansible_collections.kube.pcap.plugins.plugin_utils._collect.collecting import Collector
from ansible_collections.kube.pcap.plugins.plugin_utils._collect.node import Node
from ansible_collections.kube.pcap.plugins.plugin_utils._collect.stores import stores
from ansible_collections.kube.pcap.plugins.plugin_utils._plain import plain
from ansible_collections.kube.pcap.plugins.plugin_utils._report.text import clean
from ansible_collections.kube.pcap.plugins.plugin_utils._uploads import Uploads


class ActionModule(ActionBase):
    """Asks modules on the host, and reads its files block by block."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_diff = False

    OPTIONS = {
        "id": {"type": "str", "default": "all"},
        "dest": {"type": "str"},
        "sink": {"type": "str"},
        "spool": {"type": "str", "default": "/var/lib/kube-pcap"},
        **ACCESS,
    }

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what was collected; it fails, and still tells that, where something could not be."""
        result = super().run(tmp, task_vars)
        known = task_vars or {}
        _validated, given = self.validate_argument_spec(dict(self.OPTIONS))
        options = plain(given)
        access = {name: options.pop(name) for name in ACCESS}
        try:
            wanted = read_options(options, os.getcwd(), plain(self._templar.template(known.get("kube_node_name"))))
            with stores(access, os.environ) as store:
                collector = Collector(wanted, Node(self, known), store, Uploads(access, os.environ))
                told = collector.run(self._task.check_mode)
        except PcapError as error:
            return {**result, "failed": True, "changed": False, "msg": clean(str(error))}
        return {**result, **told}
