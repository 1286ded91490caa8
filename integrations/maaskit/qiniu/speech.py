"""Qiniu's speech: a text in, spoken audio out; and the list of voices.

Playing and saving are the caller's business.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from maaskit.answers import parse_json, parse_object, refusal_in, unexpected
from maaskit.errors import InvalidInput
from maaskit.extra_body import joined
from maaskit.media import Media, sniff
from maaskit.transcript import milliseconds
from maaskit.wire import Call, Request, Response

_PATH = "/voice/tts"
_VOICES_PATH = "/voice/list"

DOCUMENT_VOICE = "zh_male_M392_conversation_wvae_bigtts"
"""The one voice that the document names; ``list_voices`` tells what there is."""

# "mp3" is the document's; services of this kind know the others.
_CONTENT_TYPES = {
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "pcm": "audio/L16",
    "ogg": "audio/ogg",
    "ogg_opus": "audio/ogg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
}


@dataclass(frozen=True, slots=True)
class Speech:
    """Be a spoken text.

    Args:
        audio: The sound file.
        content_type: Its media type.
        encoding: The encoding that was asked for.
        duration_ms: How many milliseconds it plays, if told.
        reqid: The service's id of the request, if told.
    """

    audio: bytes = field(repr=False)
    content_type: str
    encoding: str
    duration_ms: int | None = None
    reqid: str | None = None

    @property
    def media(self) -> Media:
        """Give the sound as a file with a name and a type."""
        return Media(data=self.audio, name=f"speech.{self.encoding}", content_type=self.content_type)


@dataclass(frozen=True, slots=True)
class Voice:
    """Be one voice.

    Args:
        voice_type: The name for ``synthesize``.
        name: Its name for people, if told.
        category: Its group, if told.
        url: A sample, if told.
        raw: The service's own object.
    """

    voice_type: str
    name: str | None = None
    category: str | None = None
    url: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


def synthesize(
    text: str,
    voice_type: str | None = DOCUMENT_VOICE,
    encoding: str = "mp3",
    speed_ratio: float = 1.0,
    *,
    extra_body: Mapping[str, Any] | None = None,
) -> Call[Speech]:
    """Speak a text.

    Args:
        text: What to say.
        voice_type: Who says it, a ``voice_type`` of ``list_voices``; default the document's own. ``None`` leaves the
            choice to the service.
        encoding: Form of the sound; the document shows ``mp3``.
        speed_ratio: Speed, above 0; default 1.0. The document gives no range.
        extra_body: Further fields of the request; those under ``audio`` join the ones that stand there.

    Returns:
        A Call of the sound.

    Raises:
        InvalidInput: The text is empty, or an argument is no such value.

    Source:
        qiniu-api, 文字合成语音.
    """
    if not isinstance(text, str) or not text.strip():
        raise InvalidInput("text must be a text that is not empty.")
    for name, value in (("voice_type", voice_type), ("encoding", encoding)):
        if not (value is None and name == "voice_type") and (not isinstance(value, str) or not value.strip()):
            raise InvalidInput(f"{name} must be a name, not {value!r}.")
    number = isinstance(speed_ratio, int | float) and not isinstance(speed_ratio, bool)
    if not number or not math.isfinite(speed_ratio) or speed_ratio <= 0:
        raise InvalidInput(f"speed_ratio must be a number above 0, not {speed_ratio!r}.")
    audio: dict[str, Any] = {} if voice_type is None else {"voice_type": voice_type}
    audio |= {"encoding": encoding, "speed_ratio": float(speed_ratio)}
    body: dict[str, Any] = {"audio": audio, "request": {"text": text}}
    return Call(Request("POST", _PATH, json=joined(body, extra_body)), lambda response: _read(response, encoding))


def list_voices() -> Call[tuple[Voice, ...]]:
    """Ask which voices there are.

    Returns:
        A Call of the voices.

    Source:
        wire-facts A.6, ``GET /v1/voice/list`` of a newer copy of the document.
    """
    return Call(Request("GET", _VOICES_PATH), _read_voices)


def _read(response: Response, encoding: str) -> Speech:
    answer = parse_object(response)
    data = answer.get("data")
    if not isinstance(data, str) or not data:
        raise unexpected(response, "has no sound (data)")
    try:
        # Base64 is also written in lines.
        audio = base64.b64decode("".join(data.split()), validate=True)
    except (binascii.Error, ValueError):
        raise unexpected(response, "has a sound that is no base64") from None
    addition = answer.get("addition")
    reqid = answer.get("reqid")
    return Speech(
        audio=audio,
        content_type=_CONTENT_TYPES.get(encoding.lower()) or sniff(audio[:64]) or "application/octet-stream",
        encoding=encoding,
        duration_ms=milliseconds(addition.get("duration")) if isinstance(addition, Mapping) else None,
        reqid=reqid if isinstance(reqid, str) else None,
    )


def _read_voices(response: Response) -> tuple[Voice, ...]:
    answer = parse_json(response)
    if isinstance(answer, Mapping):
        refusal = refusal_in(answer, response)
        if refusal is not None:
            raise refusal
        answer = next((answer[name] for name in ("data", "voices", "result") if answer.get(name) is not None), None)
    if not isinstance(answer, list):
        raise unexpected(response, "has no list of voices")
    return tuple(
        Voice(
            voice_type=entry["voice_type"],
            name=_text(entry.get("voice_name")),
            category=_text(entry.get("category")),
            url=_text(entry.get("url")),
            raw=entry,
        )
        for entry in answer
        if isinstance(entry, Mapping) and isinstance(entry.get("voice_type"), str)
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
