"""A whole recording becomes timed lines, each with the number of who speaks it.

Words are found by `recognition`, files are opened by `containers`; speakers are told apart here, by their pitch alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from tempfile import TemporaryFile
from typing import BinaryIO, Final

from maaskit.sandbox.engines import containers, recognition
from maaskit.sandbox.engines.audio import pitch_hz
from maaskit.sandbox.engines.endpointing import RATE
from maaskit.sandbox.engines.recognition import Sentence
from maaskit.sandbox.engines.sound import BYTES_PER_SAMPLE, Sound

BLOCK_BYTES: Final = RATE * BYTES_PER_SAMPLE
"""One second."""

PITCH_MS: Final = 6000
"""A sentence's pitch is measured over so much of it at most."""

OTHER_SPEAKER: Final = 1.15
"""Of all the sentences' pitches in order, two neighbours that lie so far apart part one speaker from another. From
sentence to sentence one voice of the sandbox ranges over a factor of 1.19 in steps below 1.1, and its women begin 1.2
above where most of its men end (measured)."""


@dataclass(frozen=True, slots=True)
class Line:
    """Hold one sentence.

    Args:
        begin_ms: Where it begins.
        end_ms: Where it ends.
        speaker: Who speaks: 0 is who spoke first.
        text: What is said.
    """

    begin_ms: int
    end_ms: int
    speaker: int
    text: str


@dataclass(frozen=True, slots=True)
class Heard:
    """Hold what a recording says.

    Args:
        lines: Its sentences in order.
        duration_ms: How long it lasts.
    """

    lines: tuple[Line, ...]
    duration_ms: int


def listen(source: BinaryIO, check: Callable[[], None] = lambda: None) -> Heard:
    """Listen to a recording of any length; memory stays small, and the disk takes 115 MB an hour for a while.

    Args:
        source: The file.
        check: Called about once for each second of it; what it raises ends the listening.

    Returns:
        What is said in it.

    Raises:
        CannotRead: It is no sound file, a broken one, or one longer than 5 hours.
        RuntimeError: The listener broke down.
    """
    with TemporaryFile() as pcm:
        for block in containers.blocks(source, RATE):
            check()
            pcm.write(block)
        duration_ms = round(pcm.tell() // BYTES_PER_SAMPLE * 1000 / RATE)
        pcm.seek(0)
        sentences = list(recognition.recognise(_blocks(pcm, check)))
        speakers = numbered([_pitch(pcm, sentence) for sentence in sentences])
    found = zip(sentences, speakers, strict=True)
    return Heard(tuple(Line(s.begin_ms, s.end_ms, who, s.text) for s, who in found), duration_ms)


def numbered(pitches: Sequence[float | None]) -> list[int]:
    """Tell speakers apart.

    Args:
        pitches: How high each sentence is spoken, in hertz; None where that is not known.

    Returns:
        The number of each sentence's speaker: 0 for the first one, and for a sentence without pitch who spoke before.
    """
    known = sorted(pitch for pitch in pitches if pitch is not None)
    bounds = [(low + high) / 2 for low, high in pairwise(known) if high > low * OTHER_SPEAKER]
    numbers: dict[int, int] = {}
    found, last = [], 0
    for pitch in pitches:
        if pitch is not None:
            group = sum(pitch > bound for bound in bounds)
            last = numbers.setdefault(group, len(numbers))
        found.append(last)
    return found


def _blocks(pcm: BinaryIO, check: Callable[[], None]) -> Iterator[bytes]:
    while block := pcm.read(BLOCK_BYTES):
        check()
        yield block


def _pitch(pcm: BinaryIO, sentence: Sentence) -> float | None:
    begin, end = (RATE * ms // 1000 * BYTES_PER_SAMPLE for ms in (sentence.begin_ms, sentence.end_ms))
    pcm.seek(begin, os.SEEK_SET)
    most = RATE * PITCH_MS // 1000 * BYTES_PER_SAMPLE
    return pitch_hz(Sound(pcm.read(min(end - begin, most)), RATE))
