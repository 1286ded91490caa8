"""Values that the text ties to a property by its name, and values out of a fixed set.

Values known by their shape alone are found in `shaped`, by their place in the sentence in `named`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from maaskit.sandbox.responder.evidence import QUOTED, Evidence
from maaskit.sandbox.responder.finders.guess import Guess, as_typed, in_bounds, takes_number, takes_text
from maaskit.sandbox.responder.lexicon import TRANSLATIONS
from maaskit.sandbox.responder.numerals import numbers
from maaskit.sandbox.responder.schemas import Slot, kind_of
from maaskit.sandbox.responder.words import CAMEL, translated, words

IS: Final = (
    r"\s*[\"'`]?\s*(?:=|:|->|\bis\b|\bare\b|\bset to\b|\bshould be\b|\bmust be\b|\bequals?\b|\bof\b|"
    r"\bto\b|为|是|叫做|叫|设为|等于|填)\s*"
)
YES: Final = re.compile(r"(?i)\b(?:true|yes|on|enabled?)\b|^(?:是|开|对|真)")
NO: Final = re.compile(r"(?i)\b(?:false|no|off|disabled?)\b|^(?:否|关|不|假)")
DENIED: Final = re.compile(
    r"(?i)\b(?:no|not|non|without|don'?t|do not|never|dis\w+|skip|omit|exclude|"
    r"excluding)\b[\s\w]{0,12}$|(?:不要|不|无|没有|别|禁用|关闭)[^,。]{0,3}$"
)
VALUE_END: Final = re.compile(
    r"[,;\n。\uff0c\uff1b]|\.(?=\s|$)|\s(?:and|with|but|then|in order|for|at|please)\s|(?:,|以及|并且|然后)"
)
IS_SWITCH: Final = re.compile(r"(?i)\b(?:on|power|state|enabled?|active|switch(?:ed)?)\b")
SWITCHED: Final = re.compile(
    r"(?i)\b(?:turn|switch|put|power)(?:ed|ing)?\b(?:\s+\w+){0,4}?\s+(?:(?P<on>on)|off)\b|(?P<also>打开|开启|开灯)|关掉|关闭|关上|关灯"
)
LONGEST_NAME_WORDS: Final = 4


def find_stated(slot: Slot, evidence: Evidence) -> Guess | None:
    """Take a value that stands in the text as JSON under the property's name.

    Args:
        slot: The property.
        evidence: Where to look.

    Returns:
        The value when it fits the property, or None.
    """
    for value in evidence.objects:
        for found in _values_of(value, slot.name):
            if any(_fits(found, branch) for branch in slot.branches):
                return Guess(found)
    return None


def find_labelled(slot: Slot, evidence: Evidence) -> Guess | None:
    """Take what follows the property's name and a sign or word of equality.

    Args:
        slot: The property.
        evidence: Where to look.

    Returns:
        The value, or None.
    """
    for match in _mentions(slot, evidence, IS):
        if evidence.is_free(match.start(), match.end()) and (guess := _value_at(slot, evidence, match.end())):
            return guess
    if takes_text(slot) is not None:
        for match in _mentions(slot, evidence, r"\s*"):
            quoted = QUOTED.match(evidence.text, match.end())
            if quoted and evidence.is_free(*quoted.span()):
                return Guess(_between_marks(quoted), quoted.span())
    if takes_number(slot) is None:
        return None
    for match in _mentions(slot, evidence, r"\s+"):
        guess = _number_at(slot, evidence, match.end())
        if guess is not None and len(match[0].strip()) > 1:
            return guess
    return None


def find_enum(slot: Slot, evidence: Evidence) -> Guess | None:
    """Take the value of a fixed set that the text mentions.

    Args:
        slot: The property.
        evidence: Where to look.

    Returns:
        The value mentioned first in full, else the one that shares most words, else None.
    """
    constant = slot.of_kind("const")
    if constant is not None:
        return Guess(constant["const"])
    values = [value for branch in slot.branches if kind_of(branch) == "enum" for value in branch["enum"]]
    texts = [value for value in values if isinstance(value, str) and value]
    found_at = [(m, v) for v in texts for m in _written(v).finditer(evidence.plain) if evidence.is_free(*m.span())]
    full = sorted((m.start(), -len(v), v, m.end()) for m, v in found_at)
    if full:
        start, _, value, end = full[0]
        return Guess(value, (start, end))
    if takes_number(slot) is None and (
        others := [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    ):
        found = next((n for n in evidence.numbers() if n.value in others), None)
        return None if found is None else Guess(found.value, (found.start, found.end))
    said = translated(words(evidence.text))
    sharing = [(len(set(words(CAMEL.sub(" ", v))) & said), v) for v in texts]
    best = max(sharing, key=lambda pair: pair[0], default=(0, ""))
    return Guess(best[1]) if best[0] else None


def find_flag(slot: Slot, evidence: Evidence) -> Guess | None:
    """Read a yes or no from whether the property's words are said or denied.

    Args:
        slot: The property.
        evidence: Where to look.

    Returns:
        True, False, or None when the property is not spoken of.
    """
    if slot.of_kind("boolean") is None:
        return None
    switched = SWITCHED.search(evidence.plain) if IS_SWITCH.search(CAMEL.sub(" ", slot.name)) else None
    if switched:
        return Guess((switched["on"] or switched["also"]) is not None)
    topic = [w for w in words(CAMEL.sub(" ", slot.name)) if w not in ("includ", "enabl", "should", "flag")]
    for word in topic or words(slot.description)[:2]:
        found = re.search(rf"(?i)\b{re.escape(word)}\w*" if word.isascii() else re.escape(word), evidence.plain)
        if found:
            return Guess(DENIED.search(evidence.plain[: found.start()]) is None)
    return None


def name_variants(name: str) -> list[str]:
    """List how people write a property's name, longest first.

    Args:
        name: The name, such as ``guest_name`` or ``maxResults``.

    Returns:
        Regular expressions for the whole name and for its last word.
    """
    parts = [part for part in CAMEL.split(name) if part]
    whole = r"[\s_\-]*".join(re.escape(part) for part in parts[-LONGEST_NAME_WORDS:])
    last = [re.escape(parts[-1])] if len(parts) > 1 and len(parts[-1]) > 3 else []
    return [whole, *last]


def _mentions(slot: Slot, evidence: Evidence, after: str) -> Iterator[re.Match[str]]:
    for variant in name_variants(slot.name):
        yield from re.finditer(rf"(?i)(?<![A-Za-z0-9_]){variant}(?![A-Za-z0-9_]){after}", evidence.plain)
    chinese = re.match(r"[\u3400-\u9fff]{2,6}", slot.description)
    own = {part.lower() for part in CAMEL.split(slot.name)}
    terms = [term for term, english in TRANSLATIONS.items() if own & set(english.split())]
    for term in dict.fromkeys([chinese[0], *terms] if chinese else terms):
        yield from re.finditer(re.escape(term) + after, evidence.plain)


def _value_at(slot: Slot, evidence: Evidence, start: int) -> Guess | None:
    if takes_number(slot) is not None:
        return _number_at(slot, evidence, start)
    rest = evidence.plain[start : start + 400]
    if slot.of_kind("boolean") is not None:
        word = re.match(r"\s*\w+", rest)
        if word and (YES.search(word[0].strip()) or NO.search(word[0].strip())):
            return Guess(YES.search(word[0].strip()) is not None, (start, start + word.end()))
        return None
    if takes_text(slot) is None:
        return None
    quoted = QUOTED.match(evidence.text, start)
    if quoted:
        return Guess(_between_marks(quoted), (start, quoted.end()))
    stop = VALUE_END.search(rest)
    end = start + (stop.start() if stop else len(rest))
    text = evidence.text[start:end].strip(" \t\"'`.。!?\uff01\uff1f")
    return Guess(text, (start, end)) if text and evidence.is_free(start, end) and len(text.split()) <= 12 else None


def _between_marks(quoted: re.Match[str]) -> str:
    return next(group for group in quoted.groups() if group is not None)


def _number_at(slot: Slot, evidence: Evidence, start: int) -> Guess | None:
    schema = takes_number(slot)
    for number in numbers(evidence.plain[start : start + 40]):
        if schema is not None and number.start <= 2 and in_bounds(number.value, schema):
            place = (start + number.start, start + number.end)
            return Guess(as_typed(number.value, schema), place) if evidence.is_free(*place) else None
        return None
    return None


def _written(value: str) -> re.Pattern[str]:
    parts = [re.escape(part) for part in re.split(r"[\s_\-]+", value) if part]
    body = r"[\s_\-]*".join(parts)
    if value.isascii():
        return re.compile(rf"(?i)(?<![A-Za-z0-9]){body}(?:e?s)?(?![A-Za-z0-9])")
    return re.compile(body)


def _values_of(value: Any, name: str) -> Iterator[Any]:
    if isinstance(value, Mapping):
        if name in value:
            yield value[name]
        for inner in value.values():
            yield from _values_of(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _values_of(inner, name)


def _fits(value: Any, schema: Mapping[str, Any]) -> bool:
    kind = kind_of(schema)
    match kind:
        case "const":
            return bool(value == schema["const"])
        case "enum":
            return value in schema["enum"]
        case "boolean":
            return isinstance(value, bool)
        case "integer" | "number":
            return isinstance(value, int | float) and not isinstance(value, bool) and in_bounds(value, schema)
        case "string" | "array" | "object":
            return isinstance(value, {"string": str, "array": list, "object": dict}[kind])
        case _:
            return kind == "any"
