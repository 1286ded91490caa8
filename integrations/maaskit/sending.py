"""One request, sent once over httpx: its whole answer, or a stream that has been opened.

Whether it is sent again is not decided here (``client``). ``async_sending`` is its twin: same order, same names.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import TypeVar

import httpx

from maaskit.answer_body import Body
from maaskit.errors import ConfigurationError, ConnectionFailed, MaasError
from maaskit.failures import failure
from maaskit.provider import Provider
from maaskit.streaming import Hold, Opened, body_chunks
from maaskit.transport import build, head_of, hinting_at_proxies
from maaskit.wire import Failure, Request, Response, Stream

T = TypeVar("T")


class Sender:
    """Send requests of one client.

    Args:
        provider: Whom to ask.
        http: The connections.
        headers: Further header fields for every request.
        timeout_s: Seconds to wait for an answer to begin, to be whole, and for the next item of a stream.
    """

    def __init__(self, provider: Provider, http: httpx.Client, headers: Mapping[str, str], timeout_s: float) -> None:
        self._provider = provider
        self._http = http
        self._headers = headers
        self._timeout_s = timeout_s

    def exchange(self, request: Request) -> Response | Failure:
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
                response = self._begin(request, files)
                try:
                    return self._whole(response, request)
                finally:
                    response.close()
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, ConnectionFailed) as error:
            return hinting_at_proxies(failure(error, request, self._timeout_s))

    def _begin(self, request: Request, files: ExitStack) -> httpx.Response:
        if self._http.is_closed:
            raise ConfigurationError("This client has been closed; make another.")
        resolved = self._provider.resolve(request, self._headers)
        built = build(self._http, resolved, self._timeout_s, files)
        built.extensions["fresh"] = request.resend == "unaccepted"
        return self._http.send(built, stream=True, follow_redirects=False)

    def _whole(self, response: httpx.Response, request: Request) -> Response:
        body = Body(request, self._timeout_s, time.monotonic())
        body.expect(response.headers.get("content-length"))
        for chunk in body_chunks(response, request):
            body.add(chunk, time.monotonic())
        return replace(head_of(response, request), body=body.joined())

    def open(self, request: Request, stream: Stream[T], hold: Hold) -> Opened[T] | Response | Failure:
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
                response = hold.take(self._begin(request, files))
            head = head_of(response, request)
            if not response.is_success:
                whole = self._whole(response, request)
                response.close()
                return whole
            chunks = body_chunks(response, request)
            opened = Opened(request, response, chunks, stream.reader(head), self._timeout_s, [])
            opened.items = opened.read_on()
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, MaasError) as error:
            if response is not None:
                response.close()
            return hinting_at_proxies(failure(error, request, self._timeout_s))
        except BaseException:
            if response is not None:
                response.close()
            raise
        return opened
