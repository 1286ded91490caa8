"""One asynchronous HTTP client for each running event loop, closed when its loop ends, whichever way it ends.

Who is asked, and what, is not known here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass, field

import httpx

from maaskit.transport import new_async_client


@dataclass(slots=True)
class _Kept:
    client: httpx.AsyncClient
    ending: AsyncGenerator[None, None] = field(repr=False)


_by_loop: dict[asyncio.AbstractEventLoop, _Kept] = {}
# Loops whose `close` tells us.
_telling: set[asyncio.AbstractEventLoop] = set()


async def shared_async_client() -> httpx.AsyncClient:
    """Give the running loop's HTTP client; it is made at the first use and closed with the loop.

    Returns:
        The client.
    """
    loop = asyncio.get_running_loop()
    kept = _by_loop.get(loop)
    if kept is None or kept.client.is_closed:
        _let_ended_go()
        client = new_async_client()
        # `asyncio.run` finalises asynchronous generators before it closes the loop: a generator that waits at its
        # yield is thereby a way to be told in time.
        kept = _by_loop[loop] = _Kept(client, _ending(loop, client))
        await anext(kept.ending)
        _be_told(loop)
    return kept.client


def forget_all() -> None:
    """Let go of everything without closing it, in a forked child: the sockets are its parent's."""
    _by_loop.clear()
    _telling.clear()


async def _ending(loop: asyncio.AbstractEventLoop, client: httpx.AsyncClient) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        kept = _by_loop.get(loop)
        if kept is not None and kept.client is client:
            del _by_loop[loop]
        await client.aclose()


def _be_told(loop: asyncio.AbstractEventLoop) -> None:
    """Be told of a loop that is closed without finalising its generators, as LlamaIndex's ``asyncio_run`` closes its.

    It makes a loop for each call, and each would leave a socket behind.
    """
    if loop in _telling:
        return
    close = loop.close

    def closing() -> None:
        kept = _by_loop.get(loop)
        if kept is not None and not loop.is_closed() and not loop.is_running() and not _is_within_a_loop():
            loop.run_until_complete(kept.ending.aclose())
        _telling.discard(loop)
        close()

    with suppress(AttributeError):  # a loop that is no Python object; `_let_ended_go` sees to it later
        loop.close = closing  # type: ignore[method-assign]
        _telling.add(loop)


def _let_ended_go() -> None:
    """Let go of what belongs to loops that have ended untold: it could not be closed any more."""
    for loop in [loop for loop in list(_by_loop) if loop.is_closed()]:
        _by_loop.pop(loop, None)
        _telling.discard(loop)


def _is_within_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
