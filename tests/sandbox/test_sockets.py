"""The plumbing of sockets, judged with `websockets` and a handler that echoes."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import websockets
from aiohttp import web
from websockets.sync.client import ClientConnection, connect

from maaskit.sandbox import Sandbox, application
from maaskit.sandbox.record import MAX_MESSAGE_BYTES
from maaskit.sandbox.replies import RefusalError
from maaskit.sandbox.sockets import IdleError, Socket, converse, require_query_key


async def _echo(socket: Socket) -> None:
    while (message := await socket.receive()) is not None:
        if message == "break":
            raise KeyError(message)
        if message == "bye":
            return await socket.close(4000, "鸟" * 100)
        if message == "patient":
            try:
                await socket.receive(idle_s=0.05)
            except IdleError:
                await socket.send_text("still here")
        elif message == "stand still":
            asyncio.get_running_loop().call_soon(_stand_still)
            await socket.send_json({"heard": await socket.receive(idle_s=0.1)})
        elif isinstance(message, str):
            await socket.send_json({"heard": message})
        else:
            await socket.send_bytes(message[::-1])
    return None


STANDING, MOVE_ON = threading.Event(), threading.Event()


def _stand_still() -> None:
    """Hold the whole sandbox up, as a machine that is stopped does."""
    STANDING.set()
    assert MOVE_ON.wait(30)
    time.sleep(0.2)


async def echo(request: web.Request) -> web.WebSocketResponse:
    require_query_key(request, "apikey")
    if "refuse" in request.query:
        raise RefusalError(402, "no money left", code="no_money")
    return await converse(request, _echo)


@pytest.fixture(scope="module")
def module_sandbox() -> Iterator[Sandbox]:
    build = application.build

    def with_echo(state: Any) -> web.Application:
        app = build(state)
        app.router.add_route("GET", "/api/open-apis/echo", echo)
        return app

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("maaskit.sandbox.server.build", with_echo)
        with Sandbox() as running:
            yield running


@pytest.fixture
def sandbox(module_sandbox: Sandbox) -> Iterator[Sandbox]:
    module_sandbox.requests.clear()
    yield module_sandbox
    module_sandbox.faults.clear()
    module_sandbox._state.socket_idle_s = 60


def dial(sandbox: Sandbox, query: str = "", **options: Any) -> ClientConnection:
    url = sandbox.sophnet_url.replace("http", "ws", 1)
    return connect(f"{url}/echo?apikey={sandbox.api_key}{query}", **options)


def test_texts_and_bytes_both_ways_and_an_orderly_end(sandbox: Sandbox) -> None:
    with dial(sandbox) as talk:
        talk.send("你好")
        assert talk.recv() == '{"heard":"你好"}'
        talk.send(b"\x00\x01")
        assert talk.recv() == b"\x01\x00"
    record = sandbox.requests[-1]
    assert record.wait(30)
    assert (record.method, record.status, record.disconnected) == ("GET", 101, False)
    assert record.messages == ["你好", b"\x00\x01"]
    assert (record.message_count, record.message_bytes) == (2, 8)


def test_the_handshake_is_refused_before_it_is_accepted(sandbox: Sandbox) -> None:
    for query, status in (("x", 401), ("&refuse=1", 402)):
        with pytest.raises(websockets.InvalidStatus) as refused:
            dial(sandbox, query)
        assert refused.value.response.status_code == status
        assert json.loads(refused.value.response.body or b"")["message"]
        assert sandbox.requests[-1].status == status


def test_a_request_that_is_no_handshake_is_refused(sandbox: Sandbox) -> None:
    import httpx

    key = f"Bearer {sandbox.api_key}"
    answer = httpx.get(
        f"{sandbox.sophnet_url}/echo", params={"apikey": key}, headers={"Authorization": key}, timeout=60
    )
    assert (answer.status_code, answer.json()["message"]) == (400, "a WebSocket handshake is expected")


def test_a_close_carries_code_and_a_reason_that_fits(sandbox: Sandbox) -> None:
    with dial(sandbox) as talk:
        talk.send("bye")
        with pytest.raises(websockets.ConnectionClosedError):
            talk.recv()
        assert (talk.close_code, talk.close_reason) == (4000, "鸟" * 41)


def test_silence_ends_the_conversation_and_pings_are_silence(sandbox: Sandbox) -> None:
    sandbox._state.socket_idle_s = 0.3
    started = time.perf_counter()
    with dial(sandbox, ping_interval=0.05) as talk:
        with pytest.raises(websockets.ConnectionClosedError):
            talk.recv(timeout=30)
        assert (talk.close_code, talk.close_reason) == (1008, "no message for 0.3 s")
    assert time.perf_counter() - started >= 0.3


def test_a_handler_may_go_on_after_silence(sandbox: Sandbox) -> None:
    with dial(sandbox) as talk:
        talk.send("patient")
        assert talk.recv() == "still here"
        talk.send("x")
        assert talk.recv() == '{"heard":"x"}'


def test_what_came_while_the_sandbox_stood_still_came_in_time(sandbox: Sandbox) -> None:
    with dial(sandbox) as talk:
        talk.send("stand still")
        assert STANDING.wait(30)
        talk.send("here")
        MOVE_ON.set()
        assert talk.recv() == '{"heard":"here"}'


def test_a_breakdown_closes_with_1011(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.CRITICAL), dial(sandbox) as talk:
        talk.send("break")
        with pytest.raises(websockets.ConnectionClosedError):
            talk.recv()
        assert (talk.close_code, talk.close_reason) == (1011, "the sandbox broke down: KeyError")


def test_a_message_that_is_too_large_ends_the_conversation(sandbox: Sandbox) -> None:
    with dial(sandbox, compression=None, max_size=None) as talk:
        with pytest.raises(websockets.ConnectionClosedError):
            talk.send(b"x" * (16 * 2**20 + 1))
            talk.recv()
        # The rest of the message meets a closed door, which may reset the connection before the frame is read.
        assert talk.close_code in (1009, 1006)
    assert sandbox.requests[-1].wait(30)
    assert sandbox.requests[-1].messages == []


def test_a_client_that_vanishes_is_noticed(sandbox: Sandbox) -> None:
    with dial(sandbox) as talk:
        talk.send("x")
        talk.recv()
        talk.socket.shutdown(socket.SHUT_RDWR)
    assert sandbox.requests[-1].wait(30)
    assert sandbox.requests[-1].disconnected


def test_a_client_that_vanishes_leaves_no_breakdown_in_the_log(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    test_a_client_that_vanishes_is_noticed(sandbox)
    assert [record for record in caplog.records if record.levelno > logging.DEBUG] == []


def test_what_is_kept_of_a_long_conversation_is_bounded(sandbox: Sandbox) -> None:
    with dial(sandbox, compression=None, max_size=None) as talk:
        for _ in range(3):
            talk.send(b"x" * (6 * 2**20))
            talk.recv()
    record = sandbox.requests[-1]
    assert (record.message_count, record.message_bytes) == (3, 18 * 2**20)
    assert sum(map(len, record.messages)) <= MAX_MESSAGE_BYTES


def test_five_connections_are_lost_in_a_row(sandbox: Sandbox) -> None:
    sandbox.faults.add(path="/echo", cut_after_bytes=5, times=5)
    for _ in range(5):
        with dial(sandbox) as talk:
            talk.send("abc")
            talk.recv()
            talk.send("defg")
            with pytest.raises(websockets.ConnectionClosedError):
                talk.recv()
            assert talk.close_code == 1006
    assert sandbox.requests[-1].wait(30)
    assert sandbox.requests[-1].messages == ["abc", "defg"]
    with dial(sandbox) as talk:
        talk.send("abcdefgh")
        assert talk.recv() == '{"heard":"abcdefgh"}'


@pytest.mark.parametrize(("clean", "code"), [(False, 1006), (True, 1000)])
def test_a_cut_after_messages_that_were_sent(sandbox: Sandbox, *, clean: bool, code: int) -> None:
    sandbox.faults.add(path="/echo", cut_after_events=2, clean=clean)
    received = []
    with dial(sandbox) as talk:
        for word in "abc":
            talk.send(word)
        with pytest.raises(websockets.ConnectionClosed):
            while True:
                received.append(talk.recv())
        assert talk.close_code == code
    assert received == ['{"heard":"a"}', '{"heard":"b"}']


def test_faults_at_the_handshake(sandbox: Sandbox) -> None:
    sandbox.faults.add(path="/echo", status=429, retry_after="3")
    with pytest.raises(websockets.InvalidStatus) as refused:
        dial(sandbox)
    assert refused.value.response.status_code == 429
    assert refused.value.response.headers["Retry-After"] == "3"
    sandbox.faults.add(path="/echo", drop=True)
    with pytest.raises((websockets.InvalidMessage, ConnectionError, EOFError)):
        dial(sandbox)
    sandbox.faults.add(path="/echo", headers={"X-Reqid": "abc"})
    with dial(sandbox) as talk:
        assert talk.response is not None
        assert talk.response.headers["X-Reqid"] == "abc"


def test_a_stall_in_the_middle(sandbox: Sandbox) -> None:
    sandbox.faults.add(path="/echo", stall_after_bytes=2, stall_s=60)
    with dial(sandbox, close_timeout=0.1) as talk:
        talk.send("a")
        assert talk.recv(timeout=30) == '{"heard":"a"}'
        talk.send("bc")
        with pytest.raises(TimeoutError):
            talk.recv(timeout=0.5)
    sandbox.faults.add(path="/echo", stall_after_bytes=0, stall_s=0.4)
    with dial(sandbox) as talk:
        started = time.perf_counter()
        talk.send("a")
        assert talk.recv(timeout=30) == '{"heard":"a"}'
        assert time.perf_counter() - started >= 0.4


def test_duplicates_garbage_and_an_error_in_mid_conversation(sandbox: Sandbox) -> None:
    sandbox.faults.add(path="/echo", duplicate_events=True)
    with dial(sandbox) as talk:
        talk.send("a")
        assert [talk.recv(), talk.recv()] == ['{"heard":"a"}'] * 2
    sandbox.faults.add(path="/echo", garbage=b"\xff\x00")
    with dial(sandbox) as talk:
        talk.send("a")
        assert [talk.recv(), talk.recv()] == ['{"heard":"a"}', b"\xff\x00"]
    sandbox.faults.add(path="/echo", error_event={"status": 7}, error_after_events=1)
    with dial(sandbox) as talk:
        talk.send("a")
        assert [talk.recv(), talk.recv()] == ['{"heard":"a"}', '{"status":7}']
        with pytest.raises(websockets.ConnectionClosedOK):
            talk.recv()


def test_a_sandbox_that_stops_ends_its_conversations(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    build = application.build
    monkeypatch.setattr("maaskit.sandbox.server.build", lambda state: _with_echo(build(state)))
    with Sandbox() as ending, dial(ending) as talk:
        stopper = threading.Thread(target=ending.stop)
        stopper.start()
        with pytest.raises(websockets.ConnectionClosed):
            talk.recv(timeout=30)
        stopper.join(30)
        assert not stopper.is_alive()


def _with_echo(app: web.Application) -> web.Application:
    app.router.add_route("GET", "/api/open-apis/echo", echo)
    return app
