"""An httpx transport over the standard library's ``http.client``, for synchronous clients.

What is sent, retried or decoded is not known here. It exists for speed alone: a streamed piece costs a quarter of what
httpx's own transport takes for it (``make bench``), and pieces are what a chat model spends its time on. HTTP/1.1 only;
where the environment names a proxy, httpx's own transport is used instead (see ``transport``).
"""

from __future__ import annotations

import http.client
import io
import math
import os
import select
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, TypeAlias

import httpx

_READ_BYTES = 65536
_WRITE_BYTES = 65536
_LINGER_S = 0.02
_LATE_ANSWER_S = 1.0

_Origin: TypeAlias = tuple[bytes, bytes, int]
_Connection: TypeAlias = http.client.HTTPConnection


class PlainTransport(httpx.BaseTransport):
    """Move HTTP messages for ``httpx.Client``; connections are kept and shared between threads.

    Args:
        ssl_context: For https.
        max_connections: How many are open at most; a further request waits for its pool time-out.
        max_idle: How many are kept without work.
        idle_s: How long they are kept.
    """

    def __init__(
        self, *, ssl_context: ssl.SSLContext, max_connections: int = 256, max_idle: int = 64, idle_s: float = 30.0
    ) -> None:
        self._ssl_context = ssl_context
        self._places = threading.BoundedSemaphore(max_connections)
        self._max_idle = max_idle
        self._idle_s = idle_s
        self._idle: list[tuple[_Origin, _Connection, float]] = []
        self._lock = threading.Lock()
        self._closed = False
        self._process = os.getpid()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and give the head of its answer; the body comes as it is read.

        The extension ``fresh`` asks for a new connection: a kept one may be closed by the service at the very moment,
        and then nobody knows whether the request was read.

        Args:
            request: What to send.

        Returns:
            The answer; its stream must be read to its end or closed. The extension ``pieces`` iterates over its body
            past httpx's own layers.

        Raises:
            httpx.TransportError: What went wrong.
        """
        timeouts: dict[str, float | None] = request.extensions.get("timeout", {})
        if not self._places.acquire(timeout=_seconds(timeouts.get("pool"))):
            raise httpx.PoolTimeout("All connections are busy.", request=request)
        connection: _Connection | None = None
        try:
            url = request.url
            origin = (url.raw_scheme, url.raw_host, url.port or (443 if url.scheme == "https" else 80))
            if not request.extensions.get("fresh"):
                connection = self._taken(origin)
            connection = connection or self._connected(origin, timeouts.get("connect"), request)
            sent = self._write(connection, request, timeouts)
            connected = connection.sock  # http.client lets go of it when the service will close
            answer = self._answer(connection, request, timeouts.get("read"), sent=sent)
        except BaseException:
            if connection is not None:
                connection.close()
            self._places.release()
            raise
        stream = _Body(self, origin, connection, answer, reusable=sent)
        return httpx.Response(
            answer.status,
            headers=[(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.getheaders()],
            stream=stream,
            extensions={
                "pieces": stream,
                "http_version": b"HTTP/1.1",
                "reason_phrase": answer.reason.encode("latin-1", "replace"),
                "socket": connected,
            },
        )

    def close(self) -> None:
        """Close the idle connections; those at work are closed when their answers are."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for _, connection, _ in idle:
            connection.close()

    def give_back(self, origin: _Origin, connection: _Connection, *, reusable: bool) -> None:
        """Take a connection whose answer is over.

        Args:
            origin: Where it leads.
            connection: The connection.
            reusable: Whether it can serve again.
        """
        dropped: list[_Connection] = []
        with self._lock:
            if reusable and not self._closed and connection.sock is not None:
                self._idle.append((origin, connection, time.monotonic()))
                if len(self._idle) > self._max_idle:
                    dropped.append(self._idle.pop(0)[1])
            else:
                dropped.append(connection)
        for each in dropped:
            each.close()
        self._places.release()

    def _taken(self, origin: _Origin) -> _Connection | None:
        """Take an idle connection, the latest first, that the service has not closed."""
        if self._process != os.getpid():
            self._leave_to_parent()
        while True:
            with self._lock:
                place = next((n for n in reversed(range(len(self._idle))) if self._idle[n][0] == origin), None)
                if place is None:
                    return None
                _, connection, since = self._idle.pop(place)
            # An idle connection that can be read has been closed by the service.
            if time.monotonic() - since <= self._idle_s and not _is_readable(connection.sock):
                return connection
            connection.close()

    def _leave_to_parent(self) -> None:
        """Let go of the connections that a forked process shares with its parent; the parent goes on using them."""
        with self._lock:
            self._process = os.getpid()
            idle, self._idle = self._idle, []
        for _, connection, _ in idle:
            connection.close()

    def _connected(self, origin: _Origin, timeout_s: float | None, request: httpx.Request) -> _Connection:
        scheme, host, port = origin
        name = host.decode("ascii")
        connection: _Connection
        if scheme == b"https":
            connection = http.client.HTTPSConnection(name, port, timeout=timeout_s, context=self._ssl_context)
        else:
            connection = http.client.HTTPConnection(name, port, timeout=timeout_s)
        connection.response_class = _Answer
        try:
            connection.connect()
        except TimeoutError as error:
            connection.close()
            raise httpx.ConnectTimeout(str(error), request=request) from None
        except OSError as error:  # refused, unreachable, unknown host, bad certificate
            connection.close()
            raise httpx.ConnectError(str(error), request=request) from None
        # A connection that a router has forgotten is noticed although nothing is sent over it.
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return connection

    @staticmethod
    def _write(connection: _Connection, request: httpx.Request, timeouts: dict[str, float | None]) -> bool:
        """Send a request; tell whether all of it was sent."""
        connection.sock.settimeout(timeouts.get("write"))
        pieces = _pieces(request)
        try:
            connection.putrequest(
                request.method, request.url.raw_path.decode("ascii"), skip_host=True, skip_accept_encoding=True
            )
            for name, value in request.headers.raw:
                connection.putheader(name.decode("ascii"), value)
        except (http.client.HTTPException, ValueError) as error:
            raise httpx.LocalProtocolError(str(error), request=request) from None
        piece = next(pieces, b"")  # apart from sending: what goes wrong with a file is no fault of the connection's
        first = True
        while first or piece:
            try:
                if first:
                    connection.endheaders(piece)  # one packet, where there is little to send
                else:
                    connection.send(piece)
            except TimeoutError as error:
                if not _is_readable(connection.sock):
                    raise httpx.WriteTimeout(str(error), request=request) from None
                return False
            except OSError:
                # A service may refuse in the middle of an upload and close: its answer is read all the same.
                return False
            first = False
            piece = next(pieces, b"")
        return True

    @staticmethod
    def _answer(connection: _Connection, request: httpx.Request, timeout_s: float | None, *, sent: bool) -> _Answer:
        if connection.sock is None:
            raise httpx.WriteError("The connection was closed while sending.", request=request)
        connection.sock.settimeout(timeout_s if sent else min(timeout_s or _LATE_ANSWER_S, _LATE_ANSWER_S))
        try:
            return connection.getresponse()  # type: ignore[return-value]  # of the response_class set above
        except TimeoutError as error:
            kind = httpx.ReadTimeout if sent else httpx.WriteTimeout
            raise kind(str(error), request=request) from None
        except http.client.RemoteDisconnected as error:
            raise httpx.RemoteProtocolError(str(error), request=request) from None
        except OSError as error:
            raise httpx.ReadError(str(error), request=request) from None
        except (http.client.HTTPException, ValueError) as error:
            raise httpx.RemoteProtocolError(f"{type(error).__name__}: {error}", request=request) from None


class _Timely(io.RawIOBase):
    """Read a socket up to a moment, however many bytes drip in until then."""

    def __init__(self, connected: socket.socket, raw: io.RawIOBase) -> None:
        self._socket = connected
        self._raw = raw
        self.until = math.inf

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self.until < math.inf:
            left_s = self.until - time.monotonic()
            if left_s <= 0:
                raise TimeoutError("timed out")
            self._socket.settimeout(left_s)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Answer(http.client.HTTPResponse):
    """Be an answer whose head, and each piece of whose body, must come within the socket's time-out."""

    def __init__(self, sock: socket.socket, *args: Any, **settings: Any) -> None:
        super().__init__(sock, *args, **settings)
        self._timeout_s = sock.gettimeout()
        self._timely = _Timely(sock, self.fp.detach())
        self.fp = io.BufferedReader(self._timely, _READ_BYTES)
        self.within(self._timeout_s)

    def within(self, timeout_s: float | None) -> None:
        """Let what is read next come within so many seconds."""
        self._timely.until = math.inf if timeout_s is None else time.monotonic() + timeout_s

    def piece(self, most: int) -> bytes:
        """Read the next piece of the body."""
        self.within(self._timeout_s)
        return self.read1(most)

    def _read_status(self) -> tuple[str, int, str]:
        # http.client takes 103 (Early Hints) and its kin for the answer; the answer comes after them.
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]  # typeshed does not list it
            if status == http.HTTPStatus.SWITCHING_PROTOCOLS:
                raise http.client.BadStatusLine(f"{status} {reason}")
            if not http.HTTPStatus.CONTINUE < status < http.HTTPStatus.OK:
                return version, status, reason
            http.client.parse_headers(self.fp)


class _Body(httpx.SyncByteStream):
    """Be the body of one answer; its end gives the connection back."""

    def __init__(
        self, transport: PlainTransport, origin: _Origin, connection: _Connection, answer: _Answer, *, reusable: bool
    ) -> None:
        self._transport = transport
        self._origin = origin
        self._connection = connection
        self._answer = answer
        self._socket = connection.sock  # http.client lets go of it when the service will close
        # Counted here, because read1 counts in some versions of Python only.
        self._left: int | None = None if answer.chunked else answer.length
        self._reusable = reusable
        self._ended = False
        self._over = False

    def __iter__(self) -> Iterator[bytes]:
        try:
            while piece := self._read():
                yield piece
        except TimeoutError as error:
            raise httpx.ReadTimeout(str(error)) from None
        except OSError as error:
            raise httpx.ReadError(str(error)) from None
        except (http.client.HTTPException, ValueError) as error:
            raise httpx.RemoteProtocolError(f"The body was cut short ({type(error).__name__}).") from None
        self.close()

    def close(self) -> None:
        """Give the connection back if the body has ended, or ends at once; close it otherwise."""
        if self._over:
            return
        self._over = True
        if not self._ended:
            self._linger()
        reusable = self._reusable and self._ended and not self._answer.will_close
        self._answer.close()
        self._transport.give_back(self._origin, self._connection, reusable=reusable)

    def _linger(self) -> None:
        """Wait very briefly for the end of the message: after ``[DONE]`` it is a moment away, or never comes."""
        if not self._answer.chunked or self._connection.sock is None:
            return
        with suppress(OSError, http.client.HTTPException, ValueError):
            self._answer.within(_LINGER_S)
            self._ended = not self._answer.read1(_READ_BYTES)

    def _read(self) -> bytes:
        if self._ended:
            return b""
        if self._left is None:
            piece = self._answer.piece(_READ_BYTES)
        elif self._left:
            piece = self._answer.piece(min(_READ_BYTES, self._left))
            if not piece:
                raise http.client.IncompleteRead(b"", self._left)
            self._left -= len(piece)
        else:
            piece = b""
        self._ended = not piece
        return piece


def _pieces(request: httpx.Request) -> Iterator[bytes]:
    """Give a request's body as it is written: in pieces so small that each moves on within the write time-out."""
    is_chunked = "chunked" in request.headers.get("transfer-encoding", "")
    source: Iterable[bytes] = request.stream  # type: ignore[assignment]  # a synchronous client's stream
    if not is_chunked and int(request.headers.get("content-length", 0)) <= _WRITE_BYTES:
        yield b"".join(source)
        return
    yield b""  # the head goes out alone
    for whole in source:
        for start in range(0, len(whole), _WRITE_BYTES):
            piece = whole[start : start + _WRITE_BYTES]
            yield b"%x\r\n%s\r\n" % (len(piece), piece) if is_chunked else piece
    if is_chunked:
        yield b"0\r\n\r\n"


def _is_readable(connected: Any) -> bool:
    if connected is None:
        return True
    try:
        if hasattr(select, "poll"):
            poll = select.poll()
            poll.register(connected, select.POLLIN | select.POLLHUP | select.POLLERR)
            return bool(poll.poll(0))
        return bool(select.select([connected], [], [], 0)[0])
    except (OSError, ValueError):
        return True


def _seconds(timeout_s: float | None) -> float:
    return -1 if timeout_s is None else timeout_s
