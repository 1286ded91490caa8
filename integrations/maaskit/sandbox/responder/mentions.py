"""Tools that a user names, where, and with which arguments in brackets.

Tools that are meant without being named are found in `choosing`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from maaskit.sandbox.responder.ask import Tool
from maaskit.sandbox.responder.words import CAMEL, halfwidth

NEGATED: Final = re.compile(
    r"(?i)(?:\bdo not|\bdon'?t|\bwithout|\bnever|\bavoid|\binstead of|\brather than|"
    r"\bnot)\s+(?:\w+\s+){0,3}[`'\"]?$|(?:不要|别|不用|无需|不必|禁止)[^,。\s]{0,6}[`'\"]?$"
)
OPENING: Final = re.compile(r"\s*[`'\"]?\s*\(")
MOST_MENTIONS: Final = 20
"""How often one tool is called in one turn, at most."""
MAX_ARGUMENTS_TEXT: Final = 4000


@dataclass(frozen=True, slots=True)
class Mention:
    """A place where a user names a tool.

    Args:
        tool: The tool.
        start: Where its name begins.
        end: Where it ends, the brackets behind it included.
        positional: The arguments in the brackets that have no name.
        named: Those that have one.
        in_brackets: Whether there are brackets.
    """

    tool: Tool
    start: int
    end: int
    positional: tuple[Any, ...] = ()
    named: dict[str, Any] = field(default_factory=dict)
    in_brackets: bool = False


def mentions(text: str, tools: Sequence[Tool]) -> list[Mention]:
    """Find the tools that a text names.

    Args:
        text: What the user said.
        tools: The tools on offer.

    Returns:
        The places, in order; a longer name hides shorter ones inside it, denied ones ("do not use ...") are left out.
    """
    plain = halfwidth(text)
    found: list[Mention] = []
    for tool in sorted(tools, key=lambda t: -len(t.name)):
        for match in islice(_pattern(tool.name).finditer(plain), MOST_MENTIONS):
            inside = any(m.start < match.end() and match.start() < m.end for m in found)
            if not inside and not NEGATED.search(plain[: match.start()]):
                found.append(_with_brackets(tool, plain, match))
    return sorted(found, key=lambda m: m.start)


def denied(text: str, tools: Sequence[Tool]) -> set[str]:
    """Find the tools that a text tells not to use.

    Args:
        text: What the user said.
        tools: The tools on offer.

    Returns:
        Their names.
    """
    plain = halfwidth(text)
    return {t.name for t in tools for m in _pattern(t.name).finditer(plain) if NEGATED.search(plain[: m.start()])}


def without_names(text: str, tools: Sequence[Tool]) -> str:
    """Blank the tools' names out of a text, so that they are no evidence for arguments.

    Args:
        text: What the user said.
        tools: The tools on offer.

    Returns:
        The text, of the same length.
    """
    for tool in sorted(tools, key=lambda t: -len(t.name)):
        if len(CAMEL.split(tool.name)) > 1 or tool.name[:1].isupper():
            text = _pattern(tool.name).sub(lambda m: " " * len(m[0]), text)
    return text


def _pattern(name: str) -> re.Pattern[str]:
    parts = [re.escape(part) for part in CAMEL.split(name) if part]
    spoken = r"[\s_\-.]*".join(parts) if name.isascii() else re.escape(name)
    # A form named like a class, such as Weather, is not meant by the word: only its very name means it.
    case = "" if len(parts) == 1 and name[:1].isupper() else "(?i)"
    return re.compile(rf"{case}(?<![A-Za-z0-9_]){spoken}(?![A-Za-z0-9_])")


def _with_brackets(tool: Tool, plain: str, match: re.Match[str]) -> Mention:
    opening = OPENING.match(plain, match.end())
    if opening is None:
        return Mention(tool, match.start(), match.end())
    closing = _closing(plain, opening.end())
    if closing is None:
        return Mention(tool, match.start(), match.end())
    try:
        call = ast.parse(f"f({plain[opening.end() : closing]})", mode="eval").body
        positional, named = _arguments(call)
    except (SyntaxError, TypeError, ValueError, RecursionError, MemoryError):
        return Mention(tool, match.start(), match.end())
    return Mention(tool, match.start(), closing + 1, positional, named, in_brackets=True)


def _closing(plain: str, start: int) -> int | None:
    depth = 1
    for index in range(start, min(len(plain), start + MAX_ARGUMENTS_TEXT)):
        depth += {"(": 1, ")": -1}.get(plain[index], 0)
        if depth == 0:
            return index
    return None


def _arguments(call: ast.expr) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if not isinstance(call, ast.Call):
        raise TypeError(type(call).__name__)
    positional = tuple(_constant(argument) for argument in call.args)
    return positional, {k.arg: _constant(k.value) for k in call.keywords if k.arg is not None}


def _constant(node: ast.expr) -> Any:
    if isinstance(node, ast.Name):
        return {"true": True, "false": False, "null": None}.get(node.id, node.id)
    try:
        return ast.literal_eval(node)
    except ValueError:
        return ast.unparse(node)
