# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``snapshot.json``: the lab's objects as ``kubectl get … -A -o json`` gives them. Pure functions."""

from __future__ import annotations

import uuid
from typing import Any

from . import addresses, spelling
from .live import LiveLab, LivePod
from .model import Container, Node, Port, Service

_GROUPS = {"Pod": "v1", "Node": "v1", "Service": "v1", "EndpointSlice": "discovery.k8s.io/v1", "Job": "batch/v1"}
_APPS = "apps/v1"
_TEMPLATE_HASH = "pod-template-hash"


def _uid(lab: LiveLab, kind: str, key: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, "%s/%s/%s" % (lab.name, kind, key)))


def _object(lab: LiveLab, kind: str, namespace: str | None, name: str, **rest: Any) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "uid": _uid(lab, kind, "%s/%s" % (namespace, name))}
    metadata["creationTimestamp"] = lab.created
    metadata["resourceVersion"] = "1"
    if namespace:
        metadata["namespace"] = namespace
    metadata.update(rest.pop("metadata", {}))
    return {"apiVersion": _GROUPS.get(kind, _APPS), "kind": kind, "metadata": metadata, **rest}


def _node(lab: LiveLab, node: Node) -> dict[str, Any]:
    own, cidr = addresses.underlay(lab.index, node.ip), addresses.pod_network(node.ip)
    labels = {"kubernetes.io/hostname": node.name, "kubernetes.io/os": "linux", **node.labels}
    listed = [{"type": "InternalIP", "address": address} for address in own]
    listed.append({"type": "Hostname", "address": node.name})
    info = {"containerRuntimeVersion": spelling.SCHEMES[node.runtime] + "://1.7.0", "kubeletVersion": "v1.31.0"}
    return _object(
        lab,
        "Node",
        None,
        node.name,
        metadata={"labels": labels},
        spec={"podCIDR": cidr.v4, "podCIDRs": list(cidr)},
        status={
            "addresses": listed,
            "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}],
            "nodeInfo": {**info, "operatingSystem": "linux", "machineID": _uid(lab, "machine", node.name)},
        },
    )


def _owner(lab: LiveLab, kind: str, namespace: str, name: str) -> dict[str, Any]:
    return {
        "apiVersion": _GROUPS.get(kind, _APPS),
        "kind": kind,
        "name": name,
        "uid": _uid(lab, kind, "%s/%s" % (namespace, name)),
        "controller": True,
        "blockOwnerDeletion": True,
    }


def _controller(pod: LivePod) -> tuple[str, str] | None:
    """The kind and name of a pod's own controller: a Deployment's pod belongs to a ReplicaSet."""
    if pod.spec.workload is None:
        return None
    kind, _slash, name = pod.spec.workload.partition("/")
    return ("ReplicaSet", pod.spec.name.rpartition("-")[0]) if kind == "Deployment" else (kind, name)


def _container_status(pod: LivePod, container: Container) -> dict[str, Any]:
    finished = container.init or pod.spec.phase in ("Succeeded", "Failed")
    code = 1 if pod.spec.phase == "Failed" else 0
    state = {"terminated": {"exitCode": code, "reason": "Completed"}} if finished else {"running": {}}
    return {
        "name": container.name,
        "containerID": "%s://%s" % (spelling.SCHEMES[pod.runtime], pod.container_ids[container.name]),
        "image": "registry.test/%s:1" % container.name,
        "ready": not finished,
        "restartCount": 0,
        "state": state,
    }


def _pod_status(lab: LiveLab, pod: LivePod) -> dict[str, Any]:
    status: dict[str, Any] = {"phase": pod.spec.phase, "qosClass": _qos(pod)}
    own = lab.pod_addresses(pod)
    if own is None:
        waiting = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
        return {**status, "conditions": [waiting]}
    host = addresses.underlay(lab.index, lab.spec.node(str(pod.spec.node)).ip)
    status.update(hostIP=host.v4, hostIPs=[{"ip": a} for a in host], podIP=own.v4, podIPs=[{"ip": a} for a in own])
    for key, init in (("containerStatuses", False), ("initContainerStatuses", True)):
        listed = [_container_status(pod, c) for c in pod.spec.containers if c.init == init]
        if listed:
            status[key] = listed
    ready = "True" if pod.spec.phase == "Running" else "False"
    return {**status, "startTime": lab.created, "conditions": [{"type": "Ready", "status": ready}]}


def _qos(pod: LivePod) -> str:
    return {"guaranteed": "Guaranteed", "burstable": "Burstable", "besteffort": "BestEffort"}[pod.spec.qos]


def _pod(lab: LiveLab, pod: LivePod) -> dict[str, Any]:
    labels, controller = dict(pod.spec.labels), _controller(pod)
    metadata: dict[str, Any] = {"uid": pod.uid, "labels": labels}
    if controller:
        metadata["ownerReferences"] = [_owner(lab, controller[0], pod.spec.namespace, controller[1])]
    if controller and controller[0] == "ReplicaSet":
        labels[_TEMPLATE_HASH] = controller[1].rpartition("-")[2]
    if pod.spec.static:
        metadata["annotations"] = {
            "kubernetes.io/config.hash": pod.local_uid,
            "kubernetes.io/config.mirror": pod.local_uid,
            "kubernetes.io/config.source": "file",
        }
        owner = _owner(lab, "Node", "None", str(pod.spec.node))
        metadata["ownerReferences"] = [{**owner, "blockOwnerDeletion": False}]
    spec: dict[str, Any] = {}
    for key, init in (("containers", False), ("initContainers", True)):
        listed = [c for c in pod.spec.containers if c.init == init]
        if listed:
            spec[key] = [{"name": c.name, "image": "registry.test/%s:1" % c.name} for c in listed]
    if pod.spec.node:
        spec["nodeName"] = pod.spec.node
    if pod.spec.host_network:
        spec["hostNetwork"] = True
    status = _pod_status(lab, pod)
    return _object(lab, "Pod", pod.spec.namespace, pod.spec.name, metadata=metadata, spec=spec, status=status)


def _workloads(lab: LiveLab) -> list[dict[str, Any]]:
    members: dict[tuple[str, str, str], list[LivePod]] = {}
    for pod in lab.pods.values():
        controller = _controller(pod)
        if controller and pod.spec.workload:
            members.setdefault((controller[0], pod.spec.namespace, controller[1]), []).append(pod)
            kind, _slash, name = pod.spec.workload.partition("/")
            if kind == "Deployment":
                members.setdefault((kind, pod.spec.namespace, name), []).append(pod)
    return [_workload(lab, *key, pods) for key, pods in sorted(members.items())]


def _workload(lab: LiveLab, kind: str, namespace: str, name: str, pods: list[LivePod]) -> dict[str, Any]:
    labels = dict(pods[0].spec.labels)
    metadata: dict[str, Any] = {"labels": labels}
    match = dict(labels)
    if kind == "ReplicaSet" and pods[0].spec.workload != "%s/%s" % (kind, name):
        metadata["ownerReferences"] = [_owner(lab, "Deployment", namespace, str(pods[0].spec.workload).split("/")[1])]
        match[_TEMPLATE_HASH] = name.rpartition("-")[2]
    running = sum(pod.running for pod in pods)
    spec: dict[str, Any] = {"selector": {"matchLabels": match}, "template": {"metadata": {"labels": match}}}
    status: dict[str, Any] = {"readyReplicas": running, "replicas": len(pods)}
    if kind == "Job":
        status = {"succeeded": sum(pod.spec.phase == "Succeeded" for pod in pods)}
    elif kind == "DaemonSet":
        status = {"numberReady": running, "desiredNumberScheduled": len(pods)}
    else:
        spec["replicas"] = len(pods)
    return _object(lab, kind, namespace, name, metadata=metadata, spec=spec, status=status)


def _port(port: Port) -> dict[str, Any]:
    told = {"name": port.name, "port": port.port, "targetPort": port.target, "protocol": port.protocol}
    return told if port.node_port is None else {**told, "nodePort": port.node_port}


def _service(lab: LiveLab, service: Service) -> dict[str, Any]:
    own = lab.cluster_ips(service.key)
    ports = [_port(port) for port in service.ports]
    kind = "NodePort" if any("nodePort" in port for port in ports) else "ClusterIP"
    spec: dict[str, Any] = {"type": kind, "clusterIP": own.v4, "clusterIPs": list(own), "ports": ports}
    spec.update(selector=service.selector, ipFamilies=["IPv4", "IPv6"], sessionAffinity="None")
    return _object(lab, "Service", service.namespace, service.name, spec=spec, status={"loadBalancer": {}})


def _slice(lab: LiveLab, service: Service, family: int) -> dict[str, Any]:
    endpoints = []
    for spec in lab.spec.backends(service):
        pod = lab.pods[spec.key]
        own = lab.pod_addresses(pod)
        if pod.running and own:
            reference = {"kind": "Pod", "namespace": spec.namespace, "name": spec.name, "uid": pod.uid}
            conditions = {"ready": True, "serving": True, "terminating": False}
            entry = {"addresses": [list(own)[family]], "nodeName": spec.node, "targetRef": reference}
            endpoints.append({**entry, "conditions": conditions})
    ports = [{"name": p.name or "", "port": p.target, "protocol": p.protocol} for p in service.ports]
    labels = {"kubernetes.io/service-name": service.name}
    metadata = {"labels": labels, "ownerReferences": [_owner(lab, "Service", service.namespace, service.name)]}
    name = "%s-%s" % (service.name, ("ipv4", "ipv6")[family])
    rest = {"addressType": ("IPv4", "IPv6")[family], "endpoints": endpoints, "ports": ports}
    return _object(lab, "EndpointSlice", service.namespace, name, metadata=metadata, **rest)


def snapshot(lab: LiveLab) -> dict[str, Any]:
    """Every object of the lab in one v1 List."""
    items = [_node(lab, node) for node in lab.spec.nodes]
    items += [_pod(lab, pod) for pod in lab.pods.values()]
    for service in lab.spec.services:
        items += [_service(lab, service), _slice(lab, service, 0), _slice(lab, service, 1)]
    items += _workloads(lab)
    return {"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": items}
