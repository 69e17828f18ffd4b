# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lets plain pytest import the collection by its full name from a checkout of any path."""

from __future__ import annotations

import importlib.util
import pathlib
import sys
import types

ROOT = pathlib.Path(__file__).resolve().parent.parent


def _namespace(name: str, *paths: str) -> None:
    module = types.ModuleType(name)
    module.__path__ = list(paths)
    sys.modules[name] = module


# Under ansible-test the collection is importable already, by the loader that is under test there.
if "ansible_collections" not in sys.modules and importlib.util.find_spec("ansible_collections") is None:
    _namespace("ansible_collections")
    _namespace("ansible_collections.kube")
    _namespace("ansible_collections.kube.pcap", str(ROOT))
