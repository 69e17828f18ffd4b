# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the agents' image is put together of packages."""

from __future__ import annotations

from tests.cluster import agent_image

SAID = """\
iproute2
 |Depends: debconf
 |Depends: cdebconf
  Depends: <debconf-2.0>
    cdebconf
  Depends: libbpf1
  PreDepends: libc6
 |Depends: <awk>
  Depends: mawk
  Recommends: libatm1
"""


def test_depends():
    """Of alternatives the first that is a package; what is only recommended is not wanted."""
    assert list(agent_image.depends(SAID)) == ["debconf", "libbpf1", "libc6", "mawk"]


def test_packages():
    """What the shipped Containerfile installs is what the image is made of."""
    assert "tcpdump" in agent_image.packages(agent_image.CONTAINERFILE.read_text())
    assert agent_image.packages("RUN apt-get install --no-install-recommends \\\n    a b-1.0 \\\n    && rm") == [
        "a",
        "b-1.0",
    ]
