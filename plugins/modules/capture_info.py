#!/usr/bin/python
# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: capture_info
short_description: What the captures of this node are doing
version_added: 0.1.0
author:
  - The kube.pcap authors (@kube-pcap)
description:
  - Tells phase, packets, drops, segments, backlog and disk of each capture of this node. It only reads.
extends_documentation_fragment:
  - kube.pcap._attributes
  - kube.pcap._attributes.info
  - kube.pcap._attributes.actiongroup
options:
  id:
    description: The capture to tell. Not set, or V(all), every capture of this node.
    type: str
  spool:
    description: The folder on the node under which captures live.
    type: str
    default: /var/lib/kube-pcap
  segments:
    description: Return the segments, too, from the manifest.
    type: bool
    default: false
notes:
  - Run it as root, or with C(become).
seealso:
  - module: kube.pcap.capture
"""

EXAMPLES = r"""
- name: See what is being recorded
  kube.pcap.capture_info:
  register: found

- name: List the segments of one capture
  kube.pcap.capture_info:
    id: edge-node
    segments: true
"""

RETURN = r"""
captures:
  description: The captures of this node, by id.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: Name of the capture.
      type: str
      sample: c-3f0a9c21d4
    node:
      description: Name of the node.
      type: str
    phase:
      description:
        - V(starting), V(ready) when every tap listens, V(draining) when the taps are closed and files are on their way,
          V(done) or V(failed).
      type: str
      sample: ready
    reason:
      description: Why it is in that phase, null when there is nothing to say.
      type: str
    started:
      description: When it was started.
      type: str
      sample: "2026-11-21T08:00:00Z"
    deadline:
      description: When the taps close.
      type: str
      sample: "2026-11-21T10:00:00Z"
    seconds_left:
      description: Seconds until then, 0 when the taps are closed.
      type: int
    targets:
      description: One entry for each target.
      type: list
      elements: dict
      contains:
        target:
          description: The target, with the keys that M(kube.pcap.node_pods_info) returns.
          type: dict
        phase:
          description: As for the capture.
          type: str
        reason:
          description: Why there is no tap, or why it ended.
          type: str
        packets:
          description:
            - Packets in closed segments, which is exact, and what tcpdump says it has captured since.
          type: int
        received:
          description:
            - Packets that the kernel's filter let through. What is neither in RV(captures[].targets[].packets) nor
              dropped was not read, such as the second copy of each loopback packet, and is no loss.
          type: int
        dropped_kernel:
          description: Packets for which the ring had no room. Only this is loss.
          type: int
        dropped_interface:
          description: Packets that the interfaces dropped before any capture could see them, null when not read.
          type: int
        segments:
          description: Closed segments, wherever they are now.
          type: int
        shipped:
          description: Segments that the sink has confirmed.
          type: int
        bytes:
          description: Bytes of all segments.
          type: int
        gaps:
          description: Spans that were not watched, or of which packets are in no file. The manifest has each.
          type: int
        last_gap:
          description: The latest of them, null without one.
          type: dict
          contains:
            since:
              description: When the last packet before it was seen.
              type: str
            until:
              description: When a tap listened again, or the target had ended; null when none has listened yet.
              type: str
            packets:
              description: Packets known to be in no file, at least so many; null when nothing is known.
              type: int
            reason:
              description: Why.
              type: str
    segments:
      description: Closed segments of all targets.
      type: int
    shipped:
      description: Segments that the sink has confirmed.
      type: int
    evicted:
      description: Files that were given up because a bound was reached.
      type: int
    evicted_packets:
      description: Packets in them.
      type: int
    unconfirmed:
      description:
        - Files that may be in the bucket and may not, since its answer was lost or proved nothing. They stay on the
          node, unless a bound is reached; M(kube.pcap.capture) with C(state=refreshed) and M(kube.pcap.collect) compare
          them.
      type: int
    backlog_bytes:
      description: Bytes of closed files that wait for the sink.
      type: int
    disk_bytes:
      description: Bytes that the capture holds on the node.
      type: int
    sink:
      description: Where segments go, null when they stay.
      type: str
    stored_in:
      description:
        - How many segments each place has. That is the sink, or what M(kube.pcap.collect) calls the place to which it
          brought them.
      type: dict
      sample: {"gs://my-captures/cluster-a": 12}
    settled:
      description: Whether all taps are closed and all their files are counted, so that no segment will come.
      type: bool
    spool:
      description: The capture's folder on the node.
      type: str
    last_error:
      description: The last thing that went wrong on the way to the sink.
      type: str
    segment_list:
      description:
        - The segments as the manifest has them, with C(where) V(spool), V(sink) or V(evicted), and of those that are
          elsewhere, with C(sink) and C(object).
      returned: when O(segments=true)
      type: list
      elements: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kube.pcap.plugins.module_utils._errors import PcapError
from ansible_collections.kube.pcap.plugins.module_utils._node.calls import info


def main() -> None:
    """Tell what the captures of this node are doing."""
    module = AnsibleModule(
        argument_spec={
            "id": {"type": "str"},
            "spool": {"type": "str", "default": "/var/lib/kube-pcap"},
            "segments": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    try:
        result = info(module.params)
    except PcapError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
