"""Tools that are told in prose, and called in prose: the ReAct form, as LlamaIndex's ``ReActAgent`` writes it.

A conversation of that form is turned into one with tool calls, and the answer back; nothing is chosen here.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from maaskit.sandbox.json_text import decode
from maaskit.sandbox.responder.answer import Answer
from maaskit.sandbox.responder.words import is_chinese

ASKS_FOR_ACTIONS: Final = re.compile(r"(?ms)^Thought:.*?^Action:.*?^Action Input:")
TOOL: Final = re.compile(
    r"(?ms)^>? ?Tool Name: *(?P<name>\S+)\s*\nTool Description: ?(?P<does>.*?)\nTool Args: *(?=\{)"
)
FORMAT: Final = re.compile(r"(?m)^(?:#+ *Output Format|```|Thought:)")
ACTION: Final = re.compile(r"(?ms)^Action: *(?P<name>[^\s()]+).*?^Action Input: *(?P<input>\{.*\})")
ANSWER: Final = re.compile(r"(?s)^\s*Thought:.*?^Answer: *(?P<text>.*)", re.MULTILINE)
OBSERVATION: Final = "Observation:"


def with_calls(request: Mapping[str, Any], texts: Sequence[str]) -> dict[str, Any] | None:
    """Turn a conversation whose tools are told in prose into one with tool calls.

    Args:
        request: A valid chat request.
        texts: The text of each of its messages.

    Returns:
        The request with ``tools``, calls and results in their own fields and at most one call a turn; None when its
        tools are not told so.
    """
    messages: Sequence[Mapping[str, Any]] = request["messages"]
    if request.get("tools"):
        return None
    for place, (message, text) in enumerate(zip(messages, texts, strict=True)):
        told = list(TOOL.finditer(text))
        if message["role"] in ("system", "developer", "user") and told and ASKS_FOR_ACTIONS.search(text):
            tools, end = _tools(text, told)
            turned = [{**message, "content": _context(text[end:])}, *_turned(messages, texts, place + 1)]
            return {
                **request,
                "messages": [*messages[:place], *turned],
                "tools": tools,
                "parallel_tool_calls": False,
            }
    return None


def in_prose(answer: Answer, question: str) -> Answer:
    """Say an answer in the ReAct form.

    Args:
        answer: The answer; of its tool calls only the first can be said.
        question: What was asked; its language is kept.

    Returns:
        The same as text.
    """
    chinese = is_chinese(question)
    if answer.tool_calls:
        call = answer.tool_calls[0]
        thought = "我需要用一个工具来回答问题。" if chinese else "I need to use a tool to help me answer the question."
        text = f"Thought: {thought}\nAction: {call.name}\nAction Input: {call.text}"
        return replace(answer, text=text, tool_calls=(), finish_reason="stop")
    thought = "我不需要更多工具就能回答。" if chinese else "I can answer without using any more tools."
    lead = f"Thought: {thought}\nAnswer: "
    quotes = tuple(replace(quote, at=quote.at + len(lead)) for quote in answer.quotes)
    return replace(answer, text=lead + answer.text, quotes=quotes)


def _tools(text: str, told: Sequence[re.Match[str]]) -> tuple[list[dict[str, Any]], int]:
    tools, end = [], 0
    for tool in told:
        try:
            schema, end = json.JSONDecoder().raw_decode(text, tool.end())
        except (ValueError, RecursionError):
            schema, end = {}, tool.end()
        function = {"name": tool["name"], "description": tool["does"].strip(), "parameters": schema}
        tools.append({"type": "function", "function": function})
    return tools, end


def _context(text: str) -> str:
    """Keep what is told between the tools and the form of the answer."""
    form = FORMAT.search(text)
    return text[: form.start()].strip() if form else text.strip()


def _turned(messages: Sequence[Mapping[str, Any]], texts: Sequence[str], start: int) -> Iterator[Mapping[str, Any]]:
    waiting: str | None = None  # the call whose observation has not come yet
    for number in range(start, len(messages)):
        message, text = messages[number], texts[number]
        if message["role"] == "assistant" and (action := ACTION.search(text)):
            waiting = f"prose_{number}"
            function = {"name": action["name"], "arguments": _arguments(action["input"])}
            yield {"role": "assistant", "content": None, "tool_calls": [{"id": waiting, "function": function}]}
        elif waiting is not None and text.startswith(OBSERVATION):
            yield {"role": "tool", "tool_call_id": waiting, "content": text.removeprefix(OBSERVATION).strip()}
            waiting = None
        elif message["role"] == "assistant" and (said := ANSWER.search(text)):
            yield {**message, "content": said["text"]}
        else:
            yield message


def _arguments(text: str) -> Any:
    """Read what a call said: JSON, or a dict as Python prints it, which is how LlamaIndex repeats one."""
    try:
        return decode(text)
    except ValueError:
        pass
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return {}
