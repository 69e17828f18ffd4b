#!/usr/bin/python
# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: collect
short_description: Brings closed segments of a node to the controller, or through it to a bucket
version_added: 0.1.0
author:
  - The kube.pcap authors (@kube-pcap)
description:
  - Reads the closed segments that lie on this node over Ansible's connection, whoever logs in, and keeps them in a
    folder of the controller or uploads them to a bucket. It is for nodes that cannot reach their bucket, and for
    captures without a sink. A capture that records goes on.
  - A segment is safe when its copy has the SHA-256 of the node's manifest and is on disk, or the bucket has confirmed
    it. Then the node writes down where it is, and deletes it.
  - In a folder the files lie as in a sink, C(ID/NODE/NAMESPACE/POD/SEGMENT) and C(ID/NODE/manifest.jsonl), readable by
    their owner alone. What is there already is compared and kept; another content under a name is an error, and stays.
  - The manifest comes last. In a folder it is replaced when it has grown. To a bucket it goes once the capture has
    closed all its files and none is left on the node, since nothing is replaced there.
  - A connection that is cut off is made anew a few times. What a run that was cut off has brought is gone on with by
    the next.
  - It also starts recorders again that were killed, and renews upload policies, as M(kube.pcap.capture) does with
    C(state=refreshed).
extends_documentation_fragment:
  - kube.pcap._attributes
  - kube.pcap._attributes.actiongroup
  - kube.pcap._gcp
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
    details:
      - A capture that records has new segments the next time.
  action:
    description: Has an action plugin of the same name, which runs on the controller.
    support: full
  async:
    description: Can be used with C(async).
    support: none
options:
  id:
    description: The capture to collect, or V(all).
    type: str
    default: all
  dest:
    description:
      - A folder of the controller. A relative path begins where Ansible was started.
      - Not set, files go to O(sink), else to the capture's own bucket, else to C(./captures).
    type: str
  sink:
    description: A bucket, as C(gs://BUCKET/PREFIX).
    type: str
  spool:
    description: The folder on the node under which captures live.
    type: str
    default: /var/lib/kube-pcap
notes:
  - Run it as root, or with C(become).
  - It fails where something could not be collected, and tells all the same what was.
seealso:
  - module: kube.pcap.capture
  - module: kube.pcap.capture_info
"""

EXAMPLES = r"""
- name: Bring everything to the controller
  kube.pcap.collect:
    dest: ~/captures

- name: Bring one capture to the bucket that its nodes cannot reach
  kube.pcap.collect:
    id: edge-node
    service_account_file: /etc/kube-pcap/collector.json
"""

RETURN = r"""
captures:
  description: The captures of this node, by id.
  returned: success, and where something could not be collected
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
      description: As M(kube.pcap.capture_info) tells it.
      type: str
      sample: done
    to:
      description: The folder of the controller, or the bucket.
      type: str
      sample: /home/ann/captures
    segments:
      description: Segments that this run has brought; in check mode, that it would.
      type: int
    bytes:
      description: Their size.
      type: int
    manifest:
      description: Whether the manifest was brought, or there is more of it than before.
      type: bool
    gone:
      description: Segments that the node shipped by itself or gave up, while this ran.
      type: int
    left:
      description: Closed segments that lie on the node.
      type: int
    settled:
      description: Whether the capture has closed all its files, so that no segment will come.
      type: bool
    problems:
      description: Why something could not be collected.
      type: list
      elements: str
msg:
  description: What is worth knowing.
  returned: sometimes
  type: str
"""
