# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: trace
short_description: Stored results of traces
version_added: 0.1.0
author:
  - The kube.pcap authors (@kube-pcap)
description:
  - Reads what the playbook C(kube.pcap.trace) has written, on the controller. Nothing else is asked.
options:
  _terms:
    description:
      - Files C(trace.json), or the folders of traces that hold them. A relative path begins where the program was
        started.
    type: list
    elements: str
    required: true
seealso:
  - plugin: kube.pcap.trace_table
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Tell what became of a trace
  ansible.builtin.debug:
    msg: "{{ lookup('kube.pcap.trace', 'traces/t-1').verdict.text }}"
  when: "'traces/t-1' is directory"
"""

RETURN = r"""
_raw:
  description:
    - The result of each trace, in the terms' order, with the keys that RV(kube.pcap.report#module:trace) has.
  type: list
  elements: dict
"""

import os
from collections.abc import Sequence
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ansible_collections.kube.pcap.plugins.module_utils._errors import PcapError
from ansible_collections.kube.pcap.plugins.plugin_utils._plain import plain
from ansible_collections.kube.pcap.plugins.plugin_utils._report.text import clean
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.files import read_trace


class LookupModule(LookupBase):
    """Returns the results of traces."""

    def run(self, terms: Sequence[Any], variables: Any = None, **kwargs: Any) -> list[dict[str, Any]]:
        """Return the results that are in the files or folders of ``terms``."""
        self.set_options(var_options=variables, direct=kwargs)
        try:
            return [read_trace(str(term), os.getcwd()) for term in plain(terms)]
        except PcapError as error:
            raise AnsibleLookupError(clean(error)) from None
