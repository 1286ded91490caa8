"""The sandbox's fault switches: which requests go wrong, how, and how often.

Faults are described and picked here; `body_stream` and `gate` carry them out.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

GARBAGE: Final = b"\x00\xff<<not json>>\xfe\r\n"


@dataclass(frozen=True, slots=True)
class Fault:
    """Say what goes wrong with which requests.

    A fault without ``status``, ``body`` and ``drop`` lets the handler answer and spoils the way of its answer.

    A WebSocket meets its fault at the handshake: ``status``, ``body``, ``drop``, ``stall_s`` and ``headers`` spoil the
    handshake itself. Once it is accepted, ``cut_after_bytes`` counts what was *received*: the connection is lost with
    the message that passes it, which is not heard any more; ``stall_after_bytes`` waits there for ``stall_s``.
    ``cut_after_events`` loses the connection where one more message than that would be *sent*; ``clean`` lets both
    cuts close in order, with 1000 and in mid-conversation. ``duplicate_events`` sends every message twice,
    ``garbage`` sends a binary message of it behind the first one, and ``error_event`` is sent as JSON after
    ``error_after_events`` messages, whereupon the socket is closed. ``times=5`` loses five connections in a row, and
    ``skip`` lets the first ones be.

    Args:
        path: A part of the request's path; empty fits every path.
        method: The request's method; None fits every method.
        times: How many requests it spoils; None means all of them.
        skip: How many fitting requests pass unharmed first.
        status: Answer with this HTTP status at once, in the cloud's own error shape.
        message: The message of that error.
        body: Answer with this body: bytes, text, or a value that is written as JSON. HTTP 200 unless ``status`` is set.
        headers: Header fields put on the answer, whoever makes it.
        retry_after: The Retry-After header, written as it stands: seconds or an HTTP date.
        stall_s: Wait so long, in seconds, before the answer's head.
        stall_after_bytes: Wait there instead: after so many bytes of the body.
        drip_s: Pause so long, in seconds, between pieces of the body.
        drip_bytes: How large these pieces are, in bytes.
        cut_after_bytes: Close the connection after so many bytes of the body.
        cut_after_events: Close the connection after so many events of a stream.
        clean: Let a cut look like an orderly end of the body instead of a lost connection.
        garbage: Put bytes that mean nothing in the place of a whole body, or behind the first event of a stream;
            True for a built-in mix, or the bytes themselves.
        duplicate_events: Write every event of a stream twice.
        error_event: Write this value as an event in mid-stream and end the stream in order.
        error_after_events: How many events come before it.
        drop: Close the connection without any answer.
        task_end: Let the task for a picture or a film that this request starts end so, whatever was asked for:
            ``failed`` with ``message`` as its reason, ``canceled``, or ``never``.
    """

    path: str = ""
    method: str | None = None
    times: int | None = 1
    skip: int = 0
    status: int | None = None
    message: str = "fault injected by the sandbox"
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    retry_after: str | None = None
    stall_s: float = 0.0
    stall_after_bytes: int | None = None
    drip_s: float = 0.0
    drip_bytes: int = 16
    cut_after_bytes: int | None = None
    cut_after_events: int | None = None
    clean: bool = False
    garbage: bool | bytes = False
    duplicate_events: bool = False
    error_event: Any = None
    error_after_events: int = 1
    drop: bool = False
    task_end: Literal["failed", "canceled", "never"] | None = None

    def fits(self, method: str, path: str) -> bool:
        """Tell whether a request is meant.

        Args:
            method: The request's method.
            path: The request's path.

        Returns:
            Whether method and path fit.
        """
        return self.path in path and self.method in (None, method)

    @property
    def answers(self) -> bool:
        """Tell whether the fault itself is the answer, so that no handler is asked."""
        return self.status is not None or self.body is not None

    @property
    def spoils_body(self) -> bool:
        """Tell whether the way of the body is spoiled."""
        places = (self.stall_after_bytes, self.cut_after_bytes)
        return bool(self.drip_s or self.garbage) or any(place is not None for place in places)

    @property
    def extra_headers(self) -> dict[str, str]:
        """Return the header fields to put on the answer."""
        retry = {} if self.retry_after is None else {"Retry-After": self.retry_after}
        return {**self.headers, **retry}

    @property
    def garbage_bytes(self) -> bytes:
        """Return the garbage to write, empty when there is none."""
        if isinstance(self.garbage, bytes):
            return self.garbage
        return GARBAGE if self.garbage else b""


NO_FAULT: Final = Fault(times=None)
IN_FORCE: Final[ContextVar[Fault]] = ContextVar("maaskit.sandbox.fault", default=NO_FAULT)
"""The fault of the request that the running task answers."""


class Faults:
    """A list of faults that tests fill while the sandbox runs; safe for threads.

    Each request meets the first fault that fits it and is not used up::

        sandbox.faults.add(path="/chat/completions", status=503, times=2, retry_after="1")
        sandbox.faults.add(path="/embeddings", stall_s=30)
        sandbox.faults.add(path="/chat/completions", cut_after_events=3)
        sandbox.faults.add(status=429, body={"message": "slow down"}, times=None)
        sandbox.faults.clear()
    """

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, path: str = "", **settings: Any) -> Fault:
        """Add a fault behind those that wait.

        Args:
            path: A part of the path of the requests that are meant.
            settings: The other fields of `Fault`.

        Returns:
            The fault as it was added.
        """
        fault = Fault(path=path, **settings)
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Forget every fault."""
        with self._lock:
            self._faults.clear()

    def take(self, method: str, path: str) -> Fault:
        """Find the fault that a request meets, and use it up by one.

        Args:
            method: The request's method.
            path: The request's path.

        Returns:
            The fault, or `NO_FAULT`.
        """
        with self._lock:
            for index, fault in enumerate(self._faults):
                if not fault.fits(method, path):
                    continue
                if fault.skip:
                    self._faults[index] = replace(fault, skip=fault.skip - 1)
                    continue
                if fault.times is not None:
                    self._use_up(index, fault.times)
                return fault
        return NO_FAULT

    def __len__(self) -> int:
        """Return how many faults wait."""
        return len(self._faults)

    def _use_up(self, index: int, times: int) -> None:
        if times <= 1:
            del self._faults[index]
        else:
            self._faults[index] = replace(self._faults[index], times=times - 1)
