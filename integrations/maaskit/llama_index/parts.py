"""What a block of a LlamaIndex message becomes on the wire: text, an image part, or a mention of what cannot be sent.

Turns, tools and reasoning are the neighbour's business (``messages``); limits of size stand with the clouds.
"""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from llama_index.core.base.llms.types import (
    AudioBlock,
    CachePoint,
    CitableBlock,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)

from maaskit.errors import InvalidInput
from maaskit.media import MIB, Media

Part: TypeAlias = dict[str, Any]

_MEDIA = (ImageBlock, AudioBlock, VideoBlock, DocumentBlock)
UNSPOKEN = (CachePoint, ThinkingBlock, ToolCallBlock)  # say nothing by themselves, or are said elsewhere
_MAX_AUDIO_BYTES = 64 * MIB  # a bound for memory; the services' own is not documented
_MAX_TEXT_BYTES = 8 * MIB  # a text document goes into the prompt; far more than any window holds


@dataclass(frozen=True, slots=True)
class Intake:
    """Say what the chat of a cloud takes beside text and images.

    Args:
        pdf: Whether a PDF may stand in place of an image.
        audio: Whether audio is passed on, in the form that the dialect has for it.
    """

    pdf: bool = False
    audio: bool = False


def parts_of(blocks: Iterable[Any], intake: Intake) -> list[Part]:
    """Translate what a person says and shows.

    Args:
        blocks: Blocks of a message.
        intake: What the cloud takes.

    Returns:
        Text and image parts, in order. Files are named, not read: the request reads them.

    Raises:
        InvalidInput: A block can be sent to neither cloud's chat; the message names the way out.
    """
    parts: list[Part] = []
    for block in blocks:
        if isinstance(block, UNSPOKEN):
            continue
        if isinstance(block, TextBlock):
            parts.append({"type": "text", "text": block.text})
        elif isinstance(block, ImageBlock):
            parts.append(_image_part(block))
        elif isinstance(block, DocumentBlock):
            parts.append(_document_part(block, takes_pdf=intake.pdf))
        elif isinstance(block, AudioBlock) and intake.audio:
            parts.append(_audio_part(block))
        elif isinstance(block, CitableBlock | CitationBlock):
            inner = block.content if isinstance(block, CitableBlock) else [block.cited_content]
            parts += [{"type": "text", "text": f"{block.title} ({block.source}):"}]
            parts += parts_of(inner, intake)
        else:
            raise InvalidInput(
                f"{type(block).__name__}: this cloud's chat does not take {block.block_type}; "
                "turn it into text first (transcribe audio) or into images (single frames of a video)."
            )
    return parts


def written(blocks: Iterable[Any]) -> str:
    """Translate what can only be text: a system or assistant message.

    Args:
        blocks: Blocks of a message.

    Returns:
        The texts, those of documents too, joined by line breaks, as ``ChatMessage.content`` joins them; media are
        mentioned, not dropped.
    """
    lines: list[str] = []
    for block in blocks:
        if isinstance(block, TextBlock):
            lines.append(block.text)
        elif isinstance(block, CitableBlock | CitationBlock):
            inner = block.content if isinstance(block, CitableBlock) else [block.cited_content]
            lines.append(f"{block.title} ({block.source}):\n{written(inner)}")
        elif isinstance(block, DocumentBlock):
            lines.append(_document_in_words(block))
        elif isinstance(block, _MEDIA):
            lines.append(mention_of(block))
    return "\n".join(lines)


def content_of(parts: list[Part]) -> str | list[Part]:
    """Give the content of a message: plain text where there is nothing else.

    Args:
        parts: The message's parts.

    Returns:
        A string, or the parts; ``""`` for none.
    """
    if all(part["type"] == "text" for part in parts):
        return "\n".join(part["text"] for part in parts)
    # An empty text beside a picture says nothing, and some upstreams refuse it.
    return [part for part in parts if part["type"] != "text" or part["text"]]


def can_be_shown(block: Any, intake: Intake, *, sees: bool) -> bool:
    """Tell whether media that a tool gave can be put before the model.

    Args:
        block: A block of a tool message.
        intake: What the cloud takes.
        sees: Whether the model sees pictures.

    Returns:
        ``True`` for pictures, PDF and text documents where model and cloud take them; a file that is there no more, as
        a memory may name it long after, cannot be shown.
    """
    if is_gone(block):
        return False
    if isinstance(block, ImageBlock):
        return sees
    if not isinstance(block, DocumentBlock):
        return False
    try:
        _document_part(block, takes_pdf=intake.pdf and sees)
    except InvalidInput:
        return False
    return True


def is_gone(block: Any) -> bool:
    """Tell whether the file is gone in which media were.

    Args:
        block: An image, audio, video or document block.

    Returns:
        Whether it has a path at which there is no file.
    """
    path = getattr(block, "path", None)
    return path is not None and not getattr(block, "url", None) and not Path(path).is_file()


def mention_of(block: Any) -> str:
    """Name media in words, without its content.

    Args:
        block: An image, audio, video or document block.

    Returns:
        Kind and whereabouts, such as ``[audio/wav: https://…]``.
    """
    named = (getattr(block, name, None) for name in ("image_mimetype", "video_mimetype", "document_mimetype"))
    kind = next((name for name in named if name), None) or block.block_type
    if isinstance(block, AudioBlock) and block.format:
        kind = f"audio/{block.format}"
    url = str(block.url) if block.url else ""
    if url and url[:5].lower() != "data:":
        return f"[{kind}: {url}]"
    return f"[{kind}: {block.path}]" if block.path else f"[{kind}]"


def reads_files(blocks: Iterable[Any]) -> bool:
    """Tell whether a request with these blocks will read files.

    Args:
        blocks: Blocks of a message.

    Returns:
        Whether any block has a path.
    """
    return any(getattr(block, "path", None) is not None for block in blocks)


def _image_part(block: ImageBlock) -> Part:
    image: dict[str, Any] = {"url": _image_source(block)}
    if block.detail:
        image["detail"] = block.detail
    return {"type": "image_url", "image_url": image}


def _image_source(block: ImageBlock) -> str | Path | Media:
    if block.url:
        return str(block.url)  # to the service as it is: it fetches the picture itself
    if block.path:
        return Path(block.path)
    if not block.image:
        raise InvalidInput("ImageBlock has neither image, path nor url.")
    return Media(data=_bytes_of(block.resolve_image), content_type=block.image_mimetype)


def _audio_part(block: AudioBlock) -> Part:
    if block.url and str(block.url)[:5].lower() != "data:":
        raise InvalidInput("AudioBlock: the dialect has no field for the URL of audio; give the audio itself.")
    if block.path:
        media = Media.of(Path(block.path), argument="AudioBlock")
    else:
        media = Media.of(str(block.url) if block.url else _bytes_of(block.resolve_audio), argument="AudioBlock")
    kind = (media.mime_type() or "audio/wav").partition("/")[2]
    content = base64.b64encode(media.read(limit=_MAX_AUDIO_BYTES, argument="AudioBlock")).decode("ascii")
    name = block.format or {"mpeg": "mp3", "x-wav": "wav"}.get(kind, kind)
    return {"type": "input_audio", "input_audio": {"data": content, "format": name}}


def _document_part(block: DocumentBlock, *, takes_pdf: bool) -> Part:
    title = block.title or "document"
    if block.url and block.url[:5].lower() != "data:":
        media = Media(url=block.url, content_type=block.document_mimetype)
    elif block.path:
        media = Media.of(Path(block.path), argument=title)
    else:
        source = block.url or (_bytes_of(block.resolve_document) if block.data else b"")
        media = Media.of(source, argument=title)
    kind = media.mime_type() or block.document_mimetype or ""
    pdf = kind == "application/pdf" or (not kind and media.url is not None)  # a document by URL is most likely that
    if kind.startswith("image/") or (pdf and takes_pdf):
        return {"type": "image_url", "image_url": {"url": media.url or media}}
    text = _text_of(media, title)
    if text is None:
        raise InvalidInput(
            f"DocumentBlock {title!r} ({kind or 'of unknown type'}) cannot be sent in this chat; "
            "turn it into text first, with SophNetDocumentReader for instance."
        )
    return {"type": "text", "text": f"{title}:\n{text}"}


def _document_in_words(block: DocumentBlock) -> str:
    """Give the text of a document that has one, and name any other."""
    if not is_gone(block):
        with contextlib.suppress(InvalidInput):
            part = _document_part(block, takes_pdf=False)
            if part["type"] == "text":
                return str(part["text"])
    return mention_of(block)


def _text_of(media: Media, title: str) -> str | None:
    if media.url is not None:
        return None
    head = media.head(4096)
    if b"\0" in head or head[:5] == b"%PDF-":
        return None
    try:
        return media.read(limit=_MAX_TEXT_BYTES, argument=title).decode("utf-8")
    except UnicodeDecodeError:
        return None


def _bytes_of(resolve: Any) -> bytes:
    try:
        content: bytes = resolve().read()
    except ValueError as error:
        raise InvalidInput(f"A block's content cannot be read: {error}") from None
    return content
