"""Schemas that several tests of the responder fill."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from maaskit.sandbox.responder import Ask, Tool, ToolChoice
from maaskit.sandbox.responder.ask import PastCall

S: dict[str, Any] = {"type": "string"}
I: dict[str, Any] = {"type": "integer"}  # noqa: E741 - beside S and N
N: dict[str, Any] = {"type": "number"}
B: dict[str, Any] = {"type": "boolean"}


def obj(required: Sequence[str] | None = None, **properties: Any) -> dict[str, Any]:
    names = list(properties) if required is None else list(required)
    return {"type": "object", "properties": properties, "required": names}


def lst(items: Any, **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, **more}


def text(description: str, **more: Any) -> dict[str, Any]:
    return {"type": "string", "description": description, **more}


def tool(name: str, description: str = "", **properties: Any) -> Tool:
    return Tool(name, description, obj(**properties))


def ask(
    user: str, *tools: Tool, mode: Any = "auto", done: Sequence[tuple[str, dict[str, Any], str]] = (), **more: Any
) -> Ask:
    calls = tuple(PastCall(*call) for call in done)
    return Ask(user=user, tools=tools, tool_choice=ToolChoice(mode, more.pop("name", "")), calls=calls, **more)


def is_valid(value: Any, schema: Mapping[str, Any], root: Mapping[str, Any]) -> bool:
    """Check a value against the part of JSON Schema that the tests use."""
    if "$ref" in schema:
        return is_valid(value, root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    wrong = [
        not all(is_valid(value, part, root) for part in schema.get("allOf", ())),
        "anyOf" in schema and not any(is_valid(value, part, root) for part in schema["anyOf"]),
        "const" in schema and value != schema["const"],
        "enum" in schema and value not in schema["enum"],
        bool(kinds) and not any(_is_kind(value, kind) for kind in kinds),
    ]
    if any(wrong):
        return False
    if isinstance(value, dict):
        inner = schema.get("properties", {})
        return set(schema.get("required", ())) <= set(value) and all(
            is_valid(value[name], inner[name], root) for name in value if name in inner
        )
    if isinstance(value, list):
        length_fits = schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", 10**6)
        return length_fits and all(is_valid(item, schema.get("items", {}), root) for item in value)
    return not isinstance(value, int | float) or schema.get("minimum", value) <= value <= schema.get("maximum", value)


def _is_kind(value: Any, kind: str) -> bool:
    python: dict[str, Any] = {"string": str, "boolean": bool, "array": list, "object": dict, "null": type(None)}
    if kind in python:
        return isinstance(value, python[kind])
    return isinstance(value, int if kind == "integer" else int | float) and not isinstance(value, bool)
