"""Which driver an adapter uses: one synchronous HTTP client per process, one asynchronous client per running loop.

Adapters keep settings only and ask here at each use, so that they survive several event loops, threads, pickling and
forks. What is sent is not known here.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx

from maaskit.async_client import AsyncClient
from maaskit.client import Client
from maaskit.loop_clients import forget_all, shared_async_client
from maaskit.provider import Provider
from maaskit.retry import RetryPolicy
from maaskit.transport import new_client

__all__ = ["Settings", "shared_async_client", "shared_client"]

_lock = threading.Lock()
_parents: list[httpx.Client | None] = []
"""What a forked child had from its parent."""
_shared: httpx.Client | None = None


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


def _close_shared() -> None:
    """Close the kept connections when the process ends, so that none is reported as left open."""
    if _shared is not None:
        _shared.close()


def _forget() -> None:
    """Let a forked child make its own connections: a socket must not be shared between processes."""
    global _shared, _lock  # noqa: PLW0603 - the parent's state is abandoned, not closed
    _lock = threading.Lock()
    # Kept, because who let it go would be told of sockets left open; its locks may be held, so that it is not closed.
    _parents.append(_shared)
    _shared = None
    forget_all()


atexit.register(_close_shared)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
