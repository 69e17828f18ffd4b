# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module ``netns_command`` says by itself; what it runs is tried in the lab."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import TargetError
from ansible_collections.kube.pcap.plugins.module_utils._matching import choose
from ansible_collections.kube.pcap.plugins.module_utils._node import commands
from ansible_collections.kube.pcap.plugins.module_utils._records import Candidate, Target

PARAMS = dict.fromkeys(("record", "pod", "node", "targets", "container", "kube_node_name", *commands.NAMES))


@pytest.mark.parametrize("targets", ["deployment shop/web", "pods shop app=web"])
def test_what_a_node_cannot_judge_is_told_by_this_roles_names(monkeypatch, targets):
    """The playbook that can is that of tools: it has another option than the one of captures."""
    known = [Candidate(Target("pod", "shop", "web-1", "u1", "node-a", pid=7))]
    monkeypatch.setattr(commands, "choose_here", lambda selected, _name: choose(selected, known, "targets"))
    with pytest.raises(TargetError) as refused:
        commands.asked({**PARAMS, "targets": targets, "argv": ["ip"]})
    said = str(refused.value)
    assert "the playbook's exec_snapshot" in said and "exec_api: always)" in said and "capture_" not in said
