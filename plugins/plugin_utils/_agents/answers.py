# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What became of a task of kubernetes.core, whose words for a refusal hold a traceback. PRIVATE to the collection.

Its tasks do not fail by themselves. Where one has done its work, its result has the key ``result``, and no ``msg``:
one that waited in vain has both.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ...module_utils._errors import PcapError
from .._play import first_line

_MESSAGE = re.compile(r'"message":\s*("(?:[^"\\]|\\.)*")')
"""In the Status that the API server sends, which stands somewhere in the words of kubernetes.core."""
_ERRNO = re.compile(r"\[Errno -?\d+\] ([^'\"()\\]+)")


def check(result: Mapping[str, Any]) -> None:
    """Raise PcapError with one sentence unless a task did its work."""
    if "result" in result and not result.get("msg"):
        return
    said = str(result.get("msg") or "it did not say why")
    message, errno = _MESSAGE.search(said), _ERRNO.search(said)
    if message:
        words = " ".join(str(json.loads(message.group(1), strict=False)).split())
        right = "; docs/agents.md tells the rights that it takes" if "forbidden" in words else ""
        raise PcapError("the API server refused it: %s%s" % (words, right))
    if errno:
        text = "the API server cannot be reached: %s; check agent_kubeconfig and agent_context"
        raise PcapError(text % errno.group(1).strip())
    raise PcapError("the API server has not done it: " + first_line(said))
