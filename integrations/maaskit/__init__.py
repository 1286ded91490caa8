"""maaskit: the Qiniu and SophNet model clouds for Python, LangChain and LlamaIndex.

Names are loaded at their first use, so that importing the package costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from maaskit import qiniu, sophnet
    from maaskit.async_client import AsyncClient
    from maaskit.client import Client
    from maaskit.errors import (
        APIError,
        AuthenticationFailed,
        BadRequest,
        ConfigurationError,
        ConnectionFailed,
        ContextOverflow,
        InsufficientBalance,
        InvalidInput,
        LimitReached,
        MaasError,
        NotFound,
        PermissionDenied,
        RateLimited,
        ServerError,
        SessionError,
        SessionTimedOut,
        StreamInterrupted,
        StreamTimedOut,
        TaskCanceled,
        TaskError,
        TaskFailed,
        TaskTimeout,
        TimedOut,
        UnexpectedAnswer,
    )
    from maaskit.media import Media
    from maaskit.provider import Qiniu, SophNet
    from maaskit.retry import RetryPolicy
    from maaskit.task import TaskPhase

__version__ = "0.1.0"

__all__ = [
    "APIError",
    "AsyncClient",
    "AuthenticationFailed",
    "BadRequest",
    "Client",
    "ConfigurationError",
    "ConnectionFailed",
    "ContextOverflow",
    "InsufficientBalance",
    "InvalidInput",
    "LimitReached",
    "MaasError",
    "Media",
    "NotFound",
    "PermissionDenied",
    "Qiniu",
    "RateLimited",
    "RetryPolicy",
    "ServerError",
    "SessionError",
    "SessionTimedOut",
    "SophNet",
    "StreamInterrupted",
    "StreamTimedOut",
    "TaskCanceled",
    "TaskError",
    "TaskFailed",
    "TaskPhase",
    "TaskTimeout",
    "TimedOut",
    "UnexpectedAnswer",
    "qiniu",
    "sophnet",
]

_HOMES = {
    "AsyncClient": "async_client",
    "Client": "client",
    "Media": "media",
    "Qiniu": "provider",
    "RetryPolicy": "retry",
    "SophNet": "provider",
    "TaskPhase": "task",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in ("qiniu", "sophnet"):
        return importlib.import_module(f"{__name__}.{name}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES.get(name, 'errors')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
