"""The error tree: everything that maaskit raises on purpose.

No knowledge of the wire, of a framework or of a transport belongs here.

An error names the argument, the limit, the size and the way out. It never carries the key, a URL with a key in it, or
the content that was sent. Every error can be pickled and copied, because errors travel between processes.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self


class MaasError(Exception):
    """Be the root of every error of maaskit.

    Args:
        message: What happened and what to do about it.
        **details: Attributes of the particular class, named in ``_details``.

    Attributes:
        message: The same text that ``str()`` gives.
        task_id: Set when a task goes on at the service although this error ended the waiting for it.
    """

    _details: ClassVar[tuple[str, ...]] = ()
    message: str
    task_id: str | None = None

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        unknown = set(details) - set(self._details)
        if unknown:
            msg = f"{type(self).__name__} takes no {', '.join(sorted(unknown))}"
            raise TypeError(msg)
        for name in self._details:
            setattr(self, name, details.get(name))

    def about(self, subject: str) -> Self:
        """Put what the error is about before its message, in place; once is enough.

        Args:
            subject: Such as the name of a file among many.

        Returns:
            The same error.
        """
        if subject not in self.message:
            self.message = f"{subject}: {self.message}"
            self.args = (self.message, *self.args[1:])
        return self

    def with_hint(self, hint: str) -> Self:
        """Put what may help behind its message, in place; once is enough.

        Args:
            hint: A sentence, or nothing.

        Returns:
            The same error.
        """
        if hint not in self.message:
            self.message = f"{self.message} {hint}"
            self.args = (self.message, *self.args[1:])
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Rebuild from the message and the attributes: keyword-only arguments defeat the default."""
        return _rebuild, (type(self), self.message), self.__dict__


def _rebuild(kind: type[MaasError], message: str) -> MaasError:
    return kind(message)


class ConfigurationError(MaasError):
    """Say that a key, an id or an extra is missing or contradictory; the message names the variable."""


class InvalidInput(MaasError, ValueError):
    """Say that an argument was refused before anything was sent; the message names it, its limit and the way out."""


class LimitReached(MaasError):
    """Say that a limit that the user set, such as a tool's ``max_calls``, is used up; nothing was sent."""


class ConnectionFailed(MaasError):
    """Say that the service could not be reached, or that the connection broke before the answer was whole.

    Attributes:
        accepted: ``False`` when the service cannot have seen the request, ``None`` when nobody knows.
    """

    _details: ClassVar[tuple[str, ...]] = ("accepted",)
    accepted: bool | None


class TimedOut(ConnectionFailed):
    """Say that the service did not answer, or did not go on, within ``timeout`` seconds."""


class APIError(MaasError):
    """Carry a refusal by the service.

    Attributes:
        status: HTTP status, or the status that an error under HTTP 200 stands for, or ``None``.
        code: The service's own code, if it gave one.
        request_id: The service's id of the request, to quote to its support.
        retry_after: Seconds the service asked to wait, if it did.
        partial: What a stream had brought before an error event ended it, in the type of the face that streamed.
    """

    _details: ClassVar[tuple[str, ...]] = ("status", "code", "request_id", "retry_after", "partial")
    status: int | None
    code: str | None
    request_id: str | None
    retry_after: float | None
    partial: Any

    @property
    def status_code(self) -> int | None:
        """Give ``status`` under the name that HTTP libraries use."""
        return self.status


class AuthenticationFailed(APIError):
    """Say that the key was not accepted (401)."""


class PermissionDenied(APIError):
    """Say that the key may not do this, or that a gateway refused the client (403)."""


class InsufficientBalance(APIError):
    """Say that the account has no balance or quota left (402)."""


class BadRequest(APIError):
    """Say that the service found the request wrong (400, 422, and other 4xx without a class of their own)."""


class ContextOverflow(BadRequest):
    """Say that the prompt is longer than the model's context window."""


class NotFound(APIError):
    """Say that the model, task or path does not exist (404)."""


class RateLimited(APIError):
    """Say that too many requests were made (429); ``retry_after`` holds the seconds to wait, if they were given."""


class ServerError(APIError):
    """Say that the service failed (5xx)."""


class UnexpectedAnswer(MaasError):
    """Say that an answer could not be read.

    Attributes:
        endpoint: The path that was asked.
        excerpt: The beginning of the answer, at most 500 characters, the key scrubbed out.
        partial: What a stream had brought before, in the type of the face that streamed.
    """

    _details: ClassVar[tuple[str, ...]] = ("endpoint", "excerpt", "partial")
    endpoint: str | None
    excerpt: str | None
    partial: Any


class StreamInterrupted(MaasError):
    """Say that a stream broke off before its end.

    Attributes:
        partial: What had come until then, in the type of the face that streamed.
    """

    _details: ClassVar[tuple[str, ...]] = ("partial",)
    partial: Any


class StreamTimedOut(StreamInterrupted, TimedOut):
    """Say that a stream went silent: no event came for ``timeout`` seconds."""

    _details: ClassVar[tuple[str, ...]] = ("partial", "accepted")


class TaskError(MaasError):
    """Say that a task did not bring its result.

    Attributes:
        task_id: The service's id of the task; ``resume(task_id)`` looks for its result again.
        code: The service's own code, if it gave one.
    """

    _details: ClassVar[tuple[str, ...]] = ("task_id", "code")
    task_id: str | None
    code: str | None


class TaskFailed(TaskError):
    """Say that the service gave the task up."""


class TaskCanceled(TaskError):
    """Say that the task was cancelled."""


class TaskTimeout(TaskError):
    """Say that the task was still running at the deadline; it goes on, and ``resume(task_id)`` collects it later."""


class SessionError(MaasError):
    """Say that a conversation over a socket ended wrongly.

    Attributes:
        code: The service's own code, if it gave one.
    """

    _details: ClassVar[tuple[str, ...]] = ("code",)
    code: str | None


class SessionTimedOut(SessionError, TimedOut):
    """Say that a conversation over a socket went silent, or took nothing more, for ``timeout`` seconds."""

    _details: ClassVar[tuple[str, ...]] = ("code", "accepted")
