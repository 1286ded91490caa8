"""The sentences that answer a question, found by the words they share with it.

Where passages come from is read in `passages`; the answer is put together in `telling`.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from maaskit.sandbox.responder.passages import Passage
from maaskit.sandbox.responder.question import ENDS_ASKING, is_instruction
from maaskit.sandbox.responder.sentences import Sentence, sentences
from maaskit.sandbox.responder.words import halfwidth, translated, words

ENOUGH: Final = 0.34
"""The part of the question's weight that the best sentence must carry to count as an answer."""
NEARLY_AS_GOOD: Final = 0.7
TRANSLATED_WEIGHT: Final = 0.5
CONTEXT_WEIGHT: Final = 0.5
MAX_QUOTES: Final = 3
LONGEST_QUOTE: Final = 400

OF_EVERY_PRICE: Final = frozenset(words("cost price fee pay charge expense 价格 费用 收费"))
"""Words that a question shares with every sentence about money."""
ASKS_NUMBER: Final = re.compile(
    r"(?i)\bhow (?:much|many|long|far|old|big|large|tall|high|often)\b|\bwhen\b|\bwhat (?:time|"
    r"year|date|price|number|percent)|"
    r"\b(?:price|cost|budget|number|amount|date|year)\b|多少|几|何时|什么时候|哪年|哪天|多久|多长|价格|日期|预算"
)


@dataclass(frozen=True, slots=True)
class Found:
    """A sentence that may answer.

    Args:
        sentence: The sentence.
        source: Where it comes from.
        score: How much of the question's weight it carries, about 0 to 1.
    """

    sentence: Sentence
    source: str
    score: float


def best_sentences(question: str, passages: Sequence[Passage], limit: int = MAX_QUOTES) -> list[Found]:
    """Find the sentences that answer a question.

    Args:
        question: The question.
        passages: Where to look.
        limit: How many sentences at most.

    Returns:
        The best first; empty when none shares enough with the question.
    """
    asked = Counter(words(question))
    candidates = _candidates(passages)
    if not asked or not candidates:
        return []
    weights = _weights(asked, [set(words(s.text)) for s, _ in candidates])
    found = [_rate(sentence, passage, weights, question) for sentence, passage in candidates]
    found.sort(key=lambda f: -f.score)
    best = found[0].score
    if best < ENOUGH:
        return []
    return [f for f in found if f.score >= max(ENOUGH, best * NEARLY_AS_GOOD)][:limit]


def leading_sentences(passages: Sequence[Passage], limit: int = MAX_QUOTES) -> list[Found]:
    """Take the first sentences of passages, as a summary does that understands nothing.

    Args:
        passages: Where to look; passages of weight under 1 are left out when there are others.
        limit: How many sentences at most.

    Returns:
        The first sentence of each passage, then the second ones.
    """
    top = [p for p in passages if p.weight >= 1.0] or list(passages)
    columns = [[Found(s, p.source, 1.0) for s in sentences(p.text)] for p in top]
    deepest = max((len(column) for column in columns), default=0)
    return [column[row] for row in range(deepest) for column in columns if row < len(column)][:limit]


def _candidates(passages: Sequence[Passage]) -> list[tuple[Sentence, Passage]]:
    seen: set[str] = set()
    found = []
    for passage in passages:
        for whole in sentences(passage.text):
            sentence = _behind_order(whole)
            is_question = ENDS_ASKING.search(halfwidth(sentence.text)) is not None
            if sentence.text in seen or is_question or (passage.weight < 1.0 and is_instruction(sentence.text)):
                continue
            seen.add(sentence.text)
            found.append((sentence, passage))
    return found


def _behind_order(sentence: Sentence) -> Sentence:
    """Take off an order that stands before a text, as in ``Use this text: Tea is at four``."""
    order, colon, rest = sentence.text.partition(": ")
    return Sentence(rest.strip(), sentence.context) if colon and rest.strip() and is_instruction(order) else sentence


def _weights(asked: Counter[str], bags: Sequence[set[str]]) -> dict[str, float]:
    """Weigh the question's words: those that few sentences have count more, those that none has count little."""
    weights = {}
    for word in asked:
        having = sum(word in bag for bag in bags)
        weights[word] = math.log(1 + (len(bags) + 1) / (having + 0.5)) * _worth(word, found=having > 0)
    return weights


def _worth(word: str, *, found: bool) -> float:
    """Say how much a word counts beside its rarity: a pair of Chinese characters may be no word at all."""
    if not found:
        return 0.4 if word.isascii() else 0.25
    return 0.5 if word in OF_EVERY_PRICE else 1.0


def _rate(sentence: Sentence, passage: Passage, weights: dict[str, float], question: str) -> Found:
    own, around = set(words(sentence.text)), set(words(f"{sentence.context} {passage.source}"))
    foreign = translated(sorted(own)) - own
    score = 0.0
    for word, weight in weights.items():
        if word in own:
            score += weight
        elif word in around:
            score += weight * CONTEXT_WEIGHT
        elif word in foreign:
            score += weight * TRANSLATED_WEIGHT
    score = score / sum(weights.values()) * passage.weight
    if score and ASKS_NUMBER.search(question) and re.search(r"\d", sentence.text):
        score *= 1.15
    if len(sentence.text) > LONGEST_QUOTE:
        score *= 0.7
    return Found(sentence, passage.source, score)
