# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The settings of containerd, kubelet, kube-proxy, flannel and crictl on a node. Pure functions."""

from __future__ import annotations

import json

import yaml

from tests.lab.model import Node

from . import images, places
from .services import PKI

RUNTIME = "unix:///run/containerd/containerd.sock"
KERNEL = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}
"""What the kubelet wants to read, and would otherwise write: these settings are the whole machine's."""
_CONTAINERD = """\
version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "%s"
  # Nobody without CAP_SYS_RESOURCE may lower it; with this, runc does not try.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/opt/cni/bin"
    conf_dir = "/etc/cni/net.d"
"""


def kubelet() -> dict[str, object]:
    """The nodes share one disk with everything else on this machine: nothing is evicted, no image is removed."""
    roomy = ("nodefs.available", "nodefs.inodesFree", "imagefs.available", "imagefs.inodesFree")
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": PKI + "/ca.crt"},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": PKI + "/kubelet.crt",
        "tlsPrivateKeyFile": PKI + "/kubelet.key",
        "cgroupDriver": "cgroupfs",
        "failCgroupV1": False,
        "failSwapOn": False,
        "clusterDomain": "cluster.local",
        "clusterDNS": [places.DNS_SERVICE],
        "containerRuntimeEndpoint": RUNTIME,
        "staticPodPath": "/etc/kubernetes/manifests",
        "nodeStatusUpdateFrequency": "5s",
        "evictionHard": dict.fromkeys(roomy, "0%"),
        "imageGCHighThresholdPercent": 100,
    }


def proxy(node: Node) -> dict[str, object]:
    """The size of the connection table is the machine's, and not written from here."""
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "hostnameOverride": node.name,
        "clusterCIDR": places.POD_NETWORK,
        "clientConnection": {"kubeconfig": PKI + "/proxy.conf"},
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
    }


def cni() -> dict[str, object]:
    """What the runtime calls for each pod: flannel, which hands on to a bridge, and ports of the node."""
    flannel = {"type": "flannel", "delegate": {"hairpinMode": True, "isDefaultGateway": True}}
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return {"name": "cbr0", "cniVersion": "0.3.1", "plugins": [flannel, ports]}


def files(node: Node) -> dict[str, str]:
    """Every settings file of a node, by path."""
    return {
        "/etc/containerd/config.toml": _CONTAINERD % images.name("pause"),
        "/etc/crictl.yaml": yaml.safe_dump({"runtime-endpoint": RUNTIME, "image-endpoint": RUNTIME, "timeout": 10}),
        "/etc/kube-flannel/cni.json": json.dumps(cni()),
        "/etc/kube-flannel/net-conf.json": json.dumps({"Network": places.POD_NETWORK, "Backend": {"Type": "vxlan"}}),
        "/etc/kubernetes/kubelet.yaml": yaml.safe_dump(kubelet()),
        "/etc/kubernetes/proxy.yaml": yaml.safe_dump(proxy(node)),
        "/etc/kubernetes/manifests/README": "Manifests of static pods; the kubelet reads those that end in .yaml.\n",
        "/etc/cni/net.d/.keep": "",
    }
