"""The shape of a conversation over a socket: what is sent, what comes back, and how it ends.

No socket and no clock: the drivers move the frames and keep the time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeAlias, TypeVar

from maaskit.wire import Request

In = TypeVar("In")
In_contra = TypeVar("In_contra", contravariant=True)
Out = TypeVar("Out")

Frame: TypeAlias = "str | bytes"
"""One message of a WebSocket: text or binary."""


class SessionProtocol(Protocol[In_contra, Out]):
    """Speak one conversation's language; one object serves one connection.

    Each method is pure: it takes what happened and gives what follows.
    """

    @property
    def finished(self) -> bool:
        """Tell whether the service has said its last word."""

    def opening(self) -> list[Frame]:
        """Give the frames that begin the conversation."""

    def send(self, item: In_contra) -> list[Frame]:
        """Give the frames that say ``item``; raise InvalidInput when it may not be said now."""

    def receive(self, frame: Frame) -> list[Out]:
        """Take a frame and give what it says; raise SessionError when it says that the conversation failed."""

    def idle(self, quiet_s: float) -> list[Frame]:
        """Give the frames that keep the conversation alive after so many seconds without sending."""

    def closing(self) -> list[Frame]:
        """Give the frames that end the conversation."""

    def closed(self, code: int | None) -> list[Out]:
        """Take the end of the connection and give the last items; raise SessionError when it came too early."""


@dataclass(frozen=True, slots=True)
class Session(Generic[In, Out]):
    """Describe a conversation without holding it; ``Client.connect`` opens it.

    Args:
        request: The handshake: a GET whose URL the provider turns from ``http`` into ``ws``.
        protocol: Makes the language for one connection.
        idle_s: How often ``idle`` is asked, in seconds; 0 for never.
        max_frame_bytes: Bound of one received message.
    """

    request: Request
    protocol: Callable[[], SessionProtocol[In, Out]] = field(repr=False)
    idle_s: float = 0.0
    max_frame_bytes: int = 16 * 1024 * 1024
