"""Texts become sound files, whole or frame by frame, and frames become a stream's events.

Settings are checked in `speech_orders`; bytes are sent by the handlers.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from typing import Any, Final

from maaskit.sandbox.engines import CannotRead, containers, speech
from maaskit.sandbox.engines.encoder import UNKNOWN_SIZE, Encoder
from maaskit.sandbox.engines.sound import BYTES_PER_SAMPLE, Sound, joined, silence
from maaskit.sandbox.replies import RefusalError
from maaskit.sandbox.speech_orders import SpeechOrder
from maaskit.sandbox.variants import Variants

FRAME_BYTES: Final = 4000
"""No multiple of three, so that the base64 of each frame is padded, and none of an MP3's own frames."""

PAUSE_MS: Final = 350
"""Between two texts, at ordinary speed."""


def read_texts(value: Any, place: str = "text") -> list[str]:
    """Check what is to be spoken.

    Args:
        value: The value of ``text``.
        place: What to call it in refusals.

    Returns:
        The texts that are not blank, at least one.

    Raises:
        RefusalError: It is no list of strings, blank, or longer than the sandbox speaks (400).

    Source:
        SophNet, Text to voice, ``text``: array(string) … 需要转语音的字符串列表.
    """
    if not isinstance(value, list) or not value or not all(isinstance(text, str) for text in value):
        raise _refusal(place, "is required and must be an array of strings that is not empty")
    texts = [text for text in value if text.strip()]
    if not texts:
        raise _refusal(place, "is blank")
    if sum(map(len, texts)) > speech.MAX_TEXT_CHARACTERS:
        raise _refusal(place, f"has more than the {speech.MAX_TEXT_CHARACTERS} characters that the sandbox speaks")
    return texts


def whole_file(texts: Sequence[str], order: SpeechOrder) -> bytes:
    """Speak texts into one file.

    Args:
        texts: The texts, spoken one after the other.
        order: The settings.

    Returns:
        The file.

    Raises:
        RuntimeError: The speaker broke down.
    """
    form = order.form
    return containers.encode(_spoken(texts, order), form.kind, rate=form.rate, bit_rate=form.bit_rate)


class SpeechMaker:
    """Speak texts one after the other into the frames of one file; its calls take their time.

    Args:
        order: The settings.
        texts: Every text that will come, where that is known: a WAV's header then tells the true length.
    """

    def __init__(self, order: SpeechOrder, texts: Sequence[str] | None = None) -> None:
        form, size = order.form, UNKNOWN_SIZE
        self._order = order
        self._ready: Sound | None = None
        if texts is not None and form.kind == "wav":
            self._ready = containers.resampled(_spoken(texts, order), form.rate)
            size = len(self._ready.pcm) // BYTES_PER_SAMPLE * BYTES_PER_SAMPLE
        self._encoder = Encoder(form.kind, form.rate, bit_rate=form.bit_rate, size=size)
        self._rest = b""
        self.characters = 0

    def feed(self, text: str) -> list[bytes]:
        """Speak the next text.

        Args:
            text: What to say.

        Returns:
            The frames that are full.

        Raises:
            RuntimeError: The speaker broke down.
        """
        is_first, self.characters = not self.characters, self.characters + len(text)
        if self._ready is None:
            return self._frames(self._encoder.feed(_spoken([text], self._order, after_another=not is_first)))
        sound, self._ready = self._ready, Sound(b"", self._order.form.rate)
        return self._frames(self._encoder.feed(sound))

    def finish(self) -> list[bytes]:
        """End the file.

        Returns:
            Its last frames.
        """
        frames = self._frames(self._encoder.finish())
        rest, self._rest = self._rest, b""
        return [*frames, rest] if rest else frames

    def _frames(self, data: bytes) -> list[bytes]:
        held = self._rest + data
        whole = len(held) // FRAME_BYTES * FRAME_BYTES
        self._rest = held[whole:]
        return [held[at : at + FRAME_BYTES] for at in range(0, whole, FRAME_BYTES)]


def frame_events(frame: bytes, variants: Variants) -> Iterator[dict[str, Any]]:
    """Write a frame as events.

    Args:
        frame: The frame.
        variants: The switches.

    Yields:
        ``{"status": "accepting", "usage": null, "audioFrame": base64}``, as the switches have it.

    Source:
        SophNet, Text to voice and Chat completions + Text to voice, *响应示例* and *响应体参数*.
    """
    if variants.empty_frames:
        yield _event("accepting", None, variants)
    yield _event("accepting", frame, variants)


def finish_event(characters: int, variants: Variants, frame: bytes | None = None) -> dict[str, Any]:
    """Write the event that ends a stream.

    Args:
        characters: How many were spoken.
        variants: The switches.
        frame: The last frame, where it comes with the end.

    Returns:
        ``{"status": "finish", "usage": {"characters": 26}, "audioFrame": null}``.
    """
    return {**_event("finish", frame, variants), "usage": {"characters": characters}}


def _event(status: str, frame: bytes | None, variants: Variants) -> dict[str, Any]:
    packed: Any = None if frame is None else base64.b64encode(frame).decode()
    if variants.audio_frame == "data":
        return {"status": status, "usage": None, "data": packed}
    if variants.audio_frame == "object" and packed is not None:
        packed = {"array": packed}
    return {"status": status, "usage": None, "audioFrame": packed}


def _spoken(texts: Sequence[str], order: SpeechOrder, *, after_another: bool = False) -> Sound:
    settings = {"speed": order.speed, "pitch": order.pitch, "volume": order.volume}
    try:
        sounds = [speech.speak(text, order.voice, **settings) for text in texts]
    except CannotRead as error:
        raise _refusal("text", f"cannot be spoken: {error}") from error
    pause = silence(PAUSE_MS / order.speed, sounds[0].rate)
    spoken = [part for sound in sounds for part in (pause, sound)]
    return joined(spoken if after_another else spoken[1:])


def _refusal(param: str, what: str) -> RefusalError:
    return RefusalError(400, f"{param} {what}", code="invalid_parameter", param=param)
