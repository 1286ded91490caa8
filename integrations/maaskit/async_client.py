"""The asynchronous driver: performs calls, flows, streams and tasks over httpx on asyncio.

What is said to a service is not known here. ``client`` is its twin: same order, same names.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import time
from collections import deque
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Generator,
    Iterable,
    Mapping,
)
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
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
from maaskit.async_sending import AsyncSender
from maaskit.async_streaming import AsyncStreaming, Hold, Opened
from maaskit.download import downloading
from maaskit.errors import (
    InvalidInput,
    MaasError,
)
from maaskit.mapped import Mapped
from maaskit.media import Media
from maaskit.provider import Provider
from maaskit.retry import RetryPolicy, call_steps, retrying
from maaskit.session import Session
from maaskit.task import Task, TaskUpdate, Waiting, keep_id, note_cancelled, polling, submission
from maaskit.transport import new_async_client
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
    from maaskit.async_talk import AsyncTalk

__all__ = ["AsyncClient", "AsyncStreaming", "Mapped"]

T = TypeVar("T")
In = TypeVar("In")
Out = TypeVar("Out")

OnUpdate = Callable[[TaskUpdate], Any]
_DRAIN_S = 0.5
_CANCEL_S = 10.0


class AsyncClient:
    """Perform conversations with one provider on asyncio; one object belongs to one event loop.

    Args:
        provider: ``Qiniu(...)`` or ``SophNet(...)``.
        timeout: Seconds to wait for an answer to begin, for a whole answer to be complete, and for the next event of a
            stream; default 120.
        max_retries: Further attempts after a passing failure; default 2.
        http_client: An ``httpx.AsyncClient`` of your own, which you close yourself.
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
        http_client: httpx.AsyncClient | None = None,
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
        if http_client is not None and not isinstance(http_client, httpx.AsyncClient):
            raise InvalidInput(f"http_client must be an httpx.AsyncClient, not {type(http_client).__name__}.")
        self._http = http_client or new_async_client()
        self._owns_http = http_client is None
        self._sender = AsyncSender(provider, self._http, self._headers, self._timeout_s)

    def __repr__(self) -> str:
        """Show the provider, without its key."""
        return f"{type(self).__name__}({self.provider!r})"

    async def __aenter__(self) -> Self:
        """Give the client itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the client."""
        await self.close()

    async def close(self) -> None:
        """Close the connections; an ``http_client`` of the caller's stays open."""
        if self._owns_http:
            await self._http.aclose()

    async def send(self, call: Call[T] | Flow[T]) -> T:
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
            return await self._drive(call.steps(), self._step)
        return await self._drive(call_steps(call, self._policy))

    async def download(self, url: str, *, max_bytes: int = MAX_DOWNLOAD_BYTES, argument: str = "url") -> Media:
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
        return await self._drive(downloading(Download(url, max_bytes, argument), self._policy))

    def map(self, calls: Iterable[Call[T] | Flow[T]], concurrency: int = 8) -> Mapped[T]:
        """Ask many questions at once and give the answers in order.

        Args:
            calls: What to ask.
            concurrency: How many are under way at most, 1 or more.

        Returns:
            An awaitable of the list of answers, in the order of the calls; ``async for`` over it works as well.

        Raises:
            MaasError: The first failure in that order; calls under way are cancelled, others not made.
        """
        return Mapped(self.each(calls, concurrency))

    async def each(
        self,
        calls: Iterable[Call[T] | Flow[T]],
        concurrency: int = 8,
        places: AbstractAsyncContextManager[Any] | None = None,
    ) -> AsyncGenerator[T, None]:
        """Ask many questions at once and give each answer, in order, as soon as its turn has come.

        Args:
            calls: What to ask; taken from the iterable only as places become free.
            concurrency: How many are under way or wait to be taken at most, 1 or more.
            places: Entered around each call, such as a semaphore that several batches share.

        Yields:
            The answers, in the order of the calls.

        Raises:
            MaasError: The first failure in that order; calls under way are cancelled, others not made.
        """
        checked_concurrency(concurrency)
        pending: deque[asyncio.Task[T]] = deque()
        try:
            for call in checked_calls(calls):
                pending.append(asyncio.ensure_future(self._placed(call, places)))
                if len(pending) == concurrency:
                    yield await pending[0]
                    pending.popleft()
            while pending:
                yield await pending[0]
                pending.popleft()
        finally:
            for task in pending:
                task.cancel()
            if pending:
                await asyncio.gather(*pending, return_exceptions=True)

    async def _placed(self, call: Call[T] | Flow[T], places: AbstractAsyncContextManager[Any] | None) -> T:
        async with places or contextlib.nullcontext():
            return await self.send(call)

    def stream(self, stream: Stream[T]) -> AsyncStreaming[T]:
        """Ask one question whose answer comes in pieces.

        Args:
            stream: What to ask.

        Returns:
            An asynchronous iterator over the pieces and a context manager; leaving either closes the connection.
            Nothing is sent before the first piece is asked for.

        Raises:
            MaasError: What went wrong, while iterating; StreamInterrupted carries what had come.
        """
        check_verb(stream, "stream")

        async def opening(hold: Hold) -> Opened[T]:
            async def perform(request: Request) -> Any:
                # Nothing is sent for a stream that was closed between two attempts.
                opened = None if hold.is_gone else await self._sender.open(request, stream, hold)
                if hold.is_gone:
                    raise hold.gone(request, opened if isinstance(opened, Opened) else None)
                return opened

            return await self._drive(retrying(stream.request, _same, self._policy), perform)

        return AsyncStreaming(opening, stream.request, self.provider)

    def connect(self, session: Session[In, Out]) -> AsyncTalk[In, Out]:
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
        from maaskit.async_talk import AsyncTalk  # noqa: PLC0415 - as above
        from maaskit.dialing import Line  # noqa: PLC0415 - websockets is loaded at its first use

        return AsyncTalk(session, Line(self.provider, self._policy, self._timeout_s, self._headers))

    async def submit(self, task: Task[Any]) -> str:
        """Start long work without waiting for it.

        Args:
            task: The work.

        Returns:
            The task's id, for ``resume(task_id)`` in any process.

        Raises:
            MaasError: What went wrong.
        """
        check_verb(task, "submit")
        return await self._drive(submission(task, self._policy))

    async def wait(
        self,
        task: Task[T],
        on_update: OnUpdate | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - a deadline of the service's work, not of a coroutine
        *,
        cancel_on_exit: bool = False,
    ) -> T:
        """Start long work, or take it up again, and wait for its result.

        Args:
            task: The work.
            on_update: Is called, and awaited if it is a coroutine function, with a TaskUpdate after the submission and
                after each look.
            timeout: Seconds until TaskTimeout; by default the task's own.
            cancel_on_exit: Cancel the work at the service when the waiting ends without a result (a cancellation, a
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
        known: list[str] = [] if task.task_id is None else [task.task_id]
        ended = False

        async def listen(update: TaskUpdate) -> None:
            nonlocal ended
            known[:] = [update.task_id]
            ended = update.phase.ended
            said = on_update(update) if on_update is not None else None
            if inspect.isawaitable(said):
                await said

        try:
            return await self._drive(polling(task, self._policy, timeout), listen=listen)
        except BaseException as error:
            if known:
                keep_id(error, known[0])
            if cancel_on_exit and known and not ended and task.cancel is not None:
                await asyncio.shield(self._try_cancel(task.cancel(known[0]), error))
            raise

    async def _try_cancel(self, call: Call[Any], why: BaseException) -> None:
        try:
            async with asyncio.timeout(_CANCEL_S):
                await self._drive(call_steps(call, self._policy))
        except (MaasError, TimeoutError) as error:
            why.add_note(f"Cancelling the task failed as well: {error}")
        else:
            note_cancelled(why)

    async def _drive(
        self,
        steps: Generator[Any, Outcome, T],
        perform: Callable[[Any], Awaitable[Any]] | None = None,
        listen: Callable[[TaskUpdate], Awaitable[None]] | None = None,
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
                    await asyncio.sleep(step.seconds)
                elif isinstance(step, TaskUpdate):
                    if listen is not None:
                        await listen(replace(step, elapsed_s=time.monotonic() - started))
                else:
                    try:
                        answer = await perform(step)
                    except MaasError as error:  # the conversation may know what it means
                        failed = error
                outcome = Outcome(answer, time.monotonic() - started, time.time())

    async def _step(self, step: Call[Any] | Chore | Download | Request | Waiting[Any]) -> Any:
        """Perform one step of a flow, again where the policy allows."""
        if isinstance(step, Call):
            return await self.send(step)
        if isinstance(step, Chore):
            return await asyncio.to_thread(step.work)
        if isinstance(step, Download):
            return await self._drive(downloading(step, self._policy))
        if isinstance(step, Waiting):
            return await self.wait(step.task, step.on_update, timeout=step.timeout_s)
        return await self._drive(retrying(step, _same, self._policy))


def _same(answer: T) -> T:
    return answer
