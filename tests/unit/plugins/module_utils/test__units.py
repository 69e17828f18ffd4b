# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sizes, times and shares as users write them."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils import _units as units
from ansible_collections.kube.pcap.plugins.module_utils._errors import OptionError

SIZES = [
    ("100M", 100_000_000),
    ("1Gi", 1 << 30),
    ("1GiB", 1 << 30),
    ("5", 5),
    ("7kB", 7000),
    ("64Ki", 65536),
    (4096, 4096),
]
NO_SIZES = ["-1", "1e9", "1.5G", "", "10 parsecs", "1Zi", "0x10", "1i", None, "9" * 30, "١"]
TIMES = [("90", 90), ("90s", 90), ("15m", 900), ("2h", 7200), ("5d", 432000), (60, 60)]
NO_TIMES = ["-15m", "10 parsecs", "1.5h", "", "1w", "2h30m", "0", "400d", "12:30"]


@pytest.mark.parametrize("text, value", SIZES)
def test_size(text, value):
    """A Kubernetes quantity is its number of bytes."""
    assert units.parse_size("capture_keep", text) == value


@pytest.mark.parametrize("text", NO_SIZES)
def test_no_size(text):
    """Anything else is refused with the option's name and an example."""
    with pytest.raises(OptionError, match="^capture_keep: .*; "):
        units.parse_size("capture_keep", text)


@pytest.mark.parametrize("text, value", TIMES)
def test_duration(text, value):
    """A time is a number with at most one unit."""
    assert units.parse_duration("capture_duration", text) == value


@pytest.mark.parametrize("text", NO_TIMES)
def test_no_duration(text):
    """Negative, zero, mixed and endless times are refused."""
    with pytest.raises(OptionError, match="^capture_duration: "):
        units.parse_duration("capture_duration", text)


@pytest.mark.parametrize("text, value", [("10%", (10, 0)), ("0%", (0, 0)), ("5Gi", (0, 5 << 30)), ("99 %", (99, 0))])
def test_share(text, value):
    """A bound on a file system is a share of it or a size."""
    assert units.parse_share("capture_min_free", text) == value


@pytest.mark.parametrize("text", ["100%", "-5%", "ten", "5 %%", ""])
def test_no_share(text):
    """What is neither is refused, and so is the whole file system."""
    with pytest.raises(OptionError):
        units.parse_share("capture_min_free", text)


def test_count_is_bounded():
    """A whole number outside its range names the range."""
    assert units.parse_count("capture_snaplen", "192", 0, 262144) == 192
    with pytest.raises(OptionError, match="from 0 to 262144"):
        units.parse_count("capture_snaplen", "262145", 0, 262144)


@pytest.mark.parametrize(
    "count, text", [(100_000_000, "100 MB"), (1 << 30, "1 GiB"), (17, "17 B"), (1536, "1.5 kB"), (0, "0 B")]
)
def test_format_size(count, text):
    """Sizes read as people write them."""
    assert units.format_size(count) == text


@pytest.mark.parametrize(
    "seconds, text", [(5, "5s"), (845.7, "14m05s"), (7200, "2h00m"), (273600, "3d04h"), (-3, "0s")]
)
def test_format_duration(seconds, text):
    """Times read as people say them."""
    assert units.format_duration(seconds) == text


def test_a_refused_value_is_shown_on_one_short_line():
    """A newline or a thousand characters do not reach the message."""
    with pytest.raises(OptionError) as caught:
        units.parse_size("capture_keep", "1\n" + "x" * 1000)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 160
