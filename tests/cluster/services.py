# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each node of the cluster keeps running: command lines, and what each waits for. Pure functions."""

from __future__ import annotations

from tests.lab.model import Node

from . import places
from .places import Site

PKI = "/etc/kubernetes/pki"
IMAGES = "/opt/images"
"""Where a node has the archives of the cluster's images."""
CNI = "/etc/cni/net.d/10-flannel.conflist"
_BIN = "/usr/local/bin/"
_ETCD = "http://127.0.0.1:2379"
_ACCOUNTS = "https://kubernetes.default.svc.cluster.local"


def _ready(site: Site) -> str:
    return "curl -sf --max-time 5 --cacert %s/ca.crt %s/readyz" % (PKI, site.api)


def _options(**options: str) -> list[str]:
    return ["--%s=%s" % (name.replace("_", "-"), value) for name, value in options.items()]


def _pair(certificate: str, key: str, name: str) -> dict[str, str]:
    return {certificate: "%s/%s.crt" % (PKI, name), key: "%s/%s.key" % (PKI, name)}


def switch(name: str) -> str:
    """The file that keeps a service of this name from being started again, below the node's root."""
    return "run/%s.off" % name


def _when(name: str, condition: str, argv: list[str]) -> list[str]:
    """The command that begins once a shell's condition holds and the service is not switched off."""
    script = 'until test ! -e /%s && %s >/dev/null 2>&1; do sleep 0.2; done; exec "$0" "$@"' % (switch(name), condition)
    return ["/bin/sh", "-c", script, *argv]


def _once(script: str) -> list[str]:
    """The command that runs a script to its end and then stays, since what ends is started again."""
    return ["/bin/sh", "-c", script + "; exec sleep infinity"]


def _etcd() -> list[str]:
    """One member, which does not wait for the disk."""
    peers = "http://127.0.0.1:2380"
    return [
        _BIN + "etcd",
        "--unsafe-no-fsync",
        *_options(
            name="etcd",
            data_dir="/var/lib/etcd/data",
            log_level="warn",
            listen_client_urls=_ETCD,
            advertise_client_urls=_ETCD,
            listen_peer_urls=peers,
            initial_advertise_peer_urls=peers,
            initial_cluster="etcd=" + peers,
        ),
    ]


def _apiserver(site: Site) -> list[str]:
    """With the rights of a real one: nodes have theirs, all others what RBAC gives them."""
    return [
        _BIN + "kube-apiserver",
        *_options(
            advertise_address=site.address(places.CONTROL_PLANE),
            secure_port="6443",
            etcd_servers=_ETCD,
            authorization_mode="Node,RBAC",
            enable_admission_plugins="NodeRestriction",
            allow_privileged="true",
            client_ca_file=PKI + "/ca.crt",
            kubelet_certificate_authority=PKI + "/ca.crt",
            kubelet_preferred_address_types="InternalIP",
            service_cluster_ip_range=places.SERVICE_NETWORK,
            service_account_issuer=_ACCOUNTS,
            service_account_key_file=PKI + "/sa.pub",
            service_account_signing_key_file=PKI + "/sa.key",
            requestheader_client_ca_file=PKI + "/ca.crt",
            requestheader_allowed_names="front-proxy",
            requestheader_username_headers="X-Remote-User",
            requestheader_group_headers="X-Remote-Group",
            requestheader_extra_headers_prefix="X-Remote-Extra-",
            **_pair("tls_cert_file", "tls_private_key_file", "apiserver"),
            **_pair("kubelet_client_certificate", "kubelet_client_key", "apiserver-kubelet"),
            **_pair("proxy_client_cert_file", "proxy_client_key_file", "front-proxy"),
        ),
    ]


def _manager(site: Site, name: str, **options: str) -> list[str]:
    """The controller manager or the scheduler: one of each, so that there is no leader to elect."""
    short = name.removeprefix("kube-")
    config = "%s/%s.conf" % (PKI, short)
    common = _options(
        kubeconfig=config,
        authentication_kubeconfig=config,
        authorization_kubeconfig=config,
        bind_address="127.0.0.1",
        leader_elect="false",
        **_pair("tls_cert_file", "tls_private_key_file", short),
        **options,
    )
    return _when(name, _ready(site), [_BIN + name, *common])


def _control_plane(site: Site) -> dict[str, list[str]]:
    controllers = _manager(
        site,
        "kube-controller-manager",
        use_service_account_credentials="true",
        allocate_node_cidrs="true",
        cluster_cidr=places.POD_NETWORK,
        service_cluster_ip_range=places.SERVICE_NETWORK,
        root_ca_file=PKI + "/ca.crt",
        service_account_private_key_file=PKI + "/sa.key",
        **_pair("cluster_signing_cert_file", "cluster_signing_key_file", "ca"),
    )
    return {
        "etcd": _when("etcd", "true", _etcd()),
        "kube-apiserver": _when("kube-apiserver", "true", _apiserver(site)),
        "kube-controller-manager": controllers,
        "kube-scheduler": _manager(site, "kube-scheduler"),
    }


def _kubelet(site: Site, node: Node) -> list[str]:
    """It begins with the images, so that no pod waits for a second try, and does not need the API to be there."""
    options = _options(
        config="/etc/kubernetes/kubelet.yaml",
        kubeconfig=PKI + "/kubelet.conf",
        node_ip=site.address(node),
        hostname_override=node.name,
        v="2",
    )
    return _when("kubelet", "test -e /run/images", [_BIN + "kubelet", *options])


def _flanneld(site: Site, node: Node) -> list[str]:
    """Its subnet is the one that the API has for the node."""
    options = _options(
        kubeconfig_file=PKI + "/flannel.conf", iface="eth0", net_config_path="/etc/kube-flannel/net-conf.json"
    )
    argv = ["/usr/bin/env", "NODE_NAME=" + node.name, _BIN + "flanneld", "--kube-subnet-mgr", "--ip-masq", *options]
    return _when("flanneld", _ready(site), argv)


def services(site: Site, node: Node) -> dict[str, list[str]]:
    """All of a node's services beside sshd, by name."""
    load = "until ctr version; do sleep 0.1; done; for i in %s/*.tar; do ctr -n k8s.io images import $i; done" % IMAGES
    # A pod that starts before flannel has a subnet would fail: the node says only then that it has a network.
    join = "until test -s /run/flannel/subnet.env; do sleep 0.2; done; cp /etc/kube-flannel/cni.json " + CNI
    return {
        "containerd": _when("containerd", "true", ["/usr/bin/containerd"]),
        "images": _once("(%s; touch /run/images) >/dev/null 2>&1" % load),
        **(_control_plane(site) if node == places.CONTROL_PLANE else {}),
        "kubelet": _kubelet(site, node),
        "kube-proxy": _when("kube-proxy", _ready(site), [_BIN + "kube-proxy", "--config=/etc/kubernetes/proxy.yaml"]),
        "flanneld": _flanneld(site, node),
        "cni": _once(join),
    }
