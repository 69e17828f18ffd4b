# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks and tells what becomes of agent pods; documented as module ``agents``."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from typing import Any

from ansible.utils.display import Display

from ansible_collections.kube.pcap.plugins.module_utils._errors import PcapError
from ansible_collections.kube.pcap.plugins.plugin_utils._agents import report
from ansible_collections.kube.pcap.plugins.plugin_utils._agents.answers import check, resources
from ansible_collections.kube.pcap.plugins.plugin_utils._agents.pods import (
    host_variables,
    own_group,
    owns_namespace,
    read_leaving,
    read_pods,
    read_spool,
    read_wanted,
)
from ansible_collections.kube.pcap.plugins.plugin_utils._agents.request import DEFAULTS, PREFIX, asked
from ansible_collections.kube.pcap.plugins.plugin_utils._cluster.access import Access, check_cluster, read_access
from ansible_collections.kube.pcap.plugins.plugin_utils._cluster.client import connect
from ansible_collections.kube.pcap.plugins.plugin_utils._controller import ControllerAction
from ansible_collections.kube.pcap.plugins.plugin_utils._plain import plain
from ansible_collections.kube.pcap.plugins.plugin_utils._variables import check_cut

_CLUSTER = ("kubeconfig", "context")


def _require() -> None:
    """Raise PcapError where the collection is missing that asks the API server."""
    try:
        found = importlib.util.find_spec("ansible_collections.kubernetes.core")
    except ModuleNotFoundError:  # none of that namespace is there
        found = None
    if found is None:
        install = "install it with ansible-galaxy collection install kubernetes.core"
        raise PcapError("the collection kubernetes.core is missing; " + install)


def _access(request: Mapping[str, Any]) -> Access:
    return read_access({name: request[name] for name in _CLUSTER}, os.environ)


class ActionModule(ControllerAction):
    """Answers from the request and from what tasks have registered."""

    OPTIONS = {
        "of": {"type": "str", "choices": ["request", "done", "found", "present", "removal"], "required": True},
        "request": {"type": "dict", "required": True},
        "result": {"type": "dict", "default": {}},
        "namespaces": {"type": "dict", "default": {}},
        "daemonsets": {"type": "dict", "default": {}},
        "pods": {"type": "dict", "default": {}},
        "hosts": {"type": "list", "elements": "str", "default": []},
        "before": {"type": "dict", "default": {}},
    }

    def answer(self, options: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is asked, what there is, or what became of it."""
        request = asked(options["request"])
        if options["of"] == "request":
            check_cut(known.get("_raw_params"), PREFIX + "image", "registry.example/agent:1")
            check_cluster(request, os.environ, PREFIX)
            _require()
            with connect(_access(request)) as client:  # what keeps it from answering is told best by our own client
                client.get("/api/v1/namespaces/" + request["namespace"])
            return {"asked": request}
        if options["of"] == "done":
            check(options["result"])
            return {}
        objects = {name: resources(options[name]) for name in ("namespaces", "daemonsets", "pods")}
        return {
            "found": self._found,
            "present": self._present,
            "removal": self._removal,
        }[options["of"]]({**options, **objects}, request, known)

    def _found(
        self, options: Mapping[str, Any], request: Mapping[str, Any], known: Mapping[str, Any]
    ) -> dict[str, Any]:
        spools = [read_spool(one) for one in options["daemonsets"]]
        pods = read_pods(options["pods"]) if spools else ()
        places = (*(request[name] for name in ("namespace", *_CLUSTER)), _access(request).validate_certs)
        return {
            "owns_namespace": owns_namespace(options["namespaces"]),
            "spool": spools[0] if spools else None,
            "group": own_group(known["groups"]),
            "nodes": [pod.node for pod in pods if pod.node],
            "agents": [host_variables(pod, *places) for pod in pods if pod.ready],
        }

    def _present(self, options: Mapping[str, Any], request: Mapping[str, Any], _known: object) -> dict[str, Any]:
        wanted = [read_wanted(one) for one in options["daemonsets"]]
        pods, any_taint = read_pods(options["pods"]), request["tolerations"] == DEFAULTS["tolerations"]
        spool = options["before"].get("spool")
        left = report.left_behind(options["before"].get("nodes", ()), spool, pods, request["spool"])
        first = wanted[0] if wanted else None
        return self._told(report.present(first, pods, self._task.check_mode, any_taint, left, spool))

    def _removal(
        self, options: Mapping[str, Any], request: Mapping[str, Any], known: Mapping[str, Any]
    ) -> dict[str, Any]:
        results = [plain(known["hostvars"][host].get("capture_result")) for host in options["hosts"]]
        result = next(filter(None, results), None if options["hosts"] else {})
        spools, pods = [read_spool(one) for one in options["daemonsets"]], read_pods(options["pods"])
        spool = spools[0] if spools else None
        leaving = read_leaving(options["pods"])
        return self._told(report.removal(result, pods, spool, request["force"], self._task.check_mode, leaving))

    @staticmethod
    def _told(told: report.Told) -> dict[str, Any]:
        text = "\n".join(told.lines)
        if text:
            Display().display(text)
        failed = {"failed": True, "msg": told.failure} if told.failure else {}
        return {"text": text, **failed}
