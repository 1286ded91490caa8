"""Arguments are read however far they have come, and written so that every upstream can read them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maaskit.llama_index.arguments import arguments_json, arguments_of, whole_arguments

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(), JSON, max_size=5)


@given(OBJECTS)
def test_whole_objects_come_back(found: dict[str, Any]) -> None:
    text = json.dumps(found, ensure_ascii=False)
    assert arguments_of(text) == whole_arguments(text) == found
    assert arguments_json(text) == text
    assert json.loads(arguments_json(found)) == found


@given(OBJECTS, st.data())
def test_cut_objects_are_read_as_far_as_they_go(found: dict[str, Any], data: st.DataObject) -> None:
    text = json.dumps(found, ensure_ascii=False)
    cut = text[: data.draw(st.integers(0, len(text)))]
    read = arguments_of(cut)
    assert isinstance(read, dict)
    assert read.keys() <= found.keys()
    assert isinstance(json.loads(arguments_json(cut)), dict)


@given(st.text() | JSON)
def test_nothing_raises(arguments: Any) -> None:
    assert isinstance(arguments_of(arguments), dict)
    assert isinstance(json.loads(arguments_json(arguments)), dict)


@pytest.mark.parametrize(
    ("text", "found"),
    [("", {}), ("  ", {}), ("{}", {}), ('{"a": 1}', {"a": 1}), ('{"a": 1', '{"a": 1'), ("[1]", "[1]"), ("no", "no")],
)
def test_whole_arguments_are_an_object_or_stay_text(text: str, found: Any) -> None:
    assert whole_arguments(text) == found


def test_line_breaks_in_strings_are_forgiven() -> None:
    assert arguments_of('{"a": "x\ny"}') == {"a": "x\ny"}


def test_half_characters_do_not_break_the_conversation() -> None:
    for text in ('{"a": "\\ud83d"}', '{"a": "\\ud83d', '{"a": "x\\ud8'):
        written = arguments_json(text)
        assert isinstance(json.loads(written), dict)
        written.encode()
