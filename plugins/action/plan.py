# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans on the controller what each node is to record; documented as module ``plan``."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.kube.pcap.plugins.module_utils._errors import PcapError
from ansible_collections.kube.pcap.plugins.module_utils._records import to_result
from ansible_collections.kube.pcap.plugins.plugin_utils._cluster.merging import cluster_candidates
from ansible_collections.kube.pcap.plugins.plugin_utils._plain import plain
from ansible_collections.kube.pcap.plugins.plugin_utils._plan import plan_capture
from ansible_collections.kube.pcap.plugins.plugin_utils._play import check_batch, read_answers


class ActionModule(ActionBase):
    """Answers from what the hosts of the play have registered; nothing is sent to any host."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_diff = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the id and one record per host."""
        result = super().run(tmp, task_vars)
        known = task_vars or {}
        _validated, options = self.validate_argument_spec(
            {
                "request": {"type": "dict", "required": True},
                "registered": {"type": "list", "elements": "str", "required": True},
                "cluster": {"type": "str"},
            }
        )
        cluster = known.get(options["cluster"]) or {}
        try:
            check_batch(known["ansible_play_hosts"], known["ansible_play_batch"])
            planned = plan_capture(
                plain(options["request"]),
                read_answers(known["ansible_play_hosts_all"], known["hostvars"], plain(options["registered"])),
                cluster_candidates(plain(cluster)) if "candidates" in cluster else (),
            )
        except PcapError as error:
            return {**result, "failed": True, "msg": str(error)}
        for warning in planned.warnings:
            Display().warning(warning)
        result.update(to_result(planned), changed=False)
        return result
