"""Sentences put together at run time from ordinary English words, and how far what was heard is from them."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence

WHO = (
    "the teacher",
    "my friend",
    "the doctor",
    "the student",
    "every child",
    "the old man",
    "a young woman",
    "the captain",
    "his brother",
    "our family",
    "the farmer",
    "her mother",
)
DOES = ("bought", "found", "opened", "painted", "carried", "watched", "remembered", "wanted", "followed", "lost")
WHAT = (
    "a small house",
    "some fresh bread",
    "a long letter",
    "the broken chair",
    "two good pictures",
    "a glass of water",
    "the new garden",
    "an interesting story",
    "a big yellow dog",
    "the book about music",
)
WHEN = (
    "in the morning",
    "last winter",
    "after the meeting",
    "near the river",
    "before dinner",
    "with great care",
    "on the second day",
    "at the station",
    "for many years",
    "in the middle of the night",
)


def sentences(seed: int) -> Iterator[str]:
    """Yield sentences without end; a seed always gives the same ones."""
    rng = random.Random(seed)  # noqa: S311 - sentences, not secrets
    while True:
        yield " ".join(rng.choice(part) for part in (WHO, DOES, WHAT, WHEN))


def words_of(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())


def word_errors(said: str, heard: str) -> float:
    """Divide the words put in, left out and mistaken by the words that were said."""
    one, other = words_of(said), words_of(heard)
    return distance(one, other) / len(one)


def distance(one: Sequence[str], other: Sequence[str]) -> int:
    row = list(range(len(other) + 1))
    for number, word in enumerate(one, 1):
        before, row[0] = row[:], number
        for at, heard in enumerate(other, 1):
            row[at] = min(before[at] + 1, row[at - 1] + 1, before[at - 1] + (word != heard))
    return row[-1]
