"""SophNet's Image Edit: ``POST /projects/easyllms/image-edit``.

Pictures are changed by `engines.retouching` and fetched by `fetch`.
"""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from maaskit.sandbox.chat_rules import refused
from maaskit.sandbox.engines import CannotRead, painting, retouching
from maaskit.sandbox.fetch import fetch
from maaskit.sandbox.replies import json_reply, read_json
from maaskit.sandbox.state import state_of
from maaskit.sandbox.studio_fields import default_seed, flag_of, object_of, text_of
from maaskit.sandbox.variants import Variants

MODEL: Final = "Qwen-Image-Edit-2509"
"""当前仅支持Qwen-Image-Edit-2509."""

MAX_SEED: Final = 2147483647
"""取值范围[0,2147483647]."""


@dataclass(frozen=True, slots=True)
class EditOrder:
    """Hold a request whose fields have been checked."""

    images: list[tuple[str, str]]
    text: str
    seed: int
    negative: str
    watermark: bool


async def edit(request: web.Request) -> web.Response:
    """Answer pictures and a text with one changed picture.

    Args:
        request: ``{"model", "input": {"messages": [{"role", "content": [{"image"} | {"text"}]}]}, "parameters"}``.

    Returns:
        ``{"output": {"choices": [...]}, "usage": {"width", "height", "image_count"}, "request_id"}``; the picture's
        URL needs the key.

    Raises:
        RefusalError: A field that the document refuses, or a picture that cannot be fetched or read (400).

    Source:
        SophNet, Image Edit: 支持多图编辑,可通过文本描述对图像进行编辑操作.
    """
    state = state_of(request)
    order = _checked(await read_json(request), state.variants)
    images = await asyncio.gather(*(fetch(url, param=place, own=state.own_file) for place, url in order.images))
    try:
        picture = await state.read(
            retouching.retouched,
            images,
            order.text,
            seed=order.seed,
            negative=order.negative,
            watermark=order.watermark,
        )
    except CannotRead as error:
        raise refused("input.messages", str(error)) from error
    data = await state.work(painting.to_png, picture)
    url = state.keep(data, "image/png", needs_key=state.variants.edit_access == "key")
    message = {"role": "assistant", "content": [{"image": url}]}
    return json_reply(
        {
            "output": {"choices": [{"finish_reason": "stop", "message": message}]},
            "usage": {"width": picture.width, "image_count": 1, "height": picture.height},
            "request_id": str(uuid.uuid4()),
        }
    )


def _checked(body: Mapping[str, Any], variants: Variants) -> EditOrder:
    if body.get("model") != MODEL:
        raise refused("model", f"model is required and must be {MODEL}")
    messages = object_of(body, "input", required=True).get("messages")
    if not isinstance(messages, list) or not messages:
        raise refused("input.messages", "input.messages is required and must be an array that is not empty")
    images: list[tuple[str, str]] = []
    texts: list[str] = []
    for place, item in _items(messages):
        if item.get("image") is not None:
            images.append((f"{place}.image", _url(item["image"], f"{place}.image", variants)))
        if item.get("text") is not None:
            texts.append(text_of(item, "text", f"{place}.text", required=True))
        if item.get("image") is None and item.get("text") is None:
            raise refused(place, f"{place} must have an image or a text")
    if not texts:
        raise refused("input.messages", "input.messages needs at least one text that says what to do")
    parameters = object_of(body, "parameters")
    text, negative = "\n".join(texts), text_of(parameters, "negative_prompt", "parameters.negative_prompt")
    return EditOrder(
        images=images,
        text=text,
        seed=_seed(parameters.get("seed"), text, negative),
        negative=negative,
        watermark=flag_of(parameters, "watermark", "parameters.watermark") or False,
    )


def _items(messages: list[Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for number, message in enumerate(messages):
        place = f"input.messages[{number}]"
        if not isinstance(message, dict) or message.get("role") != "user":
            raise refused(f"{place}.role", f'{place}.role is required and must be "user"')
        content = message.get("content")
        if not isinstance(content, list) or not content:
            raise refused(f"{place}.content", f"{place}.content is required and must be an array that is not empty")
        for index, item in enumerate(content):
            if not isinstance(item, dict):
                raise refused(f"{place}.content", f"{place}.content[{index}] must be an object")
            yield f"{place}.content[{index}]", item


def _url(value: Any, place: str, variants: Variants) -> str:
    if not isinstance(value, str) or not value:
        raise refused(place, f"{place} must be a URL")
    # 图片URL: the document says nothing of data URLs, and a client must not rely on them.
    if re.match("data:", value, re.IGNORECASE) and variants.edit_data_urls == "refused":
        raise refused(place, f"{place} must be an http(s) URL")
    return value


def _seed(value: Any, text: str, negative: str) -> int:
    if value is None:
        return default_seed(text, negative) % (MAX_SEED + 1)
    if type(value) is not int or not 0 <= value <= MAX_SEED:
        raise refused("parameters.seed", f"parameters.seed must be an integer from 0 to {MAX_SEED}")
    return value


ROUTES = [("POST", "/projects/easyllms/image-edit", edit)]
