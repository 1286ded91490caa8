"""How a socket is opened: the handshake, what its refusals mean, and when it is tried again.

What is said over the socket is not known here.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    InvalidHandshake,
    InvalidMessage,
    InvalidProxy,
    InvalidStatus,
    ProxyError,
    WebSocketException,
)

from maaskit.errors import ConfigurationError, ConnectionFailed, MaasError, TimedOut, UnexpectedAnswer
from maaskit.failures import tls_hint
from maaskit.provider import Provider, Resolved
from maaskit.retry import RetryPolicy, retrying
from maaskit.session import Session
from maaskit.transport import hinting_at_proxies, ssl_context
from maaskit.wire import Failure, Outcome, Request, Response, Sleep

OPEN_TIMEOUT_S = 20.0
CLOSE_TIMEOUT_S = 2.0
_WAITING_MESSAGES = 16
_WAITING_BYTES = 64 * 1024

# The library's debug log prints the handshake's URL and headers, which hold the key. This logger stands outside the
# tree of loggers, so that no configuration of anybody's can open it.
_SILENCE = logging.Logger("maaskit.socket", logging.CRITICAL + 1)  # noqa: LOG001 - that is the point


@dataclass(frozen=True, slots=True)
class Line:
    """Be what a driver lends to its conversations.

    Args:
        provider: Whom to ask.
        policy: When a failed handshake is tried again.
        timeout_s: Seconds of silence, or of not being heard, that are a failure.
        headers: Further header fields, with the User-Agent.
    """

    provider: Provider
    policy: RetryPolicy
    timeout_s: float
    headers: Mapping[str, str] = field(repr=False)


async def dial(session: Session[Any, Any], line: Line) -> ClientConnection:
    """Open a conversation's socket, again where the policy allows.

    Args:
        session: What will be spoken.
        line: With whom, and how patiently.

    Returns:
        The open socket.

    Raises:
        APIError: The service refused.
        ConnectionFailed: It could not be reached.
    """
    steps = retrying(session.request, _same, line.policy)
    started = time.monotonic()
    outcome: Any = None
    with line.provider.discreet():
        while True:
            try:
                step = steps.send(outcome)
            except StopIteration as stop:
                return stop.value  # type: ignore[no-any-return]
            answer = None
            if isinstance(step, Sleep):
                await asyncio.sleep(step.seconds)
            else:
                answer = await _shake_hands(step, session, line)
            outcome = Outcome(answer, time.monotonic() - started, time.time())


class _Handshake(connect):
    """Shake hands with whom we called: a redirect could carry the key to somebody else."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


async def _shake_hands(
    request: Request, session: Session[Any, Any], line: Line
) -> ClientConnection | Response | Failure:
    resolved = line.provider.resolve(request, line.headers)
    timeout_s = min(line.timeout_s, OPEN_TIMEOUT_S)
    try:
        return await _Handshake(
            "ws" + resolved.url.removeprefix("http"),
            additional_headers=_headers(resolved),
            user_agent_header=None,  # it is among the headers
            compression=None,  # audio gains nothing by it
            open_timeout=timeout_s,
            ping_interval=None,  # the conversation pings itself: it knows when it does not listen
            close_timeout=CLOSE_TIMEOUT_S,
            max_size=session.max_frame_bytes,
            max_queue=_WAITING_MESSAGES,
            write_limit=_WAITING_BYTES,
            logger=_SILENCE,
            ssl=ssl_context() if resolved.url.startswith("https") else None,
        )
    except InvalidStatus as refusal:
        return _refused(refusal, request)
    except (OSError, WebSocketException, ImportError, ValueError) as error:  # ValueError: a host or port that is none
        return hinting_at_proxies(_failed(error, request, timeout_s))


class _Headers(dict[str, str]):
    """Be header fields that are not shown where an error report prints the variables of each frame."""

    def __repr__(self) -> str:
        return f"<{', '.join(self)}>"


def _headers(resolved: Resolved) -> _Headers:
    return _Headers({name: value for name, value in resolved.headers.items() if name.lower() != "accept"})


def _refused(refusal: InvalidStatus, request: Request) -> Response | Failure:
    answer = refusal.response
    if 200 <= answer.status_code < 300:
        return Failure(
            UnexpectedAnswer(
                f"{request.endpoint} answered {answer.status_code} in place of opening a socket; check base_url.",
                endpoint=request.endpoint,
            )
        )
    headers = {name.lower(): value for name, value in answer.headers.raw_items()}
    return Response(answer.status_code, headers, bytes(answer.body or b""), request.endpoint)


def _failed(error: Exception, request: Request, timeout_s: float) -> Failure:
    """Say what a handshake without an answer means; the library's errors may quote the URL, ours do not."""
    name, kind = request.endpoint, type(error).__name__
    made: MaasError
    if isinstance(error, TimeoutError):
        made = TimedOut(f"{name} opened no socket within {timeout_s:g} s.")
    elif isinstance(error, OSError):
        why = f"{error.strerror or kind}).{tls_hint(error)}"
        made = ConnectionFailed(f"No socket could be opened to {name} ({why}", accepted=False)
    elif isinstance(error, ProxyError):
        made = ConnectionFailed(f"The proxy refused a connection to {name} ({kind}).", accepted=False)
    elif isinstance(error, InvalidProxy | ImportError):
        made = ConfigurationError(
            f"The proxy that the environment names cannot carry a socket to {name} ({kind}): write it as "
            "http://127.0.0.1:7890; a SOCKS proxy needs the package python-socks."
        )
    elif isinstance(error, InvalidMessage):
        made = ConnectionFailed(f"The connection to {name} ended during the handshake.")
    elif isinstance(error, InvalidHandshake):
        made = UnexpectedAnswer(f"{name} does not speak WebSocket as it should ({kind}).", endpoint=name)
    else:
        made = ConfigurationError(
            f"A socket to {name} cannot be opened ({kind}): see whether base_url, or the proxy that the environment "
            "names, has a host and port that can be."
        )
    return Failure(made, getattr(made, "accepted", None))


def _same(answer: Any) -> Any:
    return answer
