"""A loopback server that answers by a script, byte for byte, and remembers what it was asked."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias


@dataclass
class Seen:
    """One request that the scripted server received."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    connection: int

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Piece: TypeAlias = "bytes | float | Callable[[], object]"

FOREVER = float("inf")
"""A piece: nothing more comes until the client leaves or the test is over."""

_WRITE_S = 60.0


class Drip:
    """Be pieces without end: some to begin with, then the same bytes again and again.

    Args:
        start: The pieces to begin with.
        drip: What follows, 20 times a second.
    """

    def __init__(self, *start: Piece, drip: bytes) -> None:
        self._start, self._drip = start, drip

    def __iter__(self) -> Iterator[Piece]:
        yield from self._start
        while True:
            yield from (self._drip, 0.05)


@dataclass
class Reply:
    """One scripted answer; pieces are bytes to write, seconds to wait, and functions to become true meanwhile."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    pieces: Iterable[Piece] = ()
    chunked: bool = True
    close: bool = False
    """Close the connection afterwards, without the end of the chunked message when ``chunked``."""
    drop: bool = False
    """Close the connection in place of an answer."""
    reset: bool = False
    """Reset the connection after the pieces."""


def json_reply(value: Any, status: int = 200, **headers: str) -> Reply:
    names = {"content-type": "application/json", **{name.replace("_", "-"): text for name, text in headers.items()}}
    return Reply(status, names, [json.dumps(value, ensure_ascii=False).encode()])


def sse_reply(*events: Any, space: bool = True, done: bool = True, **options: Any) -> Reply:
    prefix = b"data: " if space else b"data:"
    pieces: list[Piece] = []
    for event in events:
        if isinstance(event, float | bytes) or callable(event):
            pieces.append(event)
        else:
            pieces.append(prefix + json.dumps(event, ensure_ascii=False).encode() + b"\n\n")
    if done:
        pieces.append(prefix + b"[DONE]\n\n")
    return Reply(200, {"content-type": "text/event-stream"}, pieces, **options)


class ScriptedServer:
    """Answers each request with the next reply of its script; the last one serves all that follow."""

    def __init__(self) -> None:
        self.replies: list[Reply | Callable[[Seen], Reply]] = []
        self.seen: list[Seen] = []
        self.disconnected = threading.Event()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(0.1)
        self._threads: list[threading.Thread] = []
        self._connections = 0
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def script(self, *replies: Reply | Callable[[Seen], Reply]) -> None:
        with self._lock:
            self.replies = list(replies)

    def close(self) -> None:
        self._closing.set()
        self._accepting.join(30)
        self._socket.close()
        for thread in self._threads:
            thread.join(30)

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                connection, _ = self._socket.accept()
            except (TimeoutError, OSError):
                continue
            self._connections += 1
            thread = threading.Thread(target=self._serve, args=(connection, self._connections), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        connection.settimeout(0.1)
        with connection:
            rest = b""
            while not self._closing.is_set():
                found = self._read(connection, rest, number)
                if found is None:
                    return
                seen, rest = found
                with self._lock:
                    self.seen.append(seen)
                    reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
                reply = reply(seen) if callable(reply) else reply
                try:
                    if not self._write(connection, reply):
                        return
                except OSError:
                    self.disconnected.set()
                    return

    def _more(self, connection: socket.socket) -> bytes | None:
        while not self._closing.is_set():
            try:
                data = connection.recv(65536)
            except TimeoutError:
                continue
            except OSError:
                return None
            return data or None
        return None

    def _read(self, connection: socket.socket, data: bytes, number: int) -> tuple[Seen, bytes] | None:
        while b"\r\n\r\n" not in data:
            more = self._more(connection)
            if more is None:
                return None
            data += more
        head, data = data.split(b"\r\n\r\n", 1)
        first, *lines = head.decode("latin-1").split("\r\n")
        method, path, _ = first.split(" ", 2)
        headers = {name.strip().lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}
        if "chunked" in headers.get("transfer-encoding", ""):
            body = b""
            while not data.endswith(b"0\r\n\r\n"):
                more = self._more(connection)
                if more is None:
                    return None
                data += more
            while True:
                size, data = data.split(b"\r\n", 1)
                if int(size, 16) == 0:
                    break
                body += data[: int(size, 16)]
                data = data[int(size, 16) + 2 :]
            return Seen(method, path, headers, body, number), b""
        length = int(headers.get("content-length", "0"))
        while len(data) < length:
            more = self._more(connection)
            if more is None:
                return None
            data += more
        return Seen(method, path, headers, data[:length], number), data[length:]

    def _write(self, connection: socket.socket, reply: Reply) -> bool:
        if reply.drop:
            return False
        headers = dict(reply.headers)
        if reply.chunked:
            headers["transfer-encoding"] = "chunked"
        elif not reply.close and not reply.reset:
            headers["content-length"] = str(sum(len(piece) for piece in reply.pieces if isinstance(piece, bytes)))
        lines = [f"HTTP/1.1 {reply.status} Scripted", *(f"{name}: {value}" for name, value in headers.items())]
        connection.settimeout(_WRITE_S)
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
        for piece in reply.pieces:
            if isinstance(piece, bytes):
                connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece) if reply.chunked else piece)
            elif not self._wait(connection, piece):
                return False
        if reply.reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            return False
        if reply.close:
            return False
        if reply.chunked:
            connection.sendall(b"0\r\n\r\n")
        connection.settimeout(0.1)
        return True

    def _wait(self, connection: socket.socket, what: float | Callable[[], object]) -> bool:
        """Wait, and notice a client that leaves."""
        until = FOREVER if callable(what) else time.monotonic() + what
        while time.monotonic() < until and not self._closing.is_set() and not (callable(what) and what()):
            connection.settimeout(min(0.02, max(0.001, until - time.monotonic())))
            try:
                if not connection.recv(1, socket.MSG_PEEK):
                    self.disconnected.set()
                    return False
                time.sleep(0.01)
            except TimeoutError:
                continue
            except OSError:
                self.disconnected.set()
                return False
        connection.settimeout(_WRITE_S)
        return not self._closing.is_set()
