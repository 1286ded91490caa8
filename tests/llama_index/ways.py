"""The eight ways to ask an LLM, under one face; and events for a scripted stream."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from llama_index.core.llms import LLM, ChatMessage, ChatResponse, CompletionResponse

WAYS = ("chat", "achat", "stream_chat", "astream_chat")
COMPLETIONS = ("complete", "acomplete", "stream_complete", "astream_complete")


def ask(llm: LLM, way: str, messages: Any, **kwargs: Any) -> list[Any]:
    """Ask in one of the eight ways and give all that came: one response, or the pieces of a stream."""
    method: Callable[..., Any] = getattr(llm, way)
    if way.startswith("stream"):
        return list(method(messages, **kwargs))
    if not way.startswith("a"):
        return [method(messages, **kwargs)]

    async def main() -> list[Any]:
        answer = await method(messages, **kwargs)
        return [piece async for piece in answer] if "stream" in way else [answer]

    return asyncio.run(main())


def last(llm: LLM, way: str, messages: Sequence[ChatMessage] | str, **kwargs: Any) -> Any:
    """Ask in one of the eight ways and give the last response, which holds everything."""
    found: ChatResponse | CompletionResponse = ask(llm, way, messages, **kwargs)[-1]
    return found


def user(text: str) -> list[ChatMessage]:
    return [ChatMessage(role="user", content=text)]


def chunk(delta: dict[str, Any], finish_reason: str | None = None, **more: Any) -> dict[str, Any]:
    """Write one event of a stream."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "m", "choices": [choice], **more}


def call(arguments: str | None = None, *, index: int | None = 0, **fields: Any) -> dict[str, Any]:
    """Write one piece of a call: ``id`` and ``name`` where they come."""
    function = {"name": fields.pop("name", None), "arguments": arguments}
    piece = {**fields, "function": {key: value for key, value in function.items() if value is not None}}
    return piece if index is None else {"index": index, **piece}


def calls(*pieces: dict[str, Any]) -> dict[str, Any]:
    return chunk({"tool_calls": list(pieces)})


def whole(content: str | None = "好", finish_reason: str = "stop", **message: Any) -> dict[str, Any]:
    """Write a whole answer."""
    usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    message = {"role": "assistant", "content": content, **message}
    choice = {"index": 0, "message": message, "finish_reason": finish_reason}
    return {"id": "chatcmpl-1", "object": "chat.completion", "model": "m", "choices": [choice], "usage": usage}


END = chunk({}, "stop")
USAGE = {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}}
