"""What both drivers share of httpx: clients, requests, limits, and what each of its failures means.

Nothing is sent or waited for here.
"""

from __future__ import annotations

import os
import platform
import re
import socket
import ssl
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from functools import cache
from typing import Any, BinaryIO
from urllib.request import getproxies

import httpx

from maaskit import __version__
from maaskit.async_plain_http import AsyncPlainTransport
from maaskit.errors import (
    ConfigurationError,
    ConnectionFailed,
    InvalidInput,
    MaasError,
    StreamInterrupted,
    StreamTimedOut,
    TimedOut,
    UnexpectedAnswer,
)
from maaskit.inflate import ACCEPTED
from maaskit.plain_http import PlainTransport
from maaskit.provider import Resolved
from maaskit.retry import RetryPolicy
from maaskit.session import Session
from maaskit.task import Task
from maaskit.wire import Call, Failure, Flow, Request, Response, Stream, StreamReader

# Qiniu's gateway refuses the default agents of some libraries (wire-facts A.0), so maaskit always names itself.
USER_AGENT = f"maaskit/{__version__} python/{platform.python_version()}"

DEFAULT_TIMEOUT_S = 120.0
_LONGEST_TIMEOUT_S = 30 * 24 * 3600  # what every operating system's clock takes
_CONNECT_TIMEOUT_S = 15.0
_VERBS: tuple[tuple[type, str], ...] = (
    (Call, "send"),
    (Flow, "send"),
    (Stream, "stream"),
    (Task, "wait"),
    (Task, "submit"),
    (Session, "connect"),
)
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# How a message is cut out of the stream of bytes is the transport's business.
_OWN_HEADERS = frozenset({"content-length", "transfer-encoding"})
_LIMITS = httpx.Limits(max_connections=256, max_keepalive_connections=64, keepalive_expiry=30.0)


@cache
def ssl_context() -> ssl.SSLContext:
    """Make the SSL context once per process: it is nearly all that a new client costs."""
    return httpx.create_ssl_context()


def new_client() -> httpx.Client:
    """Make a client with maaskit's settings; proxies come from the environment."""
    if getproxies():  # httpx's own transport knows how to speak to them
        return httpx.Client(verify=ssl_context(), timeout=None, limits=_LIMITS, follow_redirects=False)  # noqa: S113 - set per request
    return httpx.Client(transport=PlainTransport(ssl_context=ssl_context()), timeout=None, follow_redirects=False)  # noqa: S113


def new_async_client() -> httpx.AsyncClient:
    """Make an asynchronous client with maaskit's settings; proxies come from the environment."""
    if getproxies():
        return httpx.AsyncClient(verify=ssl_context(), timeout=None, limits=_LIMITS, follow_redirects=False)  # noqa: S113
    transport = AsyncPlainTransport(ssl_context=ssl_context())
    return httpx.AsyncClient(transport=transport, timeout=None, follow_redirects=False)  # noqa: S113


def checked_timeout(timeout: float | None) -> float:
    """Check the ``timeout`` argument.

    Args:
        timeout: Seconds above 0, or ``None`` for the default of 120.

    Returns:
        Seconds.

    Raises:
        InvalidInput: It is no such number.
    """
    if timeout is None:
        return DEFAULT_TIMEOUT_S
    number = isinstance(timeout, int | float) and not isinstance(timeout, bool)
    if not number or not 0 < timeout <= _LONGEST_TIMEOUT_S:  # NaN is refused as well
        raise InvalidInput(
            f"timeout must be a number of seconds above 0, at most {_LONGEST_TIMEOUT_S}, not {timeout!r}."
        )
    return float(timeout)


def checked_policy(policy: RetryPolicy | None) -> RetryPolicy:
    """Check the ``retry_policy`` argument.

    Args:
        policy: The policy, or ``None`` for the default one.

    Returns:
        A policy.

    Raises:
        InvalidInput: It is something else.
    """
    if policy is not None and not isinstance(policy, RetryPolicy):
        raise InvalidInput(f"retry_policy must be a RetryPolicy, not {type(policy).__name__}.")
    return policy or RetryPolicy()


def checked_headers(headers: Mapping[str, str] | None) -> dict[str, str]:
    """Check the ``default_headers`` argument.

    Args:
        headers: Further header fields for every request.

    Returns:
        A copy, with maaskit's User-Agent unless another is named.

    Raises:
        InvalidInput: A name or value is no printable ASCII text, or a field is one that every request has of its own.
    """
    checked: dict[str, str] = {}
    if headers is not None and not isinstance(headers, Mapping):
        raise InvalidInput(f"default_headers must be a mapping, not {type(headers).__name__}.")
    for name, value in (headers or {}).items():
        texts = isinstance(name, str) and isinstance(value, str)
        if not texts or not _HEADER_NAME.fullmatch(name) or not value.isascii() or not value.isprintable():
            raise InvalidInput("default_headers must be a mapping of printable ASCII names and values.")
        if name.lower() in _OWN_HEADERS:
            raise InvalidInput(f"default_headers must leave {name} to each request.")
        checked[name] = value
    if not any(name.lower() == "user-agent" for name in checked):
        checked["User-Agent"] = USER_AGENT
    return checked


def build(
    client: httpx.Client | httpx.AsyncClient, resolved: Resolved, timeout_s: float, files: ExitStack
) -> httpx.Request:
    """Write a request for httpx.

    Args:
        client: Builds the request.
        resolved: What to send.
        timeout_s: Seconds to wait for each step of the exchange.
        files: Takes the files that are opened; they stream from disk.

    Returns:
        The request.

    Raises:
        InvalidInput: A file cannot be opened.
    """
    parts: list[Any] = []
    for part in resolved.files:
        content: Any = part.content
        if content is not None and not isinstance(content, bytes):
            try:
                content = _Upload(files.enter_context(content.open("rb")), part.filename or part.name)
            except OSError as error:
                raise InvalidInput(f"{part.filename or part.name} cannot be read: {error.strerror}.") from None
        parts.append((part.name, (part.filename, content, part.content_type)))
    return client.build_request(
        resolved.method,
        resolved.url,
        headers={"Accept-Encoding": ACCEPTED, **resolved.headers},
        content=resolved.content,
        data=dict(resolved.fields) or None,
        files=parts or None,
        timeout=httpx.Timeout(timeout_s, connect=min(timeout_s, _CONNECT_TIMEOUT_S)),
    )


class _Upload:
    """Be a file of the size that it had when it was opened, whatever becomes of it while it is sent."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = file
        self._name = name
        self._size = os.fstat(file.fileno()).st_size
        self._place = 0

    def read(self, size: int) -> bytes:
        """Give the next bytes."""
        try:
            data = self._file.read(min(size, self._size - self._place))
        except OSError as error:
            raise InvalidInput(f"{self._name} cannot be read: {error.strerror}.") from None
        if not data and self._place < self._size:
            raise InvalidInput(f"{self._name} became shorter while it was sent; send it when it is whole.")
        self._place += len(data)
        return data

    def tell(self) -> int:
        """Tell the place in the file."""
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place in the file."""
        self._place = self._file.seek(offset if whence == os.SEEK_SET else self._size + offset)
        return self._place


def head_of(response: httpx.Response, request: Request) -> Response:
    """Give status and headers of an answer.

    Args:
        response: httpx's answer.
        request: What was asked.

    Returns:
        The answer without its body.
    """
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Response(response.status_code, headers, b"", request.endpoint)


def hang_up(response: httpx.Response) -> None:
    """Break a connection off under whoever reads it; closing it would wait until something comes.

    Args:
        response: The answer that is being read by another thread.
    """
    connected = response.extensions.get("socket")
    if connected is None and (stream := response.extensions.get("network_stream")) is not None:
        connected = stream.get_extra_info("socket")
    if connected is not None:
        with suppress(OSError):
            connected.shutdown(socket.SHUT_RDWR)


def check_verb(value: Any, verb: str) -> None:
    """Refuse what a client's method does not perform.

    Args:
        value: What was handed to the method.
        verb: The method's name.

    Raises:
        InvalidInput: It is something else; the message says which method takes it.
    """
    verbs = [name for kind, name in _VERBS if isinstance(value, kind)]
    if verb not in verbs:
        other = f" Hand it to client.{verbs[0]}." if verbs else ""
        raise InvalidInput(f"client.{verb} does not take what is of the type {type(value).__name__}.{other}")


def checked_concurrency(concurrency: int) -> int:
    """Check the ``concurrency`` argument.

    Args:
        concurrency: How many calls are under way at most.

    Returns:
        The same.

    Raises:
        InvalidInput: It is no int of 1 or more.
    """
    if isinstance(concurrency, bool) or not isinstance(concurrency, int) or concurrency < 1:
        raise InvalidInput(f"concurrency must be an int of at least 1, not {concurrency!r}.")
    return concurrency


class Body:
    """Collect the body of one answer within its bounds.

    Args:
        request: What was asked; names the bound.
        timeout_s: Seconds within which the whole body must come, so that a slow drip ends too.
        started_s: The clock when the body began.
    """

    def __init__(self, request: Request, timeout_s: float, started_s: float) -> None:
        self._request = request
        self._deadline_s = started_s + timeout_s
        self._timeout_s = timeout_s
        self._content = bytearray()

    def expect(self, length: str | None) -> None:
        """Give up before the first byte when the service announces too many.

        Args:
            length: The Content-Length field, or ``None``.

        Raises:
            UnexpectedAnswer: More than the bound is announced.
            InvalidInput: The same, of a file that the caller asked to be fetched.
        """
        announced = length if length is not None and length.isascii() and length.isdecimal() else ""
        if len(announced) > 18 or int(announced or 0) > self._request.max_answer_bytes:
            raise self._too_large()

    def add(self, chunk: bytes, now_s: float) -> None:
        """Take the next piece.

        Args:
            chunk: The piece; it may be empty.
            now_s: The clock.

        Raises:
            UnexpectedAnswer: The body is larger than the bound.
            InvalidInput: The same, of a file that the caller asked to be fetched.
            TimedOut: The time is over.
        """
        self._content += chunk
        if len(self._content) > self._request.max_answer_bytes:
            raise self._too_large()
        if now_s > self._deadline_s:
            raise self.late()

    def late(self) -> TimedOut:
        """Make the error for a body that did not come in time."""
        return TimedOut(f"The answer of {self._request.endpoint} was not whole after timeout={self._timeout_s:g} s.")

    def joined(self) -> bytes:
        """Give the whole body."""
        return bytes(self._content)

    def _too_large(self) -> MaasError:
        name, limit = self._request.endpoint, self._request.max_answer_bytes
        if self._request.is_absolute:
            return InvalidInput(
                f"{name} is larger than the {limit} bytes that are allowed; make it smaller or split it."
            )
        return UnexpectedAnswer(f"The answer of {name} is larger than {limit} bytes; it was given up.", endpoint=name)


# What these mean: nothing of the request has reached the service.
_NOT_ACCEPTED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


def failure(error: Exception, request: Request, timeout_s: float) -> Failure:
    """Say what a failed exchange means.

    Args:
        error: What httpx, or maaskit while reading, raised.
        request: What was asked.
        timeout_s: The time-out in force.

    Returns:
        The failure. httpx's own error is not kept, because it holds the request and with it the key.
    """
    if isinstance(error, MaasError):
        return Failure(error, getattr(error, "accepted", None))
    accepted = False if isinstance(error, _NOT_ACCEPTED) else None
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if isinstance(error, httpx.TimeoutException):
        return Failure(
            TimedOut(
                f"{request.endpoint} did not answer within timeout={timeout_s:g} s ({type(error).__name__}).",
                accepted=accepted,
            ),
            accepted,
        )
    if isinstance(error, httpx.DecodingError):
        return Failure(
            UnexpectedAnswer(f"The answer of {request.endpoint} is damaged ({what}).", endpoint=request.endpoint)
        )
    if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL | httpx.LocalProtocolError):
        return Failure(
            ConfigurationError(f"The request to {request.endpoint} cannot be sent ({what})."), accepted=False
        )
    return Failure(
        ConnectionFailed(f"The connection for {request.endpoint} failed ({what}).", accepted=accepted), accepted
    )


def interruption(error: Exception, request: Request, timeout_s: float, reader: StreamReader[Any]) -> MaasError:
    """Make the error for a stream that broke after its first event.

    Args:
        error: What httpx, or maaskit while reading, raised.
        request: What was asked.
        timeout_s: The time-out in force.
        reader: Knows what had come.

    Returns:
        The error, with what had come.
    """
    if isinstance(error, UnexpectedAnswer) and error.partial is None:
        error.partial = reader.partial()
    if isinstance(error, MaasError):
        return error
    if isinstance(error, httpx.TimeoutException):
        return stalled(request, timeout_s, reader)
    return StreamInterrupted(
        f"The stream of {request.endpoint} broke off ({type(error).__name__}); what came is in the error's `partial`.",
        partial=reader.partial(),
    )


def stalled(request: Request, timeout_s: float, reader: StreamReader[Any]) -> StreamTimedOut:
    """Make the error for a stream that went silent; heartbeats without an event count as silence.

    Args:
        request: What was asked.
        timeout_s: The time-out in force.
        reader: Knows what had come.

    Returns:
        The error, with what had come.
    """
    return StreamTimedOut(
        f"The stream of {request.endpoint} brought nothing for timeout={timeout_s:g} s; "
        "what came is in the error's `partial`.",
        partial=reader.partial(),
    )
