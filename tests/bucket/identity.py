# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who signs and who serves: a service account with its key, and certificates of a CA of our own."""

from __future__ import annotations

import dataclasses
import datetime
import functools
import ipaddress
import json
import pathlib
import uuid
from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)
_CA = "kube-pcap test CA"


@functools.cache
def _key(name: str) -> rsa.RSAPrivateKey:
    """One key of 2048 bits for each name; making one takes a tenth of a second."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _pem(key: rsa.RSAPrivateKey) -> bytes:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


@dataclasses.dataclass(frozen=True)
class Account:
    """A service account."""

    email: str
    key_id: str

    @property
    def key(self) -> rsa.RSAPrivateKey:
        """Its private key."""
        return _key(self.email)

    def key_json(self, token_uri: str) -> dict[str, str]:
        """Its key as Google's console makes it; ``token_uri`` is where a token is asked for."""
        return {
            "type": "service_account",
            "project_id": "test-project",
            "private_key_id": self.key_id,
            "private_key": _pem(self.key).decode(),
            "client_email": self.email,
            "client_id": "100000000000000000001",
            "token_uri": token_uri,
            "universe_domain": "googleapis.com",
        }

    def write_key(self, path: pathlib.Path, token_uri: str) -> pathlib.Path:
        """Writes that key as JSON, for its owner alone."""
        path.touch(mode=0o600)
        path.write_text(json.dumps(self.key_json(token_uri), indent=2), encoding="utf-8")
        return path


def make_account(name: str = "recorder") -> Account:
    """An account of that name; each call makes another key id, and each name has one key."""
    return Account("%s@test-project.iam.gserviceaccount.com" % name, uuid.uuid4().hex)


@dataclasses.dataclass(frozen=True)
class Authority:
    """A certificate authority; its files lie in one folder."""

    folder: pathlib.Path

    @property
    def ca(self) -> pathlib.Path:
        """Its certificate, PEM: what a client is told to trust."""
        path = self.folder / "ca.pem"
        if not path.exists():
            path.write_bytes(_certificate(_CA, _key(_CA), [], _now() - DAY))
        return path

    def server(self, *names: str, expired: bool = False) -> pathlib.Path:
        """Certificate and key in one PEM file, for these names or addresses; an expired one ended a day ago."""
        path = self.folder / ("server-%s.pem" % uuid.uuid4().hex[:8])
        path.touch(mode=0o600)
        begin = _now() - (3 * DAY if expired else DAY)
        path.write_bytes(_certificate("server", _key("server"), names, begin) + _pem(_key("server")))
        return path


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)


def _certificate(subject: str, key: rsa.RSAPrivateKey, names: Sequence[str], begin: datetime.datetime) -> bytes:
    """Two days of validity, signed by the CA; without names it is the CA's own."""
    authority = _key(_CA)
    made = x509.CertificateBuilder().serial_number(x509.random_serial_number()).public_key(key.public_key())
    made = made.subject_name(_title(subject)).issuer_name(_title(_CA))
    made = made.not_valid_before(begin).not_valid_after(begin + 2 * DAY)
    made = made.add_extension(x509.BasicConstraints(ca=not names, path_length=None), critical=True)
    made = made.add_extension(_usage(for_ca=not names), critical=True)
    made = made.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key())
    made = made.add_extension(issuer, critical=False)
    if names:
        made = made.add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    return made.sign(authority, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _title(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _usage(for_ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=not for_ca,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=for_ca,
        crl_sign=for_ca,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
