"""What core sees of each request: events, callbacks, counted tokens, rate limiters; never a key."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from llama_index.core.callbacks import CallbackManager, CBEventType, TokenCountingHandler
from llama_index.core.callbacks.base_handler import BaseCallbackHandler
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events import BaseEvent
from llama_index.core.instrumentation.span_handlers import SimpleSpanHandler
from llama_index.core.rate_limiter import BaseRateLimiter
from pydantic import BaseModel

from maaskit import MaasError, StreamInterrupted
from maaskit.llama_index import QiniuLLM, SophNetLLM
from tests.llama_index.conftest import KEY
from tests.llama_index.ways import COMPLETIONS, END, USAGE, WAYS, ask, call, calls, chunk, user, whole
from tests.scripted import ScriptedServer, json_reply, sse_reply

EVENTS: list[BaseEvent] = []


class Keeper(BaseEventHandler):
    """Keep all events."""

    @classmethod
    def class_name(cls) -> str:
        return "Keeper"

    def handle(self, event: BaseEvent, **kwargs: Any) -> None:
        EVENTS.append(event)


@pytest.fixture
def events() -> Iterator[list[BaseEvent]]:
    dispatcher = get_dispatcher()
    keeper = Keeper()
    dispatcher.add_event_handler(keeper)
    EVENTS.clear()
    yield EVENTS
    dispatcher.event_handlers.remove(keeper)
    EVENTS.clear()


def both(server: ScriptedServer) -> None:
    stream = sse_reply(
        chunk({"reasoning_content": "why"}), chunk({"content": "a"}), chunk({"content": "b"}), END, USAGE
    )
    server.script(lambda seen: stream if seen.json.get("stream") else json_reply(whole("ab", reasoning_content="why")))


def argument(way: str) -> Any:
    return "x" if "complete" in way else user("x")


@pytest.mark.parametrize("way", [*WAYS, *COMPLETIONS])
def test_each_request_has_its_events(scripted: ScriptedServer, scripted_llm: Any, events: list[Any], way: str) -> None:
    both(scripted)
    ask(scripted_llm(), way, argument(way), temperature=0.5)
    kind = "Completion" if "complete" in way else "Chat"
    names = [event.class_name() for event in events]
    assert names[0] == f"LLM{kind}StartEvent"
    assert names[-1] == f"LLM{kind}EndEvent"
    assert names.count(f"LLM{kind}StartEvent") == names.count(f"LLM{kind}EndEvent") == 1
    assert names.count(f"LLM{kind}InProgressEvent") == (4 if "stream" in way else 0)
    start, end = events[0], events[-1]
    assert start.model_dict["class_name"] == "QiniuLLM"
    assert start.model_dict["provider"] == "qiniu"
    assert start.model_dict["model_name"] == "deepseek-v3"
    assert start.additional_kwargs["temperature"] == 0.5
    assert end.response.raw["usage"]["total_tokens"] == 7
    assert (end.response.text if kind == "Completion" else end.response.message.content) == "ab"
    assert KEY not in "".join(repr(event) + str(event.model_dump()) for event in events)
    assert all(event.span_id for event in events)


@pytest.mark.parametrize("way", ["chat", "stream_chat"])
def test_dumping_events_does_not_change_answers(
    scripted: ScriptedServer, scripted_llm: Any, events: list[Any], way: str
) -> None:
    both(scripted)
    response = ask(scripted_llm(), way, user("x"))[-1]
    before = response.model_dump_json()
    for event in events:
        event.model_dump()
    assert response.model_dump_json() == before
    assert isinstance(response.raw, dict)


@pytest.mark.parametrize("way", ["stream_chat", "astream_chat"])
def test_a_broken_stream_is_an_exception_event(
    scripted: ScriptedServer, scripted_llm: Any, events: list[Any], way: str
) -> None:
    scripted.script(sse_reply(chunk({"content": "a"}), done=False))
    with pytest.raises(StreamInterrupted):
        ask(scripted_llm(), way, user("x"))
    assert isinstance(events[-1].exception, StreamInterrupted)
    assert not any(event.class_name() == "LLMChatEndEvent" for event in events)


def test_spans(scripted: ScriptedServer, scripted_llm: Any) -> None:
    both(scripted)
    dispatcher = get_dispatcher()
    handler = SimpleSpanHandler()
    dispatcher.add_span_handler(handler)
    try:
        llm = scripted_llm()
        for way in WAYS:
            ask(llm, way, user("x"))
    finally:
        dispatcher.span_handlers.remove(handler)
    names = [span.id_.split("-")[0] for span in handler.completed_spans]
    assert names == [f"QiniuLLM.{way}" for way in WAYS]
    assert KEY not in repr(handler.completed_spans)


class Recorder(BaseCallbackHandler):
    """Keep what callbacks are told."""

    def __init__(self) -> None:
        super().__init__([], [])
        self.started: list[Any] = []
        self.ended: list[Any] = []

    def start_trace(self, trace_id: str | None = None) -> None: ...

    def end_trace(self, trace_id: str | None = None, trace_map: Any = None) -> None: ...

    def on_event_start(self, event_type: CBEventType, payload: Any = None, event_id: str = "", **kwargs: Any) -> str:
        self.started.append((event_type, payload))
        return event_id

    def on_event_end(self, event_type: CBEventType, payload: Any = None, event_id: str = "", **kwargs: Any) -> None:
        self.ended.append((event_type, payload))


@pytest.mark.parametrize("way", [*WAYS, *COMPLETIONS])
def test_callbacks_are_told_once_and_without_a_key(scripted: ScriptedServer, scripted_llm: Any, way: str) -> None:
    both(scripted)
    recorder = Recorder()
    ask(scripted_llm(callback_manager=CallbackManager([recorder])), way, argument(way))
    assert [kind for kind, _ in recorder.started] == [kind for kind, _ in recorder.ended] == [CBEventType.LLM]
    assert KEY not in repr(recorder.started) + repr(recorder.ended)


def test_callbacks_are_told_of_failures(scripted: ScriptedServer, scripted_llm: Any) -> None:
    scripted.script(json_reply({"error": {"message": f"no {KEY}"}}, 401))
    recorder = Recorder()
    with pytest.raises(MaasError):
        scripted_llm(callback_manager=CallbackManager([recorder])).chat(user("x"))
    assert KEY not in repr(recorder.ended)
    assert "exception" in repr(recorder.ended[0][1])


@pytest.mark.parametrize("way", [*WAYS, *COMPLETIONS])
def test_tokens_are_counted_as_the_service_counts(make_llm: Any, cloud: str, way: str) -> None:
    def no_guess(text: str) -> list[int]:
        raise AssertionError(f"guessed at {text!r}")

    counter = TokenCountingHandler(tokenizer=no_guess)
    llm = make_llm(cloud, callback_manager=CallbackManager([counter]), stream_usage=True)
    response = ask(llm, way, "hello" if "complete" in way else user("hello"))[-1]
    usage = response.raw["usage"]
    assert counter.prompt_llm_token_count == usage["prompt_tokens"] > 0
    assert counter.completion_llm_token_count == usage["completion_tokens"] > 0


class Limiter(BaseRateLimiter):
    """Count what is asked of it."""

    def __init__(self) -> None:
        self.sync = self.asynchronous = 0

    def acquire(self, num_tokens: int = 0) -> None:
        self.sync += 1

    async def async_acquire(self, num_tokens: int = 0) -> None:
        self.asynchronous += 1


class City(BaseModel):
    """A city."""

    name: str


@pytest.mark.parametrize("way", [*WAYS, *COMPLETIONS])
def test_a_rate_limiter_is_asked_once_for_each_request(scripted: ScriptedServer, scripted_llm: Any, way: str) -> None:
    both(scripted)
    limiter = Limiter()
    ask(scripted_llm(rate_limiter=limiter), way, argument(way))
    assert (limiter.sync, limiter.asynchronous) == ((0, 1) if way.startswith("a") else (1, 0))


@pytest.mark.parametrize("kind", [QiniuLLM, SophNetLLM])
def test_a_rate_limiter_is_asked_once_for_an_object_too(
    scripted: ScriptedServer, scripted_llm: Any, kind: type
) -> None:
    from llama_index.core.prompts import PromptTemplate

    one = {"id": "x", "type": "function", "function": {"name": "City", "arguments": '{"name": "Paris"}'}}
    scripted.script(
        lambda seen: (
            sse_reply(calls(call('{"name": "Paris"}', id="x", name="City")), END)
            if seen.json.get("stream")
            else json_reply(whole("", tool_calls=[one]))
        )
    )
    limiter = Limiter()
    llm = scripted_llm(kind, rate_limiter=limiter)
    prompt = PromptTemplate("x")
    llm.structured_predict(City, prompt)
    list(llm.stream_structured_predict(City, prompt))
    assert (limiter.sync, limiter.asynchronous) == (2, 0)

    async def main() -> None:
        await llm.astructured_predict(City, prompt)
        assert [found async for found in await llm.astream_structured_predict(City, prompt)]

    asyncio.run(main())
    assert (limiter.sync, limiter.asynchronous) == (2, 2)


def test_structured_output_has_its_events(make_llm: Any, cloud: str, events: list[Any]) -> None:
    from llama_index.core.prompts import PromptTemplate

    llm = make_llm(cloud)
    llm.structured_predict(City, PromptTemplate('The city is "Paris".'))
    names = [event.class_name() for event in events]
    assert names == [
        "LLMStructuredPredictStartEvent",
        "LLMChatStartEvent",
        "LLMChatEndEvent",
        "LLMStructuredPredictEndEvent",
    ]
