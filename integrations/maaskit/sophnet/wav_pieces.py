"""One playable WAV out of the pieces in which SophNet sends it.

Nothing is converted: pieces of different kinds are refused.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from maaskit.errors import InvalidInput
from maaskit.sophnet.speech_settings import AudioFormat
from maaskit.wav import UNTOLD_BYTES, WavHead, read_head

_LARGEST = 0xFFFF_FFFF


def one_wav(pieces: Iterable[bytes], form: AudioFormat | None = None) -> bytes:
    """Put the pieces of a WAV together, and make its header true.

    The service sends one header, before it knows the length, and goes on with samples; a later piece that has a header
    of its own, as a second text may bring, continues the same sound.

    Args:
        pieces: The pieces, in order.
        form: Makes the header of samples that come without one.

    Returns:
        A WAV whose header tells the length that it has.

    Raises:
        InvalidInput: The samples of a later piece are of another kind.
    """
    body = bytearray()
    first: WavHead | None = None
    for piece in pieces:
        head = read_head(piece) if piece[:4] == b"RIFF" else None
        if head is not None and first is not None:
            if head.kind != first.kind:
                raise InvalidInput("The pieces of the WAV have different kinds of samples: they are no one sound.")
            piece = piece[head.start :]  # noqa: PLW2901 - its header says nothing new
        body += piece
        if first is None:
            first = read_head(body)  # a header may come in several pieces
    if first is None:
        return bytes(body) if form is None or body[:4] == b"RIFF" else _header(form, len(body)) + bytes(body)
    if not _is_true(body, first):
        struct.pack_into("<I", body, first.start - 4, min(len(body) - first.start, _LARGEST))
        struct.pack_into("<I", body, 4, min(len(body) - 8, _LARGEST))
    return bytes(body)


def _is_true(body: bytearray, head: WavHead) -> bool:
    """Tell whether a header tells where its samples end: at the end of the file, or where other chunks begin."""
    place = head.start + head.size + head.size % 2
    if not 0 < head.size < UNTOLD_BYTES or len(body) < head.start + head.size:
        return False
    while len(body) >= place + 8:
        if not bytes(body[place : place + 4]).isalnum():
            return False
        size = int.from_bytes(body[place + 4 : place + 8], "little")
        place += 8 + size + size % 2
    return place >= len(body) and place - len(body) <= 1 and int.from_bytes(body[4:8], "little") == len(body) - 8


def _header(form: AudioFormat, size: int) -> bytes:
    width = form.channels * (form.bits or 16) // 8
    told = struct.pack("<HHIIHH", 1, form.channels, form.sample_rate, form.sample_rate * width, width, form.bits or 16)
    return (
        b"RIFF"
        + struct.pack("<I", 36 + size)
        + b"WAVEfmt "
        + struct.pack("<I", 16)
        + told
        + b"data"
        + struct.pack("<I", size)
    )
