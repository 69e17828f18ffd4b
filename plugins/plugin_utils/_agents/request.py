# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role ``agent`` is asked for, checked. PRIVATE to the collection."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ...module_utils._errors import OptionError, shown
from ...module_utils._options import flag, node_path
from ...module_utils._units import parse_duration
from .._request import check_names

PREFIX = "agent_"
DEFAULTS: Mapping[str, Any] = {
    "state": "present",
    "namespace": "kube-pcap",
    "image": None,
    "pull_policy": "IfNotPresent",
    "pull_secrets": [],
    "node_selector": {},
    "tolerations": [{"operator": "Exists"}],
    "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "512Mi"}},
    "spool": "/var/lib/kube-pcap",
    "wait": "3m",
    "force": False,
    "kubeconfig": None,
    "context": None,
}
"""Every option of the role, without its prefix."""
_CHOICES = {"state": ("present", "absent"), "pull_policy": ("IfNotPresent", "Always", "Never")}
_LONGEST_WAIT = 86400
_SCRATCH = "/tmp"
"""Of the agent's own, where Ansible writes."""
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z", re.ASCII)
_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]*\Z", re.ASCII)
_BOUNDS = ("claims", "limits", "requests")


def check_namespace(value: object) -> None:
    """Raise OptionError for what cannot be the name of the agents' namespace."""
    if not _NAME.match(str(value)):
        wrong = "%s is no namespace's name" % shown(value)
        raise OptionError(PREFIX + "namespace", wrong, "write one such as kube-pcap")


def asked(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the role's options by their names without prefix; raise OptionError.

    What is empty or None has its default. pull_secrets: as a manifest has them. wait: seconds. What only the API server
    can judge, such as a quantity, is left to it.
    """
    check_names(request, [PREFIX + name for name in DEFAULTS])
    given = {name[len(PREFIX) :]: value for name, value in request.items() if value is not None and value != ""}
    options = {**DEFAULTS, **given}
    for name, choices in _CHOICES.items():
        if options[name] not in choices:
            raise OptionError(
                PREFIX + name, "%s is not taken" % shown(options[name]), "write %s" % " or ".join(choices)
            )
    for name in ("pull_secrets", "node_selector", "tolerations", "resources"):
        _check_shape(name, options[name])
    check_namespace(options["namespace"])
    _check_image(options["state"], options["image"])
    return {
        **options,
        "pull_secrets": [{"name": name} for name in options["pull_secrets"]],
        "node_selector": {key: _label(value) for key, value in options["node_selector"].items()},
        "spool": _spool(options["spool"]),
        "wait": parse_duration(PREFIX + "wait", options["wait"], 0, _LONGEST_WAIT),
        "force": flag(PREFIX + "force", options["force"]),
    }


def _spool(value: Any) -> str:
    path = node_path(PREFIX + "spool", value)
    if path == _SCRATCH:
        raise OptionError(PREFIX + "spool", "%s is gone with an agent" % path, "write such as /var/lib/kube-pcap")
    return path


def _label(value: Any) -> str:
    """Return a label's value, which YAML and JSON may have read as something else than text."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _check_shape(name: str, value: Any) -> None:
    """Raise OptionError for a value of another shape than the manifest has there."""
    default = DEFAULTS[name]
    kind = "mapping" if isinstance(default, Mapping) else "list"
    if not isinstance(value, type(default)):
        raise OptionError(
            PREFIX + name, "%s is no %s" % (shown(value), kind), "write it as JSON or YAML, as in -e '{...}'"
        )
    if name == "tolerations" and not all(isinstance(one, Mapping) for one in value):
        raise OptionError(PREFIX + name, "a toleration is a mapping", "write such as [{operator: Exists}]")
    if name == "pull_secrets" and not all(isinstance(one, str) for one in value):
        raise OptionError(PREFIX + name, "a secret is named by a text", "write such as [registry]")
    if name == "resources" and not set(value) <= set(_BOUNDS):
        raise OptionError(
            PREFIX + name, "it holds %s" % ", ".join(sorted(set(value) - set(_BOUNDS))), "write limits and requests"
        )


def _check_image(state: str, image: Any) -> None:
    if image is None:
        if state == "present":
            right = "build it of the role's files/Containerfile, push it to a registry of yours, and name it"
            raise OptionError(PREFIX + "image", "no image is named", right)
    elif not _IMAGE.match(str(image)):
        raise OptionError(PREFIX + "image", "%s is no image's name" % shown(image), "write such as registry/agent:1")
