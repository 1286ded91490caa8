"""A streamed answer in LlamaIndex's own types: each piece holds all that came before it.

Whole answers are read in ``responses``; how the pieces come and are repaired is the core's business.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    LogProb,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)

from maaskit.llama_index.responses import Reading, call_block, logprobs_of, survivors
from maaskit.llama_index.sounds import piece_of
from maaskit.openai_chat.answer import ChatAnswer, Choice, Reference, ToolCall
from maaskit.openai_chat.stream import ChatDelta
from maaskit.openai_chat.think_tags import ThinkTags
from maaskit.sophnet.speech import SpeechFrame, joined
from maaskit.sophnet.spoken_pieces import SpokenAnswer, SpokenDelta

_set = object.__setattr__


@dataclass(slots=True)
class _Call:
    id: str | None = None
    name: str = ""
    arguments: str = ""


@dataclass(slots=True)
class Growing:
    """Turn the pieces of one streamed answer into cumulative responses.

    Args:
        reading: How answers are read.
    """

    reading: Reading
    _text: str = ""
    _thought: str = ""
    _calls: dict[int, _Call] = field(default_factory=dict)
    _refs: tuple[Reference, ...] = ()
    _written_refs: list[dict[str, Any]] = field(default_factory=list)
    _logprobs: list[list[LogProb]] = field(default_factory=list)
    _tags: ThinkTags | None = None
    _sound: list[SpeechFrame] = field(default_factory=list)
    # Blocks of the last response, which serve again as long as nothing was added to them.
    _thinking: ThinkingBlock | None = None
    _text_block: TextBlock = field(default_factory=lambda: TextBlock(text=""))
    _call_blocks: list[ToolCallBlock] = field(default_factory=list)
    _carried: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Look for tags where that was asked for."""
        if self.reading.think_tags:
            self._tags = ThinkTags()

    def add(self, delta: ChatDelta) -> ChatResponse | None:
        """Take the next piece.

        Args:
            delta: The piece.

        Returns:
            All that has come so far, with what is new in ``delta``, ``additional_kwargs["thinking_delta"]`` and
            ``["audio_delta"]``; ``None`` for a piece that says nothing yet. Sound is in the message of the last one
            only: each of the others would have to carry all of it.
        """
        text, thought = delta.content, delta.reasoning_content
        if self._tags is not None:
            text, thought = self._untagged(text, thought, last=delta.last)
        if delta.tool_calls:
            self._take_calls(delta)
        if delta.new_refs:
            self._refs = (*self._refs, *delta.new_refs)
            self._written_refs = [asdict(ref) for ref in self._refs]
        if delta.logprobs:
            self._logprobs += logprobs_of(delta.logprobs) or []
        if delta.last:
            return self._last(delta, text, thought)
        sound = self._heard(delta)
        if not (text or thought or delta.tool_calls or delta.new_refs or sound):
            return None
        self._grow(text, thought)
        more: dict[str, Any] = {"thinking_delta": thought} if thought else {}
        if sound:
            more["audio_delta"] = sound
        if self._refs:
            more["refs"] = [dict(ref) for ref in self._written_refs]
        return ChatResponse(
            message=self._message(),
            delta=text,
            raw=_piece(delta),
            logprobs=logprobs_of(delta.logprobs) if delta.logprobs else None,
            additional_kwargs=more,
        )

    def _untagged(self, text: str, thought: str, *, last: bool) -> tuple[str, str]:
        assert self._tags is not None  # noqa: S101 - for the type checker
        content, reasoning = self._tags.feed(text)
        if last:
            more_content, more_reasoning = self._tags.end()
            content, reasoning = content + more_content, reasoning + more_reasoning
        return content, thought + reasoning

    def _heard(self, delta: ChatDelta) -> str:
        if not isinstance(delta, SpokenDelta) or not delta.audio:
            return ""
        self._sound.append(SpeechFrame(delta.audio))
        return piece_of(delta.audio)

    def _grow(self, text: str, thought: str) -> None:
        if thought:
            self._thought += thought
            self._thinking = ThinkingBlock(content=self._thought)
        if text:
            self._text += text
            self._text_block = TextBlock(text=self._text)

    def _take_calls(self, delta: ChatDelta) -> None:
        for piece in delta.tool_calls:
            if piece.index and not self.reading.parallel_calls:
                continue
            call = self._calls.setdefault(piece.index, _Call())
            call.id = piece.id or call.id
            call.name += piece.name or ""
            call.arguments += piece.arguments
        calls = self._tool_calls()
        self._call_blocks = [call_block(call, call.arguments) for call in calls]
        self._carried = survivors(calls, ())

    def _tool_calls(self) -> tuple[ToolCall, ...]:
        return tuple(ToolCall(call.id or "", call.name, call.arguments) for call in self._calls.values())

    def _message(self) -> ChatMessage:
        blocks: list[Any] = [] if self._thinking is None else [self._thinking]
        if self._text or not self._call_blocks:
            blocks.append(self._text_block)
        blocks += self._call_blocks
        return _unchecked_message(blocks, dict(self._carried))

    def _last(self, delta: ChatDelta, text: str, thought: str) -> ChatResponse:
        self._grow(text, thought)
        sound = self._heard(delta)
        choice = Choice(
            content=self._text,
            reasoning_content=self._thought,
            tool_calls=self._tool_calls(),
            refs=delta.refs or self._refs,
            finish_reason=delta.finish_reason,
        )
        if self.reading.answers_in_reasoning(choice):
            choice = replace(choice, content=self._thought)
            text += self._thought
        response = Reading().whole(self._answer(choice, delta))
        response.raw = {**(response.raw or {}), "object": "chat.completion.chunk"}
        response.delta = text
        response.logprobs = self._logprobs or None
        if thought:
            response.additional_kwargs["thinking_delta"] = thought
        if sound:
            response.additional_kwargs["audio_delta"] = sound
        return response

    def _answer(self, choice: Choice, delta: ChatDelta) -> ChatAnswer:
        answer = ChatAnswer((choice,), delta.id, delta.model, usage=delta.usage, raw=delta.extras or {})
        if not self._sound or not isinstance(delta, SpokenDelta):
            return answer
        sound = joined(self._sound, self.reading.form)
        told = {one.name: getattr(answer, one.name) for one in fields(answer)}
        return SpokenAnswer(**told, audio=sound.audio, content_type=sound.content_type, characters=delta.characters)


def _unchecked_message(blocks: list[Any], additional_kwargs: dict[str, Any]) -> ChatMessage:
    """Make a message of parts that are known to be right.

    ChatMessage's constructor and its check for an older form of images are Python code, and cost more than everything
    else that is done for a piece; the last response of a stream, which lasts, is made in the ordinary way.
    """
    message = ChatMessage.__new__(ChatMessage)
    fields = {"role": MessageRole.ASSISTANT, "additional_kwargs": additional_kwargs, "blocks": blocks}
    _set(message, "__dict__", fields)
    _set(message, "__pydantic_fields_set__", set(fields))
    _set(message, "__pydantic_extra__", None)
    _set(message, "__pydantic_private__", None)
    return message


def _piece(delta: ChatDelta) -> dict[str, Any]:
    """Write a piece as the service writes it, its calls repaired."""
    piece: dict[str, Any] = {}
    if delta.content:
        piece["content"] = delta.content
    if delta.reasoning_content:
        piece["reasoning_content"] = delta.reasoning_content
    if delta.tool_calls:
        piece["tool_calls"] = [
            {"index": call.index, "id": call.id, "function": {"name": call.name, "arguments": call.arguments}}
            for call in delta.tool_calls
        ]
    return {
        "id": delta.id,
        "object": "chat.completion.chunk",
        "model": delta.model,
        "choices": [{"index": 0, "delta": piece, "finish_reason": None}],
    }
