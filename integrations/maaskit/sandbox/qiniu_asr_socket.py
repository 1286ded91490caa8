"""Qiniu's live recognition: the socket ``/v1/voice/asr``.

Frames are taken apart by `asr_frames`, sounds understood by `engines.recognition`, results written by
`asr_transcript`; a sound behind a URL is `qiniu_asr`'s business.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from maaskit.sandbox.asr_frames import (
    AUDIO_ONLY_REQUEST,
    EMPTY_AUDIO,
    FULL_CLIENT_REQUEST,
    NOTHING_CAME,
    WRONG_FORMAT,
    ClientFrame,
    FrameError,
    Writer,
    read,
)
from maaskit.sandbox.asr_transcript import Transcript
from maaskit.sandbox.engines import CannotRead
from maaskit.sandbox.engines.recognition import Recogniser, Sentence
from maaskit.sandbox.engines.sound_stream import SoundStream
from maaskit.sandbox.json_text import decode
from maaskit.sandbox.qiniu_asr import MODEL
from maaskit.sandbox.sockets import IdleError, Socket, converse
from maaskit.sandbox.state import SandboxState, state_of

FORMATS: Final = ("pcm", "wav", "mp3", "ogg")
RATES: Final = (8000, 48_000)
BITS: Final = 16
CHANNELS: Final = 1

PAUSE_S: Final = 0.8
"""When no packet has come for so long, all that was heard of the open sentence is told, as if the sound had ended:
the document's own program never sends a last packet."""


async def listen(request: web.Request) -> web.WebSocketResponse:
    """Understand speech while it comes in.

    Args:
        request: The handshake; the key is in its header.

    Returns:
        The socket's response.

    Source:
        Qiniu, *语音文字识别*, *Python 示例*.
    """
    return await converse(request, _listen)


async def _listen(socket: Socket) -> None:
    state = state_of(socket.request)
    writer = Writer(state.variants)
    try:
        message = await socket.receive()
        if message is None:
            return
        order = _order(_frame(message))
        with SoundStream(order.form, order.rate) as sound:
            await _Conversation(socket, state, order, sound).hold()
    except FrameError as error:
        await socket.send_bytes(writer.error(error.code, str(error)))
    except IdleError as idle:
        await socket.send_bytes(writer.error(NOTHING_CAME, str(idle)))


@dataclass(frozen=True, slots=True)
class _Order:
    form: str
    rate: int
    is_whole: bool


def _frame(message: str | bytes) -> ClientFrame:
    if isinstance(message, str):
        raise FrameError("a binary frame is expected, not a text message")
    return read(message)


def _order(frame: ClientFrame) -> _Order:
    """Read the configuration; the document's program sends all of these fields."""
    if frame.kind != FULL_CLIENT_REQUEST:
        raise FrameError("the first frame must be a full client request")
    if frame.sequence not in (None, 1):
        raise FrameError(f"the first frame's sequence is {frame.sequence}; it must be 1")
    try:
        body = decode(frame.payload)
    except ValueError as error:
        raise FrameError(f"the configuration is no JSON ({error})") from error
    audio, request = (_object(body, name) for name in ("audio", "request"))
    if request.get("model_name") != MODEL:
        raise FrameError(f'request.model_name must be "{MODEL}"')
    form, rate = audio.get("format"), audio.get("sample_rate")
    if form not in FORMATS:
        raise FrameError(f"audio.format must be one of {', '.join(FORMATS)}", WRONG_FORMAT)
    if isinstance(rate, bool) or not isinstance(rate, int) or not RATES[0] <= rate <= RATES[1]:
        raise FrameError(f"audio.sample_rate must be a whole number from {RATES[0]} to {RATES[1]}")
    for name, only in (("bits", BITS), ("channel", CHANNELS)):
        if audio.get(name, only) != only:
            raise FrameError(f"audio.{name} must be {only}", WRONG_FORMAT)
    return _Order(form, rate, request.get("result_type") != "single")


def _object(body: Any, name: str) -> Mapping[str, Any]:
    value = body.get(name) if isinstance(body, dict) else None
    if not isinstance(value, dict):
        raise FrameError(f"the configuration needs an object {name}")
    return value


class _Conversation:
    """One sound from its configuration on."""

    def __init__(self, socket: Socket, state: SandboxState, order: _Order, sound: SoundStream) -> None:
        self._socket = socket
        self._state = state
        self._sound = sound
        self._writer = Writer(state.variants)
        self._recogniser = Recogniser(partials=False)
        self._transcript = Transcript(secrets.token_hex(16), state.variants, whole=order.is_whole)
        self._packed: tuple[int, bytes] = (0, self._writer.pack(self._transcript.first()))
        self._expected = 2
        self._sent = 0
        self._bytes = 0

    async def hold(self) -> None:
        """Answer the configuration and then each packet, in order, until the last one."""
        await self._respond()
        waiting: str | bytes | None = None
        while True:
            message = waiting if waiting is not None else await self._next()
            if message is None:
                return
            frame = self._checked(_frame(message))
            waiting = None if frame.is_last else await self._peek()
            await self._take(frame, is_live=waiting is None)
            if frame.is_last:
                return

    async def _next(self) -> str | bytes | None:
        """Wait for a packet, and tell what has been heard when the other side pauses."""
        try:
            return await self._socket.receive(idle_s=min(PAUSE_S, self._state.socket_idle_s))
        except IdleError:
            if self._grown(await self._state.work(self._recogniser.glance)):
                await self._respond()
        return await self._socket.receive()

    async def _peek(self) -> str | bytes | None:
        """Take the next packet if it is there already: then the sound comes faster than it is spoken."""
        try:
            return await self._socket.receive(idle_s=0)
        except IdleError:
            return None

    def _checked(self, frame: ClientFrame) -> ClientFrame:
        if frame.kind != AUDIO_ONLY_REQUEST:
            raise FrameError("after the first frame only audio is expected")
        signed = -self._expected if frame.is_last else self._expected
        if frame.sequence is not None and frame.sequence != signed:
            raise FrameError(f"the frame's sequence is {frame.sequence}; {signed} is expected")
        self._expected += 1
        self._bytes += len(frame.payload)
        if frame.is_last and not self._bytes:
            raise FrameError("there was no audio", EMPTY_AUDIO)
        return frame

    async def _take(self, frame: ClientFrame, *, is_live: bool) -> None:
        try:
            heard = await self._state.work(self._hear, frame, is_live=is_live)
        except CannotRead as error:
            raise FrameError(str(error), WRONG_FORMAT) from error
        is_new = self._grown(heard)
        style = self._state.variants.asr_replies
        if style.startswith("ack"):
            await self._socket.send_bytes(self._writer.acknowledgement(self._expected - 1))
        if frame.is_last:
            await self._respond(is_last=True)
        elif is_new or style in ("response", "text"):
            await self._respond()

    def _grown(self, heard: list[Sentence]) -> bool:
        goes_on = self._recogniser.is_open
        return self._transcript.take(heard, self._recogniser.position_ms, goes_on=goes_on)

    def _hear(self, frame: ClientFrame, *, is_live: bool) -> list[Sentence]:
        heard = self._recogniser.feed(self._sound.feed(frame.payload), partials=is_live and not frame.is_last)
        if frame.is_last:
            heard += self._recogniser.feed(self._sound.finish(), partials=False) + self._recogniser.finish()
        return heard

    async def _respond(self, *, is_last: bool = False) -> None:
        if is_last or self._packed[0] != self._transcript.version:
            self._packed = (self._transcript.version, self._writer.pack(self._transcript.result()))
        self._sent += 1
        if self._state.variants.asr_replies == "text":
            await self._socket.send_json({**self._transcript.result(), "is_last_package": is_last})
        else:
            await self._socket.send_bytes(self._writer.response(self._packed[1], self._sent, is_last=is_last))


ROUTES = [("GET", "/voice/asr", listen)]
