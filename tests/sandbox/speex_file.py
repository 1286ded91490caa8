"""An Ogg file of Speex frames, put together by hand: nothing at hand encodes Speex, and any bits are valid frames."""

from __future__ import annotations

import random
import struct

RATE = 8000
FRAME_SAMPLES = 160
FRAME_BYTES = 20
"""Narrow band, sub-mode 3: 8000 bits per second."""
FRAMES_PER_PAGE = 50


def speex_noise(duration_ms: int) -> bytes:
    """Give a noise that lasts so long, to 20 ms."""
    rng = random.Random(1)  # noqa: S311 - a noise is no secret
    head = b"Speex   " + b"1.2".ljust(20, b"\0")
    head += struct.pack("<13i", 1, 80, RATE, 0, 4, 1, -1, FRAME_SAMPLES, 0, 1, 0, 0, 0)
    comment = struct.pack("<I", 4) + b"test" + struct.pack("<I", 0)
    frames = [
        bytes([0b00011_000 | rng.getrandbits(3)]) + rng.randbytes(FRAME_BYTES - 1) for _ in range(duration_ms // 20)
    ]
    pages = [page([head], 0, 0, flags=2), page([comment], 1, 0)]
    for at in range(0, len(frames), FRAMES_PER_PAGE):
        group = frames[at : at + FRAMES_PER_PAGE]
        is_last = at + FRAMES_PER_PAGE >= len(frames)
        pages.append(page(group, len(pages), (at + len(group)) * FRAME_SAMPLES, flags=4 if is_last else 0))
    return b"".join(pages)


def page(packets: list[bytes], number: int, position: int, flags: int = 0) -> bytes:
    """Write a page of Ogg (RFC 3533, 6); its packets are shorter than 255 bytes."""
    sizes = bytes(map(len, packets))
    head = b"OggS" + struct.pack("<BBqIIIB", 0, flags, position, 1, number, 0, len(sizes)) + sizes
    data = head + b"".join(packets)
    return data[:22] + struct.pack("<I", crc(data)) + data[26:]


def crc(data: bytes) -> int:
    value = 0
    for byte in data:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1) ^ (0x104C11DB7 if value & 0x80000000 else 0)
    return value
