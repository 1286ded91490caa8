"""What a service answered as LangChain's messages, chunks and usage.

How a question is written, and how bytes become an answer, is not known here.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails, UsageMetadata
from langchain_core.messages.content import InvalidToolCall
from langchain_core.messages.tool import ToolCall, ToolCallChunk, invalid_tool_call, tool_call, tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

import maaskit.langchain.content_blocks  # noqa: F401 - an answer needs the translator that this registers
from maaskit.openai_chat.answer import ChatAnswer, Choice, Usage
from maaskit.openai_chat.answer import ToolCall as WireCall
from maaskit.openai_chat.stream import ChatDelta, joined_logprobs


def chat_result(answer: ChatAnswer, provider: str, model: str) -> ChatResult:
    """Give a whole answer as LangChain wants it.

    Args:
        answer: The answer.
        provider: ``qiniu`` or ``sophnet``.
        model: The model that was asked for; it is named when the service does not echo one.

    Returns:
        One generation for each choice. The usage counts for all of them and stands at the first.
    """
    usage = answer.usage
    generations = []
    for place, choice in enumerate(answer.choices):
        message = _message(answer, choice, provider, model)
        if usage is not None and place == 0:
            message.usage_metadata = usage_metadata(usage)
        generations.append(ChatGeneration(message=message, generation_info=_info(choice.finish_reason)))
    return ChatResult(
        generations=generations,
        llm_output={"token_usage": dict(usage.raw) if usage is not None else {}, "model_name": answer.model or model},
    )


def partial_chunk(answer: ChatAnswer, provider: str, model: str) -> AIMessageChunk:
    """Give what a broken stream had brought.

    Args:
        answer: What came.
        provider: ``qiniu`` or ``sophnet``.
        model: The model that was asked for.

    Returns:
        A chunk with the text, the reasoning and the calls as far as they came.
    """
    choice = answer.choices[0]
    return AIMessageChunk(
        content=choice.content,
        additional_kwargs=_additional(choice.reasoning_content, answer.extras),
        response_metadata=_metadata(answer, choice, provider, model),
        tool_call_chunks=[
            tool_call_chunk(name=call.name or None, args=call.arguments, id=call.id, index=number)
            for number, call in enumerate(choice.tool_calls)
        ],
    )


def usage_metadata(usage: Usage) -> UsageMetadata:
    """Give the count of tokens as LangChain wants it.

    Args:
        usage: The count.

    Returns:
        Input, output and total, with the cached and the reasoning tokens where the service names them.
    """
    counted = UsageMetadata(
        input_tokens=usage.input_tokens, output_tokens=usage.output_tokens, total_tokens=usage.total_tokens
    )
    if usage.cached_tokens is not None:
        counted["input_token_details"] = InputTokenDetails(cache_read=usage.cached_tokens)
    if usage.reasoning_tokens is not None:
        counted["output_token_details"] = OutputTokenDetails(reasoning=usage.reasoning_tokens)
    return counted


class ChunkWriter:
    """Write the pieces of one streamed answer as chunks.

    A piece with reasoning, text and calls becomes one chunk for each, because core's aggregation takes a chunk for one
    block. What speaks of the whole answer comes once, in the last chunk: core adds up what comes twice.

    Args:
        provider: ``qiniu`` or ``sophnet``.
        model: The model that was asked for.
    """

    def __init__(self, provider: str, model: str) -> None:
        self._provider = provider
        self._model = model
        self._logprobs: Any = None
        self._arguments: dict[int, list[str]] = {}
        self._pattern = AIMessageChunk(content="")
        self._wrapper = ChatGenerationChunk(message=self._pattern)

    def chunks(self, delta: ChatDelta) -> list[ChatGenerationChunk]:
        """Write one piece.

        Args:
            delta: The piece.

        Returns:
            The chunks, none for a piece that only announces something.
        """
        made = []
        if delta.reasoning_content:
            made.append(self._text("", {"reasoning_content": delta.reasoning_content}))
        if delta.content:
            made.append(self._text(delta.content, {}))
        if delta.tool_calls:
            made.append(self._calls(delta))
        if delta.logprobs:
            self._logprobs = joined_logprobs((self._logprobs, delta.logprobs))
        if delta.last:
            made += self._sealed()
            made.append(self._last(delta))
        return made

    def _text(self, content: str, additional: dict[str, Any]) -> ChatGenerationChunk:
        # Nearly every chunk is one of these. Copying a validated one costs a third less than validating strings anew.
        message = self._pattern.model_copy(
            update={
                "content": content,
                "additional_kwargs": additional,
                "response_metadata": {"model_provider": self._provider},
                "tool_calls": [],
                "invalid_tool_calls": [],
                "tool_call_chunks": [],
            }
        )
        return self._wrapper.model_copy(update={"message": message, "text": content})

    def _chunk(self, pieces: list[ToolCallChunk]) -> ChatGenerationChunk:
        metadata = {"model_provider": self._provider}
        message = AIMessageChunk(content="", response_metadata=metadata, tool_call_chunks=pieces)
        return ChatGenerationChunk(message=message)

    def _calls(self, delta: ChatDelta) -> ChatGenerationChunk:
        for call in delta.tool_calls:
            self._arguments.setdefault(call.index, []).append(call.arguments)
        return self._chunk(
            [
                tool_call_chunk(name=call.name, args=call.arguments, id=call.id, index=call.index)
                for call in delta.tool_calls
            ]
        )

    def _sealed(self) -> list[ChatGenerationChunk]:
        """Mark arguments that were cut off: core would complete them by guessing, and an agent would act on that."""
        seals = {index: _seal("".join(pieces)) for index, pieces in self._arguments.items()}
        pieces = [tool_call_chunk(name=None, args=seal, id=None, index=index) for index, seal in seals.items() if seal]
        return [self._chunk(pieces)] if pieces else []

    def _last(self, delta: ChatDelta) -> ChatGenerationChunk:
        choice = Choice(refs=delta.refs, finish_reason=delta.finish_reason, logprobs=self._logprobs)
        answer = ChatAnswer((choice,), delta.id, delta.model, raw=delta.extras or {})
        message = AIMessageChunk(
            content="",
            additional_kwargs=_additional("", answer.extras),
            response_metadata=_metadata(answer, choice, self._provider, self._model),
            usage_metadata=usage_metadata(delta.usage) if delta.usage is not None else None,
            chunk_position="last",
        )
        return ChatGenerationChunk(message=message, generation_info=_info(delta.finish_reason))


def _info(finish_reason: str | None) -> dict[str, Any] | None:
    return {"finish_reason": finish_reason} if finish_reason else None


def _message(answer: ChatAnswer, choice: Choice, provider: str, model: str) -> AIMessage:
    calls: list[ToolCall] = []
    invalid: list[InvalidToolCall] = []
    for call in choice.tool_calls:
        parsed = _parsed(call)
        if isinstance(parsed, str):
            invalid.append(invalid_tool_call(name=call.name, args=call.arguments, id=call.id, error=parsed))
        else:
            calls.append(tool_call(name=call.name, args=parsed, id=call.id))
    return AIMessage(
        content=choice.content,
        additional_kwargs=_additional(choice.reasoning_content, choice.message),
        response_metadata=_metadata(answer, choice, provider, model),
        tool_calls=calls,
        invalid_tool_calls=invalid,
    )


def _parsed(call: WireCall) -> dict[str, Any] | str:
    """Give a call's arguments, or say what is wrong with them."""
    if not call.arguments.strip():
        return {}
    try:
        # Models put bare newlines into strings, which strict JSON forbids.
        args = json.loads(call.arguments, strict=False)
    except ValueError as error:
        return f"The arguments of {call.name} are not valid JSON: {error}"
    return args if isinstance(args, dict) else f"The arguments of {call.name} are not a JSON object."


def _additional(reasoning: str, more: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"reasoning_content": reasoning} if reasoning else {}
    if more.get("refusal"):
        found["refusal"] = more["refusal"]
    return found


def _metadata(answer: ChatAnswer, choice: Choice, provider: str, model: str) -> dict[str, Any]:
    extras = {name: value for name, value in answer.extras.items() if name not in ("refusal", "system_fingerprint")}
    found = {
        "finish_reason": choice.finish_reason,
        "id": answer.id,
        "system_fingerprint": answer.raw.get("system_fingerprint"),
        "logprobs": choice.logprobs,
        "refs": [asdict(ref) for ref in choice.refs],
        "extras": extras,
    }
    return {
        "model_provider": provider,
        "model_name": answer.model or model,
        **{name: value for name, value in found.items() if value},
    }


def _seal(arguments: str) -> str:
    """Give what to append to broken arguments so that core's lenient parser finds them broken too; else nothing."""
    if not arguments.strip():
        return ""
    with contextlib.suppress(ValueError):
        if isinstance(json.loads(arguments, strict=False), dict):
            return ""
    closers: list[str] = []
    in_string = escaped = False
    for char in arguments:
        if in_string:
            in_string = escaped or char != '"'
            escaped = char == "\\" and not escaped
        elif char == '"':
            in_string = True
        elif char in "{[":
            closers.append("}" if char == "{" else "]")
        elif char in "}]" and closers:
            closers.pop()
    # Core's parser completes and trims everything but a bracket that closes nothing that is open.
    wrong = "]" if closers and closers[-1] == "}" else "}"
    return ("\\" if escaped else "") + ('"' if in_string else "") + wrong
