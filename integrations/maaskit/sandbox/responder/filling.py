"""A JSON object filled from what was said: the finders asked in order, lists and nested objects, defaults.

What single values look like is known by the finders; which tool is called is decided in `choosing`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from maaskit.sandbox.responder import finders
from maaskit.sandbox.responder.evidence import Evidence
from maaskit.sandbox.responder.finders.guess import (
    Guess,
    has_purpose,
    in_bounds,
    purpose_in_name,
    takes_number,
    takes_text,
)
from maaskit.sandbox.responder.finders.named import bare_question, modifier_before
from maaskit.sandbox.responder.lists import items_in, keywords_in
from maaskit.sandbox.responder.schemas import Schema, Slot, alternatives, kind_of, resolve, slots
from maaskit.sandbox.responder.words import words

ABOUT: Final = re.compile(
    r"(?i)\b(?:about|on the topic of|regarding)\s+(?P<topic>[^.?!\n,;]{2,60})|关于(?P<about>[^,\uff0c。?\uff1f!\n的]{1,30})"
)

Finder = Callable[[Slot, Evidence], Guess | None]

MAX_DEPTH: Final = 6

EARLY: Final[tuple[Finder, ...]] = (
    finders.find_stated,
    finders.find_enum,
    finders.find_labelled,
    finders.find_expression,
    finders.find_shaped_text,
    finders.find_coordinate,
    finders.find_number_with_unit,
    finders.find_date,
    finders.find_language,
    finders.find_quotation,
    finders.find_identifier,
    finders.find_place,
    finders.find_name,
    finders.find_flag,
)
"""Finders whose finds are good enough for an optional property too, the surest first."""
LATE: Final[tuple[Finder, ...]] = (finders.find_number, finders.find_query, finders.find_any_place)
"""Finders that take what is left, for required properties."""


@dataclass(frozen=True, slots=True)
class Background:
    """What stands behind the words of the request when they do not say enough.

    Args:
        reply: What would be answered in plain text; goes into properties that want an answer.
        sources: Where that answer comes from.
        tool: The words of the tool's name, empty when a form is filled.
    """

    reply: str = ""
    sources: tuple[str, ...] = ()
    tool: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Filled:
    """An object and how well it was filled.

    Args:
        value: The object.
        missing: Required properties for which nothing was found, so that a default stands there.
    """

    value: dict[str, Any]
    missing: tuple[str, ...]


def fill(schema: Schema, evidence: Evidence, background: Background) -> Filled:
    """Fill an object from what was said.

    Args:
        schema: The object's schema, which holds its own definitions.
        evidence: What was said; what is used of it is marked as spent.
        background: What stands behind it.

    Returns:
        The object; it has every required property.
    """
    return _fill_object(resolve(schema, schema), schema, evidence, background, MAX_DEPTH)


def _fill_object(schema: Schema, root: Schema, evidence: Evidence, background: Background, depth: int) -> Filled:
    branch = next((b for b in alternatives(schema, root) if kind_of(b) in ("object", "any")), schema)
    wanted = slots(branch, root)
    values: dict[str, Any] = {}
    for finder in EARLY:
        _ask(finder, [s for s in wanted if s.name not in values], evidence, values)
    _compose(wanted, evidence, background, values, depth)
    for finder in LATE:
        _ask(finder, [s for s in wanted if s.required and s.name not in values], evidence, values)
    missing = []
    for slot in wanted:
        if slot.name in values:
            continue
        if slot.required:
            missing += [] if slot.nullable or _is_free_form(slot, background) else [slot.name]
            values[slot.name] = _default(slot, evidence, background, depth)
        elif _is_spoken_of(slot, evidence, background):
            values[slot.name] = _default(slot, evidence, background, depth)
    return Filled({slot.name: values[slot.name] for slot in wanted if slot.name in values}, tuple(missing))


def _ask(finder: Finder, wanted: Sequence[Slot], evidence: Evidence, values: dict[str, Any]) -> None:
    for slot in wanted:
        if finder is finders.find_quotation and _yields_quotation(slot, wanted):
            continue
        guess = finder(slot, evidence)
        if guess is not None:
            values[slot.name] = guess.value
            if guess.spent is not None:
                evidence.spend(*guess.spent)


def _yields_quotation(slot: Slot, wanted: Sequence[Slot]) -> bool:
    """Leave quotations to the required properties, and within these to names and texts before explanations."""
    others = [other for other in wanted if other is not slot and takes_text(other) is not None]
    if not slot.required and any(other.required for other in others):
        return True
    return purpose_in_name(slot, "explanation") and any(not purpose_in_name(other, "explanation") for other in others)


def _compose(
    wanted: Sequence[Slot], evidence: Evidence, background: Background, values: dict[str, Any], depth: int
) -> None:
    """Build lists and nested objects, whose parts are found one by one."""
    for slot in wanted:
        if slot.name in values:
            continue
        array, nested = slot.of_kind("array"), slot.of_kind("object")
        if array is not None:
            found = _fill_array(slot, array, evidence, background, depth)
            if found or slot.required:
                values[slot.name] = found
        elif nested is not None and depth > 0:
            inner = _fill_object(nested, slot.root, evidence, background, depth - 1)
            if slot.required or (inner.value and not inner.missing):
                values[slot.name] = inner.value


def _fill_array(slot: Slot, schema: Schema, evidence: Evidence, background: Background, depth: int) -> list[Any]:
    item = resolve(schema.get("items"), slot.root)
    kinds = {kind_of(branch) for branch in alternatives(item, slot.root)}
    most = schema.get("maxItems")
    if "object" in kinds:
        found = _fill_objects(item, slot.root, evidence, background, depth)
    else:
        found = _fill_scalars(slot, item, kinds, evidence, background)
    least = schema.get("minItems") or 0
    while len(found) < least and depth > 0:
        found.append(_default(Slot(slot.name, item, slot.root, required=True), evidence, background, depth - 1))
    return found[:most] if isinstance(most, int) else found


def _fill_scalars(slot: Slot, item: Schema, kinds: set[str], evidence: Evidence, background: Background) -> list[Any]:
    single = Slot(slot.name, item, slot.root, required=True)
    finder: Finder | None = None
    if kinds & {"enum", "const"}:
        finder = finders.find_enum
    elif kinds & {"integer", "number"}:
        finder = finders.find_number
    elif purpose_in_name(slot, "email") or purpose_in_name(slot, "url") or item.get("format"):
        finder = finders.find_shaped_text
    if finder is not None:
        found: list[Any] = []
        while (guess := finder(single, evidence)) is not None and guess.spent is not None:
            evidence.spend(*guess.spent)
            found += [] if guess.value in found and finder is finders.find_enum else [guess.value]
        return found
    if purpose_in_name(slot, "sources") and background.sources:
        return list(background.sources)
    found = [*items_in(evidence, slot)]
    if not found and purpose_in_name(slot, "keywords"):
        return keywords_in(evidence.text)
    if not found and slot.required and background.tool:
        found = [bare_question(evidence.text)]
    return found


def _fill_objects(item: Schema, root: Schema, evidence: Evidence, background: Background, depth: int) -> list[Any]:
    if depth <= 0:
        return []
    found = []
    for clause in _clauses(evidence.free_text()):
        inner = _fill_object(item, root, Evidence(clause), Background(tool=background.tool), depth - 1)
        if inner.value and not inner.missing:
            found.append(inner.value)
    if found:
        return found
    whole = _fill_object(item, root, evidence, background, depth - 1)
    return [whole.value] if whole.value and not whole.missing else []


def _clauses(text: str) -> list[str]:
    pieces = re.split(r"[;\n。\uff1b]|\.(?=\s|$)|,\s*(?:and\s+)?|\uff0c|、|\s+and\s+|以及|和", text)
    joined = [piece.strip() for piece in pieces if piece and piece.strip()]
    sentences = [piece.strip() for piece in re.split(r"[;\n。\uff1b]|\.(?=\s|$)", text) if piece.strip()]
    return joined if len(joined) > len(sentences) else sentences


def _is_free_form(slot: Slot, background: Background) -> bool:
    """Tell whether a property takes any text, so that a sentence in it is no sign of missing words."""
    is_reply = bool(background.reply) and (purpose_in_name(slot, "answer") or purpose_in_name(slot, "text"))
    return takes_text(slot) is not None and (
        is_reply or any(has_purpose(slot, purpose) for purpose in ("query", "text", "explanation", "style"))
    )


def _is_spoken_of(slot: Slot, evidence: Evidence, background: Background) -> bool:
    """Tell whether an optional text is asked for by its name, and not denied."""
    if background.tool or takes_text(slot) is None:
        return False
    for word in words(slot.name.replace("_", " ")):
        match = re.search(rf"(?i)\b{re.escape(word)}" if word.isascii() else re.escape(word), evidence.plain)
        if match and not re.search(
            r"(?i)\b(?:no|not|without|don't|omit|skip)\b\W*(?:a|the|any)?\s*$|(?:不要|不用|没有|无)$",
            evidence.plain[: match.start()],
        ):
            return True
    return False


def _default(slot: Slot, evidence: Evidence, background: Background, depth: int) -> Any:
    if not _is_spoken_of(slot, evidence, background):
        if "default" in slot.schema:
            return slot.schema["default"]
        if slot.nullable:
            return None
    for branch in slot.branches:
        match kind_of(branch):
            case "const":
                return branch["const"]
            case "enum":
                return branch["enum"][0]
            case "string" | "any":
                return _default_text(slot, branch, evidence, background)
            case "integer" | "number":
                return _default_number(branch)
            case "boolean":
                return False
            case "array":
                return []
            case "object" if depth > 0:
                return _fill_object(branch, slot.root, evidence, background, depth - 1).value
    return None if takes_number(slot) is None else 0


def _default_number(schema: Schema) -> int | float:
    bounds = [schema.get(name) for name in ("minimum", "maximum")]
    low, high = (value if isinstance(value, int | float) else None for value in bounds)
    middle = (low + high) / 2 if low is not None and high is not None else None
    candidates = [c for c in (1, 0, low, high, middle, -1, 0.5, 2) if c is not None]
    above = schema.get("exclusiveMinimum")
    candidates += [above + 1] if isinstance(above, int | float) and not isinstance(above, bool) else []
    value = next((c for c in candidates if in_bounds(c, schema)), 0)
    return int(value) if schema.get("type") == "integer" else value


def _default_text(slot: Slot, schema: Schema, evidence: Evidence, background: Background) -> str:
    text = _free_text(slot, evidence, background)
    longest = schema.get("maxLength")
    return text[:longest] if isinstance(longest, int) else text


def _free_text(slot: Slot, evidence: Evidence, background: Background) -> str:
    if background.tool:
        said = bare_question(evidence.text)
        modifier = modifier_before(slot, evidence, list(background.tool))
        if modifier and not purpose_in_name(slot, "text"):
            return modifier
        if has_purpose(slot, "explanation"):
            aside = re.search(r"\s[-–—]\s+(.+)|[:\uff1a]\s*(.+)", evidence.free_text())
            return (aside[1] or aside[2]).strip() if aside else said
        return said
    if background.reply and (purpose_in_name(slot, "answer") or purpose_in_name(slot, "text")):
        return background.reply
    if purpose_in_name(slot, "sources") and background.sources:
        return background.sources[0]
    topic = topic_of(evidence.text)
    what = slot.description or slot.name.replace("_", " ")
    return f"{what}: {topic}" if topic else what


def topic_of(text: str) -> str:
    """Name what a request is about.

    Args:
        text: Such as ``Tell me something about tides``.

    Returns:
        What follows "about" or "关于"; else the request itself, cut to a line.
    """
    lines = bare_question(text).splitlines()
    return subject_of(text) or (lines[0][:80] if lines else "")


def subject_of(text: str) -> str:
    """Name what a request says it is about.

    Args:
        text: Such as ``Tell me something about tides``.

    Returns:
        What follows "about" or "关于"; empty when neither stands there.
    """
    match = ABOUT.search(text)
    return (match["topic"] or match["about"]).strip() if match else ""
