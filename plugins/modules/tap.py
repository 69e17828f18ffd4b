#!/usr/bin/python
# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: tap
short_description: Taps of a trace in network namespaces of a node
version_added: 0.1.0
author:
  - The kube.pcap authors (@kube-pcap)
description:
  - Watches the network namespaces of pods and of the node itself for the packets of a trace, on all their interfaces,
    and tells which of the trace's probes each of them has seen.
  - Where interfaces of VLANs stand on another, such as C(eth0.100) on C(eth0), that one is watched as Ethernet, too,
    and its packets are told with their tags. Of each namespace there are eight such at most, and of the node as many
    as come to 64 tcpdumps in all; C(problem) names those that are left out.
  - The taps outlive the module and its connection. They end when they are read or removed, and by themselves when
    their time is over; then nothing of them is left.
  - Targets that share a network namespace, such as a node and a pod of the host's network, share one tap, which has
    the name of the first of them.
extends_documentation_fragment:
  - kube.pcap._attributes
  - kube.pcap._attributes.actiongroup
attributes:
  check_mode:
    support: full
    details:
      - With O(state=started) it checks all that can be checked, the filter included, and starts nothing. With
        O(state=read) it returns no taps.
  diff_mode:
    support: none
  idempotent:
    support: partial
    details:
      - Taps of the same record that listen already are left alone. What was read is gone.
options:
  state:
    description:
      - V(started) returns when every tap listens, which takes at most 30 seconds. Where one does not, none is left;
        where it lacks VLANs' tags alone, C(problem) says so when it is read.
      - V(read) ends the taps, with every packet up to then, returns what they have seen, and removes them.
      - V(absent) removes them.
    type: str
    choices: [started, read, absent]
    default: started
  record:
    description:
      - What is watched on this node. C(id) of the trace; C(node); C(targets), each as M(kube.pcap.node_pods_info)
        returns one, in at most 64 network namespaces; C(filter) as in pcap-filter(7); C(asked_filter), which is only
        compiled; C(tagged_filter), which finds the same in Ethernet frames with a VLAN's tag in them, none of which are
        looked for without it; C(marks), by which the probes are known; C(seconds) after which the taps end by
        themselves, V(1) to V(60) (60).
      - Each mark has C(probe), its number, C(protocol), V(tcp), V(udp), V(icmp) or V(icmpv6), and C(version), V(4) or
        V(6); C(sequence) and C(ident), the C(nonce) in hexadecimal digits and C(nonce_at), how many bytes are before
        it; C(said), the most bytes of a connection; C(source_ports) and C(ports).
      - Required with O(state=started).
    type: dict
  id:
    description:
      - The trace whose taps are read or removed.
      - Required with O(state=read) and O(state=absent).
    type: str
notes:
  - Run it as root, or with C(become). It takes tcpdump with libpcap 1.10 or newer.
  - A tap keeps 256 bytes of each packet, in memory, below C(/run/kube-pcap), and at most 8 MiB of them; of many taps
    each less, 32 MiB together. One whose file is full ends early, and says so.
seealso:
  - module: kube.pcap.inject
  - plugin: kube.pcap.packets
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: Find the pod
  kube.pcap.node_pods_info:
    targets: pod shop/cart
  register: found

- name: Watch it and its node
  kube.pcap.tap:
    record:
      id: t-1
      node: node-a
      targets: "{{ found.pods + [found.node] }}"
      filter: tcp port 80
      marks:
        - probe: 1
          protocol: tcp
          version: 4
          sequence: 1802530915
          ports: [80]

- name: Have what they saw
  kube.pcap.tap:
    state: read
    id: t-1
  register: seen
"""

RETURN = r"""
until_ns:
  description: When the taps end by themselves, in nanoseconds since 1970 by the node's clock.
  returned: with O(state=started), outside check mode
  type: int
  sample: 1795251810808848714
taps:
  description: What each tap has seen, one for each network namespace, in the order of the targets.
  returned: with O(state=read), outside check mode
  type: list
  elements: dict
  contains:
    target:
      description: The first target of that network namespace.
      type: dict
      contains:
        kind:
          description: V(pod) or V(node).
          type: str
        namespace:
          description: The pod's namespace; null for a node.
          type: str
        name:
          description: Its name.
          type: str
          sample: cart
        uid:
          description: The pod's uid as its node has it; null for a node.
          type: str
        node:
          description: The node.
          type: str
    netns:
      description: Inode of the network namespace.
      type: int
      sample: 4026532621
    interfaces:
      description: All interfaces there, as they were when the tap began, and those that came until it ended.
      type: list
      elements: dict
      contains:
        index:
          description: Its index.
          type: int
        name:
          description: Its name.
          type: str
          sample: eth0
        kind:
          description: V(veth), V(bridge), V(vxlan) and so on; null for a physical one and for lo.
          type: str
        parent:
          description: Of a veth its peer's index, in the peer's namespace; of a VLAN that of the interface below.
          type: int
        mtu:
          description: Its MTU.
          type: int
        mac:
          description: Its address, where that has six bytes.
          type: str
          sample: 02:00:0a:01:00:02
        addresses:
          description: Its IP addresses.
          type: list
          elements: str
        programs:
          description:
            - What is attached that may take packets away from the tap. V(xdp); V(tc), a place for its programs (clsact,
              ingress); V(tcx) and V(netkit), as bpf(2) tells.
          type: list
          elements: str
          sample: [tcx]
        programs_unknown:
          description: Why it is not known whether there are programs of tcx or netkit; null where it is.
          type: str
          sample: EPERM
    changed:
      description: Names of interfaces that came, went, or became others meanwhile.
      type: list
      elements: str
    packets:
      description: How many packets are in its files, each once, of the probes or not.
      type: int
    received:
      description:
        - How many the filters let through, as tcpdump tells. What is watched as Ethernet, too, counts once more.
      type: int
    dropped:
      description: How many of these the kernel had no room for, as tcpdump tells.
      type: int
    sightings:
      description: The packets of the probes, in the order of the file, at most 2000.
      type: list
      elements: dict
      contains:
        probe:
          description: The probe's number; 0 for a canary.
          type: int
        time_ns:
          description: When the kernel saw it, in nanoseconds since 1970 by the node's clock.
          type: int
        leg:
          description: V(request), V(reply), or V(error), an ICMP error that quotes one of them.
          type: str
        joined:
          description: Why it belongs to the probe, V(mark), V(tuple) or V(quote).
          type: str
        part:
          description: V(first), the probe itself; V(answer) to it; V(later), V(error) or V(canary).
          type: str
        ifindex:
          description: The index of the interface that saw it.
          type: int
        direction:
          description: V(In), V(Out), V(B), V(M) or V(P), as tcpdump has it.
          type: str
        src:
          description: The innermost source address.
          type: str
        dst:
          description: The innermost destination address.
          type: str
        protocol:
          description: The innermost protocol.
          type: str
        sport:
          description: The source port.
          type: int
        dport:
          description: The destination port.
          type: int
        flags:
          description: Of TCP, in tcpdump's letters.
          type: str
        seq:
          description: TCP's sequence number.
          type: int
        ack:
          description: What TCP acknowledges.
          type: int
        icmp_type:
          description: ICMP's type.
          type: int
        icmp_code:
          description: ICMP's code.
          type: int
        ip_id:
          description: IPv4's identification.
          type: int
        ttl:
          description: The time to live, or IPv6's hop limit.
          type: int
        length:
          description: Bytes of the whole packet on the wire.
          type: int
        payload:
          description: Bytes that the innermost protocol carries.
          type: int
        number:
          description: Of a canary, the number behind its nonce.
          type: int
        encapsulation:
          description: What is around it, outermost first.
          type: list
          elements: dict
          contains:
            type:
              description: V(vlan), V(mpls), V(vxlan), V(geneve), V(gre), V(ipip), V(sit), V(ip6ip6) or V(ipip6).
              type: str
            id:
              description: A VLAN's identifier, an MPLS label, the VNI of VXLAN and Geneve, the key of GRE.
              type: int
            src:
              description: The tunnel's source address.
              type: str
            dst:
              description: The tunnel's destination address.
              type: str
            protocol:
              description: The tunnel's protocol.
              type: str
            sport:
              description: Its source port.
              type: int
            dport:
              description: Its destination port.
              type: int
            ip_id:
              description: Its IPv4 header's identification.
              type: int
    left_out:
      description: How many sightings there are beyond these.
      type: int
    problem:
      description: Why it may not have seen all; null where nothing is known against it.
      type: str
      sample: "it ended early: tcpdump was killed by signal 9"
    clock:
      description: What the node's kernel says of its clock (adjtimex(2)); null where it does not tell.
      type: dict
      contains:
        synchronised:
          description: Whether the kernel calls it synchronised, as whoever keeps it has told the kernel.
          type: bool
        max_error_us:
          description: How far it is off at most, in microseconds; up to 16000000 where nobody tells.
          type: int
        estimated_error_us:
          description: How far it is estimated to be off, in microseconds.
          type: int
        offset_ns:
          description: What of the last correction is still to be made, in nanoseconds.
          type: int
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kube.pcap.plugins.module_utils._errors import PcapError
from ansible_collections.kube.pcap.plugins.module_utils._node.tapping import run


def main() -> None:
    """Start, read or remove the taps of a trace on this node."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["started", "read", "absent"], "default": "started"},
            "record": {"type": "dict"},
            "id": {"type": "str"},
        },
        required_if=[("state", "started", ("record",)), ("state", "read", ("id",)), ("state", "absent", ("id",))],
        mutually_exclusive=[("record", "id")],
        supports_check_mode=True,
    )
    try:
        result = run(module.params, module.check_mode)
    except PcapError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
