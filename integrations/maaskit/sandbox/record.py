"""The record of what the sandbox was sent, oldest first, bounded in number and in bytes.

No judgement about a request is made here, and nothing of it is answered.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, overload

from multidict import CIMultiDict, MultiDict

MAX_REQUESTS: Final = 10_000
MAX_BODY_BYTES: Final = 256 * 1024 * 1024
"""Bodies kept in all; the oldest requests are forgotten first."""


@dataclass(slots=True, eq=False)
class RecordedRequest:
    """One request as it came in, and how it ended.

    Args:
        method: ``GET``, ``POST``, ...; a WebSocket handshake is a ``GET``.
        path: The path without its query.
        query: The query's fields.
        headers: Header fields; names are found in any case.
        body: The body's bytes.
        status: HTTP status that was answered; None while the answer is being made, or when none was given.
        disconnected: Whether the client left before the answer was whole.
    """

    method: str
    path: str
    query: MultiDict[str]
    headers: CIMultiDict[str]
    body: bytes = field(repr=False)
    status: int | None = None
    disconnected: bool = False
    _ended: threading.Event = field(default_factory=threading.Event, repr=False)

    @property
    def json(self) -> Any:
        """Read the body as JSON.

        Returns:
            The decoded value, or None when the body is not JSON.
        """
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def end(self, *, status: int | None, disconnected: bool) -> None:
        """Note how the request ended.

        Args:
            status: HTTP status that was answered, or None.
            disconnected: Whether the client left early.
        """
        self.status = status
        self.disconnected = disconnected
        self._ended.set()

    def wait(self, timeout: float) -> bool:
        """Wait, from any thread but the sandbox's own, until the request has ended.

        Args:
            timeout: How long, in seconds.

        Returns:
            Whether it has ended.
        """
        return self._ended.wait(timeout)


class RequestLog(Sequence[RecordedRequest]):
    """A bounded list of requests that threads may read while the sandbox writes."""

    def __init__(self, max_requests: int = MAX_REQUESTS, max_body_bytes: int = MAX_BODY_BYTES) -> None:
        self._entries: deque[RecordedRequest] = deque()
        self._lock = threading.Lock()
        self._bytes = 0
        self._max_requests = max_requests
        self._max_body_bytes = max_body_bytes

    def add(self, entry: RecordedRequest) -> None:
        """Append a request and forget the oldest ones beyond the bounds.

        Args:
            entry: The request that came in.
        """
        with self._lock:
            self._entries.append(entry)
            self._bytes += len(entry.body)
            while len(self._entries) > 1 and (
                len(self._entries) > self._max_requests or self._bytes > self._max_body_bytes
            ):
                self._bytes -= len(self._entries.popleft().body)

    def clear(self) -> None:
        """Forget every request."""
        with self._lock:
            self._entries.clear()
            self._bytes = 0

    def to(self, path: str, method: str | None = None) -> list[RecordedRequest]:
        """Pick the requests to a path.

        Args:
            path: A part of the path.
            method: The method, or None for any.

        Returns:
            The requests that fit, oldest first.
        """
        return [e for e in self._snapshot() if path in e.path and method in (None, e.method)]

    @overload
    def __getitem__(self, index: int) -> RecordedRequest: ...

    @overload
    def __getitem__(self, index: slice) -> list[RecordedRequest]: ...

    def __getitem__(self, index: int | slice) -> RecordedRequest | list[RecordedRequest]:
        """Return one request, or a list of them for a slice."""
        return self._snapshot()[index]

    def __len__(self) -> int:
        """Return how many requests are remembered."""
        return len(self._entries)

    def __iter__(self) -> Iterator[RecordedRequest]:
        """Iterate over the requests remembered now, oldest first."""
        return iter(self._snapshot())

    def __repr__(self) -> str:
        """Show methods and paths, never headers or bodies."""
        return f"<RequestLog {[f'{e.method} {e.path}' for e in self._snapshot()]}>"

    def _snapshot(self) -> list[RecordedRequest]:
        with self._lock:
            return list(self._entries)
