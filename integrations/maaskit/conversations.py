"""Conversations over sockets where one answer is wanted: each in a thread of its own, and all ended on leaving.

What is said is the session's business; who hears it while it comes uses ``Client.connect``.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from contextvars import copy_context
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from maaskit.errors import SessionError
from maaskit.session import Session

if TYPE_CHECKING:
    from maaskit.connections import Settings

In = TypeVar("In")
Out = TypeVar("Out")


class Conversations:
    """Hold conversations from blocking code; a context manager.

    A thread cannot be cancelled, and who stops reading must not leave a socket open: leaving ends what is under way,
    without waiting for it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: set[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]]] = set()
        self._left = False

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End what is under way."""
        with self._lock:
            self._left = True
            for loop, task in self._under_way:
                with suppress(RuntimeError):  # it ended by itself just now
                    loop.call_soon_threadsafe(task.cancel)

    def hold(self, settings: Settings, session: Session[In, Out], items: Callable[[], Iterable[In]]) -> list[Out]:
        """Say everything, and give what is heard; blocks.

        Args:
            settings: With whom.
            session: What is spoken.
            items: Makes what is said; it may read files.

        Returns:
            What the service said, but for what it replaced later.

        Raises:
            MaasError: What went wrong.
        """
        heard: Future[list[Out]] = Future()

        def work() -> None:
            try:
                heard.set_result(asyncio.run(self._converse(settings, session, items)))
            except asyncio.CancelledError:
                heard.set_exception(SessionError("The conversation was left before its end."))
            except BaseException as error:  # noqa: BLE001 - it is raised to whoever waits
                heard.set_exception(error)

        # A loop of its own: the caller may be inside one already. A daemon, because leaving does not wait.
        threading.Thread(target=copy_context().run, args=(work,), name="maaskit-conversation", daemon=True).start()
        return heard.result()

    async def _converse(
        self, settings: Settings, session: Session[In, Out], items: Callable[[], Iterable[In]]
    ) -> list[Out]:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - for the type checker
        entry = (asyncio.get_running_loop(), task)
        with self._lock:
            if self._left:
                raise asyncio.CancelledError
            self._under_way.add(entry)
        try:
            passing = session.passing or (lambda _: False)
            async with (await settings.async_client()).connect(session) as talk:
                talk.feed(items())
                return [item async for item in talk if not passing(item)]
        finally:
            with self._lock:
                self._under_way.discard(entry)
