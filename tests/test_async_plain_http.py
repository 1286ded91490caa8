import asyncio
import contextlib
import gc
import random
import time

import httpx
import pytest

from maaskit import AsyncClient, Qiniu, async_streaming, qiniu
from maaskit.async_plain_http import AsyncPlainTransport
from tests.scripted import FOREVER, Reply, sse_reply
from tests.waiting import auntil


def run(work, **settings):
    async def main():
        transport = AsyncPlainTransport(ssl_context=httpx.create_ssl_context())
        async with httpx.AsyncClient(transport=transport, timeout=httpx.Timeout(30), **settings) as client:
            result = await work(client)
            assert transport.busy == 0
            return result, transport

    return asyncio.run(main())


def test_one_request_after_the_other_uses_one_connection(scripted):
    scripted.script(Reply(pieces=[b"a"]))

    async def work(client):
        return [(await client.get(scripted.url)).text for _ in range(4)]

    answers, transport = run(work)
    assert answers == ["a"] * 4
    assert transport._idle == []  # closed with the client
    assert {seen.connection for seen in scripted.seen} == {1}


def test_many_at_once_each_get_their_own_answer(scripted):
    scripted.script(lambda seen: Reply(pieces=[lambda: len(scripted.seen) == 30, seen.path.encode()]))

    async def work(client):
        answers = await asyncio.gather(*[client.get(f"{scripted.url}/{number}") for number in range(30)])
        return [answer.text for answer in answers]

    answers, _ = run(work)
    assert answers == [f"/{number}" for number in range(30)]
    assert len({seen.connection for seen in scripted.seen}) == 30


def test_failures_and_cancellations_free_their_places(scripted):
    async def work(client):
        scripted.script(Reply(drop=True))
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(scripted.url)
        scripted.script(Reply(pieces=[b"a", FOREVER]))
        reading = asyncio.create_task(client.get(scripted.url))
        await auntil(lambda: len(scripted.seen) == 2)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        async with client.stream("GET", scripted.url):
            pass

    run(work)
    assert scripted.disconnected.wait(30)


def test_a_request_may_ask_for_a_fresh_connection(scripted):
    scripted.script(Reply(pieces=[b"a"]))

    async def work(client):
        for fresh in (False, False, True, True):
            request = client.build_request("GET", scripted.url)
            request.extensions["fresh"] = fresh
            assert (await client.send(request)).text == "a"
        return [seen.connection for seen in scripted.seen]

    assert run(work)[0] == [1, 1, 2, 3]


def test_large_bodies_go_out_whole(scripted):
    scripted.script(lambda seen: Reply(pieces=[seen.body]))
    body = bytes(range(256)) * 4000

    async def work(client):
        return (await client.post(scripted.url, content=body)).content

    assert run(work)[0] == body


def test_a_head_that_drips_in_ends():
    async def talk(reader, writer):
        with contextlib.suppress(ConnectionError), contextlib.closing(writer):
            await reader.readuntil(b"\r\n\r\n")
            while True:
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                await writer.drain()
                await asyncio.sleep(0.05)

    async def work(client):
        server = await asyncio.start_server(talk, "127.0.0.1")
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        started = time.monotonic()
        async with server:
            with pytest.raises(httpx.ReadTimeout):
                await client.get(url, timeout=httpx.Timeout(30, read=0.5))
        assert time.monotonic() - started < 15

    run(work)


def test_cancelling_after_the_last_piece_frees_the_place(scripted, monkeypatch):
    """Only the end of the HTTP message is missing then, and it is waited for briefly."""
    monkeypatch.setattr(async_streaming, "_DRAIN_S", 60)
    last = {"choices": [{"delta": {}, "finish_reason": "stop"}]}
    scripted.script(sse_reply(last, b"data: [DONE]\n\n", FOREVER, done=False))
    stream = qiniu.chat.stream([{"role": "user", "content": "x"}], "m")

    async def main():
        async with AsyncClient(Qiniu(api_key="key-of-a-test", base_url=scripted.url)) as client:
            answer = client.stream(stream)

            async def read():
                async for _ in answer:
                    pass

            reading = asyncio.create_task(read())
            await auntil(lambda: answer._course.is_over)
            assert client._http._transport.busy == 1
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
            return client._http._transport.busy

    assert asyncio.run(main()) == 0


def test_requests_that_are_given_up_at_any_moment_leave_nothing_open(scripted):
    """Sockets that are lost are ResourceWarnings, which are errors here."""
    scripted.script(lambda seen: sse_reply(b"data: a\n\n", 0.005, b"data: b\n\n"))

    async def work(client):
        async def read():
            async with client.stream("GET", scripted.url) as response:
                async for _ in response.aiter_raw():
                    pass

        for number in range(40):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(read(), 0.0004 * number)
        await read()

    run(work)
    gc.collect()


@pytest.mark.parametrize("moments", range(8))
def test_a_client_that_is_closed_while_it_connects_leaves_nothing_open(scripted, moments):
    scripted.script(Reply(pieces=[b"a"]))

    async def work(client):
        tasks = [asyncio.create_task(client.get(scripted.url)) for _ in range(5)]
        for _ in range(moments):
            await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    run(work)
    gc.collect()  # what is left open is a warning, and that a failure


def test_an_answer_that_is_forgotten_frees_its_place(scripted):
    scripted.script(sse_reply(b"data: a\n\n", FOREVER))

    async def work(client):
        response = await client.send(client.build_request("GET", scripted.url), stream=True)
        assert client._transport.busy == 1
        del response
        gc.collect()
        await auntil(lambda: client._transport.busy == 0)

    run(work)
    assert scripted.disconnected.wait(30)


def test_a_client_outlives_its_loop(scripted):
    scripted.script(Reply(pieces=[b"a"]))
    transport = AsyncPlainTransport(ssl_context=httpx.create_ssl_context())
    client = httpx.AsyncClient(transport=transport, timeout=30)

    async def ask():
        answer = await client.get(scripted.url)
        for _, connection, _ in transport._idle:
            connection.abort()  # what is open when a loop ends is its user's to close
            await connection.lost
        return answer.text

    assert [asyncio.run(ask()) for _ in range(3)] == ["a"] * 3


def test_a_slow_reader_slows_the_service_down():
    """What nobody reads is not kept without bound."""
    size = 64 * 1024 * 1024

    async def talk(reader, writer):
        with contextlib.suppress(ConnectionError), contextlib.closing(writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
            for _ in range(size // 65536):
                writer.write(b"x" * 65536)
                await writer.drain()

    async def work(client):
        server = await asyncio.start_server(talk, "127.0.0.1")
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server:
            response = await client.send(client.build_request("GET", url), stream=True)
            connection = response.extensions["pieces"]._connection
            await auntil(lambda: connection._is_halted)
            for _ in range(100):  # in which all would come if nothing held it back
                await asyncio.sleep(0)
            kept = len(connection.buffer)
            return kept, sum([len(piece) async for piece in response.aiter_raw()])

    kept, came = run(work)[0]
    assert came == size
    assert kept < 2 * 1024 * 1024


class Moody:
    """Answer with the path many times, in any framing and any pieces; now and then break off."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)  # noqa: S311 - no secret

    async def talk(self, reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError), contextlib.closing(writer):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                await reader.readexactly(int(length[0].split(b":")[1]) if length else 0)
                answer = self._answer(head.split()[1])
                cut = self._chance.random() < 0.1
                answer = answer[: self._chance.randrange(len(answer))] if cut else answer
                while answer:
                    size = self._chance.randint(1, 3000)
                    writer.write(answer[:size])
                    answer = answer[size:]
                    await asyncio.sleep(0)
                await writer.drain()
                if cut:
                    return

    def _answer(self, path):
        body = path * self._chance.randint(1, 300)
        if self._chance.random() < 0.5:
            return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        while body:
            size = self._chance.randint(1, 200)
            answer += b"%x\r\n%s\r\n" % (len(body[:size]), body[:size])
            body = body[size:]
        return answer + b"0\r\n\r\n"


def test_among_moody_services_nobody_gets_anothers_answer():
    chance = random.Random(7)  # noqa: S311 - no secret

    async def work(client):
        server = await asyncio.start_server(Moody(3).talk, "127.0.0.1")
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        answered = 0

        async def ask(number):
            nonlocal answered
            with contextlib.suppress(httpx.TransportError, TimeoutError):
                async with asyncio.timeout(chance.choice([None, None, None, 0.01])):
                    answer = await client.post(f"{url}/{number}-", content=b"x" * chance.choice([0, 10, 100_000]))
                assert answer.text == f"/{number}-" * (len(answer.content) // len(f"/{number}-"))
                answered += 1

        async with server:
            for _ in range(6):
                await asyncio.gather(*[ask(number) for number in range(50)])
                assert client._transport.busy == 0
            await client._transport.aclose()
        return answered

    assert run(work)[0] > 100
    gc.collect()
