"""Lists in a text: quoted items, items behind a colon, items joined by commas and "and".

Lists of numbers, enums and objects are built in `filling`.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from maaskit.sandbox.responder.evidence import Evidence
from maaskit.sandbox.responder.schemas import Slot
from maaskit.sandbox.responder.words import STOP_WORDS, name_words, words

SEPARATOR: Final = re.compile(r"\s*(?:,\s*(?:and|or)\s|[,;、\n]|\s(?:and|&|or)\s|以及|和|与)\s*")
CLAUSE: Final = re.compile(r"[^.。?!:\n]+(?:\.(?=\w)[^.。?!:\n]+)*(?:\n\s*[-*\d][^\n]*)*")
LEADING_VERB: Final = re.compile(
    r"^\s*(?:把|将|添加|加入|(?i:add|put|buy|order|list|remove|send|compare|sum|include|invite|tell|ask|email|notify|with|for)\s)"
)
TAIL: Final = re.compile(r"\s+(?:to|into|onto|on|in|from|for)\b.*$|(?:加入|加到|添加|放入|放到|放进|列入|写入|到).*$")
MAX_KEYWORDS: Final = 8
MOST_CLAUSES: Final = 60
LONGEST_ITEM: Final = 4
"""Words in an item of a list."""


def items_in(evidence: Evidence, slot: Slot) -> list[str]:
    """Find the list that a property wants.

    Args:
        evidence: Where to look; what is taken is marked as spent.
        slot: The property.

    Returns:
        The items; empty when the text has no list.
    """
    quotes = evidence.quoted()
    if quotes:
        for quote in quotes:
            evidence.spend(quote.start, quote.end)
        return [quote.text for quote in quotes]
    plain = evidence.plain
    clauses = [match.span() for match in CLAUSE.finditer(plain)]
    clauses.sort(key=lambda span: plain[: span[0]].rstrip().endswith(":"), reverse=True)
    for start, end in clauses[:MOST_CLAUSES]:
        items = _clean(evidence.text[start:end], slot)
        if len(items) > 1 and evidence.is_free(start, end):
            evidence.spend(start, end)
            return items
    return []


def keywords_in(text: str) -> list[str]:
    """List the words of a text that are used most.

    Args:
        text: Any text.

    Returns:
        Up to eight words as they stand, the most frequent first.
    """
    tokens = re.findall(r"[A-Za-z][A-Za-z'-]{2,}|[\u3400-\u9fff]{2,4}", text)
    counted = Counter(token for token in tokens if token.lower() not in STOP_WORDS)
    return [word for word, _ in counted.most_common(MAX_KEYWORDS)]


def _clean(text: str, slot: Slot) -> list[str]:
    """Split a clause into the items of a list; empty when one of them is longer than items are."""
    own = set(name_words(slot.name))
    pieces = SEPARATOR.split(re.sub(r"(?m)^\s*(?:[-*]|\d+[.)])\s*", "", LEADING_VERB.sub("", text, count=1)))
    items = []
    for number, piece in enumerate(pieces):
        tokens = piece.split()
        while tokens and (tokens[0].lower() in STOP_WORDS or set(words(tokens[0])) & own):
            tokens.pop(0)
        item = TAIL.sub("", " ".join(tokens)).strip(" .。?!\"'")
        if number == 0:
            item = " ".join(item.split()[-LONGEST_ITEM:])
        if len(item.split()) > LONGEST_ITEM or len(item) > LONGEST_ITEM * 12:
            return []
        items += [item] if item else []
    return items
