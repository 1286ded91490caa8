from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.clouds import Cloud

USER = {"role": "user", "content": "Weather in Oslo?"}
TOOL = {"role": "tool", "tool_call_id": "1", "content": "cold"}


def call(identity: str = "1", **function: Any) -> dict[str, Any]:
    return {"id": identity, "type": "function", "function": {"name": "get_weather", "arguments": "{}", **function}}


def calling(*calls: dict[str, Any], content: Any = "") -> dict[str, Any]:
    return {"role": "assistant", "content": content, "tool_calls": list(calls)}


@pytest.mark.parametrize(
    "history",
    [
        [USER, calling(call()), TOOL],
        [USER, calling(call(), content=None), TOOL, {"role": "assistant", "content": "Cold."}, USER],
        [USER, calling(call("1"), call("2")), {**TOOL, "tool_call_id": "2"}, TOOL],
        [USER, calling(call("1")), TOOL, calling(call("1")), TOOL],
        [{"role": "system", "content": "Be kind."}, {"role": "developer", "content": "Be brief."}, USER],
        [USER, USER, {"role": "assistant", "content": "Cold."}],
        [USER, calling(call(arguments="not json")), TOOL],
        [USER, {"role": "assistant", "content": "Cold.", "tool_calls": None}, USER],
        [USER, {"role": "assistant", "content": "Cold.", "tool_calls": []}, USER],
        [USER, calling(call()), {**TOOL, "content": [{"type": "text", "text": "cold"}]}],
        [{"role": "user", "content": "Hello", "name": "ann"}],
    ],
)
def test_histories_that_are_whole(cloud: Cloud, history: list[dict[str, Any]]) -> None:
    response = cloud.post(history)
    assert response.status_code == 200, response.text


@pytest.mark.parametrize(
    ("history", "message"),
    [
        ([USER, TOOL], "must answer a tool call"),
        ([USER, calling(call("2")), TOOL], "must answer a tool call"),
        ([USER, calling(call()), TOOL, TOOL], "must answer a tool call"),
        ([USER, calling(call())], "must be answered by tool messages first: 1"),
        ([USER, calling(call("1"), call("2")), TOOL, USER], "must be answered by tool messages first: 2"),
        ([USER, calling(call()), USER, TOOL], "must be answered by tool messages first: 1"),
        ([TOOL, USER], "must answer a tool call"),
        ([{"role": "system", "content": "Be kind."}], "at least one that is not a system message"),
        ([{"role": "robot", "content": "beep"}], "messages[0].role must be one of"),
        (["Hello"], "messages[0].role must be one of"),
        ([{"role": "user", "content": None}], "messages[0].content is required"),
        ([{"role": "assistant", "content": None}, USER], "messages[0].content is required"),
        ([{"role": "user", "content": []}], "must not be empty"),
        ([{"role": "user", "content": 3}], "must be a string or a list of parts"),
        ([{"role": "user", "content": ["Hello"]}], "must be an object with a type"),
        ([{"role": "user", "content": [{"type": "text"}]}], "text must be a string"),
        ([{"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}], "image_url.url is required"),
        ([{"role": "user", "content": [{"type": "input_audio"}]}], "parts of type input_audio are not supported"),
        (
            [{"role": "assistant", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}, USER],
            "takes parts of type text only",
        ),
        (
            [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x", "detail": "max"}}]}],
            "detail must be one of auto, low, high",
        ),
        ([{"role": "user", "content": "Hello", "tool_calls": [call()]}], "only an assistant message has tool_calls"),
        ([USER, calling({"type": "function", "function": {"name": "a", "arguments": "{}"}})], "needs an id"),
        ([USER, calling(call(name=""))], "needs a function with a name"),
        ([USER, calling(call(arguments={}))], "arguments must be a string of JSON"),
        ([USER, {"role": "tool", "content": "cold"}], "tool_call_id is required"),
    ],
)
def test_histories_that_break_the_protocol(cloud: Cloud, history: list[Any], message: str) -> None:
    status, told = cloud.refusal(history)
    assert status == 400
    assert message in told
