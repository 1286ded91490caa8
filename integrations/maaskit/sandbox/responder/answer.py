"""What the responder hands back: text, reasoning, tool calls, quotes.

How it is written on a wire is not known here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of a tool.

    Args:
        id: The call's id.
        name: The tool's name.
        arguments: Its arguments, a JSON object.
        text: The arguments as JSON text; cut short when the token limit fell into it.
    """

    id: str
    name: str
    arguments: dict[str, Any]
    text: str


@dataclass(frozen=True, slots=True)
class Quote:
    """A sentence that an answer quotes.

    Args:
        text: The sentence as it stands in the passage.
        source: Where the passage comes from; empty when it does not say.
        at: Where the quote ends in the answer's text, in characters.
    """

    text: str
    source: str
    at: int


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, ready to be written.

    Args:
        text: What is said; empty beside tool calls.
        reasoning: What was thought before; empty when nothing was.
        tool_calls: The tools to call.
        finish_reason: ``stop``, ``length`` or ``tool_calls``.
        quotes: What the text quotes.
    """

    text: str
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str = "stop"
    quotes: tuple[Quote, ...] = ()
