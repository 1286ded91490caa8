"""A conversation over a socket for synchronous programs: ``async_talk``, performed in a thread of its own.

Nothing is decided here: sending and hearing at once takes an event loop, and there is one implementation of it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator
from concurrent.futures import CancelledError
from contextvars import copy_context
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from maaskit.async_talk import AsyncTalk
from maaskit.dialing import Line
from maaskit.errors import InvalidInput, SessionError
from maaskit.pace import Pace
from maaskit.session import Session

In = TypeVar("In")
Out = TypeVar("Out")
T = TypeVar("T")

_END: Any = object()


class Talk(Generic[In, Out]):
    """Be one open conversation: send, iterate, close; a context manager that closes the socket on leaving.

    Any number of threads may send while another iterates. What comes is taken off the socket while it is sent to, so
    that neither side waits for the other; what was not read yet is bounded, and the service has to wait beyond that.

    Args:
        session: What is spoken.
        line: With whom.
    """

    def __init__(self, session: Session[In, Out], line: Line) -> None:
        self._talk: AsyncTalk[In, Out] = AsyncTalk(session, line)
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._left: asyncio.Event
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Open the socket."""
        if self._thread is not None:
            raise InvalidInput("A conversation is opened once: connect again for another.")
        started = threading.Event()
        self._thread = threading.Thread(target=self._run_loop, args=(started,), name="maaskit-talk", daemon=True)
        self._thread.start()
        started.wait()
        try:
            self._perform(self._talk.__aenter__)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the socket, whatever is under way."""
        try:
            self._perform(lambda: self._talk.__aexit__(kind, error, trace))
        finally:
            self._stop()

    def send(self, item: In) -> None:
        """Say something, and wait while the service cannot take it.

        Args:
            item: What to say.

        Raises:
            InvalidInput: It may not be said.
            SessionError: The conversation has ended, or the service takes nothing for ``timeout`` seconds.
        """
        self._perform(lambda: self._talk.send(item))

    def feed(self, items: Iterable[In], *, paced: bool = False) -> Self:
        """Send items from a thread of its own while the conversation is read, then close.

        An error of the items' own ends the conversation and is raised to the reader.

        Args:
            items: What to say; it may block. It is not asked again when the conversation has ended.
            paced: Whether each item waits until the earlier ones have been played, as live audio does.

        Returns:
            The conversation itself, to be iterated.

        Raises:
            InvalidInput: This conversation knows no pace.
        """
        if self._thread is None:
            raise self._unopened()
        work = (self._feed, items, self._talk.begin_feeding(paced=paced))
        # A daemon, because nothing can end the waiting for an item.
        threading.Thread(target=copy_context().run, args=work, name="maaskit-feed", daemon=True).start()
        return self

    def __iter__(self) -> Iterator[Out]:
        """Give what the service says, to the end."""
        return self

    def __next__(self) -> Out:
        """Give the next thing that the service says."""
        item = self._perform(self._receive)
        if item is _END:
            raise StopIteration
        return item  # type: ignore[no-any-return]

    def close(self) -> None:
        """Say that nothing more will be sent; what the service still says can be read to its end."""
        self._perform(self._talk.close)

    async def _receive(self) -> Any:
        return await anext(self._talk, _END)

    def _feed(self, items: Iterable[In], pace: Pace[In] | None) -> None:
        try:
            for item in items:
                self._perform(lambda item=item: self._talk.told(item, pace))  # type: ignore[misc]
            self.close()
        except _Over:
            return  # the conversation was left
        except Exception as error:  # noqa: BLE001 - it is raised to whoever reads
            with self._lock:
                if self._loop is not None:
                    self._loop.call_soon_threadsafe(self._talk.fail, error)

    def _perform(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Let the loop do something and wait for it."""
        with self._lock:
            if self._thread is None:
                raise self._unopened()
            if self._loop is None:
                raise _Over("The conversation is over: its `with` block was left.")
            future = asyncio.run_coroutine_threadsafe(work(), self._loop)
        try:
            return future.result()
        except CancelledError:
            raise _Over("The conversation is over: its `with` block was left.") from None
        except BaseException:
            future.cancel()
            raise

    @staticmethod
    def _unopened() -> InvalidInput:
        return InvalidInput("Open the conversation first: `with client.connect(session) as talk`.")

    def _run_loop(self, started: threading.Event) -> None:
        async def until_left() -> None:
            self._left = asyncio.Event()
            self._loop = asyncio.get_running_loop()
            started.set()
            await self._left.wait()

        asyncio.run(until_left())  # cancels, on leaving, what was begun and is not done

    def _stop(self) -> None:
        """End the loop; nothing is handed to it any more."""
        with self._lock:
            loop, self._loop = self._loop, None
        if loop is not None and self._thread is not None:
            loop.call_soon_threadsafe(self._left.set)
            self._thread.join()


class _Over(SessionError):
    """Say that the conversation was left."""
