# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: trace_table
short_description: A trace's verdict and hops as plain text
version_added: 0.1.0
author:
  - The kube.pcap authors (@kube-pcap)
description:
  - Makes of a trace's result what the playbook C(kube.pcap.trace) prints, which is a sentence that tells what became of
    the probes, and the table of their hops.
options:
  _input:
    description: The result, as C(trace_result.trace) or the lookup P(kube.pcap.trace#lookup) has it.
    type: dict
    required: true
  wide:
    description: Whether direction, protocol, TTL and what changed stand behind the first eight columns.
    type: bool
    default: false
  later:
    description: Whether it has the hops of what a connection says once it is made, too. Else they are counted.
    type: bool
    default: false
seealso:
  - plugin: kube.pcap.trace
    plugin_type: lookup
  - plugin: kube.pcap.trace_markdown
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Print a stored trace
  ansible.builtin.debug:
    msg: "{{ lookup('kube.pcap.trace', 'traces/t-1/trace.json') | kube.pcap.trace_table(wide=true) }}"
  when: "'traces/t-1/trace.json' is file"
"""

RETURN = r"""
_value:
  description: The text, of several lines.
  type: str
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.kube.pcap.plugins.module_utils._errors import PcapError
from ansible_collections.kube.pcap.plugins.plugin_utils._plain import plain
from ansible_collections.kube.pcap.plugins.plugin_utils._report.text import clean
from ansible_collections.kube.pcap.plugins.plugin_utils._report.traces import trace_text


def trace_table(value: Any, wide: bool = False, later: bool = False) -> str:
    """Return a result as plain text."""
    try:
        return trace_text(plain(value), bool(wide), bool(later))
    except PcapError as error:
        raise AnsibleFilterError(clean(error)) from None


class FilterModule:
    """Tells Ansible of the filter."""

    def filters(self) -> dict[str, Callable[..., str]]:
        """Return the filter by its name."""
        return {"trace_table": trace_table}
