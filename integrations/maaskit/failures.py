"""What the failures of an exchange mean, in the words of our own errors.

Whether a request is sent again is decided elsewhere (``retry``).
"""

from __future__ import annotations

from typing import Any

import httpx

from maaskit.errors import (
    ConfigurationError,
    ConnectionFailed,
    MaasError,
    StreamInterrupted,
    StreamTimedOut,
    TimedOut,
    UnexpectedAnswer,
)
from maaskit.wire import Failure, Request, StreamReader

# What these mean: nothing of the request has reached the service.
_NOT_ACCEPTED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)

# What TLS complains of, in the words of OpenSSL's several versions, and what may help.
_UNTRUSTED = (
    " The certificate is not trusted here: where a company's network or a proxy puts its own in the way, name the file "
    "of its authority in SSL_CERT_FILE."
)
_NO_TLS = " Nobody speaks TLS there: see whether the URL should begin with http://."
_TLS_HINTS = {
    "CERTIFICATE_VERIFY_FAILED": _UNTRUSTED,
    "WRONG_VERSION_NUMBER": _NO_TLS,
    "RECORD_LAYER_FAILURE": _NO_TLS,
}


def tls_hint(error: Exception) -> str:
    """Say what may help where TLS could not be agreed upon.

    Args:
        error: What was raised.

    Returns:
        A sentence with a blank before it, or nothing.
    """
    said = str(error).upper()
    return next((hint for word, hint in _TLS_HINTS.items() if word in said), "")


def failure(error: Exception, request: Request, timeout_s: float) -> Failure:
    """Say what a failed exchange means.

    Args:
        error: What httpx, or maaskit while reading, raised.
        request: What was asked.
        timeout_s: The time-out in force.

    Returns:
        The failure. httpx's own error is not kept, because it holds the request and with it the key.
    """
    if isinstance(error, MaasError):
        return Failure(error, getattr(error, "accepted", None))
    accepted = False if isinstance(error, _NOT_ACCEPTED) else None
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if isinstance(error, httpx.TimeoutException):
        return Failure(
            TimedOut(
                f"{request.endpoint} did not answer within timeout={timeout_s:g} s ({type(error).__name__}).",
                accepted=accepted,
            ),
            accepted,
        )
    if isinstance(error, httpx.DecodingError):
        return Failure(
            UnexpectedAnswer(f"The answer of {request.endpoint} is damaged ({what}).", endpoint=request.endpoint)
        )
    # Hosts that are none are found by httpx, or by what turns a name into ASCII or an address.
    if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL | httpx.LocalProtocolError | UnicodeError):
        return Failure(
            ConfigurationError(f"The request to {request.endpoint} cannot be sent ({what})."), accepted=False
        )
    return Failure(
        ConnectionFailed(f"The connection for {request.endpoint} failed ({what}).{tls_hint(error)}", accepted=accepted),
        accepted,
    )


def interruption(error: Exception, request: Request, timeout_s: float, reader: StreamReader[Any]) -> MaasError:
    """Make the error for a stream that broke after its first event.

    Args:
        error: What httpx, or maaskit while reading, raised.
        request: What was asked.
        timeout_s: The time-out in force.
        reader: Knows what had come.

    Returns:
        The error, with what had come.
    """
    if isinstance(error, UnexpectedAnswer) and error.partial is None:
        error.partial = reader.partial()
    if isinstance(error, MaasError):
        return error
    if isinstance(error, httpx.TimeoutException):
        return stalled(request, timeout_s, reader)
    return StreamInterrupted(
        f"The stream of {request.endpoint} broke off ({type(error).__name__}); what came is in the error's `partial`.",
        partial=reader.partial(),
    )


def stalled(request: Request, timeout_s: float, reader: StreamReader[Any]) -> StreamTimedOut:
    """Make the error for a stream that went silent; heartbeats without an event count as silence.

    Args:
        request: What was asked.
        timeout_s: The time-out in force.
        reader: Knows what had come.

    Returns:
        The error, with what had come.
    """
    return StreamTimedOut(
        f"The stream of {request.endpoint} brought nothing for timeout={timeout_s:g} s; "
        "what came is in the error's `partial`.",
        partial=reader.partial(),
    )
