import asyncio

import httpx
import pytest

from maaskit.sharded_http import ShardedTransport
from tests.scripted import Reply


def run(work, **settings):
    async def main():
        transport = ShardedTransport(ssl_context=httpx.create_ssl_context())
        async with httpx.AsyncClient(transport=transport, timeout=httpx.Timeout(5), **settings) as client:
            result = await work(client)
            assert sum(transport._busy) == 0
            return result, transport

    return asyncio.run(main())


def test_one_request_after_the_other_uses_one_connection(scripted):
    scripted.script(Reply(pieces=[b"a"]))

    async def work(client):
        return [(await client.get(scripted.url)).text for _ in range(4)]

    answers, transport = run(work)
    assert answers == ["a"] * 4
    assert len(transport._shards) == 1
    assert {seen.connection for seen in scripted.seen} == {1}


def test_many_at_once_are_spread_and_each_gets_its_own_answer(scripted):
    scripted.script(lambda seen: Reply(pieces=[0.05, seen.path.encode()]))

    async def work(client):
        answers = await asyncio.gather(*[client.get(f"{scripted.url}/{number}") for number in range(30)])
        return [answer.text for answer in answers]

    answers, transport = run(work)
    assert answers == [f"/{number}" for number in range(30)]
    assert len(transport._shards) == 4


def test_failures_and_cancellations_free_their_places(scripted):
    async def work(client):
        scripted.script(Reply(drop=True))
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(scripted.url)
        scripted.script(Reply(pieces=[b"a", 3.0]))
        reading = asyncio.create_task(client.get(scripted.url))
        await asyncio.sleep(0.1)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        async with client.stream("GET", scripted.url):
            pass

    run(work)
    assert scripted.disconnected.wait(2)
