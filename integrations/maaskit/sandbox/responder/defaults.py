"""What stands in a required property when nothing was found for it, and texts that nobody dictates.

Values that the request does give are found by the finders.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Final

from maaskit.sandbox.responder.evidence import Evidence
from maaskit.sandbox.responder.finders.guess import has_purpose, in_bounds, purpose_in_name, takes_text
from maaskit.sandbox.responder.finders.named import bare_question, modifier_before
from maaskit.sandbox.responder.schemas import Schema, Slot, kind_of
from maaskit.sandbox.responder.words import words

MAX_DEPTH: Final = 6

ABOUT: Final = re.compile(
    r"(?i)\b(?:about|on the topic of|regarding)\s+(?P<topic>[^.?!\n,;]{2,60})|"
    r"关于(?P<about>[^,\uff0c。?\uff1f!\n的]{1,30})"
)
WANTED: Final = re.compile(
    r"(?i)\b(?:with|include|includes|including|add|give|write|plus)\s+(?:(?:also|me|a|an|the|its|their|some|both)\s+)*$|"
    r"(?:包括|包含|带上?|加上|写出|给出|附上)$"
)
ASIDE: Final = re.compile(r"\s[-–—]\s+(?P<dash>.+)|[:\uff1a]\s*(?P<colon>.+)")


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
class Situation:
    """What an object is filled from.

    Args:
        evidence: What was said.
        background: What stands behind it.
        depth: How many levels of nesting may follow.
    """

    evidence: Evidence
    background: Background
    depth: int = MAX_DEPTH

    def deeper(self) -> Situation:
        """Return the situation one level of nesting below."""
        return replace(self, depth=self.depth - 1)


def default(slot: Slot, situation: Situation) -> Any:
    """Choose a value that a property allows.

    Args:
        slot: The property; objects are filled in `filling`.
        situation: What stands behind it.

    Returns:
        The schema's own default; null where it is allowed; else a constant, a text about the request, a small number,
        false or an empty list.
    """
    if not is_spoken_of(slot, situation):
        if "default" in slot.schema:
            return slot.schema["default"]
        if slot.nullable:
            return None
    branch = slot.branches[0] if slot.branches else {}
    kind = kind_of(branch)
    if kind in ("string", "any"):
        longest = branch.get("maxLength")
        return _text(slot, situation)[: longest if isinstance(longest, int) else None]
    plain: dict[str, Any] = {"boolean": False, "array": [], "object": {}, "null": None}
    if kind in ("integer", "number"):
        return _number(branch)
    return branch["const"] if kind == "const" else branch["enum"][0] if kind == "enum" else plain.get(kind)


def is_spoken_of(slot: Slot, situation: Situation) -> bool:
    """Tell whether a form's text is asked for by its name, as in ``with a title``.

    Args:
        slot: The property.
        situation: What was said.

    Returns:
        Whether it is.
    """
    if situation.background.tool or takes_text(slot) is None:
        return False
    plain = situation.evidence.plain
    for word in words(slot.name.replace("_", " ")):
        match = re.search(rf"(?i)\b{re.escape(word)}" if word.isascii() else re.escape(word), plain)
        if match and WANTED.search(plain[: match.start()]):
            return True
    return False


def is_free_form(slot: Slot, background: Background) -> bool:
    """Tell whether a property takes any text, so that a sentence in it is no sign of missing words.

    Args:
        slot: The property.
        background: What stands behind it.

    Returns:
        Whether it does.
    """
    is_reply = bool(background.reply) and (purpose_in_name(slot, "answer") or purpose_in_name(slot, "text"))
    return takes_text(slot) is not None and (
        is_reply or any(has_purpose(slot, purpose) for purpose in ("query", "text", "explanation", "style"))
    )


def subject_of(text: str) -> str:
    """Name what a request says it is about.

    Args:
        text: Such as ``Tell me something about tides``.

    Returns:
        What follows "about" or "关于"; empty when neither stands there.
    """
    match = ABOUT.search(text)
    return (match["topic"] or match["about"]).strip() if match else ""


def _number(schema: Schema) -> int | float:
    bounds = [schema.get(name) for name in ("minimum", "maximum")]
    low, high = (value if isinstance(value, int | float) else None for value in bounds)
    middle = (low + high) / 2 if low is not None and high is not None else None
    candidates = [c for c in (1, 0, low, high, middle, -1, 0.5, 2) if c is not None]
    above = schema.get("exclusiveMinimum")
    candidates += [above + 1] if isinstance(above, int | float) and not isinstance(above, bool) else []
    value = next((c for c in candidates if in_bounds(c, schema)), 0)
    return int(value) if schema.get("type") == "integer" else value


def _text(slot: Slot, situation: Situation) -> str:
    evidence, background = situation.evidence, situation.background
    if background.tool:
        return _argument(slot, evidence, background)
    if background.reply and (purpose_in_name(slot, "answer") or purpose_in_name(slot, "text")):
        return background.reply
    if purpose_in_name(slot, "sources") and background.sources:
        return background.sources[0]
    lines = bare_question(evidence.text).splitlines()
    topic = subject_of(evidence.text) or (lines[0][:80] if lines else "")
    what = slot.description or slot.name.replace("_", " ")
    return f"{what}: {topic}" if topic else what


def _argument(slot: Slot, evidence: Evidence, background: Background) -> str:
    modifier = modifier_before(slot, evidence, list(background.tool))
    if modifier and not purpose_in_name(slot, "text"):
        return modifier
    aside = ASIDE.search(evidence.free_text()) if has_purpose(slot, "explanation") else None
    return (aside["dash"] or aside["colon"]).strip() if aside else bare_question(evidence.text)
