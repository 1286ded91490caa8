"""How JSON is asked for in words, where a cloud knows no schema or wants the prompt to say so.

Nothing is parsed here, and no framework's way of naming a schema is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pydantic_core

from maaskit.openai_chat.request import Message, mentions_json

JSON_OBJECT = {"type": "json_object"}


def schema_in_prompt(
    messages: Sequence[Message], response_format: Mapping[str, Any] | None
) -> tuple[list[Message], Mapping[str, Any] | None]:
    """Carry a ``json_schema`` format over to a service that knows ``json_object`` only.

    Args:
        messages: The conversation.
        response_format: What was asked for: ``json_schema``, ``json_object``, ``text`` or nothing.

    Returns:
        The conversation and the format to send. For ``json_schema`` the system message explains the schema and the
        format is ``json_object``; for ``json_object`` it asks for JSON unless a message does so already; everything
        else stays as it is. The caller's messages are not changed.

    Source:
        sophnet-api, Chat completions, response_format: "使用 JSON 模式时,您还必须通过系统或用户消息提示模型自行生成
        JSON".
    """
    kind = (response_format or {}).get("type")
    if response_format is not None and kind == "json_schema":
        described = response_format.get("json_schema")
        described = described if isinstance(described, Mapping) else {}
        return ask_for_json(messages, described.get("schema"), described.get("name")), JSON_OBJECT
    if kind == "json_object" and not mentions_json(messages):
        return ask_for_json(messages), response_format
    return list(messages), response_format


def ask_for_json(messages: Sequence[Message], schema: Any = None, name: str | None = None) -> list[Message]:
    """Ask for one JSON object in the system message.

    Args:
        messages: The conversation.
        schema: The JSON Schema that the object shall follow, if there is one.
        name: The schema's name, if it has one.

    Returns:
        The conversation with the request at the end of its first system message, or with a system message before it.
    """
    # One system message only: some models' templates refuse a second one.
    text = _instruction(schema, name)
    if not messages or messages[0].get("role") != "system":
        return [{"role": "system", "content": text}, *messages]
    first = dict(messages[0])
    before = first.get("content")
    if isinstance(before, list | tuple):
        first["content"] = [*before, {"type": "text", "text": text}]
    else:
        first["content"] = f"{before}\n\n{text}" if before else text
    return [first, *messages[1:]]


def _instruction(schema: Any, name: str | None) -> str:
    if schema is None:
        return "Answer with one JSON object and nothing else: no explanation, no code fence."
    what = f"the object {name}" if name else "the object"
    return (
        "When you give your final answer, answer with one JSON object and nothing else: no explanation, no code fence. "
        f"This JSON Schema describes {what}; give its values, not the schema:\n"
        f"{pydantic_core.to_json(schema).decode()}"
    )
