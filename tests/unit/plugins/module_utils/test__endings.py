# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an ended capture's reason says of its sink."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._endings import has_rest, lacks_manifest, with_rest

PLAIN, SEGMENTS, MANIFEST = "deadline", "deadline; unshipped: 3", "deadline; the manifest is not in the sink"


@pytest.mark.parametrize("before", [PLAIN, SEGMENTS, MANIFEST])
@pytest.mark.parametrize(
    "unshipped, manifest, after", [(3, False, SEGMENTS), (0, False, MANIFEST), (0, True, PLAIN), (3, True, SEGMENTS)]
)
def test_with_rest(before, unshipped, manifest, after):
    """It says what is left now, whatever was left before."""
    assert with_rest(before, unshipped, manifest) == after


@pytest.mark.parametrize(
    "reason, rest, manifest",
    [(None, False, False), (PLAIN, False, False), (SEGMENTS, True, False), (MANIFEST, True, True)],
)
def test_what_is_left(reason, rest, manifest):
    """Segments, or the manifest alone."""
    assert (has_rest(reason), lacks_manifest(reason)) == (rest, manifest)
