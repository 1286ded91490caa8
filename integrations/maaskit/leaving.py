"""How an asynchronous generator that is left half-way is closed, so that nothing of it stays under way.

What it gives is not known here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

Pieces = TypeVar("Pieces", bound=AsyncGenerator[Any, None])


@asynccontextmanager
async def leaving(pieces: Pieces) -> AsyncIterator[Pieces]:
    """Close a generator on leaving, as ``contextlib.aclosing`` does, but not in the way of its event loop.

    At its end a loop closes all generators that were left, inner and outer ones at once. One that is being closed by
    another at that moment is reported as an error (and a stream that somebody forgot is none), so the loop goes first.

    Args:
        pieces: The generator.

    Yields:
        The same.
    """
    try:
        yield pieces
    except GeneratorExit:
        await asyncio.sleep(0)
        raise
    finally:
        if not pieces.ag_running:
            await pieces.aclose()
