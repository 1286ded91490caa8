"""An asynchronous httpx client under the face of a synchronous one, so that both transports pass one suite."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Self, TypeVar

import httpx

T = TypeVar("T")


class LoopedClient:
    """Run an event loop in a thread of its own, and the client in it."""

    def __init__(self, transport: httpx.AsyncBaseTransport, timeout: float) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._client = httpx.AsyncClient(transport=transport, timeout=timeout)
        self._transport = transport
        self.build_request = self._client.build_request

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def get(self, url: str, **settings: Any) -> httpx.Response:
        return self.run(self._client.get(url, **settings))

    def post(self, url: str, *, content: Any = None, **settings: Any) -> httpx.Response:
        if isinstance(content, Iterator):
            content = _stepped(content)
        return self.run(self._client.post(url, content=content, **settings))

    def request(self, method: str, url: str, **settings: Any) -> httpx.Response:
        return self.run(self._client.request(method, url, **settings))

    def send(self, request: httpx.Request) -> httpx.Response:
        return self.run(self._client.send(request))

    @contextmanager
    def stream(self, method: str, url: str) -> Iterator[_Streamed]:
        request = self._client.build_request(method, url)
        response = self.run(self._client.send(request, stream=True))
        try:
            yield _Streamed(self, response)
        finally:
            self.run(response.aclose())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def close(self) -> None:
        self.run(self._client.aclose())

    def end(self) -> None:
        """Close, and end the loop."""
        self.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()


class _Streamed:
    def __init__(self, client: LoopedClient, response: httpx.Response) -> None:
        self._client = client
        self._response = response

    def iter_raw(self) -> Iterator[bytes]:
        pieces = self._response.aiter_raw()

        async def following() -> bytes | None:
            return await anext(pieces, None)

        while (piece := self._client.run(following())) is not None:
            yield piece


async def _stepped(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
