"""How many questions a tool may still put to its service, so that a looping agent cannot spend without end.

What a call costs is not known here.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from typing import Any, TypeAlias

from maaskit.errors import InvalidInput, LimitReached

MaxCalls: TypeAlias = "int | Mapping[str, int] | None"


class Budget:
    """Count the calls of one tool, from any number of threads and tasks.

    Args:
        max_calls: How many there may be, 0 or more, or ``None`` for any number.

    Raises:
        InvalidInput: It is no such number.
    """

    def __init__(self, max_calls: int | None = None) -> None:
        if max_calls is not None and (isinstance(max_calls, bool) or not isinstance(max_calls, int) or max_calls < 0):
            raise InvalidInput(f"max_calls must be a whole number of 0 or more, or None, not {max_calls!r}.")
        self.max_calls = max_calls
        self.spent = 0
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        """Show the count."""
        return f"{type(self).__name__}(max_calls={self.max_calls}, spent={self.spent})"

    def __deepcopy__(self, memo: Any) -> Budget:
        """Give the budget itself: a copied tool spends from the same purse."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle what was spent; in another process it is a purse of its own."""
        return _rebuilt, (self.max_calls, self.spent)

    def take(self, name: str) -> None:
        """Count one call before it is made.

        Args:
            name: The tool's name, for the message.

        Raises:
            LimitReached: All calls are spent; nothing was sent.
        """
        with self._lock:
            if self.max_calls is not None and self.spent >= self.max_calls:
                raise LimitReached(
                    f"{name} was not called: its limit of max_calls={self.max_calls} is used up. Do not call it again; "
                    "answer with what there is, and say what is missing."
                )
            self.spent += 1


def _rebuilt(max_calls: int | None, spent: int) -> Budget:
    budget = Budget(max_calls)
    budget.spent = spent
    return budget


def calls_of(max_calls: MaxCalls, name: str, method: str) -> int | None:
    """Give the limit of one tool.

    Args:
        max_calls: A limit for each tool, or limits by name.
        name: The tool's name for a model.
        method: Its name as a method.

    Returns:
        Its limit, or ``None`` for none.
    """
    return max_calls.get(name, max_calls.get(method)) if isinstance(max_calls, Mapping) else max_calls


def checked_calls(max_calls: MaxCalls, names: Collection[str]) -> None:
    """Refuse limits that are none, and limits of tools that do not exist.

    Args:
        max_calls: A limit for each tool, or limits by name.
        names: The names of all tools.

    Raises:
        InvalidInput: One is wrong.
    """
    limits = max_calls if isinstance(max_calls, Mapping) else {None: max_calls}
    for name, limit in limits.items():
        if name is not None and name not in names:
            raise InvalidInput(f"max_calls: there is no tool {name!r}; there are {', '.join(sorted(names))}.")
        Budget(limit)
