"""An answer in pieces, synchronously: reads on, tells a cut from an end, and closes the connection whoever leaves.

How a request is sent, and sent again, is the driver's business (``client``). ``async_streaming`` is its twin: same
order, same names.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, Self, TypeVar

import httpx

from maaskit.errors import MaasError, StreamInterrupted
from maaskit.failures import interruption, stalled
from maaskit.inflate import Inflate, inflating
from maaskit.provider import Provider
from maaskit.transport import hang_up
from maaskit.wire import Request, StreamReader

T = TypeVar("T")


class Hold:
    """Let another thread hang up a stream that somebody waits for."""

    def __init__(self) -> None:
        self.response: httpx.Response | None = None
        self.is_gone = False

    def take(self, response: httpx.Response) -> httpx.Response:
        """Take the head that has come, and hang up where that was wished meanwhile.

        Args:
            response: The head.

        Returns:
            The same.
        """
        self.response = response
        if self.is_gone:
            hang_up(response)
        return response

    def let_go(self) -> None:
        """Hang up."""
        self.is_gone = True
        if self.response is not None:
            hang_up(self.response)

    @staticmethod
    def gone(request: Request, opened: Opened[T] | None) -> StreamInterrupted:
        """Make the error for whoever waits.

        Args:
            request: What was asked.
            opened: The stream, when its head has come.

        Returns:
            The error, with what had come.
        """
        if opened is not None:
            opened.response.close()
        return StreamInterrupted(
            f"The stream of {request.endpoint} was closed while another thread waited for its next piece; what came is "
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
    chunks: Iterator[bytes]
    reader: StreamReader[T]
    timeout_s: float
    items: list[T]
    ended: bool = False

    def read_on(self) -> list[T]:
        """Read until the next items have come or the stream has ended.

        Returns:
            The items; none at the end.
        """
        reader = self.reader
        quiet_since = time.monotonic()
        for chunk in self.chunks:
            items = reader.feed(chunk)
            if items or reader.finished:
                self.ended = reader.finished
                return items
            if time.monotonic() - quiet_since > self.timeout_s:
                raise stalled(self.request, self.timeout_s, reader)
        self.ended = True
        return reader.end()

    def next(self) -> list[T]:
        """Give the next items, and tell a connection that was cut from one that only ended badly.

        Returns:
            The items; none at the end.
        """
        reader = self.reader
        try:
            return self.read_on()
        except (httpx.HTTPError, MaasError) as error:
            broken: Exception = error
        if not reader.complete or reader.finished:
            raise interruption(broken, self.request, self.timeout_s, reader)
        self.ended = True  # the answer was whole; only the connection's end was not
        return reader.end()


class _Course(Generic[T]):
    """Be the course of one stream: not begun, under way, over."""

    def __init__(self, opening: Callable[[Hold], Opened[T]], request: Request, provider: Provider) -> None:
        self.is_over = False
        self._opening = opening
        self._request = request
        self._provider = provider
        self._hold = Hold()
        self._opened: Opened[T] | None = None
        self._lock = threading.Lock()  # held while a thread waits for the next items

    def batch(self) -> list[T]:
        if self.is_over:
            return []
        if not self._lock.acquire(blocking=False):
            raise RuntimeError("Another thread waits for the next piece of this stream.")
        try:
            return self._batch()
        except MaasError as error:
            if self._hold.is_gone and self._opened is not None:
                raise self._hold.gone(self._request, self._opened) from None
            self._provider.scrub_error(error)
            raise
        finally:
            self._lock.release()

    def _batch(self) -> list[T]:
        opened = self._opened
        try:
            if opened is None:
                opened = self._opened = self._opening(self._hold)
                if opened.items:
                    return opened.items
            while not opened.ended:
                items = opened.next()
                if items:
                    return items
        except BaseException:
            self.is_over = True
            if opened is not None:
                opened.response.close()
            raise
        self.is_over = True
        opened.response.close()
        return []

    def close(self) -> None:
        if not self._lock.acquire(blocking=False):
            self._hold.let_go()
            return
        try:
            self.is_over = True
            if self._opened is not None:
                self._opened.response.close()
        finally:
            self._lock.release()


class Streaming(Generic[T]):
    """Iterate over the pieces of an answer; a context manager that closes the connection on leaving.

    Args:
        opening: Sends the request, again where that is allowed, and gives the answer when its first items have come.
        request: What is asked.
        provider: Whom it is asked; takes its key out of errors.
    """

    def __init__(self, opening: Callable[[Hold], Opened[T]], request: Request, provider: Provider) -> None:
        # The generator knows the course alone, and not this object: a stream that is dropped must go at once.
        self._course = _Course(opening, request, provider)
        self._pieces = _pieces(self._course)

    def __iter__(self) -> Iterator[T]:
        """Give the pieces."""
        return self._pieces

    def __next__(self) -> T:
        """Give the next piece."""
        return next(self._pieces)

    def __enter__(self) -> Self:
        """Give the stream itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        self.close()

    def batch(self) -> list[T]:
        """Give the next pieces that came together, for whoever has no use for an iterator (within ``with``).

        Returns:
            The pieces, at least one; none when the answer is over.

        Raises:
            MaasError: What went wrong.
        """
        return self._course.batch()

    def close(self) -> None:
        """Close the connection; the service stops writing. A thread that waits for a piece gets StreamInterrupted."""
        self._course.close()


def _pieces(course: _Course[T]) -> Generator[T, None, None]:
    try:
        while items := course.batch():
            for item in items:
                if course.is_over:  # closed meanwhile
                    return
                yield item
    finally:
        course.close()


def body_chunks(response: httpx.Response, request: Request) -> Iterator[bytes]:
    """Give the body's pieces, past httpx's decoding: ours is bounded, and none costs nothing.

    Args:
        response: The answer.
        request: What was asked.

    Returns:
        The decoded pieces.
    """
    if response.is_stream_consumed or not isinstance(response.stream, httpx.SyncByteStream):
        return response.iter_bytes()  # read and decoded already
    # Our own transports' pieces, past httpx's layers, each of which costs something for each of them.
    chunks = response.extensions.get("pieces", response.stream)
    inflate = inflating(response.headers.get("content-encoding", ""), request.endpoint)
    return iter(chunks) if inflate is None else _inflated(chunks, inflate)


def _inflated(chunks: Iterable[bytes], inflate: Inflate) -> Iterator[bytes]:
    for chunk in chunks:
        yield from inflate.feed(chunk)
    inflate.end()
