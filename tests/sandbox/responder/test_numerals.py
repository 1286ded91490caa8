from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maaskit.sandbox.responder.numerals import chinese_value, english_value, numbers


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("3 apples and 12.5 kg", [3, 12.5]),
        ("1,250,000 people", [1_250_000]),
        ("-5 degrees", [-5]),
        ("twenty-five and three hundred and two", [25, 302]),
        ("two dozen eggs", [24]),
        ("三百二十元,两万五千,二〇二五年", [320, 25_000, 2025]),
        ("1.2万人和3亿元", [12_000, 300_000_000]),
        ("今年30岁", [30]),
        ("一下子来了一些人,一共十二个", [12]),
        ("one of them", []),
        ("model v2, room A3, abc12", []),
        ("no numbers here", []),
        ("9" * 50, []),
    ],
)
def test_numbers_are_found(text: str, values: list[Any]) -> None:
    assert [n.value for n in numbers(text)] == values


def test_places_are_right() -> None:
    text = "from 12 to twenty"
    assert [text[n.start : n.end] for n in numbers(text)] == ["12", "twenty"]


@pytest.mark.parametrize(
    ("numeral", "value"), [("十", 10), ("十二", 12), ("两百零五", 205), ("三万四千", 34_000), ("一亿", 10**8)]
)
def test_chinese_numerals(numeral: str, value: int) -> None:
    assert chinese_value(numeral) == value


@pytest.mark.parametrize(("phrase", "value"), [("nineteen", 19), ("two thousand and six", 2006), ("ninety nine", 99)])
def test_english_numerals(phrase: str, value: int) -> None:
    assert english_value(phrase) == value


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    for number in numbers(text):
        assert 0 <= number.start < number.end <= len(text)
