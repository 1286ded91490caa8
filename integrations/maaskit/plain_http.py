"""An httpx transport over the standard library's ``http.client``, for synchronous clients.

What is sent, retried or decoded is not known here, and how a single exchange goes stands in ``plain_exchange``. It
exists for speed alone: a streamed piece costs a quarter of what httpx's own transport takes for it (``make bench``),
and pieces are what a chat model spends its time on. HTTP/1.1 only; where the environment names a proxy, httpx's own
transport is used instead (see ``transport``). ``async_plain_http`` is its asynchronous twin.
"""

from __future__ import annotations

import http.client
import os
import socket
import ssl
import threading
import time
from typing import TypeAlias

import httpx

from maaskit.plain_exchange import Answer, AnswerBody, Connection, answered, is_readable, write

_Origin: TypeAlias = tuple[bytes, bytes, int]


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
        self._idle: list[tuple[_Origin, Connection, float]] = []
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
        connection: Connection | None = None
        try:
            url = request.url
            origin = (url.raw_scheme, url.raw_host, url.port or (443 if url.scheme == "https" else 80))
            if not request.extensions.get("fresh"):
                connection = self._taken(origin)
            connection = connection or self._connected(origin, timeouts.get("connect"), request)
            sent = write(connection, request, timeouts)
            connected = connection.sock  # http.client lets go of it when the service will close
            answer = answered(connection, request, timeouts.get("read"), sent=sent)
        except BaseException:
            if connection is not None:
                connection.close()
            self._places.release()
            raise

        def give_back(*, whole: bool) -> None:
            self._give_back(origin, connection, reusable=sent and whole)

        stream = AnswerBody(connection, answer, give_back)
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

    def _give_back(self, origin: _Origin, connection: Connection, *, reusable: bool) -> None:
        """Take a connection whose answer is over."""
        dropped: list[Connection] = []
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

    def _taken(self, origin: _Origin) -> Connection | None:
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
            if time.monotonic() - since <= self._idle_s and not is_readable(connection.sock):
                return connection
            connection.close()

    def _leave_to_parent(self) -> None:
        """Let go of the connections that a forked process shares with its parent; the parent goes on using them."""
        with self._lock:
            self._process = os.getpid()
            idle, self._idle = self._idle, []
        for _, connection, _ in idle:
            connection.close()

    def _connected(self, origin: _Origin, timeout_s: float | None, request: httpx.Request) -> Connection:
        scheme, host, port = origin
        name = host.decode("ascii")
        connection: Connection
        if scheme == b"https":
            connection = http.client.HTTPSConnection(name, port, timeout=timeout_s, context=self._ssl_context)
        else:
            connection = http.client.HTTPConnection(name, port, timeout=timeout_s)
        connection.response_class = Answer
        connection.set_debuglevel(0)  # whoever turned it on for all (http.client.HTTPConnection) would see keys printed
        try:
            connection.connect()
        except TimeoutError as error:
            connection.close()
            raise httpx.ConnectTimeout(str(error), request=request) from None
        except OSError as error:  # refused, unreachable, unknown host, bad certificate
            connection.close()
            raise httpx.ConnectError(str(error), request=request) from None
        except UnicodeError as error:  # no host at all
            raise httpx.InvalidURL(str(error)) from None
        # A connection that a router has forgotten is noticed although nothing is sent over it.
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return connection


def _seconds(timeout_s: float | None) -> float:
    return -1 if timeout_s is None else timeout_s
