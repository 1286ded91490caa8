"""An httpx transport over asyncio's own sockets, for asynchronous clients.

What is sent, retried or decoded is not known here, and how a single exchange goes stands in ``async_exchange``. It
exists for speed alone: httpx's own transport takes twice what a streamed piece costs here, and its pool works the
square of the requests in flight (``make bench``). HTTP/1.1 only; where the environment names a proxy, httpx's own
transport is used instead (see ``transport``). ``plain_http`` is its synchronous twin.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import suppress
from typing import TypeAlias

import httpx

from maaskit.async_connection import AsyncConnection, connected_socket
from maaskit.async_exchange import AnswerBody, answered, body_of, write

_CLOSING_S = 1.0

_Origin: TypeAlias = tuple[bytes, bytes, int]


class AsyncPlainTransport(httpx.AsyncBaseTransport):
    """Move HTTP messages for ``httpx.AsyncClient``; connections are kept.

    Args:
        ssl_context: For https.
        max_connections: How many are open at most; a further request waits for its pool time-out.
        max_idle: How many are kept without work.
        idle_s: How long they are kept.
    """

    def __init__(
        self, *, ssl_context: ssl.SSLContext, max_connections: int = 256, max_idle: int = 64, idle_s: float = 30.0
    ) -> None:
        self._ssl_context = ssl_context
        self._places = asyncio.Semaphore(max_connections)
        self._max_idle = max_idle
        self._idle_s = idle_s
        self._idle: list[tuple[_Origin, AsyncConnection, float]] = []
        self._connecting: set[asyncio.Future[AsyncConnection]] = set()
        self._unwanted: set[asyncio.Future[AsyncConnection]] = set()  # those of them that nobody waits for any more
        self._closed = False
        self.busy = 0
        """How many connections are at work."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and give the head of its answer; the body comes as it is read.

        The extension ``fresh`` asks for a new connection: a kept one may be closed by the service at the very moment,
        and then nobody knows whether the request was read.

        Args:
            request: What to send.

        Returns:
            The answer; its stream must be read to its end or closed. The extension ``pieces`` iterates over its body
            past httpx's own layers.

        Raises:
            httpx.TransportError: What went wrong.
        """
        timeouts: dict[str, float | None] = request.extensions.get("timeout", {})
        await self._enter(timeouts.get("pool"), request)
        connection: AsyncConnection | None = None
        try:
            url = request.url
            origin = (url.raw_scheme, url.raw_host, url.port or (443 if url.scheme == "https" else 80))
            if not request.extensions.get("fresh"):
                connection = self._taken(origin)
            connection = connection or await self._connected(origin, timeouts.get("connect"), request)
            sent = await write(connection, request, timeouts.get("write"))
            head = await answered(connection, request, timeouts.get("read"), sent=sent)
            body = body_of(head, request)
        except BaseException:
            if connection is not None:
                connection.abort()
            self._leave()
            raise
        reusable = sent and head.lets_live

        def give_back(*, whole: bool) -> None:
            self._give_back(origin, connection, reusable=reusable and whole)

        stream = AnswerBody(connection, body, timeouts.get("read"), give_back)
        return httpx.Response(
            head.status,
            headers=head.fields,
            stream=stream,
            extensions={
                "http_version": b"HTTP/" + head.version,
                "reason_phrase": head.reason,
                "pieces": stream,
            },
        )

    async def aclose(self) -> None:
        """Close the idle connections, and wait for it; those at work are closed when their answers are."""
        self._closed = True
        idle, self._idle = self._idle, []
        here = asyncio.get_running_loop()
        mine = [connection for _, connection, _ in idle if connection.loop is here]
        for connection in mine:
            connection.abort()
        mine += await self._made_in_vain(here)
        if mine:
            await asyncio.wait([connection.lost for connection in mine], timeout=_CLOSING_S)
        await asyncio.sleep(0)  # for those whose answers were closed a moment ago, at the end of a loop for instance

    async def _made_in_vain(self, here: asyncio.AbstractEventLoop) -> list[AsyncConnection]:
        """Wait for connections that nobody waits for any more: made after the end of their loop, they stay open."""
        making = [connecting for connecting in self._unwanted if connecting.get_loop() is here]
        if not making:
            return []
        _, slow = await asyncio.wait(making, timeout=_CLOSING_S)
        for connecting in slow:
            connecting.cancel()
        if slow:
            await asyncio.wait(slow, timeout=_CLOSING_S)
        return [
            connecting.result()
            for connecting in making
            if connecting.done() and not connecting.cancelled() and connecting.exception() is None
        ]

    async def _enter(self, timeout_s: float | None, request: httpx.Request) -> None:
        if self._places.locked():
            try:
                async with asyncio.timeout(timeout_s):
                    await self._places.acquire()
            except TimeoutError:
                raise httpx.PoolTimeout("All connections are busy.", request=request) from None
        else:
            await self._places.acquire()
        self.busy += 1

    def _leave(self) -> None:
        self.busy -= 1
        self._places.release()

    def _give_back(self, origin: _Origin, connection: AsyncConnection, *, reusable: bool) -> None:
        """Take a connection whose answer is over."""
        self._leave()
        if not reusable or self._closed or connection.is_over:
            connection.abort()
            return
        self._idle.append((origin, connection, connection.loop.time()))
        if len(self._idle) > self._max_idle:
            self._idle.pop(0)[1].abort()

    def _taken(self, origin: _Origin) -> AsyncConnection | None:
        """Take an idle connection, the latest first, that the service has not closed."""
        here = asyncio.get_running_loop()
        kept: list[tuple[_Origin, AsyncConnection, float]] = []
        found: AsyncConnection | None = None
        while self._idle:
            whose, connection, since = self._idle.pop()
            if connection.loop is not here:
                continue  # of an event loop that has ended
            if here.time() - since > self._idle_s:
                connection.abort()
            elif found is None and whose == origin:
                if connection.is_usable():
                    found = connection
                else:
                    connection.abort()
            else:
                kept.append((whose, connection, since))
        self._idle = kept[::-1]
        return found

    async def _connected(self, origin: _Origin, timeout_s: float | None, request: httpx.Request) -> AsyncConnection:
        # A task of its own, which goes on when nobody waits for it any more; what it makes is closed then.
        connecting = asyncio.ensure_future(self._connect(origin))
        self._connecting.add(connecting)
        connecting.add_done_callback(self._connecting.discard)
        try:
            async with asyncio.timeout(timeout_s):
                return await asyncio.shield(connecting)
        except TimeoutError as error:
            self._let_go(connecting)
            raise httpx.ConnectTimeout(str(error), request=request) from None
        except OSError as error:  # refused, unreachable, unknown host, bad certificate
            raise httpx.ConnectError(str(error), request=request) from None
        except UnicodeError as error:  # no host at all
            raise httpx.InvalidURL(str(error)) from None
        except BaseException:
            self._let_go(connecting)
            raise

    def _let_go(self, connecting: asyncio.Future[AsyncConnection]) -> None:
        self._unwanted.add(connecting)
        connecting.add_done_callback(self._unwanted.discard)
        connecting.add_done_callback(_close_late)

    async def _connect(self, origin: _Origin) -> AsyncConnection:
        scheme, host, port = origin
        loop = asyncio.get_running_loop()
        name = host.decode("ascii")
        is_secret = scheme == b"https"
        transport, connection = await loop.create_connection(
            lambda: AsyncConnection(loop),
            sock=await connected_socket(name, port),
            ssl=self._ssl_context if is_secret else None,
            server_hostname=name if is_secret else None,
        )
        with suppress(OSError):
            # A connection that a router has forgotten is noticed although nothing is sent over it.
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return connection


def _close_late(connecting: asyncio.Future[AsyncConnection]) -> None:
    """Close a connection that nobody waits for any more."""
    if not connecting.cancelled() and connecting.exception() is None:
        connecting.result().abort()
