"""LlamaIndex's agents with the tool specs' tools, over the sandbox: loops, money, progress, hand-off, and a thief."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent, ReActAgent, ToolCallResult
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers.base import BaseEventHandler
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.workflow import Context, HumanResponseEvent, InputRequiredEvent, JsonSerializer

from maaskit.llama_index import QiniuLLM, SophNetToolSpec
from maaskit.llama_index.tool_spec import ToolProgressEvent
from maaskit.sandbox import Sandbox
from tests.adversary import CANARY, Adversary
from tests.gullible import Gullible
from tests.llama_index.test_agents import calling, check_protocol, script
from tests.scripted import ScriptedServer

# As in test_agents: core's workflows look at every attribute of an agent.
pytestmark = [
    pytest.mark.filterwarnings("ignore:is_running called from within a step:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The `__fields:pydantic.warnings.PydanticDeprecatedSince20"),
    pytest.mark.filterwarnings("ignore:Accessing the 'model_:pydantic.warnings.PydanticDeprecatedSince211"),
]

DRAW = "Use generate_image to draw “a red circle on a white ground”."
SPEAK = "Use synthesize_speech to say “good morning everybody”."
READ_AND_SPEAK = (
    "Use parse_document to read the document note.txt, and use synthesize_speech to say “good morning everybody”."
)
LONG_BASE64 = re.compile(r"[A-Za-z0-9+/]{200,}")

Spec = Callable[..., SophNetToolSpec]


@pytest.fixture
def spec(sandbox: Sandbox) -> Spec:
    def made(**fields: Any) -> SophNetToolSpec:
        cloud = {"api_key": sandbox.api_key, "base_url": sandbox.sophnet_url}
        ids = {"project_id": sandbox.project_id, "easyllm_id": sandbox.easyllm_id}
        return SophNetToolSpec(**{**cloud, **ids, **fields})

    return made


def prompts(sandbox: Sandbox) -> list[dict[str, Any]]:
    return [request.json for request in sandbox.requests if request.path.endswith("/chat/completions")]


def ordered(sandbox: Sandbox) -> list[dict[str, Any]]:
    return [r.json for r in sandbox.requests if r.method == "POST" and "texttoimage" in r.path]


async def run(agent: Any, question: str, **more: Any) -> tuple[list[ToolCallResult], Any]:
    handler = agent.run(question, **more)
    results = [event async for event in handler.stream_events() if isinstance(event, ToolCallResult)]
    return results, await handler


@pytest.mark.parametrize("streaming", [True, False])
async def test_a_function_agent_reads_and_speaks_at_once(
    llm: Any, sandbox: Sandbox, spec: Spec, tmp_path: Path, streaming: bool
) -> None:
    (tmp_path / "note.txt").write_text("The meeting is on Friday at ten.")
    agent = FunctionAgent(tools=spec(root_dir=tmp_path).to_tool_list(), llm=llm, streaming=streaming)
    results, response = await run(agent, READ_AND_SPEAK)
    assert sorted(result.tool_name for result in results) == ["parse_document", "synthesize_speech"]
    assert [result.tool_output.is_error for result in results] == [False, False]
    assert "Friday" in str(response)
    for prompt in prompts(sandbox):
        check_protocol(prompt["messages"])
        assert not LONG_BASE64.search(json.dumps(prompt))


async def test_a_picture_comes_by_its_address(make_llm: Any, sandbox: Sandbox, spec: Spec) -> None:
    # SophNet's DeepSeek is shown no pictures; a model that is shown them is asked in test_agents.
    agent = FunctionAgent(tools=spec().to_tool_list(), llm=make_llm("sophnet"))
    (drawn,), response = await run(agent, DRAW)
    text, picture = drawn.tool_output.blocks
    assert isinstance(text, TextBlock)
    assert isinstance(picture, ImageBlock)
    assert str(picture.url) in text.text
    assert str(picture.url) in str(response)
    assert len(ordered(sandbox)) == 1


@pytest.mark.parametrize("saves", [True, False])
async def test_a_memory_with_a_picture_can_be_stored(
    make_llm: Any, sandbox: Sandbox, spec: Spec, tmp_path: Path, saves: bool
) -> None:
    tools = spec(output_dir=tmp_path if saves else None).to_tool_list()
    memory = ChatMemoryBuffer.from_defaults(token_limit=4000)
    (drawn,), _ = await run(FunctionAgent(tools=tools, llm=make_llm("sophnet")), DRAW, memory=memory)
    with pytest.raises(ValueError, match="Failed to serialize"):  # which a Context only warns of
        JsonSerializer().serialize(memory)
    stored = [message.model_dump_json() for message in memory.get_all()]
    again = ChatMemoryBuffer.from_defaults([ChatMessage.model_validate_json(message) for message in stored])
    assert again.get_all() == memory.get_all()
    picture = again.get_all()[2].blocks[1]
    assert isinstance(picture, ImageBlock)
    assert picture == drawn.tool_output.blocks[1]
    await run(FunctionAgent(tools=tools, llm=make_llm("sophnet")), "Repeat after me exactly: bye", memory=again)
    messages = prompts(sandbox)[-1]["messages"]
    check_protocol(messages)
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "assistant", "user"]


@pytest.mark.parametrize("streaming", [True, False])
async def test_reasoning_goes_back_with_the_tools_results(
    make_llm: Any, cloud: str, sandbox: Sandbox, spec: Spec, streaming: bool
) -> None:
    sandbox.variants.reasoning_replay = "required"
    thinker = make_llm(cloud, model="deepseek-r1" if cloud == "qiniu" else "DeepSeek-R1")
    agent = FunctionAgent(tools=spec().to_tool_list(), llm=thinker, streaming=streaming)
    results, _ = await run(agent, SPEAK)
    assert [result.tool_name for result in results] == ["synthesize_speech"]
    first, second = prompts(sandbox)
    assert first["messages"][-1]["role"] == "user"
    assistant = next(message for message in second["messages"] if message["role"] == "assistant")
    assert assistant["reasoning_content"]


async def test_a_react_agent_draws(scripted: ScriptedServer, scripted_llm: Any, sandbox: Sandbox, spec: Spec) -> None:
    # ReAct tells its tools in prose; the model is scripted, the tool is real.
    acts = 'Thought: I draw.\nAction: generate_image\nAction Input: {"prompt": "a red circle", "size": "1328x1328"}'
    script(scripted, {"content": acts}, {"content": "Thought: I can answer.\nAnswer: Here it is."})
    agent = ReActAgent(tools=spec().to_tool_list(), llm=scripted_llm(), streaming=False)
    results, response = await run(agent, "Draw a red circle.")
    assert "Here it is." in str(response)
    assert [result.tool_output.is_error for result in results] == [False]
    assert [order["parameters"]["size"] for order in ordered(sandbox)] == ["1328*1328"]
    observed = json.dumps(scripted.seen[-1].json, ensure_ascii=False)
    assert "Picture (image/png" in observed
    assert not LONG_BASE64.search(observed)


@pytest.mark.parametrize("streaming", [True, False])
async def test_a_react_agent_of_the_sandbox_draws_and_tells(
    llm: Any, sandbox: Sandbox, spec: Spec, streaming: bool
) -> None:
    agent = ReActAgent(tools=spec().to_tool_list(), llm=llm, streaming=streaming)
    (drawn,), response = await run(agent, DRAW)
    assert (drawn.tool_name, drawn.tool_output.is_error) == ("generate_image", False)
    assert str(drawn.tool_output.blocks[1].url) in str(response)
    assert [order["input"]["prompt"] for order in ordered(sandbox)] == ["a red circle on a white ground"]
    assert not any("tools" in prompt for prompt in prompts(sandbox))


async def test_agents_hand_off_to_the_one_that_draws(
    scripted: ScriptedServer, scripted_llm: Any, sandbox: Sandbox, spec: Spec
) -> None:
    hand_off = calling("handoff", {"to_agent": "painter", "reason": "it can draw"}, "h")
    draw = calling("generate_image", {"prompt": "一只猫"}, "d")
    script(scripted, {"tool_calls": [hand_off]}, {"tool_calls": [draw]}, {"content": "A cat."})
    llm = scripted_llm()
    writer = FunctionAgent(
        name="writer", description="Writes.", tools=[], llm=llm, can_handoff_to=["painter"], streaming=False
    )
    painter = FunctionAgent(
        name="painter",
        description="Draws.",
        tools=spec(include=["generate_image"]).to_tool_list(),
        llm=llm,
        streaming=False,
    )
    flow = AgentWorkflow(agents=[writer, painter], root_agent="writer")
    results, response = await run(flow, "Draw a cat.")
    assert [result.tool_name for result in results] == ["handoff", "generate_image"]
    assert str(response) == "A cat."
    assert [order["input"]["prompt"] for order in ordered(sandbox)] == ["一只猫"]
    check_protocol(scripted.seen[-1].json["messages"])


async def test_a_wrong_call_is_repaired_and_the_loop_goes_on(
    scripted: ScriptedServer, scripted_llm: Any, sandbox: Sandbox, spec: Spec
) -> None:
    tries: list[dict[str, Any]] = [
        {"prompt": "x", "size": "17*4"},
        {"words": "x"},
        {"prompt": "a red circle", "colour": "red"},
        {"prompt": "a red circle", "size": "1328x1328"},
    ]
    script(scripted, *({"tool_calls": [calling("generate_image", one)]} for one in tries), {"content": "Here it is."})
    agent = FunctionAgent(tools=spec().to_tool_list(), llm=scripted_llm(), streaming=False)
    results, response = await run(agent, "?")
    assert str(response) == "Here it is."
    assert [result.tool_output.is_error for result in results] == [True, True, True, False]
    told = [result.tool_output.content for result in results]
    assert "size must be one of '1328*1328'" in told[0]
    assert "prompt is missing" in told[1]
    assert "there is no argument colour" in told[2]
    assert len(ordered(sandbox)) == 1


async def test_a_looping_agent_cannot_spend_without_end(
    scripted: ScriptedServer, scripted_llm: Any, sandbox: Sandbox, spec: Spec
) -> None:
    calls = [{"tool_calls": [calling("generate_image", {"prompt": f"another {n}"}, f"c{n}")]} for n in range(5)]
    script(scripted, *calls, {"content": "I give up."})
    tools = spec(max_calls={"sophnet_image": 2}).to_tool_list()
    results, _ = await run(FunctionAgent(tools=tools, llm=scripted_llm(), streaming=False), "?")
    assert [result.tool_output.is_error for result in results] == [False, False, True, True, True]
    assert "max_calls=2" in results[-1].tool_output.content
    assert len(ordered(sandbox)) == 2


class _Heard(BaseEventHandler):
    """Keep the progress that is told."""

    events: list[ToolProgressEvent] = []  # noqa: RUF012 - pydantic copies it

    @classmethod
    def class_name(cls) -> str:
        return "Heard"

    def handle(self, event: Any, **_: Any) -> None:
        if isinstance(event, ToolProgressEvent):
            self.events.append(event)


async def test_progress_is_told_while_an_agent_draws(make_llm: Any, spec: Spec) -> None:
    heard = _Heard()
    root = get_dispatcher()
    root.add_event_handler(heard)
    try:
        await run(FunctionAgent(tools=spec().to_tool_list(), llm=make_llm("sophnet")), DRAW)
    finally:
        root.event_handlers.remove(heard)
    assert (heard.events[0].phase, heard.events[-1].phase) == ("waiting", "succeeded")
    assert {event.task_id for event in heard.events} == {heard.events[0].task_id}


@pytest.mark.parametrize("allowed", [True, False])
async def test_a_person_decides_before_anything_is_paid(
    scripted: ScriptedServer, scripted_llm: Any, sandbox: Sandbox, spec: Spec, allowed: bool
) -> None:
    draw = spec().to_tool_list(["generate_image"])[0]

    async def draw_if_allowed(ctx: Context, prompt: str) -> Any:
        """Draw a picture, if a person agrees."""
        answer = await ctx.wait_for_event(
            HumanResponseEvent, waiter_id=prompt, waiter_event=InputRequiredEvent(prefix=f"Pay for {prompt!r}?")
        )
        return (await draw.acall(prompt=prompt)).content if answer.response == "yes" else "The person said no."

    draw_if_allowed.__annotations__ = {"ctx": Context, "prompt": str}  # core reads no annotations in quotes
    script(scripted, {"tool_calls": [calling("draw_if_allowed", {"prompt": "一只猫"})]}, {"content": "Done."})
    handler = FunctionAgent(tools=[draw_if_allowed], llm=scripted_llm(), streaming=False).run("Draw a cat.")
    async for event in handler.stream_events():
        if isinstance(event, InputRequiredEvent):
            assert not ordered(sandbox)
            assert handler.ctx is not None
            handler.ctx.send_event(HumanResponseEvent(response="yes" if allowed else "no"))
    assert str(await handler) == "Done."
    assert len(ordered(sandbox)) == (1 if allowed else 0)
    told = scripted.seen[-1].json["messages"][-1]["content"]
    assert ("Picture (image/png" in told) is allowed


async def test_many_agents_at_once(llm: Any, sandbox: Sandbox, spec: Spec) -> None:
    tools = spec().to_tool_list()
    runs = [run(FunctionAgent(tools=tools, llm=llm), SPEAK) for _ in range(4)]
    for results, _ in await asyncio.gather(*runs):
        assert [result.tool_output.is_error for result in results] == [False]
    assert len([request for request in sandbox.requests if "synthesize-audio" in request.path]) == 4


@pytest.fixture
def adversary(tmp_path: Path) -> Iterator[Adversary]:
    made = Adversary(tmp_path, "parse_document", "recognize_text")
    yield made
    made.server.close()


@pytest.mark.parametrize("streaming", [True, False])
async def test_a_page_that_orders_a_theft_gets_nothing(
    sandbox: Sandbox, spec: Spec, scripted: ScriptedServer, adversary: Adversary, streaming: bool
) -> None:
    gullible = Gullible(scripted, "parse_document", {"document": "invoice.txt"})
    tools = spec(root_dir=adversary.root, output_dir=adversary.root / "made").to_tool_list()
    llm = QiniuLLM(model="m", api_key="k", base_url=scripted.url)
    results, _ = await run(
        FunctionAgent(tools=tools, llm=llm, streaming=streaming), "Read invoice.txt.", max_iterations=40
    )
    page, *told = results
    assert "Ignore all previous instructions" in page.tool_output.content
    assert len(told) == adversary.orders
    assert all(result.tool_output.is_error for result in told[:-1])
    for whole in (gullible.prompts, adversary.got, str(results), str([request.body for request in sandbox.requests])):
        assert CANARY not in whole
        assert sandbox.api_key not in whole
    assert not (adversary.root / "made").exists()


async def test_what_lies_inside_the_folder_would_have_been_read(
    spec: Spec, scripted: ScriptedServer, adversary: Adversary
) -> None:
    gullible = Gullible(scripted, "parse_document", {"document": "root/invoice.txt"})
    tools = spec(root_dir=adversary.root.parent).to_tool_list()
    llm = QiniuLLM(model="m", api_key="k", base_url=scripted.url)
    await run(FunctionAgent(tools=tools, llm=llm, streaming=False), "Read it.", max_iterations=40)
    assert CANARY in gullible.prompts
