#!/usr/bin/python
# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: report
short_description: What all hosts of a play answered, as one table
version_added: 0.1.0
author:
  - The kube.pcap authors (@kube-pcap)
description:
  - Takes what the hosts registered, prints one table for all of them, and returns the data.
  - Hosts that gave no answer are named with the reason. It fails, once, where the play has found nothing that it was
    asked for. With C(serial), it names the hosts that are not asked yet, and is complete in the last batch.
  - It warns where a start found its capture finished, so that nothing is being recorded.
  - In AWX, C(capture_id) is handed to the next nodes of a workflow, where there is one capture.
extends_documentation_fragment:
  - kube.pcap._attributes
  - kube.pcap._attributes.info
  - kube.pcap._attributes.controller
  - kube.pcap._attributes.actiongroup
options:
  of:
    description: What the play did.
    type: str
    choices: [start, status, stop, remove, collect, exec]
    required: true
  registered:
    description:
      - Names of the variables in which the hosts registered what they answered, in the tasks' order. The last holds
        results of M(kube.pcap.capture) for V(start), of M(kube.pcap.collect) for V(collect), of
        M(kube.pcap.netns_command) for V(exec), and for the others of M(kube.pcap.capture) in another state, or of
        M(kube.pcap.capture_info).
    type: list
    elements: str
    required: true
  id:
    description: The capture that was asked for. Empty or V(all), every capture.
    type: str
  segments:
    description: Print the segments, too, where the results hold them.
    type: bool
    default: false
  unmatched:
    description:
      - What to do where no host has that capture. V(fail), or V(warn) to end well. With O(of=remove) it always ends
        well.
    type: str
    choices: [fail, warn]
    default: fail
seealso:
  - module: kube.pcap.capture
  - module: kube.pcap.capture_info
  - module: kube.pcap.collect
  - module: kube.pcap.netns_command
  - module: kube.pcap.plan
"""

EXAMPLES = r"""
- name: Ask what captures are doing
  kube.pcap.capture_info:
  register: asked

- name: Print it
  kube.pcap.report:
    of: status
    registered: [asked]
  run_once: true
  register: capture_result
"""

RETURN = r"""
id:
  description: The capture's name, null when there are several or none.
  returned: with another O(of) than V(exec)
  type: str
  sample: c-3f0a9c21d4
captures:
  description:
    - One entry for each capture and host, with the keys that M(kube.pcap.capture_info) returns; after a start, with
      those of M(kube.pcap.capture), and after collecting, with those of M(kube.pcap.collect).
  returned: with another O(of) than V(exec)
  type: list
  elements: dict
  contains:
    host:
      description: Name of the host in the inventory.
      type: str
    id:
      description: Name of the capture.
      type: str
results:
  description:
    - One entry for each target and host, with the keys that RV(kube.pcap.netns_command#module:results) has. What was
      printed is cleaned of what moves a cursor; here it is as it came.
  returned: with O(of=exec)
  type: list
  elements: dict
  contains:
    host:
      description: Name of the host in the inventory.
      type: str
unasked:
  description: Hosts that gave no answer.
  returned: always
  type: list
  elements: dict
  contains:
    host:
      description: Its name in the inventory.
      type: str
    reason:
      description: Why there is none.
      type: str
text:
  description: What was printed.
  returned: always
  type: str
"""
