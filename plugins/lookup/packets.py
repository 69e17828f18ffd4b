# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: packets
short_description: Packets of capture files, with what their headers say
version_added: 0.1.0
author:
  - The kube.pcap authors (@kube-pcap)
description:
  - Reads pcap and pcapng files on the controller, compressed by gzip or not, and returns a list of their packets.
  - It reads Ethernet, cooked (SLL, SLL2), loopback and raw IP packets, through VLAN, MPLS, VXLAN (UDP ports 4789 and
    8472), Geneve, GRE and IP in IP, to the innermost packet's TCP, UDP, ICMP, ICMPv6 or SCTP.
  - What was cut off by a capture's snap length is null, as is what a header does not have.
  - What a capture says is data. No text of it is rendered as a template.
options:
  _terms:
    description:
      - Files, or lists of them. Their packets follow one another.
      - A relative path begins where Ansible was started.
    type: list
    elements: str
    required: true
  where:
    description:
      - Only packets that this BPF expression means, as pcap-filter(7) tells them.
      - It needs C(tcpdump) on the controller. Nothing else does.
      - As in C(tcpdump), V(host 10.0.0.1) looks at the outermost packet; V(vlan) and the like look further.
    type: str
  limit:
    description: At most so many packets; nothing is read behind them.
    type: int
notes:
  - Use C(lookup), which returns the list, also where it has one packet or none. C(query) wraps this list in another.
  - A file that cannot be opened fails the task. One that is damaged, empty or no capture does not; its packets up to
    there are in the list, and then an entry that has C(error) and no other key.
  - All packets are in memory. Of a large file take some with O(where) and O(limit).
"""

EXAMPLES = r"""
- name: Tell who was asked for connections
  ansible.builtin.debug:
    msg: "{{ packets | map(attribute='dst', default='') | unique }}"
  vars:
    packets: "{{ lookup('kube.pcap.packets', 'captures/web.pcap.gz', where='tcp[tcpflags] == tcp-syn') }}"

- name: Look at the first ten packets of several files
  ansible.builtin.debug:
    msg: "{{ item.src }} > {{ item.dst }} {{ item.protocol }}"
  loop: "{{ lookup('kube.pcap.packets', 'captures/a.pcap', 'captures/b.pcap', limit=10) | rejectattr('error') }}"

- name: Check that a file is whole
  ansible.builtin.assert:
    that: lookup('kube.pcap.packets', file) | selectattr('error') | length == 0
  vars:
    file: captures/web.pcap.gz

- name: Tell which VXLAN networks a node's packets were in
  ansible.builtin.debug:
    msg: "{{ around | flatten | selectattr('type', 'eq', 'vxlan') | map(attribute='id') | unique }}"
  vars:
    packets: "{{ lookup('kube.pcap.packets', 'captures/node.pcap', where='udp port 8472') }}"
    around: "{{ packets | map(attribute='encapsulation', default=[]) }}"
"""

RETURN = r"""
_raw:
  description: The packets, in the order of the files.
  type: list
  elements: dict
  contains:
    time_ns:
      description: Nanoseconds since 1970; null where the file has no time.
      type: int
      sample: 1795248902118668000
    interface:
      description:
        - The interface that a pcapng file names, C(#N) where it only numbers it.
        - Of a capture of C(any) (SLL2) the kernel's index, which a capture's manifest and the node know by name.
      type: str
      sample: "3"
    direction:
      description: V(In), V(Out), V(B) (broadcast), V(M) (multicast) or V(P) (for another host) of a cooked capture.
      type: str
      sample: In
    caplen:
      description: Bytes that were captured.
      type: int
      sample: 192
    length:
      description: Bytes on the wire.
      type: int
      sample: 1514
    src:
      description: Source address of the innermost packet.
      type: str
      sample: 10.244.1.2
    dst:
      description: Destination address of the innermost packet.
      type: str
      sample: 10.244.2.3
    protocol:
      description:
        - What the innermost IP packet carries, such as V(tcp), V(udp), V(icmp), V(icmpv6) or V(sctp), or its number.
        - Of a packet that is not IP, V(arp), V(llc) and the like, or its EtherType, such as V(0x88b5).
      type: str
      sample: tcp
    sport:
      description: Source port. A fragment other than the first has none.
      type: int
      sample: 40000
    dport:
      description: Destination port.
      type: int
      sample: 443
    tcp:
      description: What the innermost packet's TCP header says; null where there is none.
      type: dict
      contains:
        seq:
          description: Sequence number.
          type: int
        ack:
          description: Acknowledgement number.
          type: int
        flags:
          description: Flags in tcpdump's letters, V(FSRP.UEW), of which V(.) is ACK; empty where none is set.
          type: str
      sample: {seq: 1295248902, ack: 0, flags: S}
    icmp:
      description: What the innermost packet's ICMP or ICMPv6 header says; null where there is none.
      type: dict
      contains:
        type:
          description: Type.
          type: int
        code:
          description: Code.
          type: int
        id:
          description: Identifier of an echo or the like, else null.
          type: int
        sequence:
          description: Sequence number of an echo or the like, else null.
          type: int
        quoted:
          description:
            - The packet that an error quotes, with the keys RV(_raw[].src) to RV(_raw[].error) of a packet, else null.
            - Routers may quote eight bytes behind the IP header. Then ports and C(tcp.seq) are known, and no flags.
          type: dict
      sample: {type: 8, code: 0, id: 7, sequence: 1, quoted: null}
    ip_id:
      description: Identification of IPv4, or of an IPv6 fragment.
      type: int
      sample: 54321
    ttl:
      description: Time to live, or hop limit.
      type: int
      sample: 63
    encapsulation:
      description: What is around the innermost packet, outermost first. What a kind does not have is null.
      type: list
      elements: dict
      contains:
        type:
          description: V(vlan), V(mpls), V(vxlan), V(geneve), V(gre), V(ipip), V(sit), V(ip6ip6) or V(ipip6).
          type: str
        id:
          description: VLAN, MPLS label, VNI, or key of GRE.
          type: int
        src:
          description: Source address of this IP header.
          type: str
        dst:
          description: Destination address.
          type: str
        protocol:
          description: What this IP header carries, such as V(udp).
          type: str
        sport:
          description: Source port.
          type: int
        dport:
          description: Destination port.
          type: int
        ip_id:
          description: Identification of this IP header.
          type: int
      sample:
        - {type: vxlan, id: 1, src: 192.0.2.1, dst: 192.0.2.2, protocol: udp, sport: 50000, dport: 8472, ip_id: 7}
    error:
      description:
        - What is wrong with this packet; what was read before stands in the other keys. Else null.
        - In an entry without other keys, what is wrong with the file.
      type: str
      sample: "it ends inside its TCP header"
"""

import os
from collections.abc import Sequence
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ansible_collections.kube.pcap.plugins.module_utils._errors import PcapError
from ansible_collections.kube.pcap.plugins.plugin_utils._packets.entries import read_entries, read_wanted
from ansible_collections.kube.pcap.plugins.plugin_utils._plain import plain
from ansible_collections.kube.pcap.plugins.plugin_utils._report.text import clean


class LookupModule(LookupBase):
    """Returns one value, the list of packets: ``lookup`` unwraps a value, and would unwrap a packet that is alone."""

    def run(self, terms: Sequence[Any], variables: Any = None, **kwargs: Any) -> list[list[dict[str, Any]]]:
        """Return the packets of the files that ``terms`` name."""
        try:
            return [read_entries(read_wanted(plain(terms), plain(kwargs), os.getcwd()))]
        except PcapError as error:
            raise AnsibleLookupError(clean(error)) from None
