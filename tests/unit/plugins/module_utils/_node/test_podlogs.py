# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of the kubelet's folders and links."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._node import podlogs

from .node_tree import HASH, UID, NodeTree, long_id

ID = long_id("app")


@pytest.mark.parametrize(
    "name, found",
    [
        ("shop_cart_" + UID, ("shop", "cart", UID)),
        ("kube-system_etcd-node-a.example_" + HASH, ("kube-system", "etcd-node-a.example", HASH)),
        ("shop_cart", None),
        ("shop_ca_rt_" + UID, None),
        ("shop_cart_%s\n" % UID, None),
        ("..", None),
    ],
)
def test_folder(name, found):
    """A folder's name has three parts and nothing else."""
    assert podlogs.parse_folder(name) == found


@pytest.mark.parametrize(
    "name, found",
    [
        ("cart_shop_app-%s.log" % ID, (ID, "app")),
        ("etcd-node-a_kube-system_my-etcd-%s.log" % ID, (ID, "my-etcd")),
        ("cart_shop_app-%s" % ID, None),
        ("cart_shop_app-%s.log" % ID[:-1], None),
    ],
)
def test_link(name, found):
    """A container's name may hold dashes; the id is the last part."""
    assert podlogs.parse_link(name) == found


def test_read(tmp_path):
    """Folders of logs and the kubelet's own folders give the containers; other files do no harm."""
    tree = NodeTree(tmp_path)
    assert podlogs.read_logged(tree.roots) == {} and podlogs.read_container_names(tree.roots) == {}
    tree.logs("shop", "cart", UID, "app")
    tree.write("var/log/pods/README", "")
    tree.write("var/lib/kubelet/pods/%s/containers/side/1a2b3c4d" % UID, "")
    assert podlogs.read_logged(tree.roots) == {UID: podlogs.Logged(UID, "shop", "cart", ("app", "side"))}
    assert podlogs.read_container_names(tree.roots) == {ID: "app"}
