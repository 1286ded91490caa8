"""LangChain's content blocks as parts of a chat request: text, images, PDF and audio, in any provider's form.

Which message a block stands in, and what a message is, is not known here.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import pydantic_core

from maaskit.errors import InvalidInput
from maaskit.media import sniff

Part: TypeAlias = dict[str, Any]
Block: TypeAlias = "str | Mapping[str, Any]"
Content: TypeAlias = "str | Sequence[Block]"


@dataclass(frozen=True, slots=True)
class Intake:
    """Say what the chat of a cloud takes beside text and images.

    Args:
        cloud: The cloud's name, for messages.
        pdf: Whether a PDF may stand in place of an image.
        audio: Whether audio parts are passed on.
    """

    cloud: str
    pdf: bool
    audio: bool


def user_content(content: Content, where: str, intake: Intake) -> str | list[Part]:
    """Write the content of a user message.

    Args:
        content: Text or blocks.
        where: Names the message in errors.
        intake: What the cloud takes.

    Returns:
        Text when there is nothing but text, else parts.

    Raises:
        InvalidInput: A block is of no known type, or of one that the cloud does not take.
    """
    return flattened(parts_of(content, where, intake))


def parts_of(content: Content, where: str, intake: Intake) -> list[Part]:
    """Write blocks as parts.

    Args:
        content: Text or blocks.
        where: Names the message in errors.
        intake: What the cloud takes.

    Returns:
        One part for each block.

    Raises:
        InvalidInput: A block is of no known type, or of one that the cloud does not take.
    """
    if isinstance(content, str):
        return [_text(content)]
    return parts_at(enumerate(content), where, intake)


def parts_at(blocks: Iterable[tuple[int, Block]], where: str, intake: Intake) -> list[Part]:
    """Write some blocks of a message as parts.

    Args:
        blocks: Blocks with their places in the message, which errors name.
        where: Names the message in errors.
        intake: What the cloud takes.

    Returns:
        One part for each block.

    Raises:
        InvalidInput: A block is of no known type, or of one that the cloud does not take.
    """
    return [_part(block, f"{where}.content[{place}]", intake) for place, block in blocks]


def flattened(parts: list[Part]) -> str | list[Part]:
    """Join parts that are all text: many services take lists from users with media only.

    Args:
        parts: The parts.

    Returns:
        One text, block by block on its own line, or the parts.
    """
    if any(part["type"] != "text" for part in parts):
        return parts
    return "\n".join(part["text"] for part in parts if part["text"])


def text_of(content: Content, where: str) -> str:
    """Give the text of a message that may hold nothing else.

    Args:
        content: Text or blocks.
        where: Names the message in errors.

    Returns:
        The text.

    Raises:
        InvalidInput: A block is not text.
    """
    if isinstance(content, str):
        return content
    texts = []
    for place, block in enumerate(content):
        text = plain_text(block)
        if text is None:
            raise InvalidInput(f"{where}.content[{place}] is of type {_kind(block)!r}; only text may stand there.")
        texts.append(text)
    return "\n".join(texts)


def plain_text(block: Block) -> str | None:
    """Give the text of a block that is text.

    Args:
        block: The block.

    Returns:
        Its text, or ``None`` for every other type.
    """
    if isinstance(block, str):
        return block
    if _kind(block) not in ("text", "text-plain", "input_text", "output_text"):
        return None
    if isinstance(block.get("text"), str):
        return str(block["text"])
    encoded = block.get("base64")
    return _decoded(encoded).decode("utf-8", errors="replace") if isinstance(encoded, str) else None


def tool_text(block: Block) -> str | None:
    """Give the text of a block in a tool's result: text as it is, data as JSON.

    Args:
        block: The block.

    Returns:
        The text, or ``None`` for media and unknown types.
    """
    text = plain_text(block)
    if text is not None or isinstance(block, str):
        return text
    kind = block.get("type")
    if kind == "json":
        return _json(block.get("json", block.get("data")))
    if kind in ("search_result", "custom_tool_call_output"):
        return _json({name: value for name, value in block.items() if name not in ("type", "cache_control")})
    return None


def _part(block: Block, where: str, intake: Intake) -> Part:
    text = plain_text(block)
    if text is not None:
        return _text(text)
    if not isinstance(block, Mapping):
        raise InvalidInput(f"{where} must be text or a mapping with a type, not {type(block).__name__}.")
    write = _WRITERS.get(_kind(block))
    if write is None:
        raise InvalidInput(
            f"{where} is of type {_kind(block)!r}, which {intake.cloud}'s chat does not know. Text, image_url, image, "
            "file, audio and text-plain are translated; to send a part as it is, wrap it: "
            '{"type": "non_standard", "value": {...}}.'
        )
    return write(block, where, intake)


def _image_url(block: Mapping[str, Any], where: str, _: Intake) -> Part:
    image = block.get("image_url")
    url = image.get("url") if isinstance(image, Mapping) else image
    detail = image.get("detail") if isinstance(image, Mapping) else None
    if not url:
        raise InvalidInput(f"{where} is an image_url without a url.")
    return _image(url, detail or block.get("detail"))


def _image_block(block: Mapping[str, Any], where: str, _: Intake) -> Part:
    extras = block.get("extras")
    detail = block.get("detail") or (extras.get("detail") if isinstance(extras, Mapping) else None)
    return _image(_url(block, where, "image/"), detail)


def _file_block(block: Mapping[str, Any], where: str, intake: Intake) -> Part:
    source = block.get("source")
    if isinstance(source, Mapping) and source.get("type") in ("text", "content"):  # Anthropic's plain documents
        inner = source.get("data", source.get("content"))
        return _text(inner if isinstance(inner, str) else text_of(inner or (), where))
    url = _url(block, where, "application/pdf")
    kind = _mime_type(block) or _named_type(url)
    if kind.startswith("text/") and url.startswith("data:"):
        return _text(_decoded(url.partition(",")[2]).decode("utf-8", errors="replace"))
    if kind.startswith("image/"):
        return _image(url, None)
    if kind != "application/pdf" or not intake.pdf:
        takes = "images and PDF" if intake.pdf else "images"
        raise InvalidInput(
            f"{where} is a file of type {kind or 'unknown'}; {intake.cloud}'s chat takes {takes}. "
            "Read it first, with SophNetDocumentLoader for example, and send its text."
        )
    # qiniu-api, 图片文字识别推理: a PDF stands under `image_url` like an image.
    return _image(url, None)


def _audio_block(block: Mapping[str, Any], where: str, intake: Intake) -> Part:
    if not intake.audio:
        raise InvalidInput(f"{where} is audio, which {intake.cloud}'s chat does not take; transcribe it first.")
    if block.get("type") == "input_audio":
        return {"type": "input_audio", "input_audio": dict(block.get("input_audio") or {})}
    url = _url(block, where, "audio/wav")
    if not url.startswith("data:"):
        raise InvalidInput(f"{where}: audio must come as base64, not as a URL; the dialect has no field for one.")
    head, _, content = url.partition(",")
    subtype = head.partition("/")[2].partition(";")[0]
    name = {"mpeg": "mp3", "x-wav": "wav", "wave": "wav"}.get(subtype, subtype)
    return {"type": "input_audio", "input_audio": {"data": content, "format": name}}


def _video_block(_: Mapping[str, Any], where: str, intake: Intake) -> Part:
    raise InvalidInput(f"{where} is a video, which {intake.cloud}'s chat does not take; send single frames as images.")


def _text_elsewhere(_: Mapping[str, Any], where: str, intake: Intake) -> Part:
    raise InvalidInput(
        f"{where} is a text-plain without text or base64, and {intake.cloud}'s chat fetches none: send the text itself."
    )


def _as_it_is(block: Mapping[str, Any], where: str, _: Intake) -> Part:
    value = block.get("value")
    if not isinstance(value, Mapping) or not isinstance(value.get("type"), str):
        raise InvalidInput(f"{where}: the value of a non_standard block must be a part with a type.")
    return dict(value)


_WRITERS: dict[str, Callable[[Mapping[str, Any], str, Intake], Part]] = {
    "image_url": _image_url,
    "image": _image_block,
    "file": _file_block,
    "document": _file_block,
    "audio": _audio_block,
    "input_audio": _audio_block,
    "video": _video_block,
    "video_url": _video_block,
    "text-plain": _text_elsewhere,
    "non_standard": _as_it_is,
}

MEDIA_TYPES = frozenset(_WRITERS) - {"text-plain", "non_standard"}
"""Block types that hold a file."""


def _text(text: str) -> Part:
    return {"type": "text", "text": text}


def _image(url: Any, detail: Any) -> Part:
    return {"type": "image_url", "image_url": {"url": url, **({"detail": detail} if detail else {})}}


def _kind(block: Block) -> str:
    kind = block.get("type") if isinstance(block, Mapping) else type(block).__name__
    return kind if isinstance(kind, str) else str(kind)


def _fields(block: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    """Give the places where the several dialects put what a block is made of."""
    yield block
    for name in ("source", "file"):  # Anthropic's, OpenAI's
        inner = block.get(name)
        if isinstance(inner, Mapping):
            yield inner


def _mime_type(block: Mapping[str, Any]) -> str:
    for fields in _fields(block):
        for name in ("mime_type", "media_type"):
            if isinstance(fields.get(name), str):
                return str(fields[name]).lower()
    return ""


def _url(block: Mapping[str, Any], where: str, usual: str) -> str:
    for fields in _fields(block):
        for name in ("url", "file_data"):
            if isinstance(fields.get(name), str) and fields[name]:
                return str(fields[name])
        for name in ("base64", "data"):
            if isinstance(fields.get(name), str) and fields[name]:
                return _data_url(str(fields[name]), _mime_type(block), where, usual)
        if fields.get("file_id") or (fields.get("id") and fields.get("source_type") == "id"):
            raise InvalidInput(f"{where} names a file_id; the service keeps no files: send the url or the base64.")
    raise InvalidInput(f"{where} of type {_kind(block)!r} has neither url nor base64.")


def _data_url(content: str, kind: str, where: str, usual: str) -> str:
    if content[:5].lower() == "data:":
        return content
    kind = kind or sniff(_decoded(content[:64])) or (usual if not usual.endswith("/") else "")
    if not kind:
        raise InvalidInput(f"{where} has base64 without a mime_type, and its content does not tell it either.")
    return f"data:{kind};base64,{content}"


def _named_type(url: str) -> str:
    if url[:5].lower() == "data:":
        return url[5:].partition(";")[0].partition(",")[0].lower()
    return "application/pdf" if url.partition("?")[0].lower().endswith(".pdf") else ""


def _decoded(content: str) -> bytes:
    try:
        return base64.b64decode(content)
    except (binascii.Error, ValueError):
        return b""


def _json(value: Any) -> str:
    return pydantic_core.to_json(value, fallback=str).decode()
