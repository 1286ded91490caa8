"""An httpx transport over asyncio's own sockets, for asynchronous clients.

What is sent, retried or decoded is not known here. It exists for speed alone: httpx's own transport takes twice what a
streamed piece costs here, and its pool works the square of the requests in flight (``make bench``). HTTP/1.1 only;
where the environment names a proxy, httpx's own transport is used instead (see ``transport``). ``plain_http`` is its
synchronous twin.
"""

from __future__ import annotations

import asyncio
import math
import re
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import TypeAlias

import httpx

from maaskit.async_connection import AsyncConnection
from maaskit.http_message import Body, Head, take_head

_WRITE_BYTES = 65536
_LATE_ANSWER_S = 1.0
_CLOSING_S = 1.0
_NEXT_ADDRESS_S = 0.25  # where a host has several addresses and the first does not answer (RFC 8305)
_UNFIT = re.compile(rb"[\0\r\n]")

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
            sent = await _write(connection, request, timeouts.get("write"))
            head = await _answered(connection, request, timeouts.get("read"), sent=sent)
            body = _body_of(head, request)
        except BaseException:
            if connection is not None:
                connection.abort()
            self._leave()
            raise
        reusable = sent and head.lets_live

        def give_back(*, whole: bool) -> None:
            self._give_back(origin, connection, reusable=reusable and whole)

        stream = _AnswerBody(connection, body, timeouts.get("read"), give_back)
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
        if mine:
            await asyncio.wait([connection.lost for connection in mine], timeout=_CLOSING_S)
        await asyncio.sleep(0)  # for those whose answers were closed a moment ago, at the end of a loop for instance

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
        # A task of its own, which is never cancelled: asyncio loses sockets when it is, in the middle of a race between
        # addresses (seen in 3.11).
        connecting = asyncio.ensure_future(self._connect(origin))
        self._connecting.add(connecting)
        connecting.add_done_callback(self._connecting.discard)
        try:
            async with asyncio.timeout(timeout_s):
                return await asyncio.shield(connecting)
        except TimeoutError as error:
            connecting.add_done_callback(_close_late)
            raise httpx.ConnectTimeout(str(error), request=request) from None
        except (OSError, UnicodeError) as error:  # refused, unreachable, unknown host, bad certificate
            raise httpx.ConnectError(str(error), request=request) from None
        except BaseException:
            connecting.add_done_callback(_close_late)
            raise

    async def _connect(self, origin: _Origin) -> AsyncConnection:
        scheme, host, port = origin
        loop = asyncio.get_running_loop()
        transport, connection = await loop.create_connection(
            lambda: AsyncConnection(loop),
            host.decode("ascii"),
            port,
            ssl=self._ssl_context if scheme == b"https" else None,
            happy_eyeballs_delay=_NEXT_ADDRESS_S,
        )
        with suppress(OSError):
            # A connection that a router has forgotten is noticed although nothing is sent over it.
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return connection


def _close_late(connecting: asyncio.Future[AsyncConnection]) -> None:
    """Close a connection that nobody waits for any more."""
    if not connecting.cancelled() and connecting.exception() is None:
        connecting.result().abort()


async def _write(connection: AsyncConnection, request: httpx.Request, timeout_s: float | None) -> bool:
    """Send a request; tell whether all of it was sent."""
    head = _head_of(request)
    stream = request.stream
    assert isinstance(stream, httpx.AsyncByteStream)  # noqa: S101 - of an asynchronous client
    is_chunked = "chunked" in request.headers.get("transfer-encoding", "")
    if not is_chunked and int(request.headers.get("content-length", 0)) <= _WRITE_BYTES:
        whole = b"".join([piece async for piece in stream])  # one packet, where there is little to send
        return await _sent(connection, head + whole, timeout_s, request)
    if not await _sent(connection, head, timeout_s, request):
        return False
    async for large in stream:
        # In pieces so small that each moves on within the write time-out.
        for start in range(0, len(large), _WRITE_BYTES):
            piece = large[start : start + _WRITE_BYTES]
            if is_chunked:
                piece = b"%x\r\n%s\r\n" % (len(piece), piece)
            if not await _sent(connection, piece, timeout_s, request):
                return False
    return not is_chunked or await _sent(connection, b"0\r\n\r\n", timeout_s, request)


async def _sent(connection: AsyncConnection, piece: bytes, timeout_s: float | None, request: httpx.Request) -> bool:
    """Send a piece of a request; tell whether there is any use in sending more.

    A service may refuse in the middle of an upload, and close or stop reading: its answer is read all the same.
    """
    connection.write(piece)
    until = _until(connection, timeout_s)
    try:
        while connection.is_full and not connection.is_over:
            if _is_refused(connection):
                return False
            await connection.wait(until)
    except TimeoutError as error:
        if not connection.buffer:
            raise httpx.WriteTimeout(str(error), request=request) from None
        return False
    return not connection.is_over


def _is_refused(connection: AsyncConnection) -> bool:
    """Tell whether the answer that has come is a refusal (``HTTP/1.1 413``), so that nobody wants the rest."""
    return bytes(connection.buffer[9:10]) in (b"4", b"5")


def _head_of(request: httpx.Request) -> bytes:
    lines = [b"%s %s HTTP/1.1" % (request.method.encode("ascii"), request.url.raw_path)]
    lines += [b"%s: %s" % field for field in request.headers.raw]
    if any(_UNFIT.search(line) for line in lines) or b" " in request.url.raw_path or b" " in request.method.encode():
        raise httpx.LocalProtocolError("A header field has a line break in it.", request=request)
    return b"\r\n".join(lines) + b"\r\n\r\n"


async def _answered(
    connection: AsyncConnection, request: httpx.Request, timeout_s: float | None, *, sent: bool
) -> Head:
    if not sent:
        timeout_s = min(timeout_s or _LATE_ANSWER_S, _LATE_ANSWER_S)
    until = _until(connection, timeout_s)
    try:
        while (head := take_head(connection.buffer)) is None:
            if not await connection.more(until):
                if not sent and not connection.buffer:
                    raise httpx.WriteError("The connection was closed while sending.", request=request)
                raise _broken(connection, "The service closed the connection without an answer.", request)
    except TimeoutError as error:
        kind = httpx.ReadTimeout if sent else httpx.WriteTimeout
        raise kind(str(error), request=request) from None
    except ValueError as error:
        raise httpx.RemoteProtocolError(f"The answer cannot be read ({error}).", request=request) from None
    return head


def _body_of(head: Head, request: httpx.Request) -> Body:
    try:
        return head.body(request.method)
    except ValueError as error:
        raise httpx.RemoteProtocolError(f"The answer cannot be read ({error}).", request=request) from None


class _AnswerBody(httpx.AsyncByteStream):
    """Be the body of one answer; its end gives the connection back.

    It is its own iterator, and no generator: those cost more, and at the end of a loop asyncio closes them all at once.
    """

    def __init__(
        self, connection: AsyncConnection, body: Body, timeout_s: float | None, give_back: Callable[..., None]
    ) -> None:
        self._connection = connection
        self._body = body
        self._timeout_s = timeout_s
        self._give_back = give_back
        self._over = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        connection, body = self._connection, self._body
        if self._over:
            raise StopAsyncIteration
        try:
            piece = body.take(connection.buffer)
            if piece:
                return piece
            if not body.ended:
                piece = await self._next()
        except TimeoutError as error:
            raise httpx.ReadTimeout(str(error)) from None
        except ValueError as error:
            raise httpx.RemoteProtocolError(f"The body was cut short ({error}).") from None
        if not piece:
            self._close(whole=True)
            raise StopAsyncIteration
        return piece

    async def aclose(self) -> None:
        """Give the connection back if the body has ended; close it otherwise."""
        if not self._over:
            # Behind the last piece there may be nothing but the mark of the end.
            with suppress(ValueError):
                self._body.take(self._connection.buffer)
            self._close(whole=self._body.ended)

    def __del__(self) -> None:
        """Close the connection of a body that was forgotten, from whatever thread."""
        if not self._over:
            give_back = self._give_back
            with suppress(RuntimeError):  # its loop has been closed
                self._connection.loop.call_soon_threadsafe(lambda: give_back(whole=False))

    async def _next(self) -> bytes:
        connection, body = self._connection, self._body
        until = _until(connection, self._timeout_s)
        while not body.ended:
            if not await connection.more(until):
                if connection.error is not None:
                    raise httpx.ReadError(str(connection.error) or "The connection broke.")
                body.cut()
            piece = body.take(connection.buffer)
            if piece:
                return piece
        return b""

    def _close(self, *, whole: bool) -> None:
        self._over = True
        self._give_back(whole=whole)


def _broken(connection: AsyncConnection, what: str, request: httpx.Request) -> httpx.TransportError:
    if connection.error is not None:
        return httpx.ReadError(str(connection.error), request=request)
    return httpx.RemoteProtocolError(what, request=request)


def _until(connection: AsyncConnection, timeout_s: float | None) -> float:
    return math.inf if timeout_s is None else connection.loop.time() + timeout_s
