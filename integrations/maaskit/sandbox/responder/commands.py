"""Requests that say word for word what the answer is: to repeat, to count.

Questions are answered in `telling`.
"""

from __future__ import annotations

import re
from typing import Final

from maaskit.sandbox.responder.numerals import chinese_value, english_value
from maaskit.sandbox.responder.words import halfwidth, is_chinese

REPEAT: Final = (
    re.compile(
        r"(?is)\b(?:repeat|echo|say|reply|respond|answer|output|return|print|write)\b[^:\n]{0,60}?"
        r"\b(?:exactly|verbatim|word for word|literally|the following|after me|back to me|nothing "
        r"(?:else|but)|only)\b[^:\n]{0,50}:\s*(?P<text>.+)$"
    ),
    re.compile(
        r"(?is)^\W*(?:please\s+)?(?:repeat|echo|say)(?:\s+(?:this|that|it|after me|the (?:text|"
        r"words?|sentence)))?\s*:\s*(?P<text>.+)$"
    ),
    re.compile(
        r"(?is)\b(?:repeat|echo|say|reply|respond|answer|output|"
        r"write)\b[^\n\"'“「]{0,50}?\b(?:exactly|only|just|verbatim|the words?|the single word|"
        r"the text)\b"
        r"[^\n\"'“「]{0,30}[\"'“「](?P<text>[^\n]+?)[\"'”」]"
    ),
    re.compile(
        r"(?s)(?:请|麻烦)?[^:\n。]{0,10}(?:原样|逐字|一字不差|一字不改|完整|跟我|跟着我|"
        r"照着)[^:\n。]{0,4}(?:重复|复述|说|念|读|输出|回复|回答|返回|"
        r"写)[^:\n]{0,12}:\s*(?P<text>.+)$"
    ),
    re.compile(r"(?s)^\W*(?:请)?(?:重复|复述)[^:\n]{0,16}:\s*(?P<text>.+)$"),
    re.compile(r"(?s)(?:只|仅)(?:需)?(?:回复|回答|输出|说|返回|写)[^:\n\"“「]{0,12}[:\"“「]\s*(?P<text>[^\n\"”」]+)"),
)
COUNT: Final = re.compile(
    r"(?i)\bcount\b[^.\n]{0,30}?\b(?:from\s+(?P<from>[\w-]+)\s+)?(?:up\s+)?to\s+(?P<to>[\w-]+)|"
    r"从(?P<von>[\d一二三四五六七八九十百]+)数到(?P<bis>[\d一二三四五六七八九十百]+)"
)
MOST_COUNTED: Final = 5000


def repetition(text: str) -> str | None:
    """Find what a request wants repeated.

    Args:
        text: The request.

    Returns:
        The words to repeat; None when it wants no repetition.
    """
    plain = halfwidth(text)
    for pattern in REPEAT:
        match = pattern.search(plain)
        if match:
            return text[slice(*match.span("text"))].strip()
    return None


def counting(text: str) -> str | None:
    """Count, when a request wants counting.

    Args:
        text: The request.

    Returns:
        The numbers, separated by commas; None when it wants none.
    """
    match = COUNT.search(halfwidth(text))
    if match is None:
        return None
    first = _number(match["from"] or match["von"] or "1")
    last = _number(match["to"] or match["bis"])
    if first is None or last is None or not 0 <= last - first <= MOST_COUNTED:
        return None
    return ("、" if is_chinese(text) else ", ").join(str(n) for n in range(first, last + 1))


def _number(text: str) -> int | None:
    if text.isdigit():
        return int(text)
    if not text.isascii():
        return chinese_value(text)
    return english_value(text) or None
