# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A form with a file, as another parser reads it."""

from __future__ import annotations

import email.parser
import email.policy

from ansible_collections.kube.pcap.plugins.module_utils._node.multipart import Form

CONTENT = bytes(range(256)) * 3 + b"\r\n--kube-pcap-\r\n"


def read(form, content):
    """Each part's name with its payload, and the file's name."""
    whole = b"Content-Type: %s\r\n\r\n" % form.content_type.encode() + form.head + content + form.tail
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(whole)
    parts = [
        (part.get_param("name", header="content-disposition"), part.get_payload(decode=True), part.get_filename())
        for part in message.iter_parts()
    ]
    return parts


def test_fields_then_the_file():
    """Every field comes through as given, and the file, last, byte for byte."""
    form = Form({"key": "a/b/c.pcap", "policy": "e30=", "Content-MD5": "1B2M2Y8AsgTpgAmy7PhCfg=="}, "c.pcap")
    *fields, file = read(form, CONTENT)
    assert [(name, value) for name, value, _none in fields] == [
        ("key", b"a/b/c.pcap"),
        ("policy", b"e30="),
        ("Content-MD5", b"1B2M2Y8AsgTpgAmy7PhCfg=="),
    ]
    assert file == ("file", CONTENT, "c.pcap")


def test_an_empty_file():
    """A file without a byte is one."""
    assert read(Form({"key": "a"}, "a"), b"")[-1] == ("file", b"", "a")


def test_boundaries_differ():
    """No content can be made to hold the boundary."""
    assert Form({}, "a").content_type != Form({}, "a").content_type
