"""When the pieces of a recording are due, if it is to be sent as if it were spoken now.

No clock: whoever waits tells the time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

In = TypeVar("In")

_MOST_LATE_S = 1.0


class Pace(Generic[In]):
    """Give each piece its time.

    The times follow from the pieces' lengths alone, so that delays do not add up; a sender who is late catches up on a
    second at most, as a microphone's buffer would.

    Args:
        duration_s: Tells how many seconds a piece plays.
    """

    def __init__(self, duration_s: Callable[[In], float]) -> None:
        self._duration_s = duration_s
        self._due_s: float | None = None

    def wait_s(self, piece: In, now_s: float) -> float:
        """Tell how long a piece has to wait.

        Args:
            piece: The next piece.
            now_s: The clock.

        Returns:
            Seconds of 0 or more.
        """
        due_s = now_s if self._due_s is None else max(self._due_s, now_s - _MOST_LATE_S)
        self._due_s = due_s + self._duration_s(piece)
        return max(0.0, due_s - now_s)
