"""Which tools a request means without naming them: by the words it shares with a name or a description.

Named tools are found in `mentions`; arguments are filled in `calls`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from maaskit.sandbox.responder.arithmetic import expression_in
from maaskit.sandbox.responder.ask import Ask, Tool
from maaskit.sandbox.responder.mentions import denied
from maaskit.sandbox.responder.question import ENDS_ASKING, read_question
from maaskit.sandbox.responder.tool_kinds import is_arithmetic, is_form, looks_up, slots_of
from maaskit.sandbox.responder.words import halfwidth, name_words, translated, words

IN_NAME: Final = 3.0
IN_DESCRIPTION: Final = 1.0
IN_PARAMETERS: Final = 0.5
BY_ARITHMETIC: Final = 3.0
SHARED_BY_ALL: Final = 0.3
TRANSLATED: Final = 0.6
NEARLY: Final = 0.6
ENOUGH: Final = 1.5
"""A word of the name, or two words of the description."""

SPEAKS_OF_TOOL: Final = re.compile(
    r"(?i)\b(?:use|using|call|with|via|run|invoke)\s+(?:the|a|an|your|this|that|"
    r"my)?\s*(?:\w+\s+){0,2}(?:tools?|functions?)\b|(?:用|调用|通过|借助)[^,。]{0,8}(?:工具|函数)"
)
REFUSES_TOOLS: Final = re.compile(
    r"(?i)\b(?:do not|don'?t|without|never)\s+(?:\w+\s+){0,2}(?:any\s+)?(?:tools?|functions?)\b|"
    r"(?:不要|别|不用|无需)[^,。]{0,4}(?:工具|函数)"
)
ASKS: Final = re.compile(
    r"(?i)^\W*(?:please\s+|kindly\s+|(?:can|could|would) you\s+)*"
    r"(?:what|which|who|whom|whose|when|where|why|how|is|are|was|were|does|do|did|can|"
    r"could|find|look|search|tell me|explain|describe|list)\b"
)
ABOUT_ITSELF: Final = re.compile(
    r"(?i)\b(?:who|what|how) are you\b|\b(?:your|my) name\b|\bcan you (?:do|help)\b|你是谁|你叫什么|我叫什么|"
    r"你好吗|你能做什么|你可以帮我做"
)
TIMES: Final = re.compile(r"(?i)\btimes\b")
"""In a sum; elsewhere it has to do with clocks."""
FOLLOWS_UP: Final = re.compile(r"(?i)^\W*(?:and|what about|how about|also|now|then)\b|^(?:那|再|还有)|呢[?\s]*$")
CLAUSE: Final = re.compile(
    r"(?i)[?!;\n]+|\.(?=\s)|,?\s+(?:and|also|plus)\s+(?=(?:also|then|please|what|how|when|where|who|is|are|tell|give|"
    r"calculate|compute|find|check|get)\b)|,?\s+(?:and\s+)?then\s+|[。\uff1b]|"
    r"[,\uff0c]?(?:并且|并|还有|以及|另外|同时|然后|接着)|[,\uff0c]\s*(?:再|最后)"
)


def refuses_tools(text: str) -> bool:
    """Tell whether a request wants no tool at all.

    Args:
        text: The request.

    Returns:
        Whether it does.
    """
    return REFUSES_TOOLS.search(halfwidth(text)) is not None


def meant(ask: Ask, *, answered: bool) -> list[tuple[Tool, str]]:
    """Find the tools that a request means.

    Args:
        ask: What is asked.
        answered: Whether the prompt itself holds the answer.

    Returns:
        Each tool with the words that are for it; empty when none is meant.
    """
    text = read_question(ask.user).text
    plain = halfwidth(text)
    tools = [t for t in ask.tools if t.name not in denied(ask.user, ask.tools)]
    actions = [t for t in tools if not is_form(t)]
    by_clause = _by_clause(text, actions)
    if by_clause:
        return by_clause
    if SPEAKS_OF_TOOL.search(plain) and tools:
        said = scores(text, tools)
        return [(max(tools, key=lambda t: said[t.name]), ask.user)]
    if FOLLOWS_UP.search(plain) and ask.past_calls:
        return [(t, ask.user) for t in actions if t.name == ask.past_calls[-1].name]
    asks = ENDS_ASKING.search(plain) or ASKS.search(plain)
    if not asks or answered or ABOUT_ITSELF.search(plain) or expression_in(text) or not words(text):
        return []
    return [(t, ask.user) for t in actions if looks_up(t)][:1]


def _by_clause(text: str, tools: Sequence[Tool]) -> list[tuple[Tool, str]]:
    """Find the best tool of each clause; a request that means one tool gives it all its words."""
    whole = _best(text, tools)
    if whole is None:
        return []
    clauses = [clause for clause in CLAUSE.split(text) if clause and clause.strip()]
    found: dict[str, tuple[Tool, str]] = {}
    for clause in clauses:
        tool = _best(clause, tools)
        if tool is not None and tool.name not in found:
            found[tool.name] = (tool, clause)
    return list(found.values()) if len(found) > 1 else [(whole, text)]


def rivals(tool: Tool, ask: Ask) -> list[Tool]:
    """Find the tools that a request may mean as well as the one that it shares most with.

    Args:
        tool: The one.
        ask: What is asked.

    Returns:
        The others that share nearly as much, the nearest first.
    """
    rated = scores(read_question(ask.user).text, ask.tools)
    near = [t for t in ask.tools if t.name != tool.name and rated[t.name] >= max(ENOUGH, NEARLY * rated[tool.name])]
    left = [t for t in near if not is_form(t) and t.name not in denied(ask.user, ask.tools)]
    return sorted(left, key=lambda t: -rated[t.name])


def _best(text: str, tools: Sequence[Tool]) -> Tool | None:
    rated = scores(text, tools)
    best = max(tools, key=lambda t: rated[t.name], default=None)
    return best if best is not None and rated[best.name] >= ENOUGH else None


def scores(text: str, tools: Sequence[Tool]) -> dict[str, float]:
    """Weigh how much each tool shares with a text.

    Args:
        text: What the user said.
        tools: The tools.

    Returns:
        Weights by name; words that all tools share count little.
    """
    expression = expression_in(text)
    said = words(text if expression is None else TIMES.sub("multiply", text))
    bags = {t.name: _weighed(t) for t in tools}
    worth = {word: 1.0 if word in said else TRANSLATED for word in translated(said)}
    if len(tools) > 1:
        shared = {word for word in worth if all(word in bag for bag in bags.values())}
        worth |= {word: worth[word] * SHARED_BY_ALL for word in shared}
    rated = {name: sum(bag.get(word, 0.0) * weight for word, weight in worth.items()) for name, bag in bags.items()}
    for tool in tools:
        if expression is not None and is_arithmetic(tool, expression):
            rated[tool.name] += BY_ARITHMETIC
    return rated


def _weighed(tool: Tool) -> Mapping[str, float]:
    parameters = " ".join(f"{s.name} {s.description}" for s in slots_of(tool))
    weighed = dict.fromkeys([*words(parameters), *name_words(parameters)], IN_PARAMETERS)
    weighed |= dict.fromkeys(words(tool.description), IN_DESCRIPTION)
    return weighed | dict.fromkeys(name_words(tool.name), IN_NAME)
