# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the cluster is made of, with every version that is chosen here.

Go is the one of ``tests/gate/go.py``. Modules come through the Go proxy as it is configured, their checksums verified.
"""

KUBERNETES = "1.34.4"
"""All components, kubectl, and the etcd that it is tested with."""
FLANNEL = "0.26.7"
"""The newest that does with the modules of this Kubernetes."""
FLANNEL_CNI = "0.9.1"
"""Of containernetworking/plugins: the last one that has flannel's plugin; its own module is not on the proxy."""
COREDNS = "1.13.1"
"""The newest that is built for this Kubernetes' client."""
CRICTL = "1.30.0"
"""The newest that the proxy has with a checksum."""
KWOK = "0.8.0"
PACKAGES = (
    "containerd",
    "runc",
    "containernetworking-plugins",
    "busybox-static",
    "conntrack",
    "curl",
    "ethtool",
    "gcc",
    "libc6-dev",
    "iptables",
    "nftables",
    "socat",
    "sudo",
)
"""Debian packages of this cluster beside those of the lab."""
