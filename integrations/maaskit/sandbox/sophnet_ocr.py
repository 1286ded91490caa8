"""SophNet's Image OCR: ``POST /projects/easyllms/image-ocr``.

Pictures are read by `engines.ocr` and fetched by `fetch`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from aiohttp import web

from maaskit.sandbox.engines import CannotRead, markdown, ocr
from maaskit.sandbox.engines.page import Block, Box
from maaskit.sandbox.fetch import fetch
from maaskit.sandbox.replies import RefusalError, json_reply, read_json
from maaskit.sandbox.state import state_of
from maaskit.sandbox.variants import Variants

PROMPTED_MODEL: Final = "DeepSeek-OCR"
"""模型prompt参数,仅支持DeepSeek-OCR."""
MODELS: Final = ("PaddleOCR-VL-0.9B", PROMPTED_MODEL, "PaddleOCR-VL-1.5")
"""The last one from a newer copy of the document."""

FIXED_PREFIX: Final = "data:image/jpeg;base64,"
"""固定格式为"data:image/jpeg;base64,{base64_data}"."""

_READER: Final = ThreadPoolExecutor(1, "maaskit-sandbox-ocr")
"""One thread of its own: pictures are read one by one anyway, and those that wait must not hold the chat's workers."""


async def recognize(request: web.Request) -> web.Response:
    """Answer a picture with its text.

    Args:
        request: ``{"model", "type", "image_url": {"url"}, "prompt", "prettify_markdown", "show_formula_number"}``.

    Returns:
        ``{"status": 0, "message", "result": [{"label", "texts", "position"}], "markdown": {"text"}}``.

    Raises:
        RefusalError: A field that the document refuses, or a picture that cannot be fetched or read (400).

    Source:
        SophNet, Image OCR: 发送图片,输出图片中的文本信息.
    """
    body = await read_json(request)
    url = _checked_url(body)
    # Clients in the wild write the flags in camel case.
    prettify = _flag(body, "prettify_markdown", "prettifyMarkdown", default=True)
    numbers = _flag(body, "show_formula_number", "showFormulaNumber", default=False)
    data = await fetch(url, param="image_url.url", own=state_of(request).own_file)
    try:
        blocks = await asyncio.get_running_loop().run_in_executor(_READER, ocr.read, data)
    except CannotRead as error:
        raise _refusal("image_url.url", f"image_url.url: {error}") from error
    text = ocr.to_markdown(blocks, prettify=prettify, formula_numbers=numbers)
    return json_reply(_answer(blocks, text, state_of(request).variants))


def _checked_url(body: dict[str, Any]) -> str:
    model = body.get("model")
    if model not in MODELS:
        raise _refusal("model", f"model is required, one of {', '.join(MODELS)}")
    if body.get("type") != "image_url":
        raise _refusal("type", 'type is required and must be "image_url"')
    prompt = body.get("prompt")
    if prompt is not None and (model != PROMPTED_MODEL or not isinstance(prompt, str)):
        raise _refusal("prompt", f"prompt is a string for {PROMPTED_MODEL} alone")
    part = body.get("image_url")
    url = part.get("url") if isinstance(part, dict) else None
    if not isinstance(url, str) or not url:
        raise _refusal("image_url.url", "image_url.url is required")
    if re.match("data:", url, re.IGNORECASE) and not url.startswith(FIXED_PREFIX):
        raise _refusal("image_url.url", f"a picture in base64 must begin with {FIXED_PREFIX}")
    return url


def _flag(body: dict[str, Any], name: str, camel: str, *, default: bool) -> bool:
    value = body.get(name) if body.get(name) is not None else body.get(camel)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise _refusal(name, f"{name} must be true or false")
    return value


def _answer(blocks: Sequence[Block], text: str, variants: Variants) -> dict[str, Any]:
    result = [_entry(block, variants) for block in blocks]
    answer = {variants.ocr_status: 0, "message": "请求成功", "result": result, "markdown": {"text": text}}
    if variants.ocr_markdown == "absent":
        del answer["markdown"]
    elif variants.ocr_markdown == "string":
        answer["markdown"] = text
    return answer


def _entry(block: Block, variants: Variants) -> dict[str, Any]:
    text = markdown.table(block.rows) or block.text
    entry = {
        "label": block.label,
        "texts": text.split("\n") if variants.ocr_texts == "list" else text,
        "position": _position(block.box, variants.ocr_position),
    }
    return {name: value for name, value in entry.items() if value is not None}


def _position(box: Box, form: str) -> Any:
    sides = [round(side) for side in (box.left, box.top, box.right, box.bottom)]
    return {"string": ",".join(map(str, sides)), "array": sides, "absent": None}[form]


def _refusal(param: str, message: str) -> RefusalError:
    return RefusalError(400, message, code="invalid_parameter", param=param)


ROUTES = [("POST", "/projects/easyllms/image-ocr", recognize)]
