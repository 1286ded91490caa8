"""A recogniser on a scripted socket, written by the document's listing: it hears the number in each 100 ms of audio."""

from __future__ import annotations

import gzip
import io
import json
import struct
import threading
import wave
from typing import Any

from websockets.sync.server import ServerConnection

from tests.scripted_socket import drop

BLOCK = 3200  # bytes of 100 ms


def recording(words: int) -> bytes:
    """Give samples in which each word lasts 100 ms."""
    return b"".join(struct.pack("<h", number) * 1600 for number in range(words))


def wav_of(samples: bytes, rate: int = 16000) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(samples)
    return file.getvalue()


def words(first: int, end: int) -> str:
    return " ".join(f"w{number}" for number in range(first, end))


class Recogniser:
    """Answers each packet with all it has heard on its connection, in sentences of ten words.

    Args:
        drop_after: Drops each connection after so many packets, as often as ``drops`` says.
        stall_after: Says nothing more after so many packets of a connection.
    """

    def __init__(self, *, drop_after: int = 0, drops: int = 0, stall_after: int = 0, sentence: int = 10) -> None:
        self.drop_after, self.drops, self.stall_after, self.sentence = drop_after, drops, stall_after, sentence
        self.configs: list[Any] = []
        self.audio: list[bytes] = []
        self.heard_something = threading.Event()

    def __call__(self, connection: ServerConnection) -> None:
        audio, packets = b"", 0
        while True:
            frame = connection.recv()
            assert isinstance(frame, bytes)
            sequence, size = struct.unpack_from(">iI", frame, 4)
            payload = gzip.decompress(frame[12 : 12 + size])
            if frame[1] >> 4 == 1:
                self.configs.append(json.loads(payload))
                continue
            audio += payload
            packets += 1
            self.heard_something.set()
            if self.drops and packets > self.drop_after:
                self.drops -= 1
                drop(connection)
                return
            if self.stall_after and packets >= self.stall_after:
                while True:
                    connection.recv()
            last = sequence < 0
            connection.send(_frame(self._result(audio, last=last), sequence, last=last))
            if last:
                self.audio.append(audio)
                connection.recv()  # the goodbye
                return

    def _result(self, audio: bytes, *, last: bool) -> Any:
        spoken = [f"w{struct.unpack_from('<h', audio, at)[0]}" for at in range(0, len(audio) - BLOCK + 1, BLOCK)]
        told = []
        for start in range(0, len(spoken), self.sentence):
            some = spoken[start : start + self.sentence]
            told.append(
                {
                    "text": " ".join(some),
                    "start_time": start * 100,
                    "end_time": (start + len(some)) * 100,
                    "definite": last or len(some) == self.sentence,
                    "words": [
                        {"text": word, "start_time": at * 100, "end_time": at * 100 + 100}
                        for at, word in enumerate(some, start)
                    ],
                }
            )
        return {"result": {"text": " ".join(spoken), "utterances": told}}


def _frame(value: Any, sequence: int, *, last: bool) -> bytes:
    payload = gzip.compress(json.dumps(value).encode())
    return bytes((0x11, 0x93 if last else 0x91, 0x11, 0)) + struct.pack(">iI", sequence, len(payload)) + payload
