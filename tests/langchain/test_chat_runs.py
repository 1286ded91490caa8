"""The chat models across event loops, threads and processes, many at once, and left in the middle."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from maaskit.langchain import ChatQiniu, ChatSophNet
from maaskit.sandbox import Sandbox
from tests.scripted import FOREVER, ScriptedServer, json_reply, sse_reply
from tests.waiting import auntil

KEY = "a-key-that-nobody-may-see"
PIECE = {"choices": [{"index": 0, "delta": {"content": "Hello "}}]}

Model = ChatSophNet | ChatQiniu


@pytest.fixture(params=[ChatSophNet, ChatQiniu])
def cloud(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def llm(cloud: Any, sandbox: Sandbox) -> Model:
    if cloud is ChatQiniu:
        return ChatQiniu(model="deepseek-v3", api_key=sandbox.api_key, base_url=sandbox.qiniu_url)
    return ChatSophNet(model="Kimi-K2", api_key=sandbox.api_key, base_url=sandbox.sophnet_url)


def endless(cloud: Any, server: ScriptedServer) -> Model:
    server.script(sse_reply(PIECE, FOREVER))
    model: Model = cloud(model="m", api_key=KEY, base_url=server.url)
    return model


def test_several_event_loops_one_after_the_other(llm: Model) -> None:
    async def work() -> list[str]:
        whole = await llm.ainvoke("Repeat after me exactly: one")
        pieces = [chunk.text async for chunk in llm.astream("Repeat after me exactly: two")]
        return [str(whole.content), "".join(pieces)]

    for _ in range(3):
        assert asyncio.run(work()) == ["one", "two"]
    gc.collect()


def test_event_loops_in_threads(llm: Model) -> None:
    async def work(number: int) -> str:
        return str((await llm.ainvoke(f"Repeat after me exactly: {number}")).content)

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda number: asyncio.run(work(number)), range(8)))
    assert found == [str(number) for number in range(8)]


def test_nine_at_once_in_threads(llm: Model) -> None:
    questions = [f"Repeat after me exactly: number {number}" for number in range(9)]
    assert [message.content for message in llm.batch(questions, {"max_concurrency": 9})] == [
        f"number {number}" for number in range(9)
    ]


async def test_nine_at_once_on_one_loop(cloud: Any, scripted: ScriptedServer) -> None:
    together = threading.Barrier(9, timeout=30)

    def reply(seen: Any) -> Any:
        together.wait()  # no answer before all nine are there
        return json_reply(
            {"choices": [{"message": {"content": seen.json["messages"][0]["content"]}, "finish_reason": "stop"}]}
        )

    scripted.script(reply)
    llm = cloud(model="m", api_key=KEY, base_url=scripted.url)
    questions = [f"number {number}" for number in range(9)]
    assert [message.content for message in await llm.abatch(questions)] == questions
    streams = sse_reply(PIECE, {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    scripted.script(lambda _: (together.wait(), streams)[1])

    async def read() -> str:
        return "".join([chunk.text async for chunk in llm.astream("Hi")])

    assert await asyncio.gather(*(read() for _ in range(9))) == ["Hello "] * 9


def test_a_forked_child_asks_for_itself(llm: Model) -> None:
    assert llm.invoke("Hi").content
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover - the child's own life
        said = b"failed"
        try:
            said = str(llm.invoke("Repeat after me exactly: child").content).encode()
        finally:
            os.write(writer, said)
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        assert pipe.read() == b"child"
    os.waitpid(child, 0)
    assert llm.invoke("Repeat after me exactly: parent").content == "parent"


# --- leaving in the middle -----------------------------------------------------------------------------------------


def test_leaving_a_stream_closes_its_socket(cloud: Any, scripted: ScriptedServer) -> None:
    for chunk in endless(cloud, scripted).stream("Hi"):
        assert chunk.text == "Hello "
        break
    assert scripted.disconnected.wait(30)


def test_closing_a_stream_closes_its_socket(cloud: Any, scripted: ScriptedServer) -> None:
    stream: Any = endless(cloud, scripted).stream("Hi")
    next(stream)
    stream.close()
    assert scripted.disconnected.wait(30)


async def test_leaving_an_async_stream_closes_its_socket(cloud: Any, scripted: ScriptedServer) -> None:
    async for chunk in endless(cloud, scripted).astream("Hi"):
        assert chunk.text == "Hello "
        break
    await asyncio.sleep(0)
    assert await asyncio.to_thread(scripted.disconnected.wait, 30)


async def test_cancelling_a_task_closes_its_socket(cloud: Any, scripted: ScriptedServer) -> None:
    llm = endless(cloud, scripted)
    begun = asyncio.Event()

    async def read() -> None:
        async for _ in llm.astream("Hi"):
            begun.set()

    task = asyncio.create_task(read())
    await asyncio.wait_for(begun.wait(), 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(scripted.disconnected.wait, 30)


async def test_cancelling_a_question_closes_its_socket(cloud: Any, scripted: ScriptedServer) -> None:
    llm = endless(cloud, scripted)
    task = asyncio.create_task(llm.ainvoke("Hi"))
    await auntil(lambda: scripted.seen)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(scripted.disconnected.wait, 30)


def test_pieces_come_as_they_are_sent(cloud: Any, scripted: ScriptedServer) -> None:
    done = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    gate = threading.Event()
    scripted.script(sse_reply(PIECE, gate.is_set, PIECE, done))
    stream = cloud(model="m", api_key=KEY, base_url=scripted.url).stream("Hi")
    next(stream)  # the rest is not sent before
    gate.set()
    assert len(list(stream)) == 2
