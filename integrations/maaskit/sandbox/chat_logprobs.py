"""Log probabilities of an answer's tokens: made up, stable, and in the form that clients parse.

The responder has no probabilities; these only have the right shape and order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final

FILLERS: Final = (
    " the",
    " a",
    "的",
    "是",
    ",",
    ".",
    " of",
    "了",
    " and",
    "在",
    " to",
    "和",
    " in",
    "不",
    " it",
    "有",
    " is",
    "这",
    " on",
    "我",
    " we",
)


def logprobs_of(tokens: Sequence[str], start: int, top: int) -> list[dict[str, Any]]:
    """Write the log probabilities of some tokens.

    Args:
        tokens: The tokens.
        start: The place of the first of them in the answer.
        top: How many alternatives each gets, 0 to 20.

    Returns:
        ``[{"token", "logprob", "bytes", "top_logprobs"}]``.
    """
    return [_entry(token, start + number, top) for number, token in enumerate(tokens)]


def _entry(token: str, place: int, top: int) -> dict[str, Any]:
    chance = _chance(f"{place}/{token}")
    others = [filler for filler in FILLERS if filler != token][: max(top - 1, 0)]
    ranked = [(token, chance), *((other, chance - 1.5 - 0.35 * n) for n, other in enumerate(others))]
    return {**_scored(token, chance), "top_logprobs": [_scored(t, p) for t, p in ranked[:top]]}


def _scored(token: str, logprob: float) -> dict[str, Any]:
    return {"token": token, "logprob": round(logprob, 6), "bytes": list(token.encode("utf-8", "surrogatepass"))}


def _chance(key: str) -> float:
    digest = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=2).digest()
    return -int.from_bytes(digest, "big") / 65536
