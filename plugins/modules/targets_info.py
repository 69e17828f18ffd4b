#!/usr/bin/python
# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: targets_info
short_description: Pods and nodes as the cluster knows them
version_added: 0.1.0
author:
  - The kube.pcap authors (@kube-pcap)
description:
  - Reads a snapshot of a cluster, a file that C(kubectl get -o json) wrote, and returns its nodes and pods as targets.
  - It adds what the nodes themselves cannot know, such as labels, workloads and services. Processes and network
    namespaces come from M(kube.pcap.node_pods_info).
extends_documentation_fragment:
  - kube.pcap._attributes
  - kube.pcap._attributes.info
  - kube.pcap._attributes.controller
  - kube.pcap._attributes.actiongroup
options:
  snapshot:
    description:
      - Path of the snapshot on the controller, which may be compressed by gzip. A relative path begins where
        C(ansible-playbook) was started.
      - Write it with C(kubectl get
        nodes,pods,services,endpointslices,deployments,replicasets,statefulsets,daemonsets,jobs -A -o json).
    type: path
    required: true
  targets:
    description:
      - Return only what these selections match, such as V(deployment shop/web); a string, a mapping, or a list.
      - Not set, every node and pod is returned.
    type: raw
seealso:
  - module: kube.pcap.node_pods_info
"""

EXAMPLES = r"""
- name: Read the cluster as it was
  kube.pcap.targets_info:
    snapshot: snapshot.json
  run_once: true
  register: cluster

- name: Find the pods behind a service
  kube.pcap.targets_info:
    snapshot: snapshot.json
    targets: service shop/web
  run_once: true
"""

RETURN = r"""
targets:
  description:
    - The nodes and pods, each with the keys that M(kube.pcap.node_pods_info) describes. Processes and network
      namespaces are null.
    - With O(targets), the matching ones that run, else all.
  returned: success
  type: list
  elements: dict
candidates:
  description: Every node and pod of the snapshot, with what only matching needs.
  returned: success
  type: list
  elements: dict
  contains:
    target:
      description: The node or pod.
      type: dict
    phase:
      description: The pod's phase; V(Running) for a node.
      type: str
      sample: Pending
    workloads:
      description: What owns the pod, all the way up, each as kind and name; null when the snapshot does not tell.
      type: list
      elements: list
      sample: [["replicaset", "web-6f8d5c7b9d"], ["deployment", "web"]]
    services:
      description: The services whose endpoint it is; null when the snapshot has no services.
      type: list
      elements: str
      sample: ["web"]
"""
