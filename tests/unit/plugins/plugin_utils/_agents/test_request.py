# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role ``agent`` is asked for."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import OptionError
from ansible_collections.kube.pcap.plugins.plugin_utils._agents.request import DEFAULTS, asked

IMAGE = {"agent_image": "registry:5000/agent@sha256:00"}


def test_defaults():
    """What is empty or null is as if it were not there; times become seconds."""
    empty = {"agent_" + name: "" if number % 2 else None for number, name in enumerate(DEFAULTS)}
    assert asked({**empty, **IMAGE}) == asked(IMAGE) == {**DEFAULTS, "image": IMAGE["agent_image"], "wait": 180}


def test_values():
    """Each option in its own shape, by its name without prefix."""
    given = {
        "agent_state": "absent",
        "agent_namespace": "tools",
        "agent_pull_secrets": ["registry"],
        "agent_node_selector": {"pool": "edge", "taps": True},
        "agent_tolerations": [],
        "agent_spool": "/srv/pcap/",
        "agent_force": "yes",
        "agent_wait": "10s",
    }
    told = asked(given)
    assert (told["state"], told["namespace"], told["image"]) == ("absent", "tools", None)
    assert told["node_selector"] == {"pool": "edge", "taps": "true"} and told["pull_secrets"] == [{"name": "registry"}]
    assert (told["tolerations"], told["spool"], told["force"], told["wait"]) == ([], "/srv/pcap", True, 10)


@pytest.mark.parametrize(
    "given, said",
    [
        ({}, "agent_image: no image is named"),
        ({"agent_image": "x y"}, 'agent_image: "x y" is no image'),
        ({**IMAGE, "agent_state": "gone"}, 'agent_state: "gone" is not taken; write present or absent'),
        ({**IMAGE, "agent_pull_policy": "Maybe"}, "agent_pull_policy: "),
        ({**IMAGE, "agent_namespace": "Kube"}, "agent_namespace: "),
        ({**IMAGE, "agent_node_selector": "pool=edge"}, 'agent_node_selector: "pool=edge" is no mapping'),
        ({**IMAGE, "agent_tolerations": {"operator": "Exists"}}, "agent_tolerations: .* is no list"),
        ({**IMAGE, "agent_tolerations": ["all"]}, "agent_tolerations: a toleration is a mapping"),
        ({**IMAGE, "agent_pull_secrets": [{"name": "x"}]}, "agent_pull_secrets: "),
        (
            {**IMAGE, "agent_resources": {"memory": "1Gi"}},
            "agent_resources: it holds memory; write limits and requests",
        ),
        ({**IMAGE, "agent_spool": "spool"}, "agent_spool: "),
        ({**IMAGE, "agent_wait": "soon"}, "agent_wait: "),
        ({**IMAGE, "agent_force": "maybe"}, "agent_force: "),
        ({**IMAGE, "agent_imge": "x"}, "it is not an option"),
    ],
)
def test_refused(given, said):
    """One sentence names the option, and what would be right."""
    with pytest.raises(OptionError, match=said):
        asked(given)
