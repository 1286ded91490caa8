from __future__ import annotations

from typing import Any

import pytest

from maaskit.sandbox.models import DOCUMENTED, QINIU_MODELS, SOPHNET_MODELS, thinks
from tests.sandbox.clouds import WEATHER, Cloud


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"temperature": 2.1}, "temperature must lie in [0, 2]"),
        ({"temperature": -0.1}, "temperature must lie in [0, 2]"),
        ({"temperature": "hot"}, "temperature must be a number"),
        ({"presence_penalty": 2.5}, "presence_penalty must lie in [-2, 2]"),
        ({"frequency_penalty": -2.5}, "frequency_penalty must lie in [-2, 2]"),
        ({"top_p": 1.5}, "top_p must lie in [0, 1]"),
        ({"stop": list("abcde")}, "stop takes at most 4 strings, not 5"),
        ({"stop": [1]}, "stop must be a list of strings that are not empty"),
        ({"stop": [""]}, "stop must be a list of strings that are not empty"),
        ({"top_logprobs": 3}, "top_logprobs may be set only when logprobs is true"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs must lie in [0, 20]"),
        ({"max_tokens": 0}, "max_tokens must be at least 1"),
        ({"max_tokens": 1.5}, "max_tokens must be an integer"),
        ({"max_tokens": 5, "max_completion_tokens": 5}, "exclude each other"),
        ({"n": 0}, "n must lie in [1, 16]"),
        ({"stream": "yes"}, "stream must be true or false"),
        ({"tools": "none"}, "tools must be a list"),
        ({"tools": [{"type": "web_search"}]}, "only tools of type function are supported"),
        ({"tools": [{"type": "function", "function": {"name": "天气"}}]}, "must match"),
        ({"tools": [{"type": "function", "function": {"name": "a.b"}}]}, "must match"),
        ({"tools": [{"type": "function", "function": {"name": "a", "parameters": []}}]}, "JSON schema"),
        ({"tool_choice": "required"}, "tool_choice needs tools"),
        ({"tools": [WEATHER], "tool_choice": "sometimes"}, "tool_choice must be"),
        (
            {"tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "other"}}},
            "tool_choice names 'other'",
        ),
        ({"response_format": {"type": "yaml"}}, "response_format.type must be one of"),
        ({"response_format": {"type": "json_object"}}, "needs the word JSON"),
        ({"response_format": "json"}, "response_format must be an object"),
        ({"thinking": {"type": "auto"}}, 'thinking.type must be "enabled" or "disabled"'),
        ({"thinking": {"type": "enabled", "budget_tokens": 0}}, "budget_tokens must be a positive integer"),
        ({"chat_template_kwargs": {"enable_thinking": "yes"}}, "must be true or false"),
        ({"enable_thinking": 1}, "enable_thinking must be true or false"),
        ({"messages": []}, "messages must be a list that is not empty"),
        ({"messages": {"role": "user"}}, "messages must be a list that is not empty"),
    ],
)
def test_what_the_documents_refuse(cloud: Cloud, fields: dict[str, Any], message: str) -> None:
    status, told = cloud.refusal(**fields)
    assert status == 400
    assert message in told


@pytest.mark.parametrize(
    "field", ["temperature", "stop", "tools", "tool_choice", "response_format", "max_tokens", "stream"]
)
def test_null_means_unset(cloud: Cloud, field: str) -> None:
    assert cloud.post(**{field: None}).status_code == 200


@pytest.mark.parametrize(
    "fields",
    [
        {"max_completion_tokens": 50},
        {"tools": [WEATHER], "tool_choice": "none", "parallel_tool_calls": False},
        {"stop_token_ids": [1]},
        {"reasoning": {"enabled": True}},
        {"reasoning_effort": "low"},
        {"thinking": {"type": "disabled"}},
        {"stream_options": {"include_usage": True}},
        {"seed": 3, "user": "somebody", "steps": 20},
        {"stop": "end"},
        {"tools": []},
        {"response_format": {"type": "text"}},
    ],
)
def test_what_newer_documents_and_clients_send_is_taken(cloud: Cloud, fields: dict[str, Any]) -> None:
    assert cloud.post(**fields).status_code == 200


def test_json_schema_is_qinius_alone(qiniu: Cloud, sophnet: Cloud) -> None:
    schema = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}
    wanted = {"type": "json_schema", "json_schema": {"name": "reply", "schema": schema}}
    assert qiniu.post(response_format=wanted).status_code == 200
    assert sophnet.refusal(response_format=wanted) == (
        400,
        "response_format.type must be one of text, json_object",
    )
    assert qiniu.post(response_format={"type": "json_schema", "json_schema": {"schema": {}}}).status_code == 400


def test_unknown_models_are_not_found(cloud: Cloud) -> None:
    assert cloud.refusal(model="nowhere-1") == (404, "model not found: nowhere-1")
    assert cloud.refusal(model=cloud.model.swapcase())[0] == 404
    assert cloud.refusal(model=None) == (400, "model is required")


def test_documented_and_later_models_exist(qiniu: Cloud, sophnet: Cloud) -> None:
    assert {"deepseek-v3", "deepseek-r1"} <= set(QINIU_MODELS)
    for model in ("deepseek-r1", "deepseek-v3?search", "moonshotai/kimi-k2.6", "z-ai/glm-4.7"):
        assert qiniu.post(model=model).status_code == 200
    for model in ("QwQ-32B", "GLM-4.6", "DeepSeek-V3.2", "Kimi-K2-Thinking"):
        assert sophnet.post(model=model).status_code == 200
    assert sophnet.refusal(model="DeepSeek-v3?search")[0] == 404
    assert len(DOCUMENTED) == 28
    assert set(SOPHNET_MODELS) > DOCUMENTED


def test_the_key(cloud: Cloud) -> None:
    for header in ("", "Bearer", "Bearer wrong", cloud.sandbox.api_key, f"Basic {cloud.sandbox.api_key}"):
        response = cloud.http.post(f"{cloud.url}/chat/completions", json={}, headers={"Authorization": header})
        assert response.status_code == 401
        body = response.json()
        if cloud.is_sophnet:
            assert (body["status"], body["result"]) == (401, None)
            assert isinstance(body["timestamp"], int)
        else:
            assert body["error"]["code"] == "invalid_api_key"


def test_bodies_that_are_no_json_object(cloud: Cloud) -> None:
    for body in (b"", b"{", b"[]", b'"text"', b"\xff"):
        assert cloud.http.post(f"{cloud.url}/chat/completions", content=body).status_code == 400


def test_other_paths_and_methods(cloud: Cloud) -> None:
    assert cloud.http.get(f"{cloud.url}/chat/completions").status_code == 405
    assert cloud.http.post(f"{cloud.url}/chat/completion", json={}).status_code == 404
    sandbox = cloud.sandbox
    assert cloud.http.post(f"{sandbox.sophnet_url}/projects/v1/chat/completions", json={}).status_code == 404
    assert cloud.http.post(f"{sandbox.origin}/chat/completions", json={}).status_code == 404


def test_qinius_models_are_listed(qiniu: Cloud) -> None:
    answer = qiniu.http.get(f"{qiniu.url}/models").json()
    assert answer["object"] == "list"
    assert [m["id"] for m in answer["data"]][:2] == ["deepseek-v3", "deepseek-r1"]
    assert all(m["object"] == "model" for m in answer["data"])


def test_a_prompt_beyond_the_context_is_refused(cloud: Cloud) -> None:
    status, told = cloud.refusal("word " * 140_000)
    assert status == 400
    assert "maximum context length is 131072 tokens" in told


@pytest.mark.parametrize(
    ("model", "switch", "expected"),
    [
        ("DeepSeek-R1", {}, True),
        ("deepseek-r1-0528", {"enable_thinking": False}, True),
        ("QwQ-32B", {}, True),
        ("Kimi-K2-Thinking", {}, True),
        ("DeepSeek-R1-Distill-Qwen-7B", {}, True),
        ("GLM-4.5", {}, False),
        ("GLM-4.5", {"thinking": {"type": "enabled"}}, True),
        ("GLM-4.5", {"thinking": {"type": "disabled"}, "enable_thinking": True}, False),
        ("GLM-4.6", {"enable_thinking": True}, True),
        ("Qwen3-235B-A22B", {"chat_template_kwargs": {"enable_thinking": True}}, True),
        ("Qwen3-235B-A22B", {"thinking": {"type": "enabled"}}, False),
        ("Qwen3-32B", {"enable_thinking": True}, False),
        ("DeepSeek-v3", {"chat_template_kwargs": {"enable_thinking": True}}, False),
        ("GLM-5", {"reasoning": {"enabled": True}}, True),
        ("GLM-5", {"reasoning_effort": "low"}, True),
        ("z-ai/glm-4.7", {"thinking": {"type": "enabled"}}, True),
        ("deepseek-v3.1", {"enable_thinking": True}, True),
        ("deepseek-v3.1", {"reasoning_effort": "none"}, False),
        ("deepseek-v3", {}, False),
    ],
)
def test_who_thinks(model: str, switch: dict[str, Any], *, expected: bool) -> None:
    assert thinks(model, switch) is expected
