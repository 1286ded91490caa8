from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maaskit.sandbox.responder.arithmetic import expression_in, operation_named, value_of


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("What is 1 + 2", 3),
        ("How much is three times (4 + 5)?", 27),
        ("12加30等于几", 42),
        ("计算\uff0812\uff0b8\uff09\u00d73", 60),
        ("二十三乘以四是多少", 92),
        ("what is 15% of 240?", 36),
        ("multiply 3.5 by 12", 42),
        ("subtract 5 from 20", 15),
        ("10 divided by 4", 2.5),
        ("2的平方", 4),
        ("what is 2^10", 1024),
        ("the sum of 3, 4 and 5", 12),
        ("1,200 * 3", 3600),
        ("12 x 4?", 48),
        ("Please evaluate (7050 - 6850) * 3 for me.", 600),
    ],
)
def test_sums_are_found_and_worked_out(text: str, value: float) -> None:
    expression = expression_in(text)
    assert expression is not None
    assert value_of(expression) == value


@pytest.mark.parametrize(
    "text",
    ["Hello", "3 meetings and 4 rooms", "call 555-1234", "on 2026-11-20", "from 9:30", "f(3)", "room 12", "C++", "1 +"],
)
def test_what_is_no_sum(text: str) -> None:
    assert expression_in(text) is None


@pytest.mark.parametrize(
    "expression", ["1/0", "2**9999", "__import__('os')", "a + 1", "1 +", "", "'a' * 3", "1 if 1 else 2"]
)
def test_what_has_no_value(expression: str) -> None:
    assert value_of(expression) is None


@pytest.mark.parametrize(
    ("text", "sign"),
    [
        ("multiply it by 12", "*"),
        ("add 5 to the result", "+"),
        ("divide that by 3", "/"),
        ("再乘以三", "*"),
        ("how much do 12 tickets cost in total?", "*"),
        ("what a nice day", None),
    ],
)
def test_operations_named_without_a_sum(text: str, sign: str | None) -> None:
    assert operation_named(text) == sign


@given(st.text(alphabet="0123456789+-*/().% ", max_size=60))
def test_any_expression_ends(text: str) -> None:
    value = value_of(text)
    assert value is None or isinstance(value, int | float)
