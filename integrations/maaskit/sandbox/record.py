"""The record of what the sandbox was sent, oldest first, bounded in number and in bytes.

No judgement about a request is made here, and nothing of it is answered.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, overload

from multidict import CIMultiDict, MultiDict

from maaskit.sandbox.json_text import decode

MAX_REQUESTS: Final = 10_000
MAX_BODY_BYTES: Final = 256 * 1024 * 1024
"""Bodies and messages kept in all; the oldest requests are forgotten first."""
MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024
"""Messages kept of one socket; what came beyond them is only counted."""


@dataclass(slots=True, eq=False)
class RecordedRequest:
    """One request as it came in, and how it ended.

    Args:
        method: ``GET``, ``POST``, ...; a WebSocket handshake is a ``GET``.
        path: The path without its query.
        query: The query's fields.
        headers: Header fields; names are found in any case.
        body: The body's bytes.
        messages: What a socket's other side said after the handshake, oldest first: texts and bytes.
        message_count: How many messages came.
        message_bytes: How many bytes they had.
        status: HTTP status that was answered, 101 for a socket; None while the answer is being made, or when none
            was given.
        disconnected: Whether the client left before the answer was whole.
        is_forgotten: Whether the log has dropped it, so that no more messages are kept with it.
    """

    method: str
    path: str
    query: MultiDict[str]
    headers: CIMultiDict[str]
    body: bytes = field(repr=False)
    messages: list[str | bytes] = field(default_factory=list, repr=False)
    message_count: int = 0
    message_bytes: int = 0
    status: int | None = None
    disconnected: bool = False
    is_forgotten: bool = field(default=False, repr=False)
    _ended: threading.Event = field(default_factory=threading.Event, repr=False)

    @property
    def kept_bytes(self) -> int:
        """Tell how many bytes of it are kept."""
        texts = (m if isinstance(m, bytes) else m.encode("utf-8", "replace") for m in self.messages)
        return len(self.body) + sum(map(len, texts))

    @property
    def json(self) -> Any:
        """Read the body as JSON.

        Returns:
            The decoded value, or None when the body is not JSON.
        """
        try:
            return decode(self.body)
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
            self._bytes += entry.kept_bytes
            self._forget()

    def note(self, entry: RecordedRequest, message: str | bytes) -> None:
        """Write down what a socket's other side said.

        Args:
            entry: The handshake's record.
            message: The message.
        """
        size = len(message) if isinstance(message, bytes) else len(message.encode("utf-8", "replace"))
        with self._lock:
            entry.message_count += 1
            entry.message_bytes += size
            if entry.message_bytes > MAX_MESSAGE_BYTES or entry.is_forgotten:
                return
            entry.messages.append(message)
            self._bytes += size
            self._forget()

    def clear(self) -> None:
        """Forget every request."""
        with self._lock:
            for entry in self._entries:
                entry.is_forgotten = True
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

    def _forget(self) -> None:
        while len(self._entries) > 1 and (
            len(self._entries) > self._max_requests or self._bytes > self._max_body_bytes
        ):
            oldest = self._entries.popleft()
            oldest.is_forgotten = True
            self._bytes -= oldest.kept_bytes

    def _snapshot(self) -> list[RecordedRequest]:
        with self._lock:
            return list(self._entries)
