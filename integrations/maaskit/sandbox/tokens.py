"""How the sandbox counts: text cut into tokens, and a memory of prompts that were seen before.

The cut is the sandbox's own, close to what real tokenizers give for Chinese and English; no price follows from it.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Final

PIECE: Final = re.compile(
    r"\s?[A-Za-z]{1,7}(?![a-z])|\s?[A-Za-z]{1,5}|\s?\d{1,3}|[\u3400-\u9fff\uf900-\ufaff]{1,2}|\s+|[^\w\s]{1,2}|.",
    re.DOTALL,
)

MAX_PREFIXES: Final = 400_000
"""Remembered prefixes, one per token; the least recently used are forgotten."""


def tokenize(text: str) -> list[str]:
    """Cut a text into tokens.

    Args:
        text: Any text.

    Returns:
        The tokens; joined they are the text again.
    """
    return PIECE.findall(text)


def count(text: str) -> int:
    """Count the tokens of a text.

    Args:
        text: Any text.

    Returns:
        Their number.
    """
    return len(tokenize(text))


class PrefixCache:
    """A memory of prompts: how long a beginning of this one has been seen before; safe for threads."""

    def __init__(self, max_prefixes: int = MAX_PREFIXES) -> None:
        self._seen: OrderedDict[bytes, None] = OrderedDict()
        self._lock = threading.Lock()
        self._max = max_prefixes

    def visit(self, model: str, tokens: Sequence[str]) -> int:
        """Look a prompt up, then remember it.

        Args:
            model: The model that reads it; each has its own memory.
            tokens: The prompt's tokens.

        Returns:
            How many tokens at its beginning were seen before.
        """
        keys = list(_prefixes(model, tokens))
        with self._lock:
            known = next((n for n in range(len(keys), 0, -1) if keys[n - 1] in self._seen), 0)
            for key in keys:
                self._seen[key] = None
                self._seen.move_to_end(key)
            while len(self._seen) > self._max:
                self._seen.popitem(last=False)
        return known


def _prefixes(model: str, tokens: Iterable[str]) -> Iterable[bytes]:
    running = hashlib.blake2b(model.encode(), digest_size=12)
    for token in tokens:
        running.update(b"\x00" + token.encode("utf-8", "surrogatepass"))
        yield running.digest()
