"""Which driver an adapter uses: one synchronous HTTP client per process, one asynchronous client per running loop.

Adapters keep settings only and ask here at each use, so that they survive several event loops, threads, pickling and
forks. What is sent is not known here.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
import weakref
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field

import httpx

from maaskit.async_client import AsyncClient
from maaskit.client import Client
from maaskit.provider import Provider
from maaskit.retry import RetryPolicy
from maaskit.transport import new_async_client, new_client

_lock = threading.Lock()
_shared: httpx.Client | None = None
_by_loop: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient] = weakref.WeakKeyDictionary()
_finalisers: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncGenerator[None, None]] = (
    weakref.WeakKeyDictionary()
)


@dataclass(frozen=True, slots=True)
class Settings:
    """Hold what an adapter knows of its connection; it can be pickled when no client of the user's is in it.

    Args:
        provider: Whom to ask.
        timeout: Seconds (see Client), or ``None`` for the default.
        max_retries: Further attempts, or ``None`` for the default.
        http_client: The user's own client, used for every synchronous call.
        http_async_client: The user's own client, used for every asynchronous call.
        default_headers: Further header fields.
        retry_policy: The whole policy, in place of ``max_retries``.
    """

    provider: Provider
    timeout: float | None = None
    max_retries: int | None = None
    http_client: httpx.Client | None = field(default=None, repr=False)
    http_async_client: httpx.AsyncClient | None = field(default=None, repr=False)
    default_headers: Mapping[str, str] | None = field(default=None, repr=False)
    retry_policy: RetryPolicy | None = None

    def client(self) -> Client:
        """Give a synchronous client over the process's shared connections."""
        return Client(
            self.provider,
            timeout=self.timeout,
            max_retries=self.max_retries,
            http_client=self.http_client or shared_client(),
            default_headers=self.default_headers,
            retry_policy=self.retry_policy,
        )

    async def async_client(self) -> AsyncClient:
        """Give an asynchronous client over the running loop's shared connections."""
        return AsyncClient(
            self.provider,
            timeout=self.timeout,
            max_retries=self.max_retries,
            http_client=self.http_async_client or await shared_async_client(),
            default_headers=self.default_headers,
            retry_policy=self.retry_policy,
        )


def shared_client() -> httpx.Client:
    """Give the process's HTTP client; it is made at the first use.

    Returns:
        The client.
    """
    global _shared  # noqa: PLW0603 - one per process is the point
    client = _shared
    if client is None or client.is_closed:
        with _lock:
            if _shared is None or _shared.is_closed:
                _shared = new_client()
            client = _shared
    return client


async def shared_async_client() -> httpx.AsyncClient:
    """Give the running loop's HTTP client; it is made at the first use and closed with the loop.

    Returns:
        The client.
    """
    loop = asyncio.get_running_loop()
    client = _by_loop.get(loop)
    if client is None or client.is_closed:
        client = _by_loop[loop] = new_async_client()
        # `asyncio.run` finalises asynchronous generators before it closes the loop: a generator that waits at its
        # yield is thereby a way to be told in time.
        finaliser = _close_at_the_end(client)
        await anext(finaliser)
        _finalisers[loop] = finaliser
    return client


async def _close_at_the_end(client: httpx.AsyncClient) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        await client.aclose()


def _close_shared() -> None:
    """Close the kept connections when the process ends, so that none is reported as left open."""
    if _shared is not None:
        _shared.close()


def _forget() -> None:
    """Let a forked child make its own connections: a socket must not be shared between processes."""
    global _shared, _lock  # noqa: PLW0603 - the parent's state is abandoned, not closed
    _lock = threading.Lock()
    _shared = None
    _by_loop.clear()
    _finalisers.clear()


atexit.register(_close_shared)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
