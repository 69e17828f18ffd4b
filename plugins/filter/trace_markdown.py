# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: trace_markdown
short_description: A trace's verdict and hops as Markdown
version_added: 0.1.0
author:
  - The kube.pcap authors (@kube-pcap)
description:
  - Makes of a trace's result a text for tickets and chats, which is the verdict, the table of the hops with all
    columns, and how far each tap is to be relied upon.
options:
  _input:
    description: The result, as C(trace_result.trace) or the lookup P(kube.pcap.trace#lookup) has it.
    type: dict
    required: true
seealso:
  - plugin: kube.pcap.trace
    plugin_type: lookup
  - plugin: kube.pcap.trace_table
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Write a trace where a ticket can take it
  ansible.builtin.copy:
    content: "{{ lookup('kube.pcap.trace', 'traces/t-1') | kube.pcap.trace_markdown }}"
    dest: trace.md
    mode: "0600"
  delegate_to: localhost
  when: "'traces/t-1' is directory"
"""

RETURN = r"""
_value:
  description: The text.
  type: str
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.kube.pcap.plugins.module_utils._errors import PcapError
from ansible_collections.kube.pcap.plugins.plugin_utils._plain import plain
from ansible_collections.kube.pcap.plugins.plugin_utils._report.markdown import markdown
from ansible_collections.kube.pcap.plugins.plugin_utils._report.text import clean


def trace_markdown(value: Any) -> str:
    """Return a result as Markdown."""
    try:
        return markdown(plain(value))
    except PcapError as error:
        raise AnsibleFilterError(clean(error)) from None


class FilterModule:
    """Tells Ansible of the filter."""

    def filters(self) -> dict[str, Callable[[Any], str]]:
        """Return the filter by its name."""
        return {"trace_markdown": trace_markdown}
