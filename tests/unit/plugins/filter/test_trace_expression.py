# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter plugin within Ansible's own programs, of the ansible-core that runs these tests."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.kube.pcap.plugins.filter import trace_expression as plugin

ROOT = pathlib.Path(__file__).resolve().parents[4]
TEXT = "from pod shop/cart to service shop/db and tcp port 5432"
PARTS = {
    "expression": TEXT,
    "source": {"kind": "pod", "namespace": "shop", "name": "cart"},
    "destination": {"kind": "service", "namespace": "shop", "name": "db"},
    "filter": "tcp port 5432",
    "protocol": "tcp",
    "sport": None,
    "dport": 5432,
    "ip_version": None,
}
REFUSED = (
    "trace_expression: column 6: a Service sends nothing, its pods do; name a pod behind it, such as from pod shop/db-0"
)


def run(folder, program, *args):
    """Runs one of Ansible's programs where this collection is installed; its result."""
    link = folder / "ansible_collections" / "kube" / "pcap"
    link.parent.mkdir(parents=True)
    link.symlink_to(ROOT)
    (folder / "ansible.cfg").touch()
    call = "import sys; from ansible.cli.%s import main; sys.argv[0] = 'ansible'; main()" % program
    return subprocess.run(
        [sys.executable, "-c", call, *args],
        env={
            **{name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ},
            "LC_ALL": "C.UTF-8",
            "HOME": str(folder),
            "ANSIBLE_CONFIG": str(folder / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": str(folder),
            "ANSIBLE_NOCOLOR": "1",
        },
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_in_a_playbook(tmp_path):
    """KP-1: the parts, and what is refused is one sentence, with nothing of Python in it."""
    tasks = [
        {
            "ansible.builtin.copy": {
                "content": "{{ text | kube.pcap.trace_expression | to_json }}",
                "dest": str(tmp_path / "parts.json"),
                "mode": "0600",
            }
        },
        {"ansible.builtin.debug": {"msg": "{{ 'from service shop/db' | kube.pcap.trace_expression }}"}},
    ]
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": {"text": TEXT}, "tasks": tasks}
    play["vars"]["ansible_python_interpreter"] = sys.executable
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
    done = run(tmp_path, "playbook", "-i", "localhost,", "play.yml")
    assert json.loads((tmp_path / "parts.json").read_text()) == PARTS, done.stdout + done.stderr
    assert done.returncode == 2 and REFUSED in " ".join((done.stdout + done.stderr).split())
    assert "Traceback" not in done.stdout + done.stderr


def test_documented(tmp_path):
    """`ansible-doc` tells of each part."""
    done = run(tmp_path, "doc", "--type", "filter", "--json", "kube.pcap.trace_expression")
    told = json.loads(done.stdout[done.stdout.index("{") :])["kube.pcap.trace_expression"]
    assert set(told["return"]["_value"]["contains"]) == set(PARTS), done.stderr


@pytest.mark.parametrize("value", [None, 7, [TEXT], {"text": TEXT}, "", "from pod a/b"])
def test_refused(value):
    """Whatever is given, the error is Ansible's for filters."""
    with pytest.raises(AnsibleFilterError, match="trace_expression: "):
        plugin.trace_expression(value)
