"""What came over a socket and was not read yet: a queue with a bound.

Nobody is waited for here: the driver stops reading from the socket while the inbox is full.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

Out = TypeVar("Out")

MAX_ITEMS = 1024
MAX_BYTES = 16 * 1024 * 1024


class Inbox(Generic[Out]):
    """Hold items in order, within a number and a size.

    A live recogniser sends a sentence anew for every word that is added to it. A reader who is late wants the newest
    version: when the inbox is full, the passing ones before the last item go.

    Args:
        passing: Tells an item that a later one makes superfluous; ``None`` when there are none such.
        weigh: Estimates an item's bytes.
        max_items: Most items.
        max_bytes: Most bytes; one item may exceed them.
    """

    def __init__(
        self,
        passing: Callable[[Out], bool] | None,
        weigh: Callable[[Out], int],
        *,
        max_items: int = MAX_ITEMS,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._passing = passing
        self._weigh = weigh
        self._max_items = max_items
        self._max_bytes = max_bytes
        self._items: deque[Out] = deque()
        self._bytes = 0

    def __len__(self) -> int:
        """Count the items that wait."""
        return len(self._items)

    @property
    def full(self) -> bool:
        """Tell whether nothing more may be put in before something is taken out."""
        return len(self._items) >= self._max_items or self._bytes >= self._max_bytes

    def put(self, item: Out) -> None:
        """Add an item, and make room when that filled the inbox.

        Args:
            item: What came.
        """
        self._items.append(item)
        self._bytes += self._weigh(item)
        if self._passing is not None and self.full:
            self._keep_lasting(self._passing)

    def take(self) -> Out:
        """Remove and give the oldest item."""
        item = self._items.popleft()
        self._bytes -= self._weigh(item)
        return item

    def clear(self) -> None:
        """Forget everything."""
        self._items.clear()
        self._bytes = 0

    def _keep_lasting(self, passing: Callable[[Out], bool]) -> None:
        newest = self._items.pop()
        self._items = deque(item for item in self._items if not passing(item))
        self._items.append(newest)
        self._bytes = sum(map(self._weigh, self._items))
