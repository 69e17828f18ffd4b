# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sizes, times and shares as users write them. PRIVATE to the collection.

Sizes are Kubernetes quantities (apimachinery, ``resource.Quantity``): ``100M`` is 10^8 bytes, ``1Gi`` is 2^30;
``1GiB`` and ``100MB`` are taken too. Times are ``90``, ``90s``, ``15m``, ``2h`` or ``5d``. Fractions are refused:
they have never meant what their writer thought.
"""

from __future__ import annotations

import re

from ._errors import OptionError, shown

_SIZE = re.compile(r"^([0-9]{1,18})(?:([kKMGTP])(i?)B?|B)?$", re.ASCII)
_TIME = re.compile(r"^([0-9]{1,9})([smhd]?)$", re.ASCII)
_SHARE = re.compile(r"^([0-9]{1,2}) ?%$", re.ASCII)
_POWER = {"k": 1, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5}
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_size(option: str, text: object, least: int = 0, most: int = 1 << 60) -> int:
    """Return the bytes of a size, within ``least`` and ``most``; raise OptionError."""
    match = _SIZE.match(str(text).strip())
    if not match:
        raise OptionError(option, "%s is not a size" % shown(text), "write a number of bytes, or 100M, 1Gi")
    number, prefix, binary = match.groups()
    value: int = int(number) * (1024 if binary else 1000) ** _POWER.get(prefix, 0)
    if not least <= value <= most:
        raise OptionError(
            option, "%s is out of range" % shown(text), "it takes %s to %s" % (format_size(least), format_size(most))
        )
    return value


def parse_duration(option: str, text: object, least: int = 1, most: int = 365 * 86400) -> int:
    """Return the seconds of a time, within ``least`` and ``most``; raise OptionError."""
    match = _TIME.match(str(text).strip())
    if not match:
        raise OptionError(option, "%s is not a time" % shown(text), "write seconds, or 90s, 15m, 2h, 5d")
    value = int(match.group(1)) * _SECONDS[match.group(2)]
    if not least <= value <= most:
        raise OptionError(
            option,
            "%s is out of range" % shown(text),
            "it takes %s to %s" % (format_duration(least), format_duration(most)),
        )
    return value


def parse_share(option: str, text: object) -> tuple[int, int]:
    """Return (percent, bytes) of a bound on a file system: ``10%`` is (10, 0), ``5Gi`` is (0, 5 * 2^30)."""
    match = _SHARE.match(str(text).strip())
    if match:
        return int(match.group(1)), 0
    try:
        return 0, parse_size(option, text)
    except OptionError:
        raise OptionError(
            option, "%s is neither a share nor a size" % shown(text), "write 10%, or a size such as 5Gi"
        ) from None


def parse_count(option: str, text: object, least: int, most: int) -> int:
    """Return a whole number within ``least`` and ``most``; raise OptionError."""
    plain = str(text).strip()
    if not re.match(r"^[0-9]{1,18}$", plain, re.ASCII) or not least <= int(plain) <= most:
        raise OptionError(option, "%s is not taken" % shown(text), "write a whole number from %d to %d" % (least, most))
    return int(plain)


def format_size(count: int) -> str:
    """Return bytes for people, in the unit that loses nothing worth reading: ``153 MB``, ``4 KiB``, ``17 B``."""
    if count >= 1024 and count % 1024 == 0:
        value, units = float(count), ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
        base = 1024.0
    else:
        value, units = float(count), ("B", "kB", "MB", "GB", "TB", "PB")
        base = 1000.0
    index = 0
    while value >= base and index < len(units) - 1:
        value /= base
        index += 1
    return "%s %s" % (("%.1f" % value).rstrip("0").rstrip(".") if value < 10 else "%d" % round(value), units[index])


def format_duration(seconds: float) -> str:
    """Return seconds for people: ``45s``, ``14m05s``, ``2h00m``, ``3d04h``."""
    whole = max(0, int(seconds))
    if whole < 60:
        return "%ds" % whole
    if whole < 3600:
        return "%dm%02ds" % divmod(whole, 60)
    if whole < 86400:
        return "%dh%02dm" % divmod(whole // 60, 60)
    return "%dd%02dh" % divmod(whole // 3600, 24)
