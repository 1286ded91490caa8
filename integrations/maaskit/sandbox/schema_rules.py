"""What is a JSON schema, in a tool or in a format that is asked for.

What a schema wants is read by the responder.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

NAMED: Final = ("properties", "patternProperties", "$defs", "definitions")
"""Keywords with an object of schemas."""
LISTED: Final = ("anyOf", "oneOf", "allOf", "prefixItems")
"""Keywords with a list of schemas."""
SINGLE: Final = ("items", "additionalProperties", "not")
"""Keywords with a schema; ``items`` may have a list as well."""


def fault_in(schema: Any) -> str:
    """Find out why something is no JSON schema; null counts as left out.

    Args:
        schema: What should be one.

    Returns:
        What is wrong with it, as the end of a sentence; empty when nothing is.

    Source:
        JSON Schema, https://json-schema.org/draft/2020-12/meta/applicator and .../validation.
    """
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, bool):
            continue
        if not isinstance(part, dict):
            return "has a schema that is no object"
        fault = _fault_of(part)
        if fault:
            return fault
        waiting.extend(_within(part))
    return ""


def _fault_of(part: dict[str, Any]) -> str:
    for name in NAMED:
        if not isinstance(part.get(name), dict | None):
            return f"has {name} that are no object"
    for name in (*LISTED, "enum"):
        if name in part and part[name] is not None and not (isinstance(part[name], list) and part[name]):
            return f"has {name} that is no list, or an empty one"
    if not _are_texts(part.get("required", [])):
        return "has required that is no list of names"
    kinds = part.get("type")
    if kinds is not None and not isinstance(kinds, str) and not (kinds and _are_texts(kinds)):
        return "has a type that is neither a name nor a list of them"
    return ""


def _are_texts(value: Any) -> bool:
    return value is None or (isinstance(value, list) and all(isinstance(text, str) for text in value))


def _within(part: dict[str, Any]) -> Iterator[Any]:
    for name in NAMED:
        yield from (part.get(name) or {}).values()
    for name in LISTED:
        yield from part.get(name) or ()
    for name in SINGLE:
        inner = part.get(name)
        if isinstance(inner, list):
            yield from inner
        elif inner is not None:
            yield inner
