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
  - Asks the Kubernetes API for nodes and pods, and returns them as targets. With O(snapshot) it reads a file that
    C(kubectl get -o json) wrote instead, and asks nobody.
  - It adds what the nodes themselves cannot know, such as labels, workloads and services. Processes and network
    namespaces come from M(kube.pcap.node_pods_info).
  - It asks for no more than is selected. One pod is one C(get). Pods by label are one C(list) with that selector. A
    workload is its own object, its pods and their owners. A service is its endpoint slices and their pods.
  - The rights that it needs are C(get) and C(list) on pods. Selections of nodes, services and workloads need them on
    these. The collection's documentation has a manifest (C(docs/rbac.yml)).
extends_documentation_fragment:
  - kube.pcap._attributes
  - kube.pcap._attributes.info
  - kube.pcap._attributes.controller
  - kube.pcap._attributes.actiongroup
  - kube.pcap._kubernetes
options:
  snapshot:
    description:
      - Path of the snapshot on the controller, which may be compressed by gzip. A relative path begins where
        C(ansible-playbook) was started.
      - Write it with C(kubectl get
        nodes,pods,services,endpointslices,deployments,replicasets,statefulsets,daemonsets,jobs -A -o json).
      - Where it is given, the API is not asked, whatever O(api) says.
    type: path
  api:
    description:
      - When the API is asked.
      - V(always), also by C(~/.kube/config) where nothing else names a cluster. A failure is the task's.
      - V(auto), when an option, the environment, or the pod that the controller runs in names a cluster. A failure is
        a warning, and is returned as RV(problem).
      - V(never), not at all, which without O(snapshot) needs O(for_plan).
      - Not set, it is V(always), but V(auto) with O(for_plan).
    type: str
  targets:
    description:
      - Return only what these selections match, such as V(deployment shop/web); a string, a mapping, or a list.
      - Not set, every node and pod is returned.
    type: raw
  trace_expression:
    description:
      - Return what this trace expression names, for M(kube.pcap.plan), in place of O(targets). Where it leads to a port
        of a node, an address or a name, the Services that this may be of are told, too.
    type: raw
  resolved:
    description: Name of the variable in which the hosts registered M(kube.pcap.dns_info). For a trace to a DNS name.
    type: str
  resolved_here:
    description: As O(resolved), of the task that was delegated to the controller. It counts where that is the source.
    type: str
  for_plan:
    description:
      - The result is for M(kube.pcap.plan), which also hears the nodes themselves. All nodes are listed, where that
        right is there, so that hosts can be tied to them.
      - A selection that matches nothing, or cannot be read, is then no failure, since the plan tells that.
    type: bool
    default: false
seealso:
  - module: kube.pcap.node_pods_info
"""

EXAMPLES = r"""
- name: Find the pods of a deployment, with the cluster that the environment or ~/.kube/config names
  kube.pcap.targets_info:
    targets: deployment shop/web
  run_once: true
  register: cluster

- name: Find the pods behind a service of another cluster
  kube.pcap.targets_info:
    kubeconfig: /etc/kubernetes/edge.conf
    context: edge
    targets: service shop/web
  run_once: true

- name: Read the cluster as it was
  kube.pcap.targets_info:
    snapshot: snapshot.json
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
  description:
    - Nodes and pods with what only matching needs. Of a snapshot it is all of them, and of the API what was asked for.
      Where a selection matches nothing, it is what exists nearby.
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
      description: What owns the pod, all the way up, each as kind and name; null when that was not told.
      type: list
      elements: list
      sample: [["replicaset", "web-6f8d5c7b9d"], ["deployment", "web"]]
    services:
      description:
        - The services whose endpoint it is; null when none was told. With O(targets), the API tells only of those that
          are selected.
      type: list
      elements: str
      sample: ["web"]
services:
  description:
    - The Services that were asked about, each with its C(addresses), its C(ports) and its C(endpoints). Of a snapshot
      it is all of them.
  returned: success
  type: list
  elements: dict
source:
  description: Who told it, V(API) or V(snapshot); null where nobody was asked.
  returned: success
  type: str
problem:
  description: Why a part of what is selected is not known; null where all is. Only with O(api=auto).
  returned: success
  type: str
cut:
  description:
    - Whether there may be more nearby than RV(candidates) has. Where a selection matches nothing, the API is asked for
      2,000 objects of a kind at most to tell what exists.
  returned: success
  type: bool
"""
