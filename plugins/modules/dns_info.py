#!/usr/bin/python
# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: dns_info
short_description: What a DNS name is to a pod
version_added: 0.1.0
author:
  - The kube.pcap authors (@kube-pcap)
description:
  - Resolves a DNS name from the network namespace of a pod or node, by its own C(/etc/hosts) and C(/etc/resolv.conf),
    and tells every question that was asked and what was answered. The pod needs no tool for it, and is not touched.
  - It asks as glibc's resolver does, with search list, C(ndots), C(timeout) and C(attempts), over UDP, and over TCP
    where an answer was truncated. It has no cache, and never asks the node's resolver for a pod.
  - A name that has no address is no failure; RV(problem) says why.
extends_documentation_fragment:
  - kube.pcap._attributes
  - kube.pcap._attributes.info
  - kube.pcap._attributes.actiongroup
options:
  name:
    description:
      - The name in ASCII, such as V(web), V(web.shop.svc.cluster.local) or V(example.com.). With a dot at its end
        nothing is appended. An address is its own answer.
    type: str
    required: true
  pod:
    description:
      - The pod, as V(shop/cart) or V(shop/cart[istio-proxy]).
      - Without O(pod) and O(node) it is the machine on which the module runs, such as the controller, in the network
        namespace in which it does.
    type: str
  node:
    description: The node, by its name in the cluster.
    type: str
  container:
    description: The container of the pod whose files are read. Not set, the first.
    type: str
  family:
    description: Whether addresses of IPv4, of IPv6, or of V(both) are asked for.
    type: str
    choices: ["4", "6", both]
    default: both
  timeout:
    description:
      - How long a server has for its answer, at most V(30s). Not set, it is that of C(options timeout:N) in
        C(resolv.conf), else V(5s). All questions together take at most 30 seconds.
    type: str
  kube_node_name:
    description: The name under which the cluster knows this node. Not set, as M(kube.pcap.node_pods_info) finds it.
    type: str
notes:
  - Run it as root, or with C(become).
  - It says what servers answer, which need not be what a program of the pod gets. That may have a cache, musl's or
    Go's resolver, or an C(nsswitch.conf) that names other sources; none of these is read.
  - Where C(resolv.conf) has no search list nothing is appended, also where the host's name has a domain.
  - At most 256 questions are asked.
seealso:
  - module: kube.pcap.netns_command
"""

EXAMPLES = r"""
- name: Resolve a Service's name as a pod does, on whatever node it runs
  kube.pcap.dns_info:
    pod: shop/cart
    name: web
  register: web

- name: Show what was asked, and what came back
  ansible.builtin.debug:
    msg: "{{ item.server }} {{ item.name }} {{ item.type }}: {{ item.error or item.rcode }} {{ item.answers }}"
  loop: "{{ web.questions }}"
  loop_control:
    label: "{{ item.name }}"
  when: web.found

- name: Ask for the IPv4 addresses of a name outside, as a node does
  kube.pcap.dns_info:
    node: node-a
    name: example.com.
    family: "4"
    timeout: 2s

- name: Ask as the controller does
  kube.pcap.dns_info:
    name: web.example.com
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
found:
  description: Whether the pod or node is this node's. It is false, too, where it has gone before it could be entered.
  returned: success
  type: bool
name:
  description: The name, as it was given; an address in its usual form.
  returned: success
  type: str
  sample: web
container:
  description: The container whose files were read, null for a node.
  returned: success
  type: str
  sample: cart
canonical:
  description: The last name to which CNAMEs lead, null where there are none.
  returned: success
  type: str
  sample: web-1.example.com
addresses:
  description: The addresses, those of IPv4 first, each in the order of the answer. Empty where RV(problem) is set.
  returned: success
  type: list
  elements: str
  sample: ["10.96.3.4"]
hosts_file:
  description: Whether they are of C(/etc/hosts); nothing was asked then.
  returned: success
  type: bool
servers:
  description: The servers of C(resolv.conf), at most three. Empty where nothing was to be asked.
  returned: success
  type: list
  elements: str
  sample: ["10.96.0.10"]
search:
  description: Its search list.
  returned: success
  type: list
  elements: str
  sample: [shop.svc.cluster.local, svc.cluster.local, cluster.local]
ndots:
  description: A name with so many dots is asked as it is first. Null where nothing was to be asked.
  returned: success
  type: int
  sample: 5
questions:
  description: Every message, in the order in which they were sent. Those for A and AAAA are sent at the same time.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: What was asked, with the domain that was appended.
      type: str
      sample: web.shop.svc.cluster.local
    type:
      description: V(A) or V(AAAA).
      type: str
      sample: A
    server:
      description: Whom it was sent to, to port 53.
      type: str
      sample: 10.96.0.10
    id:
      description: The message's id.
      type: int
      sample: 51234
    protocol:
      description: V(udp), or V(tcp) after a truncated answer.
      type: str
    source:
      description: The address that the kernel chose, null where no socket could be connected.
      type: str
      sample: 10.244.1.7
    source_port:
      description: Its port.
      type: int
      sample: 40312
    query:
      description: The message in hexadecimal digits, null where it was not sent.
      type: str
    rcode:
      description: What the server said, such as V(NOERROR) or V(NXDOMAIN); null where no answer came.
      type: str
      sample: NOERROR
    answers:
      description: The answer's records of the types A, AAAA and CNAME, in their order, as name, type and value.
      type: list
      elements: str
      sample: [web.shop.svc.cluster.local A 10.96.3.4]
    time_ms:
      description: From sending it, in milliseconds, until the answer was there or was given up.
      type: int
      sample: 2
    error:
      description:
        - Why there is no answer that counts, by the name of the error, such as V(ETIMEDOUT) or V(ECONNREFUSED);
          V(truncated), V(damaged), or V(closed) for a connection without an answer. Null where nothing failed.
      type: str
problem:
  description: Why there is no address, null where there is one.
  returned: success
  type: str
  sample: "no address of web was told: web.shop.svc.cluster.local (NXDOMAIN), web (ETIMEDOUT)"
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kube.pcap.plugins.module_utils._errors import PcapError
from ansible_collections.kube.pcap.plugins.module_utils._node.resolving import run


def main() -> None:
    """Resolve a name in a namespace of this node."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "pod": {"type": "str"},
            "node": {"type": "str"},
            "container": {"type": "str"},
            "family": {"type": "str", "choices": ["4", "6", "both"], "default": "both"},
            "timeout": {"type": "str"},
            "kube_node_name": {"type": "str"},
        },
        mutually_exclusive=[("pod", "node")],
        supports_check_mode=True,
    )
    try:
        result = run(module.params)
    except PcapError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
