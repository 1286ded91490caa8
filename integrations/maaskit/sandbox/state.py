"""What one running sandbox knows: its key, its ids, its switches, its records and its workers.

No request is read and no answer is written here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Final, ParamSpec, TypeVar

from aiohttp import web

from maaskit.sandbox.bucket import Bucket
from maaskit.sandbox.faults import Faults
from maaskit.sandbox.media_store import MediaStore
from maaskit.sandbox.record import RequestLog
from maaskit.sandbox.responder.ask import Picture
from maaskit.sandbox.storage_account import StorageAccount
from maaskit.sandbox.studio_jobs import StudioJobs
from maaskit.sandbox.tokens import PrefixCache
from maaskit.sandbox.transcription_jobs import TranscriptionJobs
from maaskit.sandbox.variants import Variants
from maaskit.sandbox.voice_shelf import VoiceShelf

P = ParamSpec("P")
T = TypeVar("T")

CONTEXT_TOKENS: Final = 131_072
SOCKET_IDLE_S: Final = 60.0
WORKERS: Final = 4
"""Threads for engines and the responder: enough to overlap a document with a chat, few enough for a laptop."""
EARS: Final = 8


@dataclass(slots=True)
class SandboxState:
    """Hold the settings and the memory that all handlers share.

    Args:
        api_key: The one key that is let in.
        project_id: The one SophNet project that exists.
        easyllm_id: The one SophNet service id that exists.
        context_tokens: How long a prompt may be, in tokens.
        origin: Scheme, host and port, such as ``http://127.0.0.1:8000``; known once the socket listens.
        faults: The fault switches.
        requests: What came in.
        variants: How answers are written.
        prefixes: The prompts seen before.
        seen: What was seen in pictures, by their digest.
        quoted: Passages that answers referred to, by name.
        media: Files that were made for those who asked.
        shelf: Voices that were made of recordings.
        transcriptions: Recognition tasks.
        studio: Tasks for pictures and films; its ``task_s`` says how long they take at least.
        storage: The account of Qiniu's object storage.
        bucket: What lies in it.
        workers: Threads for what needs the processor for a moment.
        socket_idle_s: How long a socket's other side may say nothing, in seconds; both clouds' sockets end after 60.
        reader: One thread for pictures, which are read one by one anyway: those that wait must not hold the workers.
        ears: Threads for recognition, of which two at a time understand something and the others wait or decode.
    """

    api_key: str
    project_id: str
    easyllm_id: str
    context_tokens: int = CONTEXT_TOKENS
    origin: str = ""
    socket_idle_s: float = SOCKET_IDLE_S
    faults: Faults = field(default_factory=Faults)
    requests: RequestLog = field(default_factory=RequestLog)
    variants: Variants = field(default_factory=Variants)
    prefixes: PrefixCache = field(default_factory=PrefixCache)
    seen: dict[str, Picture] = field(default_factory=dict)
    quoted: dict[str, str] = field(default_factory=dict)
    media: MediaStore = field(default_factory=MediaStore)
    shelf: VoiceShelf = field(default_factory=VoiceShelf)
    transcriptions: TranscriptionJobs = field(default_factory=TranscriptionJobs)
    studio: StudioJobs = field(default_factory=StudioJobs)
    storage: StorageAccount = field(default_factory=StorageAccount)
    bucket: Bucket = field(default_factory=Bucket)
    workers: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(WORKERS, "maaskit-sandbox"))
    reader: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "maaskit-sandbox-reader"))
    ears: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(EARS, "maaskit-sandbox-ears"))

    def keep(self, data: bytes, content_type: str, *, needs_key: bool = False) -> str:
        """Keep a file for those who fetch it.

        Args:
            data: Its bytes.
            content_type: What it is, such as ``image/png``.
            needs_key: Whether it is served to who has the key alone.

        Returns:
            Its URL.
        """
        return self.origin + self.media.put(data, content_type, needs_key=needs_key)

    def own_file(self, url: str) -> bytes | None:
        """Find the bytes behind a URL of the sandbox's own, as a cloud finds what lies in its own storage.

        Args:
            url: Any URL.

        Returns:
            The bytes, or None when it is no such URL or the file is no longer there.
        """
        found = self.media.get(url.removeprefix(self.origin)) if url.startswith(f"{self.origin}/") else None
        return found.data if found else None

    async def work(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function that needs the processor for a moment off the event loop.

        Args:
            function: What to run.
            args: Its positional arguments.
            kwargs: Its keyword arguments.

        Returns:
            What the function returns; what it raises is raised here.
        """
        return await _run(self.workers, partial(function, *args, **kwargs))

    async def read(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function that reads pictures off the event loop, one at a time.

        Args:
            function: What to run.
            args: Its positional arguments.
            kwargs: Its keyword arguments.

        Returns:
            What the function returns; what it raises is raised here.
        """
        return await _run(self.reader, partial(function, *args, **kwargs))

    async def hear(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function that listens off the event loop.

        Args:
            function: What to run.
            args: Its positional arguments.
            kwargs: Its keyword arguments.

        Returns:
            What the function returns; what it raises is raised here.
        """
        return await _run(self.ears, partial(function, *args, **kwargs))

    def close(self) -> None:
        """Let the threads end once their work is done, and drop the work that waits."""
        self.workers.shutdown(wait=False, cancel_futures=True)
        self.reader.shutdown(wait=False, cancel_futures=True)
        self.ears.shutdown(wait=False, cancel_futures=True)
        self.transcriptions.close()
        self.studio.close()


async def _run(threads: ThreadPoolExecutor, work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(threads, work)


STATE: Final = web.AppKey("maaskit.sandbox.state", SandboxState)


def state_of(request: web.Request) -> SandboxState:
    """Find the sandbox that a request came to.

    Args:
        request: The request in hand.

    Returns:
        The state of its sandbox.
    """
    return request.app[STATE]
