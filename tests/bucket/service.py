# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cloud Storage as far as a capture meets it: forms by signed policies, and the JSON API for those who may.

The emulator keeps the objects; this decides who may do what, and says it in the service's words.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime
import functools
import hashlib
import json
import re
import urllib.parse
from collections.abc import Callable
from xml.sax.saxutils import escape

from . import policy
from .answers import XML_TYPE, Answer, RefusedError, Request, json_answer
from .forms import Form, read_form
from .pieces import pieces
from .resumable import Sessions
from .tokens import Accounts, lacks
from .upstream import ExistsError, Upstream

_BUCKET = r"/storage/v1/b/(?P<bucket>[^/]+)"
_ROUTES = (
    ("GET", r"/storage/v1/b", "storage.buckets.list"),
    ("POST", r"/storage/v1/b", "storage.buckets.create"),
    ("GET", _BUCKET, "storage.buckets.get"),
    ("GET", _BUCKET + r"/o", "storage.objects.list"),
    ("GET", r"(?:/download)?" + _BUCKET + r"/o/(?P<key>.+)", "storage.objects.get"),
    ("DELETE", _BUCKET + r"/o/(?P<key>.+)", "storage.objects.delete"),
)
"""What is passed on, and the permission that it takes."""
_TEST = re.compile(_BUCKET + r"/iam/testPermissions\Z")
_UPLOAD = re.compile(r"/upload" + _BUCKET + r"/o\Z")
_FORM = re.compile(r"/(?P<bucket>[^/]+)/?\Z")
_ABSENT = {"ifGenerationMatch": "0"}


class Service:
    """What answers a whole request."""

    def __init__(self, upstream: Upstream, accounts: Accounts, clock: Callable[[], float]) -> None:
        self.accounts = accounts
        self.tells_md5 = True
        """False: as under keys that the customer manages, no answer holds an MD5."""
        self.expired: set[str] = set()
        """Policies, as the form's field has them, that count as over whatever their date says."""
        self._upstream = upstream
        self._sessions = Sessions(upstream)
        self._clock = clock

    def answer(self, request: Request) -> Answer:
        """The answer to a request; refusals are answers too."""
        form = _FORM.match(request.path) if _is_form(request) else None
        try:
            if form:
                return self._post(request, form["bucket"])
            return self.accounts.answer(request) or self._without_md5(self._json_api(request))
        except RefusedError as refused:
            return refused.xml() if form else refused.json()

    def keep(self, request: Request) -> None:
        """What is left of a request that was cut: a resumable upload keeps what arrived of it."""
        if request.method == "PUT" and _UPLOAD.match(request.path):
            self._sessions.keep(request)

    def _post(self, request: Request, bucket: str) -> Answer:
        form = read_form(request.headers["content-type"], request.body, request.size)
        request.seen.key, request.seen.content = form.fields.get("key"), form.size
        now = datetime.datetime.fromtimestamp(self._clock(), datetime.timezone.utc)
        email = policy.check(form.fields, form.size, bucket, self.accounts.keys, now)
        if form.fields["policy"] in self.expired:
            raise policy.expired("before its date")
        md5 = _checked_md5(request, form)
        if "storage.objects.create" not in self.accounts.permissions[email]:
            raise _denied(email, "storage.objects.create")
        key = form.fields["key"]
        headers = {"content-type": form.fields.get("content-type", "application/octet-stream")}
        content = (request.body, form.offset, form.size)
        condition = self._condition(email)
        try:
            stored = self._upstream.store(request.host, (bucket, key), headers, content, **condition)
        except ExistsError:
            raise _denied(email, "storage.objects.delete") from None
        etag = '"%s"' % (md5.hex() if self.tells_md5 else "-CMEK" + str(stored["generation"]))
        place = "%s/%s/%s" % (self._upstream.base(request.host), bucket, urllib.parse.quote(key, safe=""))
        return _posted(place, (bucket, key), etag, form.fields.get("success_action_status", "204"))

    def _condition(self, email: str) -> dict[str, str]:
        """Who may not delete cannot replace: the name must be free."""
        return {} if "storage.objects.delete" in self.accounts.permissions[email] else _ABSENT

    def _json_api(self, request: Request) -> Answer:
        upload = _UPLOAD.match(request.path)
        if upload and request.asked("upload_id"):
            return self._continue(request)
        email = self.accounts.caller(request)
        if upload and request.method == "POST":
            return self._upload(request, upload["bucket"], email)
        tested = _TEST.match(request.path)
        if tested and request.method == "GET":
            held = [one for one in request.query.get("permissions", []) if one in self.accounts.permissions[email]]
            return json_answer({"kind": "storage#testIamPermissionsResponse", "permissions": held})
        return self._pass_on(request, email)

    def _pass_on(self, request: Request, email: str) -> Answer:
        for method, pattern, permission in _ROUTES:
            found = re.match(pattern + r"/?\Z", request.path)
            if found and request.method == method:
                request.seen.key = urllib.parse.unquote(found.groupdict().get("key") or "") or None
                self.accounts.demand(email, permission)
                return self._unless_taken(lambda: self._upstream.forward(request), None)
        raise RefusedError(404, "notFound", "The front knows no %s %s." % (request.method, request.path))

    def _upload(self, request: Request, bucket: str, email: str) -> Answer:
        request.seen.key = request.asked("name")
        self.accounts.demand(email, "storage.objects.create")
        asked = request.asked("ifGenerationMatch")
        added = self._condition(email) if asked is None else {}
        condition = added if asked is None else {"ifGenerationMatch": asked}
        implied_by = email if added else None
        if request.asked("uploadType") == "resumable":
            begin = functools.partial(self._sessions.begin, request, bucket, condition, implied_by)
            return self._unless_taken(begin, implied_by)
        answer = self._unless_taken(lambda: self._upstream.forward(request, **added), implied_by)
        if answer.status == 200:
            request.seen.key = json.loads(answer.body)["name"]
        return answer

    def _continue(self, request: Request) -> Answer:
        """A resumable upload's address is its permission."""
        if request.method == "DELETE":
            return self._sessions.cancel(request)
        return self._unless_taken(lambda: self._sessions.put(request), self._sessions.implied_by(request))

    def _unless_taken(self, ask: Callable[[], Answer], implied_by: str | None) -> Answer:
        """The answer; where the name is taken, whose condition failed decides: the caller's, or its lack of a right."""
        try:
            return ask()
        except ExistsError:
            if implied_by:
                raise lacks(implied_by, "storage.objects.delete") from None
            text = "At least one of the pre-conditions you specified did not hold."
            raise RefusedError(412, "conditionNotMet", text) from None

    def _without_md5(self, answer: Answer) -> Answer:
        if self.tells_md5 or answer.stream:
            return answer
        return dataclasses.replace(answer, body=re.sub(rb'"md5Hash": ?"[^"]*",?', b"", answer.body))


def _posted(place: str, names: tuple[str, str], etag: str, wanted: str) -> Answer:
    headers = {"ETag": etag, "Location": place}
    if wanted != "201":
        return Answer(200 if wanted == "200" else 204, headers)
    text = "<?xml version='1.0' encoding='UTF-8'?><PostResponse><Location>%s</Location><Bucket>%s</Bucket>"
    text += "<Key>%s</Key><ETag>%s</ETag></PostResponse>"
    body = text % tuple(escape(one, {'"': "&quot;"}) for one in (place, *names, etag))
    return Answer(201, {**headers, "Content-Type": XML_TYPE}, body.encode())


def _denied(email: str, permission: str) -> RefusedError:
    """A lack of a permission as the XML API tells it."""
    return RefusedError(403, "AccessDenied", "Access denied.", lacks(email, permission).message)


def _is_form(request: Request) -> bool:
    return request.method == "POST" and request.headers.get("content-type", "").startswith("multipart/form-data")


def _checked_md5(request: Request, form: Form) -> bytes:
    """The MD5 of a form's file; RefusedError where the form declares another."""
    digest = hashlib.md5()
    for piece in pieces(request.body, form.offset, form.size):
        digest.update(piece)
    wanted = form.fields.get("content-md5")
    if wanted is not None and wanted != base64.b64encode(digest.digest()).decode():
        details = "The MD5 of the file is not %r." % wanted
        raise RefusedError(400, "BadDigest", "The Content-MD5 does not match what arrived.", details)
    return digest.digest()
