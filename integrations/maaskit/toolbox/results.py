"""What a tool gives back: a short text for the model, and a block for the program, which never enters a prompt.

Blocks have the shape of LangChain's v1 content blocks and hold nothing but JSON.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from maaskit.errors import ConfigurationError
from maaskit.media import MIB, Media

MAX_INLINE_BYTES = 8 * MIB
"""What is neither saved nor behind a URL rides in the block up to here."""
MAX_TEXT_CHARS = 100_000
"""What a document says goes to the model up to here, and says so where it ends; the block holds all of it."""

Kind: TypeAlias = Literal["audio", "image", "video"]

_NAMES: dict[Kind, str] = {"audio": "Audio", "image": "Picture", "video": "Video"}


@dataclass(frozen=True, slots=True)
class Result:
    """Be what a tool gives back.

    Args:
        text: For the model: what it is, of which type and size, and where; or what was read or heard.
        block: For the program: a ``text``, ``audio``, ``image`` or ``video`` block in plain JSON. Media are in it as
            ``url`` or ``base64``, with ``mime_type``; what else is known stands in ``extras``, such as the ``path`` of
            a saved file.
        path: Where the media were saved, if they were.
    """

    text: str
    block: dict[str, Any] = field(repr=False)
    path: Path | None = None


def text_result(text: str, what: str, extras: Mapping[str, Any], most_chars: int = MAX_TEXT_CHARS) -> Result:
    """Give back what was read or heard.

    Args:
        text: All of it.
        what: What it was read from, for an empty text: ``The picture shows``.
        extras: What else is known, in plain JSON.
        most_chars: How much of it goes to the model at most.

    Returns:
        The result; a text that is cut for the model says so at its end, one whose pictures are written into it as
        base64 says so in their places, and either is whole in the block.
    """
    shown = _DATA_URL.sub(_left_out, text) if text.strip() else f"{what} no text."
    if len(shown) > most_chars:
        shown = (
            f"{shown[:most_chars]}\n\n[Cut here: these are the first {most_chars} of {len(shown)} characters. The "
            "program that runs this tool has all of them.]"
        )
    return Result(shown, {"type": "text", "text": text, "extras": {"characters": len(text), **_known(extras)}})


# What converters make of a document's pictures: megabytes that no model can read. Wrapped lines belong to it.
_DATA_URL = re.compile(
    r"data:([\w.+-]{1,40}/[\w.+-]{1,80}|)(?:;[\w.+-]{1,40}=[\w.+-]{1,80}){0,4};base64,"
    r"[A-Za-z0-9+/_=-]{60,}(?:\r?\n[A-Za-z0-9+/_=-]{60,})*(?:\r?\n[A-Za-z0-9+/_-]{1,59}(?:={1,2}|(?=[)\"'])))?",
    re.IGNORECASE,
)


def _left_out(found: re.Match[str]) -> str:
    size = len(found[0].partition(",")[2]) * 3 // 4
    return f"[{found[1] or 'data'} of about {size} bytes, not shown]"


def media_result(
    kind: Kind, *, media: Media | None, url: str | None, path: Path | None, extras: Mapping[str, Any]
) -> Result:
    """Give back sound, a picture or a film.

    Args:
        kind: Which.
        media: The content, where it is here.
        url: Where the service keeps it for a while, if it does.
        path: Where it was saved, if it was.
        extras: What else is known, in plain JSON; ``duration_s`` and ``size`` go into the text.

    Returns:
        The result.

    Raises:
        ConfigurationError: It is too large to ride in the block, and there is nowhere to save it.
    """
    mime_type = (media.mime_type() if media is not None else None) or _MIME_TYPES[kind]
    known = _known({"bytes": media.size() if media is not None else None, **extras})
    block: dict[str, Any] = {"type": kind, "mime_type": mime_type}
    if path is not None:
        known["path"] = str(path)
        block["url"] = url or path.as_uri()
    elif url is not None:
        block["url"] = url
    else:
        block["base64"] = _inline(media or Media(data=b"\0"), known.get("not_saved"))
    return Result(_told(kind, mime_type, known, url), {**block, "extras": known}, path)


# What the services give where nothing tells it: a URL is not opened to find out.
_MIME_TYPES: dict[Kind, str] = {"audio": "audio/mpeg", "image": "image/png", "video": "video/mp4"}


def _told(kind: Kind, mime_type: str, known: Mapping[str, Any], url: str | None) -> str:
    facts = [mime_type]
    if "bytes" in known:
        facts.append(f"{known['bytes']} bytes")
    if "duration_s" in known:
        facts.append(f"{known['duration_s']:g} s")
    if "size" in known:
        facts.append(str(known["size"]))
    where = [f"Saved as {known['path']}"] if "path" in known else []
    if url is not None:
        where.append(f"{'It is also' if where else 'It is'} at {url} for a limited time")
    told = f"{_NAMES[kind]} ({', '.join(facts)}). {'. '.join(where) or 'It is handed over with this answer'}."
    return f"{told} It could not be saved: {known['not_saved']}" if "not_saved" in known else told


def _inline(media: Media, not_saved: str | None) -> str:
    size = media.size() or 0
    if size > MAX_INLINE_BYTES:
        way_out = not_saved or "Whoever set the tool up may name a folder for results with output_dir."
        raise ConfigurationError(
            f"The result has {size} bytes, more than the {MAX_INLINE_BYTES} that are handed over in memory. {way_out}"
        )
    return base64.b64encode(media.read(limit=MAX_INLINE_BYTES, argument="the result")).decode("ascii")


def _known(extras: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in extras.items() if value is not None}
