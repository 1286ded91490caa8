"""How a body travels: piece by piece, and badly when a fault is in force.

What the pieces say is none of its business.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Self

from aiohttp import web

from maaskit.sandbox.faults import IN_FORCE


class CutError(Exception):
    """The answer ends here, because a fault says so.

    Args:
        response: The answer so far; None when not even its head was sent.
    """

    def __init__(self, response: web.StreamResponse | None = None) -> None:
        super().__init__("cut by a fault")
        self.response = response


class BodyStream:
    """Write a body as the fault in force wants it; every handler that streams uses this.

    Use it as an async context manager: leaving it ends the body.

    Args:
        request: The request that is answered.
        headers: The answer's header fields, Content-Type among them.
        status: HTTP status.
    """

    def __init__(self, request: web.Request, headers: Mapping[str, str], status: int = 200) -> None:
        self._request = request
        self._fault = IN_FORCE.get()
        self.response = web.StreamResponse(status=status, headers={**headers, **self._fault.extra_headers})
        self._bytes = 0
        self._events = 0

    async def __aenter__(self) -> Self:
        """Send the head."""
        await self.response.prepare(self._request)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """End the body, unless something went wrong; a clean cut is an end as well."""
        if kind is None or (kind is CutError and self._fault.clean):
            await self.response.write_eof()

    async def event(self, data: bytes) -> None:
        """Write one event of a stream: a line with its separator, a frame.

        Args:
            data: The event's bytes.

        Raises:
            CutError: The fault in force ends the body here.
        """
        fault = self._fault
        if fault.cut_after_events is not None and self._events >= fault.cut_after_events:
            self._cut()
        for _ in range(2 if fault.duplicate_events else 1):
            await self.write(data)
        self._events += 1
        if self._events == 1 and fault.garbage:
            await self.write(fault.garbage_bytes)

    @property
    def error_is_due(self) -> bool:
        """Tell whether the fault's own error event comes next and ends the stream."""
        return self._fault.error_event is not None and self._events >= self._fault.error_after_events

    async def write(self, data: bytes) -> None:
        """Write a piece of the body.

        Args:
            data: The bytes.

        Raises:
            CutError: The fault in force ends the body here.
        """
        fault = self._fault
        if fault.cut_after_bytes is not None and self._bytes + len(data) > fault.cut_after_bytes:
            await self._pass(data[: fault.cut_after_bytes - self._bytes])
            self._cut()
        await self._pass(data)

    async def _pass(self, data: bytes) -> None:
        fault = self._fault
        stop = fault.stall_after_bytes
        if stop is not None and self._bytes <= stop < self._bytes + len(data):
            head = stop - self._bytes
            await self._send(data[:head])
            await asyncio.sleep(fault.stall_s)
            data = data[head:]
        await self._send(data)

    async def _send(self, data: bytes) -> None:
        fault = self._fault
        step = fault.drip_bytes if fault.drip_s else max(len(data), 1)
        for start in range(0, len(data), step):
            piece = data[start : start + step]
            await self.response.write(piece)
            self._bytes += len(piece)
            if fault.drip_s:
                await asyncio.sleep(fault.drip_s)

    def _cut(self) -> None:
        if not self._fault.clean and self._request.transport is not None:
            self._request.transport.close()
        raise CutError(self.response)


async def resend(request: web.Request, whole: web.Response) -> web.StreamResponse:
    """Send a whole answer the way the fault in force spoils it.

    Args:
        request: The request that is answered.
        whole: The answer that a handler made.

    Returns:
        The response that was sent.

    Raises:
        CutError: The fault ends the body early.
    """
    fault = IN_FORCE.get()
    body = whole.body if isinstance(whole.body, bytes | bytearray) else b""
    data = fault.garbage_bytes or bytes(body)
    headers = {name: value for name, value in whole.headers.items() if name.lower() != "content-length"}
    stream = BodyStream(request, headers, whole.status)
    if not fault.clean:
        stream.response.content_length = len(data)
    async with stream:
        await stream.write(data)
    return stream.response
