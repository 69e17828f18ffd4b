# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The namespace lab: nodes and pods of a cluster as namespaces of one machine, in seconds, without a kubelet::

with Lab.up("shop", SHOP) as lab:
    lab.pod("shop", "cart").send("shop/web", count=20000, rate=20000)
"""
