"""Schemas of tools: what is none is refused, whatever stands in it, and what is one is answered."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from maaskit.sandbox.schema_rules import fault_in
from tests.sandbox.clouds import Cloud

ODD: list[Any] = [None, True, 0, -1.5, "", "x", [], {}, [None], [[]], [{}], {"a": None}, {"type": []}]
SCHEMA = {
    "type": "object",
    "properties": {
        "size": {"type": "string", "enum": ["small", "large"]},
        "tags": {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
        "where": {"$ref": "#/$defs/Place"},
    },
    "required": ["size"],
    "additionalProperties": False,
    "$defs": {"Place": {"allOf": [{"type": ["object", "null"], "properties": {"city": {"const": "上海"}}}]}},
}


def changed(value: Any) -> Iterator[Any]:
    """Put every odd value in the place of every part."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in list(parts):
        for other in (*ODD, *changed(part)):
            whole = copy.copy(value)
            whole[key] = other
            yield whole


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"properties": ["a"]}, "has properties that are no object"),
        ({"properties": {"a": {"$defs": 1}}}, "has $defs that are no object"),
        ({"properties": {"a": "string"}}, "has a schema that is no object"),
        ({"items": ["string"]}, "has a schema that is no object"),
        ({"items": {"enum": "ab"}}, "has enum that is no list, or an empty one"),
        ({"anyOf": []}, "has anyOf that is no list, or an empty one"),
        ({"not": {"oneOf": {"type": "string"}}}, "has oneOf that is no list, or an empty one"),
        ({"required": "a"}, "has required that is no list of names"),
        ({"additionalProperties": {"required": [1]}}, "has required that is no list of names"),
        ({"type": 1}, "has a type that is neither a name nor a list of them"),
        ({"type": []}, "has a type that is neither a name nor a list of them"),
        ([], "has a schema that is no object"),
    ],
)
def test_what_is_no_schema_is_told(schema: Any, why: str) -> None:
    assert fault_in(schema) == why


@pytest.mark.parametrize(
    "schema", [{}, True, SCHEMA, {"properties": {"properties": {"type": "array"}}}, {"type": None}]
)
def test_what_is_one_is_taken(schema: Any) -> None:
    assert fault_in(schema) == ""


def test_a_deep_schema_takes_no_recursion() -> None:
    deep: dict[str, Any] = {"type": "string"}
    for _ in range(20_000):
        deep = {"properties": {"a": deep}}
    found = fault_in(deep)
    assert found == ""


def test_a_tool_with_any_schema_is_answered_or_refused(cloud: Cloud) -> None:
    choices = ("auto", {"type": "function", "function": {"name": "book"}})
    statuses = set()
    for number, schema in enumerate(changed(SCHEMA)):
        tool = {"type": "function", "function": {"name": "book", "parameters": schema}}
        answer = cloud.post("Book a small one.", tools=[tool], tool_choice=choices[number % 2])
        assert answer.status_code in (200, 400), (schema, answer.text)
        statuses.add(answer.status_code)
    assert statuses == {200, 400}


@pytest.mark.parametrize("name", ODD)
def test_a_choice_of_any_name_is_refused(cloud: Cloud, name: Any) -> None:
    tool = {"type": "function", "function": {"name": "book", "parameters": SCHEMA}}
    choice = {"type": "function", "function": {"name": name}}
    status, told = cloud.refusal(tools=[tool], tool_choice=choice)
    assert (status, "not among the tools" in told) == (400, True)
