"""What both drivers share of httpx: its clients, and requests as it wants them.

Nothing is sent or waited for here.
"""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from typing import Any, BinaryIO
from urllib.parse import urlsplit
from urllib.request import getproxies

import httpx

from maaskit.async_plain_http import AsyncPlainTransport
from maaskit.errors import ConfigurationError, ConnectionFailed, InvalidInput
from maaskit.inflate import ACCEPTED
from maaskit.plain_http import PlainTransport
from maaskit.provider import Resolved
from maaskit.wire import Failure, Request, Response

_CONNECT_TIMEOUT_S = 15.0
_LIMITS = httpx.Limits(max_connections=256, max_keepalive_connections=64, keepalive_expiry=30.0)


@cache
def ssl_context() -> ssl.SSLContext:
    """Make the SSL context once per process: it is nearly all that a new client costs."""
    return httpx.create_ssl_context()


def proxies() -> dict[str, str]:
    """Give the proxies that the environment names, by scheme; exceptions (NO_PROXY) alone are none."""
    known = {scheme: proxy for scheme, proxy in getproxies().items() if scheme in ("http", "https", "all") and proxy}
    # A host and a port alone are an http proxy, as httpx and curl have it.
    return {scheme: proxy if "://" in proxy else f"http://{proxy}" for scheme, proxy in known.items()}


@contextmanager
def usable_proxies() -> Iterator[None]:
    """Say in our own words that a proxy which the environment names cannot be used.

    Raises:
        ConfigurationError: It cannot; the message names the variables and the way out, not the proxy's password.
    """
    try:
        for proxy in proxies().values():
            _ = urlsplit(proxy).port  # who speaks to it would stumble over a port that is none
        yield
    except ImportError:
        raise ConfigurationError(
            "A proxy variable (ALL_PROXY, HTTP_PROXY, HTTPS_PROXY) names a SOCKS proxy, for which httpx needs: pip "
            "install 'httpx[socks]', or set the variable to an http proxy, or to nothing."
        ) from None
    except (ValueError, httpx.InvalidURL):
        if all(map(_is_proxy, proxies().values())):
            raise ConfigurationError(
                "NO_PROXY has an entry that httpx cannot read, such as an IPv6 network (fe80::/10): take it out."
            ) from None
        raise ConfigurationError(
            "A proxy variable (ALL_PROXY, HTTP_PROXY, HTTPS_PROXY) holds no URL of a proxy such as http://127.0.0.1:7890."
        ) from None


def _is_proxy(url: str) -> bool:
    try:
        return httpx.Proxy(url) is not None and urlsplit(url).port != 0
    except (ValueError, httpx.InvalidURL):
        return False


def hinting_at_proxies(failed: Failure) -> Failure:
    """Say of a place that could not be reached that a proxy may be why, where the environment names one.

    Args:
        failed: Why there is no answer.

    Returns:
        The same.
    """
    if isinstance(failed.error, ConnectionFailed) and failed.accepted is False and proxies():
        failed.error.with_hint(
            "The environment names a proxy (HTTP_PROXY, HTTPS_PROXY or ALL_PROXY): see that it runs and lets this "
            "through, or name the host in NO_PROXY."
        )
    return failed


def new_client() -> httpx.Client:
    """Make a client with maaskit's settings; proxies come from the environment."""
    if proxies():  # httpx's own transport knows how to speak to them
        with usable_proxies():
            return httpx.Client(verify=ssl_context(), timeout=None, limits=_LIMITS, follow_redirects=False)  # noqa: S113 - set per request
    return httpx.Client(transport=PlainTransport(ssl_context=ssl_context()), timeout=None, follow_redirects=False)  # noqa: S113


def new_async_client() -> httpx.AsyncClient:
    """Make an asynchronous client with maaskit's settings; proxies come from the environment."""
    if proxies():
        with usable_proxies():
            return httpx.AsyncClient(verify=ssl_context(), timeout=None, limits=_LIMITS, follow_redirects=False)  # noqa: S113
    transport = AsyncPlainTransport(ssl_context=ssl_context())
    return httpx.AsyncClient(transport=transport, timeout=None, follow_redirects=False)  # noqa: S113


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
        # A name that is no UTF-8 on disk cannot be written; what it ends in tells the service what the file is.
        name = None if part.filename is None else part.filename.encode(errors="replace").decode()
        parts.append((part.name, (name, content, part.content_type)))
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
