# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every plugin has in common that answers on the controller. PRIVATE to the collection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..module_utils._errors import PcapError
from ._plain import plain
from ._report.text import clean


class ControllerAction(ActionBase):  # type: ignore[misc]  # ansible-core has no types
    """Answers from its options and what is known of the play; nothing is sent to any host.

    A plugin has ``OPTIONS``, its argument specification, and ``answer``. A PcapError becomes the task's failure, and
    what the answer holds as ``warnings`` is shown. Both may quote what a node said, and are cleaned.
    """

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_diff = False

    OPTIONS: ClassVar[Mapping[str, Any]] = {}

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the answer as a task's result; it never changes anything."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validated, options = self.validate_argument_spec(dict(self.OPTIONS))
        try:
            result.update(plain(self.answer(plain(options), task_vars or {})), changed=False)
        except PcapError as error:
            result.update(failed=True, changed=False, msg=str(error))
        if "msg" in result:
            result["msg"] = clean(result["msg"])
        if "warnings" in result:
            result["warnings"] = [clean(warning) for warning in result["warnings"]]
        for warning in result.get("warnings", ()):
            Display().warning(warning)
        return result

    def answer(self, options: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
        """Return the result of these options, which are plain; ``known``, the task's variables, are not."""
        raise NotImplementedError
