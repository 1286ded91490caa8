"""A loopback WebSocket server whose every connection is served by a function of the test, and which remembers them."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve


class ScriptedSocket:
    """Serves each connection with the next function of its script; the last one serves all that follow."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.ended = threading.Semaphore(0)
        """Is released once for every connection that is over."""
        self.errors: list[BaseException] = []
        self.dropped_handshakes = 0
        """How many of the next handshakes end without a word."""
        self._script: list[Callable[[ServerConnection], Any]] = []
        self._lock = threading.Lock()
        quiet = logging.Logger("scripted", logging.CRITICAL + 1)  # noqa: LOG001 - tells nobody
        self._server = serve(
            self._serve,
            "127.0.0.1",
            0,
            max_size=None,
            ping_interval=None,
            close_timeout=2,
            compression=None,
            logger=quiet,
            process_request=self._shake,
        )
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.socket.getsockname()[1]}"

    def script(self, *functions: Callable[[ServerConnection], Any]) -> None:
        with self._lock:
            self._script = list(functions)

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join(5)

    def _shake(self, connection: ServerConnection, _: Any) -> None:
        with self._lock:
            dropped, self.dropped_handshakes = self.dropped_handshakes > 0, max(0, self.dropped_handshakes - 1)
        if dropped:
            drop(connection)

    def _serve(self, connection: ServerConnection) -> None:
        with self._lock:
            self.paths.append(connection.request.path)
            self.headers.append({name.lower(): value for name, value in connection.request.headers.raw_items()})
            serve_it = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        try:
            serve_it(connection)
        except ConnectionClosed:
            pass
        except BaseException as error:  # noqa: BLE001 - the test looks
            self.errors.append(error)
        finally:
            self.ended.release()


def drop(connection: ServerConnection) -> None:
    """End the TCP connection without a word."""
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    connection.close_socket()
