"""A conversation over a socket on asyncio: what both drivers' ``connect`` gives is performed here.

What is said over the socket is the session's business; ``talk`` is the synchronous face.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Coroutine, Iterable
from contextlib import AsyncExitStack, suppress
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from maaskit.async_connection import within
from maaskit.dialing import CLOSE_TIMEOUT_S, Line, dial
from maaskit.errors import ConnectionFailed, InvalidInput, MaasError, SessionError, SessionTimedOut
from maaskit.inbox import Inbox
from maaskit.pace import Pace
from maaskit.replay import Patience
from maaskit.session import Frame, Session, SessionProtocol
from maaskit.vitals import Vitals

In = TypeVar("In")
Out = TypeVar("Out")

_LONGEST_TICK_S = 5.0

# RFC 6455, 7.4.1: closed normally (before its time), going away, no code, internal error, restart, try again, bad
# gateway. Every other code is about what was said, and saying it again would not help.
_PASSING_CODES = frozenset({1000, 1001, 1005, 1006, 1011, 1012, 1013, 1014})


class AsyncTalk(Generic[In, Out]):
    """Be one open conversation: send, iterate, close; a context manager that closes the socket on leaving.

    Any number of tasks may send while another iterates. What comes is taken off the socket while it is sent to, so that
    neither side waits for the other; what was not read yet is bounded, and the service has to wait beyond that.

    Args:
        session: What is spoken.
        line: With whom.
    """

    def __init__(self, session: Session[In, Out], line: Line) -> None:
        self._session = session
        self._line = line
        self._inbox: Inbox[Out] = Inbox(session.passing, session.weigh)
        self._replay = session.replay() if session.replay is not None else None
        self._sending = asyncio.Lock()
        self._news = asyncio.Event()
        self._reader: asyncio.Task[None] | None = None
        self._helpers: set[asyncio.Task[None]] = set()
        self._socket: ClientConnection
        self._protocol: SessionProtocol[In, Out]
        self._connected = False
        self._up = False  # connected, and what a new connection must hear first has been said
        self._fed = self._said_all = False
        self._ended = False  # nothing more is received
        self._left = False
        self._failure: Exception | None = None
        self._dropped: SessionError | None = None
        self._patience = Patience()
        self._vitals: Vitals

    async def __aenter__(self) -> Self:
        """Open the socket."""
        if self._reader is not None or self._left:
            raise InvalidInput("A conversation is opened once: connect again for another.")
        await self._open()
        self._up = True
        self._reader = asyncio.create_task(self._read())
        self._help(self._keep())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the socket, whatever is under way."""
        self._left = True
        self._wake()
        tasks = [*self._helpers, *filter(None, [self._reader])]
        for helper in self._helpers:
            helper.cancel()
        try:
            await self._hang_up()  # the reader goes on meanwhile, so that the service's goodbye is heard
        finally:
            self._socket.transport.abort()
            for task in tasks:
                task.cancel()
            self._ended = True
            self._inbox.clear()
            self._wake()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def send(self, item: In) -> None:
        """Say something, and wait while the service cannot take it.

        Args:
            item: What to say. When the waiting is cancelled, a part of it may have been sent.

        Raises:
            InvalidInput: It may not be said.
            SessionError: The conversation has ended, or the service takes nothing for ``timeout`` seconds.
        """
        async with self._sending:
            await self._until(lambda: self._up and self._protocol.ready)
            if self._ended:
                raise self._over("The service has ended the conversation; nothing more can be sent.")
            if self._said_all:
                raise SessionError("Nothing can be sent after close().")
            socket = self._socket
            frames = self._protocol.send(item)
            if self._replay is not None:
                self._replay.sent(item)
            await self._say(socket, frames)

    def feed(self, items: AsyncIterable[In] | Iterable[In], *, paced: bool = False) -> Self:
        """Send items from the background while the conversation is read, then close.

        An error of the items' own ends the conversation and is raised to the reader.

        Args:
            items: What to say. An ordinary iterable must not block: it is read in the event loop.
            paced: Whether each item waits until the earlier ones have been played, as live audio does.

        Returns:
            The conversation itself, to be iterated.

        Raises:
            InvalidInput: This conversation knows no pace.
        """
        self._check_open()
        self._help(self._feed(items, self.begin_feeding(paced=paced)))
        return self

    def __aiter__(self) -> AsyncIterator[Out]:
        """Give what the service says, to the end."""
        return self

    async def __anext__(self) -> Out:
        """Give the next thing that the service says."""
        self._check_open()
        await self._until(lambda: bool(self._inbox))
        if self._inbox:
            item = self._inbox.take()
            self._wake()
            return item
        if self._failure is not None or self._left or (self._fed and not self._said_all):
            raise self._over("The service has ended the conversation before everything was sent.")
        raise StopAsyncIteration

    async def close(self) -> None:
        """Say that nothing more will be sent; what the service still says can be read to its end."""
        self._check_open()
        async with self._sending:
            if self._said_all:
                return
            await self._until(lambda: self._up)
            self._said_all = True
            self._vitals.told(self._now())
            if self._ended:
                return
            await self._say_goodbye(self._socket)

    # What follows is used by the synchronous face as well.

    async def told(self, item: In, pace: Pace[In] | None) -> None:
        """Send an item when its time has come.

        Args:
            item: What to say.
            pace: Tells when that is, or ``None`` for now.
        """
        await asyncio.sleep(pace.wait_s(item, self._now()) if pace is not None else 0.0)
        await self.send(item)

    def fail(self, error: Exception) -> None:
        """End the conversation with an error of whoever sends, unless it has one already.

        Args:
            error: The error.
        """
        if self._failure is None and not self._left:
            self._failure = error
            self._ended = True
            self._socket.transport.abort()
            self._wake()

    def begin_feeding(self, *, paced: bool) -> Pace[In] | None:
        """Know of somebody who will send everything and then close.

        Args:
            paced: Whether each item has its time.

        Returns:
            The items' pace, or ``None``.

        Raises:
            InvalidInput: This conversation knows no pace.
        """
        duration_s = self._session.duration_s
        if paced and duration_s is None:
            raise InvalidInput("This conversation has no pace: its items do not play.")
        self._fed = True
        return Pace(duration_s) if paced and duration_s is not None else None

    async def _feed(self, items: AsyncIterable[In] | Iterable[In], pace: Pace[In] | None) -> None:
        try:
            if isinstance(items, AsyncIterable):
                async with AsyncExitStack() as leaving:
                    source = aiter(items)
                    if hasattr(source, "aclose"):
                        leaving.push_async_callback(source.aclose)
                    async for item in source:
                        await self.told(item, pace)
            else:
                for item in items:
                    await self.told(item, pace)
            await self.close()
        except Exception as error:  # noqa: BLE001 - it is raised to whoever reads
            self.fail(error)

    # The connection.

    async def _open(self) -> None:
        self._socket = await dial(self._session, self._line)
        self._protocol = self._session.protocol()
        self._vitals = Vitals(self._line.timeout_s, self._session.idle_s, self._now())
        try:
            with suppress(ConnectionClosed):  # the reader finds out why
                for frame in self._protocol.opening():
                    await self._socket.send(frame)
        except BaseException:
            self._socket.transport.abort()
            raise
        self._connected = True

    async def _read(self) -> None:
        try:
            with self._line.provider.discreet():
                while not await self._read_out():
                    await self._reopen()
        except Exception as error:  # noqa: BLE001 - it is raised to whoever reads or sends
            self._failure = self._failure or error
        finally:
            self._ended = True
            self._wake()
            await self._hang_up()

    async def _read_out(self) -> bool:
        """Read one connection to its end; tell whether it was the conversation's."""
        socket, protocol = self._socket, self._protocol
        try:
            while not protocol.finished:
                frame = await socket.recv()
                items = protocol.receive(frame)
                if self._session.steady:
                    items = list(items)
                # Who answers every heartbeat may owe an answer all the same.
                if items or not self._session.steady or not protocol.owing:
                    self._vitals.told(self._now())
                await self._deliver(items)
                self._wake()
        except ConnectionClosed as closed:
            return await self._lost(protocol, closed)
        return True

    async def _lost(self, protocol: SessionProtocol[In, Out], closed: ConnectionClosed) -> bool:
        received = closed.rcvd
        code = received.code if received is not None else None
        if received is None and closed.sent is not None and closed.sent.code not in _PASSING_CODES:
            limit = self._session.max_frame_bytes
            what = f"a message is larger than {limit} bytes" if closed.sent.code == 1009 else closed.sent.reason
            raise SessionError(f"The service's messages cannot be read: {what}.", code=str(closed.sent.code)) from None
        try:
            items = protocol.closed(code, received.reason if received is not None else "")
        except SessionError as error:
            why = self._dropped or error
            self._dropped = None
            again = code is None or code in _PASSING_CODES
            if self._replay is None or self._left or self._failure is not None or not again:
                raise why from None
            self._dropped = why
            return False
        await self._deliver(items)
        return True

    async def _deliver(self, items: Iterable[Out]) -> None:
        for item in items:
            kept = self._replay.received(item) if self._replay is not None else item
            await self._until(lambda: not self._inbox.full or self._left)
            if not self._left:
                self._inbox.put(kept)
                self._wake()

    async def _reopen(self) -> None:
        """Replace a dropped connection by another and say again what may have been lost."""
        why: MaasError | None = self._dropped
        self._dropped = None
        self._connected = self._up = False
        lasted_s = self._now() - self._vitals.opened_s
        while self._replay is not None:
            attempt = self._patience.attempt(self._replay.gained, lasted_s)
            if attempt is None:
                raise why or SessionError("The connection was lost too often.")
            if attempt > 1:
                await asyncio.sleep(self._line.policy.delay_s(attempt - 1, random.random()))  # noqa: S311 - jitter
            items = self._replay.again()
            try:
                await self._open()
            except ConnectionFailed as error:  # the network may need longer than one handshake's retries
                why, lasted_s = error, 0.0
                continue
            # Beside the reading, or both sides could wait for each other.
            self._help(self._say_again(items))
            return

    async def _say_again(self, items: Iterable[In]) -> None:
        socket, protocol = self._socket, self._protocol
        try:
            await self._until(lambda: protocol.ready or socket is not self._socket)
            for item in items:
                for frame in protocol.send(item):
                    await self._written(socket, frame)
            if self._said_all:
                await self._say_goodbye(socket)
            if socket is self._socket:
                self._up = True
                self._wake()
        except ConnectionClosed:
            pass  # the reader finds out, and begins anew
        except Exception as error:  # noqa: BLE001 - it is raised to whoever reads or sends
            self.fail(error)

    async def _say(self, socket: ClientConnection, frames: Iterable[Frame]) -> None:
        try:
            begun = False
            for frame in frames:
                if begun and not self._protocol.ready:  # what was said just now is answered first
                    await self._until(lambda: self._protocol.ready or socket is not self._socket)
                begun = True
                await self._written(socket, frame)
        except ConnectionClosed:
            if self._replay is not None:
                return  # it is kept, and will be said again
            try:
                async with within(self._line.timeout_s):
                    await self._until(lambda: self._ended)  # the reader finds out why
            except TimeoutError:  # it would, if it could put down what it holds
                self.fail(self._unread("The service has closed the conversation."))
            raise self._over("The service has ended the conversation; not all was sent.") from None

    async def _say_goodbye(self, socket: ClientConnection) -> None:
        frames = self._protocol.closing()
        if frames:
            with suppress(SessionError):  # the reader is told
                await self._say(socket, frames)
        else:
            self._help(self._hang_up())

    async def _written(self, socket: ClientConnection, frame: Frame) -> None:
        try:
            async with within(self._line.timeout_s):
                await socket.send(frame)
        except TimeoutError:
            what = f"took nothing for timeout={self._line.timeout_s:g} s."
            if self._inbox.full:  # the service waits for us, and we for our reader
                self.fail(self._unread(f"The service of {self._session.request.endpoint} {what}"))
            else:
                self._drop(socket, what)
            raise ConnectionClosed(None, None) from None
        if not self._session.steady:
            self._vitals.sent(self._now())

    def _unread(self, what: str) -> SessionTimedOut:
        return SessionTimedOut(
            f"{what} {len(self._inbox)} results wait to be read: iterate over them while sending, as feed() does."
        )

    async def _hang_up(self) -> None:
        """Close the socket; a service that does not say goodbye in time is left without."""
        socket = self._socket
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await socket.close()
        except TimeoutError:
            pass
        finally:
            socket.transport.abort()

    # The clock.

    async def _keep(self) -> None:
        """Keep the conversation alive, and notice that the service is not."""
        tick_s = min(_LONGEST_TICK_S, self._line.timeout_s / 4, self._session.idle_s / 4 or _LONGEST_TICK_S)
        try:
            while not self._ended:
                due_s = self._now() + tick_s
                await asyncio.sleep(tick_s)
                self._vitals.stood_still(max(0.0, self._now() - due_s))
                if self._up and not self._ended:
                    with suppress(ConnectionClosed):  # the reader finds out why
                        await self._keep_alive(self._socket)
                if self._connected and not self._ended:
                    self._watch(self._socket)
        except Exception as error:  # noqa: BLE001 - it is raised to whoever reads or sends
            self.fail(error)

    async def _keep_alive(self, socket: ClientConnection) -> None:
        quiet_s = self._vitals.quiet_s(self._now())
        if quiet_s is not None and self._protocol.ready and self._session.steady:
            # Beside whoever is speaking, who may never stop; a whole message does not get into another.
            self._vitals.sent(self._now())
            for frame in self._protocol.idle(quiet_s):
                await self._written(socket, frame)
        if self._sending.locked():  # somebody is speaking, or waits to
            return
        if quiet_s is not None and self._protocol.ready and not self._said_all and not self._session.steady:
            async with self._sending:
                for frame in self._protocol.idle(quiet_s):
                    await self._written(socket, frame)
        if self._vitals.wants_ping(self._now()):
            await self._ping(socket)

    async def _ping(self, socket: ClientConnection) -> None:
        try:
            async with self._sending, within(self._line.timeout_s):
                asyncio.ensure_future(await socket.ping()).add_done_callback(self._pong)
        except TimeoutError:
            self._drop(socket, f"took nothing for timeout={self._line.timeout_s:g} s.")

    def _pong(self, answer: asyncio.Future[float]) -> None:
        if not answer.cancelled() and answer.exception() is None:
            self._vitals.ponged()

    def _watch(self, socket: ClientConnection) -> None:
        if self._inbox.full:  # it is we who do not listen
            self._vitals.told(self._now())
            return
        complaint = self._vitals.complaint(self._now(), owing=self._protocol.owing)
        if complaint is not None:
            self._drop(socket, complaint)

    def _drop(self, socket: ClientConnection, what: str) -> None:
        if socket is self._socket:
            self._dropped = SessionTimedOut(f"The service of {self._session.request.endpoint} {what}")
        socket.transport.abort()

    # Waiting for each other.

    async def _until(self, come: Callable[[], bool]) -> None:
        """Wait until something has come, or the conversation has ended."""
        while not come() and not self._ended:
            await self._news.wait()

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    def _over(self, what: str) -> Exception:
        if self._left:
            return SessionError("The conversation is over: its `with` block was left.")
        return self._failure or SessionError(what)

    def _help(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._helpers.add(task)
        task.add_done_callback(self._helpers.discard)

    def _check_open(self) -> None:
        if self._reader is None:
            raise InvalidInput("Open the conversation first: `with client.connect(session) as talk`.")

    @staticmethod
    def _now() -> float:
        return time.monotonic()
