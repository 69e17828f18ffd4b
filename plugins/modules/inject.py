#!/usr/bin/python
# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: inject
short_description: Probes of a trace, sent from a pod or node
version_added: 0.1.0
author:
  - The kube.pcap authors (@kube-pcap)
description:
  - Sends the probes that a plan has chosen, from the network namespace of a pod or node, and tells what its own
    sockets heard. Which way they went, and who answered, is for taps to tell.
  - A probe is a whole TCP connection whose initial sequence number was chosen, a lone SYN, a datagram,
    or an echo request.
  - Nothing is sent once nobody waits for the answer any more.
extends_documentation_fragment:
  - kube.pcap._attributes
  - kube.pcap._attributes.actiongroup
attributes:
  check_mode:
    support: full
    details:
      - It opens the sockets, and sends nothing.
  diff_mode:
    support: none
  idempotent:
    support: none
options:
  record:
    description:
      - What is sent from this node. C(id) of the trace; C(target), as M(kube.pcap.node_pods_info) returns one;
        C(probes); C(canaries); C(interval_ms) from one to the next (1000), C(timeout_ms) of each (5000), C(uid) of the
        user whom firewalls see, C(translated) where a V(syn) goes to a Service, which is refused where a load balancer
        of sockets is found, and warned of where that is not known.
      - Each probe has C(number), C(kind) (V(connection), V(syn), V(udp), V(icmp)), C(destination), an address, and
        C(payload) in hexadecimal digits. With V(connection) and V(udp) C(port), and C(source_ports), of which the first
        that is free is taken. With V(connection) C(sequence), 65536 to 4278190080; with V(icmp) C(ident) and
        C(sequence), 0 to 65535; C(ttl) where it is not the namespace's own. With V(syn) C(payload) is the whole packet
        with its IP header, whose TTL is not looked at.
      - Each canary has C(number) of the way it takes, C(target) where it is sent from, C(destination), an address,
        C(nonce) in hexadecimal digits, and C(after) where the probes have been sent. Four datagrams of each are sent
        to port 9 before any probe. There may be canaries alone.
    type: dict
    required: true
notes:
  - Run it as root, or with C(become). It takes C(CAP_SYS_ADMIN) to enter the namespace, C(CAP_NET_ADMIN) to choose a
    sequence number, C(CAP_NET_RAW) for packets that no socket makes, and C(CAP_SETUID) for another user, which agents
    do not have.
seealso:
  - module: kube.pcap.netns_command
"""

EXAMPLES = r"""
- name: Find the pod
  kube.pcap.node_pods_info:
    targets: pod shop/cart
  register: found

- name: Connect from it, beginning at a chosen sequence number
  kube.pcap.inject:
    record:
      id: t-1
      target: "{{ found.pods[0] }}"
      probes:
        - number: 1
          kind: connection
          destination: 10.96.0.10
          port: 80
          source_ports: [20001, 20002]
          sequence: 1802530915
  when: found.pods | length > 0
"""

RETURN = r"""
sent:
  description: What became of each probe, in their order, as far as its own socket knows.
  returned: success
  type: list
  elements: dict
  contains:
    number:
      description: The probe's number.
      type: int
      sample: 1
    started_ns:
      description: When it was sent, in nanoseconds since 1970 by the node's clock; null where it was not.
      type: int
    ended_ns:
      description: When its socket was closed.
      type: int
    source:
      description: The address that the kernel chose, or that a lone SYN has.
      type: str
      sample: 10.244.1.7
    source_port:
      description: The port that was free, or that a lone SYN has.
      type: int
      sample: 20001
    connected:
      description: Whether the handshake of a connection was completed.
      type: bool
    stage:
      description: Where it failed, V(open), V(connect), V(send), V(receive) or V(close); null where nothing did.
      type: str
    error:
      description: Why, by the name of the error; V(ETIMEDOUT) where nobody answered in time.
      type: str
      sample: ECONNREFUSED
    sent_bytes:
      description: How much was said.
      type: int
    received_bytes:
      description: How much was heard.
      type: int
    received:
      description: The first 64 KiB of it, in base64.
      type: str
canaries:
  description: Why the canaries of a way were not sent, by its number; the others were.
  returned: success
  type: dict
  sample: {"3": "ENETUNREACH"}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kube.pcap.plugins.module_utils._errors import PcapError
from ansible_collections.kube.pcap.plugins.module_utils._node.injecting import run


def main() -> None:
    """Send probes from a namespace of this node."""
    module = AnsibleModule(argument_spec={"record": {"type": "dict", "required": True}}, supports_check_mode=True)
    try:
        result = run(module.params, module.check_mode)
    except PcapError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
