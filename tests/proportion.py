"""How the time of work grows with its size: in this thread's own time, so that a busy machine does not count."""

from __future__ import annotations

import time
from collections.abc import Callable

MOST = 40.0
"""Ten times the size takes about ten times as long where work is in proportion, and a hundred times where it is not."""

_TRIES = 5
_LEAST_S = 1e-3


def growth(work: Callable[[int], object], size: int) -> float:
    """Tell how many times as long work takes that is ten times as large."""

    def cost(of: int) -> float:
        started = time.thread_time()
        work(of)
        return time.thread_time() - started

    small = max(_LEAST_S, min(cost(size) for _ in range(_TRIES)))
    found = cost(10 * size) / small
    for _ in range(_TRIES - 1):
        if found > MOST:  # something else may have been in the way
            found = cost(10 * size) / small
    return found
