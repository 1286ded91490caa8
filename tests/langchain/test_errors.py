"""Errors that are of our tree and of LangChain's at once."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from langchain.agents.middleware._retry import default_retry_on
from langchain_core import exceptions as core
from langchain_core.messages import AIMessageChunk

from maaskit import errors
from maaskit.langchain import ChatQiniu, ChatSophNet
from maaskit.langchain import errors as ours
from maaskit.langchain.errors import ModelErrors, model_error
from tests.scripted import FOREVER, Reply, ScriptedServer, json_reply, sse_reply

KEY = "a-key-that-nobody-may-see"


def tree(kind: type[errors.MaasError] = errors.MaasError) -> list[type[errors.MaasError]]:
    inner = [grown for child in kind.__subclasses__() for grown in tree(child)]
    found = {kind, *inner}  # an error may have two parents of the tree
    return sorted((one for one in found if one.__module__ == "maaskit.errors"), key=lambda one: one.__name__)


@pytest.mark.parametrize("kind", tree(), ids=lambda kind: kind.__name__)
def test_each_error_has_a_kin(kind: type[errors.MaasError]) -> None:
    details = {name: name for name in kind._details}
    made = model_error(kind("What happened.", **details))
    assert isinstance(made, kind)
    assert isinstance(made, core.ModelError)
    assert type(made) in vars(ours).values()
    for copied in (pickle.loads(pickle.dumps(made)), copy.deepcopy(made)):  # noqa: S301 - our own
        assert type(copied) is type(made)
        assert str(copied) == "What happened."
        assert {name: getattr(copied, name) for name in kind._details} == details
        assert copied.is_retryable is made.is_retryable
    assert model_error(made) is made


@pytest.mark.parametrize(
    ("error", "kin", "again"),
    [
        (errors.AuthenticationFailed("x"), core.ModelAuthenticationError, False),
        (errors.PermissionDenied("x"), core.ModelPermissionDeniedError, False),
        (errors.InsufficientBalance("x"), core.ModelError, False),
        (errors.BadRequest("x"), core.ModelInvalidRequestError, False),
        (errors.ContextOverflow("x"), core.ContextOverflowError, False),
        (errors.NotFound("x"), core.ModelNotFoundError, False),
        (errors.RateLimited("x"), core.ModelRateLimitError, True),
        (errors.ServerError("x"), core.ModelAPIError, True),
        (errors.APIError("x", status=408), core.ModelError, True),
        (errors.APIError("x", status=418), core.ModelError, False),
        (errors.ConnectionFailed("x"), core.ModelConnectionError, True),
        (errors.TimedOut("x"), core.ModelTimeoutError, True),
        (errors.StreamInterrupted("x"), core.ModelConnectionError, True),
        (errors.StreamTimedOut("x"), core.ModelTimeoutError, True),
        (errors.UnexpectedAnswer("x"), core.ModelError, False),
        (errors.InvalidInput("x"), core.ModelInvalidRequestError, False),
        (errors.ConfigurationError("x"), core.ModelError, False),
        (errors.TaskTimeout("x"), core.ModelTimeoutError, False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_the_right_errors_are_worth_a_retry(error: errors.MaasError, kin: type[Exception], again: bool) -> None:
    made = model_error(error)
    assert isinstance(made, kin)
    assert default_retry_on(made) is again


def test_notes_attributes_and_the_trace_stay() -> None:
    error = errors.RateLimited("x", retry_after=3.0, request_id="r")
    error.add_note("a note")
    error.task_id = "t"
    with pytest.raises(core.ModelRateLimitError) as caught, ModelErrors():
        raise error
    assert caught.value.__notes__ == ["a note"]
    assert (caught.value.retry_after, caught.value.request_id, caught.value.task_id) == (3.0, "r", "t")
    assert caught.traceback[-1].frame.code.name == "test_notes_attributes_and_the_trace_stay"
    assert len(error.__notes__) == 1


def test_other_errors_pass() -> None:
    with pytest.raises(ZeroDivisionError), ModelErrors():
        _ = 1 / 0


# --- over the wire -------------------------------------------------------------------------------------------------


def sophnet(server: ScriptedServer, **fields: Any) -> ChatSophNet:
    return ChatSophNet(model="Kimi-K2", api_key=KEY, base_url=server.url, **{"max_retries": 0, **fields})


def qiniu(server: ScriptedServer, **fields: Any) -> ChatQiniu:
    return ChatQiniu(model="deepseek-v3", api_key=KEY, base_url=server.url, **{"max_retries": 0, **fields})


def delta(content: str, finish_reason: str | None = None) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": content}, "finish_reason": finish_reason}]}


@pytest.mark.parametrize(
    ("status", "kin", "kind"),
    [
        (400, core.ModelInvalidRequestError, errors.BadRequest),
        (401, core.ModelAuthenticationError, errors.AuthenticationFailed),
        (402, core.ModelError, errors.InsufficientBalance),
        (403, core.ModelPermissionDeniedError, errors.PermissionDenied),
        (404, core.ModelNotFoundError, errors.NotFound),
        (422, core.ModelInvalidRequestError, errors.BadRequest),
        (429, core.ModelRateLimitError, errors.RateLimited),
        (500, core.ModelAPIError, errors.ServerError),
        (503, core.ModelAPIError, errors.ServerError),
    ],
)
async def test_every_status_in_all_four_ways_of_asking(
    scripted: ScriptedServer, status: int, kin: type[Exception], kind: type[Exception]
) -> None:
    scripted.script(json_reply({"error": {"message": f"the key {KEY} is not welcome"}}, status, retry_after="7"))
    llm = qiniu(scripted)
    failures = []
    for ask in (llm.invoke, lambda text: list(llm.stream(text))):
        with pytest.raises(kin) as caught:
            ask("Hi")
        failures.append(caught.value)
    with pytest.raises(kin) as caught:
        await llm.ainvoke("Hi")
    failures.append(caught.value)
    with pytest.raises(kin) as caught:
        [chunk async for chunk in llm.astream("Hi")]
    failures.append(caught.value)
    for failure in failures:
        assert isinstance(failure, kind)
        assert failure.status_code == status
        assert failure.retry_after == 7.0
        assert KEY not in repr(failure) + str(failure) + str(failure.__dict__) + str(failure.__context__)


def test_a_prompt_that_is_too_long(scripted: ScriptedServer) -> None:
    message = "This model's maximum context length is 65536 tokens."
    scripted.script(json_reply({"error": {"message": message, "code": "context_length_exceeded"}}, 400))
    with pytest.raises(core.ContextOverflowError) as caught:
        sophnet(scripted).invoke("Hi")
    assert isinstance(caught.value, errors.ContextOverflow)


def test_an_error_under_http_200(scripted: ScriptedServer) -> None:
    scripted.script(json_reply({"status": 30001, "message": "余额不足", "result": None}))
    with pytest.raises(core.ModelError, match="余额不足"):
        sophnet(scripted).invoke("Hi")


@pytest.mark.parametrize("body", [{"choices": []}, {"choices": None}, {}, []])
def test_an_answer_without_choices(scripted: ScriptedServer, body: Any) -> None:
    scripted.script(json_reply(body))
    with pytest.raises(errors.UnexpectedAnswer) as caught:
        sophnet(scripted).invoke("Hi")
    assert isinstance(caught.value, core.ModelError)
    assert caught.value.excerpt


async def test_a_cut_stream_raises_and_keeps_what_came(scripted: ScriptedServer) -> None:
    cut = sse_reply(
        {"id": "1", "model": "m", "choices": [{"index": 0, "delta": {"reasoning_content": "hm"}}]},
        delta("Half of "),
        delta("an answer"),
        {
            "choices": [
                {
                    "index": 0,
                    "delta": {"tool_calls": [{"index": 0, "id": "c1", "function": {"name": "f", "arguments": '{"a"'}}]},
                }
            ]
        },
        done=False,
    )
    scripted.script(cut)
    llm = sophnet(scripted)
    seen = []
    with pytest.raises(errors.StreamInterrupted) as caught:
        seen.extend(chunk.text for chunk in llm.stream("Hi"))
    assert "".join(seen) == "Half of an answer"
    failures = [caught.value]
    with pytest.raises(errors.StreamInterrupted) as caught:
        [chunk async for chunk in llm.astream("Hi")]
    failures.append(caught.value)
    with pytest.raises(errors.StreamInterrupted) as caught:
        sophnet(scripted, streaming=True).invoke("Hi")
    failures.append(caught.value)
    for failure in failures:
        partial = failure.partial
        assert isinstance(partial, AIMessageChunk)
        assert partial.content == "Half of an answer"
        assert partial.additional_kwargs["reasoning_content"] == "hm"
        assert partial.tool_call_chunks[0]["args"] == '{"a"'
        assert partial.response_metadata["model_provider"] == "sophnet"
        assert isinstance(failure, core.ModelConnectionError)
        assert pickle.loads(pickle.dumps(failure)).partial == partial  # noqa: S301 - our own


def test_an_error_event_in_mid_stream_raises_and_keeps_what_came(scripted: ScriptedServer) -> None:
    scripted.script(sse_reply(delta("Half"), {"error": {"message": "overloaded", "code": 503}}, done=False))
    with pytest.raises(core.ModelAPIError, match="overloaded") as caught:
        list(qiniu(scripted).stream("Hi"))
    assert isinstance(caught.value.partial, AIMessageChunk)
    assert caught.value.partial.content == "Half"


@pytest.mark.parametrize("name", ["model", "model_name"])
def test_what_came_names_the_model_that_was_asked(scripted: ScriptedServer, name: str) -> None:
    scripted.script(sse_reply(delta("Half"), done=False))
    with pytest.raises(errors.StreamInterrupted) as caught:
        list(qiniu(scripted).stream("Hi", **{name: "another"}))
    assert caught.value.partial.response_metadata["model_name"] == "another"


async def test_a_stream_that_goes_silent_is_given_up(scripted: ScriptedServer) -> None:
    scripted.script(sse_reply(delta("Half"), b": ping\n\n", FOREVER))
    llm = qiniu(scripted, timeout=2)
    with pytest.raises(errors.TimedOut) as caught:
        list(llm.stream("Hi"))
    failures = [caught.value]
    with pytest.raises(errors.TimedOut) as caught:
        [chunk async for chunk in llm.astream("Hi")]
    failures.append(caught.value)
    for failure in failures:
        assert isinstance(failure, core.ModelTimeoutError)
        assert failure.partial.content == "Half"


def test_passing_failures_are_asked_again(scripted: ScriptedServer) -> None:
    good = json_reply({"choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}]})
    scripted.script(json_reply({}, 429, retry_after_ms="1"), json_reply({}, 503, retry_after_ms="1"), good)
    assert sophnet(scripted, max_retries=2).invoke("Hi").content == "Hello"
    assert len(scripted.seen) == 3


def test_nothing_answers_there() -> None:
    llm = ChatQiniu(model="m", api_key=KEY, base_url="http://127.0.0.1:9", max_retries=0)
    with pytest.raises(core.ModelConnectionError) as caught:
        llm.invoke("Hi")
    assert isinstance(caught.value, errors.ConnectionFailed)


def test_bad_input_is_refused_before_anything_is_sent(scripted: ScriptedServer) -> None:
    scripted.script(Reply(500))
    llm = sophnet(scripted)
    for wrong in (
        {"temperature": 3},
        {"stop": list("abcde")},
        {"top_logprobs": 3},
        {"model": ""},
        {"n": 0},
        {"max_tokens": 0},
        {"unsupported_params": "perhaps"},
        {"tool_choice": "any"},
    ):
        with pytest.raises(errors.InvalidInput) as caught:
            llm.invoke("Hi", **wrong)
        assert isinstance(caught.value, core.ModelInvalidRequestError)
    with pytest.raises(errors.InvalidInput, match="n must be 1"):
        list(llm.stream("Hi", n=2))
    with pytest.raises(errors.InvalidInput):
        llm.invoke([])
    assert not scripted.seen
