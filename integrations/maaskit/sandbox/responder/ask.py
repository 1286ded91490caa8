"""What a chat request means, free of its wire form.

A request is taken as valid here; refusing is the business of `maaskit.sandbox.chat_rules`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from maaskit.sandbox.json_text import decode
from maaskit.sandbox.responder.prose_tools import with_calls


@dataclass(frozen=True, slots=True)
class Picture:
    """What was seen in a picture or a document that came as one.

    Args:
        text: The text in it; empty when there is none.
        width: In pixels; 0 for a document.
        height: In pixels; 0 for a document.
        colour: The name of its dominant colour in English; empty for a document.
    """

    text: str
    width: int = 0
    height: int = 0
    colour: str = ""


@dataclass(frozen=True, slots=True)
class Tool:
    """One function that may be called.

    Args:
        name: Its name.
        description: What it does, in any language; may be empty.
        parameters: The JSON schema of its arguments.
    """

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """Whether and which tools must be called.

    Args:
        mode: ``auto``, ``none``, ``required``, or ``function`` for the one that `name` names.
        name: That function's name.
    """

    mode: Literal["auto", "none", "required", "function"]
    name: str = ""


@dataclass(frozen=True, slots=True)
class PastCall:
    """A tool call in the history, with its result when there is one.

    Args:
        name: The tool's name.
        arguments: Its arguments, empty when they could not be read.
        result: What the tool answered; None while it has not.
    """

    name: str
    arguments: Mapping[str, Any]
    result: str | None


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked, and how the answer must look.

    Args:
        system: The text of all system messages.
        past: What was said in earlier turns, as ``(role, text)``, oldest first.
        user: The text of the last turn's user messages.
        pictures: What was seen in the pictures of the last turn, or of the last earlier turn that had any.
        calls: The tool calls made since the user spoke last.
        past_calls: The tool calls made before, oldest first.
        tools: The tools on offer.
        tool_choice: Whether and which of them must be called.
        parallel: Whether one answer may call several.
        form: ``text``, ``json_object`` or ``json_schema``.
        schema: The schema of ``json_schema``.
        stop: Texts that end the answer.
        max_tokens: The answer's limit, reasoning included; None for none.
        thinks: Whether reasoning comes first.
        max_thinking: The reasoning's own limit in tokens; None for none.
        seed: Ties every choice that is free; equal requests have equal seeds.
        search: Whether the built-in web may be asked.
        web_root: What the URLs of its pages begin with.
        in_prose: Whether tools are told and called in prose, in the ReAct form.
    """

    system: str = ""
    past: tuple[tuple[str, str], ...] = ()
    user: str = ""
    pictures: tuple[Picture, ...] = ()
    calls: tuple[PastCall, ...] = ()
    past_calls: tuple[PastCall, ...] = ()
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = field(default_factory=lambda: ToolChoice("auto"))
    parallel: bool = True
    form: Literal["text", "json_object", "json_schema"] = "text"
    schema: Mapping[str, Any] | None = None
    stop: tuple[str, ...] = ()
    max_tokens: int | None = None
    thinks: bool = False
    max_thinking: int | None = None
    seed: int = 0
    search: bool = False
    web_root: str = ""
    in_prose: bool = False


def read_ask(
    request: Mapping[str, Any], pictures: Mapping[str, Picture], *, thinks: bool = False, web_root: str | None = None
) -> Ask:
    """Read the meaning of a valid chat request.

    Args:
        request: The request's JSON object.
        pictures: What was seen in each picture, by its URL.
        thinks: Whether its model reasons, by its nature or because it was told to.
        web_root: What the URLs of the built-in web's pages begin with; None when the model may not search.

    Returns:
        The meaning.
    """
    seed = _seed(request)
    prose = with_calls(request, [text_of(m) for m in request["messages"]])
    request = prose or request
    messages: Sequence[Mapping[str, Any]] = request["messages"]
    start = _last_turn(messages)
    turn, earlier = messages[start:], messages[:start]
    stop = request.get("stop") or ()
    form = request.get("response_format") or {}
    return Ask(
        system="\n\n".join(text_of(m) for m in messages if m["role"] in ("system", "developer")),
        past=tuple((m["role"], text_of(m)) for m in earlier if m["role"] not in ("system", "developer")),
        user="\n".join(text_of(m) for m in turn if m["role"] == "user"),
        pictures=_seen(turn, pictures) or _seen(earlier, pictures),
        calls=_calls(turn),
        past_calls=_calls(earlier),
        tools=tuple(_tool(t) for t in request.get("tools") or ()),
        tool_choice=_tool_choice(request.get("tool_choice")),
        parallel=request.get("parallel_tool_calls") is not False,
        form=form.get("type") or "text",
        schema=(form.get("json_schema") or {}).get("schema"),
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        max_tokens=request.get("max_tokens") or request.get("max_completion_tokens"),
        thinks=thinks,
        max_thinking=(request.get("thinking") or {}).get("budget_tokens"),
        seed=seed,
        search=web_root is not None,
        web_root=web_root or "",
        in_prose=prose is not None,
    )


def text_of(message: Mapping[str, Any]) -> str:
    """Return a message's text, its parts joined by newlines.

    Args:
        message: A chat message.

    Returns:
        The text; empty for null content.
    """
    content = message.get("content")
    if isinstance(content, list):
        return "\n".join(part["text"] for part in content if part.get("type") == "text")
    return content or ""


def _last_turn(messages: Sequence[Mapping[str, Any]]) -> int:
    """Find where the last turn begins: at the first of the user messages that stand together last."""
    start = next((i for i in range(len(messages) - 1, -1, -1) if messages[i]["role"] == "user"), 0)
    while start > 0 and messages[start - 1]["role"] == "user":
        start -= 1
    return start


def _seen(messages: Sequence[Mapping[str, Any]], pictures: Mapping[str, Picture]) -> tuple[Picture, ...]:
    for message in reversed(messages):
        content = message.get("content")
        parts = content if isinstance(content, list) else []
        urls = [url for part in parts if (url := picture_url(part))]
        if urls:
            return tuple(pictures[url] for url in urls if url in pictures)
    return ()


def picture_url(part: Mapping[str, Any]) -> str | None:
    """Return where a message part's picture or document is.

    Args:
        part: A part of a message's content.

    Returns:
        Its http(s) or data URL; None for a part that has none.
    """
    for field_name in ("image_url", "file_url"):
        value = part.get(field_name)
        if isinstance(value, dict) and isinstance(value.get("url"), str):
            return str(value["url"])
    return None


def _calls(turn: Sequence[Mapping[str, Any]]) -> tuple[PastCall, ...]:
    results = {m["tool_call_id"]: text_of(m) for m in turn if m["role"] == "tool"}
    return tuple(
        PastCall(call["function"]["name"], _arguments(call["function"].get("arguments")), results.get(call["id"]))
        for message in turn
        if message["role"] == "assistant"
        for call in message.get("tool_calls") or ()
    )


def _arguments(text: object) -> Mapping[str, Any]:
    try:
        value = decode(text) if isinstance(text, str) else text
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _tool(tool: Mapping[str, Any]) -> Tool:
    function = tool["function"]
    return Tool(function["name"], function.get("description") or "", function.get("parameters") or {})


def _tool_choice(choice: object) -> ToolChoice:
    if isinstance(choice, dict):
        return ToolChoice("function", choice["function"]["name"])
    match choice:
        case "none":
            return ToolChoice("none")
        case "required" | "any":
            return ToolChoice("required")
        case _:
            return ToolChoice("auto")


def _seed(request: Mapping[str, Any]) -> int:
    parts = {name: request.get(name) for name in ("messages", "model", "tools", "seed", "response_format")}
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False)
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).digest(), "big")
