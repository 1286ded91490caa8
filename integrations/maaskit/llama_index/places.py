"""How many requests of one object are under way at once, whoever makes them: one semaphore for each running loop.

What is requested is not known here.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any

from llama_index.core.schema import BaseComponent
from pydantic import Field, PrivateAttr


class Places:
    """Keep the semaphores of one object; a copy, or a pickle, begins anew."""

    def __init__(self) -> None:
        self._by_loop: dict[asyncio.AbstractEventLoop, tuple[int, asyncio.Semaphore]] = {}

    def here(self, number: int) -> asyncio.Semaphore:
        """Give the running loop's semaphore.

        Args:
            number: How many places there are; another number than before makes another semaphore.

        Returns:
            The semaphore.
        """
        loop = asyncio.get_running_loop()
        found = self._by_loop.get(loop)
        if found is None or found[0] != number:
            # A semaphore that somebody waited for holds its loop, so weak keys would keep what they should let go.
            for other in list(self._by_loop):
                if other.is_closed():
                    self._by_loop.pop(other, None)
            found = self._by_loop[loop] = (number, asyncio.Semaphore(number))
        return found[1]

    def __reduce__(self) -> tuple[Any, ...]:
        """Give nothing: a semaphore belongs to its loop, which belongs to its process."""
        return Places, ()

    def __deepcopy__(self, memo: Any) -> Places:
        """Give none of the semaphores."""
        return Places()


class Bounded(BaseComponent):
    """Bound the requests that are under way at once."""

    max_concurrency: int = Field(default=4, ge=1, description="Requests under way at once.")

    _places: Places = PrivateAttr(default_factory=Places)

    def _here(self) -> asyncio.Semaphore:
        return self._places.here(self.max_concurrency)


class Turns:
    """Wait for a place, then for the rate limiter, around each request of a batch.

    Args:
        places: The places.
        limiter: One of LlamaIndex's rate limiters, or ``None``.
        granted: How many requests the limiter has been asked for already.
    """

    def __init__(self, places: asyncio.Semaphore, limiter: Any, granted: int) -> None:
        self._places = places
        self._limiter = limiter
        self._granted = granted

    async def __aenter__(self) -> None:
        """Wait."""
        await self._places.acquire()
        if self._limiter is None:
            return
        if self._granted > 0:
            self._granted -= 1
            return
        try:
            await self._limiter.async_acquire()
        except BaseException:
            self._places.release()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the place back."""
        self._places.release()
