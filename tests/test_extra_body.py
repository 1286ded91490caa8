"""Fields that no document lists join those that one does."""

from __future__ import annotations

from typing import Any

import pytest

from maaskit import InvalidInput
from maaskit.extra_body import joined


@pytest.mark.parametrize(
    ("extra", "whole"),
    [
        (None, {"a": {"b": 1}, "c": 2}),
        ({}, {"a": {"b": 1}, "c": 2}),
        ({"a": {"d": 3}}, {"a": {"b": 1, "d": 3}, "c": 2}),
        ({"a": {"b": 3}, "e": 4}, {"a": {"b": 3}, "c": 2, "e": 4}),
        ({"a": None, "c": {"d": 1}}, {"a": None, "c": {"d": 1}}),
    ],
)
def test_objects_join_and_the_rest_replaces(extra: Any, whole: Any) -> None:
    body = {"a": {"b": 1}, "c": 2}
    assert joined(body, extra) == whole
    assert body == {"a": {"b": 1}, "c": 2}


@pytest.mark.parametrize("extra", [[], "x", 7, {1: 2}])
def test_what_is_no_object_is_refused(extra: Any) -> None:
    with pytest.raises(InvalidInput, match="extra_body must be a dict"):
        joined({}, extra)
