"""The processes that listen: few, started when first needed, ended with Python, replaced when they break.

What they do is written in `listener`; what is a sentence is found out by `endpointing`.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

MOST: Final = 2
"""Processes at once; each takes some 100 MB and a processor."""

START_S: Final = 60.0
SECONDS_PER_SECOND: Final = 30.0
"""A listener that needs more time than this for a sound, on whatever machine, hangs."""

BYTES_PER_SECOND: Final = 32_000
"""16 kHz, 16 bits, one channel."""

CAREFUL: Final[Mapping[str, Any]] = MappingProxyType({})
"""Settings for a whole sentence: pocketsphinx's own."""

QUICK: Final[Mapping[str, Any]] = MappingProxyType({"fwdflat": False, "bestpath": False, "maxhmmpf": 3000, "maxwpf": 8})
"""Settings for a sentence that goes on: one pass, over the likeliest words only."""


@dataclass(frozen=True, slots=True)
class HeardWord:
    """Hold a word and its place in the sound that was given.

    Args:
        text: The word, in lower case.
        begin_ms: Where it begins.
        end_ms: Where it ends.
        probability: How sure the listener is, from 0 to 1.
    """

    text: str
    begin_ms: int
    end_ms: int
    probability: float


class Listeners:
    """Share a few listening processes among threads.

    Args:
        most: How many processes there are at most.
    """

    def __init__(self, most: int = MOST) -> None:
        self._turn = threading.BoundedSemaphore(most)
        self._lock = threading.Lock()
        self._idle: list[subprocess.Popen[bytes]] = []
        self._owner = os.getpid()

    def hear(self, pcm: bytes, settings: Mapping[str, Any] = CAREFUL) -> list[HeardWord]:
        """Find the words in a sound.

        Args:
            pcm: One utterance: 16 kHz, 16 bits, one channel.
            settings: `CAREFUL` or `QUICK`.

        Returns:
            The words in order; empty where none is heard.

        Raises:
            RuntimeError: The listener broke down, twice.
        """
        if not pcm:
            return []
        with self._turn:
            for last in (False, True):
                process = self._take()
                found = _ask(process, pcm, settings)
                if found is not None:
                    self._give_back(process)
                    return found
                _end(process)
                if last:
                    break
        raise RuntimeError("the listener broke down")

    def close(self) -> None:
        """End the processes that wait; the next sound starts new ones."""
        with self._lock:
            idle, self._idle = self._idle, []
        if self._owner == os.getpid():
            for process in idle:
                _end(process)

    def _take(self) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._owner != os.getpid():  # after a fork: those processes are the parent's
                self._idle, self._owner = [], os.getpid()
            if self._idle:
                return self._idle.pop()
        return _started()

    def _give_back(self, process: subprocess.Popen[bytes]) -> None:
        with self._lock:
            self._idle.append(process)


def _started() -> subprocess.Popen[bytes]:
    program = Path(__file__).with_name("listener.py")
    process = subprocess.Popen(  # noqa: S603 -- our own program, by its path
        [sys.executable, "-I", "-S", str(program)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    _write(process, json.dumps({"path": sys.path}).encode() + b"\n")
    return process


def _ask(process: subprocess.Popen[bytes], pcm: bytes, settings: Mapping[str, Any]) -> list[HeardWord] | None:
    order = {"bytes": len(pcm), "settings": dict(settings)}
    # A pipe cannot be read with a time limit on every system, but a process can be ended by a timer on each.
    timer = threading.Timer(START_S + len(pcm) / BYTES_PER_SECOND * SECONDS_PER_SECOND, process.kill)
    timer.daemon = True
    timer.start()
    try:
        if not _write(process, json.dumps(order).encode() + b"\n" + pcm) or process.stdout is None:
            return None
        line = process.stdout.readline()
    finally:
        timer.cancel()
    if not line:
        return None
    return [
        HeardWord(text, begin * 10, (end + 1) * 10, probability) for text, begin, end, probability in json.loads(line)
    ]


def _write(process: subprocess.Popen[bytes], data: bytes) -> bool:
    try:
        if process.stdin is not None:
            process.stdin.write(data)
            process.stdin.flush()
    except OSError:
        return False
    return True


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
    process.wait()


LISTENERS: Final = Listeners()
"""Those of this Python process."""

atexit.register(LISTENERS.close)
