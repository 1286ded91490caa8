"""A whole chat answer: text, reasoning, tool calls, references, usage, read tolerantly from its JSON.

How an answer comes in pieces is the neighbour's business (``stream``).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pydantic_core

from maaskit.answers import parse_object, unexpected
from maaskit.wire import Response

READ_TOP = frozenset({"id", "object", "created", "model", "choices", "usage"})
READ_CHOICE = frozenset({"index", "delta", "message", "finish_reason", "logprobs", "refs"})
READ_MESSAGE = frozenset(
    {"role", "content", "reasoning_content", "reasoning", "thinking_blocks", "tool_calls", "refs", "function_call"}
)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """Be one function call that the model asks for.

    Args:
        id: The call's id, which the tool message answers.
        name: The function's name.
        arguments: The arguments as the JSON text that the model wrote; it may be invalid.
    """

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Reference:
    """Be one source that an answer quotes.

    Args:
        index: Its number in order of appearance, or ``None``.
        title: Its title.
        content: The quoted text.
        type: ``file``, ``qa`` or ``web``; files and Q&A tables are fetched with the key, web pages without.
        url: Where it is.

    Source:
        sophnet-api, Chat completions, choices[0].refs.
    """

    index: int | None = None
    title: str | None = None
    content: str | None = None
    type: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Be the count of tokens.

    Args:
        input_tokens: Tokens of the prompt.
        output_tokens: Tokens of the answer, reasoning included.
        total_tokens: Their sum, as the service gives it.
        cached_tokens: Tokens of the prompt that came from the service's cache, if it says.
        reasoning_tokens: Tokens of the reasoning, if it says.
        raw: The service's own object.
    """

    input_tokens: int
    output_tokens: int
    total_tokens: int
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Choice:
    """Be one of the answers to one question.

    Args:
        index: Its number.
        content: The text, empty when there is none.
        reasoning_content: The reasoning, empty when there is none.
        tool_calls: The function calls.
        refs: The sources quoted.
        finish_reason: ``stop``, ``length``, ``tool_calls``, another word, or ``None``.
        logprobs: The service's logprobs object.
        message: The service's own message object, with the fields that are not read here.
    """

    index: int = 0
    content: str = ""
    reasoning_content: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    refs: tuple[Reference, ...] = ()
    finish_reason: str | None = None
    logprobs: Any = None
    message: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class ChatAnswer:
    """Be a whole chat answer; the properties speak of its first choice.

    Args:
        choices: At least one choice.
        id: The answer's id; SophNet may give none.
        model: The model as the service echoes it, which may differ from the name that was asked for.
        created: Seconds since the epoch.
        usage: Tokens, if the service counted them.
        raw: The service's own object, with the fields that are not read here.
    """

    choices: tuple[Choice, ...]
    id: str | None = None
    model: str | None = None
    created: int | None = None
    usage: Usage | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def extras(self) -> dict[str, Any]:
        """Give the fields that are not read here: of the answer, of its first choice and of that choice's message."""
        choices = self.raw.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], Mapping) else {}
        found: dict[str, Any] = {}
        for data, read in ((self.raw, READ_TOP), (choice, READ_CHOICE), (self.choices[0].message, READ_MESSAGE)):
            found.update((name, value) for name, value in data.items() if name not in read and value is not None)
        return found

    @property
    def content(self) -> str:
        """Give the text."""
        return self.choices[0].content

    @property
    def reasoning_content(self) -> str:
        """Give the reasoning."""
        return self.choices[0].reasoning_content

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """Give the function calls."""
        return self.choices[0].tool_calls

    @property
    def refs(self) -> tuple[Reference, ...]:
        """Give the sources quoted."""
        return self.choices[0].refs

    @property
    def finish_reason(self) -> str | None:
        """Tell why the answer ended."""
        return self.choices[0].finish_reason


def read_answer(response: Response) -> ChatAnswer:
    """Read a whole chat answer.

    Args:
        response: A response with a 2xx status.

    Returns:
        The answer, with at least one choice.

    Raises:
        APIError: The answer is a refusal under HTTP 200.
        UnexpectedAnswer: It is no chat answer.
    """
    body = parse_object(response)
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices or not all(isinstance(choice, Mapping) for choice in choices):
        raise unexpected(response, "has no choices")
    return ChatAnswer(
        choices=tuple(read_choice(choice, number) for number, choice in enumerate(choices)),
        id=text_or_none(body.get("id")),
        model=text_or_none(body.get("model")),
        created=created if isinstance(created := body.get("created"), int) else None,
        usage=read_usage(body.get("usage")),
        raw=body,
    )


def read_choice(choice: Mapping[str, Any], number: int = 0) -> Choice:
    """Read one choice of a whole answer.

    Args:
        choice: The choice object.
        number: Its place, for a choice without index.

    Returns:
        The choice.
    """
    message = choice.get("message")
    message = message if isinstance(message, Mapping) else {}
    return Choice(
        index=index if isinstance(index := choice.get("index"), int) else number,
        content=read_text(message.get("content")),
        reasoning_content=read_reasoning(message),
        tool_calls=_read_tool_calls(message.get("tool_calls")),
        # refs sit on the choice, not on the message (sophnet-api, choices[0].refs); a message's are read as well.
        refs=read_refs(choice.get("refs") or message.get("refs")),
        finish_reason=text_or_none(choice.get("finish_reason")),
        logprobs=choice.get("logprobs"),
        message=message,
    )


def read_text(content: Any) -> str:
    """Read the text of a message.

    Args:
        content: A string, ``None``, or a list of parts.

    Returns:
        The text; of a list, its text parts joined.
    """
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    texts = (part if isinstance(part, str) else part.get("text") for part in content if isinstance(part, str | Mapping))
    return "".join(text for text in texts if isinstance(text, str))


def read_reasoning(message: Mapping[str, Any]) -> str:
    """Read the reasoning of a message or delta.

    Args:
        message: The object.

    Returns:
        ``reasoning_content``, else ``reasoning``, else the texts of ``thinking_blocks`` (wire-facts C.7).
    """
    for name in ("reasoning_content", "reasoning"):
        value = message.get(name)
        if isinstance(value, str) and value:
            return value
    blocks = message.get("thinking_blocks")
    if not isinstance(blocks, list):
        return ""
    thoughts = (block.get("thinking") for block in blocks if isinstance(block, Mapping))
    return "".join(thought for thought in thoughts if isinstance(thought, str))


def read_refs(refs: Any) -> tuple[Reference, ...]:
    """Read the list of references.

    Args:
        refs: A list of objects, or anything else for none.

    Returns:
        The references.
    """
    if not isinstance(refs, list):
        return ()
    return tuple(
        Reference(
            index=index if isinstance(index := ref.get("index"), int) else None,
            title=text_or_none(ref.get("title")),
            content=text_or_none(ref.get("content")),
            type=text_or_none(ref.get("type")),
            url=text_or_none(ref.get("url")),
        )
        for ref in refs
        if isinstance(ref, Mapping)
    )


def read_usage(usage: Any) -> Usage | None:
    """Read the count of tokens.

    Args:
        usage: The service's object, or anything else for none.

    Returns:
        The usage, or ``None`` when no tokens were counted.
    """
    if not isinstance(usage, Mapping):
        return None
    prompt, completion = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    total = _count(usage.get("total_tokens"))
    if prompt is None and completion is None and total is None:
        return None  # `{"characters": n}` counts speech (sophnet-api, chat with voice output)
    if completion is None:
        completion = max(0, (total or 0) - (prompt or 0))
    if prompt is None:
        prompt = max(0, (total or 0) - completion)
    prompt_details, completion_details = usage.get("prompt_tokens_details"), usage.get("completion_tokens_details")
    cached = _count(prompt_details.get("cached_tokens")) if isinstance(prompt_details, Mapping) else None
    return Usage(
        input_tokens=prompt,
        output_tokens=completion,
        total_tokens=total if total is not None else prompt + completion,
        cached_tokens=cached if cached is not None else _count(usage.get("prompt_cache_hit_tokens")),
        reasoning_tokens=(
            _count(completion_details.get("reasoning_tokens")) if isinstance(completion_details, Mapping) else None
        ),
        raw=usage,
    )


def text_or_none(value: Any) -> str | None:
    """Give a non-empty string or number as text, and ``None`` for everything else.

    Args:
        value: Anything.

    Returns:
        The text.
    """
    if isinstance(value, str):
        return value or None
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def arguments_text(arguments: Any) -> str:
    """Give the arguments of a call as JSON text.

    Args:
        arguments: JSON text, or the object itself, which some upstreams send.

    Returns:
        The text, empty for ``None``.
    """
    if isinstance(arguments, str):
        return arguments
    return "" if arguments is None else pydantic_core.to_json(arguments).decode()


def said_arguments(text: str) -> str:
    """Give the arguments of a call, or the first piece of them, without a ``null`` that says there are none.

    Args:
        text: JSON text, perhaps the beginning of one; no arguments begin with ``null``.

    Returns:
        The text, empty for ``null``.
    """
    return "" if text.strip() == "null" else text


def made_up_id() -> str:
    """Make an id for a call that came without one; it must not come again in a later turn of the conversation."""
    return f"call_{uuid.uuid4().hex[:24]}"


def _read_tool_calls(calls: Any) -> tuple[ToolCall, ...]:
    found: list[ToolCall] = []
    for call in calls if isinstance(calls, Sequence) and not isinstance(calls, str) else ():
        function = call.get("function") if isinstance(call, Mapping) else None
        if not isinstance(function, Mapping):
            continue
        found.append(
            ToolCall(
                id=text_or_none(call.get("id")) or made_up_id(),
                name=text_or_none(function.get("name")) or "",
                arguments=said_arguments(arguments_text(function.get("arguments"))),
            )
        )
    return tuple(found)


def _count(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:  # noqa: PLR0124 - NaN
        return None
    return int(value) if abs(value) < 2**53 else None
