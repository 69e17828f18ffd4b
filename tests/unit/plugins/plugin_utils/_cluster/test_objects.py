# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kubernetes objects as candidates."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.plugin_utils._cluster import objects


def thing(kind, name, namespace="shop", owner=None, **rest):
    """An object; ``owner`` is its controller, as (kind, name)."""
    metadata = {"name": name, "namespace": namespace, "uid": "uid-" + name, **rest.pop("metadata", {})}
    if owner:
        metadata["ownerReferences"] = [{"kind": owner[0], "name": owner[1], "controller": True}]
    return {"kind": kind, "metadata": metadata, **rest}


def pod(name="web-1", owner=None, labels=None, annotations=None, **spec):
    """A running pod with two containers, an init and an ephemeral one."""
    whole = {"nodeName": "node-a", "containers": [{"name": "app"}, {"name": "side"}], **spec}
    whole.update(initContainers=[{"name": "init"}], ephemeralContainers=[{"name": "debug"}])
    statuses = [{"name": "side", "containerID": "containerd://2222"}, {"name": "app", "containerID": "cri-o://1111"}]
    status = {"phase": "Running", "podIPs": [{"ip": "10.0.0.1"}, {"ip": "fd00:0::1"}], "containerStatuses": statuses}
    metadata = {"labels": labels or {"app": "web"}, "annotations": annotations or {}}
    return thing("Pod", name, owner=owner, spec=whole, status=status, metadata=metadata)


def only(*items):
    """The single pod among the candidates of some objects."""
    (found,) = [c for c in objects.candidates(items) if c.target.kind == "pod"]
    return found


def test_pod():
    """A pod comes with its containers in the specification's order, ids without their scheme, canonical addresses."""
    target = only(pod()).target
    assert (target.namespace, target.name, target.uid, target.node) == ("shop", "web-1", "uid-web-1", "node-a")
    assert [(c.name, c.id) for c in target.containers] == [
        ("app", "1111"),
        ("side", "2222"),
        ("init", None),
        ("debug", None),
    ]
    assert target.container == "app" and target.addresses == ("10.0.0.1", "fd00::1")
    assert target.labels == {"app": "web"} and not target.host_network and target.pid is None


def test_node():
    """A node has its labels and IPs, not its host names."""
    listed = [{"type": "InternalIP", "address": "10.9.0.1"}, {"type": "Hostname", "address": "node-a"}]
    (found,) = objects.candidates([thing("Node", "node-a", None, status={"addresses": listed})])
    assert (found.target.kind, found.target.name, found.target.addresses) == ("node", "node-a", ("10.9.0.1",))


@pytest.mark.parametrize(
    "annotations, expected",
    [
        ({"kubernetes.io/config.hash": "ab", "kubernetes.io/config.mirror": "ab"}, "ab"),
        ({"kubernetes.io/config.hash": "ab"}, None),
        ({}, None),
    ],
)
def test_static_pod(annotations, expected):
    """Only a mirror pod's hash counts: anybody may write the other annotation."""
    assert only(pod(annotations=annotations)).target.static_hash == expected


def test_workloads():
    """Owners are followed all the way up, past kinds that nobody knows."""
    items = [
        pod(owner=("ReplicaSet", "web-6f")),
        thing("ReplicaSet", "web-6f", owner=("Deployment", "web")),
        thing("Deployment", "web"),
    ]
    assert only(*items).workloads == (("replicaset", "web-6f"), ("deployment", "web"))
    job = thing("Job", "nightly-1", owner=("CronJob", "nightly"))
    assert only(pod(owner=("Job", "nightly-1")), job).workloads == (("job", "nightly-1"), ("cronjob", "nightly"))
    assert only(pod(owner=("StatefulSet", "db"))).workloads == (("statefulset", "db"),)
    assert only(pod()).workloads == () and only(pod(owner=("Node", "node-a"))).workloads == ()


def test_an_owner_that_is_missing():
    """Without its ReplicaSet it is not known to which Deployment a pod belongs."""
    assert only(pod(owner=("ReplicaSet", "web-6f")), thing("Deployment", "web")).workloads is None


def test_owners_in_a_circle():
    """Objects that own each other do not hang anything."""
    one, two = thing("ReplicaSet", "a", owner=("Job", "b")), thing("Job", "b", owner=("ReplicaSet", "a"))
    assert only(pod(owner=("ReplicaSet", "a")), one, two).workloads == (("replicaset", "a"), ("job", "b"))


def endpoints(service, *pods):
    """An endpoint slice of a service."""
    listed = [{"targetRef": {"kind": "Pod", "name": name}} for name in pods]
    return thing(
        "EndpointSlice", service + "-x", endpoints=listed, metadata={"labels": {"kubernetes.io/service-name": service}}
    )


def service(name, **selector):
    """A service."""
    return thing("Service", name, spec={"selector": selector})


def test_services():
    """Endpoint slices tell; without any of a service its selector does, and none of it is no service for all."""
    web = pod()
    assert only(web, service("web", app="web"), endpoints("web", "web-1")).services == ("web",)
    assert only(web, service("web", app="web"), endpoints("web", "other")).services == ()
    assert only(web, service("web", app="web"), service("db", app="db")).services == ("web",)
    assert only(web, service("outside")).services == ()
    assert only(web).services is None


@pytest.mark.parametrize(
    "document",
    [
        {"kind": "List", "items": [pod()]},
        [{"kind": "List", "items": [pod()]}, {"kind": "PodList", "items": []}],
        {"kind": "PodList", "items": [{k: v for k, v in pod().items() if k != "kind"}]},
        pod(),
    ],
)
def test_flatten(document):
    """A List, a list of Lists, a List of one kind and a single object give the same."""
    assert [item["kind"] for item in objects.flatten(document)] == ["Pod"]


@pytest.mark.parametrize(
    "document, text",
    [
        ({}, "^it is no Kubernetes object: it has no kind$"),
        (7, "it is no Kubernetes object"),
        ({"kind": "List"}, "it is a List without a list of items"),
        ({"kind": "List", "items": [{"kind": "Pod"}]}, r"it.items\[0\] is a Pod without metadata.name"),
        ([{"kind": "List", "items": [7]}], r"it\[0\].items\[0\] is no Kubernetes object"),
        ({"kind": "Pod", "metadata": {"name": 7}}, "it is a Pod without metadata.name"),
    ],
)
def test_no_objects(document, text):
    """What is no object is told with its place."""
    with pytest.raises(ValueError, match=text):
        list(objects.flatten(document))


@pytest.mark.parametrize("key", ["spec", "status"])
@pytest.mark.parametrize("value", [None, [], "x", {"containers": 7, "podIPs": [1], "containerStatuses": [{}]}])
def test_malformed_parts(key, value):
    """Parts of another type than Kubernetes gives them are as missing ones."""
    assert only({**pod(), key: value}).target.name == "web-1"


def test_nothing_beside_the_objects():
    """Where they are all that matters, a missing owner has none, and no service is known to be none."""
    (found,) = objects.candidates([pod(owner=("ReplicaSet", "web-rs"))], whole=True)
    assert found.workloads == (("replicaset", "web-rs"),) and found.services == ()


def test_what_is_kept_of_an_object():
    """Nothing of what is not read."""
    whole = [
        pod(annotations={"other": "SECRET"}, volumes=["SECRET"]),
        thing("ReplicaSet", "web-rs", spec={"template": "SECRET"}),
        thing("Service", "api", spec={"selector": {"app": "web"}, "externalName": "SECRET"}),
        thing("EndpointSlice", "api-x1", metadata={"managedFields": ["SECRET"]}, addressType="SECRET"),
        thing("Node", "node-a", None, status={"images": ["SECRET"]}),
    ]
    assert "SECRET" not in str([objects.read(item) for item in whole])
