# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What kubernetes.core (6.2) says where something went wrong, as one sentence."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import PcapError
from ansible_collections.kube.pcap.plugins.plugin_utils._agents import answers

NO_GET = (
    'namespaces \\"kube-pcap\\" is forbidden: User \\"joe\\" cannot get resource \\"namespaces\\" in API group \\"\\"'
)
FORBIDDEN = (
    """Exception '403
Reason: Forbidden
HTTP response headers: HTTPHeaderDict({'content-type': 'application/json'})
HTTP response body: {"kind": "Status", "status": "Failure", "message": "%s", "reason": "Forbidden", "code": 403}
Original traceback:
  File "client.py", line 54, in inner
' raised while trying to get resource using (name=kube-pcap, namespace=None)"""
    % NO_GET
)
INVALID = """Failed to create object: b'{"kind":"Status","message":"DaemonSet \\"x\\" is invalid:\\n image"}'"""
REFUSED = """Failed to get client due to HTTPSConnectionPool(host='127.0.0.1', port=9): Max retries exceeded (Caused by
NewConnectionError("HTTPSConnection(host='127.0.0.1', port=9): Failed to establish a new connection: [Errno 111]
Connection refused"))""".replace("\n", " ")
LIBRARY = "Failed to import the required Python library (kubernetes) on here's Python /usr/bin/python3.\nRead on"


@pytest.mark.parametrize(
    "message, sentence",
    [
        (
            FORBIDDEN,
            'the API server refused it: namespaces "kube-pcap" is forbidden: User "joe" cannot get resource'
            ' "namespaces" in API group ""; docs/agents.md tells the rights that it takes',
        ),
        (INVALID, 'the API server refused it: DaemonSet "x" is invalid: image'),
        (
            REFUSED,
            "the API server cannot be reached: Connection refused; check agent_kubeconfig and agent_context",
        ),
        (LIBRARY, "the API server has not done it: " + LIBRARY.splitlines()[0]),
        ("", "the API server has not done it: it did not say why"),
    ],
)
def test_what_went_wrong(message, sentence):
    """Its reason, without headers, pages and traces."""
    with pytest.raises(PcapError) as caught:
        answers.check({"failed": False, "msg": message, "changed": False})
    assert str(caught.value) == sentence


def test_what_was_done():
    """A result of what was made, or was there as it should."""
    answers.check({"result": {}})


def test_waited_in_vain():
    """What is there at the end of the time is no proof that it was done."""
    with pytest.raises(PcapError, match="^the API server has not done it: DaemonSet x: Timed out waiting$"):
        answers.check({"result": {"kind": "DaemonSet"}, "msg": "DaemonSet x: Timed out waiting"})
