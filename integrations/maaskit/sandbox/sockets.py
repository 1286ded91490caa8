"""Conversations over WebSockets: accepted, received with an idle limit, sent, recorded, spoiled by faults, closed.

What is said in them is decided by the handlers. A handler checks the handshake first, where a `RefusalError` still
becomes an HTTP answer, and then hands its conversation to `converse`::

    async def listen(request: web.Request) -> web.WebSocketResponse:
        require_query_key(request, "apikey")  # Qiniu's key is in the header, where the gate has checked it
        return await converse(request, _listen)


    async def _listen(socket: Socket) -> None:
        while (message := await socket.receive()) is not None:
            await socket.send_json({"heard": len(message)})
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from maaskit.sandbox.body_stream import CutError
from maaskit.sandbox.faults import IN_FORCE
from maaskit.sandbox.gate import RECORDED, has_key
from maaskit.sandbox.replies import RefusalError, json_bytes
from maaskit.sandbox.state import state_of

MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024
"""A larger message ends the conversation with code 1009."""

CLOSE_TIMEOUT_S: Final = 2.0
"""How long the other side's closing frame is waited for."""

MAX_REASON_BYTES: Final = 123
"""RFC 6455, 5.5: a control frame holds 125 bytes, two of them the code."""

logger = logging.getLogger(__name__)


class IdleError(Exception):
    """Nothing came for as long as a conversation may be silent; unless a handler catches it, it closes with 1008.

    Args:
        idle_s: How long that was, in seconds.
    """

    def __init__(self, idle_s: float) -> None:
        super().__init__(f"no message for {idle_s:g} s")
        self.idle_s = idle_s


class Socket:
    """One conversation that has been accepted; made by `converse`.

    One task may receive while others send.

    Args:
        request: The handshake.
        response: The prepared WebSocket.
    """

    def __init__(self, request: web.Request, response: web.WebSocketResponse) -> None:
        self.request = request
        self.response = response
        self._state = state_of(request)
        self._record = RECORDED.get()
        self._fault = IN_FORCE.get()
        self._received_bytes = 0
        self._sent = 0
        self._stalled = False
        self._sending = asyncio.Lock()

    async def receive(self, *, idle_s: float | None = None) -> str | bytes | None:
        """Wait for the next message; protocol pings do not count as one.

        Args:
            idle_s: How long to wait, in seconds; `SandboxState.socket_idle_s` by default.

        Returns:
            A text, bytes, or None once the other side has closed.

        Raises:
            IdleError: Nothing came in that time; the conversation may go on.
            CutError: The fault in force ends it here; the message that passes ``cut_after_bytes`` is lost.
        """
        limit = self._state.socket_idle_s if idle_s is None else idle_s
        try:
            message = await self._message(limit)
        except TimeoutError:
            try:
                message = await self._message(0)  # it may have come while the whole process stood still
            except TimeoutError:
                raise IdleError(limit) from None
        if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
            return None
        data: str | bytes = message.data if isinstance(message.data, str) else bytes(message.data)
        self._state.requests.note(self._record, data)
        await self._spoil_receiving(len(data if isinstance(data, bytes) else data.encode("utf-8", "replace")))
        return data

    async def send_json(self, value: Any) -> None:
        """Send a value as compact JSON in a text message.

        Args:
            value: What to write.

        Raises:
            CutError: The fault in force ends the conversation here.
        """
        await self.send_text(json_bytes(value).decode())

    async def send_text(self, text: str) -> None:
        """Send a text message.

        Args:
            text: What it says.

        Raises:
            CutError: The fault in force ends the conversation here.
        """
        await self._send(text)

    async def send_bytes(self, data: bytes) -> None:
        """Send a binary message.

        Args:
            data: Its bytes.

        Raises:
            CutError: The fault in force ends the conversation here.
        """
        await self._send(data)

    async def close(self, code: int = WSCloseCode.OK, reason: str = "") -> None:
        """Close in order; the second time nothing happens.

        Args:
            code: RFC 6455's status code.
            reason: Why, for people; cut to what a closing frame holds.
        """
        message = reason.encode("utf-8", "replace")[:MAX_REASON_BYTES].decode("utf-8", "ignore").encode()
        await self.response.close(code=code, message=message)

    async def _send(self, data: str | bytes) -> None:
        fault = self._fault
        async with self._sending:
            if fault.cut_after_events is not None and self._sent >= fault.cut_after_events:
                await self._cut()
            for _ in range(2 if fault.duplicate_events else 1):
                await self._write(data)
            self._sent += 1
            if self._sent == 1 and fault.garbage:
                await self._write(fault.garbage_bytes)
            if fault.error_event is not None and self._sent >= fault.error_after_events:
                await self._write(json_bytes(fault.error_event).decode())
                await self.close()
                raise CutError(self.response)

    async def _message(self, within_s: float) -> WSMessage:
        async with asyncio.timeout(within_s):
            return await self.response.receive()

    async def _write(self, data: str | bytes) -> None:
        await (self.response.send_str(data) if isinstance(data, str) else self.response.send_bytes(data))

    async def _spoil_receiving(self, size: int) -> None:
        fault = self._fault
        self._received_bytes += size
        if fault.stall_after_bytes is not None and not self._stalled and self._received_bytes > fault.stall_after_bytes:
            self._stalled = True
            await asyncio.sleep(fault.stall_s)
        if fault.cut_after_bytes is not None and self._received_bytes > fault.cut_after_bytes:
            await self._cut()

    async def _cut(self) -> None:
        if self._fault.clean:
            await self.close()
        elif self.request.transport is not None:
            self.request.transport.abort()
        raise CutError(self.response)


async def converse(request: web.Request, talk: Callable[[Socket], Awaitable[None]]) -> web.WebSocketResponse:
    """Accept a handshake and hold the conversation until it ends; then close it, with 1000 if nobody has yet.

    Args:
        request: The handshake, checked already.
        talk: Receives and sends; returning ends the conversation.

    Returns:
        The response that aiohttp wants.

    Raises:
        RefusalError: It is no handshake (400).
    """
    response = web.WebSocketResponse(timeout=CLOSE_TIMEOUT_S, max_msg_size=MAX_MESSAGE_BYTES)
    response.headers.update(IN_FORCE.get().extra_headers)
    if not response.can_prepare(request):
        raise RefusalError(400, "a WebSocket handshake is expected", code="websocket_expected")
    await response.prepare(request)
    socket = Socket(request, response)
    try:
        await talk(socket)
        await socket.close()
    except IdleError as idle:
        await socket.close(WSCloseCode.POLICY_VIOLATION, str(idle))
    except (CutError, ConnectionResetError):
        raise
    except Exception as error:  # the door to the outside: any breakdown must become a closing frame
        logger.exception("%s", request.path)
        await socket.close(WSCloseCode.INTERNAL_ERROR, f"the sandbox broke down: {type(error).__name__}")
    return response


def require_query_key(request: web.Request, name: str) -> None:
    """Let in who has the key in the handshake's query, as SophNet's sockets want it.

    Args:
        request: The handshake.
        name: The query's field; ``Bearer `` before the key is allowed.

    Raises:
        RefusalError: The key is missing or wrong (401).
    """
    key = request.query.get(name, "")
    if key.lower().startswith("bearer "):
        key = key[len("bearer ") :]
    if not has_key(state_of(request), key):
        raise RefusalError(401, f"the API key in {name} is missing or wrong", code="invalid_api_key", param=name)
