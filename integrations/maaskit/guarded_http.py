"""An httpx transport that goes only where an agent may: to public addresses, and to hosts that its owner named.

What is fetched, retried or decoded is not known here. The address that is checked is the one that is connected to: a
name is looked up once, here, and the connection goes to what was found. Each redirect is a request of its own and is
checked anew.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.request import proxy_bypass

import httpcore
import httpx
from typing_extensions import override

from maaskit.errors import InvalidInput
from maaskit.guard import Guard, is_public
from maaskit.transport import proxies, ssl_context, usable_proxies


@dataclass(slots=True)
class _Trip:
    """Hold what both transports share: the guard, the time that is left, the addresses."""

    guard: Guard
    until_s: float = field(default=0.0)

    def begin(self, request: httpx.Request) -> None:
        """Shorten the request's time-outs to what is left for all."""
        now = time.monotonic()
        self.until_s = self.until_s or now + self.guard.timeout_s
        left_s = self.left(request)
        known: dict[str, float | None] = request.extensions.get("timeout", {})
        names = ("connect", "read", "write", "pool")
        request.extensions["timeout"] = {name: min(known.get(name) or left_s, left_s) for name in names}

    def left(self, request: httpx.Request) -> float:
        """Give the seconds that are left for all requests together."""
        left_s = self.until_s - time.monotonic()
        if left_s <= 0:
            raise self._too_long(request)
        return left_s

    def _too_long(self, request: httpx.Request) -> httpx.ReadTimeout:
        return httpx.ReadTimeout(f"The download took longer than {self.guard.timeout_s:g} s.", request=request)

    @asynccontextmanager
    async def within(self, request: httpx.Request) -> AsyncIterator[None]:
        """Give up what is not done in the time that is left: httpx bounds each read, so that heads could drip."""
        try:
            async with asyncio.timeout(self.left(request)):
                yield
        except TimeoutError:
            raise self._too_long(request) from None

    @staticmethod
    def target(request: httpx.Request) -> tuple[str, int]:
        """Give the host and port to look up."""
        return request.url.raw_host.decode("ascii"), request.url.port or (443 if request.url.scheme == "https" else 80)

    @staticmethod
    def pinned(request: httpx.Request, found: list[Any]) -> list[httpx.URL]:
        """Give the URLs by address, in order, if all that a name leads to may be reached."""
        host = request.url.host
        addresses = list(dict.fromkeys(ipaddress.ip_address(entry[4][0]) for entry in found))
        # All of them, so that it does not depend on chance whether a name with a private address beside is refused.
        if not all(map(is_public, addresses)):
            raise InvalidInput(
                f"{host} leads to a private, loopback or link-local address, from which a tool fetches nothing. "
                "Whoever set the tool up may allow the host with allowed_hosts."
            )
        if request.url.scheme == "https":
            # The certificate is still that of the name.
            request.extensions["sni_hostname"] = request.url.raw_host.decode("ascii")
        return [request.url.copy_with(host=str(address)) for address in addresses[:_MOST_ADDRESSES]]

    @staticmethod
    def proxy(request: httpx.Request) -> str | None:
        """Name the proxy for a trusted host; to others it would look the name up anew, so they are reached directly."""
        known = proxies()
        proxy = known.get(request.url.scheme) or known.get("all")
        return None if proxy is None or proxy_bypass(request.url.host) else proxy


# No connection is kept: one that was made for a name must not serve another that leads to the same address.
_LIMITS = httpx.Limits(max_connections=1, max_keepalive_connections=0)
_MOST_ADDRESSES = 4


class GuardedTransport(httpx.BaseTransport):
    """Move HTTP messages for one download of an ``httpx.Client``, within a guard.

    Args:
        guard: Where requests may go.
    """

    def __init__(self, guard: Guard) -> None:
        self._trip = _Trip(guard)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request to an address that has been checked.

        Args:
            request: What to send.

        Returns:
            The answer; its stream must be read to its end or closed.

        Raises:
            InvalidInput: The address may not be reached.
            httpx.TransportError: What else went wrong.
        """
        trip = self._trip
        trip.begin(request)
        if trip.guard.trusts(str(request.url)):
            return self._sent(request, trip.proxy(request))
        host, port = trip.target(request)
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpx.ConnectError(f"{host} is not known ({error}).", request=request) from None
        *others, last = trip.pinned(request, found)
        for url in others:
            request.url = url
            with suppress(httpx.ConnectError, httpx.ConnectTimeout):
                return self._sent(request)
        request.url = last
        return self._sent(request)

    def _sent(self, request: httpx.Request, proxy: str | None = None) -> httpx.Response:
        with usable_proxies():
            inner = httpx.HTTPTransport(verify=ssl_context(), limits=_LIMITS, proxy=proxy, trust_env=False)
        pool = inner._pool  # noqa: SLF001 - httpx has no argument for the network beneath it
        pool._network_backend = _Network(pool._network_backend, lambda: self._trip.left(request))  # noqa: SLF001 - as above
        try:
            response = inner.handle_request(request)
        except BaseException:
            inner.close()
            raise
        response.stream = _Body(response.stream, inner, self._trip, request)
        return response


class _Network(httpcore.NetworkBackend):
    """Be the network within the time that is left: httpcore bounds each read, so that heads could drip for ever."""

    def __init__(self, inner: httpcore.NetworkBackend, left: Callable[[], float]) -> None:
        self._inner = inner
        self._left = left

    @override
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        stream = self._inner.connect_tcp(host, port, _least(timeout, self._left()), local_address, socket_options)
        return _Stream(stream, self._left)


class _Stream(httpcore.NetworkStream):
    """Be a connection within the time that is left."""

    def __init__(self, inner: httpcore.NetworkStream, left: Callable[[], float]) -> None:
        self._inner = inner
        self._left = left

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _least(timeout, self._left()))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _least(timeout, self._left()))

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, _least(timeout, self._left())), self._left)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)

    def close(self) -> None:
        self._inner.close()


def _least(timeout_s: float | None, left_s: float) -> float:
    return left_s if timeout_s is None else min(timeout_s, left_s)


class _Body(httpx.SyncByteStream):
    """Be the body of an answer within the time that is left; its end closes the connection."""

    def __init__(self, stream: Any, inner: httpx.HTTPTransport, trip: _Trip, request: httpx.Request) -> None:
        self._stream: httpx.SyncByteStream = stream
        self._inner = inner
        self._trip = trip
        self._request = request

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._stream:
            self._trip.left(self._request)
            yield piece

    def close(self) -> None:
        self._stream.close()
        self._inner.close()


class AsyncGuardedTransport(httpx.AsyncBaseTransport):
    """Move HTTP messages for one download of an ``httpx.AsyncClient``, within a guard.

    Args:
        guard: Where requests may go.
    """

    def __init__(self, guard: Guard) -> None:
        self._trip = _Trip(guard)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request to an address that has been checked.

        Args:
            request: What to send.

        Returns:
            The answer; its stream must be read to its end or closed.

        Raises:
            InvalidInput: The address may not be reached.
            httpx.TransportError: What else went wrong.
        """
        trip = self._trip
        trip.begin(request)
        if trip.guard.trusts(str(request.url)):
            return await self._sent(request, trip.proxy(request))
        host, port = trip.target(request)
        loop = asyncio.get_running_loop()
        try:
            async with trip.within(request):
                found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpx.ConnectError(f"{host} is not known ({error}).", request=request) from None
        *others, last = trip.pinned(request, found)
        for url in others:
            request.url = url
            with suppress(httpx.ConnectError, httpx.ConnectTimeout):
                return await self._sent(request)
        request.url = last
        return await self._sent(request)

    async def _sent(self, request: httpx.Request, proxy: str | None = None) -> httpx.Response:
        with usable_proxies():
            inner = httpx.AsyncHTTPTransport(verify=ssl_context(), limits=_LIMITS, proxy=proxy, trust_env=False)
        try:
            async with self._trip.within(request):
                response = await inner.handle_async_request(request)
        except BaseException:
            await inner.aclose()
            raise
        response.stream = _AsyncBody(response.stream, inner, self._trip, request)
        return response


class _AsyncBody(httpx.AsyncByteStream):
    """Be the body of an answer within the time that is left; its end closes the connection."""

    def __init__(self, stream: Any, inner: httpx.AsyncHTTPTransport, trip: _Trip, request: httpx.Request) -> None:
        self._stream: httpx.AsyncByteStream = stream
        self._inner = inner
        self._trip = trip
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        pieces = aiter(self._stream)
        while True:
            try:
                async with self._trip.within(self._request):
                    piece = await anext(pieces)
            except StopAsyncIteration:
                return
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()
        await self._inner.aclose()
