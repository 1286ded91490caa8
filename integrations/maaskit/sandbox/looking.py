"""What is seen in the pictures and documents of a chat request.

They are fetched by `fetch` and read by the engines; what is said about them is the responder's business.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from aiohttp import web

from maaskit.sandbox.chat_rules import refused
from maaskit.sandbox.dialects import Dialect
from maaskit.sandbox.engines import CannotRead
from maaskit.sandbox.fetch import fetch
from maaskit.sandbox.responder import Picture
from maaskit.sandbox.responder.ask import picture_url
from maaskit.sandbox.state import state_of

MOST_REMEMBERED: Final = 64

PALETTE: Final = {
    "white": (255, 255, 255),
    "black": (0, 0, 0),
    "grey": (128, 128, 128),
    "red": (220, 30, 30),
    "orange": (245, 140, 20),
    "yellow": (245, 220, 40),
    "green": (40, 160, 60),
    "cyan": (50, 200, 210),
    "blue": (40, 80, 210),
    "purple": (130, 50, 170),
    "pink": (250, 160, 190),
    "brown": (130, 80, 40),
}
THUMB: Final = 48


async def look(
    request: web.Request, messages: Sequence[Mapping[str, Any]], dialect: Dialect
) -> tuple[dict[str, Picture], dict[str, str]]:
    """Look at every picture of a chat request; one that was seen before is remembered.

    Args:
        request: The request in hand.
        messages: Its messages.
        dialect: The cloud.

    Returns:
        What was seen in each, and each one's digest, by URL.

    Raises:
        RefusalError: A picture cannot be fetched, is too large, or is none that the cloud takes (400).
    """
    state = state_of(request)
    seen: dict[str, Picture] = {}
    digests: dict[str, str] = {}
    own = state.own_file if dialect.name == "sophnet" else None  # the locked files are SophNet's
    for place, url, kind in _pictures(messages):
        if url in seen:
            continue
        data = await fetch(url, param=place, max_bytes=dialect.max_picture_bytes, own=own)
        digest = hashlib.sha256(data).hexdigest()
        key = f"{kind}/{dialect.takes_documents}/{digest}"
        picture = state.seen.get(key)
        if picture is None:
            try:
                picture = await state.read(_see, data, kind, documents=dialect.takes_documents)
            except CannotRead as error:
                raise refused(place, f"{place}: {error}") from error
            state.seen[key] = picture
            while len(state.seen) > MOST_REMEMBERED:
                state.seen.pop(next(iter(state.seen)))
        seen[url], digests[url] = picture, digest
    return seen, digests


def _pictures(messages: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str, str]]:
    """Yield the place, the URL and the kind of each picture."""
    for index, message in enumerate(messages):
        content = message.get("content")
        for number, part in enumerate(content if isinstance(content, list) else []):
            url = picture_url(part)
            if url is not None:
                name = "image_url" if part["type"] == "image_url" else "file_url"
                yield f"messages[{index}].content[{number}].{name}.url", url, part["type"]


def _see(data: bytes, kind: str, *, documents: bool) -> Picture:
    from maaskit.sandbox.engines import documents as reader  # noqa: PLC0415 -- loaded on use: heavy
    from maaskit.sandbox.engines import ocr, pictures  # noqa: PLC0415 -- loaded on use: heavy

    if documents and (kind != "image_url" or b"%PDF-" in data[:1024]):
        ending = "pdf" if kind == "image_url" else kind
        return Picture(reader.to_markdown(data, f"document.{ending}"))
    picture = pictures.opened(data)
    text = ocr.to_markdown(ocr.read_picture(picture))
    return Picture(text, picture.width, picture.height, _dominant(picture.resize((THUMB, THUMB)).tobytes()))


def _dominant(rgb: bytes) -> str:
    """Name the colour that most of a picture has, the background included."""
    counts = dict.fromkeys(PALETTE, 0)
    for start in range(0, len(rgb), 3):
        pixel = rgb[start : start + 3]
        nearest = min(PALETTE, key=lambda name: sum((a - b) ** 2 for a, b in zip(PALETTE[name], pixel, strict=True)))
        counts[nearest] += 1
    return max(counts, key=lambda name: counts[name])
