"""Asking for JSON in words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from maaskit import InvalidInput
from maaskit.openai_chat.json_mode import ask_for_json, schema_in_prompt
from maaskit.openai_chat.request import mentions_json
from maaskit.sophnet import chat

SCHEMA = {"type": "object", "properties": {"城市": {"type": "string"}}, "required": ["城市"]}
FORMAT = {"type": "json_schema", "json_schema": {"name": "Place", "schema": SCHEMA, "strict": True}}


def test_a_schema_goes_into_a_system_message() -> None:
    asked = [{"role": "user", "content": "上海在哪里?"}]
    messages, response_format = schema_in_prompt(asked, FORMAT)
    assert response_format == {"type": "json_object"}
    assert [message["role"] for message in messages] == ["system", "user"]
    text = messages[0]["content"]
    assert "JSON" in text
    assert "Place" in text
    assert json.loads(text[text.index("{") :]) == SCHEMA
    assert asked == [{"role": "user", "content": "上海在哪里?"}]


def test_a_system_message_that_is_there_is_kept_and_not_changed_in_place() -> None:
    asked: list[dict[str, Any]] = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "?"}]
    messages, _ = schema_in_prompt(asked, FORMAT)
    assert len(messages) == 2
    assert messages[0]["content"].startswith("Be kind.\n\n")
    assert asked[0]["content"] == "Be kind."
    parts: list[dict[str, Any]] = [{"role": "system", "content": [{"type": "text", "text": "Be kind."}]}]
    written = ask_for_json(parts)[0]["content"]
    assert written[0] == {"type": "text", "text": "Be kind."}
    assert "JSON" in written[1]["text"]
    assert len(parts[0]["content"]) == 1


def test_json_mode_says_json_only_where_nobody_does() -> None:
    silent, spoken = [{"role": "user", "content": "?"}], [{"role": "user", "content": "以 json 回答"}]
    json_object = {"type": "json_object"}
    assert len(schema_in_prompt(silent, json_object)[0]) == 2
    assert schema_in_prompt(spoken, json_object) == (spoken, json_object)
    for other in (None, {"type": "text"}):
        assert schema_in_prompt(silent, other) == (silent, other)


@pytest.mark.parametrize(
    "said",
    [
        [{"role": "assistant", "content": '```json\n{"a": 1}\n```'}],
        [
            {"role": "assistant", "content": "", "tool_calls": [{"id": "1", "type": "function", "function": {}}]},
            {"role": "tool", "tool_call_id": "1", "content": "a JSON file"},
        ],
    ],
    ids=["assistant", "tool"],
)
def test_json_is_asked_for_by_a_system_or_user_message_alone(said: list[dict[str, Any]]) -> None:
    history = [{"role": "user", "content": "?"}, *said, {"role": "user", "content": "!"}]
    json_object = {"type": "json_object"}
    assert not mentions_json(history)
    assert "JSON" in schema_in_prompt(history, json_object)[0][0]["content"]
    with pytest.raises(InvalidInput, match="system or user message"):
        chat.complete(history, "DeepSeek-v3", response_format=json_object)
    for role in ("system", "developer", "user"):
        assert mentions_json([*history, {"role": role, "content": [{"type": "text", "text": "as Json"}]}])
