#!/usr/bin/python
# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: plan
short_description: What each node is to do, decided once for all hosts of a play
version_added: 0.1.0
author:
  - The kube.pcap authors (@kube-pcap)
description:
  - Takes what the hosts of the play found out about their pods, ties each host to its node, and matches the request
    against all of it. Every value is checked before anything starts.
  - A host is tied to its node by the host variable C(kube_node_name), else by the kubelet's own name, else by an
    address that O(cluster) knows. One that fits no node, and two that are the same, are left out and reported.
  - It fails where a selection matches nothing on any host of the play, and says what exists nearby.
  - For captures that exist there is nothing to choose. Then it checks what is asked, so that a wrong value is refused
    once, before any host is asked.
extends_documentation_fragment:
  - kube.pcap._attributes
  - kube.pcap._attributes.info
  - kube.pcap._attributes.controller
  - kube.pcap._attributes.actiongroup
  - kube.pcap._gcp
requirements:
  - scapy >= 2.5.0 (Python package, on the controller, for a trace whose C(trace_probe) is V(syn))
options:
  of:
    description:
      - What the play is to do. V(start), V(exec) and V(trace) choose targets; the others are asked of captures that
        exist.
      - For V(trace) it also draws at random by what the probes are known, so that no two plans are the same.
      - V(asked) checks the options of a trace, and tells who is to resolve the name that it leads to, if any.
      - V(nodes) tells which node each host is, and chooses nothing.
      - V(watching) tells the hosts whose task that started M(kube.pcap.tap) has failed. Where there is one, nothing is
        to be sent, since it would not be seen.
      - V(again) plans the second run of a trace, with every node watched, where without that what the first one saw
        cannot be called a loss. Else it returns O(planned) as it was.
    type: str
    choices: [start, status, stop, collect, exec, asked, nodes, trace, watching, again]
    default: start
  request:
    description:
      - The options of the role P(kube.pcap.capture#role) by their names there, those of its entry point C(main) for
        V(start), for V(exec) those of the role P(kube.pcap.exec#role), or for V(asked), V(trace) and V(again) of
        P(kube.pcap.trace#role). What is empty takes its default. All but V(nodes) and V(watching) need it.
    type: dict
    default: {}
  registered:
    description:
      - Names of the variables in which the hosts registered what they answered, the result of
        M(kube.pcap.node_pods_info) last. A host that failed at one of them, or was unreachable, is left out with that
        reason. Only O(of=start), O(of=exec), O(of=nodes), O(of=trace) and O(of=again) need it.
    type: list
    elements: str
    default: []
  cluster:
    description: Name of the variable that registered M(kube.pcap.targets_info). One that was skipped knows nothing.
    type: str
  planned:
    description: Name of the variable that registered the plan of the trace. For V(watching) and V(again).
    type: str
  resolved:
    description: Name of the variable in which the hosts registered M(kube.pcap.dns_info). For V(trace) to a DNS name.
    type: str
  resolved_here:
    description: As O(resolved), of the task that was delegated to the controller. It counts where that is the source.
    type: str
  read:
    description:
      - Names of the variables in which the hosts registered the first run, M(kube.pcap.tap) last. For V(again).
    type: list
    elements: str
    default: []
  sent:
    description: Name of the variable in which the source's host registered M(kube.pcap.inject). For V(again).
    type: str
  read_here:
    description: As O(read), of tasks that were delegated to the controller. They count where that is the source.
    type: list
    elements: str
    default: []
  sent_here:
    description: As O(sent), of the task that was delegated to the controller.
    type: str
  dest:
    description:
      - The folder of the controller into which M(kube.pcap.report) will write the trace. For V(asked), which fails
        where a trace of the name in C(trace_id) is stored there.
    type: str
  sink:
    description:
      - The bucket into which M(kube.pcap.report) will put the trace, as C(gs://BUCKET/PREFIX). For V(asked), which
        fails where it cannot be reached or written, or where a trace of the name in C(trace_id) is there, if the
        account may look.
    type: str
seealso:
  - module: kube.pcap.capture
  - module: kube.pcap.dns_info
  - module: kube.pcap.inject
  - module: kube.pcap.netns_command
  - module: kube.pcap.node_pods_info
  - module: kube.pcap.tap
  - module: kube.pcap.targets_info
"""

EXAMPLES = r"""
- name: Find the pods of each node
  kube.pcap.node_pods_info:
  register: found

- name: Plan what each node records
  kube.pcap.plan:
    registered: [found]
    request:
      capture_targets: pods shop app=web
      capture_duration: 15m
  run_once: true
  register: planned

- name: Record
  kube.pcap.capture:
    record: "{{ planned.records[inventory_hostname] | default(none) }}"
"""

RETURN = r"""
id:
  description: Name of the capture, the same for the same request, or of the trace.
  returned: with O(of=start), O(of=trace) or O(of=again)
  type: str
  sample: c-3f0a9c21d4
records:
  description: What each host is to record or to run, by its name in the inventory. A host without targets has none.
  returned: with O(of=start) or O(of=exec)
  type: dict
taps:
  description: What each host watches, by its name in the inventory, as M(kube.pcap.tap) takes it.
  returned: with O(of=trace) or O(of=again)
  type: dict
injections:
  description: What each host sends, as M(kube.pcap.inject) takes it. Canaries, and from the source's host the probes.
  returned: with O(of=trace) or O(of=again)
  type: dict
afterwards:
  description: The canaries that each host sends when the probes have been sent.
  returned: with O(of=trace) or O(of=again)
  type: dict
resolve:
  description: The options of M(kube.pcap.dns_info) for the name to which the trace leads; null where that is no name.
  returned: with O(of=asked)
  type: dict
  contains:
    name:
      description: The name.
      type: str
    pod:
      description: Who asks, where that is a pod.
      type: str
    node:
      description: Who asks, where that is a node.
      type: str
    family:
      description: Of which IP version addresses are wanted, V(4), V(6) or V(both).
      type: str
    host:
      description: Not null where the controller asks.
      type: str
nodes:
  description: The node that each host is, by the host's name in the inventory. A host that is left out has none.
  returned: with O(of=nodes)
  type: dict
  sample: {"worker-1.example": "node-a"}
trace:
  description: What M(kube.pcap.report) needs to know of it.
  returned: with O(of=trace) or O(of=again)
  type: dict
earlier:
  description: What the first run came to, as M(kube.pcap.report) has it in C(trace). Null where there is no second one.
  returned: with O(of=trace) or O(of=again)
  type: dict
missing:
  description: Hosts whose taps do not listen, with C(host), C(reason), and C(node), which is null.
  returned: with O(of=watching)
  type: list
  elements: dict
left_out:
  description: Hosts of the play that are not used.
  returned: with O(of=start), O(of=exec), O(of=trace) or O(of=again)
  type: list
  elements: dict
  contains:
    host:
      description: Its name in the inventory.
      type: str
    node:
      description: The node that it is, null where that is not known.
      type: str
    reason:
      description: Why it is left out.
      type: str
seconds:
  description: How long a host may need. One that has not answered then is not waited for.
  returned: with O(of=exec)
  type: int
asked:
  description: The request with every default, in the terms of M(kube.pcap.capture) and M(kube.pcap.report).
  returned: with O(of=status), O(of=stop) or O(of=collect)
  type: dict
  contains:
    of:
      description: V(status), V(stop), V(remove) or V(collect).
      type: str
    state:
      description: What M(kube.pcap.capture) is asked for, for V(status) and V(stop).
      type: str
      sample: stopped
    id:
      description: Name of the capture, or V(all).
      type: str
    spool:
      description: The folder on the nodes under which captures live.
      type: str
    dest:
      description: The folder of the controller to collect to, null where none was given. For V(collect).
      type: str
    sink:
      description: The bucket to collect to, null where none was given. For V(collect).
      type: str
    wait:
      description: How many seconds to wait until all is shipped.
      type: int
    force:
      description: Whether segments, or a manifest, that the sink has not confirmed are removed, too.
      type: bool
    segments:
      description: Whether the closed files are listed, too.
      type: bool
    unmatched:
      description: V(fail) or V(warn), where no host has that capture.
      type: str
"""
