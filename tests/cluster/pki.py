# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cluster's keys: one authority, a certificate for each component, and their kubeconfigs."""

from __future__ import annotations

import base64
import dataclasses
import datetime
import ipaddress
import pathlib

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.lab.model import Node

from . import places
from .places import Site

_YEAR = datetime.timedelta(days=365)
PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclasses.dataclass(frozen=True)
class Holder:
    """Who gets a certificate, and under which names it is served."""

    name: str
    common_name: str
    organization: str = ""
    names: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    kubeconfig: bool = True


_SERVICE_NAMES = tuple("kubernetes.default.svc.cluster.local".split(".")[:n] for n in (1, 2, 3, 5))
_CONTROL_PLANE = (
    Holder("apiserver-kubelet", "kube-apiserver-kubelet-client", kubeconfig=False),
    Holder("front-proxy", "front-proxy", kubeconfig=False),
    Holder("controller-manager", "system:kube-controller-manager", names=("localhost",), addresses=("127.0.0.1",)),
    Holder("scheduler", "system:kube-scheduler", names=("localhost",), addresses=("127.0.0.1",)),
)
_EVERYWHERE = (Holder("proxy", "system:kube-proxy"), Holder("flannel", "flannel"))
_ADMIN = Holder("admin", "admin", "system:masters")


def _apiserver(site: Site) -> Holder:
    names = tuple(".".join(words) for words in _SERVICE_NAMES)
    addresses = (places.API_SERVICE, "127.0.0.1", site.address(places.CONTROL_PLANE))
    return Holder("apiserver", "kube-apiserver", names=names, addresses=addresses, kubeconfig=False)


def _kubelet(site: Site, node: Node) -> Holder:
    user = "system:node:" + node.name
    return Holder("kubelet", user, "system:nodes", names=(node.name,), addresses=(site.address(node),))


def _pem(key: PrivateKey) -> bytes:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def _name(common_name: str, organization: str = "") -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if organization:
        parts.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    return x509.Name(parts)


def _certificate(subject: x509.Name, issuer: x509.Name, key: PrivateKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.timezone.utc)
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number())
    return made.not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + _YEAR)


def _usage(authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(True, False, False, False, False, authority, authority, False, False)


class Authority:
    """Signs the cluster's certificates."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._subject = _name("kube-pcap-cluster")
        made = _certificate(self._subject, self._subject, self._key)
        made = made.add_extension(x509.BasicConstraints(True, None), True).add_extension(_usage(True), True)
        self.certificate = made.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        self.key = _pem(self._key)

    def issue(self, holder: Holder) -> tuple[bytes, bytes]:
        """A certificate and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = _certificate(_name(holder.common_name, holder.organization), self._subject, key)
        made = made.add_extension(_usage(False), True)
        purposes = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
        made = made.add_extension(x509.ExtendedKeyUsage(purposes), False)
        served: list[x509.GeneralName] = [x509.DNSName(name) for name in holder.names]
        served += [x509.IPAddress(ipaddress.ip_address(address)) for address in holder.addresses]
        if served:
            made = made.add_extension(x509.SubjectAlternativeName(served), False)
        return made.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM), _pem(key)


def _kubeconfig(site: Site, authority: bytes, certificate: bytes, key: bytes) -> str:
    """A kubeconfig with everything in it."""

    def text(data: bytes) -> str:
        return base64.b64encode(data).decode("ascii")

    server = {"server": site.api, "certificate-authority-data": text(authority)}
    user = {"client-certificate-data": text(certificate), "client-key-data": text(key)}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "cluster", "cluster": server}],
        "users": [{"name": "user", "user": user}],
        "contexts": [{"name": "context", "context": {"cluster": "cluster", "user": "user"}}],
        "current-context": "context",
    }
    return yaml.safe_dump(config, sort_keys=False)


def _write(file: pathlib.Path, data: bytes) -> None:
    file.touch(0o600)
    file.write_bytes(data)


def _issue(site: Site, authority: Authority, holder: Holder, folder: pathlib.Path) -> None:
    certificate, key = authority.issue(holder)
    if holder.kubeconfig:
        text = _kubeconfig(site, authority.certificate, certificate, key)
        _write(folder / (holder.name + ".conf"), text.encode())
    _write(folder / (holder.name + ".crt"), certificate)
    _write(folder / (holder.name + ".key"), key)


def make(site: Site) -> None:
    """Writes what each node holds into its folder ``pki``, and the administrator's ``admin.conf`` beside those."""
    authority = Authority()
    for node in places.NODES:
        folder = site.home / node.name / "pki"
        folder.mkdir(parents=True, mode=0o700)
        _write(folder / "ca.crt", authority.certificate)
        for holder in (_kubelet(site, node), *_EVERYWHERE):
            _issue(site, authority, holder, folder)
    folder = site.home / places.CONTROL_PLANE.name / "pki"
    _write(folder / "ca.key", authority.key)
    for holder in (_apiserver(site), *_CONTROL_PLANE):
        _issue(site, authority, holder, folder)
    accounts = rsa.generate_private_key(65537, 2048)
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    _write(folder / "sa.key", _pem(accounts))
    _write(folder / "sa.pub", accounts.public_key().public_bytes(serialization.Encoding.PEM, form))
    _issue(site, authority, _ADMIN, site.home)
