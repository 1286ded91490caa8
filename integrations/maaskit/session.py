"""The shape of a conversation over a socket: what is sent, what comes back, and how it ends.

No socket and no clock: the drivers move the frames and keep the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from maaskit.errors import SessionError
from maaskit.wire import Request

In = TypeVar("In")
In_contra = TypeVar("In_contra", contravariant=True)
Out = TypeVar("Out")
Out_co = TypeVar("Out_co", covariant=True)

Frame: TypeAlias = "str | bytes"
"""One message of a WebSocket: text or binary."""

NORMAL_CLOSE = 1000


class SessionProtocol(Protocol[In_contra, Out_co]):
    """Speak one conversation's language; one object serves one connection.

    Each method is pure: it takes what happened and gives what follows.
    """

    @property
    def ready(self) -> bool:
        """Tell whether items may be sent; until then the driver holds them, and an item's further frames, back."""

    @property
    def owing(self) -> bool:
        """Tell whether the service must speak next, so that its silence is a failure."""

    @property
    def finished(self) -> bool:
        """Tell whether the service has said its last word."""

    def opening(self) -> Iterable[Frame]:
        """Give the frames that begin the conversation."""

    def send(self, item: In_contra) -> Iterable[Frame]:
        """Say something.

        Args:
            item: What to say; it is checked before the first frame is asked for.

        Returns:
            The frames that say it.

        Raises:
            InvalidInput: It may not be said.
        """

    def receive(self, frame: Frame) -> Iterable[Out_co]:
        """Hear something.

        Args:
            frame: What came.

        Returns:
            What it says.

        Raises:
            SessionError: It says that the conversation failed.
        """

    def idle(self, quiet_s: float) -> Iterable[Frame]:
        """Keep the conversation alive.

        Args:
            quiet_s: Seconds since something was sent; in a steady session, since this was asked last.

        Returns:
            The frames that do it.
        """

    def closing(self) -> Sequence[Frame]:
        """Give the frames that say that nothing more will be sent; none means that the socket is closed instead."""

    def closed(self, code: int | None, reason: str) -> Iterable[Out_co]:
        """Take the end of the connection.

        Args:
            code: The WebSocket close code, or ``None`` when the connection was simply gone.
            reason: What the service said with it.

        Returns:
            The last items.

        Raises:
            SessionError: It came too early.
        """


class SessionReplay(Protocol[In, Out]):
    """Remember what a dropped connection may have lost; one object serves one conversation."""

    @property
    def gained(self) -> int:
        """Give a number that grows with everything that no later drop can take away."""

    def sent(self, item: In) -> None:
        """Take what is about to be sent for the first time.

        Args:
            item: What it is.
        """

    def received(self, item: Out) -> Out:
        """Take what the service said.

        Args:
            item: As it is in its connection.

        Returns:
            The item as it is in the whole conversation.
        """

    def again(self) -> Sequence[In]:
        """Give what must be said on a new connection.

        Raises:
            SessionError: That is not known.
        """


def _weigh(_: Any) -> int:
    return 16 * 1024


@dataclass(frozen=True, slots=True)
class Session(Generic[In, Out]):
    """Describe a conversation without holding it; ``Client.connect`` opens it.

    Args:
        request: The handshake: a GET whose URL the driver turns from ``http`` into ``ws``.
        protocol: Makes the language for one connection.
        idle_s: After how many seconds without sending ``idle`` is asked; 0 for never.
        steady: Whether ``idle`` is asked every ``idle_s`` seconds, whatever else is sent, to the very end. What answers
            it gives no items, and is no answer to anything else that the service owes.
        max_frame_bytes: Bound of one received message.
        duration_s: Tells how many seconds an item plays, so that it can be sent at the pace of life.
        passing: Tells a received item that a later one makes superfluous, so that it need not wait to be read.
        weigh: Estimates the bytes of a received item.
        replay: Makes the memory with which a dropped connection is replaced by another, or ``None`` for an error.
    """

    request: Request
    protocol: Callable[[], SessionProtocol[In, Out]] = field(repr=False)
    idle_s: float = 0.0
    steady: bool = False
    max_frame_bytes: int = 16 * 1024 * 1024
    duration_s: Callable[[In], float] | None = field(default=None, repr=False)
    passing: Callable[[Out], bool] | None = field(default=None, repr=False)
    weigh: Callable[[Out], int] = field(default=_weigh, repr=False)
    replay: Callable[[], SessionReplay[In, Out]] | None = field(default=None, repr=False)


def broken_off(code: int | None, reason: str) -> SessionError:
    """Make the error for a connection that ended before the conversation did.

    Args:
        code: The WebSocket close code, or ``None`` when the connection was simply gone.
        reason: What the service said with it.

    Returns:
        The error.
    """
    how = "the connection was lost" if code is None else f"the service closed it with code {code}"
    why = f": {reason[:300]}" if reason else ""
    return SessionError(
        f"The conversation broke off before its end ({how}{why}).", code=None if code is None else str(code)
    )
