"""The arguments that both drivers take, checked before anything is sent.

Nothing is sent or waited for here; what a single endpoint takes is checked where it stands.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from maaskit import __version__
from maaskit.errors import InvalidInput
from maaskit.retry import RetryPolicy
from maaskit.session import Session
from maaskit.task import Task
from maaskit.wire import Call, Flow, Stream

T = TypeVar("T")

# Qiniu's gateway refuses the default agents of some libraries (wire-facts A.0), so maaskit always names itself.
USER_AGENT = f"maaskit/{__version__} python/{platform.python_version()}"

DEFAULT_TIMEOUT_S = 120.0
_LONGEST_TIMEOUT_S = 30 * 24 * 3600  # what every operating system's clock takes
_VERBS: tuple[tuple[type, str], ...] = (
    (Call, "send"),
    (Flow, "send"),
    (Stream, "stream"),
    (Task, "wait"),
    (Task, "submit"),
    (Session, "connect"),
)
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# How a message is cut out of the stream of bytes is the transport's business.
_OWN_HEADERS = frozenset({"content-length", "transfer-encoding"})


def checked_timeout(timeout: float | None) -> float:
    """Check the ``timeout`` argument.

    Args:
        timeout: Seconds above 0, or ``None`` for the default of 120.

    Returns:
        Seconds.

    Raises:
        InvalidInput: It is no such number.
    """
    if timeout is None:
        return DEFAULT_TIMEOUT_S
    number = isinstance(timeout, int | float) and not isinstance(timeout, bool)
    if not number or not 0 < timeout <= _LONGEST_TIMEOUT_S:  # NaN is refused as well
        raise InvalidInput(
            f"timeout must be a number of seconds above 0, at most {_LONGEST_TIMEOUT_S}, not {timeout!r:.100}."
        )
    return float(timeout)


def checked_policy(policy: RetryPolicy | None) -> RetryPolicy:
    """Check the ``retry_policy`` argument.

    Args:
        policy: The policy, or ``None`` for the default one.

    Returns:
        A policy.

    Raises:
        InvalidInput: It is something else.
    """
    if policy is not None and not isinstance(policy, RetryPolicy):
        raise InvalidInput(f"retry_policy must be a RetryPolicy, not {type(policy).__name__}.")
    return policy or RetryPolicy()


def checked_headers(headers: Mapping[str, str] | None) -> dict[str, str]:
    """Check the ``default_headers`` argument.

    Args:
        headers: Further header fields for every request.

    Returns:
        A copy, with maaskit's User-Agent unless another is named.

    Raises:
        InvalidInput: A name or value is no printable ASCII text, or a field is one that every request has of its own.
    """
    checked: dict[str, str] = {}
    if headers is not None and not isinstance(headers, Mapping):
        raise InvalidInput(f"default_headers must be a mapping, not {type(headers).__name__}.")
    for name, value in (headers or {}).items():
        texts = isinstance(name, str) and isinstance(value, str)
        if not texts or not _HEADER_NAME.fullmatch(name) or not value.isascii() or not value.isprintable():
            raise InvalidInput("default_headers must be a mapping of printable ASCII names and values.")
        if name.lower() in _OWN_HEADERS:
            raise InvalidInput(f"default_headers must leave {name} to each request.")
        checked[name] = value
    if not any(name.lower() == "user-agent" for name in checked):
        checked["User-Agent"] = USER_AGENT
    return checked


def check_verb(value: Any, verb: str) -> None:
    """Refuse what a client's method does not perform.

    Args:
        value: What was handed to the method.
        verb: The method's name.

    Raises:
        InvalidInput: It is something else; the message says which method takes it.
    """
    verbs = [name for kind, name in _VERBS if isinstance(value, kind)]
    if verb not in verbs:
        other = f" Hand it to client.{verbs[0]}." if verbs else ""
        raise InvalidInput(f"client.{verb} does not take what is of the type {type(value).__name__}.{other}")


def checked_calls(calls: Iterable[T]) -> Iterable[T]:
    """Check the ``calls`` argument.

    Args:
        calls: What to ask.

    Returns:
        The same.

    Raises:
        InvalidInput: It cannot be iterated over.
    """
    if not isinstance(calls, Iterable):
        raise InvalidInput(
            f"calls must be several calls, such as a list of them, not {type(calls).__name__}. A single one goes to "
            "client.send."
        )
    return calls


def checked_concurrency(concurrency: int) -> int:
    """Check the ``concurrency`` argument.

    Args:
        concurrency: How many calls are under way at most.

    Returns:
        The same.

    Raises:
        InvalidInput: It is no int of 1 or more.
    """
    if isinstance(concurrency, bool) or not isinstance(concurrency, int) or concurrency < 1:
        raise InvalidInput(f"concurrency must be an int of at least 1, not {concurrency!r:.100}.")
    return concurrency
