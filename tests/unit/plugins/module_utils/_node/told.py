# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A capture's folder whose manifest tells of earlier supervisors, and the next one's watch."""

from __future__ import annotations

from ansible_collections.kube.pcap.plugins.module_utils._node.journal import Journal
from ansible_collections.kube.pcap.plugins.module_utils._node.manifest import read_manifest
from ansible_collections.kube.pcap.plugins.module_utils._node.presence import Search
from ansible_collections.kube.pcap.plugins.module_utils._node.retention import Share
from ansible_collections.kube.pcap.plugins.module_utils._node.spool import Spool
from ansible_collections.kube.pcap.plugins.module_utils._node.watch import Watch
from ansible_collections.kube.pcap.plugins.module_utils._records import CaptureOptions, Target

from .boxes import Hands

NOBODY = 2**22 + 5
"""No process has this number: it is above the greatest that Linux gives (pid_max)."""
POD = Target("pod", "shop", "web", "0f3c8f4e-6d0b-4c2e-9d5c-3a4f9f6f0b11", "node-a", pid=NOBODY, netns=1)
SECOND = 10**9


class Told:
    """A capture's folder whose manifest tells of earlier supervisors."""

    def __init__(self, folder):
        self.spool, self.clock = Spool(str(folder), "c-1"), Hands()
        self.spool.make()
        self.journal = Journal(self.spool, self.clock)

    def record(self, event, **fields):
        """Adds a line."""
        self.journal.record(event, POD.ref, **fields)

    def run(self, number, ready=True, captured=None, status=0, reason="stopped", **how):
        """A tcpdump was started, and has ended where its count is given."""
        self.record("started", run=number, interface="any", interfaces={}, boot="b", pid=1)
        if ready:
            self.clock.wall += SECOND
            self.record("ready", run=number)
        if captured is not None:
            figures = {"captured": captured, "received": captured, "dropped_kernel": 0, "dropped_interface": 0}
            told = {"run": number, "status": status, "reason": reason, "behind": False, "complaint": None, **how}
            self.record("stopped", **told, **(figures if ready else {}))

    def segment(self, run, seq, packets, last_s, damage=None, end_s=None):
        """A file of a run became a segment."""
        fields = {"raw": "%d/%d" % (run, seq), "file": "f%d" % seq, "opened": seq, "interfaces": {}, "bytes": 24}
        fields.update(first_ns=1, last_ns=last_s * SECOND, end_ns=(end_s or last_s) * SECOND if packets else None)
        fields.update(dropped_between=0, dropped_total=0, sha256="", md5="")
        self.record("segment", run=run, seq=seq, packets=packets, damage=damage, **fields)

    def watch(self, **options):
        """The next supervisor's watch."""
        share, given = Share(512, 1_000_000), CaptureOptions(**options)
        return Watch(POD, given, share, self.spool, self.journal, self.clock, Search())

    def lines(self, *kinds):
        """The manifest's lines of these kinds."""
        return [one for one in read_manifest(self.spool.path("manifest.jsonl")) if one["event"] in kinds]
