"""Qiniu's object storage by form: a file and a token that was made elsewhere go to a region's upload host.

Tokens, regions and large files are ``maaskit.kodo``'s business, which uses the official SDK.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pydantic_core

from maaskit.answers import refusal_in
from maaskit.errors import InvalidInput
from maaskit.media import Media, MediaSource, checked_url
from maaskit.wire import Call, FilePart, Request, Response

UPLOAD_URLS = {
    "z0": "https://upload.qiniup.com",
    "z1": "https://upload-z1.qiniup.com",
    "z2": "https://upload-z2.qiniup.com",
    "na0": "https://upload-na0.qiniup.com",
    "as0": "https://upload-as0.qiniup.com",
    "cn-east-2": "https://upload-cn-east-2.qiniup.com",
}
"""Upload hosts by region (wire-facts A.7)."""


@dataclass(frozen=True, slots=True)
class Stored:
    """Be a stored file.

    Args:
        key: Its name in the bucket.
        hash: The service's hash of its content, if told.
        raw: The service's own answer; a token may ask for any.
    """

    key: str
    hash: str | None = None
    raw: Any = field(default=None, repr=False)


def upload(data: MediaSource, key: str, token: str, upload_url: str) -> Call[Stored]:
    """Upload a file with a token.

    The key of the model service does not go along.

    Args:
        data: Bytes or a path; a file is streamed from disk.
        key: Name in the bucket ("保存的文件名称").
        token: Upload token ("你的上传 token").
        upload_url: Upload host of the bucket's region ("空间区域上传地址"), such as those in ``UPLOAD_URLS``.

    Returns:
        A Call of the stored file's name and hash.

    Raises:
        InvalidInput: The file is missing, empty or a URL already, or an argument is empty.

    Source:
        qiniu-api, 如何获取图片上传地址?
    """
    media = Media.of(data, argument="data")
    if media.url is not None:
        raise InvalidInput("data is a URL already: pass it on as it is.")
    for name, value in (("key", key), ("token", token)):
        if not isinstance(value, str) or not value.strip():
            raise InvalidInput(f"{name} must be a text that is not empty.")
    content = media.data if media.data is not None else media.path
    part = FilePart("file", media.name or "file", content, media.mime_type() or "application/octet-stream")
    # The fields stand before the file, so that the service can refuse before it has read it.
    request = Request(
        "POST",
        checked_url(upload_url, argument="upload_url"),
        fields={"token": token, "key": key},
        files=(part,),
        max_answer_bytes=1024 * 1024,
        bare=True,
    )
    return Call(request, lambda response: _read(response, key))


def _read(response: Response, key: str) -> Stored:
    try:
        answer = pydantic_core.from_json(response.body)
    except ValueError:
        return Stored(key, raw=response.body.decode("utf-8", errors="replace"))
    if not isinstance(answer, dict):
        return Stored(key, raw=answer)
    refusal = refusal_in(answer, response)
    if refusal is not None and "error" in answer:
        raise refusal
    told = {name: value for name in ("key", "hash") if isinstance(value := answer.get(name), str)}
    return Stored(told.get("key", key), told.get("hash"), answer)
