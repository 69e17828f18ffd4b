# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# mypy: disable-error-code="import-not-found, import-untyped"

"""The official Kubernetes client and what comes with it, where it is installed. PRIVATE to the collection."""

from __future__ import annotations

import re
import sys

from ...module_utils._errors import PcapError

OLDEST = (28, 1)
"""The oldest version that will do; earlier ones pass over ``tls-server-name`` in a kubeconfig."""

try:
    import kubernetes
    import urllib3
    import yaml
    from kubernetes.client import rest
    from urllib3._collections import HTTPHeaderDict  # that of the oldest client (1.26) has it nowhere else
except ImportError as error:
    MISSING: str | None = str(error)
    VERSION = ""
    FAILURES: tuple[type[Exception], ...] = ()
    NO_WAY: tuple[type[Exception], ...] = ()
    MISSHAPEN: tuple[type[Exception], ...] = ()
    UNREADABLE: tuple[type[Exception], ...] = ()
else:
    MISSING = None
    VERSION = str(getattr(kubernetes, "__version__", ""))
    FAILURES = (urllib3.exceptions.HTTPError, OSError)
    """What asking can raise; OSError is that of a certificate's file."""
    NO_WAY = (*FAILURES, ImportError, ValueError)
    """What a proxy that is none can raise; ImportError: of PySocks."""
    MISSHAPEN = (AttributeError, KeyError, TypeError)
    """What the client raises of a kubeconfig in another shape than it expects."""
    # ValueError: of base64 and numbers
    UNREADABLE = (kubernetes.config.ConfigException, yaml.YAMLError, OSError, ValueError, *MISSHAPEN)
    """What reading a kubeconfig can raise."""

__all__ = [
    "FAILURES",
    "HTTPHeaderDict",
    "MISSHAPEN",
    "MISSING",
    "NO_WAY",
    "UNREADABLE",
    "VERSION",
    "kubernetes",
    "require",
    "rest",
    "urllib3",
]


def require() -> None:
    """Raise PcapError where the client is not installed for the Python that runs, or is too old."""
    python = sys.executable
    if MISSING is not None:
        install = "install it with `%s -m pip install kubernetes`" % python
        raise PcapError("the Python package kubernetes is missing for %s (%s); %s" % (python, MISSING, install))
    if _is_old(VERSION):
        install = "install a newer one with `%s -m pip install 'kubernetes>=%d.%d'`" % (python, *OLDEST)
        text = "the Python package kubernetes of %s has version %s, and %d.%d is the oldest that will do; %s"
        raise PcapError(text % (python, VERSION, *OLDEST, install))


def _is_old(version: str) -> bool:
    """Say whether a version is known to be too old; one that does not begin with two numbers is not known."""
    numbers = re.match(r"(\d+)\.(\d+)", version, re.ASCII)
    return numbers is not None and (int(numbers.group(1)), int(numbers.group(2))) < OLDEST
