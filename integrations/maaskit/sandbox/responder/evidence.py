"""What a user said, as material for arguments: each number and name of it is spent once.

Which place a value belongs to is decided by the finders.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from maaskit.sandbox.responder.numerals import Number, numbers
from maaskit.sandbox.responder.words import halfwidth

QUOTED: Final = re.compile(
    r"\"(?P<a>[^\"\n]{1,2000})\"|“(?P<b>[^”]{1,2000})”|「(?P<c>[^」]{1,2000})」|『(?P<d>[^』]{1,2000})』|"
    r"《(?P<e>[^》]{1,200})》|(?<![\w])'(?P<f>[^'\n]{1,2000}?)'(?!\w)|‘(?P<g>[^’]{1,2000})’|`(?P<h>[^`\n]{1,2000})`"
)


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


@dataclass(slots=True)
class Evidence:
    """A text and what of it has been spent.

    Args:
        text: What was said.
        spent: The places already used for a value.
    """

    text: str
    spent: list[tuple[int, int]] = field(default_factory=list)

    @property
    def plain(self) -> str:
        """Return the text with half-width signs, of the same length."""
        return halfwidth(self.text)

    def spend(self, start: int, end: int) -> None:
        """Mark a place as used.

        Args:
            start: Where it begins.
            end: Where it ends.
        """
        self.spent.append((start, end))

    def is_free(self, start: int, end: int) -> bool:
        """Tell whether a place is still unused.

        Args:
            start: Where it begins.
            end: Where it ends.

        Returns:
            Whether no used place overlaps it.
        """
        return all(end <= s or e <= start for s, e in self.spent)

    def numbers(self) -> list[Number]:
        """List the numbers that are unused and not quoted.

        Returns:
            The numbers in order.
        """
        quotes = [(q.start, q.end) for q in self.quoted()]
        return [
            n
            for n in numbers(self.plain)
            if self.is_free(n.start, n.end) and not any(s < n.start and n.end < e for s, e in quotes)
        ]

    def quoted(self) -> list[Span]:
        """List the quotations that are unused.

        Returns:
            The quotations in order, without their marks.
        """
        found = []
        for match in QUOTED.finditer(self.text):
            text = next(group for group in match.groups() if group is not None)
            if self.is_free(match.start(), match.end()):
                found.append(Span(text.strip(), match.start(), match.end()))
        return found

    def free_text(self) -> str:
        """Return the text without what was spent."""
        kept = list(self.text)
        for start, end in self.spent:
            kept[start:end] = " " * (end - start)
        return re.sub(r"[ \t]+", " ", "".join(kept)).strip()

    def objects(self) -> list[Any]:
        """List the JSON objects and arrays that stand in the text.

        Returns:
            The decoded values in order.
        """
        return list(json_values(self.text))


def json_values(text: str) -> Iterator[Any]:
    """Find JSON objects and arrays in a text.

    Args:
        text: Any text.

    Yields:
        Each value that is no part of one found before.
    """
    decoder = json.JSONDecoder()
    position = 0
    while match := re.compile(r"[{\[]").search(text, position):
        try:
            value, position = decoder.raw_decode(text, match.start())
        except (ValueError, RecursionError):
            position = match.end()
        else:
            yield value
