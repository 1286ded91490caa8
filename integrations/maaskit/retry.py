"""When a request is sent again: policy and generator. This is the only retry layer of maaskit.

No clock, no socket, no sleep: the driver performs what the generator yields and tells it the time.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from maaskit.answers import error_from_status
from maaskit.errors import APIError, ConnectionFailed, InvalidInput, RateLimited, ServerError, StreamInterrupted
from maaskit.wire import Call, Failure, Request, Response, Sleep, Steps

T = TypeVar("T")

_YEAR_S = 365 * 24 * 3600
_RETRYABLE = frozenset({408, 409, 425, 429})


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Say how often, how long and how patiently a request is sent again.

    Args:
        max_retries: Further attempts after the first, 0 or more.
        max_total_s: Seconds, counted from the first attempt, after which no further attempt starts.
        first_delay_s: Upper end of the first random delay; it doubles from attempt to attempt.
        max_delay_s: Upper end of every random delay.
        max_retry_after_s: A longer Retry-After is not waited for: the error is raised with ``retry_after`` set.

    Raises:
        InvalidInput: A value is out of its range.
    """

    max_retries: int = 2
    max_total_s: float = 300.0
    first_delay_s: float = 0.5
    max_delay_s: float = 8.0
    max_retry_after_s: float = 60.0

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if isinstance(self.max_retries, bool) or not isinstance(self.max_retries, int) or self.max_retries < 0:
            raise InvalidInput(f"max_retries must be an int of 0 or more, not {self.max_retries!r:.100}.")
        for name in ("max_total_s", "first_delay_s", "max_delay_s", "max_retry_after_s"):
            value = getattr(self, name)
            if not is_seconds(value):
                raise InvalidInput(f"{name} must be a number of seconds of 0 or more, not {value!r:.100}.")

    def delay_s(self, attempt: int, chance: float) -> float:
        """Give the random delay before an attempt (full jitter).

        Args:
            attempt: 1 for the first retry.
            chance: A random number in [0, 1).

        Returns:
            Seconds.
        """
        # The exponent is bounded because 2.0**1024 overflows.
        return chance * min(self.max_delay_s, self.first_delay_s * 2.0 ** min(attempt - 1, 32))


def is_seconds(value: Any) -> bool:
    """Tell whether a value is a number of seconds that can be waited for.

    Args:
        value: Anything.

    Returns:
        Whether it is an int or float from 0 to a year.
    """
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _YEAR_S


def call_steps(call: Call[T], policy: RetryPolicy) -> Steps[T]:
    """Perform a call, again where the policy allows.

    Args:
        call: The call.
        policy: The policy.

    Returns:
        A generator that returns the call's answer.
    """
    return retrying(call.request, call.read, policy)


def retrying(
    request: Request,
    read: Callable[[Any], T],
    policy: RetryPolicy,
    chance: Callable[[], float] = random.random,
    *,
    judge: Callable[[Any], Any] | None = None,
    started_s: float = 0.0,
) -> Steps[T]:
    """Send a request, again where the policy allows.

    Args:
        request: The request.
        read: Turns a good answer into the result; an error that it raises under HTTP 200 counts as a refusal.
        policy: The policy.
        chance: Gives random numbers in [0, 1).
        judge: Raises for an answer that is a refusal and hands on any other; by default 2xx alone is no refusal.
        started_s: What the driver's count of elapsed seconds is now, in a conversation that began earlier.

    Yields:
        The request and, between two attempts, a Sleep.

    Returns:
        What ``read`` gives.

    Raises:
        MaasError: The last attempt's error.
    """
    for attempt in range(1, policy.max_retries + 2):
        outcome = yield request
        error: Exception
        wait_s: float | None = None
        if isinstance(outcome.answer, Failure):
            error = outcome.answer.error
            again = _is_passing(outcome.answer, request)
        else:
            try:
                return read((judge or _good)(outcome.answer))
            except APIError as refusal:
                error = refusal
                if isinstance(outcome.answer, Response):
                    wait_s = error.retry_after = retry_after_s(outcome.answer, outcome.date)
                again = is_retryable(error, request)
        delay_s = _delay_s(policy, attempt, wait_s, chance())
        if not again or attempt > policy.max_retries or delay_s is None:
            raise error
        if outcome.elapsed_s - started_s + delay_s > policy.max_total_s:
            raise error
        yield Sleep(delay_s)
    raise AssertionError  # pragma: no cover - the last attempt returns or raises


def is_retryable(error: APIError, request: Request) -> bool:
    """Tell whether a refusal is about the moment, so that the same request may succeed later.

    Args:
        error: The refusal.
        request: What was refused.

    Returns:
        ``True`` for 408, 409, 425, 429 and 5xx; for a request that starts paid or lasting work 429 alone, because only
        then the service cannot have accepted it.
    """
    if request.resend == "unaccepted":
        return isinstance(error, RateLimited)
    return isinstance(error, RateLimited | ServerError) or error.status in _RETRYABLE


def retry_after_s(response: Response, date: float) -> float | None:
    """Read how long the service asks to wait.

    Args:
        response: The refusal.
        date: The present, in seconds since the epoch.

    Returns:
        Seconds of 0 or more, from ``retry-after-ms``, or from ``retry-after`` in seconds or as a date; else ``None``.
    """
    milliseconds = _number(response.headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    text = response.headers.get("retry-after")
    seconds = _number(text)
    if seconds is not None or text is None:
        return seconds
    try:
        moment = parsedate_to_datetime(text)
        # A date without a zone is UTC, as all dates of HTTP are, not the local time that Python would take it for.
        moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        return max(0.0, moment.timestamp() - date)
    except (ValueError, TypeError, OverflowError):
        return None


def _is_passing(failure: Failure, request: Request) -> bool:
    if isinstance(failure.error, APIError):  # a stream whose first event was an error
        return is_retryable(failure.error, request)
    if not isinstance(failure.error, ConnectionFailed | StreamInterrupted):
        return False
    return request.resend == "always" or failure.accepted is False


def _good(answer: Any) -> Any:
    if isinstance(answer, Response) and not 200 <= answer.status < 300:
        raise error_from_status(answer)
    return answer


def _delay_s(policy: RetryPolicy, attempt: int, wait_s: float | None, chance: float) -> float | None:
    if wait_s is None:
        return policy.delay_s(attempt, chance)
    if wait_s > policy.max_retry_after_s:
        return None
    # A little more than asked for, so that many clients do not come back at the same instant.
    return wait_s + chance * min(0.1, policy.first_delay_s)


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else None
    except ValueError:
        return None
    return value if value is not None and math.isfinite(value) and value >= 0 else None
