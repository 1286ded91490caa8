"""The sandbox as a context manager: one port of this machine, served by a thread of its own.

Endpoints live in the handler modules; this file only starts and ends them.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from types import TracebackType
from typing import Final, Self

from aiohttp import web

from maaskit.sandbox.application import build
from maaskit.sandbox.faults import Faults
from maaskit.sandbox.own_storage import DOWNLOADS
from maaskit.sandbox.record import RequestLog
from maaskit.sandbox.replies import QINIU_PREFIX, SOPHNET_PREFIX
from maaskit.sandbox.state import CONTEXT_TOKENS, SandboxState
from maaskit.sandbox.storage_account import StorageAccount
from maaskit.sandbox.variants import Variants

HOST: Final = "127.0.0.1"
LAST_PORT: Final = 65535
START_TIMEOUT_S: Final = 30.0
GRACE_S: Final = 0.2
"""How long an answer in the making may take when the sandbox ends; then its connection is closed."""


class Sandbox:
    """Serve both clouds on 127.0.0.1 until the ``with`` block ends.

    The server runs in a thread of its own, so that ``with`` and ``async with`` leave the caller's event loop alone::

        with Sandbox() as sandbox:
            os.environ.update(sandbox.env())

    Args:
        port: TCP port; 0 lets the system choose a free one.
        api_key: The key that is let in; a random one by default.
        context_tokens: How long a prompt may be, in tokens; longer ones are refused.

    Raises:
        ValueError: There can be no such port.
    """

    def __init__(self, port: int = 0, *, api_key: str | None = None, context_tokens: int = CONTEXT_TOKENS) -> None:
        if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= LAST_PORT:
            raise ValueError(f"port must be an int from 0 to {LAST_PORT}, not {port!r}")
        self._port = port
        self._state = SandboxState(
            api_key=api_key or f"sandbox-{secrets.token_hex(8)}",
            project_id=f"project-{secrets.token_hex(4)}",
            easyllm_id=f"easyllm-{secrets.token_hex(4)}",
            context_tokens=context_tokens,
        )
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._ready = threading.Event()
        self._failure: BaseException | None = None

    @property
    def origin(self) -> str:
        """Return scheme, host and port."""
        if not self._state.origin:
            raise RuntimeError("the sandbox is not running: use it in a with block")
        return self._state.origin

    @property
    def qiniu_url(self) -> str:
        """Return what Qiniu's ``base_url`` must be."""
        return self.origin + QINIU_PREFIX

    @property
    def sophnet_url(self) -> str:
        """Return what SophNet's ``base_url`` must be."""
        return self.origin + SOPHNET_PREFIX

    @property
    def api_key(self) -> str:
        """Return the key that both clouds take."""
        return self._state.api_key

    @property
    def project_id(self) -> str:
        """Return the one project that SophNet knows."""
        return self._state.project_id

    @property
    def easyllm_id(self) -> str:
        """Return the one service id that SophNet knows."""
        return self._state.easyllm_id

    @property
    def storage(self) -> StorageAccount:
        """Return the one bucket of Qiniu's object storage and the keys to it."""
        return self._state.storage

    @property
    def faults(self) -> Faults:
        """Return the fault switches."""
        return self._state.faults

    @property
    def requests(self) -> RequestLog:
        """Return what the sandbox was sent, oldest first."""
        return self._state.requests

    @property
    def variants(self) -> Variants:
        """Return the switches that choose how answers are written."""
        return self._state.variants

    def env(self) -> dict[str, str]:
        """Give the environment variables that point both providers and the object storage at this sandbox.

        Returns:
            Names and values.
        """
        return {
            "QINIU_API_KEY": self.api_key,
            "QINIU_BASE_URL": self.qiniu_url,
            "QINIU_ACCESS_KEY": self.storage.access_key,
            "QINIU_SECRET_KEY": self.storage.secret_key,
            "QINIU_BUCKET": self.storage.bucket,
            "QINIU_DOMAIN": self.origin + DOWNLOADS,
            "QINIU_UPLOAD_URL": self.origin,
            "SOPHNET_API_KEY": self.api_key,
            "SOPHNET_BASE_URL": self.sophnet_url,
            "SOPHNET_PROJECT_ID": self.project_id,
            "SOPHNET_EASYLLM_ID": self.easyllm_id,
        }

    def start(self) -> None:
        """Open the port and serve.

        Raises:
            RuntimeError: It runs already, or it ran before: a sandbox is used once.
            OSError: The port is taken.
        """
        if self._thread is not None:
            raise RuntimeError("a sandbox is used once: make a new one")
        self._thread = threading.Thread(target=self._run, name="maaskit-sandbox", daemon=True)
        self._thread.start()
        if not self._ready.wait(START_TIMEOUT_S):
            raise RuntimeError(f"the sandbox did not start within {START_TIMEOUT_S:.0f} s")
        if self._failure is not None:
            self._thread.join()
            raise self._failure

    def stop(self) -> None:
        """Close every connection and the port; a second call does nothing."""
        if self._loop is not None and self._stop is not None and self._thread is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()

    def __enter__(self) -> Self:
        """Start serving."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop serving."""
        self.stop()

    async def __aenter__(self) -> Self:
        """Start serving without holding up the caller's loop."""
        await asyncio.to_thread(self.start)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop serving without holding up the caller's loop."""
        await asyncio.to_thread(self.stop)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - it is raised again in the caller's thread
            self._failure = error
        finally:
            self._state.close()
            self._ready.set()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        # A client that leaves cancels its handler, so that the work for it ends.
        runner = web.AppRunner(build(self._state), access_log=None, shutdown_timeout=GRACE_S, handler_cancellation=True)
        await runner.setup()
        try:
            await web.TCPSite(runner, HOST, self._port).start()
            self._state.origin = f"http://{HOST}:{runner.addresses[0][1]}"
            self._ready.set()
            await self._stop.wait()
        finally:
            await runner.cleanup()
