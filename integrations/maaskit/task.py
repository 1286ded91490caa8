"""Long work: submit, look again, collect. Task, its phases, and the polling generator.

No clock, no socket, no sleep: the driver performs what the generator yields and tells it the time.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Generic, TypeAlias, TypeVar

from maaskit.errors import (
    APIError,
    BadRequest,
    InvalidInput,
    MaasError,
    NotFound,
    TaskCanceled,
    TaskFailed,
    TaskTimeout,
)
from maaskit.retry import RetryPolicy, is_seconds, retrying
from maaskit.wire import Call, Outcome, Request, Response, Sleep

T = TypeVar("T")

FIRST_LOOK_S = 0.2
LONGEST_PAUSE_S = 5.0
_GROWTH = 1.5
_GOES_ON = "It goes on at the service:"


class TaskPhase(StrEnum):
    """Say where a task stands; the clouds' three dialects are read into it."""

    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def ended(self) -> bool:
        """Tell whether nothing more will happen."""
        return self in (TaskPhase.SUCCEEDED, TaskPhase.FAILED, TaskPhase.CANCELED)

    @classmethod
    def of(cls, word: str | None) -> TaskPhase:
        """Read a service's status word.

        Args:
            word: Such as ``SUCCEEDED``, ``SUCCESSED``, ``success``, ``doing``, ``CANCELED``, ``cancelled``.

        Returns:
            The phase; an unknown word, such as SUSPENDED, means that the task still runs.
        """
        return _PHASES.get((word or "").strip().lower(), cls.RUNNING)


# wire-facts C.15 and C.16: success and cancellation are each spelt in several ways, even within one document.
_PHASES = {
    "waiting": TaskPhase.WAITING,
    "pending": TaskPhase.WAITING,
    "queued": TaskPhase.WAITING,
    "succeeded": TaskPhase.SUCCEEDED,
    "successed": TaskPhase.SUCCEEDED,
    "success": TaskPhase.SUCCEEDED,
    "succeed": TaskPhase.SUCCEEDED,
    "failed": TaskPhase.FAILED,
    "fail": TaskPhase.FAILED,
    "error": TaskPhase.FAILED,
    "canceled": TaskPhase.CANCELED,
    "cancelled": TaskPhase.CANCELED,
}


@dataclass(frozen=True, slots=True)
class TaskState(Generic[T]):
    """Be what one look at a task showed.

    Args:
        phase: Where it stands.
        word: The service's own word for that.
        result: The result, when the task succeeded.
        message: The service's explanation of a failure.
        code: The service's code of a failure.
    """

    phase: TaskPhase
    word: str = ""
    result: T | None = field(default=None, repr=False)
    message: str | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True)
class TaskUpdate:
    """Be what a listener is told after each look.

    Args:
        task_id: The service's id of the task; ``resume(task_id)`` collects the result in any process.
        phase: Where it stands.
        word: The service's own word for that, empty right after the submission.
        elapsed_s: Seconds since the waiting began; the driver, which has the clock, fills it in.
    """

    task_id: str
    phase: TaskPhase
    word: str = ""
    elapsed_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Task(Generic[T]):
    """Be long work at the service; ``Client.wait`` performs it.

    Args:
        submit: Starts the work, or ``None`` for a task that runs already.
        read_id: Reads the task's id from the answer to ``submit``.
        look: Makes the request that asks how the task stands.
        read: Reads the answer to ``look``.
        cancel: Makes the call that cancels the task, or ``None`` where the service cannot; its reading tells a
            refusal.
        task_id: The id of a task that runs already.
        timeout_s: Default deadline of the waiting.
        keeps: How long the service keeps a task, as a sentence: said where one that runs already is not found.
    """

    submit: Request | None
    read_id: Callable[[Response], str] = field(repr=False)
    look: Callable[[str], Request] = field(repr=False)
    read: Callable[[Response], TaskState[T]] = field(repr=False)
    cancel: Callable[[str], Call[Any]] | None = field(default=None, repr=False)
    task_id: str | None = None
    timeout_s: float = 600.0
    keeps: str = ""

    def resumed(self, task_id: str) -> Task[T]:
        """Give the same kind of task from its second step on.

        Args:
            task_id: The service's id of a task that runs already.

        Returns:
            A task without submission.

        Raises:
            InvalidInput: The id is empty.
        """
        if not isinstance(task_id, str) or not task_id.strip():
            raise InvalidInput("task_id must be the non-empty id that the service gave.")
        return replace(self, submit=None, task_id=task_id.strip())


@dataclass(frozen=True, slots=True)
class Waiting(Generic[T]):
    """Wait for a task within a Flow, which is answered with its result.

    Args:
        task: The work.
        on_update: Is told of each look, as ``Client.wait`` does it.
        timeout_s: Deadline in seconds; by default the task's own.
    """

    task: Task[T]
    on_update: Callable[[TaskUpdate], Any] | None = field(default=None, repr=False)
    timeout_s: float | None = None


TaskSteps: TypeAlias = Generator[Request | Sleep | TaskUpdate, Outcome, T]


def polling(task: Task[T], policy: RetryPolicy, timeout_s: float | None = None) -> TaskSteps[T]:
    """Submit a task, look again until it ends, and give its result.

    Args:
        task: The task.
        policy: Retry policy of each request.
        timeout_s: Deadline in seconds since the start; by default the task's own.

    Yields:
        Requests, Sleeps, and a TaskUpdate after the submission and after each look.

    Returns:
        The result.

    Raises:
        TaskFailed: The service gave the task up.
        TaskCanceled: The task was cancelled.
        TaskTimeout: It still ran at the deadline.
        InvalidInput: The deadline is no number of seconds; nothing was submitted.
        MaasError: A request failed; ``task_id`` says what to resume.
    """
    deadline_s = task.timeout_s if timeout_s is None else timeout_s
    if not is_seconds(deadline_s):  # before anything is submitted that costs
        raise InvalidInput(f"timeout must be a number of seconds of 0 or more, not {deadline_s!r:.100}.")
    task_id = task.task_id
    if task_id is None:
        if task.submit is None:
            raise InvalidInput("A task without submission needs its task_id.")
        task_id = yield from retrying(task.submit, task.read_id, policy)
    outcome = yield TaskUpdate(task_id, TaskPhase.WAITING)
    pause_s = FIRST_LOOK_S
    looked = False
    while True:
        left_s = deadline_s - outcome.elapsed_s
        if left_s <= 0 and looked:  # without a look nobody knows that it still runs, however late it is
            raise _timeout(task_id, deadline_s)
        slept = yield Sleep(max(0.0, min(pause_s, left_s)))
        looked = True
        pause_s = min(LONGEST_PAUSE_S, pause_s * _GROWTH)
        # Each look has its own patience, however long the task has run, but none beyond the deadline.
        left_s = max(0.0, deadline_s - slept.elapsed_s)
        patience = replace(policy, max_total_s=min(policy.max_total_s, left_s))
        try:
            state = yield from retrying(task.look(task_id), task.read, patience, started_s=slept.elapsed_s)
        except MaasError as error:
            error.task_id = task_id
            if isinstance(error, APIError) and _may_be_gone(error, task):
                error.with_hint(task.keeps)
            raise
        outcome = yield TaskUpdate(task_id, state.phase, state.word)
        if state.phase.ended:
            return _result(state, task_id, task.keeps if task.submit is None else "")


def _may_be_gone(error: APIError, task: Task[Any]) -> bool:
    """Tell a refusal that may be about a task that is no more from one about the moment or the key."""
    return bool(task.keeps) and task.submit is None and type(error) in (APIError, BadRequest, NotFound)


def _result(state: TaskState[T], task_id: str, keeps: str) -> T:
    why = f": {state.message}" if state.message else ""
    if state.phase is TaskPhase.FAILED:
        raise TaskFailed(f"Task {task_id} failed{why}", task_id=task_id, code=state.code)
    if state.phase is TaskPhase.CANCELED:
        raise TaskCanceled(f"Task {task_id} was cancelled{why}", task_id=task_id, code=state.code)
    if state.result is None:
        hint = f". {keeps}" if keeps else ""
        raise TaskFailed(f"Task {task_id} ended without a result{why}{hint}", task_id=task_id, code=state.code)
    return state.result


def _timeout(task_id: str, deadline_s: float) -> TaskTimeout:
    return TaskTimeout(
        f"Task {task_id} still ran after {deadline_s:g} s. {_GOES_ON} collect it with resume({task_id!r}), or wait "
        "with a longer timeout.",
        task_id=task_id,
    )


def keep_id(error: BaseException, task_id: str) -> None:
    """Keep a task's id with what ended the waiting for it, in place: with an interrupt or a listener's error, a note.

    Args:
        error: What ended it.
        task_id: The task's id.
    """
    if isinstance(error, MaasError):
        error.task_id = task_id
    else:
        error.add_note(f"Task {task_id} was submitted: collect its result with resume({task_id!r}).")


def note_cancelled(error: BaseException) -> None:
    """Say in the error that ended a waiting that the task was cancelled then, in place.

    Args:
        error: The error; one that says that the task goes on changes, and one that is not ours is given a note.
    """
    if isinstance(error, TaskTimeout):
        error.message = f"{error.message.partition(_GOES_ON)[0]}It was cancelled, as cancel_on_exit wants it."
        error.args = (error.message, *error.args[1:])
    elif not isinstance(error, MaasError):
        error.add_note("It was cancelled, as cancel_on_exit wants it.")


def submission(task: Task[Any], policy: RetryPolicy) -> TaskSteps[str]:
    """Submit a task without waiting for it.

    Args:
        task: The task.
        policy: Retry policy of the request.

    Returns:
        A generator that returns the task's id.
    """
    if task.submit is None:
        raise InvalidInput("This task runs already: wait for it.")
    return retrying(task.submit, task.read_id, policy)
