"""LangChain's agents with the toolkits' tools, over the sandbox: loops, money, people, both clouds, and a thief."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import (
    HumanInTheLoopMiddleware,
    ModelFallbackMiddleware,
    ModelRefusalMiddleware,
    ModelRetryMiddleware,
    SummarizationMiddleware,
)
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.exceptions import ModelRefusalError
from langchain_core.load import dumps
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import Command
from pydantic import BaseModel

from maaskit.langchain import ChatQiniu, ChatSophNet, SophNetToolkit
from maaskit.sandbox import Sandbox
from tests.adversary import CANARY, Adversary
from tests.gullible import Gullible
from tests.scripted import Reply, ScriptedServer, json_reply

DRAW = "Use sophnet_image to draw “a red circle on a white ground”."
DRAW_AND_SPEAK = "Use sophnet_image to draw “a red circle”, and use sophnet_speech to say “good morning everybody”."
LONG_BASE64 = re.compile(r"[A-Za-z0-9+/]{200,}")

Model = ChatQiniu | ChatSophNet

pytestmark = pytest.mark.filterwarnings("ignore:.*thinking models refuse a forced tool_choice:UserWarning")


@pytest.fixture(params=["qiniu", "sophnet"])
def thinker(request: pytest.FixtureRequest, sandbox: Sandbox) -> Model:
    """Give a model that thinks, of each cloud in turn; it refuses a history without its reasoning."""
    sandbox.variants.reasoning_replay = "required"
    sandbox.variants.forced_tools_while_thinking = "refused"
    return qiniu(sandbox, "deepseek-r1") if request.param == "qiniu" else sophnet(sandbox, "DeepSeek-R1")


def qiniu(sandbox: Sandbox, model: str = "deepseek-v3", **fields: Any) -> ChatQiniu:
    return ChatQiniu(model=model, api_key=sandbox.api_key, base_url=sandbox.qiniu_url, **fields)


def sophnet(sandbox: Sandbox, model: str = "DeepSeek-v3", **fields: Any) -> ChatSophNet:
    return ChatSophNet(model=model, api_key=sandbox.api_key, base_url=sandbox.sophnet_url, **fields)


@pytest.fixture
def toolkit(sandbox: Sandbox) -> Callable[..., SophNetToolkit]:
    def made(**fields: Any) -> SophNetToolkit:
        cloud = {"api_key": sandbox.api_key, "base_url": sandbox.sophnet_url}
        ids = {"project_id": sandbox.project_id, "easyllm_id": sandbox.easyllm_id}
        return SophNetToolkit(**{**cloud, **ids, **fields})

    return made


def prompts(sandbox: Sandbox) -> list[dict[str, Any]]:
    """Give what the chat models were sent."""
    return [request.json for request in sandbox.requests if request.path.endswith("/chat/completions")]


def ordered(sandbox: Sandbox, what: str = "texttoimage") -> list[dict[str, Any]]:
    """Give the paid work that was started."""
    return [request.json for request in sandbox.requests if request.method == "POST" and what in request.path]


def results(state: dict[str, Any]) -> list[ToolMessage]:
    return [message for message in state["messages"] if isinstance(message, ToolMessage)]


def check_loop(sandbox: Sandbox, calls: int) -> None:
    """See that the second prompt holds the calls with their reasoning, a text for each result, and no base64."""
    first, second = prompts(sandbox)
    assistant = next(message for message in second["messages"] if message["role"] == "assistant")
    assert assistant["reasoning_content"]
    assert isinstance(assistant["content"], str)
    told = [message for message in second["messages"] if message["role"] == "tool"]
    assert [message["tool_call_id"] for message in told] == [call["id"] for call in assistant["tool_calls"]]
    assert len(told) == calls
    for prompt in (first, second):
        assert not LONG_BASE64.search(json.dumps(prompt))


# --- the loop, in every way that a graph runs ----------------------------------------------------------------------


def test_a_thinking_model_draws_and_speaks_at_once(
    thinker: Model, sandbox: Sandbox, toolkit: Callable[..., SophNetToolkit]
) -> None:
    agent = create_agent(thinker, toolkit().get_tools())
    state = agent.invoke({"messages": DRAW_AND_SPEAK})
    check_loop(sandbox, calls=2)
    picture, sound = results(state)
    assert (picture.status, sound.status) == ("success", "success")
    assert (picture.artifact["type"], sound.artifact["type"]) == ("image", "audio")
    assert picture.artifact["url"] in picture.text
    assert sound.artifact["base64"][:40] not in sound.text
    assert picture.artifact["url"] in state["messages"][-1].text


async def test_the_same_without_blocking(
    thinker: Model, sandbox: Sandbox, toolkit: Callable[..., SophNetToolkit]
) -> None:
    state = await create_agent(thinker, toolkit().get_tools()).ainvoke({"messages": DRAW_AND_SPEAK})
    check_loop(sandbox, calls=2)
    assert [message.artifact["type"] for message in results(state)] == ["image", "audio"]


async def test_every_mode_of_streaming_tells_of_the_tools_and_their_progress(
    thinker: Model, sandbox: Sandbox, toolkit: Callable[..., SophNetToolkit]
) -> None:
    agent = create_agent(thinker, toolkit().get_tools(), checkpointer=InMemorySaver())
    modes: list[Any] = ["updates", "messages", "values", "custom", "debug", "tasks", "checkpoints"]
    one, two = ({"configurable": {"thread_id": name}} for name in "12")
    parts: list[Any] = list(agent.stream({"messages": DRAW}, one, stream_mode=modes))
    assert {mode for mode, _ in parts} == set(modes)
    check_parts(parts)
    check_loop(sandbox, calls=1)
    sandbox.requests.clear()
    parts = [part async for part in agent.astream({"messages": DRAW}, two, stream_mode=modes)]
    assert {mode for mode, _ in parts} == set(modes)
    check_parts(parts)
    check_loop(sandbox, calls=1)


def check_parts(parts: list[Any]) -> None:
    """See what each mode of a stream told."""
    found: dict[str, list[Any]] = {mode: [part for name, part in parts if name == mode] for mode, _ in parts}
    assert [list(update) for update in found["updates"]] == [["model"], ["tools"], ["model"]]
    assert [message.artifact["type"] for message in results(found["values"][-1])] == ["image"]
    assert any(isinstance(message, ToolMessage) for message, _ in found["messages"])
    told = [(part["type"], part["tool"], part["phase"]) for part in found["custom"]]
    assert told[0] == ("maaskit_task", "sophnet_image", "waiting")
    assert told[-1] == ("maaskit_task", "sophnet_image", "succeeded")
    assert {part["task_id"] for part in found["custom"]} == {found["custom"][0]["task_id"]}


async def test_progress_reaches_the_stream_of_events(sandbox: Sandbox, toolkit: Callable[..., SophNetToolkit]) -> None:
    agent = create_agent(sophnet(sandbox), toolkit().get_tools())
    events = [event async for event in agent.astream_events({"messages": DRAW}, version="v2")]
    progress = [event["data"] for event in events if event["event"] == "on_custom_event"]
    assert {event["name"] for event in events if event["event"] == "on_custom_event"} == {"maaskit_task"}
    assert (progress[0]["phase"], progress[-1]["phase"]) == ("waiting", "succeeded")


async def test_a_graph_of_ones_own(sandbox: Sandbox, toolkit: Callable[..., SophNetToolkit]) -> None:
    tools = toolkit(include=["sophnet_image"]).get_tools()
    llm = qiniu(sandbox).bind_tools(tools)
    graph = StateGraph(MessagesState)
    graph.add_node("model", lambda state: {"messages": [llm.invoke(state["messages"])]})
    graph.add_node("tools", ToolNode(tools))
    graph.add_edge(START, "model")
    graph.add_conditional_edges("model", tools_condition)
    graph.add_edge("tools", "model")
    compiled = graph.compile()
    question: Any = {"messages": [HumanMessage(DRAW)]}
    for state in (compiled.invoke(question), await compiled.ainvoke(question)):
        assert [message.artifact["type"] for message in results(state)] == ["image"]


def test_agents_in_threads(sandbox: Sandbox, toolkit: Callable[..., SophNetToolkit]) -> None:
    agent = create_agent(sophnet(sandbox), toolkit(max_calls=4).get_tools())
    with ThreadPoolExecutor(4) as pool:
        states = list(pool.map(lambda _: agent.invoke({"messages": DRAW}), range(4)))
    assert all(message.status == "success" for state in states for message in results(state))
    (refused,) = results(agent.invoke({"messages": DRAW}))
    assert refused.status == "error"
    assert "max_calls=4" in refused.text
    assert len(ordered(sandbox)) == 4


def test_an_agent_over_several_event_loops(sandbox: Sandbox, toolkit: Callable[..., SophNetToolkit]) -> None:
    agent = create_agent(sophnet(sandbox), toolkit().get_tools())
    for _ in range(3):
        (drawn,) = results(asyncio.run(agent.ainvoke({"messages": DRAW})))
        assert drawn.status == "success"


# --- memory --------------------------------------------------------------------------------------------------------


def test_artifacts_survive_a_checkpoint_and_every_dump(
    thinker: Model, sandbox: Sandbox, toolkit: Callable[..., SophNetToolkit]
) -> None:
    saver = InMemorySaver(serde=JsonPlusSerializer())
    config: Any = {"configurable": {"thread_id": "1"}}
    agent = create_agent(thinker, toolkit().get_tools(), checkpointer=saver)
    first = agent.invoke({"messages": DRAW_AND_SPEAK}, config)
    again = create_agent(thinker, toolkit().get_tools(), checkpointer=saver)
    kept = results(again.get_state(config).values)
    assert [message.artifact for message in kept] == [message.artifact for message in results(first)]
    for message in kept:
        assert ToolMessage.model_validate_json(message.model_dump_json()).artifact == message.artifact
        assert sandbox.api_key not in dumps(message)
    sandbox.requests.clear()
    again.invoke({"messages": "Thank you."}, config)
    (prompt,) = prompts(sandbox)
    assert not LONG_BASE64.search(json.dumps(prompt))
    assert [message["role"] for message in prompt["messages"]].count("tool") == 2


# --- money and people ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("decision", ["approve", "reject", "edit"])
async def test_a_person_decides_before_anything_is_paid(
    thinker: Model, sandbox: Sandbox, toolkit: Callable[..., SophNetToolkit], decision: str
) -> None:
    paid = {"sophnet_image": True, "sophnet_image_edit": True, "sophnet_video": True}
    agent = create_agent(
        thinker,
        toolkit().get_tools(),
        middleware=[HumanInTheLoopMiddleware(interrupt_on=paid)],
        checkpointer=InMemorySaver(),
    )
    config: Any = {"configurable": {"thread_id": decision}}
    stopped = await agent.ainvoke({"messages": DRAW}, config)
    (asked,) = stopped["__interrupt__"][0].value["action_requests"]
    assert (asked["name"], asked["args"]) == ("sophnet_image", {"prompt": "a red circle on a white ground"})
    assert not ordered(sandbox)
    decisions: dict[str, dict[str, Any]] = {
        "approve": {"type": "approve"},
        "reject": {"type": "reject", "message": "Too expensive."},
        "edit": {"type": "edit", "edited_action": {"name": "sophnet_image", "args": {"prompt": "一只猫", "seed": 7}}},
    }
    state = await agent.ainvoke(Command(resume={"decisions": [decisions[decision]]}), config)
    (told,) = results(state)
    assert told.status == ("error" if decision == "reject" else "success")
    drawn = [order["input"]["prompt"] for order in ordered(sandbox)]
    expected = {"approve": ["a red circle on a white ground"], "reject": [], "edit": ["一只猫"]}
    assert drawn == expected[decision]


def test_a_looping_agent_cannot_spend_without_end(
    scripted: ScriptedServer, sandbox: Sandbox, toolkit: Callable[..., SophNetToolkit]
) -> None:
    def reply(seen: Any) -> Reply:
        done = sum(message["role"] == "tool" for message in seen.json["messages"])
        if done >= 6:
            return json_reply({"choices": [{"message": {"content": "I give up."}, "finish_reason": "stop"}]})
        function = {"name": "sophnet_image", "arguments": json.dumps({"prompt": f"another {done}"})}
        message = {"content": "", "tool_calls": [{"id": f"c{done}", "type": "function", "function": function}]}
        return json_reply({"choices": [{"message": message, "finish_reason": "tool_calls"}]})

    scripted.script(reply)
    llm = ChatQiniu(model="m", api_key="k", base_url=scripted.url)
    state = create_agent(llm, toolkit(max_calls={"sophnet_image": 2}).get_tools()).invoke({"messages": "?"})
    assert [message.status for message in results(state)] == ["success", "success", *["error"] * 4]
    assert state["messages"][-1].text == "I give up."
    assert len(ordered(sandbox)) == 2


def test_a_wrong_call_is_repaired_and_the_loop_goes_on(
    scripted: ScriptedServer, sandbox: Sandbox, toolkit: Callable[..., SophNetToolkit]
) -> None:
    tries = [
        {"prompt": "x", "size": "17*4"},
        {"words": "x"},
        {"prompt": 7, "colour": "red"},
        {"prompt": "a red circle", "size": "1328x1328"},
    ]

    def reply(seen: Any) -> Reply:
        done = sum(message["role"] == "tool" for message in seen.json["messages"])
        if done == len(tries):
            return json_reply({"choices": [{"message": {"content": "Here it is."}, "finish_reason": "stop"}]})
        function = {"name": "sophnet_image", "arguments": json.dumps(tries[done])}
        message = {"content": "", "tool_calls": [{"id": f"c{done}", "type": "function", "function": function}]}
        return json_reply({"choices": [{"message": message, "finish_reason": "tool_calls"}]})

    scripted.script(reply)
    llm = ChatSophNet(model="m", api_key="k", base_url=scripted.url)
    told = results(create_agent(llm, toolkit().get_tools()).invoke({"messages": "?"}))
    assert [message.status for message in told] == ["error", "error", "error", "success"]
    assert "size must be one of '1328*1328'" in told[0].text
    assert "there is no argument words" in told[1].text
    assert "prompt is missing" in told[1].text
    assert "there is no argument colour" in told[2].text
    assert [order["parameters"]["size"] for order in ordered(sandbox)] == ["1328*1328"]


def test_a_failed_picture_is_told_to_the_model(sandbox: Sandbox, toolkit: Callable[..., SophNetToolkit]) -> None:
    sandbox.faults.add(path="/texttoimage/task", method="POST", task_end="failed", message="内容不合规")
    (told,) = results(create_agent(sophnet(sandbox), toolkit().get_tools()).invoke({"messages": DRAW}))
    assert told.status == "error"
    assert "内容不合规" in told.text
    assert len(ordered(sandbox)) == 1


# --- middleware over both clouds -----------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["qiniu", "sophnet"])
def test_the_other_cloud_steps_in_within_a_loop(
    sandbox: Sandbox, toolkit: Callable[..., SophNetToolkit], first: str
) -> None:
    # The one cloud's first question is answered; its second, with reasoning to replay, goes to the other.
    both: dict[str, Model] = {
        "qiniu": qiniu(sandbox, "deepseek-r1", max_retries=0),
        "sophnet": sophnet(sandbox, "DeepSeek-R1", max_retries=0),
    }
    one, other = both.pop(first), *both.values()
    sandbox.variants.reasoning_replay = "required"
    sandbox.faults.add(path="/chat/completions", status=503, skip=1)
    agent = create_agent(one, toolkit().get_tools(), middleware=[ModelFallbackMiddleware(other)])
    state = agent.invoke({"messages": DRAW})
    answers = [message for message in state["messages"] if isinstance(message, AIMessage)]
    assert [answer.response_metadata["model_provider"] for answer in answers] == [first, *both]
    assert results(state)[0].artifact["url"] in answers[-1].text
    assert len(ordered(sandbox)) == 1


async def test_a_passing_failure_is_retried_and_nothing_is_ordered_twice(
    sandbox: Sandbox, toolkit: Callable[..., SophNetToolkit]
) -> None:
    sandbox.faults.add(path="/chat/completions", status=429, skip=1, retry_after="0")
    sandbox.faults.add(path="/chat/completions", status=503)
    retry = ModelRetryMiddleware(max_retries=3, initial_delay=0.0, on_failure="error")
    agent = create_agent(sophnet(sandbox, max_retries=0), toolkit().get_tools(), middleware=[retry])
    state = await agent.ainvoke({"messages": DRAW})
    assert results(state)[0].status == "success"
    assert len(ordered(sandbox)) == 1
    # The fault that waits behind spoils the first question, the other one the second.
    assert len(prompts(sandbox)) == 4


@pytest.mark.parametrize("overflows", [False, True])
def test_a_long_history_with_results_of_tools_is_summarised(
    sandbox: Sandbox, toolkit: Callable[..., SophNetToolkit], *, overflows: bool
) -> None:
    llm = sophnet(sandbox, profile={"max_input_tokens": 200})
    summary = SummarizationMiddleware(llm, trigger=("fraction", 0.8), keep=("messages", 2))
    agent = create_agent(llm, toolkit().get_tools(), middleware=[summary], checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "1"}}
    agent.invoke({"messages": DRAW_AND_SPEAK}, config)
    sandbox.requests.clear()
    if overflows:  # the question for a summary is too long itself, and is asked again, shorter
        told = "This model's maximum context length is 100 tokens, and the prompt is longer."
        sandbox.faults.add(path="/chat/completions", status=400, message=told)
    state = agent.invoke({"messages": "Thank you. " + "It was fine yesterday. " * 40}, config)
    assert state["messages"][0].text.startswith("Here is a summary of the conversation")
    assert state["messages"][-1].text
    *summaries, last = prompts(sandbox)
    assert len(summaries) == (2 if overflows else 1)
    assert {len(one["messages"]) for one in summaries} == {1}
    assert last["messages"][0]["content"] == state["messages"][0].text
    assert not ordered(sandbox)


def test_a_model_that_declines_is_followed_by_another(
    scripted: ScriptedServer, sandbox: Sandbox, toolkit: Callable[..., SophNetToolkit]
) -> None:
    message = {"content": None, "refusal": "I draw no circles."}
    scripted.script(json_reply({"choices": [{"message": message, "finish_reason": "stop"}]}))
    shy = ChatQiniu(model="m", api_key="k", base_url=scripted.url)
    middleware = [ModelFallbackMiddleware(sophnet(sandbox)), ModelRefusalMiddleware()]
    state = create_agent(shy, toolkit().get_tools(), middleware=middleware).invoke({"messages": DRAW})
    assert [message.status for message in results(state)] == ["success"]
    with pytest.raises(ModelRefusalError):
        create_agent(shy, [], middleware=[ModelRefusalMiddleware()]).invoke({"messages": DRAW})


async def test_cancelling_a_graph_ends_the_waiting_of_its_tool(
    sandbox: Sandbox, toolkit: Callable[..., SophNetToolkit]
) -> None:
    sandbox.faults.add(path="/texttoimage", method="POST", task_end="never")
    agent = create_agent(sophnet(sandbox), toolkit().get_tools())
    begun = asyncio.Event()

    async def run() -> None:
        async for _ in agent.astream({"messages": DRAW}, stream_mode="custom"):
            begun.set()

    task = asyncio.create_task(run())
    await asyncio.wait_for(begun.wait(), 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    looked = len(list(sandbox.requests))
    await asyncio.sleep(0.8)
    assert len(list(sandbox.requests)) <= looked + 1  # one may have been under way


# --- structured answers after real tools ---------------------------------------------------------------------------


class Picture(BaseModel):
    """A picture that was made."""

    url: str


@pytest.mark.parametrize(
    "strategy", [Picture, ToolStrategy(Picture), ProviderStrategy(Picture)], ids=["auto", "tool", "provider"]
)
async def test_a_structured_answer_about_what_was_made(
    thinker: Model, sandbox: Sandbox, toolkit: Callable[..., SophNetToolkit], strategy: Any
) -> None:
    agent = create_agent(thinker, toolkit(include=["sophnet_image"]).get_tools(), response_format=strategy)
    for state in (agent.invoke({"messages": DRAW}), await agent.ainvoke({"messages": DRAW})):
        drawn = next(message for message in results(state) if message.name == "sophnet_image")
        assert isinstance(state["structured_response"], Picture)
        assert state["structured_response"].url == drawn.artifact["url"]


# --- secrets and thieves -------------------------------------------------------------------------------------------


class Everything(BaseCallbackHandler):
    """Record whatever a tracer could see."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("on_") or name == "raise_error":
            return lambda *args, **kwargs: self.seen.append(f"{name} {args!r} {kwargs!r} {dumps((args, kwargs))}")
        return super().__getattribute__(name)


def test_the_key_is_in_no_trace(sandbox: Sandbox, toolkit: Callable[..., SophNetToolkit]) -> None:
    tracer = Everything()
    agent = create_agent(sophnet(sandbox), toolkit().get_tools())
    config: Any = {"callbacks": [tracer]}
    agent.invoke({"messages": DRAW}, config)
    sandbox.faults.add(path="/texttoimage", status=401, message=f"bad key {sandbox.api_key}")
    agent.invoke({"messages": DRAW}, config)
    whole = "\n".join(tracer.seen)
    assert "on_tool_end" in whole
    assert "sophnet_image" in whole
    assert sandbox.api_key not in whole


@pytest.fixture
def adversary(tmp_path: Path) -> Iterator[Adversary]:
    made = Adversary(tmp_path, "sophnet_document", "sophnet_ocr")
    yield made
    made.server.close()


@pytest.mark.parametrize("cloud", [ChatSophNet, ChatQiniu])
async def test_a_page_that_orders_a_theft_gets_nothing(
    sandbox: Sandbox,
    toolkit: Callable[..., SophNetToolkit],
    scripted: ScriptedServer,
    adversary: Adversary,
    cloud: type[Model],
) -> None:
    gullible = Gullible(scripted, "sophnet_document", {"document": "invoice.txt"})
    tools = toolkit(root_dir=adversary.root, output_dir=adversary.root / "made").get_tools()
    agent = create_agent(cloud(model="m", api_key="k", base_url=scripted.url), tools)
    state = await agent.ainvoke({"messages": "Read invoice.txt."}, {"recursion_limit": 60})
    page, *told = results(state)
    assert page.status == "success"
    assert "Ignore all previous instructions" in page.text
    # The model obeyed each order; the tools did not.
    assert len(told) == adversary.orders
    assert all(message.status == "error" for message in told[:-1])
    for whole in (gullible.prompts, adversary.got, str(state), str([request.body for request in sandbox.requests])):
        assert CANARY not in whole
        assert sandbox.api_key not in whole
    assert not (adversary.root / "made").exists()


def test_what_lies_inside_the_folder_would_have_been_read(
    toolkit: Callable[..., SophNetToolkit], scripted: ScriptedServer, adversary: Adversary
) -> None:
    # The same orders to tools with a wider folder: what is tested above is the tools, not a model that is too shy.
    gullible = Gullible(scripted, "sophnet_document", {"document": "root/invoice.txt"})
    tools = toolkit(root_dir=adversary.root.parent).get_tools()
    agent = create_agent(ChatQiniu(model="m", api_key="k", base_url=scripted.url), tools)
    agent.invoke({"messages": "Read root/invoice.txt."}, {"recursion_limit": 60})
    assert CANARY in gullible.prompts
