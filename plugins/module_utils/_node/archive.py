# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Builds the supervisor's archive from the code that is running. PRIVATE to the collection.

Ansible brings a module and the module_utils it imports to a node as one short-lived archive of its own. A supervisor
outlives that, so the module writes one that stays: the same sources, as an executable archive (zipapp).
"""

from __future__ import annotations

import io
import sys
import zipfile

from .._errors import NodeError

_BELOW = __name__.rsplit(".", 2)[0]  # the collection's module_utils
_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that the format knows: the same sources are the same bytes


def build(main: str) -> bytes:
    """Return an archive that runs ``main()`` of the named module of this package; every loaded sibling is in it."""
    sources = {name: _source(name) for name in sorted(sys.modules) if name.startswith(_BELOW + ".")}
    files = {"__main__.py": "from %s import main\n\nmain()\n" % main}
    for name, (source, package) in sources.items():
        path = name.replace(".", "/")
        files[path + ("/__init__.py" if package else ".py")] = source
    parts = _BELOW.split(".")
    for depth in range(1, len(parts) + 1):
        files["/".join(parts[:depth]) + "/__init__.py"] = ""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(files):
            entry = zipfile.ZipInfo(path, _DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[path])
    return out.getvalue()


def _source(name: str) -> tuple[str, bool]:
    """Return (source, whether it is a package) of a loaded module."""
    module = sys.modules[name]
    package = hasattr(module, "__path__")
    loader = getattr(module.__spec__, "loader", None)
    source = getattr(loader, "get_source", lambda _name: None)(name)
    if source is None and not package:
        raise NodeError("the source of %s cannot be read on this node" % name)
    return source or "", package
