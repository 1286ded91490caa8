"""What the documents allow among a chat request's messages: roles, parts, and the order of calls and answers.

The other fields are checked in `chat_rules`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from maaskit.sandbox.dialects import Dialect
from maaskit.sandbox.replies import RefusalError
from maaskit.sandbox.variants import Variants

ROLES: Final = ("system", "developer", "user", "assistant", "tool")
DETAILS: Final = ("auto", "low", "high")
DOCUMENT_PARTS: Final = ("pdf", "docx", "xlsx", "pptx")
"""Parts with a ``file_url``, of a newer copy of Qiniu's document."""


def check_messages(messages: object, dialect: Dialect, variants: Variants) -> None:
    """Refuse messages that a chat service cannot take.

    Args:
        messages: The request's ``messages``.
        dialect: The cloud.
        variants: The switches.

    Raises:
        RefusalError: A message of a wrong form, a tool's answer without its call, a call without its answer (400).
    """
    if not isinstance(messages, list) or not messages:
        raise _refused("messages", "messages must be a list that is not empty")
    for index, message in enumerate(messages):
        _check_message(message, f"messages[{index}]", dialect, variants)
    if not any(m["role"] in ("user", "assistant", "tool") for m in messages):
        raise _refused("messages", "messages need at least one that is not a system message")
    _check_order(messages)


def _refused(param: str, message: str) -> RefusalError:
    return RefusalError(400, message, code="invalid_parameter", param=param)


def _check_message(message: object, place: str, dialect: Dialect, variants: Variants) -> None:
    if not isinstance(message, dict) or message.get("role") not in ROLES:
        raise _refused(place, f"{place}.role must be one of {', '.join(ROLES)}")
    role, content = message["role"], message.get("content")
    calls = message.get("tool_calls")
    if calls is not None and role != "assistant":
        raise _refused(place, f"{place}: only an assistant message has tool_calls")
    if calls:
        _check_calls(calls, place)
    if role == "tool" and not isinstance(message.get("tool_call_id"), str):
        raise _refused(place, f"{place}.tool_call_id is required")
    if content is not None:
        _check_content(content, place, role, dialect if variants.part_lists == "everywhere" or role == "user" else None)
    elif role != "assistant" or not calls:
        raise _refused(place, f"{place}.content is required")


def _check_content(content: object, place: str, role: str, dialect: Dialect | None) -> None:
    """Check a message's content; without a dialect it may not be a list."""
    if isinstance(content, list):
        if dialect is None:
            raise _refused(place, f"{place}.content: invalid type: sequence, expected a string")
        for number, part in enumerate(content):
            _check_part(part, f"{place}.content[{number}]", role, dialect)
        if not content:
            raise _refused(place, f"{place}.content must not be empty")
    elif not isinstance(content, str):
        raise _refused(place, f"{place}.content must be a string or a list of parts")


def _check_calls(calls: object, place: str) -> None:
    if not isinstance(calls, list):
        raise _refused(place, f"{place}.tool_calls must be a list")
    for call in calls:
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str) or not function["name"]:
            raise _refused(place, f"{place}.tool_calls: each needs a function with a name")
        if not isinstance(call.get("id"), str) or not call["id"] or call.get("type") not in (None, "function"):
            raise _refused(place, f"{place}.tool_calls: each needs an id and the type function")
        if not isinstance(function.get("arguments"), str):
            raise _refused(place, f"{place}.tool_calls: arguments must be a string of JSON")


def _check_part(part: object, place: str, role: str, dialect: Dialect) -> None:
    kind = part.get("type") if isinstance(part, dict) else None
    if not isinstance(part, dict) or not isinstance(kind, str):
        raise _refused(place, f"{place} must be an object with a type")
    if kind == "text":
        if not isinstance(part.get("text"), str):
            raise _refused(place, f"{place}.text must be a string")
        return
    if role != "user":
        raise _refused(place, f"{place}: a {role} message takes parts of type text only")
    if kind == "image_url":
        _check_url(part, "image_url", place)
        if part["image_url"].get("detail") not in (None, *DETAILS):
            raise _refused(place, f"{place}.image_url.detail must be one of {', '.join(DETAILS)}")
    elif dialect.takes_documents and kind in DOCUMENT_PARTS:
        _check_url(part, "file_url", place)
    else:
        raise _refused(place, f"{place}: parts of type {kind} are not supported")


def _check_url(part: Mapping[str, Any], name: str, place: str) -> None:
    value = part.get(name)
    if not isinstance(value, dict) or not isinstance(value.get("url"), str) or not value["url"]:
        raise _refused(place, f"{place}.{name}.url is required")


def _check_order(messages: Sequence[Mapping[str, Any]]) -> None:
    """Match each tool's answer with a call before it, and each call with an answer behind it."""
    waiting: list[str] = []
    for index, message in enumerate(messages):
        place = f"messages[{index}]"
        if message["role"] == "tool":
            if message["tool_call_id"] not in waiting:
                raise _refused(
                    place,
                    f"{place}: a tool message must answer a tool call of the assistant message before it "
                    f"({message['tool_call_id']!r} is none, or was answered already)",
                )
            waiting.remove(message["tool_call_id"])
            continue
        if waiting:
            raise _unanswered(place, waiting)
        if message["role"] == "assistant":
            waiting = [call["id"] for call in message.get("tool_calls") or ()]
    if waiting:
        raise _unanswered("messages", waiting)


def _unanswered(place: str, waiting: Sequence[str]) -> RefusalError:
    return _refused(place, f"{place}: tool calls must be answered by tool messages first: {', '.join(waiting)}")
