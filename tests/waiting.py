"""Waiting for something to become true, however slow the machine is."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

DEADLINE_S = 30
"""After so long a machine is not slow any more: something hangs."""

_STEP_S = 0.01


def until(is_so: Callable[[], object], deadline_s: float = DEADLINE_S) -> None:
    """Wait until something is so."""
    end = time.monotonic() + deadline_s
    while not is_so():
        assert time.monotonic() < end, f"it did not become so within {deadline_s} s"
        time.sleep(_STEP_S)


async def auntil(is_so: Callable[[], object], deadline_s: float = DEADLINE_S) -> None:
    """Wait until something is so, and let the event loop go on meanwhile."""
    end = time.monotonic() + deadline_s
    while not is_so():
        assert time.monotonic() < end, f"it did not become so within {deadline_s} s"
        await asyncio.sleep(_STEP_S)


def until_threads_end(name: str) -> None:
    """Wait until no thread runs whose name contains this."""
    until(lambda: not any(name in thread.name for thread in threading.enumerate()))
