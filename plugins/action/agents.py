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

from ansible_collections.kube.pcap.plugins.module_utils._errors import OptionError, PcapError
from ansible_collections.kube.pcap.plugins.module_utils._records import RecordError, from_result, to_result
from ansible_collections.kube.pcap.plugins.plugin_utils._agents import report
from ansible_collections.kube.pcap.plugins.plugin_utils._agents.answers import check
from ansible_collections.kube.pcap.plugins.plugin_utils._agents.looking import Found, look, wait, wait_until_gone
from ansible_collections.kube.pcap.plugins.plugin_utils._agents.pods import host_variables, own_group
from ansible_collections.kube.pcap.plugins.plugin_utils._agents.request import DEFAULTS, PREFIX, asked
from ansible_collections.kube.pcap.plugins.plugin_utils._cluster.access import Access, check_cluster, read_access
from ansible_collections.kube.pcap.plugins.plugin_utils._cluster.client import Client, connect
from ansible_collections.kube.pcap.plugins.plugin_utils._controller import ControllerAction
from ansible_collections.kube.pcap.plugins.plugin_utils._plain import plain
from ansible_collections.kube.pcap.plugins.plugin_utils._variables import check_cut, strange

_LEAST_WAIT = 90
"""Seconds that agents have to end, whatever agent_wait: longer than the manifest gives them."""
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


def _request(given: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is asked; raise PcapError for what is wrong, with the variables that are almost options."""
    check_cut(known.get("_raw_params"), PREFIX + "image", "registry.example/agent:1")
    slips = strange(set(known), PREFIX).slips
    try:
        request = asked(given)
    except PcapError as error:
        raise PcapError("; ".join([str(error), *slips])) from None
    if slips:
        raise PcapError("; ".join(slips))
    check_cluster(request, os.environ, PREFIX)
    _require()
    return request


def _access(request: Mapping[str, Any]) -> Access:
    return read_access({name: request[name] for name in _CLUSTER}, os.environ)


def _connect(access: Access) -> Client:
    """Return a client; raise OptionError, which names the role's option."""
    try:
        return connect(access)
    except OptionError as error:
        raise error.renamed(PREFIX) if error.option in _CLUSTER else error from None


class ActionModule(ControllerAction):
    """Answers from the request, and from what the API server has."""

    OPTIONS = {
        "of": {"type": "str", "choices": ["request", "done", "found", "present", "removal", "gone"], "required": True},
        "request": {"type": "dict", "required": True},
        "result": {"type": "dict", "default": {}},
        "found": {"type": "dict", "default": {}},
        "hosts": {"type": "list", "elements": "str", "default": []},
    }

    def answer(self, options: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is asked, what there is, or what became of it."""
        if options["of"] == "request":
            return {"asked": _request(options["request"], known)}
        request = asked(options["request"])
        if options["of"] == "done":
            check(options["result"])
            return {}
        if options["of"] == "found":
            return self._found(request, known)
        try:
            found = from_result(Found, options["found"])
        except RecordError as error:
            right = "pass on what of=found has returned"
            raise OptionError("found", "it is not what the API server was found to have (%s)" % error, right) from None
        if options["of"] == "present":
            return self._told(self._present(found, request))
        if options["of"] == "gone":
            return self._told(self._gone(found, request))
        results = [plain(known["hostvars"][host].get("capture_result")) for host in options["hosts"]]
        result = next(filter(None, results), None if options["hosts"] else {})
        given = (result, found.pods, found.spool, request["force"], self._task.check_mode, found.leaving)
        return self._told(report.removal(*given))

    def _found(self, request: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
        access = _access(request)
        with _connect(access) as client:
            found = look(client, request["namespace"])
        places = (*(request[name] for name in ("namespace", *_CLUSTER)), access.validate_certs)
        stopped = [pod for pod in found.pods if pod.ready] if request["state"] == "absent" else []
        agents = [host_variables(pod, *places) for pod in stopped]
        return {**to_result(found), "group": own_group(known["groups"]), "agents": agents}

    def _present(self, before: Found, request: Mapping[str, Any]) -> report.Told:
        """Wait for the agents; ``before``: what there was before the manifest was applied."""
        seconds = 0 if self._task.check_mode else request["wait"]
        access = _access(request)

        def enough(found: Found) -> bool:
            return report.is_settled(found.wanted, found.pods)

        now = wait(lambda: _connect(access), request["namespace"], seconds, enough)
        any_taint = request["tolerations"] == DEFAULTS["tolerations"]
        nodes = [pod.node for pod in before.pods if pod.node]
        left = report.left_behind(nodes, before.spool, now.pods, request["spool"])
        return report.present(now.wanted, now.pods, self._task.check_mode, any_taint, left, before.spool)

    def _gone(self, before: Found, request: Mapping[str, Any]) -> report.Told:
        """Wait until the agents have ended; ``before``: what there was before they were removed."""
        if self._task.check_mode:
            return report.Told((report.would_go(len(before.pods)),) if before.pods else ())
        agents = len(before.pods) + len(before.leaving)
        if not agents:
            return report.Told(())
        access = _access(request)
        ready = {pod.name for pod in before.pods if pod.ready}
        left = wait_until_gone(
            lambda: _connect(access),
            request["namespace"],
            max(request["wait"], _LEAST_WAIT),
            lambda pods, seconds: report.is_gone(pods, ready, seconds),
        )
        return report.gone(agents, left, ready, request["force"])

    @staticmethod
    def _told(told: report.Told) -> dict[str, Any]:
        text = "\n".join(told.lines)
        if text:
            Display().display(text)
        failed = {"failed": True, "msg": told.failure} if told.failure else {}
        return {**({"text": text} if text else {}), **failed}
