"""Agents and chat engines of core over our LLMs: tools, hand-off, memories, and what goes over the wire."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from llama_index.core.agent.workflow import (
    AgentOutput,
    AgentStream,
    AgentStreamStructuredOutput,
    AgentWorkflow,
    CodeActAgent,
    FunctionAgent,
    ReActAgent,
    ToolCallResult,
)
from llama_index.core.base.llms.types import ImageBlock, TextBlock, ThinkingBlock
from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.llms import ChatMessage
from llama_index.core.memory import ChatMemoryBuffer, Memory
from llama_index.core.tools import FunctionTool
from llama_index.core.workflow import Context, JsonSerializer
from pydantic import BaseModel
from pydantic_core import PydanticSerializationError

from maaskit import ServerError
from maaskit.llama_index import SophNetLLM
from tests.llama_index.test_messages import PNG
from tests.llama_index.ways import END, call, calls, chunk, whole
from tests.scripted import Reply, ScriptedServer, Seen, json_reply, sse_reply

# Core's workflows look at every attribute of an agent, the deprecated ones of pydantic included, and its ReAct agent
# asks its own workflow whether it is running.
pytestmark = [
    pytest.mark.filterwarnings("ignore:is_running called from within a step:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The `__fields:pydantic.warnings.PydanticDeprecatedSince20"),
    pytest.mark.filterwarnings("ignore:Accessing the 'model_:pydantic.warnings.PydanticDeprecatedSince211"),
]


def core_stores_messages() -> bool:
    memory = ChatMemoryBuffer.from_defaults(token_limit=100)
    memory.put(ChatMessage(role="user", content="x"))
    try:
        memory.to_string()
    except PydanticSerializationError:
        return False
    return True


# Whatever the LLM: pydantic 2.14 and core 0.14.25 (simple_chat_store.chat_message_serialization) do not go together.
stored = pytest.mark.skipif(not core_stores_messages(), reason="this core cannot store a message with this pydantic")


@pytest.fixture
async def memory() -> AsyncIterator[Memory]:
    """Give core's newer memory, whose in-memory database nobody else closes."""
    memory = Memory.from_defaults(token_limit=10_000)
    yield memory
    engine = getattr(memory.sql_store, "_async_engine", None)
    if engine is not None:
        await engine.dispose()


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def multiply(a: int, b: int) -> int:
    """Multiply two numbers."""
    return a * b


def script(server: ScriptedServer, *turns: dict[str, Any]) -> None:
    """Let the server answer turn by turn, streamed or whole as it is asked; the last turn repeats."""

    def reply(turn: dict[str, Any]) -> Any:
        message = {"role": "assistant", "content": "", **turn}
        reason = "tool_calls" if "tool_calls" in turn else "stop"

        def answer(seen: Seen) -> Reply:
            if not seen.json.get("stream"):
                return json_reply(whole(finish_reason=reason, **{k: v for k, v in message.items() if k != "role"}))
            deltas = [{name: message[name]} for name in ("reasoning_content", "content") if message.get(name)]
            tool_calls = [{"index": place, **one} for place, one in enumerate(turn.get("tool_calls", ()))]
            events = [chunk(delta) for delta in deltas] + [calls(one) for one in tool_calls]
            return sse_reply(*events, chunk({}, reason))

        return answer

    server.script(*[reply(turn) for turn in turns])


def calling(name: str, arguments: Any = None, call_id: str = "x") -> dict[str, Any]:
    text = arguments if isinstance(arguments, str) else json.dumps(arguments or {})
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": text}}


def check_protocol(messages: list[dict[str, Any]]) -> None:
    """Assert that each call has its answer right behind it and each answer its call."""
    waiting: list[str] = []
    for message in messages:
        if message["role"] == "tool":
            waiting.remove(message["tool_call_id"])
            continue
        assert not waiting
        waiting = [one["id"] for one in message.get("tool_calls", ())]
    assert not waiting


@pytest.mark.parametrize("streaming", [True, False])
async def test_a_function_agent_answers_with_tools(llm: Any, sandbox: Any, streaming: bool) -> None:
    agent = FunctionAgent(tools=[multiply], llm=llm, system_prompt="You calculate.", streaming=streaming)
    handler = agent.run("Use multiply with 12 and 30.")
    events = [event async for event in handler.stream_events()]
    response = await handler
    assert "360" in str(response)
    assert [event.tool_name for event in events if isinstance(event, ToolCallResult)] == ["multiply"]
    assert any(isinstance(event, AgentStream) and event.delta for event in events) is streaming
    assert response.raw["usage"]["total_tokens"] > 0 or not streaming or isinstance(llm, SophNetLLM)
    check_protocol(sandbox.requests[-1].json["messages"])


@pytest.mark.parametrize("streaming", [True, False])
async def test_several_calls_in_one_turn(llm: Any, sandbox: Any, streaming: bool) -> None:
    agent = FunctionAgent(tools=[add, multiply], llm=llm, streaming=streaming)
    handler = agent.run("Use add with 2 and 3, and use multiply with 4 and 5.")
    results = [event async for event in handler.stream_events() if isinstance(event, ToolCallResult)]
    response = await handler
    assert sorted(result.tool_name for result in results) == ["add", "multiply"]
    assert "5" in str(response)
    assert "20" in str(response)
    check_protocol(sandbox.requests[-1].json["messages"])


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("parallel", [True, False])
async def test_one_call_at_a_time(scripted: ScriptedServer, scripted_llm: Any, streaming: bool, parallel: bool) -> None:
    both = [calling("add", {"a": 1, "b": 2}, "x"), calling("multiply", {"a": 3, "b": 4}, "y")]
    script(scripted, {"tool_calls": both}, {"content": "done"})
    agent = FunctionAgent(
        tools=[add, multiply], llm=scripted_llm(), streaming=streaming, allow_parallel_tool_calls=parallel
    )
    assert str(await agent.run("x")) == "done"
    sent = scripted.seen[1].json["messages"]
    assert len([message for message in sent if message["role"] == "tool"]) == (2 if parallel else 1)
    check_protocol(sent)


@pytest.mark.parametrize("streaming", [True, False])
async def test_a_tool_with_a_chinese_name(llm: Any, streaming: bool) -> None:
    def weather(city: str) -> str:
        """查询一个城市的天气。"""
        return f"{city}:晴,二十五度"

    tool = FunctionTool.from_defaults(weather, name="天气查询")
    agent = FunctionAgent(tools=[tool], llm=llm, streaming=streaming, initial_tool_choice="天气查询")
    handler = agent.run("“北京”的天气怎么样?")
    results = [event async for event in handler.stream_events() if isinstance(event, ToolCallResult)]
    assert "二十五" in str(await handler)
    assert [result.tool_name for result in results] == ["天气查询"]
    assert not results[0].tool_output.is_error


@pytest.mark.parametrize("arguments", ["", "{}", None])
@pytest.mark.parametrize("streaming", [True, False])
async def test_a_tool_without_arguments(
    scripted: ScriptedServer, scripted_llm: Any, streaming: bool, arguments: str | None
) -> None:
    def now() -> str:
        """Tell the time."""
        return "noon"

    one = calling("now")
    one["function"]["arguments"] = arguments
    script(scripted, {"tool_calls": [one]}, {"content": "It is noon."})
    agent = FunctionAgent(tools=[now], llm=scripted_llm(), streaming=streaming)
    assert str(await agent.run("x")) == "It is noon."
    tool = scripted.seen[1].json["messages"][-1]
    assert tool == {"role": "tool", "tool_call_id": "x", "content": "noon"}
    assert scripted.seen[1].json["messages"][1]["tool_calls"][0]["function"]["arguments"] == "{}"


@pytest.mark.parametrize("kind", [FunctionAgent, ReActAgent, CodeActAgent])
async def test_thinking_is_streamed(scripted: ScriptedServer, scripted_llm: Any, kind: type) -> None:
    text = "Thought: I can answer.\nAnswer: 42" if kind is ReActAgent else "42"
    script(scripted, {"reasoning_content": "let me see", "content": text})
    more = {"code_execute_fn": lambda code: code} if kind is CodeActAgent else {}
    agent = kind(tools=[], llm=scripted_llm(), **more)
    handler = agent.run("x")
    events = [event async for event in handler.stream_events() if isinstance(event, AgentStream)]
    assert "42" in str(await handler)
    assert "".join(event.thinking_delta or "" for event in events) == "let me see"


@pytest.mark.parametrize("streaming", [True, False])
async def test_reasoning_stays_with_its_calls(make_llm: Any, sandbox: Any, memory: Memory, streaming: bool) -> None:
    sandbox.variants.reasoning_replay = "required"
    llm = make_llm("sophnet", model="DeepSeek-R1")
    agent = FunctionAgent(tools=[add], llm=llm, streaming=streaming)
    response = await agent.run("Use add: 12 plus 30?", memory=memory)
    assert "42" in str(response)
    assert isinstance(response.response.blocks[0], ThinkingBlock)
    kept = await memory.aget_all()
    assert any(isinstance(block, ThinkingBlock) for message in kept for block in message.blocks)
    assert "7" in str(await agent.run("And now use add: 3 plus 4?", memory=memory))
    sent = sandbox.requests[-1].json["messages"]
    check_protocol(sent)
    assert all(message.get("reasoning_content") for message in sent if message.get("tool_calls"))


@pytest.mark.parametrize("streaming", [True, False])
async def test_a_direct_result_leaves_a_valid_history(
    scripted: ScriptedServer, scripted_llm: Any, memory: Memory, streaming: bool
) -> None:
    direct = FunctionTool.from_defaults(add, return_direct=True)
    both = [calling("add", {"a": 1, "b": 2}, "x"), calling("multiply", {"a": 3, "b": 4}, "y")]
    script(scripted, {"tool_calls": both}, {"content": "later"})
    agent = FunctionAgent(tools=[direct, multiply], llm=scripted_llm(), streaming=streaming)
    assert str(await agent.run("x", memory=memory)) == "3"
    assert str(await agent.run("y", memory=memory)) == "later"
    sent = scripted.seen[1].json["messages"]
    check_protocol(sent)
    assert not any("tool_call_id" in message for message in sent if message["role"] == "assistant")
    assert sent[-1] == {"role": "user", "content": "y"}


@pytest.mark.parametrize("streaming", [True, False])
async def test_agents_hand_off(scripted: ScriptedServer, scripted_llm: Any, streaming: bool) -> None:
    script(
        scripted,
        {"tool_calls": [calling("handoff", {"to_agent": "adder", "reason": "a sum is wanted"}, "h")]},
        {"tool_calls": [calling("add", {"a": 12, "b": 30}, "s")]},
        {"content": "It is 42."},
    )
    settings = {"llm": scripted_llm(), "streaming": streaming}
    greeter = FunctionAgent(
        name="greeter", description="Greets.", tools=[multiply], can_handoff_to=["adder"], **settings
    )
    adder = FunctionAgent(name="adder", description="Adds.", tools=[add], **settings)
    workflow = AgentWorkflow(agents=[greeter, adder], root_agent="greeter", initial_state={"asked": 1})
    handler = workflow.run("What is 12 plus 30?")
    outputs = [event async for event in handler.stream_events() if isinstance(event, AgentOutput)]
    assert str(await handler) == "It is 42."
    assert [output.current_agent_name for output in outputs] == ["greeter", "adder", "adder"]
    for seen in scripted.seen:
        check_protocol(seen.json["messages"])
    assert {tool["function"]["name"] for tool in scripted.seen[0].json["tools"]} == {"multiply", "handoff"}


async def test_agents_hand_off_in_the_sandbox(llm: Any, sandbox: Any) -> None:
    greeter = FunctionAgent(
        name="greeter", description="Greets people.", tools=[multiply], llm=llm, can_handoff_to=["adder"]
    )
    adder = FunctionAgent(name="adder", description="Adds numbers.", tools=[add], llm=llm)
    workflow = AgentWorkflow(agents=[greeter, adder], root_agent="greeter")
    response = await workflow.run('Use handoff to "adder" with the reason "a sum".', max_iterations=6)
    assert str(response)
    check_protocol(sandbox.requests[-1].json["messages"])


@stored
async def test_a_context_goes_through_json_between_turns(llm: Any, sandbox: Any) -> None:
    agent = FunctionAgent(tools=[add], llm=llm)
    context = Context(agent)
    await agent.run("Use add: 12 plus 30?", ctx=context)
    written = json.dumps(context.to_dict(serializer=JsonSerializer()))
    assert sandbox.api_key not in written
    again = Context.from_dict(agent, json.loads(written), serializer=JsonSerializer())
    response = await agent.run("Now use add: 3 plus 4?", ctx=again)
    assert "7" in str(response)
    sent = sandbox.requests[-1].json["messages"]
    check_protocol(sent)
    assert len([message for message in sent if message["role"] == "user"]) == 2


@stored
async def test_a_memory_goes_through_json_between_turns(llm: Any, sandbox: Any) -> None:
    agent = FunctionAgent(tools=[add], llm=llm)
    memory = ChatMemoryBuffer.from_defaults(llm=llm)
    assert memory.token_limit == int(llm.metadata.context_window * 0.75)
    await agent.run("Use add: 12 plus 30?", memory=memory)
    loaded = ChatMemoryBuffer.from_string(memory.to_string())
    assert "7" in str(await agent.run("Now use add: 3 plus 4?", memory=loaded))
    check_protocol(sandbox.requests[-1].json["messages"])


async def test_a_memory_that_forgot_the_call_still_makes_a_conversation(llm: Any, memory: Memory) -> None:
    agent = FunctionAgent(tools=[add], llm=llm)
    await agent.run("Use add: 12 plus 30?", memory=memory)
    kept = await memory.aget_all()
    cut = [
        message for message in kept if not (message.role == "assistant" and message.additional_kwargs.get("tool_calls"))
    ]
    assert len(cut) == len(kept) - 1
    assert "7" in str(await agent.run("Now use add: 3 plus 4?", chat_history=cut))


class Sum(BaseModel):
    """A sum."""

    a: int
    b: int


async def test_an_agents_answer_as_an_object(scripted: ScriptedServer, scripted_llm: Any) -> None:
    script(scripted, {"content": "12 and 30"}, {"tool_calls": [calling("Sum", {"a": 12, "b": 30})]})
    agent = FunctionAgent(tools=[], llm=scripted_llm(), output_cls=Sum)
    handler = agent.run("x")
    events = [event async for event in handler.stream_events() if isinstance(event, AgentStreamStructuredOutput)]
    response = await handler
    assert response.get_pydantic_model(Sum) == Sum(a=12, b=30)
    assert [event.output for event in events] == [{"a": 12, "b": 30}]


@pytest.mark.parametrize("streaming", [True, False])
async def test_an_answer_in_the_reasoning_alone(scripted: ScriptedServer, scripted_llm: Any, streaming: bool) -> None:
    script(scripted, {"reasoning_content": "It is 42."})
    for settings, said in (({}, ""), ({"reasoning_as_answer": True}, "It is 42.")):
        agent = FunctionAgent(tools=[add], llm=scripted_llm(**settings), streaming=streaming)
        assert ((await agent.run("x")).response.content or "") == said


@pytest.mark.parametrize("streaming", [True, False])
async def test_a_react_agent(scripted: ScriptedServer, scripted_llm: Any, streaming: bool) -> None:
    script(
        scripted,
        {"content": "I just talk without any form"},
        {"content": 'Thought: I need a tool.\nAction: add\nAction Input: {"a": 12, "b": 30}'},
        {"content": ""},
        {"content": "Thought: I can answer without using any more tools.\nAnswer: It is 42."},
    )
    agent = ReActAgent(tools=[add], llm=scripted_llm(), streaming=streaming)
    handler = agent.run("12 plus 30?")
    results = [event async for event in handler.stream_events() if isinstance(event, ToolCallResult)]
    assert "talk" in str(await handler) or "42" in str(await handler)
    assert not any("tools" in seen.json for seen in scripted.seen)
    if results:
        assert results[0].tool_output.content == "42"


async def test_a_react_agent_uses_its_tool(scripted: ScriptedServer, scripted_llm: Any) -> None:
    script(
        scripted,
        {"content": 'Thought: I need a tool.\nAction: add\nAction Input: {"a": 12, "b": 30}'},
        {"content": "Thought: I can answer without using any more tools.\nAnswer: It is 42."},
    )
    agent = ReActAgent(tools=[add], llm=scripted_llm())
    assert str(await agent.run("12 plus 30?")) == "It is 42."
    assert "42" in scripted.seen[1].json["messages"][-1]["content"]


@pytest.mark.parametrize("method", ["force", "generate"])
async def test_an_agent_that_never_ends(scripted: ScriptedServer, scripted_llm: Any, method: str) -> None:
    from llama_index.core.agent.workflow.base_agent import WorkflowRuntimeError

    turns = [{"tool_calls": [calling("add", {"a": 1, "b": 2}, f"x{number}")]} for number in range(3)]
    script(scripted, *turns, {"content": "I give up."})
    agent = FunctionAgent(tools=[add], llm=scripted_llm(), early_stopping_method=method)
    if method == "force":
        with pytest.raises(WorkflowRuntimeError, match="Max iterations"):
            await agent.run("x", max_iterations=3)
    else:
        assert str(await agent.run("x", max_iterations=3)) == "I give up."
    check_protocol(scripted.seen[-1].json["messages"])


async def test_a_picture_from_a_tool_is_shown(scripted: ScriptedServer, scripted_llm: Any) -> None:
    def look() -> list[Any]:
        """Take a picture."""
        return [TextBlock(text="a picture"), ImageBlock(image=PNG)]

    script(scripted, {"tool_calls": [calling("look")]}, {"content": "I see."})
    agent = FunctionAgent(tools=[look], llm=scripted_llm())
    assert str(await agent.run("x")) == "I see."
    tool, shown = scripted.seen[1].json["messages"][-2:]
    assert (tool["role"], shown["role"]) == ("tool", "user")
    assert shown["content"][1]["image_url"]["url"].startswith("data:image/png;base64,")


async def test_a_failing_tool_is_told_to_the_model(scripted: ScriptedServer, scripted_llm: Any) -> None:
    def fail() -> str:
        """Fail."""
        raise RuntimeError("bad luck")

    script(scripted, {"tool_calls": [calling("fail"), calling("nowhere", call_id="y")]}, {"content": "Sorry."})
    agent = FunctionAgent(tools=[fail], llm=scripted_llm())
    assert str(await agent.run("x")) == "Sorry."
    told = {m["tool_call_id"]: m["content"] for m in scripted.seen[1].json["messages"] if m["role"] == "tool"}
    assert "bad luck" in told["x"]
    assert "not found" in told["y"]


async def test_an_agents_failure_is_ours(scripted: ScriptedServer, scripted_llm: Any) -> None:
    scripted.script(json_reply({"error": {"message": "down"}}, 503))
    agent = FunctionAgent(tools=[add], llm=scripted_llm(max_retries=0))
    with pytest.raises(ServerError, match="down"):
        await agent.run("x")


async def test_partial_arguments_reach_the_stream(scripted: ScriptedServer, scripted_llm: Any) -> None:
    parts = ['{"a": 1', '2, "b"', ": 30}"]
    scripted.script(
        sse_reply(calls(call("", id="x", name="add")), *[calls(call(part)) for part in parts], chunk({}, "tool_calls")),
        sse_reply(chunk({"content": "42"}), END),
    )
    handler = FunctionAgent(tools=[add], llm=scripted_llm()).run("x")
    streamed = [
        event.tool_calls[0].tool_kwargs async for event in handler.stream_events() if getattr(event, "tool_calls", None)
    ]
    assert streamed[0] == {}
    assert {"a": 12, "b": 30} in streamed
    assert str(await handler) == "42"


def buffer(llm: Any) -> ChatMemoryBuffer:
    return ChatMemoryBuffer.from_defaults(llm=llm)  # the default one leaves a database open


def test_a_chat_engine_remembers(llm: Any, sandbox: Any) -> None:
    engine = SimpleChatEngine.from_defaults(llm=llm, memory=buffer(llm), system_prompt="Be brief.")
    assert str(engine.chat("Repeat after me exactly: one")) == "one"
    streamed = engine.stream_chat("Repeat after me exactly: two three")
    assert "".join(streamed.response_gen) == "two three"
    sent = sandbox.requests[-1].json["messages"]
    assert [message["role"] for message in sent] == ["system", "user", "assistant", "user"]


async def test_a_chat_engine_remembers_without_blocking(llm: Any) -> None:
    engine = SimpleChatEngine.from_defaults(llm=llm, memory=buffer(llm))
    assert str(await engine.achat("Repeat after me exactly: one")) == "one"
    streamed = await engine.astream_chat("Repeat after me exactly: two three")
    assert "".join([token async for token in streamed.async_response_gen()]) == "two three"


@pytest.mark.parametrize("streaming", [True, False])
def test_a_query_engine_answers_from_what_it_finds(llm: Any, streaming: bool) -> None:
    from llama_index.core import Document, SummaryIndex

    index = SummaryIndex.from_documents(
        [Document(text="The fee is 42 yuan a month."), Document(text="Oslo is in Norway.")]
    )
    response = index.as_query_engine(llm=llm, streaming=streaming).query("How much is the fee?")
    text = "".join(response.response_gen) if streaming else str(response)
    assert "42" in text
    assert len(response.source_nodes) == 2
