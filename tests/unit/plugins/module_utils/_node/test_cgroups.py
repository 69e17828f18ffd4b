# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cgroup paths as kubelets and runtimes spell them (rows KD-11, PT-3)."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._node.cgroups import Member, is_static_hash, parse_cgroup

UID = "0f3c8f4e-6d0b-4c2e-9d5c-3a4f9f6f0b11"
FLAT = UID.replace("-", "_")
ID = "9dc32" + "a" * 59
OUTER = "11111111-2222-3333-4444-555555555555"

MEMBERS = [
    ("cgroupfs besteffort, v1", "4:memory:/kubepods/besteffort/pod%s/%s\n0::/" % (UID, ID)),
    ("cgroupfs burstable, v2", "0::/kubepods/burstable/pod%s/%s" % (UID, ID)),
    ("cgroupfs guaranteed", "0::/kubepods/pod%s/%s" % (UID, ID)),
    (
        "containerd systemd",
        "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod%s.slice/cri-containerd-%s.scope"
        % (FLAT, ID),
    ),
    ("CRI-O systemd guaranteed", "0::/kubepods.slice/kubepods-pod%s.slice/crio-%s.scope" % (FLAT, ID)),
    ("CRI-O cgroupfs", "12:pids:/kubepods/besteffort/pod%s/crio-%s" % (UID, ID)),
    (
        "CRI-O with the container's own group below",
        "0::/kubepods.slice/kubepods-pod%s.slice/crio-%s.scope/container" % (FLAT, ID),
    ),
    (
        "docker systemd",
        "0::/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod%s.slice/docker-%s.scope" % (FLAT, ID),
    ),
    (
        "two drivers mixed",
        "0::/system.slice/containerd.service/kubepods-burstable-pod%s.slice:cri-containerd:%s" % (FLAT, ID),
    ),
    ("systemd inside the container", "0::/kubepods/pod%s/%s/init.scope" % (UID, ID)),
    (
        "below a prefix of the node's own",
        "0::/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/"
        "kubelet-kubepods-besteffort-pod%s.slice/cri-containerd-%s.scope" % (FLAT, ID),
    ),
    ("node in a group", "0::/lab/node-a/kubepods/burstable/pod%s/%s" % (UID, ID)),
    ("node in a pod", "0::/kubepods/pod%s/%s/kubelet/kubepods/besteffort/pod%s/%s" % (OUTER, "b" * 64, UID, ID)),
    ("seen from another cgroup namespace", "0::/../../burstable/pod%s/%s" % (UID, ID)),
]

NO_MEMBERS = [
    ("kernel thread", "0::/"),
    ("service", "0::/system.slice/kubelet.service"),
    ("empty", ""),
    ("conmon", "0::/kubepods.slice/kubepods-pod%s.slice/crio-conmon-%s.scope" % (FLAT, ID)),
    ("plain docker", "0::/system.slice/docker-%s.scope" % ID),
    ("a name that only resembles", "0::/system.slice/my-podcast.service/pod1234"),
    ("QoS group", "0::/kubepods/burstable"),
]


@pytest.mark.parametrize("why, text", MEMBERS)
def test_member(why, text):
    """Every spelling gives the uid with dashes and the container's id."""
    assert parse_cgroup(text) == Member(UID, ID)


@pytest.mark.parametrize("why, text", NO_MEMBERS)
def test_no_member(why, text):
    """A process of no container of a pod is none, CRI-O's conmon included."""
    assert parse_cgroup(text) is None


def test_static_pod():
    """A static pod has its configuration's hash where others have a uid."""
    found = parse_cgroup("0::/kubepods/burstable/podf110fb44af52cfba1c2777cfa978f453/%s" % ID)
    assert found == Member("f110fb44af52cfba1c2777cfa978f453", ID)
    assert is_static_hash(found.uid) and not is_static_hash(UID)


def test_pod_without_container():
    """A process right in the pod's group belongs to the pod and to no container."""
    assert parse_cgroup("0::/kubepods/pod%s" % UID) == Member(UID, None)


def test_cut_anywhere():
    """A path cut anywhere is no pod, or the same pod; never another and never an error."""
    for _why, text in MEMBERS:
        for length in range(len(text)):
            found = parse_cgroup(text[:length])
            assert found is None or found.uid in (UID, OUTER)
