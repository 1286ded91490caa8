"""SophNet's speech in pieces: what one event of the stream holds, and when the stream is whole.

Text to voice and chat with voice output send the same events; how bytes arrive is the driver's business.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from maaskit.answers import error_from_status, refusal_in, unexpected
from maaskit.errors import APIError, StreamInterrupted, UnexpectedAnswer
from maaskit.sse import DONE, Event, EventDecoder
from maaskit.task import TaskPhase
from maaskit.wire import Response

FINISH = "finish"
"""The word that ends a stream; ``accepting`` goes before it (wire-facts B.7)."""

# A day of MP3 at 16 kbit/s; these figures are ours, so that nothing grows without bound.
MAX_STREAM_BYTES = 256 * 1024 * 1024
_MAX_REFUSAL_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class SpeechFrame:
    """Be one piece of a spoken text.

    Args:
        audio: The next bytes of the sound; a piece need not be playable alone, and may be empty.
        status: ``accepting``, ``finish`` or another word of the service.
        characters: How many characters were spoken, where the service tells it: with the last piece.
    """

    audio: bytes = field(repr=False)
    status: str | None = None
    characters: int | None = None


def is_frame(event: Mapping[str, Any]) -> bool:
    """Tell an event of speech from one of chat.

    Args:
        event: A decoded event.

    Returns:
        Whether it is one of speech.
    """
    return "choices" not in event and ("audioFrame" in event or isinstance(event.get("status"), str))


def read_frame(event: Mapping[str, Any], head: Response) -> SpeechFrame:
    """Read an event of speech.

    Args:
        event: A decoded event.
        head: The answer that it came in, for error messages.

    Returns:
        The piece.

    Raises:
        APIError: It says that the service failed.
        UnexpectedAnswer: Its sound cannot be read.

    Source:
        sophnet-api, Text to voice. The table writes ``data``, the sample reads ``audioFrame``, which chat with voice
        output describes as an object with ``array``.
    """
    word = event.get("status")
    refusal = refusal_in(event, head)
    if refusal is None and isinstance(word, str) and TaskPhase.of(word) is TaskPhase.FAILED:
        refusal = refusal_in({"error": dict(event)}, head)
    if refusal is not None:
        raise refusal
    sound = event.get("audioFrame")
    if isinstance(sound, Mapping):
        sound = sound.get("array")
    if sound is None:
        sound = event.get("data")
    usage = event.get("usage")
    characters = usage.get("characters") if isinstance(usage, Mapping) else None
    counted = isinstance(characters, int) and not isinstance(characters, bool)
    return SpeechFrame(_decoded(sound, head), word if isinstance(word, str) else None, characters if counted else None)


class SpeechReader:
    """Decode one streamed speech (see ``maaskit.wire.StreamReader``).

    Args:
        head: Status and headers of the answer.
    """

    def __init__(self, head: Response) -> None:
        self._head = head
        self._decoder = EventDecoder()
        # A refusal under HTTP 200 is JSON in place of events; it is read to its end.
        is_json = "application/json" in head.headers.get("content-type", "").lower()
        self._whole: bytearray | None = bytearray() if is_json else None
        self._frames: list[SpeechFrame] = []
        self._size = 0
        self.finished = False

    @property
    def complete(self) -> bool:
        """Tell whether the last piece has come."""
        return self.finished

    def feed(self, data: bytes) -> list[SpeechFrame]:
        """Take the next bytes.

        Args:
            data: Bytes, cut anywhere.

        Returns:
            The pieces that they complete.

        Raises:
            APIError: The service sent an error; ``partial`` holds the pieces that had come.
            UnexpectedAnswer: Something in the stream cannot be read, or it has no end.
        """
        self._size += len(data)
        if self._size > MAX_STREAM_BYTES:
            raise self._with_partial(
                unexpected(self._head, f"goes on beyond {MAX_STREAM_BYTES} bytes; it was given up")
            )
        if self._whole is not None and len(self._whole) <= _MAX_REFUSAL_BYTES:
            self._whole += data
            return []
        if self._whole is not None:  # events under a wrong content type
            data, self._whole = bytes(self._whole) + data, None
        return self._events(self._decoder.feed(data))

    def end(self) -> list[SpeechFrame]:
        """Take the end of the stream; after at least one piece of sound, a complete transfer is one as well.

        Returns:
            The last pieces.

        Raises:
            StreamInterrupted: No sound came.
        """
        frames: list[SpeechFrame] = []
        if self._whole is not None:
            body, self._whole = bytes(self._whole), None
            if not 200 <= self._head.status < 300:
                raise error_from_status(replace(self._head, body=body))
            frames = self._events(self._decoder.feed(body))
        if not self.finished:
            frames += self._events(self._decoder.end())
        if not self.finished and not any(frame.audio for frame in self._frames):
            raise StreamInterrupted("The stream ended before any sound had come.", partial=self.partial())
        return frames

    def partial(self) -> tuple[SpeechFrame, ...]:
        """Give the pieces that have come so far."""
        return tuple(self._frames)

    def _events(self, events: list[Event]) -> list[SpeechFrame]:
        frames = []
        for event in events:
            if self.finished:
                break
            if event.data is DONE:
                self.finished = bool(self._frames)
                continue
            frames.append(self._frame(event))
            self.finished = frames[-1].status == FINISH
        return frames

    def _frame(self, event: Event) -> SpeechFrame:
        try:
            if event.name == "error":
                raise refusal_in({"error": event.data}, self._head) or APIError("The service sent an error.")
            if not isinstance(event.data, dict) or not (is_frame(event.data) or "data" in event.data):
                self._refuse(event)
            frame = read_frame(event.data, self._head)
        except (APIError, UnexpectedAnswer) as error:
            raise self._with_partial(error) from None
        self._frames.append(frame)
        return frame

    def _refuse(self, event: Event) -> None:
        refusal = refusal_in(event.data, self._head) if isinstance(event.data, dict) else None
        text = event.data if isinstance(event.data, str) else repr(event.data)
        raise refusal or unexpected(replace(self._head, body=text.encode()), "holds an event that is no speech")

    def _with_partial(self, error: APIError | UnexpectedAnswer) -> APIError | UnexpectedAnswer:
        error.partial = self.partial()
        return error


def _decoded(sound: Any, head: Response) -> bytes:
    if sound is None:
        return b""
    try:
        if isinstance(sound, str):
            return base64.b64decode("".join(sound.split()), validate=True)
    except (binascii.Error, ValueError):
        pass
    raise unexpected(head, "holds a sound that is no base64")
