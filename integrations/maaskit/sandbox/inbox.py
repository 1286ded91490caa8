"""What a socket's other side has said and nobody has worked at yet.

Messages are received by `sockets`; what they mean is decided by the handlers.
"""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType
from typing import Final, Self

from maaskit.sandbox.faults import IN_FORCE, NO_FAULT
from maaskit.sandbox.sockets import IdleError, Socket

MAX_BACKLOG_BYTES: Final = 64 * 1024 * 1024
"""Half an hour of sound at 16 kHz; more is left in the connection."""


class Inbox:
    """Receive while earlier messages are worked at, so that a client's pings are answered meanwhile.

    Use it as an async context manager: leaving it stops receiving. While a fault is in force nothing is received
    ahead, so that what came before a cut is worked at before it.

    Args:
        socket: The conversation; nobody else may receive from it.
    """

    def __init__(self, socket: Socket) -> None:
        self._socket = socket
        self._messages: deque[str | bytes | None] = deque()
        self._bytes = 0
        self._came = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._failure: Exception | None = None
        self._reader: asyncio.Task[None] | None = None

    @property
    def has_more(self) -> bool:
        """Tell whether further messages are there already."""
        return bool(self._messages)

    async def receive(self, idle_s: float) -> str | bytes | None:
        """Take the next message.

        Args:
            idle_s: How long to wait for it, in seconds.

        Returns:
            A text, bytes, or None once the other side has closed.

        Raises:
            IdleError: Nothing came in that time.
            CutError: The fault in force ends the conversation here.
        """
        if self._reader is None:
            return await self._socket.receive(idle_s=idle_s)
        if not self._messages and self._failure is None:
            self._came.clear()
            try:
                async with asyncio.timeout(idle_s):
                    await self._came.wait()
            except TimeoutError:
                if not self._messages and self._failure is None:  # it may have come in the very moment
                    raise IdleError(idle_s) from None
        if not self._messages:
            raise self._failure or RuntimeError("a socket's inbox woke without a message")
        if self._messages[0] is None:
            return None
        message = self._messages.popleft()
        self._count(-_size(message))
        return message

    async def __aenter__(self) -> Self:
        """Start receiving."""
        if IN_FORCE.get() is NO_FAULT:
            self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop receiving."""
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.wait([self._reader])

    async def _read(self) -> None:
        try:
            while not self._messages or self._messages[-1] is not None:
                await self._room.wait()
                try:
                    message = await self._socket.receive()
                except IdleError:
                    continue  # whoever works at the messages knows how long to wait
                self._messages.append(message)
                self._count(_size(message))
                self._came.set()
        except Exception as error:  # noqa: BLE001 - it is raised again where the next message is wanted
            self._failure = error
            self._came.set()

    def _count(self, size: int) -> None:
        self._bytes += size
        if self._bytes < MAX_BACKLOG_BYTES:
            self._room.set()
        else:
            self._room.clear()


def _size(message: str | bytes | None) -> int:
    return len(message) if message is not None else 0
