# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: trace_expression
short_description: The parts of a trace expression
version_added: 0.1.0
author:
  - The kube.pcap authors (@kube-pcap)
description:
  - Takes a trace expression apart, which tells what packet is sent from where to where, such as
    V(from pod shop/cart to service shop/db and tcp port 5432).
  - The source is C(node NAME), C(pod NAMESPACE/NAME) or C(here), the controller. The destination is C(node NAME),
    C(pod NAMESPACE/NAME), C(service NAMESPACE/NAME), an IP address or a DNS name.
  - The first C(and) begins a filter as tcpdump takes it. Protocol, ports and IP version are read from it.
  - Nothing is asked, neither the cluster nor a resolver, nor libpcap whether it takes the filter. What is wrong with
    the text alone is told in one sentence, with its column.
options:
  _input:
    description: The expression.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Tell what a trace would send
  ansible.builtin.debug:
    msg: "{{ parts.protocol }} to port {{ parts.dport }} of {{ parts.destination.name }}"
  vars:
    parts: "{{ 'from pod shop/cart to google.com and port 443 and tcp' | kube.pcap.trace_expression }}"
  # => tcp to port 443 of google.com

- name: Refuse what is no trace expression before anything starts
  ansible.builtin.assert:
    that: (trace_expression | kube.pcap.trace_expression).source.kind == 'pod'
    fail_msg: Traces of this job begin in a pod
"""

RETURN = r"""
_value:
  description: The parts.
  type: dict
  contains:
    expression:
      description: The expression as text, with single spaces between its parts.
      type: str
      sample: from pod shop/cart to service shop/db and tcp port 5432
    source:
      description: Where the packet is sent.
      type: dict
      contains:
        kind:
          description: V(node), V(pod) or V(here).
          type: str
        namespace:
          description: Of a pod, else null.
          type: str
        name:
          description: Of a pod or node, else null.
          type: str
      sample: {kind: pod, namespace: shop, name: cart}
    destination:
      description: Where to.
      type: dict
      contains:
        kind:
          description: V(node), V(pod), V(service), V(ip) or V(dns).
          type: str
        namespace:
          description: Of a pod or service, else null.
          type: str
        name:
          description: Its name; with V(ip) the address, with V(dns) the DNS name in lower case.
          type: str
      sample: {kind: service, namespace: shop, name: db}
    filter:
      description: What stands behind the first C(and).
      type: str
      sample: tcp port 5432
    protocol:
      description:
        - V(tcp), V(udp), V(sctp), V(icmp) or V(icmp6).
        - Null where the filter leaves it to the ports of the service.
      type: str
      sample: tcp
    sport:
      description: Source port; null where the filter names none.
      type: int
    dport:
      description: Destination port; null with ICMP, and where the filter leaves it to the ports of the service.
      type: int
      sample: 5432
    ip_version:
      description: V(4) or V(6); null where neither the filter nor the destination tells.
      type: int
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.kube.pcap.plugins.module_utils._errors import OptionError
from ansible_collections.kube.pcap.plugins.plugin_utils._plain import plain
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.parts import parts


def trace_expression(value: Any) -> dict[str, Any]:
    """Return the parts of a trace expression."""
    try:
        return parts(plain(value))
    except OptionError as error:
        raise AnsibleFilterError(str(error)) from None


class FilterModule:
    """Tells Ansible of the filter."""

    def filters(self) -> dict[str, Callable[[Any], dict[str, Any]]]:
        """Return the filter by its name."""
        return {"trace_expression": trace_expression}
