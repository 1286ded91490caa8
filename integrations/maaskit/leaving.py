"""How an asynchronous generator that is left half-way is closed, so that nothing of it stays under way.

What it gives is not known here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from types import TracebackType
from typing import Any, Generic, TypeVar

Pieces = TypeVar("Pieces", bound=AsyncGenerator[Any, None])


class leaving(Generic[Pieces]):  # noqa: N801 - used as a function, like contextlib.aclosing
    """Close a generator on leaving it, as ``contextlib.aclosing`` does, but not in the way of its event loop.

    At its end a loop closes all generators that were left, inner and outer ones at once. One that is being closed by
    another at that moment is reported as an error (and a stream that somebody forgot is none), so the loop goes first.

    Args:
        pieces: The generator.
    """

    def __init__(self, pieces: Pieces) -> None:
        self._pieces = pieces

    async def __aenter__(self) -> Pieces:
        """Give the generator."""
        return self._pieces

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the generator, unless that is being done."""
        if kind is GeneratorExit:
            await asyncio.sleep(0)
        if not getattr(self._pieces, "ag_running", False):
            await self._pieces.aclose()
