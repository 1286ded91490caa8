"""Recordings that are long without taking place."""

from __future__ import annotations

import struct
from pathlib import Path


def wav_head(seconds: float, *, told: int | None = None) -> bytes:
    size = int(seconds * 32000)
    kind = struct.pack("<HHIIHH", 1, 1, 16000, 32000, 2, 16)
    said = struct.pack("<I", size if told is None else told)
    return b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt " + struct.pack("<I", 16) + kind + b"data" + said


def sparse(path: Path, size: int, head: bytes = b"ID3\x04\0\0\0\0\0\0") -> Path:
    """Make a file that is large without taking place."""
    with path.open("wb") as file:
        file.write(head)
        file.truncate(size)
    return path
