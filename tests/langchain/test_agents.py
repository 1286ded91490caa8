"""The chat models inside LangChain's agents: tool loops, reasoning, checkpoints, structured answers, middleware."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import (
    ClearToolUsesEdit,
    ContextEditingMiddleware,
    HumanInTheLoopMiddleware,
    ModelFallbackMiddleware,
    ModelRetryMiddleware,
    SummarizationMiddleware,
    ToolCallLimitMiddleware,
    wrap_model_call,
)
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.exceptions import ModelAuthenticationError
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from pydantic import BaseModel

from maaskit.langchain import ChatQiniu, ChatSophNet
from maaskit.sandbox import Sandbox
from tests.scripted import FOREVER, Reply, ScriptedServer, Seen, json_reply, sse_reply

KEY = "a-key-that-nobody-may-see"
TWO_CITIES = "What is the weather in Hangzhou and in Beijing?"

Model = ChatSophNet | ChatQiniu
Make = Callable[..., Model]

pytestmark = pytest.mark.filterwarnings("ignore:.*thinking models refuse a forced tool_choice:UserWarning")


@tool
def get_weather(city: str) -> str:
    """Get the weather in a city."""
    return f"It is 20 degrees and sunny in {city}."


class Weather(BaseModel):
    """A report of the weather."""

    city: str
    degrees: int


class Apology(BaseModel):
    """An apology for not knowing."""

    reason: str


@pytest.fixture(params=["qiniu", "sophnet"])
def thinker(request: pytest.FixtureRequest, sandbox: Sandbox) -> Make:
    """Make models that think, and that refuse a history without their reasoning."""
    sandbox.variants.reasoning_replay = "required"
    sandbox.variants.part_lists = "user_only"
    sandbox.variants.forced_tools_while_thinking = "refused"

    def made(**fields: Any) -> Model:
        if request.param == "qiniu":
            return ChatQiniu(model="deepseek-r1", api_key=sandbox.api_key, base_url=sandbox.qiniu_url, **fields)
        return ChatSophNet(model="DeepSeek-R1", api_key=sandbox.api_key, base_url=sandbox.sophnet_url, **fields)

    return made


@pytest.fixture(params=[ChatSophNet, ChatQiniu])
def make(request: pytest.FixtureRequest, scripted: ScriptedServer) -> Make:
    def made(**fields: Any) -> Model:
        return request.param(**{"model": "m", "api_key": KEY, "base_url": scripted.url, "max_retries": 0, **fields})

    return made


def said(content: str, *calls: tuple[str, str, str], **more: Any) -> Reply:
    written = [{"id": i, "type": "function", "function": {"name": name, "arguments": args}} for i, name, args in calls]
    message = {"content": content, **({"tool_calls": written} if written else {}), **more}
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    choice = {"message": message, "finish_reason": "tool_calls" if written else "stop"}
    return json_reply({"model": "m", "choices": [choice], "usage": usage})


def last_of(state: dict[str, Any]) -> AIMessage:
    message = state["messages"][-1]
    assert isinstance(message, AIMessage)
    return message


def check_second_request(sandbox: Sandbox) -> None:
    """See that the assistant's message went back with its reasoning, its calls and text for content."""
    bodies = [request.json for request in sandbox.requests]
    assert len(bodies) == 2
    assistant = next(message for message in bodies[1]["messages"] if message["role"] == "assistant")
    assert assistant["reasoning_content"]
    assert isinstance(assistant["content"], str)
    assert len(assistant["tool_calls"]) == 2
    results = [message for message in bodies[1]["messages"] if message["role"] == "tool"]
    assert [result["tool_call_id"] for result in results] == [call["id"] for call in assistant["tool_calls"]]


# --- the loop ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("output_version", [None, "v1"])
async def test_a_loop_with_a_model_that_thinks(thinker: Make, sandbox: Sandbox, output_version: str | None) -> None:
    agent = create_agent(thinker(output_version=output_version), [get_weather])
    state = agent.invoke({"messages": TWO_CITIES})
    check_second_request(sandbox)
    for _ in range(2):
        assert [message.type for message in state["messages"]] == ["human", "ai", "tool", "tool", "ai"]
        assert {"Hangzhou", "Beijing"} <= set(last_of(state).text.replace(".", "").split())
        assert last_of(state).additional_kwargs["reasoning_content"]
        sandbox.requests.clear()
        state = await agent.ainvoke({"messages": TWO_CITIES})
        check_second_request(sandbox)


@pytest.mark.parametrize("mode", ["updates", "messages", "values", "custom"])
async def test_every_mode_of_streaming(thinker: Make, sandbox: Sandbox, mode: Any) -> None:
    agent = create_agent(thinker(), [get_weather])
    found = list(agent.stream({"messages": TWO_CITIES}, stream_mode=mode))
    check_second_request(sandbox)
    sandbox.requests.clear()
    afound = [part async for part in agent.astream({"messages": TWO_CITIES}, stream_mode=mode)]
    check_second_request(sandbox)
    assert bool(found) is bool(afound) is (mode != "custom")


def test_streamed_messages_show_reasoning_and_count_once(thinker: Make) -> None:
    agent = create_agent(thinker(), [get_weather])
    chunks: list[AIMessageChunk] = []
    states: list[dict[str, Any]] = []
    for mode, part in agent.stream({"messages": TWO_CITIES}, stream_mode=["messages", "values"]):
        if mode == "values":
            states.append(part)
        elif isinstance(part[0], AIMessageChunk):
            chunks.append(part[0])
    answers = [message for message in states[-1]["messages"] if isinstance(message, AIMessage)]
    assert {chunk.id for chunk in chunks} == {answer.id for answer in answers}
    for answer in answers:
        pieces = [chunk for chunk in chunks if chunk.id == answer.id]
        assert "".join(piece.text for piece in pieces) == answer.text
        reasoning = "".join(piece.additional_kwargs.get("reasoning_content", "") for piece in pieces)
        assert reasoning == answer.additional_kwargs["reasoning_content"]
        assert sum(piece.usage_metadata is not None for piece in pieces) == 1
        assert answer.usage_metadata is not None


@pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")
def test_protocol_events_of_a_graph(thinker: Make, sandbox: Sandbox) -> None:
    agent = create_agent(thinker(), [get_weather])
    run = agent.stream_events({"messages": TWO_CITIES}, version="v3")
    texts, thoughts = [], []
    for stream in run.messages:
        thoughts.append("".join(stream.reasoning))
        texts.append("".join(stream.text))
    assert "Hangzhou" in texts[-1]
    assert all(thoughts)
    check_second_request(sandbox)


@pytest.mark.parametrize("output_version", [None, "v1"])
def test_reasoning_survives_a_checkpoint(thinker: Make, sandbox: Sandbox, output_version: str | None) -> None:
    saver = InMemorySaver()
    config: Any = {"configurable": {"thread_id": "1"}}
    first = create_agent(
        thinker(output_version=output_version), [get_weather], checkpointer=saver, interrupt_before=["tools"]
    )
    first.invoke({"messages": TWO_CITIES}, config)
    # Another process, say: a new agent takes up what the saver wrote.
    again = create_agent(thinker(output_version=output_version), [get_weather], checkpointer=saver)
    state = again.invoke(None, config)
    assert "Hangzhou" in last_of(state).text
    check_second_request(sandbox)
    reasoned = [message for message in state["messages"] if isinstance(message, AIMessage)]
    assert all(message.content_blocks[0]["type"] == "reasoning" for message in reasoned)


def test_reasoning_that_stands_in_blocks_alone_goes_back(thinker: Make, sandbox: Sandbox) -> None:
    llm = thinker(output_version="v1").bind_tools([get_weather])
    call = llm.invoke(TWO_CITIES)
    assert isinstance(call, AIMessage)
    kept = AIMessage(content=call.content, tool_calls=call.tool_calls, response_metadata=call.response_metadata)
    results = [ToolMessage(get_weather.invoke(made["args"]), tool_call_id=made["id"]) for made in call.tool_calls]
    assert llm.invoke([HumanMessage(TWO_CITIES), kept, *results]).text
    check_second_request(sandbox)


@pytest.mark.parametrize(
    ("policy", "replayed"),
    [("auto", [True, False]), ("tool_calls", [True, False]), ("always", [True, True]), ("never", [False, False])],
)
def test_policies_of_replay(make: Make, scripted: ScriptedServer, policy: Any, replayed: list[bool]) -> None:
    scripted.script(
        said("", ("c1", "get_weather", '{"city": "上海"}'), reasoning_content="hm"),
        said("Sunny.", reasoning_content="so"),
        said("Bye."),
    )
    agent = create_agent(make(replay_reasoning=policy), [get_weather], checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "1"}}
    agent.invoke({"messages": "上海天气?"}, config)
    agent.invoke({"messages": "谢谢"}, config)
    answers = [message for message in scripted.seen[-1].json["messages"] if message["role"] == "assistant"]
    assert ["reasoning_content" in answer for answer in answers] == replayed


def test_families_that_want_all_their_reasoning(make: Make, scripted: ScriptedServer) -> None:
    scripted.script(said("Sunny."))
    history = [HumanMessage("?"), AIMessage("!", additional_kwargs={"reasoning_content": "hm"}), HumanMessage("?")]
    make(model="minimax/minimax-m2").invoke(history)
    make(model="deepseek-v3").invoke(history)
    assert ["reasoning_content" in seen.json["messages"][1] for seen in scripted.seen] == [True, False]


def test_broken_arguments_are_mended_by_the_model(make: Make, scripted: ScriptedServer) -> None:
    scripted.script(
        said("", ("c1", "get_weather", '{"city": '), ("c2", "get_weather", '{"town": "上海"}')),
        said("", ("c3", "get_weather", '{"city": "上海"}')),
        said("Sunny."),
    )
    state = create_agent(make(), [get_weather]).invoke({"messages": "上海天气?"})
    assert last_of(state).content == "Sunny."
    first, second = state["messages"][1], state["messages"][2]
    assert [call["id"] for call in first.invalid_tool_calls] == ["c1"]
    assert second.status == "error"
    sent = scripted.seen[1].json["messages"]
    assert [call["id"] for call in sent[1]["tool_calls"]] == ["c2", "c1"]
    assert {message["tool_call_id"] for message in sent[2:]} == {"c1", "c2"}


# --- structured answers --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "strategy", [Weather, ToolStrategy(Weather), ProviderStrategy(Weather)], ids=["auto", "tool", "provider"]
)
async def test_structured_answers_of_models_that_think(thinker: Make, strategy: Any) -> None:
    agent = create_agent(thinker(), [get_weather], response_format=strategy)
    for state in (
        agent.invoke({"messages": "What is the weather in Hangzhou?"}),
        await agent.ainvoke({"messages": "What is the weather in Hangzhou?"}),
    ):
        assert isinstance(state["structured_response"], Weather)
        assert state["structured_response"].city == "Hangzhou"


def test_structured_answers_without_tools(thinker: Make, sandbox: Sandbox) -> None:
    agent = create_agent(thinker(), [], response_format=ProviderStrategy(Weather))
    assert agent.invoke({"messages": "It is 20 degrees in Hangzhou."})["structured_response"] == Weather(
        city="Hangzhou", degrees=20
    )
    assert "tools" not in sandbox.requests[-1].json


def test_one_of_several_schemas(make: Make, scripted: ScriptedServer) -> None:
    scripted.script(said("", ("c1", "Apology", '{"reason": "fog"}')))
    agent = create_agent(make(), [get_weather], response_format=ToolStrategy(Weather | Apology))
    assert agent.invoke({"messages": "?"})["structured_response"] == Apology(reason="fog")
    body = scripted.seen[0].json
    assert body["tool_choice"] == "required"
    assert {made["function"]["name"] for made in body["tools"]} == {"get_weather", "Weather", "Apology"}


def test_a_name_that_langchain_takes_for_another_provider_s(scripted: ScriptedServer) -> None:
    # The names that langchain knows to have a format of their own select ProviderStrategy.
    scripted.script(said('{"city": "上海", "degrees": 20}'))
    for llm in (
        ChatQiniu(model="openai/gpt-5.2", api_key=KEY, base_url=scripted.url),
        ChatSophNet(model="gpt-5.2", api_key=KEY, base_url=scripted.url),
    ):
        agent = create_agent(llm, [get_weather], response_format=Weather)
        assert agent.invoke({"messages": "?"})["structured_response"] == Weather(city="上海", degrees=20)
    formats = [seen.json["response_format"]["type"] for seen in scripted.seen]
    assert formats == ["json_schema", "json_object"]


# --- middleware ----------------------------------------------------------------------------------------------------


def test_retries_of_the_right_errors(make: Make, scripted: ScriptedServer) -> None:
    retry = ModelRetryMiddleware(max_retries=2, initial_delay=0.0, on_failure="error")
    agent = create_agent(make(), [], middleware=[retry])
    scripted.script(json_reply({}, 429), json_reply({}, 503), said("Hello"))
    assert last_of(agent.invoke({"messages": "Hi"})).content == "Hello"
    assert len(scripted.seen) == 3
    scripted.script(json_reply({}, 401))
    with pytest.raises(ModelAuthenticationError):
        agent.invoke({"messages": "Hi"})
    assert len(scripted.seen) == 4


def test_another_model_steps_in(make: Make, scripted: ScriptedServer) -> None:
    scripted.script(json_reply({}, 500), said("Hello"))
    agent = create_agent(make(), [], middleware=[ModelFallbackMiddleware(make(model="n"))])
    assert last_of(agent.invoke({"messages": "Hi"})).content == "Hello"
    assert [seen.json["model"] for seen in scripted.seen] == ["m", "n"]


def test_a_history_that_is_too_long_is_summarised(make: Make, scripted: ScriptedServer) -> None:
    def reply(seen: Seen) -> Reply:
        text = json.dumps(seen.json["messages"], ensure_ascii=False)
        return (
            said("They talked about numbers.") if "summary" in text.lower() and "numbers" not in text else said("Done.")
        )

    scripted.script(reply)
    summary = SummarizationMiddleware(make(model="s"), trigger=("tokens", 300), keep=("messages", 2))
    agent = create_agent(make(), [], middleware=[summary])
    history = [HumanMessage(f"one two three four five six seven eight {number} " * 5) for number in range(9)]
    state = agent.invoke({"messages": history})
    assert last_of(state).content == "Done."
    assert len(state["messages"]) < len(history)


def test_reported_tokens_trigger_a_summary(make: Make, scripted: ScriptedServer) -> None:
    llm = make()
    provider = llm._get_ls_params()["ls_provider"]
    scripted.script(said("Summary."), said("Done."))
    summary = SummarizationMiddleware(llm, trigger=("tokens", 1000), keep=("messages", 1))
    told = AIMessage(
        "x",
        usage_metadata={"input_tokens": 5000, "output_tokens": 1, "total_tokens": 5001},
        response_metadata={"model_provider": provider},
    )
    state = create_agent(llm, [], middleware=[summary]).invoke(
        {"messages": [HumanMessage("a"), told, HumanMessage("b")]}
    )
    assert last_of(state).content == "Done."
    assert len(scripted.seen) == 2


def test_a_limit_of_calls(make: Make, scripted: ScriptedServer) -> None:
    scripted.script(said("", ("c1", "get_weather", '{"city": "a"}')), said("", ("c2", "get_weather", '{"city": "b"}')))
    limit = ToolCallLimitMiddleware(run_limit=1, exit_behavior="end")
    state = create_agent(make(), [get_weather], middleware=[limit]).invoke({"messages": "?"})
    assert sum(message.type == "tool" for message in state["messages"]) == 2
    assert len(scripted.seen) == 2


def test_a_person_in_the_loop(make: Make, scripted: ScriptedServer) -> None:
    scripted.script(said("", ("c1", "get_weather", '{"city": "a"}'), reasoning_content="hm"), said("Sunny."))
    agent = create_agent(
        make(),
        [get_weather],
        middleware=[HumanInTheLoopMiddleware(interrupt_on={"get_weather": True})],
        checkpointer=InMemorySaver(),
    )
    config: Any = {"configurable": {"thread_id": "1"}}
    assert agent.invoke({"messages": "?"}, config)["__interrupt__"]
    edited = {"type": "edit", "edited_action": {"name": "get_weather", "args": {"city": "上海"}}}
    state = agent.invoke(Command(resume={"decisions": [edited]}), config)
    assert last_of(state).content == "Sunny."
    sent = scripted.seen[1].json["messages"]
    assert sent[1]["tool_calls"][0]["id"] == sent[2]["tool_call_id"]
    assert sent[1]["reasoning_content"] == "hm"
    assert "上海" in sent[2]["content"]


def test_old_results_are_cleared(make: Make, scripted: ScriptedServer) -> None:
    calls = [said("", (f"c{n}", "get_weather", '{"city": "a"}')) for n in range(3)]
    scripted.script(*calls, said("Sunny."))
    edit = ContextEditingMiddleware(edits=[ClearToolUsesEdit(trigger=10, keep=1)], token_count_method="model")
    agent = create_agent(make(), [get_weather], system_prompt="Be kind.", middleware=[edit])
    assert last_of(agent.invoke({"messages": "?"})).content == "Sunny."
    results = [message["content"] for message in scripted.seen[-1].json["messages"] if message["role"] == "tool"]
    assert results[0] == "[cleared]"
    assert "20 degrees" in results[-1]


def test_the_model_is_chosen_on_the_way(make: Make, scripted: ScriptedServer) -> None:
    @wrap_model_call
    def choose(request: Any, handler: Any) -> Any:
        return handler(request.override(model=make(model="n"), model_settings={"temperature": 0.3}))

    scripted.script(said("Hello"))
    create_agent(make(), [get_weather], middleware=[choose]).invoke({"messages": "Hi"})
    body = scripted.seen[0].json
    assert (body["model"], body["temperature"]) == ("n", 0.3)


# --- runs ----------------------------------------------------------------------------------------------------------


async def test_cancelling_a_graph_closes_the_socket(make: Make, scripted: ScriptedServer) -> None:
    scripted.script(sse_reply({"choices": [{"index": 0, "delta": {"content": "Hello "}}]}, FOREVER))
    agent = create_agent(make(), [get_weather])
    begun = asyncio.Event()

    async def run() -> None:
        async for _ in agent.astream({"messages": "Hi"}, stream_mode="messages"):
            begun.set()

    task = asyncio.create_task(run())
    await asyncio.wait_for(begun.wait(), 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(scripted.disconnected.wait, 30)


def test_an_agent_over_several_event_loops(thinker: Make) -> None:
    agent = create_agent(thinker(), [get_weather])
    for _ in range(3):
        state = asyncio.run(agent.ainvoke({"messages": TWO_CITIES}))
        assert "Beijing" in last_of(state).text


async def test_many_agents_at_once(thinker: Make) -> None:
    agent = create_agent(thinker(), [get_weather])
    cities = ["Hangzhou", "Beijing", "Shanghai", "Shenzhen", "Chengdu", "Wuhan"]
    questions: list[Any] = [{"messages": f"What is the weather in {city}?"} for city in cities]
    for states in (
        agent.batch(questions, {"max_concurrency": 3}),
        await agent.abatch(questions, {"max_concurrency": 3}),
    ):
        assert all(city in last_of(state).text for city, state in zip(cities, states, strict=True))


def test_a_history_of_another_provider_goes_on(thinker: Make) -> None:
    history = [
        HumanMessage("What is the weather in Hangzhou?"),
        AIMessage(
            content=[
                {"type": "thinking", "thinking": "I had better look.", "signature": "zzz"},
                {"type": "text", "text": "Let me look."},
                {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Hangzhou"}},
            ],
            tool_calls=[{"id": "toolu_1", "name": "get_weather", "args": {"city": "Hangzhou"}}],
            response_metadata={"model_provider": "anthropic"},
        ),
        ToolMessage("It is 20 degrees and sunny in Hangzhou.", tool_call_id="toolu_1"),
    ]
    assert "20 degrees" in last_of(create_agent(thinker(), [get_weather]).invoke({"messages": history})).text
