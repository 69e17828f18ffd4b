# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What plugins say of check mode, diff, idempotence and platforms. PRIVATE to the collection."""

from __future__ import annotations


class ModuleDocFragment:
    """The attributes; a plugin adds C(support) where it is not given here."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check mode and return what it would do without changing anything.
  diff_mode:
    description: Returns details on what has changed (or would change in check mode), when in diff mode.
  idempotent:
    description:
      - Run twice in a row, outside of check mode, with the same arguments, the second run changes nothing.
      - This assumes that nothing else changes the system between the two runs.
  platform:
    description: The systems on which the plugin runs.
    support: full
    platforms: linux
"""

    INFO = r"""
options: {}
attributes:
  check_mode:
    support: full
    details:
      - It only reads.
  diff_mode:
    support: N/A
    details:
      - It only reads.
  idempotent:
    support: full
    details:
      - It only reads.
"""

    CONTROLLER = r"""
options: {}
notes:
  - It runs on the controller, without a connection; use C(run_once).
attributes:
  action:
    description: Has an action plugin of the same name, which runs on the controller.
    support: full
  async:
    description: Can be used with C(async).
    support: none
  platform:
    description: The systems on which the plugin runs.
    support: full
    platforms: posix
"""

    ACTIONGROUP = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/kube.pcap.pcap) in C(module_defaults) to set its defaults together with the others'.
    support: full
    membership:
      - kube.pcap.pcap
"""
