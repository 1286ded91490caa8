"""What a user said, as material for arguments: each number and name of it is spent once.

Which place a value belongs to is decided by the finders.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from maaskit.sandbox.responder.numerals import Number, numbers
from maaskit.sandbox.responder.words import halfwidth

QUOTED: Final = re.compile(
    r"\"(?P<a>[^\"\n]{1,2000})\"|“(?P<b>[^”]{1,2000})”|「(?P<c>[^」]{1,2000})」|『(?P<d>[^』]{1,2000})』|"
    r"《(?P<e>[^》]{1,200})》|(?<![\w])'(?P<f>[^'\n]{1,2000}?)'(?!\w)|‘(?P<g>[^’]{1,2000})’|`(?P<h>[^`\n]{1,2000})`"
)


OPENING: Final = re.compile(r"[{\[]")
HEAD: Final = 4000
TAIL: Final = 2000
"""Characters at the beginning and the end of a text that are searched for arguments."""
MOST_VALUES: Final = 200


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of the evidence.

    Args:
        text: The piece, without its quotation marks.
        start: Where it begins, its quotation mark included.
        end: Where it ends.
    """

    text: str
    start: int
    end: int


class Evidence:
    """A text and what of it has been spent.

    Args:
        text: What was said; the middle of a very long text is left out.
    """

    def __init__(self, text: str) -> None:
        self.text = text if len(text) <= HEAD + TAIL else f"{text[:HEAD]}\n{text[-TAIL:]}"
        self.plain = halfwidth(self.text)
        """The text with half-width signs, of the same length."""
        self._spent: list[tuple[int, int]] = []

    @cached_property
    def _quotes(self) -> list[Span]:
        matches = QUOTED.finditer(self.text)
        return [Span(next(g for g in m.groups() if g is not None).strip(), m.start(), m.end()) for m in matches]

    @cached_property
    def _numbers(self) -> list[Number]:
        quotes = [(q.start, q.end) for q in self._quotes]
        found = numbers(self.plain)[:MOST_VALUES]
        return [n for n in found if not any(s < n.start and n.end < e for s, e in quotes)]

    @cached_property
    def objects(self) -> list[Any]:
        """The JSON objects and arrays that stand in the text, in order."""
        return list(json_values(self.text))

    def spend(self, start: int, end: int) -> None:
        """Mark a place as used.

        Args:
            start: Where it begins.
            end: Where it ends.
        """
        self._spent.append((start, end))

    def is_free(self, start: int, end: int) -> bool:
        """Tell whether a place is still unused.

        Args:
            start: Where it begins.
            end: Where it ends.

        Returns:
            Whether no used place overlaps it.
        """
        return all(end <= s or e <= start for s, e in self._spent)

    def numbers(self) -> list[Number]:
        """List the numbers that are unused and not quoted.

        Returns:
            The numbers in order.
        """
        return [n for n in self._numbers if self.is_free(n.start, n.end)]

    def quoted(self) -> list[Span]:
        """List the quotations that are unused.

        Returns:
            The quotations in order, without their marks.
        """
        return [quote for quote in self._quotes[:MOST_VALUES] if self.is_free(quote.start, quote.end)]

    def free_text(self) -> str:
        """Return the text without what was spent."""
        kept = list(self.text)
        for start, end in self._spent:
            kept[start:end] = " " * (end - start)
        return re.sub(r"[ \t]+", " ", "".join(kept)).strip()


def json_values(text: str) -> Iterator[Any]:
    """Find JSON objects and arrays in a text.

    Args:
        text: Any text.

    Yields:
        Each value that is no part of one found before.
    """
    decoder = json.JSONDecoder()
    position = 0
    for _ in range(MOST_VALUES):
        match = OPENING.search(text, position)
        if match is None:
            return
        try:
            value, position = decoder.raw_decode(text, match.start())
        except (ValueError, RecursionError):
            position = match.end()
        else:
            yield value
