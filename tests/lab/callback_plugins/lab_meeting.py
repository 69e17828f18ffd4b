# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Has runs of Ansible wait for one another before tasks that LAB_MEETING names (``tests/lab/meeting.py``)."""

from __future__ import annotations

import json
import os
import pathlib
import time

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: lab_meeting
type: aggregate
short_description: Runs wait for one another
description: Begins tasks that the environment variable LAB_MEETING names once all runs are there.
"""


class CallbackModule(CallbackBase):
    """Each run has a file in the task's folder; when it goes on, the file tells the time, in nanoseconds since 1970."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "lab_meeting"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_task_start(self, task, is_conditional):
        asked = json.loads(os.environ["LAB_MEETING"])
        folder = pathlib.Path(asked["folders"].get(task.name, ""))
        if task.name not in asked["folders"]:
            return
        own, end = folder / str(os.getpid()), time.monotonic() + asked["seconds"]
        own.touch()
        while len(os.listdir(folder)) < asked["runs"] and time.monotonic() < end:
            time.sleep(0.05)
        own.write_text(str(time.time_ns()), encoding="ascii")
