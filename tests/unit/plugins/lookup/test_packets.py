# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lookup within Ansible's own program, of the ansible-core that runs these tests."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import pytest
import yaml
from ansible.errors import AnsibleLookupError

from ansible_collections.kube.pcap.plugins.lookup.packets import DOCUMENTATION, RETURN, LookupModule

from ..module_utils.packet_bytes import ethernet, ipv4, tcp, unreachable, vlan
from ..module_utils.pcap_bytes import enhanced, header, interface, pcap, record, section

ROOT = pathlib.Path(__file__).resolve().parents[4]
TEMPLATE = "{{ 6 * 7 }}"


CALL = "import sys; from ansible.cli.playbook import main; sys.argv[0] = 'ansible-playbook'; main()"


@pytest.fixture
def run(tmp_path):
    """Evaluates expressions in a play, in a folder with this collection."""
    link = tmp_path / "ansible_collections" / "kube" / "pcap"
    link.parent.mkdir(parents=True)
    link.symlink_to(ROOT)
    (tmp_path / "ansible.cfg").touch()
    env = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    env.update(LC_ALL="C.UTF-8", HOME=str(tmp_path), ANSIBLE_CONFIG=str(tmp_path / "ansible.cfg"))
    env.update(ANSIBLE_COLLECTIONS_PATH=str(tmp_path), ANSIBLE_NOCOLOR="1")

    def running(*expressions):
        content = "{{ [%s] | to_json }}" % ", ".join(expressions)
        task = {"ansible.builtin.copy": {"content": content, "dest": str(tmp_path / "told")}}
        variables = {"ansible_python_interpreter": sys.executable}
        play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": variables, "tasks": [task]}
        (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
        done = subprocess.run(
            [sys.executable, "-c", CALL, "-i", "localhost,", "play.yml"],
            cwd=tmp_path,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads((tmp_path / "told").read_text())

    return running


def test_always_a_list(run, tmp_path):
    """Also of one packet, of none, and of no capture; a path begins where Ansible was started."""
    for count in (0, 1, 2):
        (tmp_path / ("%d.pcap" % count)).write_bytes(pcap(count))
    (tmp_path / "no").write_bytes(b"hello")
    call = "lookup('kube.pcap.packets', '%s'%s)"
    nothing, one, two, first, no = run(
        call % ("0.pcap", ""),
        call % ("1.pcap", ""),
        call % ("2.pcap", ""),
        call % ("2.pcap", ", limit=1"),
        call % ("no", ""),
    )
    assert [len(found) for found in (nothing, one, two, first)] == [0, 1, 2, 1]
    assert one[0]["caplen"] == 60 and first == two[:1]
    assert [list(one) for one in no] == [["error"]]


def test_data_is_no_template(run, tmp_path):
    """What a file names an interface stays as it is."""
    (tmp_path / "evil.pcapng").write_bytes(section() + interface(name=TEMPLATE) + enhanced(b"x"))
    assert run("lookup('kube.pcap.packets', 'evil.pcapng')")[0][0]["interface"] == TEMPLATE


def test_errors_are_sentences(tmp_path):
    """What is wrong, on one line."""
    with pytest.raises(AnsibleLookupError) as caught:
        LookupModule().run(["/no/such\nfile"])
    assert str(caught.value) == "/no/such?file: it cannot be read: No such file or directory"


def _keys(contains):
    return {name: _keys(one["contains"]) if "contains" in one else None for name, one in contains.items()}


def test_documented_keys(tmp_path):
    """RETURN names the keys that a packet has, and no other."""
    made = ethernet(vlan(ipv4(unreachable(ipv4(tcp())))))
    (tmp_path / "file").write_bytes(header() + record(made.data, 1) + record(ethernet(ipv4(tcp())).data, 2))
    ((error, syn),) = LookupModule().run([str(tmp_path / "file")])
    documented = _keys(yaml.safe_load(RETURN)["_raw"]["contains"])
    assert list(documented) == list(error) == list(syn)
    assert list(documented["tcp"]) == list(syn["tcp"])
    assert list(documented["icmp"]) == list(error["icmp"])
    assert list(documented["encapsulation"]) == list(error["encapsulation"][0])
    assert set(error["icmp"]["quoted"]) < set(error)
    assert set(yaml.safe_load(DOCUMENTATION)["options"]) == {"_terms", "where", "limit"}
