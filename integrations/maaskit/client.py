"""The synchronous driver: performs calls, flows, streams and tasks over httpx.

What is said to a service is not known here. ``async_client`` is its twin: same order, same names.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from inspect import iscoroutinefunction
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

import httpx

from maaskit.arguments import (
    check_verb,
    checked_calls,
    checked_concurrency,
    checked_headers,
    checked_policy,
    checked_timeout,
)
from maaskit.download import downloading
from maaskit.errors import InvalidInput, MaasError
from maaskit.mapped import Workers
from maaskit.media import Media
from maaskit.provider import Provider
from maaskit.retry import RetryPolicy, call_steps, retrying
from maaskit.sending import Sender
from maaskit.session import Session
from maaskit.streaming import Hold, Opened, Streaming
from maaskit.task import Task, TaskUpdate, Waiting, keep_id, note_cancelled, polling, submission
from maaskit.transport import new_client
from maaskit.wire import (
    MAX_DOWNLOAD_BYTES,
    Call,
    Chore,
    Download,
    Flow,
    Outcome,
    Request,
    Sleep,
    Stream,
)

if TYPE_CHECKING:
    from maaskit.talk import Talk

T = TypeVar("T")

_NOT_AWAITED = "on_update is a coroutine function, which AsyncClient awaits and Client cannot."
In = TypeVar("In")
Out = TypeVar("Out")

OnUpdate = Callable[[TaskUpdate], Any]


class Client:
    """Perform conversations with one provider, synchronously; safe to share between threads.

    Args:
        provider: ``Qiniu(...)`` or ``SophNet(...)``.
        timeout: Seconds to wait for an answer to begin, for a whole answer to be complete, and for the next event of a
            stream; default 120.
        max_retries: Further attempts after a passing failure; default 2.
        http_client: An ``httpx.Client`` of your own, which you close yourself.
        default_headers: Further header fields for every request.
        retry_policy: The whole policy, in place of ``max_retries``.

    Raises:
        InvalidInput: An argument is out of its range.
    """

    def __init__(
        self,
        provider: Provider,
        *,
        timeout: float | None = None,
        max_retries: int | None = None,
        http_client: httpx.Client | None = None,
        default_headers: Mapping[str, str] | None = None,
        retry_policy: RetryPolicy | None = None,
    ) -> None:
        if not isinstance(provider, Provider):
            raise InvalidInput("provider must be Qiniu(...) or SophNet(...).")
        self.provider = provider
        self._timeout_s = checked_timeout(timeout)
        policy = checked_policy(retry_policy)
        self._policy = policy if max_retries is None else replace(policy, max_retries=max_retries)
        self._headers = checked_headers(default_headers)
        if http_client is not None and not isinstance(http_client, httpx.Client):
            raise InvalidInput(f"http_client must be an httpx.Client, not {type(http_client).__name__}.")
        self._http = http_client or new_client()
        self._owns_http = http_client is None
        self._sender = Sender(provider, self._http, self._headers, self._timeout_s)

    def __repr__(self) -> str:
        """Show the provider, without its key."""
        return f"{type(self).__name__}({self.provider!r})"

    def __enter__(self) -> Self:
        """Give the client itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the client."""
        self.close()

    def close(self) -> None:
        """Close the connections; an ``http_client`` of the caller's stays open."""
        if self._owns_http:
            self._http.close()

    def send(self, call: Call[T] | Flow[T]) -> T:
        """Ask one question, or a flow of them, and give the answer.

        Args:
            call: What to ask.

        Returns:
            The answer.

        Raises:
            MaasError: What went wrong; refusals are APIError.
        """
        check_verb(call, "send")
        if isinstance(call, Flow):
            return self._drive(call.steps(), self._step)
        return self._drive(call_steps(call, self._policy))

    def download(self, url: str, *, max_bytes: int = MAX_DOWNLOAD_BYTES, argument: str = "url") -> Media:
        """Fetch a file from anywhere; the key goes along to the provider's own origin only.

        Args:
            url: An http or https URL; redirects are followed, five at most.
            max_bytes: Largest allowed size; default 256 MiB.
            argument: The name of the caller's argument, for error messages.

        Returns:
            The content, with the name and the media type that the server told.

        Raises:
            InvalidInput: It is no http or https URL, gives nothing, or is too large.
            MaasError: What else went wrong.
        """
        return self._drive(downloading(Download(url, max_bytes, argument), self._policy))

    def map(self, calls: Iterable[Call[T] | Flow[T]], concurrency: int = 8) -> list[T]:
        """Ask many questions at once and give the answers in order.

        Args:
            calls: What to ask.
            concurrency: How many are under way at most, 1 or more.

        Returns:
            The answers, in the order of the calls.

        Raises:
            MaasError: The first failure in that order; calls that have not begun are not made.
        """
        return list(self.each(calls, concurrency))

    def each(self, calls: Iterable[Call[T] | Flow[T]], concurrency: int = 8) -> Generator[T, None, None]:
        """Ask many questions at once and give each answer, in order, as soon as its turn has come.

        Args:
            calls: What to ask; taken from the iterable only as places become free.
            concurrency: How many are under way or wait to be taken at most, 1 or more.

        Yields:
            The answers, in the order of the calls.

        Raises:
            MaasError: The first failure in that order; calls that have not begun are not made.
        """
        if checked_concurrency(concurrency) == 1:
            yield from map(self.send, checked_calls(calls))
            return
        pending: deque[Future[T]] = deque()
        workers = Workers(concurrency)
        try:
            for call in checked_calls(calls):
                pending.append(workers.order(partial(self.send, call)))
                if len(pending) == concurrency:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            workers.let_go()

    def stream(self, stream: Stream[T]) -> Streaming[T]:
        """Ask one question whose answer comes in pieces.

        Args:
            stream: What to ask.

        Returns:
            An iterator over the pieces and a context manager; leaving either closes the connection. Nothing is sent
            before the first piece is asked for.

        Raises:
            MaasError: What went wrong, while iterating; StreamInterrupted carries what had come.
        """
        check_verb(stream, "stream")

        def opening(hold: Hold) -> Opened[T]:
            def perform(request: Request) -> Any:
                # Nothing is sent for a stream that was closed between two attempts.
                opened = None if hold.is_gone else self._sender.open(request, stream, hold)
                if hold.is_gone:
                    raise hold.gone(request, opened if isinstance(opened, Opened) else None)
                return opened

            return self._drive(retrying(stream.request, _same, self._policy), perform)

        return Streaming(opening, stream.request, self.provider)

    def connect(self, session: Session[In, Out]) -> Talk[In, Out]:
        """Open a conversation in which both sides talk.

        Args:
            session: What is spoken.

        Returns:
            A context manager: entering it opens the socket, again where the retry policy allows, and leaving closes it;
            nothing that was said is said again, but by a session that was asked to resume. ``send`` to it, iterate over
            it, ``close`` it when nothing more will be sent; or let ``feed`` send from the background. A ``timeout`` is
            the time that the service may owe an answer, or take nothing.

        Raises:
            MaasError: What went wrong, on entering, sending and iterating.
        """
        check_verb(session, "connect")
        from maaskit.dialing import Line  # noqa: PLC0415 - websockets is loaded at its first use
        from maaskit.talk import Talk  # noqa: PLC0415 - as above

        return Talk(session, Line(self.provider, self._policy, self._timeout_s, self._headers))

    def submit(self, task: Task[Any]) -> str:
        """Start long work without waiting for it.

        Args:
            task: The work.

        Returns:
            The task's id, for ``resume(task_id)`` in any process.

        Raises:
            MaasError: What went wrong.
        """
        check_verb(task, "submit")
        return self._drive(submission(task, self._policy))

    def wait(
        self,
        task: Task[T],
        on_update: OnUpdate | None = None,
        timeout: float | None = None,
        *,
        cancel_on_exit: bool = False,
    ) -> T:
        """Start long work, or take it up again, and wait for its result.

        Args:
            task: The work.
            on_update: Is called with a TaskUpdate after the submission and after each look.
            timeout: Seconds until TaskTimeout; by default the task's own.
            cancel_on_exit: Cancel the work at the service when the waiting ends without a result (an interrupt, a
                time-out), where the service can.

        Returns:
            The result.

        Raises:
            TaskError: The work failed, was cancelled or still runs; ``task_id`` says which.
            MaasError: What else went wrong.
        """
        check_verb(task, "wait")
        if on_update is not None and not callable(on_update):
            raise InvalidInput("on_update must be a function that takes a TaskUpdate.")
        if iscoroutinefunction(on_update):
            raise InvalidInput(_NOT_AWAITED)  # before anything is submitted that costs
        known: list[str] = [] if task.task_id is None else [task.task_id]
        ended = False

        def listen(update: TaskUpdate) -> None:
            nonlocal ended
            known[:] = [update.task_id]
            ended = update.phase.ended
            said = on_update(update) if on_update is not None else None
            if isinstance(said, Coroutine):
                said.close()
                raise InvalidInput(_NOT_AWAITED)

        try:
            return self._drive(polling(task, self._policy, timeout), listen=listen)
        except BaseException as error:
            if known:
                keep_id(error, known[0])
            if cancel_on_exit and known and not ended and task.cancel is not None:
                self._try_cancel(task.cancel(known[0]), error)
            raise

    def _try_cancel(self, call: Call[Any], why: BaseException) -> None:
        try:
            self._drive(call_steps(call, self._policy))
        except MaasError as error:
            why.add_note(f"Cancelling the task failed as well: {error}")
        else:
            note_cancelled(why)

    def _drive(
        self,
        steps: Generator[Any, Outcome, T],
        perform: Callable[[Any], Any] | None = None,
        listen: OnUpdate | None = None,
    ) -> T:
        """Perform what a generator asks for until it returns."""
        started = time.monotonic()
        outcome: Any = None
        failed: MaasError | None = None
        perform = perform or self._sender.exchange
        with self.provider.discreet():
            while True:
                try:
                    step = steps.send(outcome) if failed is None else steps.throw(failed)
                except StopIteration as stop:
                    return stop.value  # type: ignore[no-any-return]
                answer = failed = None
                if isinstance(step, Sleep):
                    time.sleep(step.seconds)
                elif isinstance(step, TaskUpdate):
                    if listen is not None:
                        listen(replace(step, elapsed_s=time.monotonic() - started))
                else:
                    try:
                        answer = perform(step)
                    except MaasError as error:  # the conversation may know what it means
                        failed = error
                outcome = Outcome(answer, time.monotonic() - started, time.time())

    def _step(self, step: Call[Any] | Chore | Download | Request | Waiting[Any]) -> Any:
        """Perform one step of a flow, again where the policy allows."""
        if isinstance(step, Call):
            return self.send(step)
        if isinstance(step, Chore):
            return step.work()
        if isinstance(step, Download):
            return self._drive(downloading(step, self._policy))
        if isinstance(step, Waiting):
            return self.wait(step.task, step.on_update, timeout=step.timeout_s)
        return self._drive(retrying(step, _same, self._policy))


def _same(answer: T) -> T:
    return answer
