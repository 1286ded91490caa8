"""One exchange over a connection on asyncio: a request is written, its answer's head awaited, its body read.

Where connections come from and go to is the transport's business (``async_plain_http``), the grammar stands in
``http_message``. ``plain_exchange`` is its synchronous twin.
"""

from __future__ import annotations

import math
import re
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import httpx

from maaskit.async_connection import AsyncConnection
from maaskit.http_message import Body, Head, take_head

_WRITE_BYTES = 65536
_LATE_ANSWER_S = 1.0
_UNFIT = re.compile(rb"[\0\r\n]")


async def write(connection: AsyncConnection, request: httpx.Request, timeout_s: float | None) -> bool:
    """Send a request.

    Args:
        connection: Where to.
        request: What to send.
        timeout_s: Seconds within which each piece must move on.

    Returns:
        Whether all of it was sent: a service may refuse in the middle of an upload, and close or stop reading.

    Raises:
        httpx.TransportError: What went wrong.
    """
    head = _head_of(request)
    stream = request.stream
    assert isinstance(stream, httpx.AsyncByteStream)  # noqa: S101 - of an asynchronous client
    is_chunked = "chunked" in request.headers.get("transfer-encoding", "")
    if not is_chunked and int(request.headers.get("content-length", 0)) <= _WRITE_BYTES:
        whole = b"".join([piece async for piece in stream])  # one packet, where there is little to send
        return await _sent(connection, _Unshown(head + whole), timeout_s, request)
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
    """Send a piece of a request; tell whether there is any use in sending more."""
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


class _Unshown(bytes):
    """Be bytes that are not shown where an error report prints the variables of each frame: the key is in them."""

    def __repr__(self) -> str:
        return f"<{len(self)} bytes>"


def _head_of(request: httpx.Request) -> _Unshown:
    lines = [b"%s %s HTTP/1.1" % (request.method.encode("ascii"), request.url.raw_path)]
    lines += [b"%s: %s" % field for field in request.headers.raw]
    if any(_UNFIT.search(line) for line in lines) or b" " in request.url.raw_path or b" " in request.method.encode():
        raise httpx.LocalProtocolError("A header field has a line break in it.", request=request)
    return _Unshown(b"\r\n".join(lines) + b"\r\n\r\n")


async def answered(connection: AsyncConnection, request: httpx.Request, timeout_s: float | None, *, sent: bool) -> Head:
    """Wait for the head of the answer.

    Args:
        connection: Where from.
        request: What was sent.
        timeout_s: Seconds within which the whole head must come.
        sent: Whether all of the request was sent; otherwise a refusal must be there already, or nearly.

    Returns:
        The head.

    Raises:
        httpx.TransportError: What went wrong.
    """
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


def body_of(head: Head, request: httpx.Request) -> Body:
    """Give what reads the body of an answer.

    Args:
        head: Its head.
        request: What was sent.

    Returns:
        The reader.

    Raises:
        httpx.RemoteProtocolError: The head says of it what cannot be.
    """
    try:
        return head.body(request.method)
    except ValueError as error:
        raise httpx.RemoteProtocolError(f"The answer cannot be read ({error}).", request=request) from None


class AnswerBody(httpx.AsyncByteStream):
    """Be the body of one answer; its end gives the connection back.

    It is its own iterator, and no generator: those cost more, and at the end of a loop asyncio closes them all at once.

    Args:
        connection: Where from.
        body: Reads it.
        timeout_s: Seconds within which each piece must come.
        give_back: Is called once, with whether the body came to its end.
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
        """Give itself."""
        return self

    async def __anext__(self) -> bytes:
        """Give the next piece."""
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
