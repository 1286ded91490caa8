"""How long a sound plays and how large a picture is, where headers tell it; nothing is decoded.

What services tell of their results is not known here.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from maaskit.media import Media
from maaskit.wav import UNTOLD_BYTES, read_head

# MPEG audio, layer III (ISO 11172-3 and 13818-3): kilobits per second by index, and samples per second by version.
_KBPS_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBPS_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_RATES = {0: (11025, 12000, 8000), 2: (22050, 24000, 16000), 3: (44100, 48000, 32000)}
_VERSION_1 = 3
_LAYER_3 = 1
_MONO = 3


def measured(kind: str, media: Media) -> dict[str, Any]:
    """Measure what a service made.

    Args:
        kind: ``audio``, ``image`` or ``video``.
        media: The content, in memory.

    Returns:
        ``duration_s`` of a WAV or an MP3, ``size`` (width*height) of a picture; nothing where the content tells it not.
    """
    if kind == "image":
        size = media.image_size()
        return {} if size is None else {"size": f"{size[0]}*{size[1]}"}
    if kind == "audio" and media.data is not None:
        seconds = seconds_of(media.data)
        return {} if seconds is None else {"duration_s": seconds}
    return {}


def seconds_of(sound: bytes) -> float | None:
    """Tell how long a sound plays.

    Args:
        sound: A whole WAV or MP3.

    Returns:
        Seconds, to the hundredth, or ``None`` where it is something else, or damaged.
    """
    if sound[:4] == b"RIFF":
        return _of_wav(sound)
    try:
        seconds = sum(_frames(sound))
    except _NoFrameError:
        return None
    return round(seconds, 2) if seconds else None


def _of_wav(sound: bytes) -> float | None:
    head = read_head(sound)
    if head is None or not head.bytes_per_s:
        return None
    there = len(sound) - head.start
    size = min(head.size, there) if 0 < head.size < UNTOLD_BYTES else there
    return round(size / head.bytes_per_s, 2)


class _NoFrameError(Exception):
    """There is something else where a frame should begin."""


def _frames(sound: bytes) -> Iterator[float]:
    """Give the seconds of each MP3 frame, from header to header; files that were put together are one."""
    place, first = 0, True
    while len(sound) - place >= 4 and sound[place : place + 3] != b"TAG":  # ID3v1 is the end
        if sound[place : place + 3] == b"ID3":
            place, first = place + _tag_bytes(sound, place), True
            continue
        size, seconds, offset = _frame(struct.unpack_from(">I", sound, place)[0])
        if place + size > len(sound):  # cut within its last frame, or no frame at all
            if first:
                raise _NoFrameError
            return
        if not (first and sound[place + offset : place + offset + 4] in (b"Xing", b"Info")):  # plays nothing
            yield seconds
        place, first = place + size, False


def _tag_bytes(sound: bytes, place: int) -> int:
    """Give the length of an ID3v2 tag, which is written in seven bits a byte."""
    head = sound[place : place + 10]
    if len(head) < 10:
        raise _NoFrameError
    length = 0
    for byte in head[6:]:
        length = length << 7 | byte & 0x7F
    return 10 + length + (10 if head[5] & 0x10 else 0)


def _frame(head: int) -> tuple[int, float, int]:
    """Read a frame's header: its bytes, its seconds, and where a table of contents would stand in it."""
    version, layer = head >> 19 & 3, head >> 17 & 3
    rates, bitrate, rate = _RATES.get(version), head >> 12 & 15, head >> 10 & 3
    if head >> 21 != 0x7FF or layer != _LAYER_3 or rates is None or bitrate in (0, 15) or rate == 3:
        raise _NoFrameError
    whole = version == _VERSION_1
    kbps = (_KBPS_1 if whole else _KBPS_2)[bitrate]
    samples = 1152 if whole else 576
    mono = head >> 6 & 3 == _MONO
    side = (17 if mono else 32) if whole else (9 if mono else 17)
    return samples * kbps * 125 // rates[rate] + (head >> 9 & 1), samples / rates[rate], 4 + side
