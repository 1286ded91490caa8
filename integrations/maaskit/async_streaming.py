"""An answer in pieces on asyncio: reads on, tells a cut from an end, and closes the connection whoever leaves.

How a request is sent, and sent again, is the driver's business (``async_client``). ``streaming`` is its twin: same
order, same names.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, Self, TypeVar

import httpx

from maaskit.errors import MaasError, StreamInterrupted, UnexpectedAnswer
from maaskit.failures import interruption, stalled
from maaskit.inflate import Inflate, inflating
from maaskit.provider import Provider
from maaskit.wire import Request, StreamReader

T = TypeVar("T")

_DRAIN_S = 0.5


class Hold:
    """Let another task hang up a stream that somebody waits for."""

    def __init__(self) -> None:
        self.response: httpx.Response | None = None
        self.is_gone = False

    async def let_go(self) -> None:
        """Hang up."""
        self.is_gone = True
        if self.response is not None:
            await self.response.aclose()

    @staticmethod
    def gone(request: Request, opened: Opened[T] | None) -> StreamInterrupted:
        """Make the error for whoever waits.

        Args:
            request: What was asked.
            opened: The stream, when its head has come.

        Returns:
            The error, with what had come.
        """
        return StreamInterrupted(
            f"The stream of {request.endpoint} was closed while another task waited for its next piece; what came is "
            "in the error's `partial`.",
            partial=opened.reader.partial() if opened is not None else None,
        )


@dataclass(slots=True)
class Opened(Generic[T]):
    """Be a stream whose head has come.

    Args:
        request: What was asked.
        response: The answer's head.
        chunks: The pieces of its body.
        reader: Decodes them.
        timeout_s: Seconds within which the next item must come.
        items: The items that came first.
        ended: Whether nothing more comes.
    """

    request: Request
    response: httpx.Response
    chunks: AsyncIterator[bytes]
    reader: StreamReader[T]
    timeout_s: float
    items: list[T]
    ended: bool = False

    async def read_on(self) -> list[T]:
        """Read until the next items have come or the stream has ended.

        Returns:
            The items; none at the end.
        """
        reader = self.reader
        quiet_since = time.monotonic()
        async for chunk in self.chunks:
            items = reader.feed(chunk)
            if items or reader.finished:
                self.ended = reader.finished
                return items
            if time.monotonic() - quiet_since > self.timeout_s:
                raise stalled(self.request, self.timeout_s, reader)
        self.ended = True
        return reader.end()

    async def next(self) -> list[T]:
        """Give the next items, and tell a connection that was cut from one that only ended badly.

        Returns:
            The items; none at the end.
        """
        reader = self.reader
        try:
            return await self.read_on()
        except (httpx.HTTPError, MaasError) as error:
            broken: Exception = error
        if not reader.complete or reader.finished:
            raise interruption(broken, self.request, self.timeout_s, reader)
        self.ended = True  # the answer was whole; only the connection's end was not
        return reader.end()

    async def settle(self) -> None:
        """Give the connection back after ``[DONE]``, so that it serves again.

        The end of the HTTP message comes a moment after ``[DONE]``, or never: it is waited for briefly.
        """
        try:
            if self.reader.finished and "chunked" in self.response.headers.get("transfer-encoding", ""):
                with contextlib.suppress(httpx.HTTPError, httpx.StreamError, UnexpectedAnswer, TimeoutError):
                    async with asyncio.timeout(_DRAIN_S):
                        await anext(self.chunks, None)
        finally:
            await self.response.aclose()


class _Course(Generic[T]):
    """Be the course of one stream: not begun, under way, over."""

    def __init__(self, opening: Callable[[Hold], Awaitable[Opened[T]]], request: Request, provider: Provider) -> None:
        self.is_over = False
        self._opening = opening
        self._request = request
        self._provider = provider
        self._hold = Hold()
        self._opened: Opened[T] | None = None
        self._is_busy = False

    async def batch(self) -> list[T]:
        if self.is_over:
            return []
        if self._is_busy:
            raise RuntimeError("Another task waits for the next piece of this stream.")
        self._is_busy = True
        try:
            return await self._batch()
        except MaasError as error:
            if self._hold.is_gone and self._opened is not None:
                raise self._hold.gone(self._request, self._opened) from None
            self._provider.scrub_error(error)
            raise
        finally:
            self._is_busy = False

    async def _batch(self) -> list[T]:
        opened = self._opened
        try:
            if opened is None:
                opened = self._opened = await self._opening(self._hold)
                if opened.items:
                    return opened.items
            while not opened.ended:
                items = await opened.next()
                if items:
                    return items
        except BaseException:
            self.is_over = True
            if opened is not None:
                await opened.response.aclose()
            raise
        self.is_over = True
        await opened.settle()
        return []

    async def close(self) -> None:
        if self._is_busy:
            await self._hold.let_go()
            return
        self.is_over = True
        if self._opened is not None:
            await self._opened.response.aclose()


class AsyncStreaming(Generic[T]):
    """Iterate over the pieces of an answer; a context manager that closes the connection on leaving.

    Args:
        opening: Sends the request, again where that is allowed, and gives the answer when its first items have come.
        request: What is asked.
        provider: Whom it is asked; takes its key out of errors.
    """

    def __init__(self, opening: Callable[[Hold], Awaitable[Opened[T]]], request: Request, provider: Provider) -> None:
        # The generator knows the course alone, and not this object: a stream that is dropped must go at once.
        self._course = _Course(opening, request, provider)
        self._pieces = _pieces(self._course)

    def __aiter__(self) -> AsyncIterator[T]:
        """Give the pieces."""
        return self._pieces

    async def __anext__(self) -> T:
        """Give the next piece."""
        return await anext(self._pieces)

    async def __aenter__(self) -> Self:
        """Give the stream itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        await self.close()

    async def batch(self) -> list[T]:
        """Give the next pieces that came together, for whoever has no use for an iterator (within ``async with``).

        Returns:
            The pieces, at least one; none when the answer is over.

        Raises:
            MaasError: What went wrong.
        """
        return await self._course.batch()

    async def close(self) -> None:
        """Close the connection; the service stops writing. A task that waits for a piece gets StreamInterrupted."""
        # Not the generator: at the end of an event loop asyncio closes every generator by itself, and two who close
        # the same one are in each other's way.
        await self._course.close()


async def _pieces(course: _Course[T]) -> AsyncGenerator[T, None]:
    try:
        while items := await course.batch():
            for item in items:
                if course.is_over:  # closed meanwhile
                    return
                yield item
    finally:
        await course.close()


def body_chunks(response: httpx.Response, request: Request) -> AsyncIterator[bytes]:
    """Give the body's pieces, past httpx's decoding: ours is bounded, and none costs nothing.

    Args:
        response: The answer.
        request: What was asked.

    Returns:
        The decoded pieces.
    """
    if response.is_stream_consumed or not isinstance(response.stream, httpx.AsyncByteStream):
        return response.aiter_bytes()  # read and decoded already
    # Our own transports' pieces, past httpx's layers, each of which costs something for each of them.
    chunks = response.extensions.get("pieces", response.stream)
    inflate = inflating(response.headers.get("content-encoding", ""), request.endpoint)
    return aiter(chunks) if inflate is None else _inflated(chunks, inflate)


async def _inflated(chunks: AsyncIterable[bytes], inflate: Inflate) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        for piece in inflate.feed(chunk):
            yield piece
    inflate.end()
