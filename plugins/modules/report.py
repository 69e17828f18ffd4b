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
  - In AWX, C(capture_id) is handed to the next nodes of a workflow, where there is one capture; of a trace
    C(trace_verdict), with the keys C(id), C(outcome), C(confidence) and C(text).
extends_documentation_fragment:
  - kube.pcap._attributes
  - kube.pcap._attributes.info
  - kube.pcap._attributes.controller
  - kube.pcap._attributes.actiongroup
  - kube.pcap._gcp
options:
  of:
    description: What the play did.
    type: str
    choices: [start, status, stop, remove, collect, exec, trace, show]
    required: true
  registered:
    description:
      - Names of the variables in which the hosts registered what they answered, in the tasks' order. The last holds
        results of M(kube.pcap.capture) for V(start), of M(kube.pcap.collect) for V(collect), of
        M(kube.pcap.netns_command) for V(exec), of M(kube.pcap.tap) for V(trace), and for the others of
        M(kube.pcap.capture) in another state, or of M(kube.pcap.capture_info). All but V(show) need it.
    type: list
    elements: str
    default: []
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
  plan:
    description: Name of the variable that registered M(kube.pcap.plan). For V(trace).
    type: str
  sent:
    description: Name of the variable in which the source's host registered M(kube.pcap.inject). For V(trace).
    type: str
  registered_here:
    description:
      - Names of the variables that tasks registered which were delegated to the controller, in their order. They count
        where the controller is the source. For V(trace).
    type: list
    elements: str
    default: []
  sent_here:
    description: As O(sent), of the task that was delegated to the controller. For V(trace).
    type: str
  dest:
    description:
      - A folder of the controller. C(trace.json) and C(trace.md) are written into the folder of the trace's name there.
        For V(trace); not in check mode. The path of C(trace.json) is the last line that is printed.
    type: str
  sink:
    description:
      - A bucket, as C(gs://BUCKET/PREFIX). C(PREFIX/ID/trace.json) and C(PREFIX/ID/trace.md) are put there, ID being
        the trace's name, and never replaced. For V(trace); not in check mode.
      - Where that is refused, RV(failure) tells it.
    type: str
  expect:
    description:
      - The outcome that is expected, such as V(answered). With another, RV(failure) tells that. For V(trace).
    type: str
  stored:
    description:
      - A file C(trace.json) of the controller, or a trace's folder. A relative path begins where the play was started.
        For V(show), which prints it again and asks no host.
      - Or C(gs://BUCKET/PREFIX/ID), what a trace's O(sink) and name were.
    type: str
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
trace:
  description:
    - What became of the probes, and every packet of them at every interface. Null where nothing was sent.
    - It has the keys C(schema) (V(kube.pcap/trace/v1)), C(id), C(expression), C(started), C(source), C(destination),
      C(endpoints), C(probes), C(taps), C(hops), C(clock) and C(verdict). The collection's documentation tells what they
      hold (C(docs/design.md)).
  returned: with O(of=trace) or O(of=show)
  type: dict
failure:
  description:
    - Why the play is to fail though there is a result. The outcome is another than O(expect), or the trace could not be
      sent a second time, or could not be stored. Null where nothing is wrong.
    - The task itself does not fail by it, since Ansible would print all of RV(trace) then.
  returned: with O(of=trace), where something was sent
  type: str
id:
  description: The capture's name, null when there are several or none.
  returned: with another O(of) than V(exec), V(trace) and V(show)
  type: str
  sample: c-3f0a9c21d4
captures:
  description:
    - One entry for each capture and host, with the keys that M(kube.pcap.capture_info) returns; after a start, with
      those of M(kube.pcap.capture), and after collecting, with those of M(kube.pcap.collect).
  returned: with another O(of) than V(exec), V(trace) and V(show)
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
  returned: with another O(of) than V(trace) and V(show)
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
