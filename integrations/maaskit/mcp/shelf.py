"""Results that are neither saved nor behind a URL, kept in memory for a while, so that clients can read them by name.

Nothing is listed: whoever was told a name may read it, and names cannot be guessed.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from maaskit.media import MIB

SCHEME = "maaskit://results/"


@dataclass(frozen=True, slots=True)
class Kept:
    """Be one result.

    Args:
        content: Bytes, or a text.
        mime_type: What it is.
    """

    content: bytes | str = field(repr=False)
    mime_type: str

    @property
    def weight(self) -> int:
        """Give the bytes of memory that it holds, about."""
        return len(self.content) if isinstance(self.content, bytes) else 4 * len(self.content)


class Shelf:
    """Keep results; the oldest leave when the room is used up.

    Args:
        max_bytes: How much is kept at most; the newest is kept whatever its size.
        max_items: How many.
    """

    def __init__(self, max_bytes: int = 64 * MIB, max_items: int = 256) -> None:
        self._max_bytes = max_bytes
        self._max_items = max_items
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._weight = 0
        self._lock = threading.Lock()

    def put(self, content: bytes | str, mime_type: str) -> str:
        """Keep a result.

        Args:
            content: Bytes, or a text.
            mime_type: What it is.

        Returns:
            The URI under which it can be read.
        """
        uri = f"{SCHEME}{secrets.token_urlsafe(18)}"
        kept = Kept(content, mime_type)
        with self._lock:
            self._kept[uri] = kept
            self._weight += kept.weight
            while len(self._kept) > 1 and (self._weight > self._max_bytes or len(self._kept) > self._max_items):
                _, oldest = self._kept.popitem(last=False)
                self._weight -= oldest.weight
        return uri

    def get(self, uri: str) -> Kept | None:
        """Give a result.

        Args:
            uri: Its URI.

        Returns:
            The result, or ``None`` when there is none, or none any more.
        """
        with self._lock:
            return self._kept.get(uri)
