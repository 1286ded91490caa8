"""A JSON object filled from what was said: the finders asked in order, lists and nested objects.

What single values look like is known by the finders, what stands in for them by `defaults`; which tool is called is
decided in `choosing`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from maaskit.sandbox.responder import finders
from maaskit.sandbox.responder.defaults import Background, Situation, default, is_free_form, is_spoken_of
from maaskit.sandbox.responder.evidence import Evidence
from maaskit.sandbox.responder.finders.guess import Guess, purpose_in_name, takes_text
from maaskit.sandbox.responder.finders.named import bare_question
from maaskit.sandbox.responder.lists import items_in, keywords_in
from maaskit.sandbox.responder.schemas import Schema, Slot, alternatives, kind_of, resolve, slots

Finder = Callable[[Slot, Evidence], Guess | None]

EARLY: Final[tuple[Finder, ...]] = (
    finders.find_stated,
    finders.find_enum,
    finders.find_currency,
    finders.find_labelled,
    finders.find_expression,
    finders.find_shaped_text,
    finders.find_coordinate,
    finders.find_number_with_unit,
    finders.find_date,
    finders.find_language,
    finders.find_colour,
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
class Filled:
    """An object and how well it was filled.

    Args:
        value: The object.
        missing: Required properties for which nothing was found, so that a default stands there.
        found: How many properties were found.
    """

    value: dict[str, Any]
    missing: tuple[str, ...]
    found: int = 0


SENTENCE_END: Final = re.compile(r"[;\n。\uff1b]|\.(?=\s|$)")
MOST_CLAUSES: Final = 40
CLAUSE_END: Final = re.compile(r"[;\n。\uff1b]|\.(?=\s|$)|,\s*(?:and\s+)?|\uff0c|、|\s+and\s+|以及|和")
ENDS: Final = (CLAUSE_END, SENTENCE_END, re.compile(r"\n\s*\n"))
"""Where one item of a list of objects may end."""


def fill(schema: Schema, evidence: Evidence, background: Background) -> Filled:
    """Fill an object from what was said.

    Args:
        schema: The object's schema, which holds its own definitions.
        evidence: What was said; what is used of it is marked as spent.
        background: What stands behind it.

    Returns:
        The object; it has every required property.
    """
    return _fill_object(resolve(schema, schema), schema, Situation(evidence, background))


def _fill_object(schema: Schema, root: Schema, situation: Situation) -> Filled:
    branch = next((b for b in alternatives(schema, root) if kind_of(b) in ("object", "any")), schema)
    wanted = slots(branch, root)
    values: dict[str, Any] = {}
    for finder in EARLY:
        _ask(finder, [s for s in wanted if s.name not in values], situation.evidence, values)
    values |= _lists([s for s in wanted if s.name not in values], situation)
    nested = _nested([s for s in wanted if s.name not in values], situation)
    values |= {name: inner.value for name, inner in nested.items()}
    for finder in LATE:
        _ask(finder, [s for s in wanted if s.required and s.name not in values], situation.evidence, values)
    found = sum(value not in ([], {}) for value in values.values())
    left = [s for s in wanted if s.name not in values and (s.required or is_spoken_of(s, situation))]
    values |= {slot.name: _stand_in(slot, situation) for slot in left}
    missing = [s.name for s in left if s.required and not s.nullable and not is_free_form(s, situation.background)]
    missing += [name for name, inner in nested.items() if inner.missing]
    return Filled({slot.name: values[slot.name] for slot in wanted if slot.name in values}, tuple(missing), found)


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


def _stand_in(slot: Slot, situation: Situation) -> Any:
    nested = slot.of_kind("object")
    if nested is not None and situation.depth > 0 and _must_be_filled(slot):
        return _fill_object(nested, slot.root, situation.deeper()).value
    return default(slot, situation)


def _lists(wanted: Sequence[Slot], situation: Situation) -> dict[str, Any]:
    """Build lists, whose items are found one by one."""
    values: dict[str, Any] = {}
    for slot in wanted:
        array = slot.of_kind("array")
        if array is not None:
            found = _fill_array(slot, array, situation)
            if found or _must_be_filled(slot):
                values[slot.name] = found
    return values


def _nested(wanted: Sequence[Slot], situation: Situation) -> dict[str, Filled]:
    """Fill objects inside of the object; optional ones only when nothing in them is missing."""
    values: dict[str, Filled] = {}
    for slot in wanted:
        schema = slot.of_kind("object")
        if schema is not None and situation.depth > 0:
            inner = _fill_object(schema, slot.root, situation.deeper())
            if _must_be_filled(slot) or (inner.value and not inner.missing):
                values[slot.name] = inner
    return values


def _must_be_filled(slot: Slot) -> bool:
    return slot.required and not slot.nullable and "default" not in slot.schema


def _fill_array(slot: Slot, schema: Schema, situation: Situation) -> list[Any]:
    item = Slot(slot.name, resolve(schema.get("items"), slot.root), slot.root, required=True)
    most, least = schema.get("maxItems"), schema.get("minItems") or 0
    kinds = {kind_of(branch) for branch in item.branches}
    found = _objects(item, situation) if "object" in kinds else _scalars(slot, item, situation)
    while len(found) < least and situation.depth > 0:
        found.append(_stand_in(item, situation.deeper()))
    return found[:most] if isinstance(most, int) else found


def _scalars(slot: Slot, item: Slot, situation: Situation) -> list[Any]:
    evidence, background = situation.evidence, situation.background
    finder = _finder_of(item)
    if finder is not None:
        found: list[Any] = []
        while (guess := finder(item, evidence)) is not None and guess.spent is not None:
            evidence.spend(*guess.spent)
            found += [] if guess.value in found and finder is finders.find_enum else [guess.value]
        return found
    if takes_text(item) is None:
        return []
    if purpose_in_name(slot, "sources") and background.sources:
        return list(background.sources)
    items: list[Any] = [*items_in(evidence, slot)]
    if not items and purpose_in_name(slot, "keywords"):
        return [*keywords_in(evidence.text)]
    return items or ([bare_question(evidence.text)] if slot.required and background.tool else [])


def _finder_of(item: Slot) -> Finder | None:
    """Choose what collects the items of a list; None for free text."""
    if item.of_kind("enum", "const"):
        return finders.find_enum
    if item.of_kind("integer", "number"):
        return finders.find_number
    is_shaped = purpose_in_name(item, "email") or purpose_in_name(item, "url") or item.schema.get("format")
    return finders.find_shaped_text if is_shaped else None


def _objects(item: Slot, situation: Situation) -> list[Any]:
    """Fill one object for each piece of the text, cut where that gives the fullest objects."""
    if situation.depth <= 0:
        return []
    text = situation.evidence.free_text()
    cuts = [[f for f in (_apart(item, piece, situation) for piece in _pieces(text, end)) if f] for end in ENDS]
    best = max(cuts, key=lambda cut: (sum(f.found for f in cut) / max(len(cut), 1), len(cut)))
    if best:
        return [f.value for f in best]
    whole = _fill_object(item.schema, item.root, situation.deeper())
    return [whole.value] if whole.value and not whole.missing else []


def _apart(item: Slot, piece: str, situation: Situation) -> Filled | None:
    """Fill an object from one piece of the text alone; None when it is not whole."""
    inner = Situation(Evidence(piece), Background(tool=situation.background.tool), situation.depth - 1)
    result = _fill_object(item.schema, item.root, inner)
    return result if result.found and not result.missing else None


def _pieces(text: str, end: re.Pattern[str]) -> list[str]:
    return [piece.strip() for piece in end.split(text) if piece.strip()][:MOST_CLAUSES]
