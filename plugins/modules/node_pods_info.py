#!/usr/bin/python
# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: node_pods_info
short_description: Every pod that runs on a Kubernetes node, found without the Kubernetes API
version_added: 0.1.0
author:
  - The kube.pcap authors (@kube-pcap)
description:
  - Finds the running pods of a node from its processes and their cgroups, names them from the kubelet's folders, and
    adds what the container runtime knows where C(crictl) is installed. It works while the API is down.
  - Each pod comes with a process and the network namespace by which captures and commands reach it.
  - Containerd, CRI-O and Docker (by cri-dockerd) are known, with cgroups of version 1 and 2, by cgroupfs or systemd.
extends_documentation_fragment:
  - kube.pcap._attributes
  - kube.pcap._attributes.info
  - kube.pcap._attributes.actiongroup
options:
  kube_node_name:
    description:
      - The name under which the cluster knows this node.
      - Not set, it is the one that the kubelet is started with, else the one in the kubelet's client certificate, else
        the host name in lower case.
    type: str
  targets:
    description:
      - Return only pods that these selections match, such as V(pods shop app=web); a string, a mapping, or a list.
      - A selection by label needs C(crictl) on the node. One by workload or service is refused, since a node cannot
        judge it.
      - Not set, every pod is returned.
    type: raw
  runtime:
    description: Ask the container runtime by C(crictl) where that is installed. Without it there are no labels.
    type: bool
    default: true
notes:
  - Run it as root, or with C(become).
  - Only the API knows the order of containers in a pod's specification. Here running ones come first, oldest first.
  - The uid of a static pod is its configuration's hash, which the API calls C(kubernetes.io/config.hash).
seealso:
  - module: kube.pcap.targets_info
"""

EXAMPLES = r"""
- name: List the pods of every node
  kube.pcap.node_pods_info:
  register: found

- name: Show where the pods of the shop are
  ansible.builtin.debug:
    msg: "{{ item.namespace }}/{{ item.name }} has process {{ item.pid }} in network namespace {{ item.netns }}"
  loop: "{{ found.pods | selectattr('namespace', 'eq', 'shop') }}"
  loop_control:
    label: "{{ item.name }}"

- name: Find one pod on whatever node it runs
  kube.pcap.node_pods_info:
    targets: pod shop/cart
"""

RETURN = r"""
pods:
  description: The running pods, by namespace and name. What is not known is null.
  returned: success
  type: list
  elements: dict
  contains: &target
    kind:
      description: V(pod) or V(node).
      type: str
      sample: pod
    namespace:
      description: The pod's namespace.
      type: str
      sample: shop
    name:
      description: Name of the pod or node.
      type: str
      sample: cart
    uid:
      description: The pod's uid, for a static pod its configuration's hash.
      type: str
      sample: 0f3c8f4e-6d0b-4c2e-9d5c-3a4f9f6f0b11
    node:
      description: Name of the node.
      type: str
      sample: node-a
    container:
      description: Name of the first container.
      type: str
      sample: app
    containers:
      description: All containers that are known, also those that have ended.
      type: list
      elements: dict
      contains:
        name:
          description: Name of the container.
          type: str
        id:
          description: The runtime's id.
          type: str
        pid:
          description: The container's first process, null when it does not run.
          type: int
    pid:
      description: A process in the network namespace.
      type: int
      sample: 4711
    netns:
      description: Inode of the network namespace.
      type: int
      sample: 4026532441
    host_network:
      description: Whether the pod uses the node's network namespace.
      type: bool
    addresses:
      description: Addresses of global scope in the network namespace.
      type: list
      elements: str
      sample: ["10.244.1.5"]
    interfaces:
      description: Names and indexes of the interfaces in the network namespace.
      type: dict
      sample: {"lo": 1, "eth0": 2}
    labels:
      description: The pod's labels, null when no runtime was asked.
      type: dict
      sample: {"app": "cart"}
    static_hash:
      description: A static pod's configuration hash, null for any other pod.
      type: str
node:
  description: The node itself, with the same keys.
  returned: success
  type: dict
  contains: *target
gone:
  description: Pods that left traces on the node but have no process (finished, or not started yet), with the same keys.
  returned: success
  type: list
  elements: dict
  contains: *target
runtime_problem:
  description: What C(crictl) said instead of an answer, null when it answered, was not asked, or is not installed.
  returned: success
  type: str
  sample: "connect: permission denied"
default_interface:
  description: The interface of the node's default route, null when there is none.
  returned: success
  type: str
  sample: eth0
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kube.pcap.plugins.module_utils._errors import PcapError
from ansible_collections.kube.pcap.plugins.module_utils._node.pods import read_result


def main() -> None:
    """Answer what the node knows."""
    module = AnsibleModule(
        argument_spec={
            "kube_node_name": {"type": "str"},
            "targets": {"type": "raw"},
            "runtime": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    try:
        result = read_result(module.params["kube_node_name"], module.params["targets"], module.params["runtime"])
    except PcapError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
