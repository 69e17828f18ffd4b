# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's half of a bucket of Google Cloud Storage; the only file that asks Google. PRIVATE to the collection.

STORAGE_EMULATOR_HOST takes the service's place, as for every program with Google's library. There, kind
``application`` is nobody unless GOOGLE_APPLICATION_CREDENTIALS is set.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import datetime
import os
import uuid
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from ...module_utils._errors import FileError, OptionError, PcapError
from ...module_utils._records import Upload
from ...module_utils._sinks import SCHEME
from . import library
from .access import KEY, MACHINE, Access
from .credentials import TIMEOUT_SECONDS, Request, make_credentials
from .policy import LARGEST_OBJECT, service_root, sign_policy, write_policy
from .trouble import CLOCK, certificate, sentence

CREATE, DELETE = "storage.objects.create", "storage.objects.delete"
_RETRY_SECONDS = 30
_MOST_SKEW_SECONDS = 15 * 60
"""By so much a request's time may differ from the service's (its error RequestTimeTooSkewed)."""
_CHUNK = 8 * 2**20
_GRANT = "grant %s on the bucket to the account that asks"


@dataclasses.dataclass(frozen=True)
class Found:
    """An object in a bucket."""

    size: int
    md5: str | None
    """Hexadecimal; null where the service keeps none, as with a customer's own key."""
    crc32c: str
    """Base64 of four bytes, the most significant first."""
    generation: int


class Archive:
    """Asks as one account; ``Archive.open`` makes it. Every failure is a PcapError of one sentence."""

    def __init__(self, access: Access, credentials: Any, service: str) -> None:
        self._access = access
        self._credentials = credentials
        self._service = service
        self._request = Request()
        self._client = library.storage.Client(project=access.project, credentials=credentials)
        retry = library.Retry(predicate=_transient, timeout=_RETRY_SECONDS)
        self._bounds = {"timeout": TIMEOUT_SECONDS, "retry": retry}

    @classmethod
    def open(cls, access: Access) -> Archive:
        """Return an archive; credentials are read, and the service is not asked yet."""
        library.require()
        service = service_root(os.environ)
        try:
            return cls(access, make_credentials(access), service)
        except library.FAILURES as error:
            raise sentence("auth_kind " + access.kind, error, "choose another") from None

    def sign(self, bucket: str, prefix: str, seconds: int, most: int = LARGEST_OBJECT) -> Upload:
        """Return a policy for new objects below a prefix: with the key that is here, or else signed by IAM."""
        with self._telling("signing for %s%s/%s" % (SCHEME, bucket, prefix), "see the account's rights"):
            account, sign_bytes = self._signer()
            now = datetime.datetime.now(datetime.timezone.utc)
            unsigned = write_policy(bucket, prefix, now, seconds, account, most, self._service)
            return sign_policy(unsigned, sign_bytes)

    def check(self, bucket: str, prefix: str) -> None:
        """Raise PcapError where the bucket cannot be reached, is not there, or refuses new objects below the prefix.

        An upload is announced and none of it is sent, which leaves nothing. What another account may do, which signs
        for the one that asks, shows at its first object.
        """
        with self._asking(SCHEME + bucket, _GRANT % "roles/storage.objectCreator"):
            self._compare_clocks()
            with contextlib.suppress(library.api.Forbidden):  # who may only create may not look, either
                self._client.get_bucket(bucket, **self._bounds)
            if self._asks_as_signer():
                probe = self._client.bucket(bucket).blob("%s.preflight-%s" % (prefix, uuid.uuid4().hex))
                probe.create_resumable_upload_session(content_type="application/json", size=0, **self._bounds)

    def may_delete(self, bucket: str) -> bool | None:
        """Return whether the account that signs may delete or replace what is in the bucket; None is not known."""
        with self._asking(SCHEME + bucket, "see the account's rights"):
            if not self._asks_as_signer():
                return None
            try:
                held = self._client.bucket(bucket).test_iam_permissions([CREATE, DELETE], **self._bounds)
            except (library.api.ClientError, library.api.MethodNotImplemented):
                return None
        return DELETE in held

    def find(self, bucket: str, name: str) -> Found | None:
        """Return the object of a name, or None."""
        with self._asking("%s%s/%s" % (SCHEME, bucket, name), _GRANT % "roles/storage.objectViewer"):
            blob = self._client.bucket(bucket).get_blob(name, **self._bounds)
            return _found(blob) if blob else None

    def read(self, bucket: str, name: str, most: int) -> bytes | None:
        """Return what an object holds, or None where it is not there; more than so many bytes are a PcapError."""
        where = "%s%s/%s" % (SCHEME, bucket, name)
        with self._asking(where, _GRANT % "roles/storage.objectViewer"):
            blob = self._client.bucket(bucket).get_blob(name, **self._bounds)
            if blob is None:
                return None
            if blob.size > most:
                raise PcapError("%s: it is larger than %d MiB" % (where, most >> 20))
            content: bytes = blob.download_as_bytes(raw_download=True, checksum="crc32c", **self._bounds)
            return content

    def put(self, path: str, bucket: str, name: str, content_type: str, md5: str) -> Found:
        """Upload a file that has this MD5 (hexadecimal) under a name that nobody has.

        A name that has the same content already is as good. Another content is a PcapError, and stays.
        """
        where = "%s%s/%s" % (SCHEME, bucket, name)
        blob = self._client.bucket(bucket).blob(name, chunk_size=_CHUNK)
        blob.md5_hash = base64.b64encode(bytes.fromhex(md5)).decode()  # the service refuses other content by itself
        with _opened(path) as stream, self._asking(where, _GRANT % "roles/storage.objectCreator"):
            size = os.fstat(stream.fileno()).st_size
            options = {"size": size, "content_type": content_type, "if_generation_match": 0, **self._bounds}
            try:
                blob.upload_from_file(stream, **options)
                found: Found | None = _found(blob)
            except (library.api.PreconditionFailed, library.api.Forbidden) as error:
                if isinstance(error, library.api.Forbidden) and DELETE not in str(error):
                    raise
                found = self.find(bucket, name)  # the name is taken, perhaps by an upload whose answer was lost
        if found is None:
            raise PcapError("%s: the name was taken, and is free again; try again" % where)
        if not _same(found, size, md5, path):
            raise PcapError("%s: it is there with another content, and stays; rename or remove it" % where)
        return found

    def _refresh(self) -> None:
        """Get a token where the credentials have none; Google's library would wait for minutes."""
        credentials = self._credentials
        nobody = isinstance(credentials, library.google.auth.credentials.AnonymousCredentials)
        if not nobody and not credentials.valid:
            credentials.refresh(self._request)

    def _compare_clocks(self) -> None:
        skew = self._request.skew_seconds
        if abs(skew) > _MOST_SKEW_SECONDS:
            raise PcapError(
                "the controller's clock is %d s %s: %s" % (abs(skew), "fast" if skew > 0 else "slow", CLOCK)
            )

    def _own_email(self) -> str | None:
        """Return the account that asks, where that can be known."""
        names = [getattr(self._credentials, name, None) for name in ("signer_email", "service_account_email")]
        if "default" in names:  # the machine's account, until its metadata server was asked
            self._refresh()
            names = [self._credentials.service_account_email]
        return next((name for name in names if isinstance(name, str) and "@" in name), None)

    def _asks_as_signer(self) -> bool:
        return self._access.email in (None, self._own_email())

    def _signer(self) -> tuple[str, Callable[[bytes], bytes]]:
        """Return the account that signs, and how."""
        credentials, own = self._credentials, self._own_email()
        account = self._access.email or own
        if account is None:
            self._refuse_to_sign()
        if account == own and isinstance(credentials, library.google.auth.credentials.Signing):
            return account, credentials.sign_bytes
        self._refresh()
        return account, library.google.auth.iam.Signer(self._request, credentials, account).sign

    def _refuse_to_sign(self) -> NoReturn:
        wrong = "the credentials of %s name no account that can sign" % self._access.kind
        right = "choose %s or %s, or set service_account_email to an account that they may sign for" % (KEY, MACHINE)
        raise OptionError("auth_kind", wrong, right)

    @contextlib.contextmanager
    def _telling(self, subject: str, right: str) -> Iterator[None]:
        """Make one sentence of whatever the library raises."""
        try:
            yield
        except library.FAILURES as error:
            secrets = (self._access.token or "", getattr(self._credentials, "token", None) or "")
            raise sentence(subject, error, right, secrets) from None

    @contextlib.contextmanager
    def _asking(self, subject: str, right: str) -> Iterator[None]:
        """The same for what needs a token."""
        with self._telling(subject, right):
            self._refresh()
            yield


def _transient(error: BaseException) -> bool:
    """Return whether the same request may go better the next time."""
    kinds = library.requests.exceptions
    transient = (
        library.api.TooManyRequests,
        library.api.ServerError,
        kinds.ConnectionError,
        kinds.Timeout,
        kinds.ChunkedEncodingError,
    )
    return isinstance(error, transient) and not certificate(error)


@contextlib.contextmanager
def _opened(path: str) -> Iterator[Any]:
    try:
        with open(path, "rb") as stream:
            yield stream
    except OSError as error:
        raise FileError("%s cannot be read (%s)" % (path, error.strerror)) from None


def _found(blob: Any) -> Found:
    md5 = base64.b64decode(blob.md5_hash).hex() if blob.md5_hash else None
    return Found(size=int(blob.size), md5=md5, crc32c=blob.crc32c or "", generation=int(blob.generation))


def _same(found: Found, size: int, md5: str, path: str) -> bool:
    """Return whether an object is the file; by its CRC32C where the service keeps no MD5."""
    if found.size != size or found.md5:
        return found.size == size and found.md5 == md5
    checksum = library.google_crc32c.Checksum()
    with _opened(path) as stream:
        for _chunk in checksum.consume(stream, _CHUNK):
            pass
    return base64.b64encode(checksum.digest()).decode() == found.crc32c
