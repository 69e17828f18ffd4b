#!/usr/bin/python
# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: agents
short_description: What is asked of agent pods, what there is of them, and what became of it
version_added: 0.1.0
author:
  - The kube.pcap authors (@kube-pcap)
description:
  - Asks the API server on the controller what there is of agents, and decides and tells what the role
    C(kube.pcap.agent) has it do.
extends_documentation_fragment:
  - kube.pcap._attributes
  - kube.pcap._attributes.info
  - kube.pcap._attributes.controller
  - kube.pcap._attributes.actiongroup
options:
  of:
    description:
      - V(request) checks what is asked. V(found) asks the API server what there is of agents, and tells how Ansible
        reaches them. V(done) fails with one sentence where a task of kubernetes.core has not done its work; it must not
        fail by itself, as its own words hold a traceback.
      - V(present) waits until all agents are ready, prints a line for each, and fails where a node that is to have one
        has none that is ready. In check mode it prints which there are now, and never fails.
      - V(removal) tells which files stay on nodes, and fails where agents may not be removed.
      - V(gone) waits until they have ended, and fails where one that was ready has not. One that was not ready is not
        waited for long, since its node may be down; it is told.
    type: str
    choices: [request, found, done, present, removal, gone]
    required: true
  request:
    description: The role's options, with their prefix. What is empty or null takes its default.
    type: dict
    required: true
  result:
    description: With V(done), what M(kubernetes.core.k8s) returned.
    type: dict
    default: {}
  found:
    description:
      - What V(found) returned, for V(present), V(removal) and V(gone). With V(present), before the manifest was
        applied; with the others, before captures were stopped.
    type: dict
    default: {}
  hosts:
    description: With V(removal), the hosts of which one has the result of the play that stopped the captures.
    type: list
    elements: str
    default: []
requirements:
  - the Python package C(kubernetes) on the controller, for V(found), V(present) and V(gone)
seealso:
  - module: kube.pcap.report
"""

EXAMPLES = r"""
- name: Check what is asked
  kube.pcap.agents:
    of: request
    request:
      agent_image: registry.example/kube-pcap-agent:1
  register: agent__asked

- name: Tell which agents there are, and how to reach them
  kube.pcap.agents:
    of: found
    request:
      agent_state: absent
  register: agent__found
"""

RETURN = r"""
asked:
  description: The options by their names without prefix, with seconds, and pull secrets as a manifest has them.
  returned: with O(of=request)
  type: dict
owns_namespace:
  description: Whether the namespace was made for the agents, or is missing.
  returned: with O(of=found)
  type: bool
wanted:
  description: What the DaemonSet says of its pods, null where there is none.
  returned: with O(of=found)
  type: dict
  sample: {"nodes": 3, "up_to_date": 3, "seen": true}
spool:
  description: The folder of the nodes in which their captures live, null without a DaemonSet.
  returned: with O(of=found)
  type: str
  sample: /var/lib/kube-pcap
pods:
  description: The agents, ready or not; empty without a DaemonSet.
  returned: with O(of=found)
  type: list
  elements: dict
  sample: [{"node": "node-a", "name": "kube-pcap-agent-x7k2p", "ready": true, "reason": "ready"}]
leaving:
  description: The same of those on their way out.
  returned: with O(of=found)
  type: list
  elements: dict
group:
  description: A name for the group of hosts by which a play reaches the agents, which no group of the inventory has.
  returned: with O(of=found)
  type: str
  sample: kube_pcap_agents
agents:
  description: Host variables of each agent that is ready, where agents are to go; their captures are stopped before.
  returned: with O(of=found)
  type: list
  elements: dict
  contains:
    kube_node_name:
      description: Its node.
      type: str
    ansible_kubectl_pod:
      description: Its pod.
      type: str
text:
  description: What was printed.
  returned: with O(of=present), O(of=removal) and O(of=gone)
  type: str
"""
