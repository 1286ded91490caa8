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
        r"(?i)\b(?:repeat|echo|say)\b[^:\n]{0,60}?\b(?:exactly|verbatim|word for word|literally|the following|after me|"
        r"back to me|nothing (?:else|but)|only)\b[^:\n]{0,50}:\s*"
    ),
    re.compile(
        r"(?i)\b(?:reply|respond|answer|output|return|print|write)\b[^:\n]{0,40}?\b(?:exactly|verbatim|word for word|"
        r"literally|nothing (?:else|but))\b[^:\n]{0,40}:\s*"
    ),
    re.compile(
        r"(?i)^\W*(?:please\s+)?(?:repeat|echo|say)"
        r"(?:\s+(?:this|that|it|after me|the (?:text|words?|sentence)))?\s*:\s*"
    ),
    re.compile(
        r"[^:\n。]{0,20}(?:原样|逐字|一字不差|一字不改|完整|跟我|跟着我|照着)[^:\n。]{0,4}"
        r"(?:重复|复述|说|念|读|输出|回复|回答|返回|写)[^:\n]{0,12}:\s*"
    ),
    re.compile(r"^\W*(?:请)?(?:重复|复述)[^:\n]{0,16}:\s*"),
    re.compile(r"^\W*(?:请)?(?:只|仅)(?:需)?(?:回复|回答|输出|说|返回|写)[^:\n\"“「]{0,12}:\s*"),
)
"""What stands before words that are to be repeated."""
QUOTED_WORDS: Final = re.compile(
    r"(?i)\b(?:repeat|echo|say|reply|respond|answer|output|write)\b[^\n\"'“「]{0,50}?\b(?:exactly|only|just|verbatim|"
    r"the words?|the single word|the text)\b[^\n\"'“「]{0,30}[\"'“「](?P<text>[^\n]{1,400}?)[\"'”」]|"
    r"(?:只|仅)(?:需)?(?:回复|回答|输出|说|返回|写)[^:\n\"“「]{0,12}[\"“「](?P<words>[^\n\"”」]{1,400})"
)
LONGEST_LEAD: Final = 240
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
    lead = halfwidth(text[:LONGEST_LEAD])
    for pattern in REPEAT:
        match = pattern.search(lead)
        if match and (rest := text[match.end() :].strip()):
            return rest
    match = QUOTED_WORDS.search(lead)
    return None if match is None else text[slice(*match.span("text" if match["text"] else "words"))].strip()


def counting(text: str) -> str | None:
    """Count, when a request wants counting.

    Args:
        text: The request.

    Returns:
        The numbers, separated by commas; None when it wants none.
    """
    match = COUNT.search(halfwidth(text[:LONGEST_LEAD]))
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
