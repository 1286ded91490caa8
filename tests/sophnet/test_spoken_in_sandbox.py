"""Chat with voice output asked of the sandbox, which was written apart from the client: every form that it can take."""

from __future__ import annotations

import array
import asyncio
import io
import json
import wave
from typing import Any

import pytest
from langchain.agents import create_agent
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.tools import FunctionTool

from maaskit import APIError, AsyncClient, Client, RetryPolicy, SophNet, StreamInterrupted
from maaskit.langchain import ChatSophNet
from maaskit.llama_index import SophNetLLM
from maaskit.sandbox import Sandbox
from maaskit.sophnet import spoken_chat
from maaskit.sophnet.spoken_chat import SpokenAnswer

WORDS = "the weather is fine today"
SAY = [{"role": "user", "content": f"Repeat after me exactly: {WORDS}"}]
MODEL = "Qwen2.5-32B-Instruct"
WAV = "WAV_16000HZ_MONO_16BIT"


@pytest.fixture(params=["sync", "async"])
def ask(request: pytest.FixtureRequest, sandbox: Sandbox) -> Any:
    cloud = SophNet(
        api_key=sandbox.api_key,
        base_url=sandbox.sophnet_url,
        project_id=sandbox.project_id,
        easyllm_id=sandbox.easyllm_id,
    )
    settings: dict[str, Any] = {"timeout": 60.0, "retry_policy": RetryPolicy(max_retries=0)}

    def run(messages: Any = SAY, form: str | None = WAV, **options: Any) -> SpokenAnswer:
        question = spoken_chat.stream(messages, MODEL, format=form, **options)

        async def main() -> list[Any]:
            async with AsyncClient(cloud, **settings) as client:
                return [delta async for delta in client.stream(question)]

        if request.param == "async":
            return spoken_chat.joined(asyncio.run(main()), form)
        with Client(cloud, **settings) as client:
            return spoken_chat.joined(list(client.stream(question)), form)

    return run


def check(answer: SpokenAnswer) -> None:
    """Measure the sound: as long as such words are, and not silent."""
    assert answer.content.strip().rstrip(".") == WORDS
    assert answer.content_type == "audio/wav"
    with wave.open(io.BytesIO(answer.audio)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16000, 1, 2)
        samples = array.array("h", file.readframes(file.getnframes()))
    assert 0.8 < len(samples) / 16000 < 5
    assert max(map(abs, samples)) > 1000
    assert answer.finish_reason == "stop"
    assert answer.characters


def test_an_answer_is_written_and_spoken(ask: Any, sandbox: Sandbox) -> None:
    check(ask(voice="longwan", volume=80, speech_rate=1.0, pitch_rate=1.0, speech_model="cosyvoice-v1"))
    (request,) = sandbox.requests
    assert request.path.endswith("/v1/chat/completions-with-voice-output")


@pytest.mark.parametrize(
    "variants",
    [
        {"audio_frame": "object"},
        {"audio_frame": "data"},
        {"empty_frames": True},
        {"speech_finish": "with_audio"},
        {"speech_wav_size": "unknown"},
        {"sse_prefix": "no_space"},
        {"sse_prefix": "space", "done": "sent", "newline": "crlf", "comments": True},
        {"sse_prefix": "bare", "blank_lines": False, "charset": True},
        {"finish": "last_piece", "ids": "absent", "usage": "none", "finish_before": "absent"},
    ],
    ids=str,
)
def test_every_form_of_the_stream_is_read(ask: Any, sandbox: Sandbox, variants: dict[str, Any]) -> None:
    for name, value in variants.items():
        setattr(sandbox.variants, name, value)
    check(ask())


@pytest.mark.parametrize(
    ("form", "kind"),
    [
        (None, "audio/mpeg"),
        ("MP3_16000HZ_MONO_128KBPS", "audio/mpeg"),
        ("MP3_22050HZ_MONO_256KBPS", "audio/mpeg"),
        ("PCM_16000HZ_MONO_16BIT", "audio/L16"),
    ],
)
def test_the_other_formats(ask: Any, form: str | None, kind: str) -> None:
    answer = ask(form=form)
    assert (answer.content_type, len(answer.audio) > 5000) == (kind, True)


def test_a_call_of_a_function_and_its_result(ask: Any) -> None:
    tool = {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "Get the weather in a city.",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    }
    question = {"role": "user", "content": "Call get_weather for the city Shanghai."}
    answer = ask([question], tools=[tool])
    (call,) = answer.tool_calls
    assert (call.name, answer.finish_reason) == ("get_weather", "tool_calls")
    asked = {
        "role": "assistant",
        "content": "",
        "tool_calls": [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        ],
    }
    told = {"role": "tool", "tool_call_id": call.id, "content": "20 degrees and sunny"}
    spoken = ask([question, asked, told], tools=[tool])
    assert "20" in spoken.content
    assert spoken.audio


@pytest.mark.parametrize("clean", [True, False])
def test_a_cut_stream_is_an_interruption_with_what_came(ask: Any, sandbox: Sandbox, clean: bool) -> None:
    sandbox.faults.add("completions-with-voice-output", cut_after_bytes=24_000, clean=clean)
    with pytest.raises(StreamInterrupted) as caught:
        ask()
    assert caught.value.partial.content.strip().rstrip(".") == WORDS
    assert len(caught.value.partial.audio) > 1000


def test_a_stream_that_drips(ask: Any, sandbox: Sandbox) -> None:
    sandbox.faults.add("completions-with-voice-output", drip_s=0.001, drip_bytes=997)
    check(ask())


def test_an_error_in_mid_stream(ask: Any, sandbox: Sandbox) -> None:
    sandbox.faults.add(
        "completions-with-voice-output", error_event={"status": 500, "message": "worn out"}, error_after_events=4
    )
    with pytest.raises(APIError, match="worn out"):
        ask()


def test_what_the_service_refuses_is_its_refusal(ask: Any) -> None:
    with pytest.raises(APIError):
        ask(easyllm_id="nobody's")


# The frameworks' agents: what was spoken stays out of the next prompt.


def _way(sandbox: Sandbox) -> dict[str, Any]:
    return {
        "model": "Qwen2.5-72B-Instruct",
        "api_key": sandbox.api_key,
        "base_url": sandbox.sophnet_url,
        "easyllm_id": sandbox.easyllm_id,
        "audio": {"format": WAV},
    }


def get_weather(city: str) -> str:
    """Get the weather in a city."""
    return f"It is 20 degrees and sunny in {city}."


def _longest_prompt(sandbox: Sandbox) -> int:
    asked = [request.json["chat_completion_req"]["messages"] for request in sandbox.requests]
    return max(len(json.dumps(messages)) for messages in asked)


def test_an_agent_of_langchain_speaks_its_answers(sandbox: Sandbox) -> None:
    agent = create_agent(ChatSophNet(**_way(sandbox)), tools=[get_weather])
    told = agent.invoke({"messages": [("user", "Call get_weather for the city Shanghai.")]})["messages"]
    assert "20 degrees" in told[-1].content
    assert len(told[-1].additional_kwargs["audio"]["data"]) > 20_000
    again = agent.invoke({"messages": [*told, ("user", "Thank you!")]})["messages"]
    assert again[-1].additional_kwargs["audio"]["data"]
    assert _longest_prompt(sandbox) < 2000


@pytest.mark.filterwarnings("ignore:is_running called from within a step:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:The `__fields:pydantic.warnings.PydanticDeprecatedSince20")
@pytest.mark.filterwarnings("ignore:Accessing the 'model_:pydantic.warnings.PydanticDeprecatedSince211")
@pytest.mark.filterwarnings("ignore:Skipping serialization")  # core stores no bytes: a memory of one's own is kept
async def test_an_agent_of_llama_index_speaks_its_answers(sandbox: Sandbox) -> None:
    agent = FunctionAgent(llm=SophNetLLM(**_way(sandbox)), tools=[FunctionTool.from_defaults(fn=get_weather)])
    memory = ChatMemoryBuffer.from_defaults(token_limit=8000)
    first = await agent.run("Call get_weather for the city Shanghai.", memory=memory)
    assert "20 degrees" in first.response.content
    assert [block.block_type for block in first.response.blocks] == ["text", "audio"]
    second = await agent.run("Thank you!", memory=memory)
    assert [block.block_type for block in second.response.blocks] == ["text", "audio"]
    assert sandbox.requests[-1].json["chat_completion_req"]["messages"][:4][-1]["content"] == first.response.content
    assert _longest_prompt(sandbox) < 2000
