"""One connection on asyncio: what has come and not been read, whether more comes, and waiting for either in time.

What is said over it is not known here.
"""

from __future__ import annotations

import asyncio
import math
import select
import socket
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from typing_extensions import override

_HIGH_BYTES = 1024 * 1024
_LOW_BYTES = 256 * 1024
_PARTS = 4
_NEXT_ADDRESS_S = 0.25  # RFC 8305: so long an address has before the next one is tried beside it


class AsyncConnection(asyncio.Protocol):
    """Be one connection; it belongs to the event loop that made it.

    Args:
        loop: The event loop.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.buffer = bytearray()
        """What has come and has not been taken."""
        self.is_over = False
        """Whether nothing more comes."""
        self.error: Exception | None = None
        """What broke it, if anything did."""
        self.lost: asyncio.Future[None] = loop.create_future()
        """Is done when the socket is closed."""
        self._transport: Any = None
        self._waiter: asyncio.Future[None] | None = None
        self._until = math.inf
        self._timer: asyncio.TimerHandle | None = None
        self.is_full = False
        """Whether the socket takes no more for now."""
        self._is_halted = False

    # ---- asyncio's side

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the socket."""
        self._transport = transport

    @override
    def data_received(self, data: bytes) -> None:
        """Take what comes, and stop the peer where nobody reads."""
        self.buffer += data
        if not self._is_halted and len(self.buffer) > _HIGH_BYTES:
            self._is_halted = True
            self._transport.pause_reading()
        self._wake()

    @override
    def eof_received(self) -> None:
        """Take the end; asyncio closes the socket then."""
        self.is_over = True
        self._wake()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """Take the end of the socket."""
        self.is_over = True
        self.error = self.error or exc
        if self._timer is not None:
            self._timer.cancel()
        if not self.lost.done():
            self.lost.set_result(None)
        self._wake()

    @override
    def pause_writing(self) -> None:
        """Take that the socket takes no more."""
        self.is_full = True

    @override
    def resume_writing(self) -> None:
        """Take that the socket takes more."""
        self.is_full = False
        self._wake()

    # ---- the reader's and writer's side

    def write(self, data: bytes) -> None:
        """Send bytes as soon as the socket takes them; while it ``is_full``, more had better wait.

        Args:
            data: The bytes.
        """
        self._transport.write(data)

    async def more(self, until: float) -> bool:
        """Wait until more has come.

        Args:
            until: The moment on the loop's clock at which patience ends.

        Returns:
            ``False`` when nothing more comes.

        Raises:
            TimeoutError: Nothing came until then.
        """
        if self._is_halted and len(self.buffer) < _LOW_BYTES:
            self._is_halted = False
            self._transport.resume_reading()
        if self.is_over:
            return False
        size = len(self.buffer)
        await self.wait(until)
        return len(self.buffer) > size or not self.is_over

    def is_usable(self) -> bool:
        """Tell whether an idle connection can serve again: one that can be read has been closed by the peer."""
        if self.is_over or self.buffer or self._transport.is_closing():
            return False
        connected = self._transport.get_extra_info("socket")
        return connected is None or not _is_readable(connected.fileno())

    def abort(self) -> None:
        """Close the socket at once, whatever has not been sent."""
        self._transport.abort()

    async def wait(self, until: float) -> None:
        """Wait until something changes: bytes have come, nothing more comes, or the socket takes more.

        Args:
            until: The moment on the loop's clock at which patience ends.

        Raises:
            TimeoutError: Nothing changed until then.
        """
        self._waiter = self.loop.create_future()
        self._until = until
        # One timer looks from time to time whether patience has ended: a timer for each wait would cost more than all
        # else that is done for a piece.
        if until < math.inf and (self._timer is None or until < self._timer.when()):
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self.loop.call_at(until, self._look)
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _look(self) -> None:
        self._timer = None
        if self._waiter is None or self._waiter.done():
            return
        if self.loop.time() >= self._until:
            # If the process stood still, its loop has not looked at the socket yet: it does before its next timer.
            self._timer = self.loop.call_later(0, self._give_up, self._waiter)
        else:
            self._timer = self.loop.call_at(self._until, self._look)

    def _give_up(self, waiter: asyncio.Future[None]) -> None:
        if waiter is self._waiter and not waiter.done():
            self._timer = None
            waiter.set_exception(TimeoutError())
        else:
            self._look()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


async def connected_socket(host: str, port: int) -> socket.socket:
    """Connect to the first of a host's addresses that answers (RFC 8305).

    asyncio's own race between addresses forgets the winner's socket when the waiting is cancelled at that moment, as
    every waiting is that a program ends with; seen in Python 3.11.

    Args:
        host: A name or an address.
        port: Its port.

    Returns:
        The socket, connected.

    Raises:
        OSError: No address answers, or the name has none.
        UnicodeError: It is no name.
    """
    loop = asyncio.get_running_loop()
    waiting = deque(_alternating(await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
    attempts: list[asyncio.Task[socket.socket]] = []
    trying: set[asyncio.Task[socket.socket]] = set()
    won: socket.socket | None = None
    try:
        while won is None and (waiting or trying):
            if waiting:
                attempts.append(asyncio.ensure_future(_attempt(waiting.popleft())))
                trying.add(attempts[-1])
            patience_s = _NEXT_ADDRESS_S if waiting else None
            done, trying = await asyncio.wait(trying, timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
            won = next((attempt.result() for attempt in done if _is_connected(attempt)), None)
        if won is None:
            raise _together([attempt.exception() for attempt in attempts], host)
        return won
    finally:
        for attempt in attempts:
            if attempt.done():
                _close_other(attempt, won)
            else:
                attempt.cancel()
                attempt.add_done_callback(lambda ended: _close_other(ended, won))


async def _attempt(address: Any) -> socket.socket:
    family, kind, protocol, _, where = address
    connecting = socket.socket(family, kind, protocol)
    try:
        connecting.settimeout(0)  # asyncio takes no other
        await asyncio.get_running_loop().sock_connect(connecting, where)
    except BaseException:
        connecting.close()
        raise
    return connecting


def _close_other(attempt: asyncio.Task[socket.socket], won: socket.socket | None) -> None:
    if _is_connected(attempt) and attempt.result() is not won:
        attempt.result().close()


def _is_connected(attempt: asyncio.Task[socket.socket]) -> bool:
    return not attempt.cancelled() and attempt.exception() is None


def _alternating(addresses: Iterable[Any]) -> list[Any]:
    """Let the families take turns, so that one that leads nowhere holds nobody up."""
    families: dict[int, list[Any]] = {}
    for address in addresses:
        families.setdefault(address[0], []).append(address)
    longest = max(map(len, families.values()), default=0)
    return [family[turn] for turn in range(longest) for family in families.values() if turn < len(family)]


def _together(errors: Iterable[BaseException | None], host: str) -> OSError:
    told = {str(error): error for error in errors}
    if len(told) == 1 and isinstance(error := next(iter(told.values())), OSError):
        return error
    return OSError("; ".join(told) or f"{host} has no address")


@asynccontextmanager
async def within(seconds: float) -> AsyncIterator[None]:
    """Bound a wait. A process that stood still goes on with what has come meanwhile, and not with a time-out.

    Args:
        seconds: How long the wait may take; each part of them that the loop missed as a whole counts once.

    Raises:
        TimeoutError: It took longer.
    """
    loop = asyncio.get_running_loop()
    part_s = seconds / _PARTS
    timer: asyncio.TimerHandle

    def look(left: int) -> None:
        nonlocal timer
        # The last look is followed by one at the sockets.
        timer = loop.call_later(part_s, look, left - 1) if left else loop.call_later(0, bound.reschedule, 0)

    async with asyncio.timeout(None) as bound:
        timer = loop.call_later(part_s, look, _PARTS - 1)
        try:
            yield
        finally:
            timer.cancel()


def _is_readable(number: int) -> bool:
    if number < 0:
        return True
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(number, select.POLLIN | select.POLLHUP | select.POLLERR)
        return bool(poll.poll(0))
    return bool(select.select([number], [], [], 0)[0])
