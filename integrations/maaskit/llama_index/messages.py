"""LlamaIndex messages in the clouds' own form: roles, tool calls and their answers, reasoning by policy.

What single blocks become stands in ``parts``; answers are read in ``responses``. Nobody's message is changed here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pydantic_core
from llama_index.core.base.llms.types import (
    AudioBlock,
    ChatMessage,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)

from maaskit.errors import InvalidInput
from maaskit.llama_index.arguments import arguments_json
from maaskit.llama_index.parts import (
    UNSPOKEN,
    Intake,
    Part,
    can_be_shown,
    content_of,
    is_gone,
    mention_of,
    parts_of,
    reads_files,
    written,
)
from maaskit.llama_index.tool_names import wire_name
from maaskit.openai_chat.traits import ReplayPolicy, replays_reasoning

_ROLES = {
    MessageRole.SYSTEM: "system",
    MessageRole.DEVELOPER: "system",
    MessageRole.USER: "user",
    MessageRole.ASSISTANT: "assistant",
    MessageRole.CHATBOT: "assistant",
    MessageRole.MODEL: "assistant",
    MessageRole.TOOL: "tool",
    MessageRole.FUNCTION: "tool",
}
_NOT_DONE = "This call was not carried out; it has no result."


@dataclass(frozen=True, slots=True)
class Addressee:
    """Be what the translation must know of the model that is asked.

    Args:
        model: Its name.
        replay: Which past reasoning goes along.
        sees: Whether pictures that a tool gave are put before it.
        intake: What the cloud takes beside text and images.
    """

    model: str
    replay: ReplayPolicy = "auto"
    sees: bool = True
    intake: Intake = field(default_factory=Intake)


def wire_messages(messages: Sequence[ChatMessage], addressee: Addressee) -> list[dict[str, Any]]:
    """Translate a conversation.

    Args:
        messages: The conversation; memory may have cut it anywhere and stored it as JSON in between.
        addressee: The model that is asked.

    Returns:
        The conversation for the wire. Each call has its answer right behind it, as both services want it: an answer
        that is missing (a tool that ended the turn, say) is made up for by a note, and an answer whose call is gone is
        told in words. Media that tools gave follow their answers in a message of their own, where the model can be
        shown them, and are mentioned in words where it cannot.

    Raises:
        InvalidInput: Something cannot be sent at all; the message names the way out.
    """
    conversation = _Conversation(addressee)
    for message in messages:
        conversation.add(message)
    return conversation.finished()


def need_files(messages: Sequence[ChatMessage]) -> bool:
    """Tell whether sending a conversation reads files.

    Args:
        messages: The conversation.

    Returns:
        Whether any block has a path.
    """
    return any(reads_files(message.blocks) for message in messages if isinstance(message, ChatMessage))


@dataclass(frozen=True, slots=True)
class _Open:
    """Be a call that waits for its answer: its id in the conversation, its id on the wire, its name."""

    given_id: str
    wire_id: str
    name: str


class _Conversation:
    def __init__(self, addressee: Addressee) -> None:
        self._addressee = addressee
        self._wire: list[dict[str, Any]] = []
        self._open: list[_Open] = []
        """Calls that wait for their answer."""
        self._shown: list[Part] = []
        """Media of the tool messages since the last call, to be shown after them."""

    def add(self, message: ChatMessage) -> None:
        if not isinstance(message, ChatMessage):
            raise InvalidInput(
                f"messages must be a list of ChatMessage, such as ChatMessage(role='user', content='你好'), "
                f"not of {type(message).__name__}."
            )
        role = _ROLES[message.role]
        if role == "tool":
            self._tool(message)
            return
        self._settle()
        if role == "user":
            parts = parts_of(message.blocks, self._addressee.intake)
            self._wire.append({"role": role, "content": content_of(parts)})
        elif role == "assistant":
            self._assistant(message)
        else:
            self._wire.append({"role": role, "content": written(message.blocks)})

    def finished(self) -> list[dict[str, Any]]:
        self._settle()
        return self._wire

    def _settle(self) -> None:
        """End a run of tool messages."""
        for call in self._open:
            self._wire.append({"role": "tool", "tool_call_id": call.wire_id, "content": _NOT_DONE})
        self._open = []
        if self._shown:
            self._wire.append({"role": "user", "content": content_of(self._shown)})
            self._shown = []

    def _assistant(self, message: ChatMessage) -> None:
        calls = list(_calls_of(message, len(self._wire)))
        said = written(_sayable(message)) or str(message.additional_kwargs.get("refusal") or "")
        wire: dict[str, Any] = {"role": "assistant", "content": said}
        reasoning = "\n".join(
            block.content for block in message.blocks if isinstance(block, ThinkingBlock) and block.content
        )
        addressee = self._addressee
        if reasoning and replays_reasoning(addressee.model, addressee.replay, has_tool_calls=bool(calls)):
            wire["reasoning_content"] = reasoning
        if calls:
            wire["tool_calls"] = [call for _, call in calls]
            self._open = [_Open(given, call["id"], call["function"]["name"]) for given, call in calls]
        self._wire.append(wire)

    def _tool(self, message: ChatMessage) -> None:
        # Without an id, which an upstream may leave out, the answers come in the order of the calls.
        call_id = message.additional_kwargs.get("tool_call_id")
        call = next((one for one in self._open if not call_id or one.given_id == call_id), None)
        if call is None:
            self._orphan(message)
            return
        self._open.remove(call)
        text, shown = self._result(message)
        if shown:
            text = f"{text}\n[shown in the next message]" if text else "[shown in the next message]"
            self._shown += [{"type": "text", "text": f"Result of {call.name} ({call.wire_id}):"}, *shown]
        self._wire.append({"role": "tool", "tool_call_id": call.wire_id, "content": text})

    def _orphan(self, message: ChatMessage) -> None:
        """Tell in words what an earlier call gave, when the call itself is no longer in the conversation."""
        text, shown = self._result(message)
        parts: list[Part] = [{"type": "text", "text": f"Result of an earlier tool call:\n{text}"}, *shown]
        if self._open:  # nothing may come between a call and its answers
            self._shown += parts
        else:
            self._wire.append({"role": "user", "content": content_of(parts)})

    def _result(self, message: ChatMessage) -> tuple[str, list[Part]]:
        addressee = self._addressee
        lines: list[str] = []
        shown: list[Part] = []
        for block in message.blocks:
            if can_be_shown(block, addressee.intake, sees=addressee.sees):
                shown += parts_of([block], addressee.intake)
            elif block.block_type in ("image", "audio", "video", "document"):
                lines.append(_not_shown(block, addressee.model))
            elif not isinstance(block, UNSPOKEN):
                lines.append(written([block]))
        return "\n".join(lines), shown


def _not_shown(block: Any, model: str) -> str:
    """Mention media in one pair of brackets, so that a model which quotes takes none of it for a source's words."""
    why = "its file is gone" if is_gone(block) else f"{model} cannot be given it"
    return f"[Not shown, because {why}: {mention_of(block)[1:-1]}]"


def _sayable(message: ChatMessage) -> list[Any]:
    """Leave out of an answer the sound in which its text was spoken."""
    has_text = any(isinstance(block, TextBlock) and block.text for block in message.blocks)
    return [block for block in message.blocks if not (has_text and isinstance(block, AudioBlock))]


def _calls_of(message: ChatMessage, number: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the calls of a past message for the wire, each with the id that its answer names.

    Blocks win over the older form in ``additional_kwargs``. Where an upstream gave several calls one id, or none, each
    gets its own: an answer must not be taken for another call's.
    """
    blocks = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    found = [(block.tool_call_id, block.tool_name, block.tool_kwargs) for block in blocks]
    taken: set[str] = set()
    for place, (given_id, name, arguments) in enumerate(found or _legacy_calls(message)):
        call_id = given_id if given_id and given_id not in taken else f"call_{number}_{place}"
        taken.add(call_id)
        function = {"name": wire_name(name), "arguments": arguments_json(arguments)}
        yield given_id or call_id, {"id": call_id, "type": "function", "function": function}


def _legacy_calls(message: ChatMessage) -> Iterator[tuple[Any, str, Any]]:
    calls = message.additional_kwargs.get("tool_calls")
    for given in calls if isinstance(calls, list | tuple) else ():
        call = given if isinstance(given, Mapping) else pydantic_core.to_jsonable_python(given, fallback=vars)
        function = call.get("function") if isinstance(call, Mapping) else None
        if isinstance(function, Mapping) and isinstance(function.get("name"), str):
            yield call.get("id"), function["name"], function.get("arguments")
