"""The eight ways to ask: what goes out, what comes back, in the sandbox and over scripted streams."""

from __future__ import annotations

import asyncio
import pickle
import threading
from typing import Any

import httpx
import pytest
from llama_index.core.base.llms.base import BaseLLM
from llama_index.core.base.llms.types import TextBlock, ThinkingBlock
from llama_index.core.llms import ChatMessage, ChatResponse, CompletionResponse
from llama_index.core.llms.function_calling import FunctionCallingLLM

from maaskit import APIError, BadRequest, InvalidInput, NotFound, StreamInterrupted, TimedOut, UnexpectedAnswer
from maaskit.llama_index import QiniuLLM, SophNetLLM
from tests.llama_index.ways import COMPLETIONS, END, USAGE, WAYS, ask, chunk, last, user, whole
from tests.scripted import FOREVER, Reply, ScriptedServer, json_reply, sse_reply
from tests.waiting import auntil


@pytest.mark.parametrize("kind", [QiniuLLM, SophNetLLM])
def test_the_classes_are_what_core_looks_for(kind: type) -> None:
    assert issubclass(kind, FunctionCallingLLM)
    assert BaseLLM.__name__ in [base.__name__ for base in kind.__mro__]
    assert kind.class_name() == kind.__name__


@pytest.mark.parametrize("way", WAYS)
def test_each_way_to_chat_gives_the_same_answer(llm: Any, way: str) -> None:
    response = last(llm, way, user("Repeat after me exactly: 七牛 and SophNet"), stream_usage=True)
    assert isinstance(response, ChatResponse)
    assert response.message.content == "七牛 and SophNet"
    assert response.message.role == "assistant"
    assert response.raw["choices"][0]["finish_reason"] == "stop"
    usage = response.raw["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"] > 0
    counted = {name: usage[name] for name in ("prompt_tokens", "completion_tokens", "total_tokens")}
    assert {name: response.additional_kwargs[name] for name in counted} == counted


@pytest.mark.parametrize("way", COMPLETIONS)
def test_each_way_to_complete_gives_the_same_answer(llm: Any, way: str) -> None:
    response = last(llm, way, "Repeat after me exactly: hello there", stream_usage=True)
    assert isinstance(response, CompletionResponse)
    assert response.text == "hello there"
    assert response.raw["usage"]["completion_tokens"] == response.additional_kwargs["completion_tokens"] > 0


@pytest.mark.parametrize("way", ["stream_chat", "astream_chat"])
def test_pieces_are_cumulative(llm: Any, way: str) -> None:
    pieces = ask(llm, way, user("Repeat after me exactly: one two three four five six seven eight nine ten"))
    assert len(pieces) > 2
    text = ""
    for piece in pieces:
        text += piece.delta
        assert piece.message.content == text
        assert sum(isinstance(block, TextBlock) for block in piece.message.blocks) == 1
    assert text == "one two three four five six seven eight nine ten"
    assert all("usage" not in piece.raw for piece in pieces[:-1])


def test_pieces_are_ordinary_responses(make_llm: Any) -> None:
    for piece in make_llm("sophnet", model="DeepSeek-R1").stream_chat(user("What is 12 + 30?")):
        message = piece.message
        made = ChatMessage(role=message.role, blocks=message.blocks, additional_kwargs=message.additional_kwargs)
        assert made == message
        assert (repr(made), made.model_dump()) == (repr(message), message.model_dump())
        assert ChatResponse.model_validate_json(piece.model_dump_json()) == piece == piece.model_copy(deep=True)
        assert pickle.loads(pickle.dumps(piece)) == piece  # noqa: S301 - our own bytes


@pytest.mark.parametrize("way", WAYS)
def test_reasoning_has_its_block_and_its_delta(make_llm: Any, way: str) -> None:
    llm = make_llm("sophnet", model="DeepSeek-R1")
    pieces = ask(llm, way, user("What is 12 + 30?"))
    thinking, text = pieces[-1].message.blocks
    assert isinstance(thinking, ThinkingBlock)
    assert isinstance(text, TextBlock)
    assert thinking.content
    assert thinking.num_tokens == pieces[-1].raw["usage"]["completion_tokens_details"]["reasoning_tokens"] > 0
    assert "42" in text.text
    assert text.text == pieces[-1].message.content
    if len(pieces) > 1:
        assert "".join(piece.additional_kwargs.get("thinking_delta", "") for piece in pieces) == thinking.content
        assert all(isinstance(piece.message.blocks[0], ThinkingBlock) for piece in pieces)


def test_completion_streams_carry_thinking_deltas(make_llm: Any) -> None:
    llm = make_llm("sophnet", model="DeepSeek-R1")
    pieces = list(llm.stream_complete("What is 12 + 30?"))
    assert any(piece.additional_kwargs.get("thinking_delta") for piece in pieces)
    assert "42" in pieces[-1].text


FIELDS = {
    "temperature": 0.5,
    "top_p": 0.9,
    "max_tokens": 50,
    "stop": ["###"],
    "seed": 7,
    "n": 1,
    "presence_penalty": 0.1,
    "frequency_penalty": 0.2,
    "logprobs": True,
    "top_logprobs": 2,
    "response_format": {"type": "text"},
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", [QiniuLLM, SophNetLLM])
def test_each_field_reaches_the_wire(scripted: ScriptedServer, scripted_llm: Any, kind: type, way: str) -> None:
    scripted.script(
        lambda seen: sse_reply(chunk({"content": "好"}), END) if seen.json.get("stream") else json_reply(whole())
    )
    llm = scripted_llm(kind, **FIELDS, extra_body={"watermark": False}, additional_kwargs={"user": "u1", "steps": 4})
    ask(llm, way, user("你好"))
    body = scripted.seen[0].json
    assert {name: body.get(name) for name in FIELDS} == FIELDS
    assert (body["watermark"], body["user"], body["steps"]) == (False, "u1", 4)
    assert body["messages"] == [{"role": "user", "content": "你好"}]
    assert scripted.seen[0].headers["authorization"].endswith("0123456789")


def test_nothing_is_sent_that_was_not_set(scripted: ScriptedServer, scripted_llm: Any) -> None:
    scripted.script(json_reply(whole()))
    scripted_llm(SophNetLLM).complete("你好")
    assert scripted.seen[0].json == {"messages": [{"role": "user", "content": "你好"}], "model": "deepseek-v3"}


def test_a_request_may_say_otherwise(scripted: ScriptedServer, scripted_llm: Any) -> None:
    scripted.script(json_reply(whole()))
    llm = scripted_llm(temperature=0.5, extra_body={"a": 1}, search=True)
    llm.chat(user("x"), temperature=0, model="deepseek-r1", stop="x", extra_body={"b": 2}, top_p=0.3)
    body = scripted.seen[0].json
    assert (body["temperature"], body["model"], body["stop"], body["a"], body["b"], body["top_p"]) == (
        0,
        "deepseek-r1?search",
        ["x"],
        1,
        2,
        0.3,
    )
    llm.chat(user("x"), temperature=None, search=False)
    assert "temperature" not in scripted.seen[1].json
    assert scripted.seen[1].json["model"] == "deepseek-v3"
    assert (llm.temperature, llm.model, llm.search) == (0.5, "deepseek-v3", True)


@pytest.mark.parametrize("kind", [QiniuLLM, SophNetLLM])
@pytest.mark.parametrize("way", ["chat", "astream_chat"])
@pytest.mark.parametrize(
    "wrong",
    [
        {"model": None},
        {"model": 5},
        {"replay_reasoning": "sometimes"},
        {"think_tags": "maybe"},
        {"timeout": -1},
        {"timeout": "soon"},
        {"max_retries": 1.5},
        {"unsupported_params": "ignore"},
        {"stream_usage": "perhaps"},
    ],
    ids=str,
)
def test_a_setting_of_one_request_is_checked_as_the_llms_own(
    scripted: ScriptedServer, scripted_llm: Any, kind: type, way: str, wrong: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput, match=next(iter(wrong))):
        ask(scripted_llm(kind), way, user("x"), **wrong)
    assert not scripted.seen


@pytest.mark.parametrize("way", [*WAYS, *COMPLETIONS])
def test_what_is_no_question_is_refused_unsent(scripted: ScriptedServer, scripted_llm: Any, way: str) -> None:
    wrong: Any = None if "complete" in way else [{"role": "user", "content": "x"}]
    with pytest.raises(InvalidInput, match="prompt must be a string" if "complete" in way else "ChatMessage"):
        ask(scripted_llm(), way, wrong)
    assert not scripted.seen


def test_a_request_may_not_bring_a_key(scripted_llm: Any) -> None:
    with pytest.raises(InvalidInput, match="api_key"):
        scripted_llm().chat(user("x"), api_key="another")


@pytest.mark.parametrize(("kind", "asked"), [(QiniuLLM, True), (SophNetLLM, False)])
def test_usage_is_asked_for_where_the_cloud_knows_how(
    scripted: ScriptedServer, scripted_llm: Any, kind: type, asked: bool
) -> None:
    scripted.script(sse_reply(chunk({"content": "好"}), END, USAGE))
    for settings, expected in (({}, asked), ({"stream_usage": True}, True), ({"stream_usage": False}, False)):
        response = last(scripted_llm(kind, **settings), "stream_chat", user("x"))
        assert ("stream_options" in scripted.seen[-1].json) is expected
        assert response.raw["usage"]["total_tokens"] == 7  # what comes unasked is read as well


@pytest.mark.parametrize(
    ("kind", "model", "written"),
    [
        (SophNetLLM, "GLM-4.5", {"thinking": {"type": "enabled"}}),
        (SophNetLLM, "Qwen3-235B-A22B", {"chat_template_kwargs": {"enable_thinking": True}}),
        (QiniuLLM, "qwen3-32b", {"enable_thinking": True}),
        (QiniuLLM, "deepseek-v3.1", {"thinking": {"type": "enabled"}}),
    ],
)
def test_thinking_is_switched_in_the_models_own_form(
    scripted: ScriptedServer, scripted_llm: Any, kind: type, model: str, written: dict[str, Any]
) -> None:
    scripted.script(json_reply(whole()))
    scripted_llm(kind, model=model, enable_thinking=True).complete("x")
    body = scripted.seen[0].json
    assert {
        name: body.get(name) for name in ("thinking", "chat_template_kwargs", "enable_thinking") if name in body
    } == written


def test_what_the_table_denies_follows_the_policy(scripted: ScriptedServer, scripted_llm: Any) -> None:
    scripted.script(json_reply(whole()))
    settings = {"model": "DeepSeek-R1", "temperature": 0.5}
    scripted_llm(SophNetLLM, **settings, unsupported_params="send").complete("x")
    scripted_llm(SophNetLLM, **settings, unsupported_params="drop").complete("x")
    assert [seen.json.get("temperature") for seen in scripted.seen] == [0.5, None]
    with pytest.raises(InvalidInput, match="temperature"):
        scripted_llm(SophNetLLM, **settings, unsupported_params="raise").complete("x")
    assert len(scripted.seen) == 2


def test_completion_to_prompt_and_formatted(scripted: ScriptedServer, scripted_llm: Any) -> None:
    scripted.script(json_reply(whole()))
    llm = scripted_llm(completion_to_prompt=lambda prompt: f"<<{prompt}>>", system_prompt="not for complete()")
    llm.complete("x")
    llm.complete("x", formatted=True)
    assert [seen.json["messages"] for seen in scripted.seen] == [
        [{"role": "user", "content": "<<x>>"}],
        [{"role": "user", "content": "x"}],
    ]


def test_system_prompt_goes_with_predict(scripted: ScriptedServer, scripted_llm: Any) -> None:
    from llama_index.core.prompts import PromptTemplate

    scripted.script(
        lambda seen: sse_reply(chunk({"content": "好"}), END) if seen.json.get("stream") else json_reply(whole())
    )
    llm = scripted_llm(system_prompt="Be brief.")
    prompt = PromptTemplate("{what}?")
    assert llm.predict(prompt, what="x") == "好"
    assert "".join(llm.stream(prompt, what="x")) == "好"

    async def main() -> tuple[str, str]:
        tokens = [token async for token in await llm.astream(prompt, what="x")]
        return await llm.apredict(prompt, what="x"), "".join(tokens)

    assert asyncio.run(main()) == ("好", "好")
    expected = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "x?"}]
    assert [seen.json["messages"] for seen in scripted.seen] == [expected] * 4


def test_refs_come_in_additional_kwargs(make_llm: Any, sandbox: Any) -> None:
    sandbox.variants.refs = "incremental"
    llm = make_llm("sophnet", model="Qwen2.5-72B-Instruct")
    prompt = (
        "Context information is below.\n---------------------\nfile_path: pay.md\n\nThe fee is 42 yuan a month. "
        "It is due on the first.\n---------------------\nGiven the context information and not prior knowledge, answer "
        "the query.\nQuery: How much is the fee?\nAnswer: "
    )
    found = [last(llm, way, user(prompt)) for way in WAYS]
    assert "42" in found[0].message.content
    refs = [response.additional_kwargs["refs"] for response in found]
    assert refs[0]
    assert refs[0] == refs[1] == refs[2] == refs[3]
    assert set(refs[0][0]) == {"index", "title", "content", "type", "url"}
    assert found[0].message.additional_kwargs["refs"] == refs[0]  # which memories keep
    assert llm.complete(prompt).additional_kwargs["refs"]


@pytest.mark.parametrize("way", WAYS)
def test_log_probabilities(make_llm: Any, way: str, cloud: str) -> None:
    llm = make_llm(cloud, model="Qwen2.5-72B-Instruct" if cloud == "sophnet" else "deepseek-v3")
    response = last(llm, way, user("Repeat after me exactly: one two three"), logprobs=True, top_logprobs=2)
    assert "".join(tokens[0].token for tokens in response.logprobs) == "one two three"
    assert all(len(tokens) <= 2 and tokens[0].logprob <= 0 for tokens in response.logprobs)


def test_several_answers_stay_in_raw(make_llm: Any) -> None:
    response = make_llm("qiniu", n=2).chat(user("Repeat after me exactly: twice"))
    assert response.message.content == "twice"
    assert len(response.raw["choices"]) == 2


@pytest.mark.parametrize("way", ["stream_chat", "astream_chat", "stream_complete", "astream_complete"])
def test_several_answers_are_not_streamed(scripted: ScriptedServer, scripted_llm: Any, way: str) -> None:
    with pytest.raises(InvalidInput, match="n must be 1"):
        ask(scripted_llm(n=2), way, "x" if "complete" in way else user("x"))
    assert not scripted.seen


@pytest.mark.parametrize("way", [*WAYS, *COMPLETIONS])
def test_a_refusal_is_an_error_of_our_tree(make_llm: Any, sandbox: Any, cloud: str, way: str) -> None:
    llm = make_llm(cloud, model="no-such-model")
    with pytest.raises(NotFound):
        ask(llm, way, "x" if "complete" in way else user("x"))
    assert len(sandbox.requests) == 1


@pytest.mark.parametrize("way", ["stream_chat", "astream_chat", "stream_complete", "astream_complete"])
def test_what_is_wrong_is_said_at_the_call_not_at_the_first_piece(
    scripted: ScriptedServer, scripted_llm: Any, way: str
) -> None:
    argument: Any = "x" if "complete" in way else user("x")
    method = getattr(scripted_llm(), way)
    with pytest.raises(InvalidInput, match="at most 4"):
        if way.startswith("a"):
            asyncio.run(method(argument, stop=list("abcde")))
        else:
            method(argument, stop=list("abcde"))
    assert not scripted.seen


BROKEN = [
    sse_reply(chunk({"reasoning_content": "why"}), chunk({"content": "half "}), chunk({"content": "an"}), done=False),
    Reply(
        200,
        {"content-type": "text/event-stream"},
        [*sse_reply(chunk({"reasoning_content": "why"}), chunk({"content": "half an"}), done=False).pieces],
        reset=True,
    ),
]


@pytest.mark.parametrize("reply", BROKEN, ids=["cut", "reset"])
@pytest.mark.parametrize("way", ["stream_chat", "astream_chat"])
def test_a_cut_stream_raises_with_what_came(
    scripted: ScriptedServer, scripted_llm: Any, way: str, reply: Reply
) -> None:
    scripted.script(reply)
    with pytest.raises(StreamInterrupted) as caught:
        ask(scripted_llm(), way, user("x"))
    partial = caught.value.partial
    assert isinstance(partial, ChatResponse)
    assert partial.message.content == "half an"
    assert partial.message.blocks[0].content == "why"
    assert partial.raw["choices"][0]["finish_reason"] is None


@pytest.mark.parametrize("way", ["stream_complete", "astream_complete"])
def test_a_cut_completion_holds_a_completion(scripted: ScriptedServer, scripted_llm: Any, way: str) -> None:
    scripted.script(BROKEN[0])
    with pytest.raises(StreamInterrupted) as caught:
        ask(scripted_llm(), way, "x")
    assert isinstance(caught.value.partial, CompletionResponse)
    assert caught.value.partial.text == "half an"


@pytest.mark.parametrize("way", ["stream_chat", "astream_chat"])
def test_an_error_in_mid_stream_raises_with_what_came(scripted: ScriptedServer, scripted_llm: Any, way: str) -> None:
    scripted.script(sse_reply(chunk({"content": "half"}), {"error": {"message": "overloaded", "code": 503}}))
    with pytest.raises(APIError, match="overloaded") as caught:
        ask(scripted_llm(), way, user("x"))
    assert isinstance(caught.value.partial, ChatResponse)
    assert caught.value.partial.message.content == "half"


@pytest.mark.parametrize("way", ["stream_chat", "astream_chat"])
def test_what_cannot_be_read_in_mid_stream_raises_with_what_came(
    scripted: ScriptedServer, scripted_llm: Any, way: str
) -> None:
    scripted.script(sse_reply(chunk({"content": "half"}), b"<html>gateway</html>\n\n"))
    with pytest.raises(UnexpectedAnswer) as caught:
        ask(scripted_llm(), way, user("x"))
    assert isinstance(caught.value.partial, ChatResponse)
    assert caught.value.partial.message.content == "half"


def test_an_error_under_http_200_raises(scripted: ScriptedServer, scripted_llm: Any) -> None:
    scripted.script(json_reply({"status": 10042, "message": "model is busy", "result": None}))
    with pytest.raises(APIError, match="busy"):
        scripted_llm(SophNetLLM).complete("x")


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'{"choices": []}', b"[1]", b""])
def test_an_unreadable_answer_raises(scripted: ScriptedServer, scripted_llm: Any, body: bytes) -> None:
    scripted.script(Reply(200, {"content-type": "application/json"}, [body]))
    with pytest.raises((UnexpectedAnswer, APIError)):
        scripted_llm(max_retries=0).complete("x")


@pytest.mark.parametrize("way", ["stream_chat", "astream_chat"])
def test_the_first_piece_does_not_wait_for_the_last(scripted: ScriptedServer, scripted_llm: Any, way: str) -> None:
    scripted.script(sse_reply(chunk({"content": "a"}), FOREVER))
    llm = scripted_llm()

    async def first() -> Any:
        pieces = await llm.astream_chat(user("x"))
        piece = await anext(pieces)
        await pieces.aclose()
        return piece

    if way == "astream_chat":
        piece = asyncio.run(first())
    else:
        pieces = llm.stream_chat(user("x"))
        piece = next(pieces)
        pieces.close()
    assert piece.delta == "a"
    assert scripted.disconnected.wait(30)


@pytest.mark.parametrize("way", ["stream_chat", "astream_chat", "stream_complete", "astream_complete"])
def test_leaving_a_stream_closes_its_socket(scripted: ScriptedServer, scripted_llm: Any, way: str) -> None:
    scripted.script(sse_reply(chunk({"content": "a"}), FOREVER))
    llm = scripted_llm()
    argument: Any = "x" if "complete" in way else user("x")

    async def leave() -> None:
        async for _ in await getattr(llm, way)(argument):
            break

    if way.startswith("a"):
        asyncio.run(leave())
    else:
        for _ in getattr(llm, way)(argument):
            break
    assert scripted.disconnected.wait(30)


@pytest.mark.parametrize("way", ["astream_chat", "astream_complete"])
def test_streams_that_are_left_at_the_end_of_a_loop_close_quietly(
    scripted: ScriptedServer, scripted_llm: Any, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    scripted.script(sse_reply(chunk({"content": "a"}), FOREVER))
    llm = scripted_llm()
    left: list[Any] = []

    async def leave() -> None:
        for _ in range(5):
            pieces = await getattr(llm, way)("x" if "complete" in way else user("x"))
            await anext(pieces)
            left.append(pieces)

    asyncio.run(leave())  # which closes all of its generators at once
    assert scripted.disconnected.wait(30)
    assert not caplog.records


def test_an_error_in_the_middle_of_a_stream_leaves_nothing_behind(
    scripted: ScriptedServer, scripted_llm: Any, caplog: pytest.LogCaptureFixture
) -> None:
    scripted.script(sse_reply(chunk({"content": "a"}), chunk({"content": "b"}), END))

    async def fail() -> None:
        async for _ in await scripted_llm().astream_chat(user("x")):
            raise ValueError("the caller's own")

    with pytest.raises(ValueError, match="own"):
        asyncio.run(fail())
    assert not caplog.records


def test_cancelling_closes_the_socket(scripted: ScriptedServer, scripted_llm: Any) -> None:
    scripted.script(Reply(200, {"content-type": "application/json"}, [FOREVER]))
    llm = scripted_llm()

    async def main() -> None:
        task = asyncio.create_task(llm.achat(user("x")))
        await auntil(lambda: scripted.seen)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert scripted.disconnected.wait(30)


@pytest.mark.parametrize("way", ["stream_chat", "astream_chat"])
def test_characters_cut_by_tcp_stay_whole(scripted: ScriptedServer, scripted_llm: Any, way: str) -> None:
    text = "七牛云🚀很好"
    data = b"".join(piece for piece in sse_reply(chunk({"content": text}), END).pieces if isinstance(piece, bytes))
    scripted.script(Reply(200, {"content-type": "text/event-stream"}, [data[i : i + 1] for i in range(len(data))]))
    assert last(scripted_llm(), way, user("x")).message.content == text


@pytest.mark.parametrize("way", ["stream_chat", "astream_chat"])
def test_odd_streams(scripted: ScriptedServer, scripted_llm: Any, way: str) -> None:
    scripted.script(
        sse_reply(
            {"choices": []},
            chunk({"role": "assistant"}),
            chunk({"role": None, "content": None}),
            {"choices": [{"index": 0, "delta": None, "finish_reason": None}]},
            b": keep-alive\n\n",
            chunk({"content": "好", "role": None}),
            chunk({"content": None}, "stop"),
            {"choices": [], "usage": None},
            space=False,
            done=False,
        )
    )
    pieces = ask(scripted_llm(), way, user("x"))
    assert [piece.delta for piece in pieces] == ["好", ""]
    assert pieces[-1].raw["usage"] is None


def test_null_counts_do_not_break_token_counters(scripted: ScriptedServer, scripted_llm: Any) -> None:
    from llama_index.core.callbacks.token_counting import get_tokens_from_response

    usage = {"prompt_tokens": 5, "completion_tokens": None, "total_tokens": 9}
    scripted.script(json_reply({**whole(), "usage": usage}))
    assert get_tokens_from_response(scripted_llm().chat(user("x"))) == (5, 4)


@pytest.mark.parametrize("way", WAYS)
def test_a_declined_answer_says_so_and_is_remembered(scripted: ScriptedServer, scripted_llm: Any, way: str) -> None:
    stream = sse_reply(chunk({"role": "assistant", "refusal": "I "}), chunk({"refusal": "will not."}), END)
    answer = json_reply(whole(None, refusal="I will not."))
    scripted.script(lambda seen: stream if seen.json.get("stream") else answer)
    llm = scripted_llm()
    response = last(llm, way, user("x"))
    assert response.message.additional_kwargs["refusal"] == "I will not."
    assert response.raw["choices"][0]["message"]["refusal"] == "I will not."
    assert "refusal" not in response.raw
    remembered = ChatMessage.model_validate_json(response.message.model_dump_json())
    ask(llm, way, [*user("x"), remembered, *user("why?")])
    assert scripted.seen[-1].json["messages"][1] == {"role": "assistant", "content": "I will not."}


@pytest.mark.parametrize("way", WAYS)
def test_an_answer_in_the_reasoning_alone(scripted: ScriptedServer, scripted_llm: Any, way: str) -> None:
    stream = sse_reply(chunk({"reasoning_content": "It is "}), chunk({"reasoning_content": "42."}), END)
    answer = json_reply(whole("", reasoning_content="It is 42."))
    scripted.script(lambda seen: stream if seen.json.get("stream") else answer)
    assert last(scripted_llm(), way, user("x")).message.content == ""
    pieces = ask(scripted_llm(reasoning_as_answer=True), way, user("x"))
    assert pieces[-1].message.content == "It is 42."
    if len(pieces) > 1:
        assert "".join(piece.delta for piece in pieces) == "It is 42."


@pytest.mark.parametrize("way", WAYS)
def test_reasoning_does_not_stand_in_for_text_calls_or_a_cut_answer(
    scripted: ScriptedServer, scripted_llm: Any, way: str
) -> None:
    llm = scripted_llm(reasoning_as_answer=True)
    for message, finish_reason, content in (
        ({"content": "text", "reasoning_content": "why"}, "stop", "text"),
        ({"content": "", "reasoning_content": "why"}, "length", ""),
    ):
        stream = sse_reply(chunk(message), chunk({}, finish_reason))
        answer = json_reply(whole(finish_reason=finish_reason, **message))
        scripted.script(lambda seen, stream=stream, answer=answer: stream if seen.json.get("stream") else answer)
        assert last(llm, way, user("x")).message.content == content


@pytest.mark.parametrize("way", WAYS)
def test_think_tags(scripted: ScriptedServer, scripted_llm: Any, way: str) -> None:
    text = "<think>\nlet me see\n</think>\n\nIt is 42."
    stream = sse_reply(*[chunk({"content": text[i : i + 3]}) for i in range(0, len(text), 3)], END)
    scripted.script(lambda seen: stream if seen.json.get("stream") else json_reply(whole(text)))
    assert last(scripted_llm(), way, user("x")).message.content == text
    pieces = ask(scripted_llm(think_tags=True), way, user("x"))
    thinking, answer = pieces[-1].message.blocks
    assert (thinking.content, answer.text) == ("let me see", "It is 42.")
    if len(pieces) > 1:
        assert "".join(piece.delta for piece in pieces) == "It is 42."
        assert "".join(piece.additional_kwargs.get("thinking_delta", "") for piece in pieces) == "let me see"


def test_time_out(scripted: ScriptedServer, scripted_llm: Any) -> None:
    scripted.script(Reply(200, {"content-type": "application/json"}, [FOREVER]))
    with pytest.raises(TimedOut):
        scripted_llm(timeout=0.2, max_retries=0).complete("x")


def test_clients_of_the_users_own(scripted: ScriptedServer, scripted_llm: Any) -> None:
    scripted.script(json_reply(whole()))
    with httpx.Client(headers={"x-mine": "sync"}) as client:
        llm = scripted_llm(http_client=client, default_headers={"x-more": "1"})
        llm.complete("x")

    async def main() -> None:
        async with httpx.AsyncClient(headers={"x-mine": "async"}) as own:
            await scripted_llm(http_async_client=own).acomplete("x")

    asyncio.run(main())
    assert [seen.headers["x-mine"] for seen in scripted.seen] == ["sync", "async"]
    assert scripted.seen[0].headers["x-more"] == "1"


def test_three_loops_and_no_warning(scripted: ScriptedServer, scripted_llm: Any) -> None:
    scripted.script(json_reply(whole()))
    llm = scripted_llm(max_retries=0)
    for _ in range(3):
        assert asyncio.run(llm.acomplete("x")).text == "好"
    assert len(scripted.seen) == 3


def test_threads(scripted: ScriptedServer, scripted_llm: Any) -> None:
    scripted.script(sse_reply(chunk({"content": "a"}), chunk({"content": "b"}), END))
    llm = scripted_llm()
    found: list[str] = []

    def work() -> None:
        for _ in range(5):
            found.append(last(llm, "stream_chat", user("x")).message.content)
            found.append(asyncio.run(llm.achat(user("x"), stream_usage=True)).message.content)

    scripted.script(
        lambda seen: sse_reply(chunk({"content": "ab"}), END) if seen.json.get("stream") else json_reply(whole("ab"))
    )
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == ["ab"] * 40


def test_connections_are_reused(scripted: ScriptedServer, scripted_llm: Any) -> None:
    scripted.script(json_reply(whole()))
    llm = scripted_llm()
    for _ in range(5):
        llm.complete("x")

    async def main() -> None:
        for _ in range(5):
            await llm.acomplete("x")

    asyncio.run(main())
    assert len({seen.connection for seen in scripted.seen[:5]}) == 1
    assert len({seen.connection for seen in scripted.seen[5:]}) == 1


def test_bad_requests_are_told(make_llm: Any, cloud: str) -> None:
    broken = [ChatMessage(role="user", content="x")]
    with pytest.raises(BadRequest):
        make_llm(cloud).chat(broken, extra_body={"messages": []})
