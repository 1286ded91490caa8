"""Qiniu's ``/v1/voice/tts``: text becomes a sound, in one answer by POST or in frames over a socket.

The voices are listed in `qiniu_voices`; the speaking is done by `engines.speech`.
"""

from __future__ import annotations

import base64
import math
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from aiohttp import web

from maaskit.sandbox.engines import CannotRead, containers, speech, voices
from maaskit.sandbox.json_text import decode
from maaskit.sandbox.qiniu_voices import BY_TYPE
from maaskit.sandbox.replies import RefusalError, json_bytes, json_reply, read_json
from maaskit.sandbox.sockets import Socket, converse
from maaskit.sandbox.state import SandboxState, state_of

ENCODINGS: Final = ("mp3", "wav", "pcm", "ogg")
"""The document shows ``mp3``; programs in the wild send the others."""

DEFAULTS: Final[Mapping[str, str]] = MappingProxyType(
    {"voice_type": "zh_male_M392_conversation_wvae_bigtts", "encoding": "mp3"}
)
"""What the document's example has; that a field is required, it does not say."""

RATE: Final = 24_000
FRAME_BYTES: Final = 4000
"""A frame of the socket; no multiple of three, so that each frame's base64 is padded."""


@dataclass(frozen=True, slots=True)
class SpeechOrder:
    """Hold what is to be said, and how.

    Args:
        text: What.
        voice_type: By which of the listed voices.
        encoding: As which of the `ENCODINGS`.
        speed: How fast; 1 is ordinary.
    """

    text: str
    voice_type: str
    encoding: str
    speed: float


async def synthesize(request: web.Request) -> web.Response:
    """Answer a text with its sound.

    Args:
        request: ``{"audio": {"voice_type", "encoding", "speed_ratio"}, "request": {"text"}}``.

    Returns:
        ``{"reqid", "operation": "query", "sequence": -1, "data", "addition": {"duration"}}``: base64, and a string of
        milliseconds.

    Raises:
        RefusalError: An unknown voice or encoding, a speed that is none, a blank text or one that is too long (400).

    Source:
        Qiniu, *文字合成语音*, *API使用方式*; the answer from the newer page 12981.
    """
    order = read_order(await read_json(request))
    state = state_of(request)
    data, duration_ms = await _made(state, order)
    return json_reply(_answer(state, data, duration_ms))


async def synthesize_frames(request: web.Request) -> web.WebSocketResponse:
    """Speak over a socket: one order comes, as binary JSON, and frames go, the last with a negative sequence.

    Args:
        request: The handshake; its header ``VoiceType`` names the voice.

    Returns:
        The socket's response.

    Raises:
        RefusalError: The header is missing or names no listed voice (400).

    Source:
        Qiniu, page 12981.
    """
    if request.headers.get("VoiceType") not in BY_TYPE:
        raise _refusal("VoiceType", "the header VoiceType is required and must name a voice of /v1/voice/list")
    return await converse(request, _speak)


def read_order(body: Mapping[str, Any]) -> SpeechOrder:
    """Check what is to be said.

    Args:
        body: The request's JSON.

    Returns:
        The order.

    Raises:
        RefusalError: As for `synthesize` (400).
    """
    audio, wanted = body.get("audio"), body.get("request")
    if not isinstance(audio, dict):
        raise _refusal("audio", 'audio is required and must be an object with "voice_type" and "encoding"')
    if not isinstance(wanted, dict):
        raise _refusal("request", 'request is required and must be an object with "text"')
    voice, encoding, text = _chosen(audio, "voice_type"), _chosen(audio, "encoding"), wanted.get("text")
    if voice not in BY_TYPE:
        raise _refusal("audio.voice_type", "audio.voice_type must be one of /v1/voice/list")
    if encoding not in ENCODINGS:
        raise _refusal("audio.encoding", f"audio.encoding must be one of {', '.join(ENCODINGS)}")
    if not isinstance(text, str) or not text.strip():
        raise _refusal("request.text", "request.text is required and must not be blank")
    speed = 1.0 if audio.get("speed_ratio") is None else audio["speed_ratio"]
    if isinstance(speed, bool) or not isinstance(speed, int | float) or not (math.isfinite(speed) and speed > 0):
        raise _refusal("audio.speed_ratio", "audio.speed_ratio must be a number above 0")
    return SpeechOrder(text, voice, encoding, float(speed))


def _chosen(audio: Mapping[str, Any], name: str) -> Any:
    return DEFAULTS[name] if audio.get(name) is None else audio[name]


async def _speak(socket: Socket) -> None:
    state = state_of(socket.request)
    message = await socket.receive()
    if message is None:
        return None
    try:
        body = decode(message)
        order = read_order(body if isinstance(body, dict) else {})
        data, duration_ms = await _made(state, order)
    except ValueError:
        return await socket.send_json({"error": {"message": "the order is no JSON", "code": "invalid_json"}})
    except RefusalError as refusal:
        return await socket.send_json({"error": {"message": refusal.message, "code": refusal.code}})
    for frame in _frames(state, data, duration_ms):
        if state.variants.tts_frames == "binary":
            await socket.send_bytes(json_bytes(frame))
        else:
            await socket.send_json(frame)
    return None


def _frames(state: SandboxState, data: bytes, duration_ms: int) -> Iterator[dict[str, Any]]:
    whole = _answer(state, data, duration_ms)
    addition = whole.pop("addition", None)
    for at in range(0, max(len(data), 1), FRAME_BYTES):
        number, piece = at // FRAME_BYTES + 1, base64.b64encode(data[at : at + FRAME_BYTES]).decode()
        if at + FRAME_BYTES < len(data):
            yield {**whole, "sequence": number, "data": piece}
        else:
            told = {} if addition is None else {"addition": addition}
            yield {**whole, "sequence": -number, "data": piece, **told}


async def _made(state: SandboxState, order: SpeechOrder) -> tuple[bytes, int]:
    try:
        return await state.work(_sound_file, order)
    except CannotRead as error:
        param = "request.text" if len(order.text) > speech.MAX_TEXT_CHARACTERS else "audio.speed_ratio"
        raise _refusal(param, f"{param}: {error}") from error


def _sound_file(order: SpeechOrder) -> tuple[bytes, int]:
    voice = voices.named(order.voice_type, BY_TYPE[order.voice_type].gender)
    sound = speech.speak(order.text, voice, speed=order.speed)
    return containers.encode(sound, order.encoding, rate=RATE), sound.duration_ms


def _answer(state: SandboxState, data: bytes, duration_ms: int) -> dict[str, Any]:
    answer = {
        "reqid": secrets.token_hex(16),
        "operation": "query",
        "sequence": -1,
        "data": base64.b64encode(data).decode(),
    }
    if state.variants.tts_addition == "sent":
        answer["addition"] = {"duration": str(duration_ms)}
    return answer


def _refusal(param: str, message: str) -> RefusalError:
    return RefusalError(400, message, code="invalid_parameter", param=param)


ROUTES = [("POST", "/voice/tts", synthesize), ("GET", "/voice/tts", synthesize_frames)]
