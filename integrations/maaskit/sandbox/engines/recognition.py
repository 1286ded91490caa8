"""Recognition: what is said in a sound, in English, sentence by sentence, as it comes in or all at once.

It comes from the sound alone. Where sentences end is found out by `endpointing`, their words by `listeners`.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from maaskit.sandbox.engines.endpointing import RATE, Endpointer, Utterance
from maaskit.sandbox.engines.listeners import CAREFUL, LISTENERS, MOST, QUICK

SPEECH_RMS: Final = 3000.0
"""Every utterance is brought to this loudness first, so that a whisper is understood like a shout."""

NOISE_DB: Final = 36.0
"""So far below it a soft noise is laid: the recogniser learnt from rooms, and a computer's silence confuses it."""

AUDIBLE: Final = 0.02
"""What is louder than this part of an utterance's loudest sample belongs to it."""

LEAD_MS: Final = 150
"""So much of what lies before and behind it is listened to as well."""

FIRST_PARTIAL_MS: Final = 600
PARTIAL_STEP_MS: Final = 600
PARTIAL_GROWTH: Final = 1.25
"""A sentence is listened to again when it has grown by this step or this factor, whichever is more."""

_I: Final = re.compile(r"\bi\b(?!\.)")


@dataclass(frozen=True, slots=True)
class Word:
    """Hold a word.

    Args:
        text: The word.
        begin_ms: Where it begins, from the beginning of the sound.
        end_ms: Where it ends.
    """

    text: str
    begin_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Sentence:
    """Hold what was understood of one utterance.

    Args:
        words: At least one word.
        begin_ms: Where the first one begins, from the beginning of the sound.
        end_ms: Where the last one ends.
        is_final: Whether it stands; otherwise there is more of it to come, and it may change.
    """

    words: tuple[Word, ...]
    begin_ms: int
    end_ms: int
    is_final: bool

    @property
    def plain(self) -> str:
        """Write it as it was heard, in lower case and without a full stop."""
        return " ".join(word.text for word in self.words)

    @property
    def text(self) -> str:
        """Write it with a capital letter, and with a full stop when it is final."""
        text = _I.sub("I", self.plain)
        return text[:1].upper() + text[1:] + ("." if self.is_final and not text.endswith(".") else "")


class Recogniser:
    """Understand a sound as it comes in; one thread at a time may use it, and its calls take their time.

    Args:
        partials: Whether sentences that go on are given as well.
    """

    def __init__(self, *, partials: bool = True) -> None:
        self._endpointer = Endpointer()
        self._partials = partials
        self._next_partial_ms = FIRST_PARTIAL_MS
        self._unheard = False

    @property
    def position_ms(self) -> int:
        """Tell how much sound has come in."""
        return self._endpointer.position_ms

    @property
    def is_open(self) -> bool:
        """Tell whether a sentence goes on."""
        return self._endpointer.open is not None

    def feed(self, pcm: bytes, *, partials: bool | None = None) -> list[Sentence]:
        """Take the next piece of the sound.

        Args:
            pcm: Samples at 16 kHz, 16 bits, one channel; any number of bytes.
            partials: Whether a sentence that goes on is given this time; by default what the recogniser was made with.

        Returns:
            The sentences that are known better now, in order: final ones, and at last the one that goes on.

        Raises:
            RuntimeError: The listener broke down.
        """
        found = []
        for utterance in self._endpointer.feed(pcm):
            found.append(_understood(utterance))
            self._next_partial_ms = FIRST_PARTIAL_MS
        self._unheard = True
        if self._partials if partials is None else partials:
            found.append(self._partial())
        return [sentence for sentence in found if sentence is not None]

    def glance(self) -> list[Sentence]:
        """Listen to all that has come in of the sentence that goes on, whether or not the time for it has come.

        Returns:
            The sentence so far, or nothing where there is none or nothing new.

        Raises:
            RuntimeError: The listener broke down.
        """
        open_ = self._endpointer.open if self._unheard else None
        self._unheard = False
        sentence = _understood(open_) if open_ is not None else None
        return [sentence] if sentence is not None else []

    def finish(self) -> list[Sentence]:
        """End the sound.

        Returns:
            The last sentence, final, if one went on.

        Raises:
            RuntimeError: The listener broke down.
        """
        utterance = self._endpointer.finish()
        sentence = _understood(utterance) if utterance is not None else None
        return [sentence] if sentence is not None else []

    def _partial(self) -> Sentence | None:
        open_ = self._endpointer.open
        length_ms = len(open_.pcm) // 2 * 1000 // RATE if open_ is not None else 0
        if open_ is None or length_ms < self._next_partial_ms:
            return None
        self._next_partial_ms = max(length_ms + PARTIAL_STEP_MS, round(length_ms * PARTIAL_GROWTH))
        self._unheard = False
        return _understood(open_)


def recognise(blocks: Iterable[bytes]) -> Iterator[Sentence]:
    """Understand a whole sound, two sentences at a time.

    Args:
        blocks: The sound in pieces of any size: 16 kHz, 16 bits, one channel.

    Yields:
        Its sentences, all of them final, in order.

    Raises:
        RuntimeError: The listener broke down.
    """
    with ThreadPoolExecutor(MOST, "maaskit-listening") as pool:
        waiting: deque[Future[Sentence | None]] = deque()
        for utterance in _utterances(blocks):
            waiting.append(pool.submit(_understood, utterance))
            if len(waiting) > MOST:
                sentence = waiting.popleft().result()
                if sentence is not None:
                    yield sentence
        for future in waiting:
            sentence = future.result()
            if sentence is not None:
                yield sentence


def _utterances(blocks: Iterable[bytes]) -> Iterator[Utterance]:
    endpointer = Endpointer()
    for block in blocks:
        yield from endpointer.feed(block)
    last = endpointer.finish()
    if last is not None:
        yield last


def _understood(utterance: Utterance) -> Sentence | None:
    pcm, offset_ms = _framed(utterance)
    heard = LISTENERS.hear(_prepared(pcm), CAREFUL if utterance.is_whole else QUICK)
    if not heard:
        return None
    first_ms, last_ms = utterance.begin_ms, utterance.begin_ms + len(utterance.pcm) // 2 * 1000 // RATE

    def at(time_ms: int) -> int:  # the silence that was laid around it is no part of the sound
        return min(max(first_ms, first_ms + offset_ms + time_ms), last_ms)

    words = tuple(Word(word.text, at(word.begin_ms), at(word.end_ms)) for word in heard)
    return Sentence(words, words[0].begin_ms, words[-1].end_ms, utterance.is_whole)


def _framed(utterance: Utterance) -> tuple[bytes, int]:
    """Cut an utterance so that it begins and ends a set time before its first and behind its last sound.

    Where the frames of the detector fall depends on where the stream began; what is understood must not, so that a
    conversation that is taken up again is understood as it would have been.

    Args:
        utterance: The utterance.

    Returns:
        Its samples, and how many milliseconds they begin behind its own; before it where that is negative.
    """
    import numpy as np  # noqa: PLC0415 -- loaded on use: heavy

    samples = np.frombuffer(utterance.pcm[: len(utterance.pcm) // 2 * 2], dtype="<i2").astype("i4")
    loud = np.flatnonzero(np.abs(samples) >= max(1.0, AUDIBLE * float(np.abs(samples).max(initial=0))))
    if not len(loud):
        return b"", 0
    begin = int(loud[0]) - LEAD_MS * RATE // 1000
    end = int(loud[-1]) + LEAD_MS * RATE // 1000 if utterance.is_whole else len(samples)
    padded = np.zeros(end - begin, dtype="<i2")
    first, last = max(begin, 0), min(end, len(samples))
    padded[first - begin : last - begin] = samples[first:last]
    return padded.tobytes(), begin * 1000 // RATE


def _prepared(pcm: bytes) -> bytes:
    import numpy as np  # noqa: PLC0415 -- loaded on use: heavy

    samples = np.frombuffer(pcm, dtype="<i2").astype("f8")
    loudness = float(np.sqrt((samples**2).mean())) if len(samples) else 0.0
    if loudness < 1:
        return b""
    noise = np.random.default_rng(len(samples)).standard_normal(len(samples)) * SPEECH_RMS / 10 ** (NOISE_DB / 20)
    prepared = samples * (SPEECH_RMS / loudness) + noise
    return np.clip(np.rint(prepared), -32768, 32767).astype("<i2").tobytes()
