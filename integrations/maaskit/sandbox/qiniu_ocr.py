"""Qiniu's ``POST /v1/images/ocr``.

Pictures are read by `engines.ocr` and PDFs by `engines.documents`; both are fetched by `fetch`.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from aiohttp import web

from maaskit.sandbox.engines import CannotRead, documents, ocr
from maaskit.sandbox.fetch import fetch
from maaskit.sandbox.replies import RefusalError, json_reply, read_json
from maaskit.sandbox.state import state_of

MODEL: Final = "ocr"

_PDF_BEGINS_WITHIN: Final = 1024
"""Readers of PDF allow so many bytes before its mark."""

SHAPES: Final[Mapping[str, Callable[[str], dict[str, Any]]]] = MappingProxyType(
    {
        "text": lambda text: {"text": text},
        "data_text": lambda text: {"data": {"text": text}},
        "result_text": lambda text: {"result": {"text": text}},
        "data": lambda text: {"data": text},
        "result": lambda text: {"result": text},
        "content": lambda text: {"content": text},
    }
)
"""Where the text stands, by the name that `Variants.qiniu_ocr` takes; no document shows an answer."""


async def recognize(request: web.Request) -> web.Response:
    """Answer a picture or a PDF with its text.

    Args:
        request: ``{"model": "ocr", "url"}``.

    Returns:
        ``{"id", "text"}``, or another of the `SHAPES`.

    Raises:
        RefusalError: Another model, no http(s) URL, or one that cannot be fetched or read (400).

    Source:
        Qiniu, *图片文字识别*: 支持图片、PDF文档输入,精准识别文字.
    """
    body = await read_json(request)
    if body.get("model") != MODEL:
        raise _refusal("model", f'model is required and must be "{MODEL}"')
    url = body.get("url")
    if not isinstance(url, str) or not re.match(r"(?i)https?://", url):
        raise _refusal("url", "url is required and must be an http(s) URL")
    state = state_of(request)
    data = await fetch(url, param="url", own=state.own_file)
    try:
        text = await state.read(_text_of, data)
    except CannotRead as error:
        raise _refusal("url", f"url: {error}") from error
    return json_reply({"id": secrets.token_hex(12), **SHAPES[state.variants.qiniu_ocr](text)})


def _text_of(data: bytes) -> str:
    if b"%PDF-" in data[:_PDF_BEGINS_WITHIN]:
        return documents.to_markdown(data, "document.pdf")
    return ocr.to_markdown(ocr.read(data))


def _refusal(param: str, message: str) -> RefusalError:
    return RefusalError(400, message, code="invalid_parameter", param=param)


ROUTES = [("POST", "/images/ocr", recognize)]
