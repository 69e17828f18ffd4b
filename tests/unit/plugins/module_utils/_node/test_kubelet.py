# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The node's name as its kubelet has it."""

from __future__ import annotations

import base64

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._node import kubelet
from ansible_collections.kube.pcap.plugins.module_utils._node.proc import Roots


def pem(name):
    """The part of a client certificate (DER) that matters: issuer, organisation, common name ``system:node:NAME``."""
    text = b"system:node:" + name.encode()
    common = b"\x06\x03\x55\x04\x03\x13" + bytes([len(text)]) + text
    der = b"\x30\x82\x01\x00kubernetes-ca\x06\x03\x55\x04\x0a\x13\x0csystem:nodes" + common + b"\x30\x59\x30\x13"
    return "-----BEGIN CERTIFICATE-----\n%s-----END CERTIFICATE-----\n" % base64.encodebytes(der).decode()


@pytest.mark.parametrize(
    "words, name",
    [
        (["/usr/bin/kubelet", "--hostname-override=Node-7"], "node-7"),
        (["kubelet", "--hostname-override", "node-7", "--v=2"], "node-7"),
        (["kubelet", "--hostname-override=a", "--hostname-override=b"], "b"),
        (["/usr/local/bin/k3s", "agent", "--node-name", "edge-1"], "edge-1"),
        (["kubelet", "--hostname-override="], None),
        (["kubelet", "--hostname-override"], None),
        (["kubelet", "--config=/var/lib/kubelet/config.yaml"], None),
        ([], None),
    ],
)
def test_arguments(words, name):
    """The last setting counts, in either spelling."""
    assert kubelet.parse_node_name(words) == name


@pytest.mark.parametrize(
    "words, is_one",
    [
        (["/usr/bin/kubelet", "--v=2"], True),
        (["/usr/bin/hyperkube", "kubelet"], True),
        (["grep", "-r", "kubelet"], False),
        (["/usr/bin/kubectl"], False),
        ([], False),
    ],
)
def test_is_kubelet(words, is_one):
    """A program that merely has the word in an argument is none."""
    assert kubelet.is_kubelet(words) is is_one


def test_certificate(tmp_path):
    """The name stands in the rotated certificate, else in the kubeconfig or the file that it names."""
    roots = Roots(top=str(tmp_path))
    assert kubelet.read_certificate(roots) is None
    (tmp_path / "etc/kubernetes").mkdir(parents=True)
    config = tmp_path / "etc/kubernetes/kubelet.conf"
    (tmp_path / "own.pem").write_text(pem("from-file"))
    config.write_text("users:\n- user:\n    client-certificate: /own.pem\n")
    assert kubelet.read_certificate(roots) == "from-file"
    config.write_text(
        "users:\n- user:\n    client-certificate-data: %s\n" % base64.b64encode(pem("inline").encode()).decode()
    )
    assert kubelet.read_certificate(roots) == "inline"
    (tmp_path / "var/lib/kubelet/pki").mkdir(parents=True)
    (tmp_path / "var/lib/kubelet/pki/1.pem").write_text(pem("rotated") + "-----BEGIN EC PRIVATE KEY-----\n")
    (tmp_path / "var/lib/kubelet/pki/kubelet-client-current.pem").symlink_to("/var/lib/kubelet/pki/1.pem")
    assert kubelet.read_certificate(roots) == "rotated"


@pytest.mark.parametrize("text", ["", "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----", pem("x")[:60]])
def test_no_certificate(text):
    """A file that is none, or is cut, has no name."""
    assert kubelet.parse_certificate(text) is None
