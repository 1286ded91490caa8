"""SophNet's image OCR: a picture in, Markdown and its blocks out.

No framework's types belong here, and documents such as PDF go through ``documents``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from maaskit.answers import parse_object, unexpected
from maaskit.errors import InvalidInput
from maaskit.extra_body import joined
from maaskit.media import MIB, Media, MediaSource
from maaskit.wire import Call, Flow, Request, Response

_PATH = "/projects/easyllms/image-ocr"

DEFAULT_MODEL = "PaddleOCR-VL-0.9B"
# "模型prompt参数,仅支持DeepSeek-OCR": of the listed models the others take none.
_WITHOUT_PROMPT = frozenset({"PaddleOCR-VL-0.9B"})
# "固定格式为"data:image/jpeg;base64,{base64_data}"", whatever the picture's type.
_PREFIX = "data:image/jpeg;base64,"
# The document names no size; this figure is ours, so that a request does not grow without bound.
MAX_IMAGE_BYTES = 30 * MIB

Position: TypeAlias = "tuple[float, float, float, float]"


@dataclass(frozen=True, slots=True)
class Block:
    """Be one paragraph, table or figure of a picture.

    Args:
        label: ``text``, ``table``, ``html`` or another word of the service.
        text: Its text.
        position: Left, top, right and bottom in pixels, or ``None`` when the service gave nothing that can be read so.
    """

    label: str
    text: str
    position: Position | None = None


@dataclass(frozen=True, slots=True)
class Recognized:
    """Be what a picture says.

    Args:
        text: Markdown; empty when the picture shows no text.
        blocks: Its paragraphs, in the service's order.
        raw: The service's own object.
    """

    text: str = field(repr=False)
    blocks: tuple[Block, ...] = field(default=(), repr=False)
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


def recognize(
    image: MediaSource,
    model: str = DEFAULT_MODEL,
    prompt: str | None = None,
    *,
    prettify_markdown: bool | None = None,
    show_formula_number: bool | None = None,
    extra_body: Mapping[str, Any] | None = None,
) -> Call[Recognized]:
    r"""Read the text in a picture.

    Args:
        image: A path, bytes, Media, or a URL, which the service fetches itself.
        model: ``PaddleOCR-VL-0.9B`` or ``DeepSeek-OCR``; names that the document does not list pass.
        prompt: What to do with the picture; ``DeepSeek-OCR`` only, whose own default is ``<image>\nFree OCR.``.
        prettify_markdown: Whether the Markdown is embellished; the service's default is true.
        show_formula_number: Whether the Markdown numbers formulas; the service's default is false.
        extra_body: Further fields of the request.

    Returns:
        A Call of the text and its blocks.

    Raises:
        InvalidInput: The picture is missing, empty, larger than 30 MiB or no picture, or the model takes no prompt.

    Source:
        sophnet-api, Image OCR: "可以是base64图片,固定格式为"data:image/jpeg;base64,{base64_data}";也可以是图片url链接".
    """
    check_options(model, prompt, prettify_markdown=prettify_markdown, show_formula_number=show_formula_number)
    media = Media.of(image, argument="image")
    check(media)
    body: dict[str, Any] = {"model": model}
    if prompt is not None:
        body["prompt"] = prompt
    url = media.data_url(limit=MAX_IMAGE_BYTES, argument="image", prefix=_PREFIX)
    body |= {"type": "image_url", "image_url": {"url": url}}
    flags = {"prettify_markdown": prettify_markdown, "show_formula_number": show_formula_number}
    body |= {name: flag for name, flag in flags.items() if flag is not None}
    return Call(Request("POST", _PATH, json=joined(body, extra_body)), _read)


def load(
    image: MediaSource,
    model: str = DEFAULT_MODEL,
    prompt: str | None = None,
    *,
    prettify_markdown: bool | None = None,
    show_formula_number: bool | None = None,
    extra_body: Mapping[str, Any] | None = None,
) -> Flow[Recognized]:
    """Read the text in a picture; nothing is looked at before its turn has come, so that many do not fill the memory.

    Args:
        image: As for ``recognize``.
        model: As for ``recognize``.
        prompt: As for ``recognize``.
        prettify_markdown: As for ``recognize``.
        show_formula_number: As for ``recognize``.
        extra_body: As for ``recognize``.

    Returns:
        A Flow of the text and its blocks.

    Raises:
        InvalidInput: As for ``recognize``, when the flow is performed.

    Source:
        sophnet-api, Image OCR.
    """
    return Flow.later(
        lambda: recognize(
            image,
            model,
            prompt,
            prettify_markdown=prettify_markdown,
            show_formula_number=show_formula_number,
            extra_body=extra_body,
        )
    )


def check(image: Media) -> None:
    """Refuse what is no picture, or too large, as far as it can be known without the network.

    Args:
        image: The picture.

    Raises:
        InvalidInput: As for ``recognize``.
    """
    kind = image.mime_type()
    if kind == "application/pdf":
        raise InvalidInput(
            "image is a PDF, which this service does not read; maaskit.sophnet.documents (SophNetDocumentLoader) does."
        )
    if kind is not None and not kind.startswith("image/"):
        raise InvalidInput(f"image is {kind}; only pictures can be recognised, such as JPEG or PNG.")
    image.check_size(MAX_IMAGE_BYTES, argument="image")


def check_options(
    model: str, prompt: str | None, *, prettify_markdown: bool | None = None, show_formula_number: bool | None = None
) -> None:
    """Refuse options that do not fit together.

    Args:
        model: As for ``recognize``.
        prompt: As for ``recognize``.
        prettify_markdown: As for ``recognize``.
        show_formula_number: As for ``recognize``.

    Raises:
        InvalidInput: As for ``recognize``.
    """
    if not isinstance(model, str) or not model.strip():
        raise InvalidInput(f"model must be a name such as {DEFAULT_MODEL}.")
    if prompt is not None and not isinstance(prompt, str):
        raise InvalidInput(f"prompt must be a string, not {type(prompt).__name__}.")
    if prompt is not None and model in _WITHOUT_PROMPT:
        raise InvalidInput(f"{model} takes no prompt; leave it out, or use model='DeepSeek-OCR'.")
    for name, flag in (("prettify_markdown", prettify_markdown), ("show_formula_number", show_formula_number)):
        if flag is not None and not isinstance(flag, bool):
            raise InvalidInput(f"{name} must be True or False, not {flag!r}.")


def _read(response: Response) -> Recognized:
    body = parse_object(response)
    result = body.get("result")
    blocks: tuple[Block, ...] | None = None
    if isinstance(result, Sequence) and not isinstance(result, str):
        blocks = tuple(_block(item, response) for item in result)
    text = _markdown(body)
    if text is None and blocks is None:
        raise unexpected(response, "has neither Markdown nor blocks")
    if not text and blocks:
        text = "\n\n".join(block.text for block in blocks if block.text)
    return Recognized(text or "", blocks or (), body)


def _markdown(body: Mapping[str, Any]) -> str | None:
    """Find the Markdown: ``markdown.text``, ``markdown`` itself, or either within ``result``."""
    inner = body.get("result")
    for holder in (body, inner if isinstance(inner, Mapping) else {}):
        found = holder.get("markdown")
        if isinstance(found, Mapping):
            found = found.get("text")
        if isinstance(found, str):
            return found
    return None


def _block(item: Any, response: Response) -> Block:
    if not isinstance(item, Mapping):
        raise unexpected(response, "has a block that is no object")
    texts = item.get("texts")
    if isinstance(texts, list):
        texts = "\n".join(part for part in texts if isinstance(part, str))
    if texts is not None and not isinstance(texts, str):
        raise unexpected(response, "has a block whose text is none")
    label = item.get("label")
    return Block(label if isinstance(label, str) and label else "text", texts or "", _position(item.get("position")))


def _position(value: Any) -> Position | None:
    """Read "left,top,right,bottom": the table says an array of int, the example shows a string."""
    parts = re.split(r"[\s,]+", value.strip("[]() \t\n")) if isinstance(value, str) else value
    if not isinstance(parts, list) or len(parts) != 4:
        return None
    numbers = [_number(part) for part in parts]
    return None if None in numbers else tuple(numbers)  # type: ignore[return-value]


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    if not math.isfinite(number):
        return None
    return int(number) if number.is_integer() else number
