"""How much memory this process has, as the system sees it: to trace each allocation takes many times as long."""

from __future__ import annotations

import ctypes
import gc
import resource
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

FEW_BYTES = 24 * 1024 * 1024
"""What a test with half an hour of audio (57.6 MB) may take, in which nothing is kept."""


def resident_bytes() -> int:
    """Give the bytes that are in memory now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def give_back() -> None:
    """Give memory that is free within this process back to the system, so that using it again is growth."""
    gc.collect()
    with suppress(OSError, AttributeError):  # a matter of glibc
        ctypes.CDLL(None).malloc_trim(0)


class Growth:
    """Look at the memory now and then.

    Args:
        every: After how many calls a look is taken again.
    """

    def __init__(self, every: int = 100) -> None:
        give_back()
        self._every = every
        self._looks = 0
        self._first = self.most = 0

    def look(self) -> None:
        """Take a look, if it is time again."""
        if self._looks % self._every == 0:
            now = resident_bytes()
            self._first = self._first or now
            self.most = max(self.most, now - self._first)
        self._looks += 1


def half_an_hour() -> Iterator[bytes]:
    """Give 1800 seconds of 16 kHz PCM, each in memory of its own that is not the system's page of zeros."""
    for second in range(1800):
        yield bytes([second % 255 + 1]) * 32_000
