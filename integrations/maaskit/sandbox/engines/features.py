"""Words and character runs of a text, weighed by how much they say: what makes two texts alike.

Vectors are made elsewhere; meaning beyond the letters is not known here.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from typing import Final

_CJK: Final = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_PIECES: Final = re.compile(rf"[{_CJK}]+|[^\W_{_CJK}]+(?:[.,'’\-][^\W_{_CJK}]+)*")

STOP_WORDS: Final = frozenset(
    re.findall(
        r"\S+",
        """
        a about above after again all also am an and any are as at be because been before being below between
        both but by can could did do does doing down during each else ever few find for from further get give
        given go had has have having he her here hers him his how i if in into is it its just kind know let like
        many may me mean might mine more most much must my need no nor not of off on once one only or other our
        out over own please same say shall she should show so some such take tell than that the their them then
        there these they this those through to too under until up us very want was we well were what when where
        whether which while who whom whose why will with would yes you your according answer describe explain
        following happen happens long question there's what's
        """,
    )
)
"""English words that stand in any text or make a sentence a question."""

STOP_CHARACTERS: Final = frozenset(
    "的了是在和与及或也都就而着过被把对从到向为以于其之所该此这那哪些个们我你您他她它什么谁几多少怎吗呢吧啊呀请问如何"
    "若则又还才只但并且因由使让将能可会应要得地有没不很更最等时候样种次位名给"
)
"""Chinese characters that mostly serve grammar, count, or ask."""

WORD: Final = 1.0
WORD_PAIR: Final = 0.3
STOP_WORD: Final = 0.04
WORD_PART: Final = 0.25
CHARACTER: Final = 0.55
CHARACTER_PAIR: Final = 1.0
CHARACTER_TRIPLE: Final = 0.4
STOP_SHARE: Final = (1.0, 0.3, 0.06, 0.02)
"""What is left of a run's weight with none, one, two, three characters of `STOP_CHARACTERS` in it."""


def of(text: str) -> dict[str, float]:
    """Weigh what a text consists of.

    Args:
        text: Any text.

    Returns:
        Feature to weight; a feature that comes often weighs more, by the logarithm of how often.
    """
    counts: Counter[str] = Counter()
    weights: dict[str, float] = {}
    for feature, weight in _found(unicodedata.normalize("NFKC", text).casefold()):
        counts[feature] += 1
        weights[feature] = weight
    return {feature: weights[feature] * (1 + math.log(count)) for feature, count in counts.items()}


def _found(text: str) -> Iterator[tuple[str, float]]:
    before = ""
    for piece in _PIECES.findall(text):
        if re.match(f"[{_CJK}]", piece):
            yield from _of_characters(piece)
            before = ""
            continue
        yield from _of_word(piece)
        stem = "" if piece in STOP_WORDS else _stem(piece)
        if before and stem:
            yield f"p:{before} {stem}", WORD_PAIR
        before = stem or before


def _of_word(word: str) -> Iterator[tuple[str, float]]:
    if word in STOP_WORDS:
        yield f"w:{word}", STOP_WORD
        return
    stem = _stem(word)
    yield f"w:{stem}", WORD * min(1.3, 0.7 + 0.1 * len(stem))
    if any(mark in word for mark in "-'’."):
        for part in re.split(r"[.,'’\-]", word):
            yield f"w:{_stem(part)}", WORD_PART if part in STOP_WORDS else WORD / 2
    if word.isalpha() and len(word) > 3:
        marked = f"^{stem}$"
        parts = len(marked) - 2
        for at in range(parts):
            yield f"t:{marked[at : at + 3]}", WORD_PART / math.sqrt(parts)


def _of_characters(run: str) -> Iterator[tuple[str, float]]:
    for size, weight in ((1, CHARACTER), (2, CHARACTER_PAIR), (3, CHARACTER_TRIPLE)):
        for at in range(len(run) - size + 1):
            gram = run[at : at + size]
            yield f"c:{gram}", weight * STOP_SHARE[sum(character in STOP_CHARACTERS for character in gram)]


def _stem(word: str) -> str:
    """Cut the commonest English endings, so that one word's forms meet."""
    word = re.sub(r"['’]s$", "", word)
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    for ending, least in (("ing", 6), ("ed", 5), ("ly", 6), ("es", 5), ("s", 4), ("e", 4)):
        if len(word) >= least and word.endswith(ending) and not word.endswith("ss"):
            return _undoubled(word[: -len(ending)])
    return word


def _undoubled(stem: str) -> str:
    return stem[:-1] if len(stem) > 3 and stem[-1] == stem[-2] and stem[-1] not in "ls" else stem
