"""One request, sent once over httpx on asyncio: its whole answer, or a stream that has been opened.

Whether it is sent again is not decided here (``async_client``). ``sending`` is its twin: same order, same names.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import TypeVar

import httpx

from maaskit.answer_body import Body
from maaskit.async_connection import within
from maaskit.async_streaming import Hold, Opened, body_chunks
from maaskit.errors import ConfigurationError, ConnectionFailed, MaasError
from maaskit.failures import failure
from maaskit.provider import Provider
from maaskit.transport import build, head_of, hinting_at_proxies
from maaskit.wire import Failure, Request, Response, Stream

T = TypeVar("T")


class AsyncSender:
    """Send requests of one client.

    Args:
        provider: Whom to ask.
        http: The connections.
        headers: Further header fields for every request.
        timeout_s: Seconds to wait for an answer to begin, to be whole, and for the next item of a stream.
    """

    def __init__(
        self, provider: Provider, http: httpx.AsyncClient, headers: Mapping[str, str], timeout_s: float
    ) -> None:
        self._provider = provider
        self._http = http
        self._headers = headers
        self._timeout_s = timeout_s

    async def exchange(self, request: Request) -> Response | Failure:
        """Send a request once and read the whole answer.

        Args:
            request: What to ask.

        Returns:
            The answer, or why there is none.

        Raises:
            MaasError: What no further attempt would mend.
        """
        try:
            with ExitStack() as files:
                response = await self._begin(request, files)
                try:
                    return await self._whole(response, request)
                finally:
                    await response.aclose()
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, ConnectionFailed) as error:
            return hinting_at_proxies(failure(error, request, self._timeout_s))

    async def _begin(self, request: Request, files: ExitStack) -> httpx.Response:
        if self._http.is_closed:
            raise ConfigurationError("This client has been closed; make another.")
        resolved = self._provider.resolve(request, self._headers)
        built = build(self._http, resolved, self._timeout_s, files)
        built.extensions["fresh"] = request.resend == "unaccepted"
        return await self._http.send(built, stream=True, follow_redirects=False)

    async def _whole(self, response: httpx.Response, request: Request) -> Response:
        body = Body(request, self._timeout_s, time.monotonic())
        body.expect(response.headers.get("content-length"))
        try:
            async with within(self._timeout_s):
                async for chunk in body_chunks(response, request):
                    body.add(chunk, time.monotonic())
        except TimeoutError:  # less came than makes a piece
            raise body.late() from None
        return replace(head_of(response, request), body=body.joined())

    async def open(self, request: Request, stream: Stream[T], hold: Hold) -> Opened[T] | Response | Failure:
        """Send a request once and read up to the first items, so that a failure before them can be retried.

        Args:
            request: What to ask.
            stream: How the answer is read.
            hold: Lets somebody else hang up meanwhile.

        Returns:
            The stream, or the refusal, or why there is neither.
        """
        response: httpx.Response | None = None
        try:
            with ExitStack() as files:
                response = hold.response = await self._begin(request, files)
            if hold.is_gone:  # while its head was waited for
                await response.aclose()
                return Failure(hold.gone(request, None))
            head = head_of(response, request)
            if not response.is_success:
                whole = await self._whole(response, request)
                await response.aclose()
                return whole
            chunks = body_chunks(response, request)
            opened = Opened(request, response, chunks, stream.reader(head), self._timeout_s, [])
            opened.items = await opened.read_on()
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, MaasError) as error:
            if response is not None:
                await response.aclose()
            return hinting_at_proxies(failure(error, request, self._timeout_s))
        except BaseException:
            if response is not None:
                await response.aclose()
            raise
        return opened
