"""Qiniu's object storage on the sandbox's own origin: uploads by form and in parts, regions, downloads.

Files are kept in `bucket`; tokens are checked by `storage_account`. The models' key is of no use here.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import mimetypes
import re
import secrets
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from maaskit.sandbox.bucket import StorageError
from maaskit.sandbox.forms import read_form
from maaskit.sandbox.gate import PUBLIC_ROUTES, Handler
from maaskit.sandbox.replies import RefusalError, json_reply, read_json
from maaskit.sandbox.state import state_of

DOWNLOADS: Final = f"{PUBLIC_ROUTES}bucket"
"""What the bucket's domain ends with: a name in it follows."""

PARTS: Final = "/buckets/{bucket}/objects/{entry}/uploads"
REGION_TTL_S: Final = 86400
OCTETS: Final = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Arrival:
    """Hold a file that has come in whole.

    Args:
        data: Its bytes.
        filename: What it was called where it comes from.
        content_type: What its sender says it is; empty when nothing.
        variables: The sender's own variables, whose names begin with ``x:``.
    """

    data: bytes = field(repr=False)
    filename: str
    content_type: str
    variables: Mapping[str, str]


async def upload_form(request: web.Request) -> web.Response:
    """Store a file that comes as a form.

    Args:
        request: A form with ``file`` and ``token``, and perhaps ``key``, ``crc32`` and ``x:…``.

    Returns:
        ``{"hash", "key"}``, or what the token's policy wants.

    Raises:
        StorageError: A field is missing (400), the token does not allow it (401, 403, 413, 614, 631), or the checksum
            does not fit (406).

    Source:
        Qiniu, *如何获取图片上传地址?*
    """
    form = await read_form(request)
    token, file = form.get("token"), form.get("file")
    if token is None:
        raise StorageError(400, "token not specified")
    policy = state_of(request).storage.policy(token.text)
    if file is None:
        raise StorageError(400, "file is not specified in multipart")
    crc32 = form["crc32"].text if "crc32" in form else str(zlib.crc32(file.data))
    if crc32 != str(zlib.crc32(file.data)):
        raise StorageError(406, "invalid file crc32")
    variables = {name: part.text for name, part in form.items() if name.startswith("x:")}
    arrival = Arrival(file.data, file.filename or "", file.content_type, variables)
    return _stored(request, policy, form["key"].text if "key" in form else None, arrival)


async def begin_parts(request: web.Request) -> web.Response:
    """Begin an upload in parts.

    Args:
        request: A POST with the token in its Authorization.

    Returns:
        ``{"uploadId", "expireAt"}``.

    Raises:
        StorageError: The token is missing or does not allow it.

    Source:
        Qiniu's SDK, resumable upload, version 2.
    """
    key = _entry(request)
    _checked_key(_policy(request), key)
    upload_id, expires_at = state_of(request).bucket.begin(key)
    return json_reply({"uploadId": upload_id, "expireAt": expires_at}, headers=_trace())


async def upload_part(request: web.Request) -> web.Response:
    """Take a part.

    Args:
        request: A PUT with the part as its body; ``Content-MD5`` is checked when it is there.

    Returns:
        ``{"etag", "md5"}``.

    Raises:
        StorageError: The token is missing, the upload unknown (612), or the checksum does not fit (406).
    """
    _policy(request)
    data = await request.read()
    md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
    if request.headers.get("Content-MD5", md5) != md5:
        raise StorageError(406, "invalid Content-MD5")
    number = request.match_info["number"]
    etag = state_of(request).bucket.add_part(
        request.match_info["upload_id"], _entry(request), int(number) if number.isdecimal() else 0, data
    )
    return json_reply({"etag": etag, "md5": md5}, headers=_trace())


async def complete_parts(request: web.Request) -> web.Response:
    """Put an upload's parts together.

    Args:
        request: ``{"parts": [{"etag", "partNumber"}], "fname", "mimeType", "customVars"}``.

    Returns:
        As for `upload_form`.

    Raises:
        StorageError: The upload is unknown (612), or its parts do not fit (400).
    """
    policy, key, body = _policy(request), _entry(request), await read_json(request)
    listed = body.get("parts")
    if not isinstance(listed, list) or not all(isinstance(part, dict) for part in listed):
        raise StorageError(400, "invalid parts")
    data = state_of(request).bucket.complete(request.match_info["upload_id"], key, listed)
    variables = {str(name): str(value) for name, value in (body.get("customVars") or {}).items()}
    arrival = Arrival(data, str(body.get("fname") or ""), str(body.get("mimeType") or ""), variables)
    return _stored(request, policy, key, arrival)


async def give_up_parts(request: web.Request) -> web.Response:
    """Forget an upload in parts.

    Args:
        request: A DELETE of the upload.

    Returns:
        ``{}``.

    Raises:
        StorageError: The upload is unknown (612).
    """
    _policy(request)
    state_of(request).bucket.give_up(request.match_info["upload_id"], _entry(request))
    return json_reply({}, headers=_trace())


async def find_region(request: web.Request) -> web.Response:
    """Tell which hosts serve a bucket: this one.

    Args:
        request: A GET with ``ak`` and ``bucket``.

    Returns:
        ``{"hosts": [{"region", "ttl", "up": {"domains"}, "io": …}]}``.

    Raises:
        StorageError: The account is unknown (612), or the bucket (631).
    """
    account = state_of(request).storage
    if request.query.get("ak") != account.access_key:
        raise StorageError(612, "no such access key")
    if request.query.get("bucket") != account.bucket:
        raise StorageError(631, "no such bucket")
    host = {"domains": [state_of(request).origin.partition("://")[2]]}
    services = dict.fromkeys(("up", "io", "rs", "rsf", "api", "uc"), host)
    return json_reply({"hosts": [{"region": "z0", "ttl": REGION_TTL_S, **services}]})


async def download(request: web.Request) -> web.Response:
    """Answer a file of the bucket.

    Args:
        request: A GET whose path ends with its name; a signature is checked when it is there or needed.

    Returns:
        The file.

    Raises:
        StorageError: The signature is missing, wrong or expired (401), or there is no such file (404).
    """
    state = state_of(request)
    if "token" in request.query or "e" in request.query:
        state.storage.check_download(f"{state.origin}{request.raw_path}")
    elif state.variants.storage_bucket == "private":
        raise StorageError(401, "download token not specified")
    found = state.bucket.get(request.match_info["key"])
    if found is None:
        raise StorageError(404, "Document not found")
    return web.Response(body=found.data, content_type=found.content_type, headers={"ETag": f'"{found.etag}"'})


def _policy(request: web.Request) -> Mapping[str, Any]:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme != "UpToken":
        raise StorageError(401, "bad token")
    if request.match_info["bucket"] != state_of(request).storage.bucket:
        raise StorageError(631, "no such bucket")
    return state_of(request).storage.policy(token)


def _entry(request: web.Request) -> str | None:
    entry = request.match_info["entry"]
    if entry == "~":
        return None
    try:
        return base64.urlsafe_b64decode(entry).decode()
    except (binascii.Error, ValueError):
        raise StorageError(400, "invalid object name: URL-safe base64 is expected") from None


def _stored(request: web.Request, policy: Mapping[str, Any], key: str | None, arrival: Arrival) -> web.Response:
    state = state_of(request)
    _checked_key(policy, key)
    limit = policy.get("fsizeLimit")
    if isinstance(limit, int) and len(arrival.data) > limit:
        raise StorageError(413, "request entity is too large")
    kind = arrival.content_type
    if kind in ("", OCTETS):
        kind = mimetypes.guess_type(key or arrival.filename)[0] or OCTETS
    overwrite = ":" in policy["scope"] and not policy.get("insertOnly")
    name, etag = state.bucket.put(key, arrival.data, kind, overwrite=overwrite)
    wanted = policy.get("returnBody")
    if not isinstance(wanted, str):
        return json_reply({"hash": etag, "key": name}, headers=_trace())
    known = {"key": name, "etag": etag, "fname": arrival.filename, "mimeType": kind, "bucket": state.storage.bucket}
    filled = _filled(wanted, {**known, "fsize": str(len(arrival.data)), **arrival.variables})
    return web.Response(text=filled, content_type="application/json", headers=_trace())


def _checked_key(policy: Mapping[str, Any], key: str | None) -> None:
    allowed = policy["scope"].partition(":")[2]
    is_prefix = policy.get("isPrefixalScope") == 1
    if allowed and not ((key or "").startswith(allowed) if is_prefix else key == allowed):
        raise StorageError(403, "key doesn't match scope")


def _filled(template: str, values: Mapping[str, str]) -> str:
    """Put values in the place of ``$(name)``; it is mostly JSON, in which a quotation mark must not end a string."""

    def value_of(found: re.Match[str]) -> str:
        return values.get(found[1], "").replace("\\", "\\\\").replace('"', '\\"')

    return re.sub(r"\$\(([\w:.-]+)\)", value_of, template)


def _trace() -> dict[str, str]:
    return {"X-Reqid": secrets.token_urlsafe(12), "X-Log": "X-Log"}


def _refusing(handler: Handler) -> Handler:
    """Let what the storage refuses become an answer."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except StorageError as error:
            raise RefusalError(error.status, str(error), headers=_trace()) from error

    return handle


ROUTES = [
    (method, path, _refusing(handler))
    for method, path, handler in (
        ("POST", "/", upload_form),
        ("POST", PARTS, begin_parts),
        ("PUT", PARTS + "/{upload_id}/{number}", upload_part),
        ("POST", PARTS + "/{upload_id}", complete_parts),
        ("DELETE", PARTS + "/{upload_id}", give_up_parts),
        ("GET", "/v4/query", find_region),
        ("GET", DOWNLOADS + "/{key:.+}", download),
    )
]
