#!/usr/bin/python
# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: capture
short_description: Rolling packet captures of pods and nodes, bounded in disk, time and memory
version_added: 0.1.0
author:
  - The kube.pcap authors (@kube-pcap)
description:
  - Records packets on this node with tcpdump, one for each target, in the target's network namespace and outside its
    control groups. The pod is not touched.
  - One call starts all targets. It returns when every tap listens, or fails in tcpdump's own words and leaves nothing.
  - A supervisor on the node rotates, counts, compresses and ships the files. It outlives Ansible and ends by itself at
    its deadline.
  - It is normally called by the playbook C(kube.pcap.capture) with a record of the plan. Called alone, it
    resolves the selection on its node.
extends_documentation_fragment:
  - kube.pcap._attributes
  - kube.pcap._attributes.actiongroup
  - kube.pcap._gcp
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details:
      - It shows phase and targets. A capture that exists with other options is refused, with the differences.
  idempotent:
    support: full
options:
  state:
    description:
      - V(started), exactly this capture runs. The same request again changes nothing, but adds new matching pods.
        Beside eight that have not ended in the same spool, a further capture is refused.
      - V(refreshed), a supervisor that was killed runs again, and the figures of the others are fresh.
      - V(stopped), the taps are closed and every packet up to now is in its file.
      - V(absent), stopped, and everything of the capture is removed.
    type: str
    choices: [started, refreshed, stopped, absent]
    default: started
  id:
    description:
      - Name of the capture. At most 63 characters of C(a-z), C(0-9) and C(-).
      - Not set, it is made of the request, the same on every host and every day.
      - V(all) stands for every capture of the node, except with O(state=started).
    type: str
  record:
    description: What the plan chose for this node. With it, O(targets) and the options of the recording are not read.
    type: dict
  targets:
    description:
      - What to record, when there is no O(record), as one selection or a list of them.
      - For instance V(pod shop/cart), V(pods shop app=web), V(node node-a), V(nodes *).
    type: raw
  kube_node_name:
    description: The name under which the cluster knows this node. Not set, it is the kubelet's own.
    type: str
  filter:
    description: An expression as in pcap-filter(7). Empty records everything.
    type: str
    default: ""
  interface:
    description: The interface in the target's namespace. Not set, V(any) for a pod and the default route's for a node.
    type: str
  snaplen:
    description: Bytes of each packet that are kept, V(0) for all. V(192) holds all headers through VXLAN and IPv6.
    type: int
    default: 192
  buffer:
    description: Size of each target's packet ring in KiB. It is cut to fit O(memory).
    type: int
    default: 4096
  segment_size:
    description: A file is closed at this size, such as V(100M). It is cut to fit O(keep).
    type: str
    default: 100M
  segment_seconds:
    description: A file is closed at the first packet after this time.
    type: str
    default: 60s
  packet_count:
    description: Stop each target after exactly so many packets.
    type: int
  keep:
    description:
      - Most bytes that the capture keeps on this node. When they are reached, the oldest closed files go and are
        counted.
    type: str
    default: 1Gi
  min_free:
    description: Share or size of the spool's file system that stays free.
    type: str
    default: 10%
  duration:
    description: The capture ends after this time, such as V(90s), V(15m), V(2h), V(5d).
    type: str
    default: 2h
  max_duration:
    description: The longest O(duration) that is taken, for job templates.
    type: str
    default: 7d
  compress:
    description: Compress closed files with gzip.
    type: bool
    default: true
  sink:
    description:
      - Where closed files go, as an existing directory on the node, such as a mount, or as C(gs://BUCKET/PREFIX).
      - A file is deleted from the spool only after its copy in the directory was read back with the same SHA-256, or
        after the bucket has answered with the same MD5.
      - Not set, files stay in the spool within O(keep).
    type: str
  upload:
    description:
      - Who lets the node write to a bucket.
      - V(policy), the controller signs an upload policy that creates objects of this capture and node and nothing else.
      - V(metadata), the node asks its metadata server for a token of its own service account.
      - That account needs the role C(roles/storage.objectCreator) on the bucket, and a virtual machine the access
        scope C(devstorage.read_write) or C(cloud-platform). With the permission C(storage.objects.get), which the role
        C(roles/storage.objectViewer) has, the node can confirm by itself what was stored while the answer was lost.
      - A policy ends, and holds for one capture and node; what the account may do is not bounded so.
    type: str
    choices: [policy, metadata]
    default: policy
  upload_rate:
    description: Most bytes a second to a bucket, such as V(5M). Not set, as fast as it goes.
    type: str
  policies:
    description: The signed upload policies as the action hands them to its module; secret, and not for users.
    type: str
  confirmed:
    description: Files that the action found in the bucket, by capture; not for users.
    type: dict
  spool:
    description: The folder on the node under which captures live.
    type: str
    default: /var/lib/kube-pcap
  memory:
    description: Most memory of all packet rings of the capture on this node. No control group counts them.
    type: str
    default: 128Mi
  promiscuous:
    description: Put the interface into promiscuous mode.
    type: bool
    default: false
  grace:
    description: How long shipping goes on after the deadline.
    type: str
    default: 1h
  wait:
    description: With O(state=stopped), how long to wait until all is shipped.
    type: str
    default: 60s
  force:
    description: With O(state=absent), remove segments, or a manifest, that the sink has not confirmed.
    type: bool
    default: false
  segments:
    description: With any O(state) but V(started), return the segments, too, from the manifest.
    type: bool
    default: false
requirements:
  - tcpdump on the node; for O(interface=any) with libpcap 1.10 or newer
notes:
  - Run it as root, or with C(become).
  - A file is closed by time only when a packet arrives. A quiet target's file stays open until the next packet, the
    stop or the deadline.
seealso:
  - module: kube.pcap.capture_info
  - module: kube.pcap.node_pods_info
"""

EXAMPLES = r"""
- name: Record one pod for a quarter of an hour, wherever it runs
  kube.pcap.capture:
    targets: pod shop/cart
    filter: tcp port 8080
    duration: 15m

- name: Record the node's own interface in small files, to a mount
  kube.pcap.capture:
    id: edge-node
    targets: node node-a
    segment_size: 10M
    sink: /mnt/captures

- name: Record a node to a bucket; the controller's key signs what the node may upload
  kube.pcap.capture:
    id: edge-node
    kube_node_name: node-a
    targets: node node-a
    sink: gs://my-captures/cluster-a
    service_account_file: /etc/kube-pcap/signer.json

- name: Stop every capture of this node
  kube.pcap.capture:
    state: stopped
    id: all
"""

RETURN = r"""
capture:
  description: The capture on this node, null when this node has no part in it.
  returned: success
  type: dict
  contains:
    id:
      description: Name of the capture.
      type: str
      sample: c-3f0a9c21d4
    phase:
      description: V(starting), V(ready), V(draining), V(done) or V(failed); null in check mode before the start.
      type: str
      sample: ready
    deadline:
      description: When the taps close.
      type: str
      sample: "2026-11-21T10:00:00Z"
    targets:
      description:
        - The targets, with the keys that M(kube.pcap.node_pods_info) returns, and each with its own C(phase) and
          C(reason), which are not there in check mode before the start.
      type: list
      elements: dict
captures:
  description: What M(kube.pcap.capture_info) would tell of each capture now.
  returned: unless O(state=started)
  type: list
  elements: dict
others:
  description: The names of the node's other captures, where O(id) is that of one.
  returned: unless O(state=started)
  type: list
  elements: str
removed:
  description: What M(kube.pcap.capture_info) would have told of each capture right before it was removed.
  returned: when O(state=absent)
  type: list
  elements: dict
msg:
  description: What is worth knowing, such as that the capture is finished.
  returned: sometimes
  type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kube.pcap.plugins.module_utils._errors import PcapError
from ansible_collections.kube.pcap.plugins.module_utils._node.calls import run


def main() -> None:
    """Start, refresh, stop or remove captures on this node."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["started", "refreshed", "stopped", "absent"], "default": "started"},
            "id": {"type": "str"},
            "record": {"type": "dict"},
            "targets": {"type": "raw"},
            "kube_node_name": {"type": "str"},
            "filter": {"type": "str", "default": ""},
            "interface": {"type": "str"},
            "snaplen": {"type": "int", "default": 192},
            "buffer": {"type": "int", "default": 4096},
            "segment_size": {"type": "str", "default": "100M"},
            "segment_seconds": {"type": "str", "default": "60s"},
            "packet_count": {"type": "int"},
            "keep": {"type": "str", "default": "1Gi"},
            "min_free": {"type": "str", "default": "10%"},
            "duration": {"type": "str", "default": "2h"},
            "max_duration": {"type": "str", "default": "7d"},
            "compress": {"type": "bool", "default": True},
            "sink": {"type": "str"},
            "upload": {"type": "str", "choices": ["policy", "metadata"], "default": "policy"},
            "upload_rate": {"type": "str"},
            "policies": {"type": "str", "no_log": True},
            "confirmed": {"type": "dict"},
            "spool": {"type": "str", "default": "/var/lib/kube-pcap"},
            "memory": {"type": "str", "default": "128Mi"},
            "promiscuous": {"type": "bool", "default": False},
            "grace": {"type": "str", "default": "1h"},
            "wait": {"type": "str", "default": "60s"},
            "force": {"type": "bool", "default": False},
            "segments": {"type": "bool", "default": False},
            # What follows stays on the controller: the action plugin takes it.
            "auth_kind": {"type": "str", "choices": ["application", "serviceaccount", "machineaccount", "accesstoken"]},
            "service_account_file": {"type": "path"},
            "service_account_contents": {"type": "jsonarg", "no_log": True},
            "service_account_email": {"type": "str"},
            "access_token": {"type": "str", "no_log": True},
            "project": {"type": "str"},
        },
        mutually_exclusive=[("record", "targets")],
        supports_check_mode=True,
    )
    try:
        result = run(module.params, module.check_mode)
    except PcapError as error:
        module.fail_json(msg=str(error))
    diff = result.pop("diff")
    module.exit_json(**({**result, "diff": diff} if module._diff else result))


if __name__ == "__main__":
    main()
