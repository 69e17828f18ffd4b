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
  - Decides and tells on the controller what the role C(kube.pcap.agent) has the API server do.
extends_documentation_fragment:
  - kube.pcap._attributes
  - kube.pcap._attributes.info
  - kube.pcap._attributes.controller
  - kube.pcap._attributes.actiongroup
options:
  of:
    description:
      - V(request) checks what is asked, and that the API server answers. V(done) fails with one sentence where a task
        of kubernetes.core has not done its work; it must not fail by itself, as its own words hold a traceback.
      - V(found) tells whose the namespace is, and how Ansible reaches the agents.
      - V(present) prints a line for each agent, and fails where a node that is to have one has none that is ready. In
        check mode it prints which there are now, and never fails.
      - V(removal) tells which files stay on nodes, and fails where agents may not be removed.
    type: str
    choices: [request, done, found, present, removal]
    required: true
  request:
    description: The role's options, with their prefix. What is empty or null takes its default.
    type: dict
    required: true
  result:
    description: With V(done), what M(kubernetes.core.k8s) returned.
    type: dict
    default: {}
  namespaces:
    description: What M(kubernetes.core.k8s_info) returned of the agents' namespace. It may have failed, which is told.
    type: dict
    default: {}
  daemonsets:
    description: The same of their DaemonSet.
    type: dict
    default: {}
  pods:
    description: The same of their pods.
    type: dict
    default: {}
  hosts:
    description: With V(removal), the hosts of which one has the result of the play that stopped the captures.
    type: list
    elements: str
    default: []
  before:
    description: With V(present), what V(found) returned before the manifest was applied.
    type: dict
    default: {}
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

- name: Look for agents
  kubernetes.core.k8s_info:
    kind: Pod
    namespace: kube-pcap
    label_selectors: [app.kubernetes.io/name=kube-pcap-agent]
  failed_when: false
  register: agent__pods

- name: Tell how to reach them
  kube.pcap.agents:
    of: found
    request:
      agent_state: absent
    daemonsets: "{{ agent__daemonsets }}"
    pods: "{{ agent__pods }}"
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
spool:
  description: The folder of the nodes in which their captures live, null without a DaemonSet.
  returned: with O(of=found)
  type: str
  sample: /var/lib/kube-pcap
group:
  description: A name for the group of hosts by which a play reaches the agents, which no group of the inventory has.
  returned: with O(of=found)
  type: str
  sample: kube_pcap_agents
agents:
  description: Host variables of each agent that is ready; empty without a DaemonSet.
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
nodes:
  description: The nodes that have an agent, ready or not.
  returned: with O(of=found)
  type: list
  elements: str
text:
  description: What was printed.
  returned: with O(of=present) and O(of=removal)
  type: str
"""
