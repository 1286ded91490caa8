"""SophNet's recognition tasks: waiting in a row, worked at one after another, kept for a day.

What is said is found out by `engines.conversations`; answers are written in `sophnet_transcription`.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, Final, Literal, cast

from maaskit.sandbox.engines import CannotRead, conversations
from maaskit.sandbox.engines.conversations import Heard

KEPT_S: Final = 24 * 3600
"""识别结果在服务端保存24小时."""

MAX_JOBS: Final = 1000
"""Tasks remembered; the oldest ones that have ended are forgotten first."""

MAX_OPEN_JOBS: Final = 100
"""Tasks that have not ended."""

MAX_HELD_BYTES: Final = 1024**3
"""Uploads in memory that wait for their turn; what lies at a URL is fetched only then."""

AT_ONCE: Final = 2
IN_MEMORY_BYTES: Final = 1024 * 1024

Load = Callable[[BinaryIO], Awaitable[None]]
"""Writes a recording into a file; a CannotRead that it raises fails the task."""

logger = logging.getLogger(__name__)


class _StoppedError(Exception):
    """The sandbox ends."""


@dataclass(slots=True)
class Job:
    """One task.

    Args:
        id: Its id, a number in digits as in the document's example.
        created_s: When it was made, in seconds since 1970.
        status: waiting:任务等待,doing:任务执行中,success:任务成功,failed:任务失败.
        heard: What was found; None until success.
        error: Why it failed; None unless it has.
        held_bytes: How much of its recording is in memory until it ends.
    """

    id: str
    created_s: float
    status: Literal["waiting", "doing", "success", "failed"] = "waiting"
    heard: Heard | None = None
    error: str | None = None
    held_bytes: int = 0

    def fail(self, error: Exception) -> None:
        """End it without success.

        Args:
            error: Why.
        """
        if isinstance(error, CannotRead):
            self.error = str(error)
        else:
            logger.error("transcription %s", self.id, exc_info=error)
            self.error = f"the sandbox broke down: {type(error).__name__}: {error}"
        self.status = "failed"

    @property
    def is_open(self) -> bool:
        """Tell whether it has not ended yet."""
        return self.status in ("waiting", "doing")


class TranscriptionJobs:
    """Keep the tasks of one sandbox; used from its own loop, but for the threads that listen."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._next = 10_000_000_000 + secrets.randbelow(1_000_000_000)
        self._threads = ThreadPoolExecutor(AT_ONCE, "maaskit-sandbox-transcription")
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._stop = threading.Event()

    def has_room(self, held_bytes: int = 0) -> bool:
        """Tell whether a further task can be taken.

        Args:
            held_bytes: How much of its recording would be in memory until it ends.

        Returns:
            Whether few enough tasks have not ended, and hold little enough.
        """
        waiting = [job for job in self._jobs.values() if job.is_open]
        return len(waiting) < MAX_OPEN_JOBS and sum(job.held_bytes for job in waiting) + held_bytes <= MAX_HELD_BYTES

    def add(self, load: Load, held_bytes: int = 0) -> Job:
        """Make a task.

        Args:
            load: Fetches the recording, once its turn has come.
            held_bytes: How much of it is in memory until the task ends.

        Returns:
            The task, waiting.
        """
        self._forget()
        self._next += 1
        job = self._jobs[str(self._next)] = Job(str(self._next), time.time(), held_bytes=held_bytes)
        task = asyncio.get_running_loop().create_task(self._work(job, load))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return job

    def find(self, job_id: str) -> Job | None:
        """Find a task.

        Args:
            job_id: Its id.

        Returns:
            The task; None when there never was one, or it is older than a day.
        """
        self._forget()
        return self._jobs.get(job_id)

    def close(self) -> None:
        """End what is being worked at, and drop what waits."""
        self._stop.set()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _forget(self) -> None:
        oldest = time.time() - KEPT_S
        ended = [job for job in self._jobs.values() if not job.is_open]
        too_many = len(self._jobs) - MAX_JOBS
        for number, job in enumerate(ended):
            if number < too_many or job.created_s < oldest:
                del self._jobs[job.id]

    async def _work(self, job: Job, load: Load) -> None:
        async with self._turn:
            job.status = "doing"
            # The thread that listens closes it.
            file = cast("BinaryIO", SpooledTemporaryFile(IN_MEMORY_BYTES))  # noqa: SIM115 -- see above
            try:
                await load(file)
            except asyncio.CancelledError:
                file.close()
                raise
            except Exception as error:  # noqa: BLE001 - whoever asks for the task must hear of any breakdown
                file.close()
                job.fail(error)
                return
            await asyncio.get_running_loop().run_in_executor(self._threads, self._listen, job, file)

    def _listen(self, job: Job, file: BinaryIO) -> None:
        with file:
            file.seek(0)
            try:
                job.heard = conversations.listen(file, self._check)
                job.status = "success"
            except _StoppedError:
                return
            except Exception as error:  # noqa: BLE001 - whoever asks for the task must hear of any breakdown
                job.fail(error)

    def _check(self) -> None:
        if self._stop.is_set():
            raise _StoppedError
