"""Answers of both clouds as messages, chunks, blocks and events, from well-made and from odd wires."""

from __future__ import annotations

import json
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.callbacks import get_usage_metadata_callback
from langchain_core.load import dumpd, load
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, message_chunk_to_message
from langchain_core.outputs import ChatGeneration
from langchain_tests.utils.stream_lifecycle import assert_valid_event_stream

from maaskit.langchain import ChatQiniu, ChatSophNet
from tests.scripted import ScriptedServer, json_reply, sse_reply

KEY = "a-key-that-nobody-may-see"
REF = {"index": 1, "title": "手册", "content": "第三章", "type": "web", "url": "https://e.x/3"}
USAGE = {
    "prompt_tokens": 20,
    "completion_tokens": 9,
    "total_tokens": 29,
    "prompt_tokens_details": {"cached_tokens": 16},
    "completion_tokens_details": {"reasoning_tokens": 4},
}
COUNTED = {
    "input_tokens": 20,
    "output_tokens": 9,
    "total_tokens": 29,
    "input_token_details": {"cache_read": 16},
    "output_token_details": {"reasoning": 4},
}
BLOCKS = [
    {"type": "reasoning", "reasoning": "Think. Think again."},
    {
        "type": "text",
        "text": "Hello there",
        "annotations": [
            {
                "type": "citation",
                "url": "https://e.x/3",
                "title": "手册",
                "cited_text": "第三章",
                "extras": {"index": 1, "type": "web"},
            }
        ],
    },
    {"type": "tool_call", "id": "c1", "name": "f", "args": {"城": "上海"}},
    {"type": "tool_call", "id": "c2", "name": "g", "args": {}},
]


def event(delta: dict[str, Any] | None = None, finish_reason: str | None = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta or {}, "finish_reason": finish_reason, **more.pop("choice", {})}
    return {"id": "chat-1", "model": "the-model", "created": 1, "choices": [choice], **more}


def call(index: int | None, call_id: str | None, name: str | None, arguments: str | None) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    fragment: dict[str, Any] = {"type": "function", "function": {k: v for k, v in function.items() if v is not None}}
    if index is not None:
        fragment["index"] = index
    if call_id is not None:
        fragment["id"] = call_id
    return fragment


EVENTS = [
    event({"role": "assistant", "content": ""}),
    event({"reasoning_content": "Think. "}),
    event({"reasoning_content": "Think again.", "content": "Hel"}),  # both at once
    event({"content": "lo"}),
    event({"content": " there", "tool_calls": [call(0, "c1", "f", '{"城"')]}),  # text and a call at once
    event({"tool_calls": [call(0, None, None, ': "上海"}'), call(1, "c2", "g", "")]}),  # two calls at once
    event({"tool_calls": [call(1, None, None, "{}")]}, choice={"refs": [REF]}),
    event(finish_reason="tool_calls", choice={"refs": [REF]}),
    {"id": "chat-1", "choices": [], "usage": USAGE},
]
WHOLE = {
    "id": "chat-1",
    "model": "the-model",
    "system_fingerprint": "fp",
    "choices": [
        {
            "index": 0,
            "finish_reason": "tool_calls",
            "refs": [REF],
            "message": {
                "role": "assistant",
                "reasoning_content": "Think. Think again.",
                "content": "Hello there",
                "tool_calls": [call(0, "c1", "f", '{"城": "上海"}'), call(1, "c2", "g", "")],
            },
        }
    ],
    "usage": USAGE,
}

Model = ChatSophNet | ChatQiniu


@pytest.fixture(params=[ChatSophNet, ChatQiniu])
def make(request: pytest.FixtureRequest, scripted: ScriptedServer) -> Callable[..., Model]:
    def made(**fields: Any) -> Model:
        return request.param(**{"model": "m", "api_key": KEY, "base_url": scripted.url, "max_retries": 0, **fields})

    return made


def added(chunks: list[AIMessageChunk]) -> AIMessageChunk:
    whole = chunks[0] + chunks[1:]
    assert isinstance(whole, AIMessageChunk)
    one_by_one = chunks[0]
    for chunk in chunks[1:]:
        one_by_one += chunk
    assert one_by_one == whole
    return whole


async def every_way(llm: Model) -> list[AIMessageChunk]:
    """Stream synchronously and asynchronously, see that both give the same, and add the pieces up."""
    first = added(list(llm.stream("Hi")))
    second = added([chunk async for chunk in llm.astream("Hi")])
    second.id = first.id
    assert first == second
    return [first, second]


def bare(blocks: Any) -> list[dict[str, Any]]:
    return [{name: value for name, value in block.items() if name != "index"} for block in blocks]


def check_message(message: AIMessage, provider: str) -> None:
    assert message.text == "Hello there"
    assert message.additional_kwargs["reasoning_content"] == "Think. Think again."
    assert message.usage_metadata == COUNTED
    assert [(made["name"], made["args"], made["id"]) for made in message.tool_calls] == [
        ("f", {"城": "上海"}, "c1"),
        ("g", {}, "c2"),
    ]
    assert not message.invalid_tool_calls
    told = message.response_metadata
    assert told["model_provider"] == provider
    assert told["model_name"] == "the-model"
    assert told["finish_reason"] == "tool_calls"
    assert told["refs"] == [REF]
    assert told["id"] == "chat-1"
    assert bare(message.content_blocks) == BLOCKS
    assert message.id is not None
    assert message.id.startswith("lc_run--")


async def test_a_whole_answer(make: Callable[..., Model], scripted: ScriptedServer) -> None:
    scripted.script(json_reply(WHOLE))
    llm = make()
    for message in (llm.invoke("Hi"), await llm.ainvoke("Hi")):
        assert message.content == "Hello there"
        check_message(message, llm.provider_name)
        assert message.response_metadata["system_fingerprint"] == "fp"
        assert message.response_metadata["token_usage"] == USAGE


async def test_a_streamed_answer(make: Callable[..., Model], scripted: ScriptedServer) -> None:
    scripted.script(sse_reply(*EVENTS))
    llm = make()
    for whole in await every_way(llm):
        check_message(whole, llm.provider_name)
        assert isinstance(whole.content, str)
        assert whole.chunk_position == "last"
        message = message_chunk_to_message(whole)
        assert isinstance(message, AIMessage)
        check_message(message, llm.provider_name)


async def test_streaming_makes_invoke_stream(make: Callable[..., Model], scripted: ScriptedServer) -> None:
    scripted.script(sse_reply(*EVENTS))
    llm = make(streaming=True)
    for message in (llm.invoke("Hi"), await llm.ainvoke("Hi")):
        check_message(message, llm.provider_name)
    assert all(seen.json["stream"] is True for seen in scripted.seen)


async def test_each_chunk_holds_one_kind_and_names_the_provider(
    make: Callable[..., Model], scripted: ScriptedServer
) -> None:
    scripted.script(sse_reply(*EVENTS))
    llm = make()
    chunks = list(llm.stream("Hi"))
    for chunk in chunks:
        assert chunk.response_metadata["model_provider"] == llm.provider_name
        kinds = [bool(chunk.content), bool(chunk.additional_kwargs), bool(chunk.tool_call_chunks)]
        assert sum(kinds) <= 1
        assert len({block["type"] for block in chunk.content_blocks}) <= 1 or chunk.chunk_position == "last"
        assert all(str(block["index"]).startswith("lc_") for block in chunk.content_blocks)
    assert [chunk.chunk_position for chunk in chunks].count("last") == 1
    assert chunks[-1].chunk_position == "last"
    assert len({chunk.id for chunk in chunks}) == 1
    for once in ("finish_reason", "model_name", "refs", "id"):
        assert sum(once in chunk.response_metadata for chunk in chunks) == 1
    assert sum(chunk.usage_metadata is not None for chunk in chunks) == 1


async def test_v1_content(make: Callable[..., Model], scripted: ScriptedServer) -> None:
    scripted.script(sse_reply(*EVENTS))
    llm = make(output_version="v1")
    for whole in await every_way(llm):
        assert bare(whole.content) == BLOCKS
        assert whole.content == whole.content_blocks
        assert len(whole.tool_calls) == 2
        assert whole.usage_metadata == COUNTED
    scripted.script(json_reply(WHOLE))
    message = llm.invoke("Hi")
    assert message.content == BLOCKS
    check_message(message, llm.provider_name)


@pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")
async def test_v3_events(make: Callable[..., Model], scripted: ScriptedServer) -> None:
    scripted.script(sse_reply(*EVENTS))
    llm = make()
    stream = llm.stream_events("Hi", version="v3")
    events = list(stream)
    assert_valid_event_stream(events)
    outputs = [stream.output]
    astream = await llm.astream_events("Hi", version="v3")
    assert_valid_event_stream([told async for told in astream])
    outputs.append(await astream.output)
    for output in outputs:
        assert bare(output.content) == BLOCKS
        assert [(made["name"], made["args"]) for made in output.tool_calls] == [("f", {"城": "上海"}), ("g", {})]
        assert output.usage_metadata == COUNTED
        assert output.response_metadata["refs"] == [REF]
        assert output.additional_kwargs["reasoning_content"] == "Think. Think again."


@pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")
def test_blocks_survive_pickle_dumps_and_a_copy(make: Callable[..., Model], scripted: ScriptedServer) -> None:
    scripted.script(json_reply(WHOLE))
    message = make().invoke("Hi")
    for again in (
        pickle.loads(pickle.dumps(message)),  # noqa: S301 - our own
        load(dumpd(message), allowed_objects="messages"),
        message.model_copy(deep=True),
    ):
        assert again == message
        assert bare(again.content_blocks) == BLOCKS


# --- odd wires -----------------------------------------------------------------------------------------------------


def calls_of(message: AIMessage) -> list[tuple[str, Any]]:
    return [(made["name"], made["args"]) for made in message.tool_calls]


@pytest.mark.parametrize(
    "deltas",
    [
        [[call(None, "c1", "f", '{"a"')], [call(None, None, None, ": 1}")]],
        [[call(0, "c1", "f", '{"a"')], [call(0, "c1", "f", ": 1}")]],
        [[call(0, "c1", "f", '{"a"')], [call(0, "", "", ": 1}")]],
    ],
    ids=["no index", "all repeated", "empty strings"],
)
async def test_fragments_of_one_call(
    make: Callable[..., Model], scripted: ScriptedServer, deltas: list[list[dict[str, Any]]]
) -> None:
    events = [event({"tool_calls": fragments}) for fragments in deltas]
    scripted.script(sse_reply(*events, event(finish_reason="tool_calls")))
    for whole in await every_way(make()):
        assert calls_of(whole) == [("f", {"a": 1})]
        assert whole.tool_calls[0]["id"] == "c1"
        assert not whole.invalid_tool_calls


async def test_calls_that_share_an_index(make: Callable[..., Model], scripted: ScriptedServer) -> None:
    deltas = [[call(0, "c1", "f", '{"a": 1}')], [call(0, "c2", "g", '{"b"')], [call(0, None, None, ": 2}")]]
    events = [event({"tool_calls": fragments}) for fragments in deltas]
    scripted.script(sse_reply(*events, event(finish_reason="tool_calls")))
    for whole in await every_way(make()):
        assert calls_of(whole) == [("f", {"a": 1}), ("g", {"b": 2})]
    v1 = added(list(make(output_version="v1").stream("Hi")))
    assert [block["name"] for block in v1.content_blocks] == ["f", "g"]


def test_a_call_without_an_id_gets_one(make: Callable[..., Model], scripted: ScriptedServer) -> None:
    scripted.script(sse_reply(event({"tool_calls": [call(0, None, "f", "{}")]}), event(finish_reason="tool_calls")))
    for llm in (make(), make(output_version="v1")):
        whole = added(list(llm.stream("Hi")))
        assert whole.tool_calls[0]["id"]
        assert whole.content_blocks[-1] == {
            "type": "tool_call",
            "name": "f",
            "args": {},
            "id": whole.tool_calls[0]["id"],
        }


@pytest.mark.parametrize("arguments", ["", "{}", "null", None])
async def test_a_call_without_arguments(make: Callable[..., Model], scripted: ScriptedServer, arguments: Any) -> None:
    scripted.script(sse_reply(event({"tool_calls": [call(0, "c1", "now", arguments)]}), event({}, "tool_calls")))
    answers = await every_way(make())
    message = {"content": "", "tool_calls": [call(0, "c1", "now", arguments)]}
    scripted.script(json_reply({"choices": [{"message": message, "finish_reason": "tool_calls"}]}))
    for answer in (*answers, make().invoke("Hi")):
        assert [(one["name"], one["args"], one["id"]) for one in answer.tool_calls] == [("now", {}, "c1")]
        assert not answer.invalid_tool_calls


@pytest.mark.parametrize(
    "arguments",
    [
        '{"path": "/etc',
        '{"path": "/etc/me"',
        '{"path": ["/etc"',
        '{"path": "a\\',
        "{'a': 1}",
        '{"a": 1} and more',
        "[1]",
    ],
)
@pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")
async def test_arguments_that_were_cut_off_are_never_guessed(
    make: Callable[..., Model], scripted: ScriptedServer, arguments: str
) -> None:
    fragments = [event({"tool_calls": [call(0, "c1", "rm", arguments)]})]
    scripted.script(sse_reply(*fragments, event({}, "length"), done=True))
    for whole in [*await every_way(make()), *await every_way(make(output_version="v1"))]:
        assert not whole.tool_calls
        assert whole.invalid_tool_calls[0]["name"] == "rm"
        assert whole.invalid_tool_calls[0]["args"].startswith(arguments)
        # What core adds up in v1 content by itself keeps the name of a piece.
        assert whole.content_blocks[-1]["type"] in ("invalid_tool_call", "tool_call_chunk")
    stream = make().stream_events("Hi", version="v3")
    assert not stream.output.tool_calls

    message = {"content": "", "tool_calls": [call(0, "c1", "rm", arguments)]}
    scripted.script(json_reply({"choices": [{"message": message, "finish_reason": "length"}]}))
    answer = make().invoke("Hi")
    assert not answer.tool_calls
    assert answer.invalid_tool_calls[0]["args"] == arguments
    assert answer.invalid_tool_calls[0]["error"]
    for blocks in (answer.content_blocks, make(output_version="v1").invoke("Hi").content):
        assert blocks == [answer.invalid_tool_calls[0]]


async def test_a_usage_that_grows_is_not_added_up(make: Callable[..., Model], scripted: ScriptedServer) -> None:
    growing = [
        event({"content": "a"}, usage={"prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 6}),
        event({"content": "b"}, usage={"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}),
        event({}, "stop", usage={"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}),
    ]
    scripted.script(sse_reply(*growing))
    for whole in await every_way(make()):
        assert whole.usage_metadata == {"input_tokens": 5, "output_tokens": 3, "total_tokens": 8}


async def test_the_documents_own_stream(scripted: ScriptedServer) -> None:
    # sophnet-api, 响应示例 流式: no id, no usage, null roles, no space after `data:`, no [DONE]
    def piece(content: str | None, role: str | None, finish_reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": {"content": content, "role": role}, "finish_reason": finish_reason}
        return {
            "object": "chat.completion.chunk",
            "created": 1724651635,
            "model": "Qwen/Qwen2.5-72B-Instruct",
            "choices": [choice],
        }

    pieces = [piece("我可以", "assistant"), piece("提供", None), piece("智能问答", None), piece(None, None, "stop")]
    scripted.script(sse_reply(*pieces, space=False, done=False))
    llm = ChatSophNet(model="Qwen2.5-72B-Instruct", api_key=KEY, base_url=scripted.url)
    for whole in await every_way(llm):
        assert whole.content == "我可以提供智能问答"
        assert whole.usage_metadata is None
        assert whole.response_metadata == {
            "model_provider": "sophnet",
            "model_name": "Qwen/Qwen2.5-72B-Instruct",
            "finish_reason": "stop",
        }


async def test_an_empty_answer_is_an_answer(make: Callable[..., Model], scripted: ScriptedServer) -> None:
    scripted.script(sse_reply(event({"role": "assistant", "content": ""}), event({}, "stop")))
    for whole in await every_way(make()):
        assert whole.content == ""
        assert whole.content_blocks == []


async def test_logprobs(make: Callable[..., Model], scripted: ScriptedServer) -> None:
    def probed(text: str, probability: float) -> dict[str, Any]:
        told = {
            "content": [{"token": text, "logprob": probability, "bytes": None, "top_logprobs": []}],
            "refusal": None,
        }
        return event({"content": text}, choice={"logprobs": told})

    scripted.script(sse_reply(probed("a", -0.5), probed("b", -0.25), event({}, "stop")))
    llm = make(logprobs=True, top_logprobs=2)
    for whole in await every_way(llm):
        told = whole.response_metadata["logprobs"]["content"]
        assert [(entry["token"], entry["logprob"]) for entry in told] == [("a", -0.5), ("b", -0.25)]
    assert scripted.seen[0].json["top_logprobs"] == 2
    logprobs = {"content": [{"token": "a", "logprob": -0.5}]}
    scripted.script(
        json_reply({"choices": [{"message": {"content": "a"}, "finish_reason": "stop", "logprobs": logprobs}]})
    )
    assert llm.invoke("Hi").response_metadata["logprobs"] == logprobs


async def test_a_refusal(make: Callable[..., Model], scripted: ScriptedServer) -> None:
    scripted.script(sse_reply(event({"refusal": "I will "}), event({"refusal": "not."}), event({}, "stop")))
    for whole in [*await every_way(make()), *await every_way(make(output_version="v1"))]:
        assert whole.additional_kwargs["refusal"] == "I will not."
        block = whole.content_blocks[0]
        assert "refusal" in (block["type"], block.get("value", {}).get("type"))
    scripted.script(
        json_reply({"choices": [{"message": {"content": None, "refusal": "No."}, "finish_reason": "stop"}]})
    )
    assert make().invoke("Hi").additional_kwargs["refusal"] == "No."


async def test_fields_that_no_document_describes_stay_readable(
    make: Callable[..., Model], scripted: ScriptedServer
) -> None:
    extras = {"search_results": [{"index": 1, "link": "https://e.x"}]}
    scripted.script(sse_reply(event({"content": "a"}, **extras), event({}, "stop")))
    for whole in await every_way(make()):
        assert whole.response_metadata["extras"] == extras
    scripted.script(json_reply({**WHOLE, **extras}))
    assert make().invoke("Hi").response_metadata["extras"] == extras


def test_several_answers_to_one_question(make: Callable[..., Model], scripted: ScriptedServer) -> None:
    choices = [{"index": n, "message": {"content": text}, "finish_reason": "stop"} for n, text in enumerate("ab")]
    scripted.script(json_reply({"id": "1", "model": "m", "choices": choices, "usage": USAGE}))
    result = make(n=2).generate([[HumanMessage("Hi")]])
    generations = result.generations[0]
    assert [generation.text for generation in generations] == ["a", "b"]
    messages = [generation.message for generation in generations if isinstance(generation, ChatGeneration)]
    assert [message.usage_metadata is not None for message in messages] == [True, False]
    assert len({message.id for message in messages}) == 2
    assert scripted.seen[0].json["n"] == 2
    assert result.llm_output is not None
    assert result.llm_output["token_usage"]["total_tokens"] == 29


def test_token_usage_of_a_batch_is_added_up(make: Callable[..., Model], scripted: ScriptedServer) -> None:
    scripted.script(json_reply(WHOLE))
    result = make().generate([[HumanMessage("Hi")], [HumanMessage("Ho")]])
    assert result.llm_output is not None
    assert result.llm_output["token_usage"]["total_tokens"] == 58
    assert result.llm_output["token_usage"]["completion_tokens_details"] == {"reasoning_tokens": 8}


def test_usage_is_collected_by_langchain_s_own_callback(make: Callable[..., Model], scripted: ScriptedServer) -> None:
    with get_usage_metadata_callback() as collected:
        scripted.script(json_reply(WHOLE))
        make().invoke("Hi")
        scripted.script(sse_reply(*EVENTS))
        list(make().stream("Hi"))
    assert collected.usage_metadata["the-model"]["total_tokens"] == 58


def test_a_message_of_ours_is_json_safe(make: Callable[..., Model], scripted: ScriptedServer) -> None:
    scripted.script(json_reply(WHOLE))
    message = make().invoke("Hi")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert json.loads(message.model_dump_json())["response_metadata"]["refs"] == [REF]
