"""The answers to many questions, to be awaited together or taken one after the other.

How they are asked is the asynchronous driver's business (``async_client``).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Generator
from typing import Any, TypeVar

T = TypeVar("T")


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
