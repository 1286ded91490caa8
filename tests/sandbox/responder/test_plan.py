from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from maaskit.sandbox.responder import Ask, Picture, read_ask, respond
from maaskit.sandbox.tokens import count
from tests.sandbox.responder.schemas import S, ask, tool

WEATHER = tool("get_weather", "Get the current weather", city=S)


def test_reading_a_request() -> None:
    request = {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": "Before"},
            {"role": "assistant", "content": "Yes"},
            {
                "role": "user",
                "content": [{"type": "text", "text": "One"}, {"type": "image_url", "image_url": {"url": "u"}}],
            },
            {"role": "user", "content": "Two"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": '{"a": 1}'}}],
            },
            {"role": "tool", "tool_call_id": "1", "content": "done"},
        ],
        "tools": [{"type": "function", "function": {"name": "f"}}],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "parallel_tool_calls": False,
        "stop": "x",
        "max_completion_tokens": 9,
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}},
        "thinking": {"type": "enabled", "budget_tokens": 4},
    }
    found = read_ask(request, {"u": Picture("text")}, thinks=True, web_root="http://w/")
    assert (found.system, found.user) == ("Be kind.", "One\nTwo")
    assert found.past == (("user", "Before"), ("assistant", "Yes"))
    assert [(c.name, c.arguments, c.result) for c in found.calls] == [("f", {"a": 1}, "done")]
    assert found.pictures == (Picture("text"),)
    assert (found.tools[0].name, found.tool_choice.mode, found.tool_choice.name) == ("f", "function", "f")
    assert (found.parallel, found.stop, found.max_tokens, found.max_thinking) == (False, ("x",), 9, 4)
    assert (found.form, found.schema) == ("json_schema", {"type": "object"})
    assert (found.thinks, found.search, found.web_root) == (True, True, "http://w/")


def test_equal_requests_have_equal_seeds() -> None:
    base: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
    seeds = [
        read_ask({**base, **more}, {}).seed
        for more in ({}, {"stream": True}, {"max_tokens": 3}, {"seed": 1}, {"model": "o"})
    ]
    assert seeds[0] == seeds[1] == seeds[2]
    assert len(set(seeds)) == 3


def test_calls_have_ids_of_their_own() -> None:
    answer = respond(ask("Weather in Oslo and Rome?", WEATHER))
    assert len({call.id for call in answer.tool_calls}) == 2
    assert all(json.loads(call.text) == call.arguments for call in answer.tool_calls)
    assert (answer.text, answer.finish_reason) == ("", "tool_calls")


def test_chinese_stays_readable_in_arguments() -> None:
    assert respond(ask("北京天气如何?", WEATHER)).tool_calls[0].text == '{"city": "北京"}'


def test_thinking_is_retold_in_the_language_of_the_question() -> None:
    assert "get_weather" in respond(ask("Weather in Oslo?", WEATHER, thinks=True)).reasoning
    assert "用户的问题" in respond(Ask(user="门票多少钱?", thinks=True)).reasoning
    assert respond(Ask(user="Hello")).reasoning == ""
    assert count(respond(Ask(user="Hello", thinks=True, max_thinking=5)).reasoning) == 5


def test_limits_cut_in_order() -> None:
    whole = respond(Ask(user="Count from 1 to 20", thinks=True))
    thinking, talking = count(whole.reasoning), count(whole.text)
    for limit in (1, thinking, thinking + 3, thinking + talking, thinking + talking + 5):
        cut = respond(Ask(user="Count from 1 to 20", thinks=True, max_tokens=limit))
        assert count(cut.reasoning) + count(cut.text) == min(limit, thinking + talking)
        assert cut.finish_reason == ("length" if limit < thinking + talking else "stop")
        assert whole.text.startswith(cut.text)


@settings(max_examples=150, deadline=None)
@given(
    st.text(max_size=200),
    st.text(max_size=100),
    st.sampled_from(["auto", "required", "none"]),
    st.sampled_from(["text", "json_object"]),
    st.booleans(),
)
def test_whatever_is_said_there_is_an_answer(user: str, system: str, mode: str, form: Any, thinks: bool) -> None:
    question = ask(user, WEATHER, mode=mode, system=system, form=form, thinks=thinks)
    answer = respond(question)
    assert bool(answer.tool_calls) == (answer.finish_reason == "tool_calls")
    assert answer.tool_calls or mode != "required"
    if form == "json_object" and not answer.tool_calls:
        assert isinstance(json.loads(answer.text), dict)
    assert answer == respond(question)
