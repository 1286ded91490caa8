"""The answers to many questions, to be awaited together or taken one after the other.

How they are asked is the asynchronous driver's business (``async_client``).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Mapped(Generic[T]):
    """Be the answers to many questions: ``await`` gives their list, ``async for`` one after the other.

    Args:
        answers: Makes the answers.
    """

    def __init__(self, answers: AsyncGenerator[T, None]) -> None:
        self._answers = answers

    def __await__(self) -> Generator[Any, None, list[T]]:
        """Wait for all."""
        return self._all().__await__()

    def __aiter__(self) -> AsyncIterator[T]:
        """Give one after the other."""
        return self._answers

    async def _all(self) -> list[T]:
        return [answer async for answer in self._answers]
