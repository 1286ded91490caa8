"""What was said, as both clouds' recognisers tell it: Word, Utterance, Segment and Transcript.

How a service writes these on the wire is its endpoint's business.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Word:
    """Be one word of an utterance.

    Args:
        text: The word; one or more characters of Chinese.
        begin_ms: Milliseconds from the beginning of the audio, or ``None`` when the service tells none.
        end_ms: The same of its end.
    """

    text: str
    begin_ms: int | None = None
    end_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Utterance:
    """Be one sentence as live recognition hears it.

    Args:
        text: The whole sentence so far; a later utterance replaces one that is not final, it is not appended to it.
        begin_ms: Milliseconds from the beginning of the audio, or ``None`` when the service tells none.
        end_ms: The same of its end; ``None`` while the sentence goes on.
        is_final: Whether nothing of it changes any more.
        words: Its words, where the service tells them.

    Utterances add up to the list of those that are final, and one alone is walked through as such a list: what adds up
    a stream, as LangChain's chains do, gets what the whole recording gives, and loses no sentence.
    """

    text: str
    begin_ms: int | None = None
    end_ms: int | None = None
    is_final: bool = False
    words: tuple[Word, ...] = ()

    def __iter__(self) -> Iterator[Utterance]:
        """Give it if it is final."""
        if self.is_final:
            yield self

    def __add__(self, later: object) -> list[Utterance]:
        """Give the final ones of two."""
        return [*self, *later] if isinstance(later, Utterance) else NotImplemented

    def __radd__(self, earlier: object) -> list[Utterance]:
        """Give the final ones so far with this one, if it is final."""
        return [*earlier, *self] if isinstance(earlier, list) else NotImplemented

    def later(self, shift_ms: int) -> Utterance:
        """Give the same utterance, heard later.

        Args:
            shift_ms: Milliseconds to add to every time.

        Returns:
            The utterance.
        """
        if not shift_ms:
            return self
        words = tuple(
            replace(word, begin_ms=_plus(word.begin_ms, shift_ms), end_ms=_plus(word.end_ms, shift_ms))
            for word in self.words
        )
        return replace(self, begin_ms=_plus(self.begin_ms, shift_ms), end_ms=_plus(self.end_ms, shift_ms), words=words)

    @property
    def weight(self) -> int:
        """Estimate the bytes of memory that it holds."""
        return 256 + 4 * len(self.text) + 192 * len(self.words)


@dataclass(frozen=True, slots=True)
class Segment:
    """Be one stretch of a recording's transcript.

    Args:
        begin_ms: Milliseconds from the beginning of the recording.
        end_ms: The same of its end.
        speaker: The service's name or number of who speaks, or ``None`` when it tells none.
        text: What was said.
    """

    begin_ms: int
    end_ms: int
    speaker: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Transcript:
    """Be what a recording says.

    Args:
        text: All of it; empty when nobody speaks.
        segments: Its stretches in order, where the service tells them.
        duration_s: Length of the recording in seconds, if told.
        raw: The service's own object.
    """

    text: str = field(repr=False)
    segments: tuple[Segment, ...] = field(default=(), repr=False)
    duration_s: float | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


def joined_texts(texts: Iterable[str]) -> str:
    """Put sentences together.

    Args:
        texts: The sentences, in order.

    Returns:
        Their text; a space stands between two of them where their languages write one.
    """
    whole = ""
    for said in texts:
        spaced = whole and said and whole[-1].isascii() and said[0].isascii() and not whole[-1].isspace()
        whole += f" {said}" if spaced else said
    return whole


def milliseconds(value: Any) -> int | None:
    """Read a number of milliseconds as a service writes it.

    Args:
        value: An int, a float or a text of either (wire-facts C.40: ``9336`` and ``"9336"`` stand in one answer).

    Returns:
        Milliseconds, or ``None`` for anything else.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    # Beyond any recording, and beyond what other libraries take for a time.
    return int(number) if math.isfinite(number) and abs(number) < 1e15 else None


def _plus(time_ms: int | None, shift_ms: int) -> int | None:
    return None if time_ms is None else time_ms + shift_ms
