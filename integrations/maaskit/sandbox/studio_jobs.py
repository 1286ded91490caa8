"""SophNet's tasks for pictures and films: waiting, worked at in threads of their own, kept for those who ask.

What is made is decided by whoever adds a task; the clouds' words for its states are written by the handlers.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, Literal

from maaskit.sandbox.engines import CannotRead
from maaskit.sandbox.engines.film import StoppedError

MAX_JOBS: Final = 1000
"""Tasks remembered; the oldest ones that have ended are forgotten first."""

MAX_OPEN_JOBS: Final = 100
"""Tasks that have not ended, so that no crowd of them fills the memory with what it was given."""

AT_ONCE: Final = 2
TASK_S: Final = 0.4
"""How long a task takes at least: half of it waiting, half of it being worked at."""

Phase = Literal["waiting", "working", "done", "failed", "canceled"]
Make = Callable[[threading.Event], str]
"""Makes what is wanted and gives its URL; it may end early when the event is set."""

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class StudioJob:
    """One task.

    Args:
        id: Its id.
        model: The model that was asked for.
        is_film: Whether it makes a film.
        created_s: When it was made, in seconds since 1970.
        updated_s: When it changed last.
        phase: Where it stands.
        url: Where its result is; empty until it is done.
        error: Why it failed; empty unless it has.
        stop: Set when nobody wants it any more.
    """

    id: str
    model: str
    is_film: bool
    created_s: float = field(default_factory=time.time)
    updated_s: float = field(default_factory=time.time)
    phase: Phase = "waiting"
    url: str = ""
    error: str = ""
    stop: threading.Event = field(default_factory=threading.Event, repr=False)

    @property
    def is_open(self) -> bool:
        """Tell whether it has not ended yet."""
        return self.phase in ("waiting", "working")

    def move(self, phase: Phase, *, url: str = "", error: str = "") -> None:
        """Change where it stands; what has ended stays as it is.

        Args:
            phase: Where it stands now.
            url: Where its result is.
            error: Why it failed.
        """
        if self.is_open:
            self.phase, self.url, self.error, self.updated_s = phase, url, error, time.time()

    def fail(self, error: Exception) -> None:
        """End it without success.

        Args:
            error: Why.
        """
        if isinstance(error, CannotRead):
            self.move("failed", error=str(error))
            return
        logger.error("task %s", self.id, exc_info=error)
        self.move("failed", error=f"the sandbox broke down: {type(error).__name__}: {error}")


class StudioJobs:
    """Keep the tasks of one sandbox; used from its own loop, but for the threads that draw."""

    def __init__(self) -> None:
        self.task_s = TASK_S
        self._jobs: dict[str, StudioJob] = {}
        self._threads = ThreadPoolExecutor(AT_ONCE, "maaskit-sandbox-studio")
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def is_full(self) -> bool:
        """Tell whether so many tasks have not ended that no further one is taken."""
        return sum(job.is_open for job in self._jobs.values()) >= MAX_OPEN_JOBS

    def add(self, job: StudioJob, make: Make, *, end: str = "", reason: str = "") -> StudioJob:
        """Take a task.

        Args:
            job: The task.
            make: Makes what is wanted.
            end: How a fault ends it instead: ``failed``, ``canceled`` or ``never``; empty for none.
            reason: Why it fails then.

        Returns:
            The task, waiting.
        """
        self._forget()
        self._jobs[job.id] = job
        task = asyncio.get_running_loop().create_task(self._work(job, make, end, reason))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return job

    def find(self, job_id: str, *, is_film: bool) -> StudioJob | None:
        """Find a task.

        Args:
            job_id: Its id.
            is_film: Whether it must make a film, or must not.

        Returns:
            The task, or None when there is no such one.
        """
        job = self._jobs.get(job_id)
        return job if job is not None and job.is_film == is_film else None

    def all(self, *, is_film: bool) -> list[StudioJob]:
        """List the tasks of a kind.

        Args:
            is_film: Whether they make films.

        Returns:
            The tasks, newest first.
        """
        return [job for job in reversed(self._jobs.values()) if job.is_film == is_film]

    def cancel(self, job: StudioJob) -> bool:
        """End a task that nobody wants any more.

        Args:
            job: The task.

        Returns:
            Whether it had not ended before.
        """
        was_open = job.is_open
        job.move("canceled")
        if was_open:
            job.stop.set()
        return was_open

    def close(self) -> None:
        """End what is being worked at, and drop what waits."""
        for job in self._jobs.values():
            job.stop.set()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _forget(self) -> None:
        ended = [job for job in self._jobs.values() if not job.is_open]
        for job in ended[: max(0, len(self._jobs) + 1 - MAX_JOBS)]:
            del self._jobs[job.id]

    async def _work(self, job: StudioJob, make: Make, end: str, reason: str) -> None:
        await asyncio.sleep(self.task_s / 2)
        if not job.is_open:
            return
        if end:
            job.move("working")
            await asyncio.sleep(self.task_s / 2)
            if end == "failed":
                job.move("failed", error=reason)
            elif end == "canceled":
                job.move("canceled")
            return
        loop = asyncio.get_running_loop()
        try:
            begun, url = await loop.run_in_executor(self._threads, self._make, job, make)
        except StoppedError:
            return
        except Exception as error:  # noqa: BLE001 - whoever asks for the task must hear of any breakdown
            job.fail(error)
            return
        await asyncio.sleep(max(0.0, begun + self.task_s / 2 - time.monotonic()))
        job.move("done", url=url)

    @staticmethod
    def _make(job: StudioJob, make: Make) -> tuple[float, str]:
        if job.stop.is_set():
            raise StoppedError
        begun = time.monotonic()
        job.move("working")
        return begun, make(job.stop)
