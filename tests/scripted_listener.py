"""SophNet's live recogniser on a scripted socket: it hears the number in each 100 ms of audio, and nothing in zeros."""

from __future__ import annotations

import json
import struct
import threading
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.sync.server import ServerConnection

from tests.scripted_socket import drop

BLOCK = 3200  # bytes of 100 ms


def recording(first: int, end: int) -> bytes:
    """Give samples in which each word, a number above 0, lasts 100 ms."""
    return b"".join(struct.pack("<h", number) * 1600 for number in range(first, end))


def words(first: int, end: int) -> str:
    return " ".join(f"w{number}" for number in range(first, end))


class Listener:
    """Answers each 100 ms with the sentence so far; a sentence has ten words.

    Args:
        drop_after: Drops each connection after so many blocks, as often as ``drops`` says.
        stall_after: Says nothing more after so many blocks of a connection.
        sentence: Words of a sentence.
        quiet_s: Closes a connection that is sent nothing for so long, as the service does after 60 s.
        close_code: With which the conversation ends after the goodbye.
        binary: Whether every other message comes as bytes.
        hears_zero: Whether zeros are a word as well, and no silence.
    """

    def __init__(
        self,
        *,
        drop_after: int = 0,
        drops: int = 0,
        stall_after: int = 0,
        sentence: int = 10,
        quiet_s: float | None = None,
        close_code: int = 1000,
        binary: bool = False,
        hears_zero: bool = False,
    ) -> None:
        self.drop_after, self.drops, self.stall_after, self.sentence = drop_after, drops, stall_after, sentence
        self.quiet_s, self.close_code, self.binary = quiet_s, close_code, binary
        self.hears_zero = hears_zero
        self.queries: list[dict[str, str]] = []
        self.audio: list[bytes] = []
        self.frames: list[int] = []
        self.goodbyes: list[str] = []
        self.heard_something = threading.Event()

    def __call__(self, connection: ServerConnection) -> None:
        query = parse_qs(urlsplit(connection.request.path).query)
        self.queries.append({name: values[0] for name, values in query.items()})
        connection.send('{"status": "ok"}')
        _Ear(self, connection).hear()


class _Ear:
    """One connection."""

    def __init__(self, listener: Listener, connection: ServerConnection) -> None:
        self.listener, self.connection = listener, connection
        self.audio = b""
        self.blocks = 0
        self.open: list[tuple[int, str]] = []
        self.said = 0

    def hear(self) -> None:
        listener, connection = self.listener, self.connection
        while True:
            try:
                frame = connection.recv(listener.quiet_s)
            except TimeoutError:
                connection.close(1000)
                return
            if isinstance(frame, str):
                listener.goodbyes.append(frame)
                listener.audio.append(self.audio)
                self._say(final=True)
                connection.close(listener.close_code)
                return
            listener.heard_something.set()
            listener.frames.append(len(frame))
            self.audio += frame
            while len(self.audio) >= (self.blocks + 1) * BLOCK:
                self._block()
                if listener.drops and self.blocks > listener.drop_after:
                    listener.drops -= 1
                    drop(connection)
                    return
                if listener.stall_after and self.blocks >= listener.stall_after:
                    while True:
                        connection.recv()

    def _block(self) -> None:
        (number,) = struct.unpack_from("<h", self.audio, self.blocks * BLOCK)
        heard = number or self.listener.hears_zero
        if heard:
            self.open.append((self.blocks * 100, f"w{number}"))
        self.blocks += 1
        if heard:
            self._say(final=len(self.open) == self.listener.sentence)

    def _say(self, *, final: bool) -> None:
        if not self.open:
            return
        told: dict[str, Any] = {
            "text": " ".join(word for _, word in self.open),
            "begin_time": self.open[0][0],
            "end_time": self.open[-1][0] + 100 if final else None,
            "words": [
                f"Word(beginTime={at}, endTime={at + 100}, text={word}, punctuation=, fixed=false)"
                for at, word in self.open
            ],
            "is_sentence_end": final,
        }
        if final:
            self.open = []
        self.said += 1
        message = json.dumps(told)
        self.connection.send(message.encode() if self.listener.binary and self.said % 2 else message)
