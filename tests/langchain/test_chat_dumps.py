"""Dumps, traces, caches and copies of the chat models: complete where answers depend on them, and without secrets."""

from __future__ import annotations

import copy
import json
import logging
import pickle
from typing import Any

import httpx
import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.load import dumpd, dumps, load
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tracers.base import BaseTracer
from langchain_core.tracers.schemas import Run

from maaskit.errors import InvalidInput, MaasError
from maaskit.langchain import ChatQiniu, ChatSophNet
from maaskit.sandbox import Sandbox
from tests.scripted import ScriptedServer, json_reply, sse_reply

KEY = "a-key-that-nobody-may-see"
SECRET = "another-secret-of-the-user"
HELLO = {"choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}]}
PIECES = [{"choices": [{"index": 0, "delta": {"content": "Hello"}, "finish_reason": "stop"}]}]

Model = ChatSophNet | ChatQiniu


@pytest.fixture(params=[ChatSophNet, ChatQiniu])
def cloud(request: pytest.FixtureRequest) -> Any:
    return request.param


class Recorder(BaseTracer):
    """Keeps all that a tracer is told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []

    def _persist_run(self, run: Run) -> None:
        self.told.append(run.json())
        self.told.append(repr(vars(run)))


class Listener(BaseCallbackHandler):
    """Keeps all that a callback is told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.tokens: list[Any] = []

    def on_chat_model_start(self, serialized: Any, messages: Any, **kwargs: Any) -> None:
        self.told.append(json.dumps([serialized, kwargs], default=repr) + repr((serialized, messages, kwargs)))

    def on_llm_new_token(self, token: Any, **kwargs: Any) -> None:
        self.tokens.append((token, kwargs["chunk"]))

    def on_llm_error(self, error: BaseException, **kwargs: Any) -> None:
        self.told.append(repr(error) + repr(vars(error)) + repr(kwargs))

    def on_llm_end(self, response: Any, **kwargs: Any) -> None:
        self.told.append(repr(response) + repr(kwargs))


@pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")
def test_a_dump_is_complete_and_without_the_key(cloud: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    llm = cloud(model="m", api_key=KEY, temperature=0.5, extra_body={"steps": 3}, replay_reasoning="always", timeout=9)
    text = dumps(llm)
    assert KEY not in text
    dumped = dumpd(llm)
    assert dumped["id"] == ["maaskit", "langchain", cloud.__name__]
    variable = "QINIU_API_KEY" if cloud is ChatQiniu else "SOPHNET_API_KEY"
    assert dumped["kwargs"]["api_key"] == {"lc": 1, "type": "secret", "id": [variable]}
    loaded = load(dumped, allowed_objects=[cloud], valid_namespaces=["maaskit"], secrets_map={variable: KEY})
    assert type(loaded) is cloud
    assert loaded.model_dump() == llm.model_dump()
    monkeypatch.setenv(variable, KEY)
    again = load(dumped, allowed_objects=[cloud], valid_namespaces=["maaskit"], secrets_from_env=True)
    assert again._identifying_params == llm._identifying_params


def test_nothing_printed_holds_a_secret(cloud: Any) -> None:
    llm = cloud(
        model="m",
        api_key=KEY,
        default_headers={"X-Token": SECRET},
        extra_body={"mcp": {"authorization": SECRET, "max_tokens": 5}, "headers": {"x": SECRET}},
        model_kwargs={"api_key_of_tool": SECRET},
    )
    shown = [
        dumps(llm),
        json.dumps(dumpd(llm.bind(stop=["x"]))),
        repr(llm._get_invocation_params(extra_headers={"a": SECRET})),
    ]
    shown += [str(llm._identifying_params), str(llm.asdict())]
    for text in shown:
        assert KEY not in text
        assert SECRET not in text
    assert dumpd(llm)["kwargs"]["extra_body"]["mcp"] == {"authorization": "**redacted**", "max_tokens": 5}
    for text in (repr(llm), str(llm)):
        assert KEY not in text
        assert "X-Token" not in text
    assert llm.extra_body["mcp"]["authorization"] == SECRET, "the model itself keeps it"


async def test_traces_never_hold_a_secret(
    cloud: Any, scripted: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    llm = cloud(
        model="m",
        api_key=KEY,
        base_url=scripted.url,
        max_retries=0,
        default_headers={"X-Token": SECRET},
        extra_body={"authorization": SECRET},
    )
    recorder, listener = Recorder(), Listener()
    config: Any = {"callbacks": [recorder, listener]}
    chain = ChatPromptTemplate.from_messages([("human", "{x}")]) | llm
    scripted.script(json_reply(HELLO))
    chain.invoke({"x": "Hi"}, config)
    await chain.ainvoke({"x": "Hi"}, config)
    scripted.script(sse_reply(*PIECES))
    list(chain.stream({"x": "Hi"}, config))
    [chunk async for chunk in chain.astream({"x": "Hi"}, config)]
    scripted.script(json_reply({"error": {"message": f"{KEY} is not welcome"}}, 401))
    with pytest.raises(MaasError):
        chain.invoke({"x": "Hi"}, config)
    with pytest.raises(MaasError):
        list(chain.stream({"x": "Hi"}, config))
    told = "".join(recorder.told + listener.told) + caplog.text
    assert "Hello" in told
    assert "401" in told
    assert KEY not in told
    assert SECRET not in told


def test_callbacks_hear_each_chunk(cloud: Any, scripted: ScriptedServer) -> None:
    scripted.script(sse_reply(*PIECES))
    listener = Listener()
    llm = cloud(model="m", api_key=KEY, base_url=scripted.url)
    chunks = list(llm.stream("Hi", {"callbacks": [listener]}))
    assert [chunk.message for _, chunk in listener.tokens] == chunks
    listener.tokens.clear()
    cloud(model="m", api_key=KEY, base_url=scripted.url, streaming=True).invoke("Hi", {"callbacks": [listener]})
    assert [token for token, _ in listener.tokens] == [chunk.text for chunk in chunks]


# --- caches --------------------------------------------------------------------------------------------------------


def test_the_cache_tells_settings_apart(cloud: Any, scripted: ScriptedServer) -> None:
    scripted.script(json_reply(HELLO))
    base = {"model": "m", "api_key": KEY, "base_url": scripted.url, "cache": InMemoryCache()}
    different: list[dict[str, Any]] = [
        {},
        {"temperature": 0.1},
        {"temperature": 0.2},
        {"extra_body": {"steps": 3}},
        {"extra_body": {"steps": 4}},
        {"model_kwargs": {"user": "u"}},
        {"model": "n"},
        {"enable_thinking": True},
        {"enable_thinking": False},
        {"seed": 1},
        {"stop": ["x"]},
        {"response_format": {"type": "text"}},
        *([{"search": True}] if cloud is ChatQiniu else []),
    ]
    for fields in different:
        cloud(**{**base, **fields}).invoke("Hi")
    assert len(scripted.seen) == len(different)
    for fields in different:
        cloud(**{**base, **fields}).invoke("Hi")
    assert len(scripted.seen) == len(different), "the second round comes from the cache"
    cloud(**base).invoke("Hi", temperature=0.3)
    assert len(scripted.seen) == len(different) + 1


def test_a_changed_copy_does_not_share_the_cache_of_its_model(cloud: Any, scripted: ScriptedServer) -> None:
    scripted.script(json_reply(HELLO))
    llm = cloud(model="m", api_key=KEY, base_url=scripted.url, cache=InMemoryCache())
    llm.invoke("Hi")
    llm.model_copy(update={"temperature": 0.9}).invoke("Hi")
    assert [seen.json.get("temperature") for seen in scripted.seen] == [None, 0.9]
    llm.temperature = 0.4
    llm.invoke("Hi")
    assert len(scripted.seen) == 3


def test_calls_come_out_of_the_cache_whole(cloud: Any, scripted: ScriptedServer) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    message = {"content": "", "reasoning_content": "hm", "tool_calls": [call]}
    scripted.script(json_reply({"choices": [{"message": message, "finish_reason": "tool_calls"}]}))
    llm = cloud(model="m", api_key=KEY, base_url=scripted.url, cache=InMemoryCache())
    first, second = llm.invoke("Hi"), llm.invoke("Hi")
    assert len(scripted.seen) == 1
    assert second.tool_calls == first.tool_calls
    assert second.additional_kwargs == first.additional_kwargs


# --- copies --------------------------------------------------------------------------------------------------------


def test_pickles_and_copies_go_on_working(cloud: Any, sandbox: Sandbox) -> None:
    url = sandbox.qiniu_url if cloud is ChatQiniu else sandbox.sophnet_url
    llm = cloud(model="deepseek-v3" if cloud is ChatQiniu else "Kimi-K2", api_key=sandbox.api_key, base_url=url)
    llm.invoke("Hi")
    bound = llm.bind(stop=["x"])
    for again in (
        pickle.loads(pickle.dumps(llm)),  # noqa: S301 - our own
        copy.deepcopy(llm),
        copy.copy(llm),
        llm.model_copy(deep=True),
        pickle.loads(pickle.dumps(bound)),  # noqa: S301 - our own
    ):
        assert again.invoke("Hello").content
        assert "".join(chunk.text for chunk in again.stream("Hello"))


def test_clients_of_the_user_s_own(cloud: Any, scripted: ScriptedServer) -> None:
    scripted.script(json_reply(HELLO))
    with httpx.Client(headers={"X-Mine": "1"}) as client:
        llm = cloud(model="m", api_key=KEY, base_url=scripted.url, http_client=client)
        assert llm.invoke("Hi").content == "Hello"
        assert scripted.seen[-1].headers["x-mine"] == "1"
        assert copy.deepcopy(llm).http_client is client
        assert copy.deepcopy(llm).invoke("Hi").content == "Hello"
        with pytest.raises(InvalidInput, match="http_client"):
            pickle.dumps(llm)
        assert "http_client" not in dumps(llm)
        assert not client.is_closed


async def test_an_async_client_of_the_user_s_own(cloud: Any, scripted: ScriptedServer) -> None:
    scripted.script(json_reply(HELLO))
    async with httpx.AsyncClient(headers={"X-Mine": "1"}) as client:
        llm = cloud(model="m", api_key=KEY, base_url=scripted.url, http_async_client=client)
        assert (await llm.ainvoke("Hi")).content == "Hello"
        assert scripted.seen[-1].headers["x-mine"] == "1"
