"""A connection on asyncio: who waits is woken, in time, nobody fills the memory, and no socket is forgotten."""

from __future__ import annotations

import asyncio
import gc
import math
import socket as sockets
import sys
import time
from collections.abc import Iterator
from socket import socketpair as socket_pair
from typing import Any

import pytest

from maaskit.async_connection import AsyncConnection, connected_socket, within
from tests.waiting import auntil


class Socket:
    """Be a transport that notes what it was told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: self.told.append(name)

    def is_closing(self) -> bool:
        return False

    def get_extra_info(self, name: str) -> None:
        return None


def connected() -> tuple[AsyncConnection, Socket]:
    connection, socket = AsyncConnection(asyncio.get_running_loop()), Socket()
    connection.connection_made(socket)  # type: ignore[arg-type]
    return connection, socket


def soon(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


async def test_who_waits_is_woken_by_bytes_and_by_the_end() -> None:
    connection, _ = connected()
    asyncio.get_running_loop().call_later(0.02, connection.data_received, b"a")
    assert await connection.more(soon(60))
    assert connection.buffer == b"a"
    asyncio.get_running_loop().call_later(0.02, connection.eof_received)
    assert not await connection.more(math.inf)
    assert not await connection.more(math.inf)


async def test_the_last_bytes_are_more_although_the_end_came_with_them() -> None:
    connection, _ = connected()

    def both() -> None:
        connection.data_received(b"a")
        connection.connection_lost(ConnectionResetError())

    asyncio.get_running_loop().call_soon(both)
    assert await connection.more(soon(60))
    assert not await connection.more(soon(60))
    assert isinstance(connection.error, ConnectionResetError)
    assert connection.lost.done()


async def test_patience_ends_in_time_whatever_it_was_before() -> None:
    connection, _ = connected()
    asyncio.get_running_loop().call_soon(connection.data_received, b"a")
    await connection.more(soon(60))  # its timer goes on
    for patience_s in (0.05, 0.1):
        started = time.monotonic()
        with pytest.raises(TimeoutError):
            await connection.more(soon(patience_s))
        assert patience_s - 0.02 < time.monotonic() - started < 20
    asyncio.get_running_loop().call_later(0.15, connection.data_received, b"b")
    assert await connection.more(soon(60))  # a timer that looked too early did no harm
    connection.connection_lost(None)


async def test_what_came_while_the_process_stood_still_is_in_time() -> None:
    """A loop that was stopped may look at its clock before it looks at its sockets."""
    ours, theirs = socket_pair()
    transport, connection = await asyncio.get_running_loop().create_connection(
        lambda: AsyncConnection(asyncio.get_running_loop()), sock=ours
    )
    select = asyncio.get_running_loop()._selector.select
    asyncio.get_running_loop()._selector.select = lambda timeout: (time.sleep(0.3), theirs.send(b"a"), [])[2]

    def go_on() -> None:
        asyncio.get_running_loop()._selector.select = select

    asyncio.get_running_loop().call_soon(go_on)
    assert await connection.more(soon(0.1))
    assert connection.buffer == b"a"
    transport.close()
    theirs.close()
    await connection.lost


async def test_a_wait_is_bounded_and_what_the_loop_missed_counts_little() -> None:
    with pytest.raises(TimeoutError):
        async with within(0.1):
            await asyncio.sleep(60)
    async with within(0.4):
        time.sleep(0.5)  # noqa: ASYNC251 - nothing in this process runs
        await asyncio.sleep(0.01)
    with pytest.raises(ZeroDivisionError):
        async with within(60):
            raise ZeroDivisionError
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()


async def test_a_full_socket_lets_the_writer_wait() -> None:
    connection, socket = connected()
    connection.pause_writing()
    assert connection.is_full
    asyncio.get_running_loop().call_soon(connection.resume_writing)
    await connection.wait(soon(60))
    assert not connection.is_full
    connection.write(b"x")
    assert socket.told == ["write"]


async def test_the_peer_waits_while_nobody_reads() -> None:
    connection, socket = connected()
    for _ in range(3):
        connection.data_received(b"x" * 700_000)
    assert socket.told == ["pause_reading"]
    connection.buffer.clear()
    asyncio.get_running_loop().call_soon(connection.data_received, b"y")
    assert await connection.more(soon(60))
    assert socket.told == ["pause_reading", "resume_reading"]


async def test_what_is_over_or_has_unread_bytes_serves_no_more() -> None:
    connection, _ = connected()
    assert connection.is_usable()
    connection.data_received(b"?")
    assert not connection.is_usable()
    connection.buffer.clear()
    connection.eof_received()
    assert not connection.is_usable()


# --- the way to a host ---------------------------------------------------------------------------------------------


@pytest.fixture
def listener() -> Iterator[sockets.socket]:
    with sockets.create_server(("127.0.0.1", 0), backlog=512) as listening:
        yield listening


def closed_port() -> int:
    with sockets.create_server(("127.0.0.1", 0)) as soon_closed:
        return int(soon_closed.getsockname()[1])


def told(monkeypatch: pytest.MonkeyPatch, *ports: int) -> None:
    """Let the host have these addresses."""

    async def getaddrinfo(*_: Any, **__: Any) -> list[Any]:
        return [(sockets.AF_INET, sockets.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in ports]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)


async def test_an_address_that_refuses_makes_way_for_the_next(
    monkeypatch: pytest.MonkeyPatch, listener: sockets.socket
) -> None:
    told(monkeypatch, closed_port(), listener.getsockname()[1])
    with await connected_socket("host", 1) as connected:
        assert connected.getpeername() == listener.getsockname()


async def test_an_address_that_hangs_is_passed_by_and_closed(
    monkeypatch: pytest.MonkeyPatch, listener: sockets.socket
) -> None:
    loop = asyncio.get_running_loop()
    connect = loop.sock_connect
    hanging: list[sockets.socket] = []

    async def sock_connect(connecting: sockets.socket, address: Any) -> None:
        if not hanging:
            hanging.append(connecting)
            await loop.create_future()
        await connect(connecting, address)

    told(monkeypatch, closed_port(), listener.getsockname()[1])
    monkeypatch.setattr(loop, "sock_connect", sock_connect)
    with await connected_socket("host", 1) as connected:
        assert connected.getpeername() == listener.getsockname()
    await auntil(lambda: hanging[0].fileno() < 0)


async def test_what_refuses_at_every_address_is_told_once_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = closed_port(), closed_port()
    told(monkeypatch, first, first)
    with pytest.raises(ConnectionRefusedError, match=str(first)):
        await connected_socket("host", 1)
    told(monkeypatch, first, second)
    with pytest.raises(OSError, match=f"{first}.*; .*{second}"):
        await connected_socket("host", 1)
    told(monkeypatch)
    with pytest.raises(OSError, match="host has no address"):
        await connected_socket("host", 1)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_loop_that_ends_while_it_connects_leaves_no_socket_open(
    monkeypatch: pytest.MonkeyPatch, listener: sockets.socket, host: str
) -> None:
    left: list[str] = []
    gc.collect()
    monkeypatch.setattr(sys, "unraisablehook", lambda report: left.append(str(report.exc_value)))

    async def leave(after: int) -> None:
        connecting = asyncio.ensure_future(connected_socket(host, listener.getsockname()[1]))
        connecting.add_done_callback(close)
        for _ in range(after):
            await asyncio.sleep(0)

    def close(connecting: asyncio.Future[sockets.socket]) -> None:
        if not connecting.cancelled():
            connecting.result().close()

    for after in [*range(40), *range(40, 4000, 60)]:
        asyncio.run(leave(after))
    gc.collect()
    assert left == []
