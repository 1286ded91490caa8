"""Many questions at once: the threads that ask them, and their answers, to be awaited or taken one after the other.

What is asked, and how, is the drivers' business (``client``, ``async_client``).
"""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Generator
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")

_Orders: TypeAlias = "SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None]"


class Workers:
    """Be some threads that work on what is ordered, and that a process does not wait for when it ends.

    ``concurrent.futures`` waits for its own: whoever interrupts a hundred questions would wait for those under way,
    for as long as their time-outs and retries last.

    Args:
        number: How many there are at most.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self._orders: _Orders = SimpleQueue()
        self._threads = 0
        self._gone = threading.Event()

    def order(self, work: Callable[[], T]) -> Future[T]:
        """Let something be done.

        Args:
            work: What to do.

        Returns:
            What becomes of it.
        """
        future: Future[T] = Future()
        self._orders.put((future, work))
        if self._threads < self._number:
            self._threads += 1
            name = f"maaskit-worker-{self._threads}"
            threading.Thread(target=_labour, args=(self._orders, self._gone), name=name, daemon=True).start()
        return future

    def let_go(self) -> None:
        """End the threads once they have done what they are at; nothing else is begun."""
        self._gone.set()
        for _ in range(self._threads):
            self._orders.put(None)


def _labour(orders: _Orders, gone: threading.Event) -> None:
    while (order := orders.get()) is not None:
        if gone.is_set():
            continue
        future, work = order
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - it is raised again where the answer is taken
            future.set_exception(error)
        del order, future, work  # nothing is held while the next one is waited for


class Mapped(Coroutine[Any, Any, list[T]]):
    """Be the answers to many questions: ``await`` gives their list, ``async for`` one after the other.

    It is a coroutine as ``Client.send`` of the asynchronous driver gives one, so that a task can be made of it.

    Args:
        answers: Makes the answers.
    """

    def __init__(self, answers: AsyncGenerator[T, None]) -> None:
        self._answers = answers
        self._waiting: Coroutine[Any, Any, list[T]] | None = None

    def __await__(self) -> Generator[Any, None, list[T]]:
        """Wait for all."""
        return self._whole().__await__()

    def send(self, value: Any) -> Any:
        """Go on, as a coroutine does.

        Args:
            value: What the event loop has for it.

        Returns:
            What it waits for.
        """
        return self._whole().send(value)

    def throw(self, *error: Any) -> Any:
        """Go on with an error, as a coroutine does.

        Args:
            *error: The error.

        Returns:
            What it waits for.
        """
        return self._whole().throw(*error)

    def close(self) -> None:
        """Ask no more, as a coroutine does."""
        self._whole().close()

    def __aiter__(self) -> AsyncIterator[T]:
        """Give one after the other."""
        return self._answers

    def _whole(self) -> Coroutine[Any, Any, list[T]]:
        if self._waiting is None:  # not before it is wanted: Python warns of what is never awaited
            self._waiting = self._all()
        return self._waiting

    async def _all(self) -> list[T]:
        return [answer async for answer in self._answers]
