# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an inventory plugin does with Ansible: options, cache, hosts, groups. PRIVATE to the collection."""

from __future__ import annotations

import difflib
import os
from collections.abc import Collection
from typing import Any

from ansible.constants import config
from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible.utils.unsafe_proxy import wrap_var

from ...module_utils._errors import OptionError, PcapError
from ...module_utils._records import RecordError, from_result, to_result
from .._plain import plain
from .._report.text import clean
from .hosts import Host, hosts, read_reach
from .nodes import Known
from .sources import Source, read, read_source

_HELPERS = ("x-", ".", "_")
"""What keys begin with that hold YAML's anchors alone."""
ENDINGS = ("pcap.yml", "pcap.yaml")
"""Of the names of configuration files."""


class NodesInventory(BaseInventoryPlugin, Constructable, Cacheable):  # type: ignore[misc]  # ansible-core has no types
    """Adds nodes to an inventory. What the cluster says is marked: no text of it is ever rendered as a template."""

    def verify_file(self, path: str) -> bool:
        """Say whether a file may be a configuration of this plugin."""
        return bool(super().verify_file(path)) and path.endswith(ENDINGS)

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        """Add the nodes that a configuration file asks for; ``cache``: what is kept of an earlier call may be used."""
        super().parse(inventory, loader, path, cache)
        given = self._read_config_data(path)
        options = plain(self.get_options())
        try:
            self._check_names(set(given))
            source = read_source(options, os.environ)
            reach = read_reach(options, source.access.validate_certs)
            known = self._cached(source, path, cache) if options["cache"] and not source.snapshot else read(source)
        except PcapError as error:
            raise AnsibleParserError(clean(error)) from None
        found, warnings = hosts(known, reach)
        if not found:
            warnings.append("no node is known" + (", label_selector is %s" % source.selector if source.terms else ""))
        for warning in warnings:
            self.display.warning(clean("%s: %s" % (path, warning)))
        for host in found:
            self._add(host)

    def _check_names(self, given: Collection[str]) -> None:
        """Raise OptionError for a name in the file that is no option: Ansible would leave it out and say nothing."""
        definitions = config.get_configuration_definitions(self.plugin_type, self._load_name)
        names = {*definitions, *(alias for one in definitions.values() for alias in one.get("aliases") or ())}
        for name in sorted(name for name in set(map(str, given)) - names if not name.startswith(_HELPERS)):
            close = difflib.get_close_matches(name, sorted(names), 1)
            right = "write %s" % close[0] if close else "see ansible-doc -t inventory kube.pcap.nodes"
            raise OptionError(name, "it is no option", right)

    def _cached(self, source: Source, path: str, cache: bool) -> Known:
        """Return what is kept of a source, else ask and keep it."""
        key = "%s_%s" % (self.get_cache_key(path), source.key)
        if cache:
            try:
                return from_result(Known, plain(self._cache[key]))
            except (KeyError, RecordError):
                pass
        known = read(source)
        self._cache[key] = to_result(known)
        return known

    def _add(self, host: Host) -> None:
        self.inventory.add_host(host.name)
        for group in host.groups:
            self.inventory.add_group(group)
            self.inventory.add_child(group, host.name)
        for name, value in wrap_var(host.variables).items():
            self.inventory.set_variable(host.name, str(name), value)
        # These options hold the user's own templates, which plain() would make text as any other.
        strict, variables = self.get_option("strict"), self.inventory.get_host(host.name).get_vars()
        self._set_composite_vars(self.get_option("compose"), variables, host.name, strict=strict)
        self._add_host_to_composed_groups(self.get_option("groups"), {}, host.name, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), {}, host.name, strict=strict)
