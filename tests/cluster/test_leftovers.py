# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cluster that is taken down, or whose maker was killed, leaves nothing on the machine."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from tests.cluster.cluster import Cluster, sweep
from tests.cluster.places import SITES, Site
from tests.cluster.state import ClusterError
from tests.lab import leftovers
from tests.nodes import cgroups
from tests.nodes.node import CHECKOUT


def traces(site):
    """Whatever on this machine carries a cluster's name, by kind."""
    return leftovers.traces(site.home, site.group, "kp-" + site.link)


@pytest.fixture
def site():
    """The place of a cluster that a test makes by itself, beside those that there are."""
    sweep()
    made = [site for site in map(Site, range(SITES)) if not site.home.exists()][-1]
    yield made
    Cluster(made).down()


@pytest.mark.alone  # it compares the machine's rules, settings and namespaces
def test_down_leaves_nothing(site):
    """Processes, namespaces, mounts, control groups, links, rules, settings and files are as before."""
    settings, rules = leftovers.writable_settings(), leftovers.output("nft", "list", "ruleset")
    cluster = Cluster.up(site.number, os.getpid(), print)
    pids = list(cgroups.members(cgroups.read_hierarchies(), site.group))
    made = leftovers.namespaces(pids) - leftovers.namespaces([os.getpid()])
    assert set(traces(site)) == {"processes", "links", "groups", "files"}
    now = leftovers.ticks()
    assert len(pids) > 50 and len(made) > 50
    start = time.monotonic()
    cluster.down()
    print("down in %.1f s" % (time.monotonic() - start))
    assert traces(site) == {}
    assert [pid for pid in pids if os.path.exists("/proc/%d" % pid)] == []
    assert made & leftovers.held(now) == set()
    assert leftovers.output("nft", "list", "ruleset") == rules
    after = leftovers.writable_settings()
    assert {path for path, value in after.items() if settings.get(path) != value} == set()


def test_a_missing_right_has_a_name(site):
    """Without a capability the cluster says which, and how to get it."""
    argv = ["setpriv", "--bounding-set=-net_admin", sys.executable, "-m", "tests.cluster", "up"]
    argv += ["--number", str(site.number)]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=CHECKOUT, check=False)
    assert done.returncode == 1 and "CAP_NET_ADMIN" in done.stderr and "--privileged" in done.stderr
    assert not site.home.exists()


def test_what_a_killed_start_leaves_is_swept(site):
    """The next command removes what there was of it, and a second start of the same number is refused meanwhile."""
    argv = [sys.executable, "-u", "-m", "tests.cluster", "up", "--number", str(site.number)]
    starting = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT)
    assert "API" in starting.stdout.readline()
    with pytest.raises(ClusterError, match="down --number %d" % site.number):
        Cluster.up(site.number)
    starting.kill()
    starting.communicate()
    assert set(traces(site)) == {"processes", "links", "groups", "files"}
    sweep()
    assert traces(site) == {}
