"""Qiniu's recognition of a recording: its URL in, its text out.

Live audio, and local files without an upload, are ``transcription_stream``'s business.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from maaskit.answers import parse_object, unexpected
from maaskit.errors import InvalidInput
from maaskit.extra_body import joined
from maaskit.public_url import public_url
from maaskit.transcript import Transcript, milliseconds
from maaskit.wire import Call, Request, Response

_PATH = "/voice/asr"
MODEL = "asr"
FORMATS = ("raw", "wav", "mp3", "ogg")
"""qiniu-api, 语音文字识别: "音频容器格式支持: raw / wav / mp3 / ogg"."""

_FORMAT_BY_SUFFIX = {".pcm": "raw", ".raw": "raw", ".wav": "wav", ".wave": "wav", ".mp3": "mp3", ".ogg": "ogg"}


def transcribe(
    url: str,
    format: str | None = None,  # noqa: A002 - the document's own word
    *,
    extra_body: Mapping[str, Any] | None = None,
) -> Call[Transcript]:
    """Recognise the speech in a recording.

    Args:
        url: Where the service fetches it.
        format: ``raw``, ``wav``, ``mp3`` or ``ogg``; by default what the URL's ending says.
        extra_body: Further fields of the request; ``{"audio": {"format": "m4a"}}`` sends a format that the document
            does not list.

    Returns:
        A Call of the transcript; it has no segments.

    Raises:
        InvalidInput: It is no http or https URL, the format is another or cannot be told, or ``extra_body`` is no dict.

    Source:
        qiniu-api, 语音文字识别.
    """
    instead = "A local WAV or PCM file needs no upload with qiniu.transcription_stream.listen()."
    address = public_url(url, argument="url", instead=instead)
    body = joined({"model": MODEL, "audio": {"format": None, "url": address}}, extra_body)
    audio = body["audio"]
    if not isinstance(audio, Mapping):
        raise InvalidInput(f"extra_body['audio'] must be a dict, not {type(audio).__name__}.")
    if audio["format"] is None:
        body["audio"] = {**audio, "format": _format(address, format)}
    return Call(Request("POST", _PATH, json=body), _read)


def _format(url: str, told: str | None) -> str:
    if told is not None:
        if told not in FORMATS:
            raise InvalidInput(
                f"format must be one of {', '.join(FORMATS)}, not {told!r}; what the document does not list goes into "
                'extra_body={"audio": {"format": ...}}.'
            )
        return told
    suffix = PurePosixPath(unquote(urlsplit(url).path)).suffix.lower()
    found = _FORMAT_BY_SUFFIX.get(suffix)
    if found is None:
        what = f"its ending {suffix!r} is none of them" if suffix else "the URL has no ending that tells it"
        raise InvalidInput(f"format must be one of {', '.join(FORMATS)}, and {what}: pass format=.")
    return found


def _read(response: Response) -> Transcript:
    answer = parse_object(response)
    texts = [text for holder in _holders(answer) if (text := _text(holder)) is not None]
    if not texts:
        raise unexpected(response, "has no text")
    duration_ms = next((found for found in map(milliseconds, _durations(answer)) if found is not None), None)
    return Transcript(
        next(filter(None, texts), ""), duration_s=None if duration_ms is None else duration_ms / 1000, raw=answer
    )


def _holders(answer: Mapping[str, Any]) -> Iterator[Any]:
    """Give every place that may hold the text, the documented one first (wire-facts A.4)."""
    data = answer.get("data")
    if isinstance(data, Mapping):
        yield data.get("result")
    yield answer.get("result")
    yield data
    yield answer


def _text(holder: Any) -> str | None:
    if isinstance(holder, Mapping):
        return text if isinstance(text := holder.get("text"), str) else None
    if isinstance(holder, list):
        parts = [part for part in map(_text, holder) if part is not None]
        return "".join(parts) if parts else None
    return holder if isinstance(holder, str) else None


def _durations(answer: Mapping[str, Any]) -> Iterator[Any]:
    for holder in (answer.get("data"), answer):
        if isinstance(holder, Mapping):
            yield _inside(holder, "audio_info", "duration")
            yield _inside(holder, "result", "additions", "duration")


def _inside(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
