# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an account may do on the cluster, and what a manifest says that it may: both as (verb, resource.group)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .cluster import Cluster

EVERYBODYS = ("selfsubjectreviews", "selfsubjectaccessreviews", "selfsubjectrulesreviews")
"""What every account may create, to ask about itself."""
Rights = set[tuple[str, str]]


def spelled(rules: Iterable[Mapping[str, list[str]]]) -> Rights:
    """The rights of a role's rules."""
    return {
        (verb, resource + ("." + group if group else ""))
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def may(cluster: Cluster, account: str, namespace: str = "default") -> Rights:
    """What kubectl lists for an account in a namespace, without what everybody may."""
    found = set()
    listed = cluster.kubectl("auth", "can-i", "--list", "--as", account, "-n", namespace)
    for line in listed.splitlines()[1:]:
        words, _bracket, verbs = line.rpartition("[")
        resource = words.split()[0] if not words.startswith(" ") else ""
        if resource and resource.partition(".")[0] not in EVERYBODYS:
            found |= {(verb, resource) for verb in verbs.rstrip("] ").split()}
    return found
