"""One exchange over a connection of ``http.client``: a request is written, its answer's head awaited, its body read.

Where connections come from and go to is the transport's business (``plain_http``). ``async_exchange`` is its twin.
"""

from __future__ import annotations

import http.client
import io
import math
import select
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from email.errors import MissingHeaderBodySeparatorDefect
from typing import Any, TypeAlias

import httpx

from maaskit.http_message import CountedBody, Head

_READ_BYTES = 65536
_WRITE_BYTES = 65536
_LINGER_S = 0.02
_LATE_ANSWER_S = 1.0
_LEAST_S = 0.001

Connection: TypeAlias = http.client.HTTPConnection


def write(connection: Connection, request: httpx.Request, timeouts: dict[str, float | None]) -> bool:
    """Send a request.

    Args:
        connection: Where to.
        request: What to send.
        timeouts: httpx's; ``write`` is the one within which each piece must move on.

    Returns:
        Whether all of it was sent: a service may refuse in the middle of an upload, and close or stop reading.

    Raises:
        httpx.TransportError: What went wrong.
    """
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
            if not is_readable(connection.sock):
                raise httpx.WriteTimeout(str(error), request=request) from None
            return False
        except OSError:
            # A service may refuse in the middle of an upload and close: its answer is read all the same.
            return False
        first = False
        piece = next(pieces, b"")
    return True


def answered(connection: Connection, request: httpx.Request, timeout_s: float | None, *, sent: bool) -> Answer:
    """Wait for the head of the answer.

    Args:
        connection: Where from.
        request: What was sent.
        timeout_s: Seconds within which the whole head must come.
        sent: Whether all of the request was sent; otherwise a refusal must be there already, or nearly.

    Returns:
        The answer; its body comes as it is read.

    Raises:
        httpx.TransportError: What went wrong.
    """
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
        self.is_over = False
        """Whether nothing more comes."""
        self._until = math.inf
        self._is_late = False

    def within(self, timeout_s: float | None) -> None:
        """Let what is read from now on come within some seconds."""
        self._until = math.inf if timeout_s is None else time.monotonic() + timeout_s
        self._is_late = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._until < math.inf:
            left_s = self._until - time.monotonic()
            if left_s <= 0:
                # If the process stood still, what came meanwhile is there: it is taken once.
                if self._is_late or not is_readable(self._socket):
                    raise TimeoutError("timed out")
                self._is_late = True
            self._socket.settimeout(max(left_s, _LEAST_S))
        size = self._raw.readinto(buffer)
        self.is_over = size == 0
        return size

    def close(self) -> None:
        self._raw.close()
        super().close()


class Answer(http.client.HTTPResponse):
    """Be an answer whose head, and each piece of whose body, must come within the socket's time-out."""

    def __init__(self, sock: socket.socket, *args: Any, **settings: Any) -> None:
        super().__init__(sock, *args, **settings)
        self._timeout_s = sock.gettimeout()
        self._timely = _Timely(sock, self.fp.detach())
        self.fp = io.BufferedReader(self._timely, _READ_BYTES)
        self.within(self._timeout_s)

    def begin(self) -> None:
        """Read the head; one that is cut short or contradicts itself, which http.client takes as it is, is none."""
        super().begin()
        if self._timely.is_over:  # looked for in vain: the empty line behind the last field
            raise http.client.HTTPException("the head was cut short")
        if any(isinstance(defect, MissingHeaderBodySeparatorDefect) for defect in self.headers.defects):
            raise http.client.HTTPException("unreadable header field")
        fields = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in self.headers.items()]
        body = Head(self.status, b"", b"1.1", fields).body(self._method or "")  # type: ignore[attr-defined]  # typeshed does not list it
        if isinstance(body, CountedBody):
            self.length = body.left

    def within(self, timeout_s: float | None) -> None:
        """Let what is read next come within some time.

        Args:
            timeout_s: Seconds, or ``None`` for no bound.
        """
        self._timely.within(timeout_s)

    def piece(self, most: int) -> bytes:
        """Read the next piece of the body.

        Args:
            most: Largest number of bytes.

        Returns:
            The piece; ``b""`` at the end.
        """
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


class AnswerBody(httpx.SyncByteStream):
    """Be the body of one answer; its end gives the connection back.

    Args:
        connection: Where from.
        answer: The answer.
        give_back: Is called once, with whether the connection may serve again.
    """

    def __init__(self, connection: Connection, answer: Answer, give_back: Callable[..., None]) -> None:
        self._connection = connection
        self._answer = answer
        self._socket = connection.sock  # http.client lets go of it when the service will close
        # Counted here, because read1 counts in some versions of Python only.
        self._left: int | None = None if answer.chunked else answer.length
        self._give_back = give_back
        self._ended = False
        self._over = False

    def __iter__(self) -> Iterator[bytes]:
        """Give the pieces."""
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
        whole = self._ended and not self._answer.will_close
        self._answer.close()
        self._give_back(whole=whole)

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


def is_readable(connected: Any) -> bool:
    """Tell whether a socket can be read, or is gone.

    Args:
        connected: The socket, or ``None``.

    Returns:
        Whether reading would not wait.
    """
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
