# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: nodes
short_description: The nodes of a Kubernetes cluster as hosts
version_added: 0.1.0
author:
  - The kube.pcap authors (@kube-pcap)
description:
  - Makes a host of each node of a cluster, with the node's name, groups of its labels, taints, readiness, roles and
    zone, and what Ansible needs to connect to it, by SSH or by the cluster's agent pods.
  - It asks the Kubernetes API for nodes, and for pods with O(connect=agent), or reads a snapshot.
  - The configuration is a file whose name ends in C(pcap.yml) or C(pcap.yaml), such as C(cluster.pcap.yml).
  - What the cluster says is data. No text of it is rendered as a template.
extends_documentation_fragment:
  - ansible.builtin.constructed
  - ansible.builtin.inventory_cache
  - kube.pcap._kubernetes
options:
  plugin:
    description: Says that the file is for this plugin.
    type: str
    required: true
    choices: [kube.pcap.nodes]
  snapshot:
    description:
      - A file that is read instead of the API, as C(kubectl get nodes,pods -A -o json) writes it; it may be compressed
        by gzip.
      - A relative path begins where Ansible was started.
    type: path
  label_selector:
    description: Only nodes with these labels, such as V(kubernetes.io/os=linux,pool notin (build,test\)).
    type: str
  connect:
    description:
      - How Ansible connects to the nodes.
      - With V(ssh), C(ansible_host) is the node's address, see O(address).
      - With V(agent), it is by the agent pod on the node and the connection plugin C(kubernetes.core.kubectl), which
        needs the collection C(kubernetes.core), and C(kubectl).
    type: str
    default: ssh
    choices: [ssh, agent]
  address:
    description:
      - Types of addresses, the first that a node has is its C(ansible_host); of several of one type it is the one that
        the node lists first.
      - A node that has none of them is in the group V(without_address).
    type: list
    elements: str
    choices: [InternalIP, ExternalIP, Hostname, InternalDNS, ExternalDNS]
    default: [InternalIP]
  agent_namespace:
    description:
      - Namespace of the agent pods, with O(connect=agent).
      - A node on which none is ready is in the group V(without_agent).
    type: str
    default: kube-pcap
notes:
  - Host variables are C(kube_node_name), C(kube_labels), C(kube_annotations), C(kube_taints) (a list of C(key),
    C(value), C(effect)), C(kube_conditions) (C(Ready) and others, each C(True), C(False) or C(Unknown)),
    C(kube_addresses) (lists by type), C(kube_zone), C(kube_kubelet_version) and C(kube_container_runtime).
  - Groups are V(nodes), V(ready), V(not_ready), V(unschedulable), V(label_KEY_VALUE), V(taint_KEY_VALUE_EFFECT),
    V(role_ROLE) and V(zone_ZONE). What cannot stand in a group's name is C(_) there, so that two labels may share a
    group; C(kube_labels) has them as they are.
  - With O(connect=agent), the options that name a server are handed to C(kubectl), without O(api_key), O(username) and
    O(password), which would stand in inventories. So O(host) wants a O(kubeconfig) or O(context) beside it, or
    E(K8S_AUTH_API_KEY) or E(K8S_AUTH_PASSWORD), since C(kubectl) would send it another cluster's token.
  - The connection plugin reads E(K8S_AUTH_API_KEY) and E(K8S_AUTH_PASSWORD) by itself and puts them on the command line
    of C(kubectl), which whoever may list the controller's processes reads. A kubeconfig (O(kubeconfig)) keeps them off.
  - Where the nodes cannot be read, Ansible warns and goes on with an empty inventory, unless
    E(ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED) is set.
"""

EXAMPLES = r"""
# cluster.pcap.yml. The first line is enough for all nodes over SSH, with the current context of ~/.kube/config, or what
# K8S_AUTH_ variables say.
plugin: kube.pcap.nodes

# One cluster of several, and some of its nodes.
kubeconfig: ~/.kube/config
context: edge
label_selector: kubernetes.io/os=linux

# Their public addresses, where they have one.
address: [ExternalIP, InternalIP]

# Variables and groups of one's own.
compose:
  ansible_user: "'ubuntu'"
keyed_groups:
  - key: kube_labels['node.kubernetes.io/instance-type']
    prefix: type

# What was read is kept for a minute.
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: ~/.ansible/inventory
cache_timeout: 60
"""

from ansible_collections.kube.pcap.plugins.plugin_utils._inventory.plugin import NodesInventory


class InventoryModule(NodesInventory):
    """Makes hosts of nodes."""

    NAME = "kube.pcap.nodes"
