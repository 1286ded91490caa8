"""Each error of maaskit as a ``ModelError`` of langchain-core as well, so that middleware retries the right ones.

No error is found or worded here: the tree stands in ``maaskit.errors``.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any

from langchain_core import exceptions as core
from langchain_core.exceptions import ModelError

from maaskit import errors

_Refusal: type[ModelError] = getattr(core, "ModelRefusalError", ModelError)  # langchain-core 1.7.5 and later


class MaasModelError(errors.MaasError, ModelError):
    """Be a ``MaasError`` that LangChain knows."""


class ConfigurationModelError(errors.ConfigurationError, ModelError):
    """Be a ``ConfigurationError`` that LangChain knows; it is not worth a retry."""


class InvalidInputModelError(errors.InvalidInput, core.ModelInvalidRequestError):
    """Be an ``InvalidInput`` that LangChain knows; it is not worth a retry."""


class LimitReachedModelError(errors.LimitReached, ModelError):
    """Be a ``LimitReached`` that LangChain knows; it is not worth a retry."""


class ConnectionFailedModelError(errors.ConnectionFailed, core.ModelConnectionError):
    """Be a ``ConnectionFailed`` that LangChain knows."""


class TimedOutModelError(errors.TimedOut, core.ModelTimeoutError):
    """Be a ``TimedOut`` that LangChain knows."""


class APIModelError(errors.APIError, ModelError):
    """Be an ``APIError`` that LangChain knows; worth a retry when the status (408, 409, 425) is about the moment."""


class AuthenticationFailedModelError(errors.AuthenticationFailed, core.ModelAuthenticationError):
    """Be an ``AuthenticationFailed`` that LangChain knows."""


class PermissionDeniedModelError(errors.PermissionDenied, core.ModelPermissionDeniedError):
    """Be a ``PermissionDenied`` that LangChain knows."""


class InsufficientBalanceModelError(errors.InsufficientBalance, ModelError):
    """Be an ``InsufficientBalance`` that LangChain knows; it is not worth a retry."""


class BadRequestModelError(errors.BadRequest, core.ModelInvalidRequestError):
    """Be a ``BadRequest`` that LangChain knows."""


class ContextOverflowModelError(errors.ContextOverflow, core.ContextOverflowError):
    """Be a ``ContextOverflow`` that LangChain knows: summarising middleware shortens the history and asks again."""


class NotFoundModelError(errors.NotFound, core.ModelNotFoundError):
    """Be a ``NotFound`` that LangChain knows."""


class RateLimitedModelError(errors.RateLimited, core.ModelRateLimitError):
    """Be a ``RateLimited`` that LangChain knows."""


class ServerModelError(errors.ServerError, core.ModelAPIError):
    """Be a ``ServerError`` that LangChain knows."""


class UnexpectedAnswerModelError(errors.UnexpectedAnswer, ModelError):
    """Be an ``UnexpectedAnswer`` that LangChain knows."""


class StreamInterruptedModelError(errors.StreamInterrupted, core.ModelConnectionError):
    """Be a ``StreamInterrupted`` that LangChain knows; ``partial`` is an ``AIMessageChunk``."""


class StreamTimedOutModelError(errors.StreamTimedOut, core.ModelTimeoutError):
    """Be a ``StreamTimedOut`` that LangChain knows; ``partial`` is an ``AIMessageChunk``."""


class TaskModelError(errors.TaskError, ModelError):
    """Be a ``TaskError`` that LangChain knows."""


class TaskFailedModelError(errors.TaskFailed, ModelError):
    """Be a ``TaskFailed`` that LangChain knows."""


class TaskCanceledModelError(errors.TaskCanceled, ModelError):
    """Be a ``TaskCanceled`` that LangChain knows."""


class TaskTimeoutModelError(errors.TaskTimeout, core.ModelTimeoutError):
    """Be a ``TaskTimeout`` that LangChain knows; asking anew would start, and bill, the work again."""

    is_retryable = False


class SessionModelError(errors.SessionError, ModelError):
    """Be a ``SessionError`` that LangChain knows."""


class SessionTimedOutModelError(errors.SessionTimedOut, core.ModelTimeoutError):
    """Be a ``SessionTimedOut`` that LangChain knows."""


class AnswerRefused(errors.MaasError, _Refusal):  # type: ignore[valid-type,misc]  # one of two classes, by version
    """Say that the model declined to give the structured answer.

    Attributes:
        raw_message: The message with the refusal.
    """

    _details = ("raw_message",)
    raw_message: Any


class AnswerCutOff(errors.MaasError, core.OutputParserException):
    """Say that an answer ended at its length limit, so that nothing can be read from it.

    Attributes:
        llm_output: The text that came.
    """

    _details = ("llm_output", "observation", "send_to_llm")
    llm_output: str | None
    observation: str | None
    send_to_llm: bool


_KIN: dict[type[errors.MaasError], type[errors.MaasError]] = {
    errors.MaasError: MaasModelError,
    errors.ConfigurationError: ConfigurationModelError,
    errors.InvalidInput: InvalidInputModelError,
    errors.LimitReached: LimitReachedModelError,
    errors.ConnectionFailed: ConnectionFailedModelError,
    errors.TimedOut: TimedOutModelError,
    errors.APIError: APIModelError,
    errors.AuthenticationFailed: AuthenticationFailedModelError,
    errors.PermissionDenied: PermissionDeniedModelError,
    errors.InsufficientBalance: InsufficientBalanceModelError,
    errors.BadRequest: BadRequestModelError,
    errors.ContextOverflow: ContextOverflowModelError,
    errors.NotFound: NotFoundModelError,
    errors.RateLimited: RateLimitedModelError,
    errors.ServerError: ServerModelError,
    errors.UnexpectedAnswer: UnexpectedAnswerModelError,
    errors.StreamInterrupted: StreamInterruptedModelError,
    errors.StreamTimedOut: StreamTimedOutModelError,
    errors.TaskError: TaskModelError,
    errors.TaskFailed: TaskFailedModelError,
    errors.TaskCanceled: TaskCanceledModelError,
    errors.TaskTimeout: TaskTimeoutModelError,
    errors.SessionError: SessionModelError,
    errors.SessionTimedOut: SessionTimedOutModelError,
}


def model_error(error: errors.MaasError) -> errors.MaasError:
    """Give an error of maaskit as one that LangChain knows too.

    Args:
        error: Any error of the tree.

    Returns:
        An error of a class that is both; one that is already is returned as it is.
    """
    if isinstance(error, ModelError):
        return error
    kind = next(_KIN[ancestor] for ancestor in type(error).__mro__ if ancestor in _KIN)
    made = kind(error.message)
    made.__dict__.update(error.__dict__)  # its attributes and its notes
    if kind is APIModelError:
        made.is_retryable = getattr(error, "status", None) in (408, 409, 425)  # type: ignore[attr-defined]
    return made


class ModelErrors:
    """Turn the errors of maaskit that pass into errors that LangChain knows; a context manager.

    Args:
        partial: Turns what a stream had brought into a message chunk; by default it stays as it is.
    """

    __slots__ = ("_partial",)

    def __init__(self, partial: Callable[[Any], Any] | None = None) -> None:
        self._partial = partial

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raise the other error in place of the one that passes."""
        if not isinstance(error, errors.MaasError) or isinstance(error, ModelError):
            return
        made = model_error(error)
        partial = getattr(made, "partial", None)
        if partial is not None and self._partial is not None:
            made.partial = self._partial(partial)  # type: ignore[attr-defined]
        raise made.with_traceback(trace) from error.__cause__
