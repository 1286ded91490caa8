"""Qiniu's OCR: the URL of a picture or a PDF in, its text out.

Uploading a local file is ``storage``'s and ``kodo``'s business.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from maaskit.answers import parse_object, unexpected
from maaskit.extra_body import joined
from maaskit.public_url import public_url
from maaskit.wire import Call, Request, Response

_PATH = "/images/ocr"
MODEL = "ocr"


@dataclass(frozen=True, slots=True)
class Recognized:
    """Be what a picture or a PDF says.

    Args:
        text: Its text; empty when the service read it and found none.
        id: The service's id of the answer, if told.
        raw: The service's own object.
    """

    text: str = field(repr=False)
    id: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


def recognize(url: str, *, extra_body: Mapping[str, Any] | None = None) -> Call[Recognized]:
    """Read the text in a picture or a PDF.

    Args:
        url: Where the service fetches it.
        extra_body: Further fields of the request.

    Returns:
        A Call of the text. The document shows no answer: the text is looked for in every place where it has been seen.

    Raises:
        InvalidInput: It is no http or https URL; the message says how a local file becomes one. Or ``extra_body`` is no
            dict.

    Source:
        qiniu-api, 图片文字识别: "支持图片、PDF文档输入".
    """
    body: dict[str, Any] = {"model": MODEL, "url": public_url(url, argument="url")}
    return Call(Request("POST", _PATH, json=joined(body, extra_body)), _read)


def _read(response: Response) -> Recognized:
    answer = parse_object(response)
    texts = list(_texts(answer))
    if not texts:
        raise unexpected(response, "has no text where one has been seen before (text, data, result, content)")
    told = answer.get("id")
    return Recognized(next(filter(None, texts), ""), told if isinstance(told, str) else None, answer)


def _texts(answer: Mapping[str, Any]) -> Iterator[str]:
    """Give every text that may be meant, the likeliest first (wire-facts A.3)."""
    wrapped = [answer.get("data"), answer.get("result")]
    holders = [answer, *(value for value in wrapped if isinstance(value, Mapping))]
    yield from (holder["text"] for holder in holders if isinstance(holder.get("text"), str))
    yield from (value for value in wrapped if isinstance(value, str))
    yield from (holder["content"] for holder in holders if isinstance(holder.get("content"), str))
    lists = [*wrapped, *(holder.get("blocks") for holder in holders)]
    yield from (text for value in lists if isinstance(value, list) and (text := _joined(value)) is not None)


def _joined(blocks: list[Any]) -> str | None:
    lines = [
        text
        for block in blocks
        if isinstance(text := block.get("text", block.get("content")) if isinstance(block, Mapping) else block, str)
    ]
    return "\n".join(lines) if lines else None
