#!/usr/bin/python
# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: netns_command
short_description: Any tool in a pod's namespaces
version_added: 0.1.0
author:
  - The kube.pcap authors (@kube-pcap)
description:
  - Runs a tool of the node in the network namespace of a pod, or in others of its namespaces. The pod needs no shell
    and no tool for it, and is not touched. No shell reads the words of the command.
  - The tool has the rights of the caller, root, and is in the caller's control groups, not in the pod's.
  - No process that it starts outlives it, its timeout, the module, or the connection over SSH.
  - It fails where the tool ends with another code than 0, or not in time, and returns everything even then.
  - It is normally called by the playbook C(kube.pcap.exec) with a record of the plan. Called alone, it resolves the
    selection on its node.
extends_documentation_fragment:
  - kube.pcap._attributes
  - kube.pcap._attributes.actiongroup
attributes:
  check_mode:
    support: full
    details:
      - It enters the namespaces, finds the program, and runs nothing.
  diff_mode:
    support: none
  idempotent:
    support: none
options:
  argv:
    description:
      - The program and its arguments. A program without a slash is looked for in C(PATH) of the node, or with V(mount)
        in O(namespaces) in the usual folders of the pod.
    type: list
    elements: str
  command:
    description:
      - The same as one text. Its words are split as a shell splits them, with quotes and backslashes, and nothing else
        of a shell means anything, such as C($), C(|) or C(*).
    type: str
  pod:
    description: The pod, as V(shop/cart) or V(shop/cart[istio-proxy]).
    type: str
  node:
    description: The node, by its name in the cluster.
    type: str
  targets:
    description:
      - The targets as one selection or a list of them, such as V(pods shop app=web) or V(nodes *). At most eight tools
        run at once on a node.
    type: raw
  record:
    description: What the plan chose for this node. With it, no other option is read.
    type: dict
  container:
    description:
      - The container of the pods. Not set, the first. It matters for the namespaces that each container has for itself,
        V(mount), V(pid) and V(cgroup).
    type: str
  kube_node_name:
    description: The name under which the cluster knows this node. Not set, it is the kubelet's own.
    type: str
  namespaces:
    description:
      - The namespaces of the target that the tool enters, some of V(net), V(mount), V(pid), V(uts), V(ipc), V(cgroup).
      - With V(mount) the tool is the pod's own, from the pod's files. Whoever made the pod's image then has a program
        run as root of the node, so ask for it only with images that you trust as much; C(kubectl exec) confines it.
      - With V(pid) it sees the pod's processes, also with a C(ps) of the node.
      - Without them, files, C(/sys), C(/etc/resolv.conf) and processes are the node's. With V(mount) and without
        V(pid), C(/proc/self) leads nowhere, since C(/proc) is the pod's.
    type: list
    elements: str
    default: [net]
  timeout:
    description:
      - How long each tool may run, at most V(1h). Then it gets SIGINT, two seconds later it is killed, with everything
        that it has started.
    type: str
    default: 30s
  stdin:
    description: What the tool reads from standard input, at most 1 MiB. Not set, nothing.
    type: str
  encoding:
    description:
      - V(text), output that is no UTF-8 is replaced, which RV(results[].stdout_replaced) tells. V(base64), it is exact.
    type: str
    choices: [text, base64]
    default: text
  dest:
    description:
      - A file of the node for standard output, which only root can read. A folder with a slash at its end takes one
        file for each target, called C(NAMESPACE--POD), or C(_node--_host).
      - It replaces an older one at once when the tool has ended, also with an error or by its timeout. Nothing is left
        of it when the module is killed, or the connection lost.
    type: str
  dest_size:
    description: Most bytes of O(dest). The tool's further output is counted and dropped.
    type: str
    default: 1Gi
  return_stdout:
    description: Return standard output. With O(dest) it may be left out.
    type: bool
    default: true
requirements:
  - the tool on the node, or with V(mount) in O(namespaces) in the pod
notes:
  - Run it as root, or with C(become).
  - Of each stream the first 1 MiB is returned, and of more than eight targets on one node 16 MiB altogether. What the
    tool writes beyond that is counted and dropped.
  - Programs of the node run with C(LC_ALL=C) and C(TZ=UTC), in the folder C(/).
seealso:
  - module: kube.pcap.node_pods_info
"""

EXAMPLES = r"""
- name: Show the addresses of a pod, wherever it runs
  kube.pcap.netns_command:
    pod: shop/cart
    argv: [ip, -o, addr]

- name: Take ten packets of every web pod of this node, byte by byte
  kube.pcap.netns_command:
    targets: pods shop app=web
    command: tcpdump -i any -c 10 -w - 'tcp port 80 and not host 10.0.0.1'
    encoding: base64
    timeout: 1m

- name: Show the processes of a pod that has no ps
  kube.pcap.netns_command:
    pod: shop/cart
    argv: [ps, -ef]
    namespaces: [net, pid]

- name: Run the pod's own program
  kube.pcap.netns_command:
    pod: shop/cart[istio-proxy]
    argv: [pilot-agent, version]
    namespaces: [net, mount, pid, uts]
"""

RETURN = r"""
results:
  description: One entry for each target on this node. With one target its keys stand on top, too.
  returned: success or a tool that failed
  type: list
  elements: dict
  contains:
    target:
      description: The target, with the keys that M(kube.pcap.node_pods_info) returns.
      type: dict
    found:
      description: Whether it is on this node. It is false, too, where it has gone before it could be entered.
      type: bool
    rc:
      description:
        - The tool's exit code; a signal's number with a minus where one ended it; null where nothing ran, and where
          RV(results[].lost).
      type: int
      sample: 0
    stdout:
      description: The beginning of what it wrote to standard output.
      type: str
    stderr:
      description: The beginning of what it wrote to standard error.
      type: str
    stdout_bytes:
      description: How many bytes it wrote to standard output.
      type: int
    stderr_bytes:
      description: How many bytes it wrote to standard error.
      type: int
    stdout_cut:
      description: Whether there was more than RV(results[].stdout) holds.
      type: bool
    stderr_cut:
      description: Whether there was more than RV(results[].stderr) holds.
      type: bool
    stdout_replaced:
      description: Whether RV(results[].stdout) holds U+FFFD in place of what is no UTF-8.
      type: bool
    stderr_replaced:
      description: Whether RV(results[].stderr) holds U+FFFD in place of what is no UTF-8.
      type: bool
    encoding:
      description: How RV(results[].stdout) and RV(results[].stderr) are written, V(text) or V(base64).
      type: str
    argv:
      description: What ran, with the path of the program.
      type: list
      elements: str
      sample: [/usr/sbin/ip, -o, addr]
    timed_out:
      description: Whether it was stopped by O(timeout).
      type: bool
    lost:
      description:
        - Whether the process that watched the tool was killed, and the tool with it. It may have run; what it wrote is
          not known.
      type: bool
    seconds:
      description: How long it ran.
      type: float
    error:
      description: Why it could not be run, or what of it failed beside the tool; null where nothing did.
      type: str
    dest:
      description: The file that was written, null for none.
      type: str
    dest_bytes:
      description: How many bytes it has.
      type: int
    dest_cut:
      description: Whether there was more than O(dest_size).
      type: bool
found:
  description: Whether a target is on this node.
  returned: success or a tool that failed
  type: bool
msg:
  description: What went wrong, or why nothing ran.
  returned: sometimes
  type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kube.pcap.plugins.module_utils._errors import PcapError
from ansible_collections.kube.pcap.plugins.module_utils._node.commands import run


def main() -> None:
    """Run a tool in namespaces of targets on this node."""
    module = AnsibleModule(
        argument_spec={
            "argv": {"type": "list", "elements": "str"},
            "command": {"type": "str"},
            "pod": {"type": "str"},
            "node": {"type": "str"},
            "targets": {"type": "raw"},
            "record": {"type": "dict"},
            "container": {"type": "str"},
            "kube_node_name": {"type": "str"},
            "namespaces": {"type": "list", "elements": "str", "default": ["net"]},
            "timeout": {"type": "str", "default": "30s"},
            "stdin": {"type": "str"},
            "encoding": {"type": "str", "choices": ["text", "base64"], "default": "text"},
            "dest": {"type": "str"},
            "dest_size": {"type": "str", "default": "1Gi"},
            "return_stdout": {"type": "bool", "default": True},
        },
        mutually_exclusive=[("argv", "command"), ("pod", "node", "targets", "record")],
        required_one_of=[("argv", "command", "record"), ("pod", "node", "targets", "record")],
        supports_check_mode=True,
    )
    try:
        result = run(module.params, module.check_mode)
    except PcapError as error:
        module.fail_json(msg=str(error))
    if result["failed"]:
        module.fail_json(**result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
