# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# mypy: disable-error-code="import-not-found, import-untyped"

"""The official Kubernetes client and what comes with it, where it is installed. PRIVATE to the collection."""

from __future__ import annotations

import sys

from ...module_utils._errors import PcapError

try:
    import kubernetes
    import urllib3
    import yaml
    from kubernetes.client import rest
except ImportError as error:
    MISSING: str | None = str(error)
    FAILURES: tuple[type[Exception], ...] = ()
    NO_WAY: tuple[type[Exception], ...] = ()
    MISSHAPEN: tuple[type[Exception], ...] = ()
    UNREADABLE: tuple[type[Exception], ...] = ()
else:
    MISSING = None
    FAILURES = (urllib3.exceptions.HTTPError, OSError)
    """What asking can raise; OSError is that of a certificate's file."""
    NO_WAY = (*FAILURES, ImportError, ValueError)
    """What a proxy that is none can raise; ImportError: of PySocks."""
    MISSHAPEN = (AttributeError, KeyError, TypeError)
    """What the client raises of a kubeconfig in another shape than it expects."""
    # ValueError: of base64 and numbers
    UNREADABLE = (kubernetes.config.ConfigException, yaml.YAMLError, OSError, ValueError, *MISSHAPEN)
    """What reading a kubeconfig can raise."""

__all__ = ["FAILURES", "MISSHAPEN", "MISSING", "NO_WAY", "UNREADABLE", "kubernetes", "require", "rest", "urllib3"]


def require() -> None:
    """Raise PcapError where the client is not installed for the Python that runs."""
    if MISSING is not None:
        python = sys.executable
        install = "install it with `%s -m pip install kubernetes`" % python
        raise PcapError("the Python package kubernetes is missing for %s (%s); %s" % (python, MISSING, install))
