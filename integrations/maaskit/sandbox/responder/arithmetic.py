"""Sums in a text: found, written as an expression, and worked out.

Expressions are taken apart by hand; nothing is ever evaluated as Python.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable
from typing import Final

from maaskit.sandbox.responder.numerals import numbers
from maaskit.sandbox.responder.words import halfwidth

OPERATORS: Final[dict[type[ast.AST], Callable[[float, float], float]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
MAX_POWER: Final = 64

SIGNS: Final = (
    (re.compile(r"(?i)\bsquared\b|的平方|²"), "**2"),
    (re.compile(r"(?i)\bcubed\b|的立方|³"), "**3"),
    (re.compile(r"(?i)\b(?:to the power of|raised to)\b|的?次方|\^"), "**"),
    (re.compile(r"(?i)\b(?:multiplied by|times|multiply by)\b|乘以|乘|[×✕·]|(?<=\d)\s*[xX]\s*(?=\d)"), "*"),
    (re.compile(r"(?i)\b(?:divided by|over)\b|除以|÷"), "/"),
    (re.compile(r"(?i)\b(?:plus|added to)\b|加上|加"), "+"),
    (re.compile(r"(?i)\b(?:minus|less)\b|减去|减|[−–—-](?=\s*[\d(])"), "-"),
    (re.compile(r"(?i)\bpercent of\b|%\s*of\b"), "/100*"),
    (re.compile(r"(?i)\bpercent\b|%"), "/100"),
)
OPERATION: Final = re.compile(r"[\d)]\s*(?:\*\*|//|[-+*/%])\s*[(\d.-]")
NO_SUM: Final = re.compile(r"\b\d{4}[-/]\d{1,2}(?:[-/]\d{1,2})?\b|\b\d{3,}(?:-\d{3,})+\b|\b\d{1,2}:\d{2}\b")
"""Dates, telephone numbers and times of day."""
SPAN: Final = re.compile(r"[\d.,()\s+*/%-]+")
LONGEST_TEXT: Final = 1000
"""A sum is looked for at the end of a longer text."""

WORDED: Final = (
    (re.compile(r"(?i)\b(?:sum of|add(?:ing)?|total of|together)\b|之和|相加|总和|合计|总共|一共"), "+"),
    (re.compile(r"(?i)\b(?:product of|multipl(?:y|ying|ied))\b|之积|相乘|乘积"), "*"),
    (re.compile(r"(?i)\bdifference (?:of|between)\b|之差|相差"), "-"),
    (re.compile(r"(?i)\b(?:quotient of|divid(?:e|ing)|ratio of)\b|之商|相除"), "/"),
)
PRICE_OF_SEVERAL: Final = re.compile(
    r"(?i)\b(?:how much|what) (?:do|does|would|will|did)\b.{0,60}\bcost\b|"
    r"\bhow much\b.{0,60}\b(?:cost|pay|in total|altogether|for)\b|\btotal (?:price|cost|"
    r"fee)\b|\b(?:cost|pay)\b.{0,40}\b(?:in total|altogether)\b|"
    r"(?:一共|总共|合计|总计).{0,12}(?:多少|几|钱|元|费)|多少钱.{0,6}(?:一共|总共|合计)"
)
SUBTRACT_FROM: Final = re.compile(r"(?i)\bsubtract(?:ing|ed)?\b")


def expression_in(text: str) -> str | None:
    """Find a sum in a text and write it with signs.

    Args:
        text: Such as ``How much is three times (4 + 5)?`` or ``12加30等于几``.

    Returns:
        Such as ``3 * (4 + 5)``; None when there is no sum with at least two numbers.
    """
    text = NO_SUM.sub(" ", halfwidth(text[-LONGEST_TEXT:]))
    signed = _with_signs(_in_digits(text))
    spans = [_tidy(span) for span in SPAN.findall(signed) if OPERATION.search(span)]
    sums = [span for span in spans if value_of(span) is not None and OPERATION.search(span)]
    if sums:
        return max(sums, key=len)
    return _worded(text)


def value_of(expression: str) -> int | float | None:
    """Work an expression out.

    Args:
        expression: Numbers, brackets and the signs ``+ - * / // % **``.

    Returns:
        Its value, an int when it is whole; None when it is no such expression or has no value.
    """
    try:
        value = _evaluate(ast.parse(expression.strip(), mode="eval").body)
    except (SyntaxError, ValueError, TypeError, ZeroDivisionError, OverflowError, RecursionError, MemoryError):
        return None
    if isinstance(value, complex):
        return None
    rounded = round(value, 10)
    return int(rounded) if rounded == int(rounded) else rounded


def operation_named(text: str) -> str | None:
    """Tell which operation a text asks for without writing a sum.

    Args:
        text: Such as ``multiply it by 12``.

    Returns:
        ``+``, ``-``, ``*`` or ``/``; None when it asks for none.
    """
    if SUBTRACT_FROM.search(text):
        return "-"
    if PRICE_OF_SEVERAL.search(text) and numbers(text):
        return "*"
    for pattern, sign in (*WORDED, *SIGNS[3:7]):
        if pattern.search(text):
            return sign
    return None


def _evaluate(node: ast.AST) -> float:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_evaluate(node.operand)
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        left, right = _evaluate(node.left), _evaluate(node.right)
        if isinstance(node.op, ast.Pow) and abs(right) > MAX_POWER:
            raise OverflowError(right)
        return OPERATORS[type(node.op)](left, right)
    raise ValueError(type(node).__name__)


def _in_digits(text: str) -> str:
    parts, end = [], 0
    for number in numbers(text):
        parts += [text[end : number.start], str(number.value)]
        end = number.end
    return "".join(parts) + text[end:]


def _with_signs(text: str) -> str:
    for pattern, sign in SIGNS:
        text = pattern.sub(f" {sign} ", text)
    return text


def _tidy(span: str) -> str:
    span = re.sub(r",(?=\d{3}\b)", "", span)
    span = re.sub(r"\s+", " ", span.split(",")[0]).strip(" +*/.")
    span = re.sub(r"\s*\*\s*\*\s*", "**", span)
    if span.count("(") > span.count(")"):
        span += ")" * (span.count("(") - span.count(")"))
    while span.count(")") > span.count("(") and span.endswith(")"):
        span = span[:-1].rstrip()
    return span.strip()


def _worded(text: str) -> str | None:
    values = [number.value for number in numbers(text)]
    sign = operation_named(text)
    if sign is None or len(values) < 2:
        return None
    if SUBTRACT_FROM.search(text) and re.search(r"(?i)\bfrom\b", text):
        values.reverse()
    return f" {sign} ".join(str(value) for value in values)
