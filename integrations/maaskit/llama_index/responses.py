"""Whole answers in LlamaIndex's own types.

How an answer is read off the wire is the core's business (``maaskit.openai_chat``), how one grows its neighbour's
(``growing``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from llama_index.core.base.llms.types import (
    AudioBlock,
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    LogProb,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)

from maaskit.errors import APIError, MaasError, StreamInterrupted, UnexpectedAnswer
from maaskit.llama_index.arguments import whole_arguments
from maaskit.llama_index.sounds import sound_block, spoken_in
from maaskit.llama_index.tool_names import real_name
from maaskit.openai_chat.answer import ChatAnswer, Choice, Reference, ToolCall, Usage
from maaskit.openai_chat.think_tags import split_think_tags
from maaskit.sophnet.spoken_pieces import SpokenAnswer


@dataclass(frozen=True, slots=True)
class Reading:
    """Say how answers are read.

    Args:
        think_tags: Whether reasoning is taken out of ``<think>`` tags in the text.
        reasoning_as_answer: Whether an answer that consists of reasoning alone is given as the text.
        parallel_calls: Whether more than one call is kept.
        form: The form of sound that was asked for, or ``None``.
    """

    think_tags: bool = False
    reasoning_as_answer: bool = False
    parallel_calls: bool = True
    form: str | None = None

    def whole(self, answer: ChatAnswer) -> ChatResponse:
        """Translate a whole answer.

        Args:
            answer: The answer.

        Returns:
            The response, ``raw`` the service's own object with counted ``usage``.
        """
        choice = self._adjusted(answer.choices[0])
        message = ChatMessage(
            role=MessageRole.ASSISTANT,
            blocks=_blocks(choice, answer.usage, answer),
            additional_kwargs=survivors(choice.tool_calls, choice.refs, answer.extras.get("refusal")),
        )
        raw = dict(answer.raw) if "choices" in answer.raw else _raw(answer, choice)
        raw["usage"] = _usage(answer.usage)
        return ChatResponse(
            message=message,
            raw=raw,
            logprobs=logprobs_of(choice.logprobs),
            additional_kwargs=_extras(answer.usage, choice.refs) | _characters(answer),
        )

    def error(self, error: MaasError, form: Callable[[ChatResponse], Any]) -> MaasError:
        """Translate what an error holds of a broken stream, in place.

        Args:
            error: The error.
            form: Makes of a response what the stream gave.

        Returns:
            The same error.
        """
        if isinstance(error, APIError | StreamInterrupted | UnexpectedAnswer) and isinstance(error.partial, ChatAnswer):
            error.partial = form(self.whole(error.partial))
        return error

    def _adjusted(self, choice: Choice) -> Choice:
        if self.think_tags:
            content, reasoning = split_think_tags(choice.content)
            choice = replace(choice, content=content, reasoning_content=choice.reasoning_content + reasoning)
        if not self.parallel_calls:
            choice = replace(choice, tool_calls=choice.tool_calls[:1])
        if self.answers_in_reasoning(choice):
            choice = replace(choice, content=choice.reasoning_content)
        return choice

    def answers_in_reasoning(self, choice: Choice) -> bool:
        """Tell whether the reasoning has to stand in for the text.

        Args:
            choice: The answer.

        Returns:
            ``True`` when that was asked for and the model stopped with reasoning alone.
        """
        alone = not choice.content.strip() and not choice.tool_calls and bool(choice.reasoning_content.strip())
        return self.reasoning_as_answer and alone and choice.finish_reason == "stop"


def completion_of(response: ChatResponse) -> CompletionResponse:
    """Turn the answer to a chat into the answer to a prompt.

    Args:
        response: The chat's answer.

    Returns:
        Its text, with the same ``raw``, ``delta`` and ``additional_kwargs``; nothing of the response is changed.
    """
    sound = next((block for block in response.message.blocks if isinstance(block, AudioBlock)), None)
    spoken = {} if sound is None else {"audio": spoken_in(sound)}
    return CompletionResponse(
        text=response.message.content or "",
        additional_kwargs={**response.message.additional_kwargs, **response.additional_kwargs, **spoken},
        raw=response.raw,
        logprobs=response.logprobs,
        delta=response.delta,
    )


def _characters(answer: ChatAnswer) -> dict[str, Any]:
    characters = answer.characters if isinstance(answer, SpokenAnswer) else None
    return {} if characters is None else {"characters": characters}


def _blocks(choice: Choice, usage: Usage | None, answer: ChatAnswer) -> list[Any]:
    blocks: list[Any] = []
    if choice.reasoning_content:
        tokens = usage.reasoning_tokens if usage is not None else None
        blocks.append(ThinkingBlock(content=choice.reasoning_content, num_tokens=tokens))
    if choice.content or not choice.tool_calls:
        blocks.append(TextBlock(text=choice.content))
    if isinstance(answer, SpokenAnswer) and answer.audio:
        blocks.append(sound_block(answer))
    return [*blocks, *(call_block(call, whole_arguments(call.arguments)) for call in choice.tool_calls)]


def call_block(call: ToolCall, arguments: dict[str, Any] | str) -> ToolCallBlock:
    """Translate one call.

    Args:
        call: The call.
        arguments: Its arguments: an object, or text that is not whole.

    Returns:
        The block, under the tool's real name.
    """
    return ToolCallBlock(tool_call_id=call.id, tool_name=real_name(call.name), tool_kwargs=arguments)


def survivors(calls: Sequence[ToolCall], refs: Sequence[Reference], refusal: Any = None) -> dict[str, Any]:
    """Give what a message carries beside its blocks through memories, as plain JSON values.

    Args:
        calls: The calls.
        refs: The sources quoted.
        refusal: What the model said in place of an answer, where it declined.

    Returns:
        ``tool_calls``, ``refs`` and ``refusal``, each only when there are any.
    """
    found: dict[str, Any] = {}
    if calls:  # core's streaming of structured output still looks here, not at the blocks
        found["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": real_name(call.name), "arguments": call.arguments},
            }
            for call in calls
        ]
    if refs:
        found["refs"] = [asdict(ref) for ref in refs]
    if refusal and isinstance(refusal, str):
        found["refusal"] = refusal
    return found


def said_in(response: ChatResponse) -> str:
    """Give what a model said in words, be it the answer or that it gives none.

    Args:
        response: The answer.

    Returns:
        The text, else the refusal, else ``""``.
    """
    return response.message.content or str(response.message.additional_kwargs.get("refusal") or "")


def finish_reason_of(response: ChatResponse) -> str | None:
    """Tell why an answer ended.

    Args:
        response: The answer, or a piece of one.

    Returns:
        The service's word; ``None`` as long as it goes on.
    """
    choices = response.raw.get("choices") if isinstance(response.raw, Mapping) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    reason = choice.get("finish_reason") if isinstance(choice, Mapping) else None
    return reason if isinstance(reason, str) else None


def is_cut(response: ChatResponse) -> bool:
    """Tell whether an answer ended before the model was done.

    Args:
        response: The answer, or a piece of one.

    Returns:
        Whether its length limit or a filter ended it.
    """
    return finish_reason_of(response) in ("length", "content_filter")


def _extras(usage: Usage | None, refs: Sequence[Reference]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if usage is not None:
        found = _counts(usage)
    if refs:
        found["refs"] = [asdict(ref) for ref in refs]
    return found


def _counts(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
    }


def _usage(usage: Usage | None) -> dict[str, Any] | None:
    # The three counts are ints here even where the service sends null: token counters add them up.
    return None if usage is None else {**usage.raw, **_counts(usage)}


def _raw(answer: ChatAnswer, choice: Choice) -> dict[str, Any]:
    """Write a streamed answer as the service writes a whole one."""
    message: dict[str, Any] = {"role": "assistant", "content": choice.content}
    if choice.reasoning_content:
        message["reasoning_content"] = choice.reasoning_content
    if choice.tool_calls:
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in choice.tool_calls
        ]
    whole: dict[str, Any] = {"index": 0, "message": message, "finish_reason": choice.finish_reason}
    if choice.refs:
        whole["refs"] = [asdict(ref) for ref in choice.refs]
    extras = dict(answer.raw)
    if "refusal" in extras:
        message["refusal"] = extras.pop("refusal")
    return {**extras, "id": answer.id, "model": answer.model, "choices": [whole]}


def logprobs_of(logprobs: Any) -> list[list[LogProb]] | None:
    """Read log probabilities.

    Args:
        logprobs: The service's object, or anything else for none.

    Returns:
        One list for each token, of its alternatives where the service gives them.
    """
    tokens = logprobs.get("content") if isinstance(logprobs, Mapping) else None
    if not isinstance(tokens, list):
        return None
    known = (token for token in tokens if isinstance(token, Mapping))
    return [[_logprob(entry) for entry in token.get("top_logprobs") or [token]] for token in known] or None


def _logprob(entry: Mapping[str, Any]) -> LogProb:
    return LogProb(
        token=str(entry.get("token") or ""), logprob=float(entry.get("logprob") or 0.0), bytes=entry.get("bytes") or []
    )
