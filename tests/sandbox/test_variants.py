from __future__ import annotations

import json
from typing import Any

import pytest

from maaskit.sandbox import Variants
from maaskit.sandbox.replies import ERROR_SHAPES
from tests.sandbox.clouds import WEATHER, Cloud, joined

CONTEXT = "Context:\n[1] (rules.pdf, p. 2) The pool opens at nine.\n\nQuestion: When does the pool open?"
TWO_CITIES = "What is the weather in Oslo and Rome?"


def test_an_unknown_value_or_name_is_refused() -> None:
    variants = Variants()
    with pytest.raises(ValueError, match="no such variant"):
        variants.sse_perfix = "space"  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="one of"):
        variants.usage = "sometimes"  # type: ignore[assignment]
    with pytest.raises(ValueError, match="one of"):
        Variants(done="maybe")  # type: ignore[arg-type]


def test_sophnet_writes_as_its_document_does(sophnet: Cloud) -> None:
    data = sophnet.stream("你好")
    lines = data.decode().split("\n\n")
    assert lines.pop() == ""
    assert all(line.startswith('data:{"') for line in lines)
    assert b"[DONE]" not in data
    assert b": " not in data.split(b'"content"')[0]
    chunks = [json.loads(line[5:]) for line in lines]
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert all(c["choices"][0]["delta"]["role"] is None for c in chunks[1:])
    assert chunks[-1]["choices"][0]["delta"] == {"content": None, "role": None}
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert [bool(c.get("usage")) for c in chunks] == [False] * (len(chunks) - 1) + [True]
    assert chunks[-1]["usage"]["total_tokens"] > 0
    assert "\\u" not in data.decode()


def test_qiniu_writes_spaces_and_done(qiniu: Cloud) -> None:
    data = qiniu.stream("Hello")
    assert data.endswith(b"data: [DONE]\n\n")
    assert all(line.startswith("data: ") for line in data.decode().strip().split("\n\n"))
    assert b'"usage"' not in data
    asked = qiniu.chunks("Hello", stream_options={"include_usage": True})
    assert asked[-1]["choices"] == []
    assert asked[-1]["usage"]["total_tokens"] > 0
    assert all(chunk["usage"] is None for chunk in asked[:-1])


@pytest.mark.parametrize(
    ("field", "value", "beginning"),
    [
        ("sse_prefix", "space", b'data: {"'),
        ("sse_prefix", "no_space", b'data:{"'),
        ("sse_prefix", "bare", b'{"'),
        ("comments", True, b": keep-alive\n\ndata:"),
    ],
)
def test_the_beginning_of_events(cloud: Cloud, field: str, value: Any, beginning: bytes) -> None:
    setattr(cloud.sandbox.variants, field, value)
    assert cloud.stream().startswith(beginning)


def test_lines_without_blank_ones_between(cloud: Cloud) -> None:
    cloud.sandbox.variants.blank_lines = False
    assert b"\n\n" not in cloud.stream()
    cloud.sandbox.variants.newline = "crlf"
    data = cloud.stream()
    assert data.count(b"\r\n") == data.count(b"\n") > 2


def test_done_may_come_or_not(cloud: Cloud) -> None:
    cloud.sandbox.variants.done = "sent"
    assert b"[DONE]" in cloud.stream()
    cloud.sandbox.variants.done = "absent"
    assert b"[DONE]" not in cloud.stream()


def test_the_charset_may_be_named(cloud: Cloud) -> None:
    assert cloud.post(stream=True).headers["content-type"] == "text/event-stream"
    cloud.sandbox.variants.charset = True
    assert cloud.post(stream=True).headers["content-type"] == "text/event-stream; charset=utf-8"


def test_where_usage_stands(cloud: Cloud) -> None:
    variants = cloud.sandbox.variants
    variants.usage = "last_chunk"
    last = cloud.chunks()
    assert [bool(c.get("usage")) for c in last] == [False] * (len(last) - 1) + [True]
    variants.usage = "empty_choices"
    assert cloud.chunks()[-1]["choices"] == []
    variants.usage = "every_chunk"
    every = [c["usage"]["completion_tokens"] for c in cloud.chunks()]
    assert every == sorted(every)
    assert every[-1] == last[-1]["usage"]["completion_tokens"]
    variants.usage = "none"
    assert not any(c.get("usage") for c in cloud.chunks(stream_options={"include_usage": True}))
    variants.usage_whole = False
    assert "usage" not in cloud.ask()


def test_usage_details(cloud: Cloud) -> None:
    assert set(cloud.ask()["usage"]) >= {"prompt_tokens_details", "completion_tokens_details"}
    cloud.sandbox.variants.usage_details = "null"
    assert cloud.ask()["usage"]["completion_tokens_details"] is None
    cloud.sandbox.variants.usage_details = "absent"
    assert set(cloud.ask()["usage"]) == {"prompt_tokens", "completion_tokens", "total_tokens"}


@pytest.mark.parametrize(("style", "expected"), [("null", {None}), ("absent", {"-"}), ("repeated", {"assistant"})])
def test_roles_after_the_first_chunk(cloud: Cloud, style: Any, expected: set[Any]) -> None:
    cloud.sandbox.variants.null_roles = style
    roles = [c["choices"][0]["delta"].get("role", "-") for c in cloud.chunks()]
    assert roles[0] == "assistant"
    assert set(roles[1:]) == expected


def test_the_field_of_reasoning(cloud: Cloud) -> None:
    plain = joined(cloud.chunks(model=cloud.thinker), "reasoning_content")
    assert plain
    cloud.sandbox.variants.reasoning_field = "reasoning"
    chunks = cloud.chunks(model=cloud.thinker)
    assert joined(chunks, "reasoning") == plain
    assert not joined(chunks, "reasoning_content")
    assert cloud.ask(model=cloud.thinker)["choices"][0]["message"]["reasoning"] == plain


def test_how_a_stream_finishes(cloud: Cloud) -> None:
    cloud.sandbox.variants.finish = "last_piece"
    last = cloud.chunks()[-1]["choices"][0]
    assert last["delta"]["content"]
    assert last["finish_reason"] == "stop"


@pytest.mark.parametrize(("style", "expected"), [("null", None), ("absent", "-"), ("empty", "")])
def test_finish_reasons_before_the_last(cloud: Cloud, style: Any, expected: Any) -> None:
    cloud.sandbox.variants.finish_before = style
    reasons = [c["choices"][0].get("finish_reason", "-") for c in cloud.chunks()]
    assert set(reasons[:-1]) == {expected}
    assert reasons[-1] == "stop"


def test_a_first_chunk_without_choices(cloud: Cloud) -> None:
    cloud.sandbox.variants.empty_choices_first = True
    assert cloud.chunks()[0]["choices"] == []


def deltas(cloud: Cloud, question: str = TWO_CITIES) -> list[list[dict[str, Any]]]:
    chunks = cloud.chunks(question, tools=[WEATHER])
    return [c["choices"][0]["delta"]["tool_calls"] for c in chunks if c["choices"][0]["delta"].get("tool_calls")]


def test_standard_tool_deltas(cloud: Cloud) -> None:
    calls: dict[int, dict[str, str]] = {}
    for group in deltas(cloud):
        for delta in group:
            call = calls.setdefault(delta["index"], {"id": delta.get("id", ""), "arguments": ""})
            call["arguments"] += delta["function"]["arguments"]
            assert "name" not in delta["function"] or "id" in delta
    assert [json.loads(c["arguments"]) for c in calls.values()] == [{"city": "Oslo"}, {"city": "Rome"}]
    assert len({c["id"] for c in calls.values()}) == 2


def test_tool_deltas_of_other_styles(cloud: Cloud) -> None:
    variants = cloud.sandbox.variants
    variants.tool_deltas = "repeated_names"
    assert all(d["function"]["name"] == "get_weather" for group in deltas(cloud) for d in group)
    variants.tool_deltas = "empty_names"
    later = [d for group in deltas(cloud) for d in group if d["function"]["arguments"]]
    assert all(d["id"] == "" and d["function"]["name"] == "" for d in later)
    variants.tool_deltas = "no_index"
    assert not any("index" in d for group in deltas(cloud) for d in group)
    variants.tool_deltas = "shared_index"
    shared = [d for group in deltas(cloud) for d in group]
    assert {d["index"] for d in shared} == {0}
    assert len({d["id"] for d in shared if "id" in d}) == 2
    variants.tool_deltas = "id_on_every_chunk"
    assert all(d["id"] for group in deltas(cloud) for d in group)
    variants.tool_deltas = "several_per_chunk"
    assert max(len(group) for group in deltas(cloud)) == 2
    assert max(len(group) for group in deltas(cloud, "What is the weather in Oslo?")) == 2
    variants.tool_deltas = "whole"
    assert [d["function"]["arguments"] for group in deltas(cloud) for d in group] == [
        '{"city": "Oslo"}',
        '{"city": "Rome"}',
    ]


def test_arguments_as_an_object(cloud: Cloud) -> None:
    cloud.sandbox.variants.tool_deltas = "dict_arguments"
    assert [d["function"]["arguments"] for group in deltas(cloud) for d in group] == [
        {"city": "Oslo"},
        {"city": "Rome"},
    ]
    message = cloud.ask(TWO_CITIES, tools=[WEATHER])["choices"][0]["message"]
    assert message["tool_calls"][0]["function"]["arguments"] == {"city": "Oslo"}


@pytest.mark.parametrize(("style", "expected"), [("empty", ""), ("null", None), ("absent", "-")])
def test_the_content_beside_tool_calls(cloud: Cloud, style: Any, expected: Any) -> None:
    cloud.sandbox.variants.tool_content = style
    message = cloud.ask(TWO_CITIES, tools=[WEATHER])["choices"][0]["message"]
    assert message.get("content", "-") == expected


def test_refs_in_the_last_chunk(sophnet: Cloud) -> None:
    assert "refs" not in sophnet.ask(CONTEXT)["choices"][0]
    sophnet.sandbox.variants.refs = "final"
    whole = sophnet.ask(CONTEXT)["choices"][0]["refs"]
    assert [(r["index"], r["title"], r["content"], r["type"]) for r in whole] == [
        (1, "rules.pdf, p. 2", "The pool opens at nine.", "file")
    ]
    chunks = sophnet.chunks(CONTEXT)
    assert [c["choices"][0].get("refs") for c in chunks] == [None] * (len(chunks) - 1) + [whole]


def test_refs_where_they_occur_and_again_at_the_end(sophnet: Cloud) -> None:
    sophnet.sandbox.variants.refs = "incremental"
    carried = [c["choices"][0]["refs"] for c in sophnet.chunks(CONTEXT) if "refs" in c["choices"][0]]
    assert len(carried) == 2
    assert carried[0] == carried[1]


def test_refs_lead_to_their_text_with_the_key_alone(sophnet: Cloud) -> None:
    sophnet.sandbox.variants.refs = "final"
    ref = sophnet.ask(CONTEXT)["choices"][0]["refs"][0]
    assert sophnet.http.get(ref["url"]).text == "The pool opens at nine."
    assert sophnet.http.get(ref["url"], headers={"Authorization": ""}).status_code == 401
    assert sophnet.http.get(ref["url"] + "0").status_code == 404


def test_a_web_source_is_a_web_ref(sophnet: Cloud) -> None:
    sophnet.sandbox.variants.refs = "final"
    prompt = "Source: https://example.org/tides\nContent: The tide turns at noon.\n\nQuestion: When does the tide turn?"
    ref = sophnet.ask(prompt)["choices"][0]["refs"][0]
    assert (ref["type"], ref["url"]) == ("web", "https://example.org/tides")


@pytest.mark.parametrize(("style", "expected"), [("absent", "-"), ("empty", "")])
def test_ids(cloud: Cloud, style: Any, expected: Any) -> None:
    assert cloud.ask()["id"].startswith("chatcmpl-")
    cloud.sandbox.variants.ids = style
    assert cloud.ask().get("id", "-") == expected
    assert {c.get("id", "-") for c in cloud.chunks()} == {expected}


def test_slips_of_object_and_model(cloud: Cloud) -> None:
    assert (cloud.ask()["object"], cloud.ask()["model"]) == ("chat.completion", cloud.model)
    cloud.sandbox.variants.object_slip = True
    cloud.sandbox.variants.model_echo = "prefixed"
    assert (cloud.ask()["object"], cloud.ask()["model"]) == ("chat.completion.chunk", f"Qwen/{cloud.model}")


def test_backends_that_take_lists_from_users_alone(cloud: Cloud) -> None:
    history = [
        {"role": "user", "content": [{"type": "text", "text": "Hello"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "Hi"}]},
        {"role": "user", "content": "Thanks"},
    ]
    assert cloud.post(history).status_code == 200
    cloud.sandbox.variants.part_lists = "user_only"
    assert cloud.refusal(history) == (400, "messages[1].content: invalid type: sequence, expected a string")


def test_backends_that_refuse_forced_tools_while_thinking(cloud: Cloud) -> None:
    cloud.sandbox.variants.forced_tools_while_thinking = "refused"
    fields: dict[str, Any] = {"tools": [WEATHER], "tool_choice": "required"}
    assert cloud.post(model=cloud.thinker, **fields).status_code == 400
    assert cloud.post(**fields).status_code == 200
    assert cloud.post(model=cloud.thinker, tools=[WEATHER], tool_choice="auto").status_code == 200


def test_backends_that_want_their_reasoning_back(cloud: Cloud) -> None:
    call = {"id": "1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Oslo"}'}}
    history: list[dict[str, Any]] = [
        {"role": "user", "content": "Weather in Oslo?"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": "cold"},
    ]
    assert cloud.post(history, model=cloud.thinker).status_code == 200
    cloud.sandbox.variants.reasoning_replay = "required"
    assert cloud.post(history, model=cloud.thinker).status_code == 400
    assert cloud.post(history).status_code == 200
    history[1]["reasoning_content"] = "I ask the tool."
    assert cloud.post(history, model=cloud.thinker).status_code == 200


@pytest.mark.parametrize("shape", sorted(ERROR_SHAPES))
def test_error_shapes(cloud: Cloud, shape: Any) -> None:
    cloud.sandbox.variants.error_shape = shape
    response = cloud.post(model="nowhere")
    assert response.status_code == (200 if "200" in shape else 404)
    assert "model not found" in response.text
    body = response.json()
    expected = {
        "openai": {"error"},
        "openai_string": {"error"},
        "envelope": {"status", "message", "result", "timestamp"},
        "envelope_200": {"status", "message", "result", "timestamp"},
        "envelope_200_empty_result": {"status", "message", "result", "timestamp"},
        "request_id_200": {"requestId", "code", "message"},
        "code_message": {"code", "message"},
        "code_msg": {"code", "msg"},
        "message": {"message"},
        "success_false": {"success", "message"},
        "detail": {"detail"},
    }
    assert set(body) == expected[shape]


@pytest.mark.parametrize(("shape", "kind"), [("text", "text/plain"), ("html", "text/html")])
def test_errors_that_are_no_json(cloud: Cloud, shape: Any, kind: str) -> None:
    cloud.sandbox.variants.error_shape = shape
    response = cloud.post(model="nowhere")
    assert response.status_code == 404
    assert response.headers["content-type"].startswith(kind)
    with pytest.raises(ValueError, match="Expecting"):
        response.json()
