"""Numbers in a text: digits, English number words, Chinese numerals.

What a number stands for is decided by `filling`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from maaskit.sandbox.responder.lexicon import listed

ENGLISH: Final = {
    word: value
    for value, word in enumerate(
        listed("""zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
        seventeen eighteen nineteen""")
    )
} | {word: 10 * tens for tens, word in enumerate(listed("twenty thirty forty fifty sixty seventy eighty ninety"), 2)}
ENGLISH_SCALES: Final = {"hundred": 100, "thousand": 1000, "million": 1_000_000, "dozen": 12}
CHINESE_DIGITS: Final = {digit: value for value, digit in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
CHINESE_SCALES: Final = {"十": 10, "百": 100, "千": 1000, "万": 10_000, "亿": 100_000_000}

_ENGLISH_WORD: Final = "|".join(sorted([*ENGLISH, *ENGLISH_SCALES], key=len, reverse=True))
NUMBER: Final = re.compile(
    r"(?P<digits>(?<![A-Za-z0-9_.])[-−]?(?:\d{1,3}(?:,\d{3})+|"
    r"\d+)(?:\.\d+)?(?![\d.]*[A-Za-z_]*\d))(?P<scale>\s?[万亿千百])?"
    rf"|(?i:\b(?P<english>(?:{_ENGLISH_WORD})(?:(?:[\s-]+|(?:(?<=hundred)|(?<=thousand)|(?<=million))\s+and\s+)(?:{_ENGLISH_WORD}))*)\b)"
    r"|(?P<chinese>[零〇一二两三四五六七八九十百千万亿]+)"
)
NOT_A_COUNT: Final = re.compile(r"^一[下些样起般直定共种点边个张间份次位条件本]$")
"""Chinese words that begin with "one" and mean no more than "a"."""


MOST_DIGITS: Final = 40
LONGEST_NUMERAL: Final = 80


@dataclass(frozen=True, slots=True)
class Number:
    """A number and where it stands.

    Args:
        value: Its value; an int when it is whole and written so.
        start: Where it begins in the text.
        end: Where it ends.
        by_digits: Whether it was written in digits.
    """

    value: int | float
    start: int
    end: int
    by_digits: bool


def numbers(text: str) -> list[Number]:
    """Find the numbers of a text.

    Args:
        text: Any text.

    Returns:
        The numbers in the order in which they stand.
    """
    found = []
    for match in NUMBER.finditer(text):
        value = _value(match, text)
        if value is not None:
            found.append(Number(value, match.start(), match.end(), match["digits"] is not None))
    return found


def chinese_value(numeral: str) -> int:
    """Read a Chinese numeral.

    Args:
        numeral: Such as ``十二``, ``两百零五`` or ``二〇二五``.

    Returns:
        Its value.
    """
    if not any(c in CHINESE_SCALES for c in numeral):
        return int("".join(str(CHINESE_DIGITS[c]) for c in numeral))
    total = section = digit = 0
    for c in numeral:
        if c in CHINESE_DIGITS:
            digit = CHINESE_DIGITS[c]
        elif CHINESE_SCALES[c] < 10_000:
            section += (digit or 1) * CHINESE_SCALES[c]
            digit = 0
        else:
            total = (total + section + digit) * CHINESE_SCALES[c]
            section = digit = 0
    return total + section + digit


def english_value(phrase: str) -> int:
    """Read English number words.

    Args:
        phrase: Such as ``twenty-five`` or ``three hundred and two``.

    Returns:
        Their value.
    """
    total = section = 0
    for word in re.findall(r"[a-z]+", phrase.lower()):
        if word in ENGLISH:
            section += ENGLISH[word]
        elif word in ("hundred", "dozen"):
            section = (section or 1) * ENGLISH_SCALES[word]
        elif word in ENGLISH_SCALES:
            total += (section or 1) * ENGLISH_SCALES[word]
            section = 0
    return total + section


def _value(match: re.Match[str], text: str) -> int | float | None:
    if digits := match["digits"]:
        if len(digits) > MOST_DIGITS:
            return None
        plain = digits.replace(",", "").replace("−", "-")
        value: int | float = float(plain) if "." in plain else int(plain)
        scale = CHINESE_SCALES.get((match["scale"] or "").strip(), 1)
        scaled = value * scale
        return int(scaled) if scale > 1 and scaled == int(scaled) else scaled
    if len(match[0]) > LONGEST_NUMERAL:
        return None
    if english := match["english"]:
        # "one" is more often a pronoun than a number.
        return None if english.lower() == "one" else english_value(english)
    if NOT_A_COUNT.match(text[match.start() : match.end() + 1]):
        return None
    return chinese_value(match["chinese"])
