"""Where somebody speaks in a sound that comes in pieces, and where a sentence ends.

Words are found by `listeners`; however the sound is cut into pieces, the sentences are the same.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

RATE: Final = 16_000
FRAME_MS: Final = 30
FRAME_BYTES: Final = RATE * FRAME_MS // 1000 * 2

VAD_MODE: Final = 2
"""How strictly a frame is taken for speech, from 0 to 3."""

ONSET_FRAMES: Final = 3
ONSET_WINDOW: Final = 5
"""So many frames of speech within this window begin a sentence."""

PAUSE_FRAMES: Final = 8
"""So many frames without speech in a row end it: 240 ms, longer than a comma and shorter than a full stop."""

BEFORE_FRAMES: Final = 8
"""Frames before the first one of speech that are kept: its voiceless beginning lies there."""

LONGEST_FRAMES: Final = 500
"""15 s; a sentence that goes on is cut at its best pause so far."""

EARLIEST_CUT: Final = 300


@dataclass(frozen=True, slots=True)
class Utterance:
    """Hold a stretch of speech.

    Args:
        pcm: Its samples: 16 kHz, 16 bits, one channel.
        begin_ms: Where it begins in the whole sound.
        is_whole: Whether it has ended; otherwise there is more to come.
    """

    pcm: bytes
    begin_ms: int
    is_whole: bool


class Endpointer:
    """Part a sound into utterances as it comes in."""

    def __init__(self) -> None:
        import pocketsphinx  # type: ignore[import-untyped]  # noqa: PLC0415 -- loaded on use

        self._vad: Any = pocketsphinx.Vad(VAD_MODE, RATE, FRAME_MS / 1000)
        self._rest = b""
        self._frames = 0
        self._before: deque[tuple[bytes, bool]] = deque(maxlen=max(BEFORE_FRAMES + ONSET_WINDOW, ONSET_WINDOW))
        self._inside: list[tuple[bytes, bool]] = []
        self._begin = 0

    @property
    def position_ms(self) -> int:
        """Tell how much sound has come in."""
        return self._frames * FRAME_MS + len(self._rest) * 1000 // (RATE * 2)

    @property
    def open(self) -> Utterance | None:
        """Show the sentence that goes on, if there is one."""
        return self._utterance(self._inside, is_whole=False) if self._inside else None

    def feed(self, pcm: bytes) -> Iterator[Utterance]:
        """Take the next piece of the sound.

        Args:
            pcm: Samples at 16 kHz, 16 bits, one channel; any number of bytes.

        Yields:
            Each utterance that has ended with it.
        """
        data = self._rest + pcm
        whole = len(data) // FRAME_BYTES * FRAME_BYTES
        self._rest = data[whole:]
        for at in range(0, whole, FRAME_BYTES):
            ended = self._step(data[at : at + FRAME_BYTES])
            if ended is not None:
                yield ended

    def finish(self) -> Utterance | None:
        """End the sound.

        Returns:
            The utterance that went on, if there was one.
        """
        rest = self._rest[: len(self._rest) // 2 * 2]
        self._rest = b""
        if not self._inside:
            return None
        self._inside.append((rest, False))
        return self._close()

    def _step(self, frame: bytes) -> Utterance | None:
        spoken = bool(self._vad.is_speech(frame))
        self._frames += 1
        if not self._inside:
            self._before.append((frame, spoken))
            recent = list(self._before)[-ONSET_WINDOW:]
            if sum(was for _, was in recent) >= ONSET_FRAMES:
                self._inside = list(self._before)
                self._begin = self._frames - len(self._inside)
                self._before.clear()
            return None
        self._inside.append((frame, spoken))
        if not any(was for _, was in self._inside[-PAUSE_FRAMES:]):
            return self._close()
        return self._cut() if len(self._inside) >= LONGEST_FRAMES else None

    def _close(self) -> Utterance:
        ended = self._utterance(self._inside, is_whole=True)
        self._inside = []
        return ended

    def _cut(self) -> Utterance:
        """End a sentence that is too long in the middle of its longest late pause; the rest begins the next one."""
        at = _best_pause(self._inside)
        ended = self._utterance(self._inside[:at], is_whole=True)
        self._inside = self._inside[at:]
        self._begin += at
        return ended

    def _utterance(self, frames: list[tuple[bytes, bool]], *, is_whole: bool) -> Utterance:
        return Utterance(b"".join(frame for frame, _ in frames), self._begin * FRAME_MS, is_whole)


def _best_pause(frames: list[tuple[bytes, bool]]) -> int:
    best, length, run = len(frames), 0, 0
    for number in range(EARLIEST_CUT, len(frames)):
        run = 0 if frames[number][1] else run + 1
        if run > length:
            best, length = number - run // 2, run
    return best
