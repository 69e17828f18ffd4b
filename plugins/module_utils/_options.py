# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A capture's options as users write them, checked and turned into a record. PRIVATE to the collection.

The role's options are the module's with ``capture_`` before them; errors name the one that was written.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, Callable, Mapping, Sequence

from ._errors import OptionError, shown
from ._names import check_id
from ._records import CaptureOptions, Selection, to_result
from ._sinks import SCHEME, is_bucket, parse_bucket
from ._units import parse_count, parse_duration, parse_share, parse_size

UPLOADS = ("policy", "metadata")
"""Who lets a node write to a bucket: the controller, by a signed policy, or the node's metadata server."""
_DAY = 86400
_FILTER_MOST = 65536
_INTERFACE = re.compile(r"^[A-Za-z0-9_.][A-Za-z0-9_.:@-]{0,14}\Z", re.ASCII)
_PATH = re.compile(r"^(?:/[A-Za-z0-9._@+-]+)+\Z", re.ASCII)


def check_filter(option: str, text: object) -> str:
    """Return a filter as it is handed to tcpdump, or raise OptionError for what can be no filter."""
    plain = str(text).strip()
    if plain.startswith("-"):
        raise OptionError(
            option, "a filter cannot begin with -", "write it as tcpdump's filters are, see pcap-filter(7)"
        )
    if len(plain) > _FILTER_MOST or not plain.isascii():
        raise OptionError(option, "a filter has at most %d plain characters" % _FILTER_MOST, "see pcap-filter(7)")
    if any(ord(c) < 32 and c not in "\t\n" or ord(c) == 127 for c in plain):
        raise OptionError(option, "a filter cannot hold control characters", "write it on one line of text")
    return " ".join(plain.split())


def flag(option: str, value: Any) -> bool:
    """Return a yes or no; on the controller it may come from the command line, as text."""
    text = str(value).lower()
    if text not in ("true", "yes", "on", "1", "false", "no", "off", "0"):
        raise OptionError(option, "%s is not taken" % shown(value), "write true or false")
    return text in ("true", "yes", "on", "1")


def _interface(option: str, value: Any) -> str:
    if not _INTERFACE.match(str(value)) or str(value).isdigit():  # a number is tcpdump's index into its own list
        raise OptionError(option, "%r is no interface's name" % str(value)[:40], "write one such as eth0, or any")
    return str(value)


def node_path(option: str, value: Any) -> str:
    """Return an absolute path on a node, without a slash at its end; raise OptionError."""
    text = str(value).rstrip("/")
    if not _PATH.match(text) or any(part in (".", "..") for part in text.split("/")):
        raise OptionError(
            option,
            "%r is not taken" % str(value)[:80],
            "write an absolute path on the node, of letters, digits and . _ @ + -, such as /var/lib/kube-pcap",
        )
    return text


def _sink(option: str, value: Any) -> str:
    text = str(value)
    if not is_bucket(text):
        if text.startswith("/"):
            return node_path(option, value)
        wrong = "%r is no sink" % text[:80]
        raise OptionError(option, wrong, "write a directory of the node, such as /mnt/captures, or gs://BUCKET/PREFIX")
    bucket = parse_bucket(option, text)
    return SCHEME + "/".join([bucket.name, *([bucket.prefix] if bucket.prefix else [])])


def _upload(option: str, value: Any) -> str:
    if value not in UPLOADS:
        raise OptionError(option, "%s is not taken" % shown(value), "write %s" % " or ".join(UPLOADS))
    return str(value)


_FIELDS: Mapping[str, tuple[str, Callable[[str, Any], Any]]] = {
    "filter": ("filter", check_filter),
    "interface": ("interface", _interface),
    "snaplen": ("snaplen", lambda name, value: parse_count(name, value, 0, 262144)),
    "buffer": ("buffer_kib", lambda name, value: parse_count(name, value, 16, 1 << 20)),
    "segment_size": ("segment_bytes", lambda name, value: parse_size(name, value, 1_000_000, 10**12)),
    "segment_seconds": ("segment_seconds", lambda name, value: parse_duration(name, value, 1, _DAY)),
    "packet_count": ("packet_count", lambda name, value: parse_count(name, value, 1, 10**9)),
    "keep": ("keep_bytes", lambda name, value: parse_size(name, value, 4_000_000, 10**15)),
    "compress": ("compress", flag),
    "sink": ("sink", _sink),
    "upload": ("upload", _upload),
    "upload_rate": ("upload_rate", lambda name, value: parse_size(name, value, 10_000, 10**12)),
    "spool": ("spool", node_path),
    "memory": ("memory_bytes", lambda name, value: parse_size(name, value, 512 * 1024, 1 << 40)),
    "promiscuous": ("promiscuous", flag),
    "grace": ("grace_seconds", lambda name, value: parse_duration(name, value, 0, 7 * _DAY)),
}
NAMES = tuple(sorted((*_FIELDS, "min_free", "duration", "max_duration")))
"""Every option of a capture but its targets and id, without a prefix."""


def capture_options(given: Mapping[str, Any], prefix: str = "") -> CaptureOptions:
    """Return the record of checked options; what is None or empty takes its default; raise OptionError."""
    values = {name: value for name, value in given.items() if value is not None and value != ""}
    fields: dict[str, Any] = {}
    for name, (field, convert) in _FIELDS.items():
        if name in values:
            fields[field] = convert(prefix + name, values[name])
    if "min_free" in values:
        fields["min_free_percent"], fields["min_free_bytes"] = parse_share(prefix + "min_free", values["min_free"])
    most = parse_duration(prefix + "max_duration", values.get("max_duration", "7d"))
    duration = values.get("duration", CaptureOptions.duration_seconds)
    fields["duration_seconds"] = parse_duration(prefix + "duration", duration, 1, most)
    made = CaptureOptions(**fields)
    if made.sink is not None and (made.sink + "/").startswith(made.spool + "/"):
        raise OptionError(
            prefix + "sink",
            "it lies in the spool, which goes with the capture",
            "write a directory outside %s" % made.spool,
        )
    return made


def check(options: CaptureOptions, prefix: str) -> None:
    """Raise OptionError unless ``capture_options`` could have made these options."""
    given = {name: getattr(options, field) for name, (field, _convert) in _FIELDS.items()}
    given["min_free"] = options.min_free_bytes or "%s%%" % options.min_free_percent
    given["duration"] = options.duration_seconds
    if capture_options(given, prefix) != options:
        raise OptionError(prefix + "options", "they are not ones that the plan made", "pass the record on unchanged")


def capture_id(option: str, given: object, selections: Sequence[Selection], options: CaptureOptions) -> str:
    """Return the id that was given, else one made of the request alone: the same on every host, on every day."""
    if given is not None and given != "":
        return check_id(option, given)
    return "c-" + hashlib.sha256(_text(selections, options).encode()).hexdigest()[:10]


def differences(
    before: tuple[Sequence[Selection], CaptureOptions], after: tuple[Sequence[Selection], CaptureOptions], prefix: str
) -> list[str]:
    """Return what differs between two requests, one short sentence each, by the names users know."""
    found = []
    if to_result(list(before[0])) != to_result(list(after[0])):
        found.append("%stargets differ" % prefix)
    names = {field: name for name, (field, _convert) in _FIELDS.items()}
    names.update(min_free_percent="min_free", min_free_bytes="min_free", duration_seconds="duration")
    old, new = to_result(before[1]), to_result(after[1])
    for field, value in new.items():
        if old[field] != value:
            found.append("%s%s is %s, asked for %s" % (prefix, names[field], json.dumps(old[field]), json.dumps(value)))
    return found


def _text(selections: Sequence[Selection], options: CaptureOptions) -> str:
    return json.dumps([to_result(list(selections)), to_result(options)], sort_keys=True)
