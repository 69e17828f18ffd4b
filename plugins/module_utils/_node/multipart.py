# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A form with one file, as bytes (RFC 7578, multipart/form-data). PRIVATE to the collection."""

from __future__ import annotations

import secrets
from typing import Mapping


class Form:
    """``head``, then the file's bytes, then ``tail``."""

    def __init__(self, fields: Mapping[str, str], file: str) -> None:
        boundary = "kube-pcap-" + secrets.token_hex(16)  # 128 random bits: no file holds them
        parts = [_part(boundary, 'name="%s"' % name, value) for name, value in fields.items()]
        self.content_type = "multipart/form-data; boundary=" + boundary
        self.head = "".join([*parts, _part(boundary, 'name="file"; filename="%s"' % file, "")])[:-2].encode()
        self.tail = ("\r\n--%s--\r\n" % boundary).encode()


def _part(boundary: str, name: str, value: str) -> str:
    return "--%s\r\nContent-Disposition: form-data; %s\r\n\r\n%s\r\n" % (boundary, name, value)
