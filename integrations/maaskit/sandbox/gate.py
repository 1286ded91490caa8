"""What every request passes on its way in and every answer on its way out.

Recording, faults, the key, and the shape of errors; no endpoint is known here.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Final

from aiohttp import web
from multidict import CIMultiDict, MultiDict

from maaskit.sandbox.body_stream import CutError, resend
from maaskit.sandbox.faults import IN_FORCE, NO_FAULT, Fault
from maaskit.sandbox.record import RecordedRequest
from maaskit.sandbox.replies import (
    QINIU_PREFIX,
    SOPHNET_PREFIX,
    RefusalError,
    json_bytes,
    refusal_reply,
)
from maaskit.sandbox.state import SandboxState, state_of

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

logger = logging.getLogger(__name__)

RECORDED: Final[ContextVar[RecordedRequest]] = ContextVar("maaskit.sandbox.recorded")
"""The record of the request that the running task answers."""

PUBLIC_ROUTES: Final = "/-/"
"""Paths under this prefix (pictures, sounds, pages that the sandbox itself made) need no key."""


@web.middleware
async def record(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Take the body in, write the request down, and note how it ended."""
    too_large = None
    try:
        body = await request.read()
    except web.HTTPRequestEntityTooLarge:
        body, too_large = b"", RefusalError(413, "the request body is larger than the sandbox takes")
    entry = RecordedRequest(
        request.method, request.path, MultiDict(request.query), CIMultiDict(request.headers), bytes(body)
    )
    state_of(request).requests.add(entry)
    RECORDED.set(entry)
    status, gone = None, True
    try:
        response = refusal_reply(request, too_large) if too_large else await handler(request)
        status, gone = response.status, False
    except CutError as cut:
        gone = False
        # Its connection is closed or its body has ended, so that nothing of this is written.
        status = cut.response.status if cut.response else None
        return cut.response or web.Response()
    except ConnectionResetError:
        return web.Response()  # nobody is there to read it
    else:
        return response
    finally:
        entry.end(status=status, disconnected=gone)


@web.middleware
async def spoil(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let the fault that fits this request have its way."""
    fault = state_of(request).faults.take(request.method, request.path)
    token = IN_FORCE.set(fault)
    try:
        if fault is NO_FAULT:
            return await handler(request)
        return await _spoiled(request, handler, fault)
    finally:
        IN_FORCE.reset(token)


async def _spoiled(request: web.Request, handler: Handler, fault: Fault) -> web.StreamResponse:
    if fault.stall_s and fault.stall_after_bytes is None:
        await asyncio.sleep(fault.stall_s)
    if fault.drop:
        if request.transport is not None:
            request.transport.abort()
        raise CutError
    response = _fault_reply(request, fault) if fault.answers else await handler(request)
    if isinstance(response, web.Response) and not response.prepared:
        response.headers.update(fault.extra_headers)
        if fault.spoils_body:
            return await resend(request, response)
    return response


def _fault_reply(request: web.Request, fault: Fault) -> web.Response:
    if fault.body is None:
        return refusal_reply(request, RefusalError(fault.status or 500, fault.message, code="injected"))
    if isinstance(fault.body, bytes):
        return web.Response(body=fault.body, status=fault.status or 200)
    if isinstance(fault.body, str):
        return web.Response(text=fault.body, status=fault.status or 200)
    return web.Response(body=json_bytes(fault.body), status=fault.status or 200, content_type="application/json")


@web.middleware
async def shape_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Write every refusal, wrong path and breakdown in the shape of the cloud that was asked."""
    try:
        return await handler(request)
    except RefusalError as refusal:
        return refusal_reply(request, refusal)
    except web.HTTPException as error:
        message = f"{error.reason}: {request.method} {request.path}"
        return refusal_reply(request, RefusalError(error.status, message, code=f"http_{error.status}"))
    except (ConnectionResetError, CutError):
        raise
    except Exception as error:  # the door to the outside: any breakdown must become an answer
        logger.exception("%s %s", request.method, request.path)
        if request.writer.output_size and request.transport is not None:
            request.transport.abort()  # the head is out: only a lost connection can still tell
            raise CutError from error
        return refusal_reply(request, RefusalError(500, f"the sandbox broke down: {type(error).__name__}: {error}"))


@web.middleware
async def check_key(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let in who has the key; SophNet's sockets carry it in their query and check it themselves."""
    is_cloud = request.path.startswith((SOPHNET_PREFIX, QINIU_PREFIX))
    is_socket = request.headers.get("Upgrade", "").lower() == "websocket"
    if is_cloud and not (is_socket and request.path.startswith(SOPHNET_PREFIX)):
        check_bearer(request)
    return await handler(request)


def check_bearer(request: web.Request) -> None:
    """Refuse a request whose Authorization does not carry the key.

    Args:
        request: The request in hand.

    Raises:
        RefusalError: The key is missing or wrong (401).
    """
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not has_key(state_of(request), key):
        raise RefusalError(401, "the API key is missing or wrong", code="invalid_api_key")


def has_key(state: SandboxState, key: str) -> bool:
    """Compare a key with the sandbox's own.

    Args:
        state: The sandbox.
        key: What the request carried.

    Returns:
        Whether it is the right one.
    """
    return hmac.compare_digest(key.encode("utf-8", "replace"), state.api_key.encode())


MIDDLEWARES: Final = (record, spoil, shape_errors, check_key)
"""Outermost first."""
