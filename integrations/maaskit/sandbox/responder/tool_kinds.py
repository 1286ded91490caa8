"""What kind of tool a tool is: a form for the answer, a calculator, a look-up; and whether a call failed.

Which tool a request means is weighed in `meaning`.
"""

from __future__ import annotations

import re
from typing import Final

from maaskit.sandbox.responder.ask import PastCall, Tool
from maaskit.sandbox.responder.finders.guess import has_purpose, takes_number, takes_text
from maaskit.sandbox.responder.lexicon import listed
from maaskit.sandbox.responder.schemas import Slot, resolve, slots
from maaskit.sandbox.responder.words import CAMEL, name_words, stem, words

LOOKS_UP: Final = re.compile(
    r"(?i)\b(?:search\w*|retriev\w*|look\w*\s?up|quer\w+|knowledge|find\w*|fetch\w*|passages?|"
    r"documents?)\b|检索|搜索|查询|查找|知识库"
)
IS_ERROR: Final = re.compile(
    r"(?i)^\W*(?:error|exception|traceback|invalid|failed)|\b(?:missing required|validation error|"
    r"not a valid|invalid argument)\b|^错误|失败|出错"
)
VERBS: Final = frozenset(
    listed(
        """add ask book buy calculate call cancel check compare compute convert create delete divide do draw execute
        fetch find generate get list look lookup make multiply open order play query read recommend remove retrieve
        run save search send set show start stop subtract summarize translate update use write"""
    )
)
GENERAL_ARITHMETIC: Final = {
    stem(w) for w in listed("calculator calculate compute math arithmetic evaluate expression equation")
} | {"计算", "算式", "运算"}
BY_SIGN: Final = {
    "+": {stem(w) for w in listed("add adder sum plus addition total")} | {"相加", "求和", "加法"},
    "-": {stem(w) for w in listed("subtract minus difference subtraction")} | {"相减", "减法"},
    "*": {stem(w) for w in listed("multiply product times multiplication multiplier")} | {"相乘", "乘法"},
    "/": {stem(w) for w in listed("divide quotient division divider")} | {"相除", "除法"},
    "**": {stem(w) for w in listed("power exponent square")} | {"乘方"},
}


def slots_of(tool: Tool) -> list[Slot]:
    """List a tool's arguments.

    Args:
        tool: The tool.

    Returns:
        Its arguments in order.
    """
    return slots(resolve(tool.parameters, tool.parameters), tool.parameters)


def is_form(tool: Tool) -> bool:
    """Tell whether a tool is a form for an answer and no action.

    Args:
        tool: The tool.

    Returns:
        Whether it is named like a class and its name begins with no verb: ``WeatherReport``, but not ``GetWeather``.
    """
    first = CAMEL.split(tool.name)[0].lower()
    return tool.name[:1].isupper() and "_" not in tool.name and first not in VERBS


def is_arithmetic(tool: Tool, expression: str = "") -> bool:
    """Tell whether a tool works sums out.

    Args:
        tool: The tool.
        expression: The sum; empty for any.

    Returns:
        Whether it takes any sum, or two numbers and does the one operation that the sum needs.
    """
    wanted = slots_of(tool)
    own = {*name_words(tool.name), *words(tool.description)}
    if any(takes_text(s) is not None and has_purpose(s, "expression") for s in wanted):
        return True
    if sum(takes_number(s) is not None for s in wanted) < 2:
        return bool(own & GENERAL_ARITHMETIC) and any(takes_text(s) is not None for s in wanted)
    signs = set(re.findall(r"\*\*|[-+*/]", expression))
    if not signs:
        return any(own & kinds for kinds in BY_SIGN.values())
    return len(signs) == 1 and bool(own & BY_SIGN[signs.pop()])


def looks_up(tool: Tool) -> bool:
    """Tell whether a tool answers questions in plain words by looking them up.

    Args:
        tool: The tool.

    Returns:
        Whether its one required argument takes a question and its words say that it searches.
    """
    wanted = [s for s in slots_of(tool) if s.required]
    takes_a_question = [s for s in wanted if takes_text(s) is not None and not has_purpose(s, "place")]
    said = f"{tool.name.replace('_', ' ')} {tool.description}"
    return len(wanted) == 1 == len(takes_a_question) and LOOKS_UP.search(said) is not None


def failed(call: PastCall) -> bool:
    """Tell whether a tool's result reports an error.

    Args:
        call: The call.

    Returns:
        Whether it does.
    """
    return call.result is not None and IS_ERROR.search(call.result) is not None
