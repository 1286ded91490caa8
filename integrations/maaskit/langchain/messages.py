"""LangChain's messages as the messages of a chat request; the caller's own are never changed.

What stands inside a user's message is written by ``content_parts``, what comes back is read by ``answers``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pydantic_core
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from maaskit.errors import InvalidInput
from maaskit.langchain.content_parts import (
    MEDIA_TYPES,
    Block,
    Intake,
    Part,
    flattened,
    parts_at,
    plain_text,
    text_of,
    tool_text,
    user_content,
)

Replays = Callable[[bool], bool]
"""Tells whether a past answer goes back with its reasoning, given whether it called functions."""

_ROLES = {"human": "user", "ai": "assistant"}
_CALLS = ("tool_call", "tool_use", "function_call")
# What an assistant's message may hold that is for its own provider alone: its server's tools, its marks.
_PRIVATE = frozenset(
    {
        "audio",
        "code_interpreter_call",
        "file_search_call",
        "image_generation_call",
        "invalid_tool_call",
        "mcp_call",
        "non_standard",
        "redacted_thinking",
        "server_tool_call",
        "server_tool_call_chunk",
        "server_tool_result",
        "server_tool_use",
        "tool_call_chunk",
        "web_search_call",
        "web_search_tool_result",
    }
)
_OURS = ("qiniu", "sophnet")


class _Writing:
    """Collect the messages of one request; media that may not stand in their place wait for the next user message."""

    def __init__(self, intake: Intake, replays: Replays, answered: frozenset[str]) -> None:
        self.intake = intake
        self.replays = replays
        self.answered = answered
        self.written: list[dict[str, Any]] = []
        self._waiting: list[Part] = []

    def put(self, role: str, content: Any, **fields: Any) -> dict[str, Any]:
        message = {"role": role, "content": content, **{name: value for name, value in fields.items() if value}}
        self.written.append(message)
        return message

    def wait(self, note: str, parts: list[Part]) -> None:
        self._waiting += [{"type": "text", "text": note}, *parts]

    def release(self) -> None:
        """Put the media that wait into a user message: neither document has media in other roles."""
        if self._waiting:
            self.put("user", self._waiting)
            self._waiting = []


def write_messages(messages: Sequence[BaseMessage], intake: Intake, replays: Replays) -> list[dict[str, Any]]:
    """Write a conversation.

    Args:
        messages: LangChain's messages.
        intake: What the cloud takes.
        replays: Decides which past answers go back with their reasoning.

    Returns:
        The messages of the request.

    Raises:
        InvalidInput: A message or a block is of a type that cannot be said to the service; the error names it.
    """
    writing = _Writing(intake, replays, _answered(messages))
    for number, message in enumerate(messages):
        where = f"messages[{number}] ({type(message).__name__})"
        if not isinstance(message, ToolMessage | FunctionMessage):
            writing.release()
        _write(writing, message, where)
    writing.release()
    return writing.written


def _write(writing: _Writing, message: BaseMessage, where: str) -> None:
    if isinstance(message, HumanMessage):
        _human(writing, message, where)
    elif isinstance(message, AIMessage):
        _assistant(writing, message, where)
    elif isinstance(message, ToolMessage):
        _tool(writing, message.content, message.tool_call_id, where)
    elif isinstance(message, SystemMessage):
        writing.put("system", text_of(message.content, where), name=message.name)
    elif isinstance(message, ChatMessage):
        role = _ROLES.get(message.role, message.role)
        writing.put(role, user_content(message.content, where, writing.intake), name=message.name)
    elif isinstance(message, FunctionMessage):
        writing.put("function", text_of(message.content, where), name=message.name)
    else:
        raise InvalidInput(f"{where}: messages of type {message.type!r} cannot be sent to a chat model.")


def _human(writing: _Writing, message: HumanMessage, where: str) -> None:
    content = message.content
    if isinstance(content, str):
        writing.put("user", content, name=message.name)
        return
    # Anthropic's histories answer calls inside user messages.
    results = [(place, block) for place, block in enumerate(content) if _type(block) == "tool_result"]
    rest = [(place, block) for place, block in enumerate(content) if _type(block) != "tool_result"]
    for place, result in results:
        if isinstance(result, Mapping):
            answered = str(result.get("tool_use_id") or "")
            _tool(writing, result.get("content") or "", answered, f"{where}.content[{place}]")
    writing.release()
    if rest or not results:
        writing.put("user", flattened(parts_at(rest, where, writing.intake)), name=message.name)


def _tool(writing: _Writing, content: Any, call_id: str, where: str) -> None:
    if isinstance(content, str):
        writing.put("tool", content, tool_call_id=call_id)
        return
    texts: list[str] = []
    media: list[tuple[int, Block]] = []
    for place, block in enumerate(content):
        text = tool_text(block)
        if text is not None:
            texts.append(text)
        elif _type(block) in MEDIA_TYPES:
            media.append((place, block))
        else:
            raise InvalidInput(
                f"{where}.content[{place}] is of type {_type(block)!r}; a tool's result may hold text, json and images."
            )
    if media:
        writing.wait(f"What the tool call {call_id} returned:", parts_at(media, where, writing.intake))
        if not any(texts):
            texts = ["(The result stands in the next user message.)"]
    writing.put("tool", "\n".join(texts), tool_call_id=call_id)


def _assistant(writing: _Writing, message: AIMessage, where: str) -> None:
    blocks: list[Block] = [message.content] if isinstance(message.content, str) else list(message.content)
    calls = _calls(message, blocks)
    # The dialect wants a string here; SophNet's example answers a call with "" (Function Call请求示例).
    written = writing.put("assistant", _assistant_text(message, blocks, where), name=message.name)
    reasoning = _reasoning(message, blocks)
    if reasoning and writing.replays(bool(calls)):
        written["reasoning_content"] = reasoning
    if calls:
        written["tool_calls"] = calls
    elif isinstance(message.additional_kwargs.get("function_call"), Mapping):
        # The older form, which a FunctionMessage answers.
        written["function_call"] = dict(message.additional_kwargs["function_call"])
    media = [(place, block) for place, block in enumerate(blocks) if _type(block) in MEDIA_TYPES - _PRIVATE]
    if media:
        writing.wait("What the assistant's last answer held:", parts_at(media, where, writing.intake))
    for call in calls[len(message.tool_calls) :] if message.invalid_tool_calls else ():
        if call["id"] not in writing.answered:
            # A call without an answer breaks the protocol, and nobody runs a call that cannot be read.
            writing.put("tool", "The arguments were not valid JSON; nothing was called.", tool_call_id=call["id"])


def _assistant_text(message: AIMessage, blocks: list[Block], where: str) -> str:
    foreign = message.response_metadata.get("model_provider") not in (None, *_OURS)
    texts: list[str] = []
    for place, block in enumerate(blocks):
        kind = _type(block)
        text = plain_text(block)
        if text is not None:
            texts.append(text)
        elif kind == "refusal" and isinstance(block, Mapping):
            texts.append(str(block.get("refusal") or ""))
        elif not (foreign or kind in _PRIVATE or kind in MEDIA_TYPES or kind in (*_CALLS, "reasoning", "thinking")):
            raise InvalidInput(f"{where}.content[{place}] is of type {kind!r}, which cannot be sent back to a model.")
    return "".join(texts)


def _reasoning(message: AIMessage, blocks: list[Block]) -> str:
    """Give an answer's reasoning; in v1 content, and from other providers, it stands in blocks only."""
    kept = message.additional_kwargs.get("reasoning_content")
    if isinstance(kept, str) and kept:
        return kept
    return "".join(piece for block in blocks if isinstance(block, Mapping) for piece in _thoughts(block))


def _thoughts(block: Mapping[str, Any]) -> Iterable[str]:
    if block.get("type") not in ("reasoning", "thinking"):
        return
    for name in ("reasoning", "thinking"):
        if isinstance(block.get(name), str):
            yield block[name]
    summary = block.get("summary")  # OpenAI's Responses
    for item in summary if isinstance(summary, list) else ():
        if isinstance(item, Mapping) and isinstance(item.get("text"), str):
            yield item["text"]


def _calls(message: AIMessage, blocks: list[Block]) -> list[dict[str, Any]]:
    found: list[tuple[str | None, str, Any]] = [
        (call.get("id"), call["name"], call["args"]) for call in message.tool_calls
    ]
    found += [(call.get("id"), call.get("name") or "", call.get("args") or "") for call in message.invalid_tool_calls]
    known = {call_id for call_id, _, _ in found}
    for block in blocks:
        if isinstance(block, Mapping) and block.get("type") in _CALLS:
            call_id = block.get("call_id") or block.get("id")
            if call_id not in known and not message.tool_calls:
                args: Any = next((block[name] for name in ("args", "input", "arguments") if name in block), {})
                found.append((call_id, block.get("name") or "", args))
    return [_call(call_id or f"call_{number}", name, args) for number, (call_id, name, args) in enumerate(found)]


def _call(call_id: str, name: str, args: Any) -> dict[str, Any]:
    arguments = args if isinstance(args, str) else pydantic_core.to_json(args, fallback=str).decode()
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def _answered(messages: Sequence[BaseMessage]) -> frozenset[str]:
    found = {message.tool_call_id for message in messages if isinstance(message, ToolMessage)}
    for message in messages:
        if isinstance(message, HumanMessage) and isinstance(message.content, list):
            found |= {str(block.get("tool_use_id")) for block in message.content if isinstance(block, Mapping)}
    return frozenset(found)


def _type(block: Block) -> str:
    return str(block.get("type")) if isinstance(block, Mapping) else "text"
