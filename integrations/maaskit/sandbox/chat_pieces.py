"""An answer cut into the uneven pieces of a stream.

Chunks are wrapped around the pieces in `chat_chunks`; tool calls are cut in `chat_tool_deltas`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from maaskit.sandbox.chat_logprobs import logprobs_of
from maaskit.sandbox.chat_tool_deltas import tool_deltas
from maaskit.sandbox.responder import Answer
from maaskit.sandbox.tokens import count, tokenize
from maaskit.sandbox.variants import Variants

SIZES = (1, 1, 2, 2, 3, 4, 6)
"""How many tokens a piece has."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One step of a stream.

    Args:
        delta: What it adds to the message.
        tokens: How many tokens that is.
        reasoning: How many of them are reasoning.
        upto: How many characters of the answer's text are out after it.
        logprobs: Its tokens' log probabilities, when they are wanted.
    """

    delta: dict[str, Any]
    tokens: int = 0
    reasoning: int = 0
    upto: int = 0
    logprobs: list[dict[str, Any]] | None = None


def pieces(answer: Answer, rng: Random, variants: Variants, top_logprobs: int | None) -> Iterator[Piece]:
    """Cut an answer: reasoning, then text, then tool calls.

    Args:
        answer: The answer.
        rng: Chooses the sizes.
        variants: The switches.
        top_logprobs: How many alternatives each token of the text gets; None for no log probabilities.

    Yields:
        The pieces in order; joined they are the answer.
    """
    for group in _groups(tokenize(answer.reasoning), rng):
        yield Piece({variants.reasoning_field: "".join(group), "content": None}, len(group), len(group))
    place = upto = 0
    for group in _groups(tokenize(answer.text), rng):
        text = "".join(group)
        upto += len(text)
        scores = None if top_logprobs is None else logprobs_of(group, place, top_logprobs)
        yield Piece({"content": text}, len(group), upto=upto, logprobs=scores)
        place += len(group)
    counted = sum(count(c.name) + count(c.text) for c in answer.tool_calls)
    deltas = list(tool_deltas(answer.tool_calls, rng, variants.tool_deltas))
    for number, delta in enumerate(deltas):
        tokens = counted // len(deltas) + (counted % len(deltas) if number == 0 else 0)
        yield Piece({"tool_calls": delta}, tokens)


def _groups(tokens: Sequence[str], rng: Random) -> Iterator[list[str]]:
    start = 0
    while start < len(tokens):
        size = rng.choice(SIZES)
        yield list(tokens[start : start + size])
        start += size
