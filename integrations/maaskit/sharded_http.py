"""An httpx transport that spreads requests over several connection pools, for asynchronous clients.

What is sent, retried or decoded is not known here. It exists for speed alone: the work of one pool grows with the
square of the requests in flight (``make bench``: a hundred at once cost a multiple in one pool), so no pool gets many.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator

import httpx

_PER_SHARD = 8
_MAX_SHARDS = 32
_WRITE_BYTES = 65536
_SLOWEST_BYTES_PER_S = 16384


class ShardedTransport(httpx.AsyncBaseTransport):
    """Move HTTP messages for ``httpx.AsyncClient`` over pools that are made as they are needed.

    Args:
        ssl_context: For https.
        idle_s: How long an idle connection is kept.
    """

    def __init__(self, *, ssl_context: ssl.SSLContext, idle_s: float = 30.0) -> None:
        self._ssl_context = ssl_context
        self._limits = httpx.Limits(
            # When all shards are full each takes more, up to here; a further request waits for its pool time-out.
            max_connections=4 * _PER_SHARD,
            max_keepalive_connections=_PER_SHARD,
            keepalive_expiry=idle_s,
        )
        self._shards: list[httpx.AsyncHTTPTransport] = []
        self._busy: list[int] = []
        self._fresh: httpx.AsyncHTTPTransport | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request over the first pool that has room, so that few pools keep warm connections.

        The extension ``fresh`` asks for a new connection: a kept one may be closed by the service at the very moment,
        and then nobody knows whether the request was read.

        Args:
            request: What to send.

        Returns:
            The answer; its stream must be read to its end or closed.
        """
        is_large = int(request.headers.get("content-length", 0)) > _WRITE_BYTES
        if is_large and isinstance(request.stream, httpx.AsyncByteStream):
            request.stream = _InPieces(request.stream)
        if request.extensions.get("fresh"):
            return await _in_time(self._single_use(), request)
        number = self._place()
        self._busy[number] += 1
        try:
            response = await _in_time(self._shards[number], request)
        except BaseException:
            self._busy[number] -= 1
            raise
        if not isinstance(response.stream, httpx.AsyncByteStream):  # pragma: no cover - httpx gives no other
            self._busy[number] -= 1
            return response
        response.stream = _Counted(response.stream, self._busy, number)
        return response

    async def aclose(self) -> None:
        """Close every pool."""
        for shard in [*self._shards, *filter(None, [self._fresh])]:
            await shard.aclose()

    def _single_use(self) -> httpx.AsyncHTTPTransport:
        if self._fresh is None:
            limits = httpx.Limits(max_connections=_PER_SHARD * _MAX_SHARDS, max_keepalive_connections=0)
            self._fresh = httpx.AsyncHTTPTransport(verify=self._ssl_context, limits=limits)
        return self._fresh

    def _place(self) -> int:
        for number, busy in enumerate(self._busy):
            if busy < _PER_SHARD:
                return number
        if len(self._shards) < _MAX_SHARDS:
            self._shards.append(httpx.AsyncHTTPTransport(verify=self._ssl_context, limits=self._limits))
            self._busy.append(0)
            return len(self._shards) - 1
        return self._busy.index(min(self._busy))


async def _in_time(transport: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
    """Send a request within a bound for all of it: the time-outs of its steps begin anew with each byte that drips."""
    timeouts: dict[str, float | None] = request.extensions.get("timeout", {})
    steps = [timeouts.get(name) for name in ("pool", "connect", "write", "read")]
    bound_s: float | None = None
    if None not in steps:
        bound_s = sum(filter(None, steps)) + int(request.headers.get("content-length", 0)) / _SLOWEST_BYTES_PER_S
    try:
        async with asyncio.timeout(bound_s):
            return await transport.handle_async_request(request)
    except TimeoutError:
        raise httpx.ReadTimeout("The head of the answer did not come to its end.", request=request) from None


class _InPieces(httpx.AsyncByteStream):
    """Be the body of a request in pieces so small that each moves on within the write time-out."""

    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for whole in self._stream:
            for start in range(0, len(whole), _WRITE_BYTES):
                yield whole[start : start + _WRITE_BYTES]

    async def aclose(self) -> None:
        await self._stream.aclose()


class _Counted(httpx.AsyncByteStream):
    """Be the body of one answer; its end frees the place in its pool."""

    def __init__(self, stream: httpx.AsyncByteStream, busy: list[int], number: int) -> None:
        self._stream = stream
        self._busy = busy
        self._number = number
        self._over = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._stream.__aiter__()

    async def aclose(self) -> None:
        if not self._over:
            self._over = True
            self._busy[self._number] -= 1
        await self._stream.aclose()
