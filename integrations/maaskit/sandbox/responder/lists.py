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

SEPARATOR: Final = re.compile(r"\s*(?:,\s*and\s+|,\s*or\s+|[,;、\n]|\s+and\s+|\s+&\s+|以及|和|与)\s*")
AFTER_COLON: Final = re.compile(r":\s*(?P<items>[^.。?!\n]+(?:\n\s*[-*\d].*)*)")
JOINED: Final = re.compile(
    r"(?P<items>[\w'’.-]+(?:\s[\w'’.-]+){0,2}(?:\s*,\s*[\w'’.-]+(?:\s[\w'’.-]+){0,2})*\s*,?\s+(?:and|&)\s+[\w'’.-]+(?:\s[\w'’.-]+)?|"
    r"[\u3400-\u9fffA-Za-z0-9]{1,12}(?:、[\u3400-\u9fffA-Za-z0-9]{1,12})+(?:和[\u3400-\u9fffA-Za-z0-9]{1,6})?)"
)
CAPITALISED_LIST: Final = re.compile(
    r"[A-Z][\w'’-]*(?:\s[A-Z][\w'’-]*)*(?:,?\s+and\s+|,\s*)(?:[A-Z][\w'’-]*(?:\s[A-Z][\w'’-]*)*(?:,?\s+and\s+|,\s*)?)+"
)
LEADING_VERB: Final = re.compile(
    r"^\s*(?:把|将|添加|加入|(?i:add|put|buy|order|list|remove|send|compare|sum|include|with|for)\s)"
)
TAIL: Final = re.compile(r"\s+(?:to|into|onto|on|in|from|for)\b.*$|(?:加入|加到|添加|放入|放到|放进|列入|写入|到).*$")
MAX_KEYWORDS: Final = 8


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
    for pattern in (AFTER_COLON, CAPITALISED_LIST, JOINED):
        for match in pattern.finditer(evidence.plain):
            start, end = match.span("items") if "items" in pattern.groupindex else match.span()
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
    own = set(name_words(slot.name))
    items = []
    text = LEADING_VERB.sub("", text)
    for piece in SEPARATOR.split(re.sub(r"(?m)^\s*(?:[-*]|\d+[.)])\s*", "", text)):
        tokens = piece.split()
        while tokens and (tokens[0].lower() in STOP_WORDS or set(words(tokens[0])) & own):
            tokens.pop(0)
        item = TAIL.sub("", " ".join(tokens)).strip(" .。?!\"'")
        if item:
            items.append(item)
    return items
