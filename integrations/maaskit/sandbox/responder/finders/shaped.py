"""Values known by their shape: sums, numbers, dates, addresses of mail and web, codes, coordinates.

Values tied to a property's name are found in `marked`.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import Final

from maaskit.sandbox.responder.arithmetic import expression_in
from maaskit.sandbox.responder.evidence import MOST_VALUES, Evidence
from maaskit.sandbox.responder.finders.guess import (
    Guess,
    as_typed,
    has_purpose,
    in_bounds,
    purpose_in_name,
    takes_number,
    takes_text,
)
from maaskit.sandbox.responder.gazetteer import BY_NAME
from maaskit.sandbox.responder.lexicon import listed
from maaskit.sandbox.responder.numerals import chinese_value
from maaskit.sandbox.responder.schemas import Slot
from maaskit.sandbox.responder.words import CAMEL, stem, words

SHAPES: Final = (
    ("email", re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", re.ASCII)),
    (
        "url",
        re.compile(
            r"(?:https?|ftp|file|data)://?[^\s\"'<>\u3000-\u303f\u3400-\u9fff)]+[^\s\"'<>.,;:!?)\u3000-\u303f\u3400-\u9fff]",
            re.ASCII,
        ),
    ),
    (
        "path",
        re.compile(
            r"(?:~|\.{1,2})?/?(?:[\w.-]+/)*[\w-]+(?:\.[\w-]+)*\.[A-Za-z]\w{1,5}\b|(?:~|"
            r"\.{0,2})/(?:[\w.-]+/?)+"
        ),
    ),
)
MONTHS: Final = listed("jan feb mar apr may jun jul aug sep oct nov dec")
ISO_DATE: Final = re.compile(r"\b(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})\b")
CHINESE_DATE: Final = re.compile(
    r"(?:(\d{4}|[零〇一二三四五六七八九]{4})年)?(\d{1,2}|[一二三四五六七八九十]{1,3})月(\d{1,2}|"
    r"[一二三四五六七八九十]{1,3})[日号]"
)
ENGLISH_DATE: Final = re.compile(
    r"(?i)\b(?:(?P<d1>\d{1,2})(?:st|nd|rd|th)?\s+(?:of\s+)?)?(?P<month>jan|feb|mar|apr|may|jun|"
    r"jul|aug|sep|oct|nov|dec)[a-z]*\.?"
    r"(?:\s+(?P<d2>\d{1,2})(?:st|nd|rd|th)?)?(?:,?\s+(?P<year>\d{4}))?\b"
)
SPOKEN_DATE: Final = re.compile(
    r"(?i)\b(?:today|tomorrow|yesterday|tonight|(?:next|this|last)\s+(?:week|month|year|monday|"
    r"tuesday|wednesday|thursday|friday|"
    r"saturday|sunday)|monday|tuesday|wednesday|thursday|friday|saturday|sunday)\b|今天|今日|明天|明日|后天|昨天|今晚|"
    r"(?:下|本|这|上)?(?:周|星期|礼拜)[一二三四五六日天]|(?:下|本|这|上)(?:周|个月|月)"
)
CLOCK: Final = re.compile(
    r"(?i)\b\d{1,2}:\d{2}(?::\d{2})?(?:\s*[ap]\.?m\.?)?\b|\b\d{1,2}\s*[ap]\.?m\.?|(?:上午|下午|"
    r"晚上|早上|中午)?[\d一二三四五六七八九十]{1,3}点(?:半|\d{1,2}分?)?"
)
CODE: Final = re.compile(
    r"(?<![\w.])#?(?=[A-Za-z0-9_-]*\d)(?=[A-Za-z0-9_-]*[A-Za-z_-])[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*|(?<![\w.])#?\d{3,}(?![\w.])|\b[A-Z]{2,6}\b",
    re.ASCII,
)
QUANTITY_WORDS: Final = {
    "num",
    "number",
    "count",
    "total",
    "amount",
    "max",
    "min",
    "of",
    "n",
    "limit",
    "quantity",
    "top",
    "k",
}
OTHER_UNITS: Final = {
    "year": ("years", "year", "岁", "年"),
    "age": ("years", "year", "岁"),
    "day": ("days", "天", "日"),
    "night": ("晚", "夜"),
    "hour": ("小时",),
    "minute": ("分钟", "分"),
    "second": ("秒",),
    "people": ("people", "guests", "人", "位"),
}
LIMIT_WORDS: Final = {stem(word) for word in listed("top first limit results items entries documents matches")} | {
    "最多",
    "前",
    "条",
}


def find_expression(slot: Slot, evidence: Evidence) -> Guess | None:
    """Take the sum in the text, for a property that wants an expression.

    Args:
        slot: The property.
        evidence: Where to look.

    Returns:
        The sum with signs, or None.
    """
    if takes_text(slot) is None or not has_purpose(slot, "expression"):
        return None
    expression = expression_in(evidence.free_text())
    return None if expression is None else Guess(expression)


def find_shaped_text(slot: Slot, evidence: Evidence) -> Guess | None:
    """Take a mail address, a web address or a path, for a property that wants one.

    Args:
        slot: The property.
        evidence: Where to look.

    Returns:
        The text, or None.
    """
    schema = takes_text(slot)
    if schema is None:
        return None
    for purpose, shape in SHAPES:
        wanted = has_purpose(slot, purpose) or (purpose == "email" and purpose_in_name(slot, "mailbox"))
        wanted = wanted or schema.get("format") in (purpose, "uri" if purpose == "url" else purpose)
        for match in islice(shape.finditer(evidence.text), MOST_VALUES) if wanted else ():
            if evidence.is_free(match.start(), match.end()):
                return Guess(match[0], (match.start(), match.end()))
    pattern = schema.get("pattern")
    if isinstance(pattern, str):
        return _by_pattern(pattern, evidence)
    return None


def find_date(slot: Slot, evidence: Evidence) -> Guess | None:
    """Take a date or a time of day, for a property that wants one.

    Args:
        slot: The property.
        evidence: Where to look.

    Returns:
        ``YYYY-MM-DD`` where the date says it all; otherwise the words as they stand; or None.
    """
    schema = takes_text(slot)
    if schema is None:
        return None
    kind = schema.get("format")
    if kind in ("date", "date-time") or purpose_in_name(slot, "date") or (kind is None and has_purpose(slot, "date")):
        for guess in _dates(evidence):
            if guess.spent is None or evidence.is_free(*guess.spent):
                return guess
    if kind == "time" or purpose_in_name(slot, "time"):
        match = CLOCK.search(evidence.plain)
        if match and evidence.is_free(match.start(), match.end()):
            return Guess(match[0].strip(), (match.start(), match.end()))
    return None


def find_coordinate(slot: Slot, evidence: Evidence) -> Guess | None:
    """Look a city's latitude or longitude up.

    Args:
        slot: The property.
        evidence: Where a city is named.

    Returns:
        Degrees, or None.
    """
    index = 1 if purpose_in_name(slot, "latitude") else 2 if purpose_in_name(slot, "longitude") else 0
    if not index or takes_number(slot) is None:
        return None
    lower = evidence.plain.lower()
    city = min((name for name in BY_NAME if name in lower), key=lower.index, default=None)
    return None if city is None else Guess(BY_NAME[city][index])


def find_number_with_unit(slot: Slot, evidence: Evidence) -> Guess | None:
    """Take the number that stands beside one of the property's words: ``3 nights``, ``30 years old``, ``5 adults``.

    Args:
        slot: The property.
        evidence: Where to look.

    Returns:
        The number, or None.
    """
    schema = takes_number(slot) or slot.of_kind("any")
    if schema is None:
        return None
    parts = [part.lower() for part in CAMEL.split(slot.name) if part and part.lower() not in QUANTITY_WORDS]
    units = {stem(part) for part in parts if len(part) > 1}.union(
        *(OTHER_UNITS.get(part.rstrip("s"), ()) for part in parts)
    )
    units |= set(re.findall(r"^[\u3400-\u9fff]{1,2}", slot.description)) | (LIMIT_WORDS if not parts else set())
    for number in evidence.numbers():
        after = evidence.plain[number.end : number.end + 24]
        before = evidence.plain[max(0, number.start - 24) : number.start]
        near = _neighbours(before, after)
        if in_bounds(number.value, schema) and any(n in units or stem(n.lower()) in units for n in near):
            return Guess(as_typed(number.value, schema), (number.start, number.end))
    return None


def find_number(slot: Slot, evidence: Evidence) -> Guess | None:
    """Take the next number that is left and allowed.

    Args:
        slot: The property.
        evidence: Where to look.

    Returns:
        The number, or None.
    """
    schema = takes_number(slot)
    if schema is None or purpose_in_name(slot, "degree"):
        return None
    for number in evidence.numbers():
        if in_bounds(number.value, schema):
            return Guess(as_typed(number.value, schema), (number.start, number.end))
    return None


def find_identifier(slot: Slot, evidence: Evidence) -> Guess | None:
    """Take a code such as ``A-1042`` or ``#77``, for a property that wants one.

    Args:
        slot: The property.
        evidence: Where to look.

    Returns:
        The code without its ``#``, or None.
    """
    if takes_text(slot) is None or not purpose_in_name(slot, "identifier"):
        return None
    codes = [m for m in CODE.finditer(evidence.plain) if evidence.is_free(m.start(), m.end())]
    codes.sort(key=lambda m: not any(c.isdigit() for c in m[0]))
    return Guess(codes[0][0].lstrip("#"), (codes[0].start(), codes[0].end())) if codes else None


def _neighbours(before: str, after: str) -> list[str]:
    """List the words beside a number, up to the next number."""
    after = re.split(r"\d", after)[0].strip()
    before = re.split(r"\d", before)[-1]
    chinese = [after[:size] for size in (1, 2) if after[:size] and not after[0].isascii()]
    return [*words(after)[:2], *words(before)[-1:], *re.findall(r"^\w+", after)[:1], *chinese, *before.strip()[-1:]]


def _by_pattern(pattern: str, evidence: Evidence) -> Guess | None:
    try:
        shape = re.compile(pattern.removeprefix("^").removesuffix("$"))
    except re.error:
        return None
    for match in islice(shape.finditer(evidence.text[:1000]), MOST_VALUES):
        if match[0] and evidence.is_free(match.start(), match.end()):
            return Guess(match[0], (match.start(), match.end()))
    return None


def _dates(evidence: Evidence) -> list[Guess]:
    text = evidence.plain
    found = [(m, f"{int(m[1]):04}-{int(m[2]):02}-{int(m[3]):02}") for m in ISO_DATE.finditer(text)]
    for m in CHINESE_DATE.finditer(text):
        numbers = [None if g is None else int(g) if g.isdigit() else chinese_value(g) for g in m.groups()]
        found.append((m, m[0] if numbers[0] is None else f"{numbers[0]:04}-{numbers[1]:02}-{numbers[2]:02}"))
    for m in ENGLISH_DATE.finditer(text):
        day = m["d1"] or m["d2"]
        month = MONTHS.index(m["month"].lower()[:3]) + 1
        if day and not text[m.start() : m.end()].islower():
            found.append((m, f"{m['year']}-{month:02}-{int(day):02}" if m["year"] else m[0].strip()))
    found += [(m, m[0]) for m in SPOKEN_DATE.finditer(text)]
    found.sort(key=lambda pair: pair[0].start())
    return [Guess(value, (m.start(), m.end())) for m, value in found]
