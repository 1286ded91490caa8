"""Many questions under both drivers: what stands where a list of them should, and the answers as a coroutine."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from maaskit import AsyncClient, Client, InvalidInput, Qiniu, qiniu
from tests.scripted import FOREVER, Reply, json_reply
from tests.waiting import until


def asked(number):
    return qiniu.chat.complete([{"role": "user", "content": str(number)}], "deepseek-v3")


def answered(seen):
    return json_reply(
        {"choices": [{"message": {"content": seen.json["messages"][0]["content"]}, "finish_reason": "stop"}]}
    )


def run(scripted, verb):
    """Let an asynchronous client do something."""

    async def main():
        async with AsyncClient(Qiniu(api_key="k", base_url=scripted.url), timeout=30) as client:
            return await verb(client)

    return asyncio.run(main())


@pytest.mark.parametrize("calls", [asked(1), 5, None])
def test_what_is_no_list_of_calls_is_said(scripted, calls):
    scripted.script(answered)
    with (
        Client(Qiniu(api_key="k", base_url=scripted.url)) as client,
        pytest.raises(InvalidInput, match=r"client\.send"),
    ):
        client.map(calls)
    with pytest.raises(InvalidInput, match=r"client\.send"):
        run(scripted, lambda client: client.map(calls))
    assert scripted.seen == []


def test_a_task_is_made_of_the_answers(scripted):
    async def verb(client):
        task = asyncio.create_task(client.map(asked(number) for number in range(3)))
        async with asyncio.TaskGroup() as group:
            others = [group.create_task(client.map([asked(number)])) for number in (7, 8)]
        return [answer.content for answers in (task, *others) for answer in await answers]

    scripted.script(answered)
    assert run(scripted, verb) == ["0", "1", "2", "7", "8"]


def test_a_task_that_is_cancelled_asks_no_more(scripted):
    async def verb(client):
        made = []
        first = asyncio.Event()

        def calls():
            for number in range(100):
                made.append(number)
                yield asked(number)
                first.set()

        task = asyncio.create_task(client.map(calls(), 2))
        async with asyncio.timeout(30):
            await first.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return made

    scripted.script(answered)
    assert len(run(scripted, verb)) < 100


def test_answers_are_not_given_twice(scripted):
    async def verb(client):
        answers = client.map([asked(1)])
        assert [answer.content for answer in await answers] == ["1"]
        await answers

    scripted.script(answered)
    with pytest.raises(RuntimeError, match="already"):
        run(scripted, verb)


def test_answers_that_nobody_wants_are_not_asked_for(scripted):
    async def verb(client):
        client.map([asked(1)])
        client.map([asked(2)]).close()

    scripted.script(answered)
    run(scripted, verb)
    assert scripted.seen == []


ASKING = """
import sys
from maaskit import Client, Qiniu, qiniu

calls = [qiniu.chat.complete([{"role": "user", "content": str(number)}], "m") for number in range(20)]
Client(Qiniu(api_key="k", base_url=sys.argv[1]), timeout=600).map(calls, 4)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such signal")
def test_an_interrupted_process_does_not_wait_for_answers(scripted):
    scripted.script(Reply(pieces=[b"{", FOREVER]))
    place = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1] / "integrations")}
    order = [sys.executable, "-c", ASKING, scripted.url]
    with subprocess.Popen(order, env=place, stderr=subprocess.PIPE) as process:  # noqa: S603 - our own words
        try:
            until(lambda: len(scripted.seen) == 4, 60)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
    assert b"KeyboardInterrupt" in said
    assert len(scripted.seen) == 4


def test_threads_end_with_what_they_were_for(scripted):
    scripted.script(answered)
    before = set(threading.enumerate())
    with Client(Qiniu(api_key="k", base_url=scripted.url), timeout=30) as client:
        answers = client.each([asked(number) for number in range(20)], 4)
        assert [next(answers).content for _ in range(3)] == ["0", "1", "2"]
        answers.close()
        assert [answer.content for answer in client.map([asked(number) for number in range(5)], 3)] == list("01234")
        until(lambda: not [one for one in {*threading.enumerate()} - before if one.name.startswith("maaskit")])


def test_what_is_no_error_of_ours_comes_out_as_it_is(scripted):
    scripted.script(answered)

    def calls():
        yield asked(1)
        raise KeyError("mine")

    with Client(Qiniu(api_key="k", base_url=scripted.url), timeout=30) as client, pytest.raises(KeyError, match="mine"):
        client.map(calls())
