"""The samples inside a WAV stream, found while it comes in, and what its header says of them.

Nothing is converted here: samples of another kind than the wanted one are refused.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from maaskit.errors import InvalidInput

_PCM, _EXTENSIBLE = 0x0001, 0xFFFE
_MAX_HEADER_BYTES = 1024 * 1024
"""Bound of everything before the samples; editors store pictures there."""


# Who writes before the length is known writes 0, or a number from here on.
UNTOLD_BYTES = 0xFFFF_FF00


class WavHead(NamedTuple):
    """Be what stands before a WAV's samples.

    Args:
        start: Where the samples begin.
        size: How many bytes of them there are, as it says.
        kind: What it says of their kind: the content of its ``fmt`` chunk.
    """

    start: int
    size: int
    kind: bytes

    @property
    def bytes_per_s(self) -> int:
        """Give the bytes of a second of sound, or 0 where it does not tell."""
        return int.from_bytes(self.kind[8:12], "little")


def read_head(data: bytes | bytearray) -> WavHead | None:
    """Read a WAV's header.

    Args:
        data: The beginning of the file.

    Returns:
        The header, or ``None`` when it is not all there, or it is no WAV.
    """
    if len(data) < 12 or data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        return None
    place, kind = 12, b""
    while len(data) >= place + 8:
        name, size = bytes(data[place : place + 4]), int.from_bytes(data[place + 4 : place + 8], "little")
        if name == b"data":
            return WavHead(place + 8, size, kind)
        if name == b"fmt ":
            kind = bytes(data[place + 8 : place + 8 + size])
        place += 8 + size + size % 2
    return None


class WavBody:
    """Take the header off a WAV.

    Args:
        sample_rate: Wanted samples per second.
        bits: Wanted bits per sample.
        channels: Wanted number of channels.
    """

    def __init__(self, sample_rate: int, bits: int, channels: int) -> None:
        self._wanted = (sample_rate, bits, channels)
        self._head = bytearray()
        self._left: int | None = None
        self._known = False

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes of the file.

        Args:
            data: Any piece.

        Returns:
            The samples in it; nothing while the header is not complete, and nothing after the last sample.

        Raises:
            InvalidInput: It is no WAV, or its samples are of another kind.
        """
        if self._left is None:
            self._head += data
            body = self._read_head()
            if body is None:
                return b""
            data = body
        samples = data[: self._left]
        self._left -= len(samples)  # type: ignore[operator]  # the head was read
        return samples

    def _read_head(self) -> bytes | None:
        """Go from chunk to chunk until the samples begin."""
        head = self._head
        if len(head) < 12:
            return None
        if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
            raise InvalidInput("The audio is no WAV: it does not begin with RIFF and WAVE.")
        place = 12
        while len(head) >= place + 8:
            name, size = bytes(head[place : place + 4]), int.from_bytes(head[place + 4 : place + 8], "little")
            if name == b"data":
                return self._begin(place + 8, size)
            if name == b"fmt " and len(head) >= place + 8 + size:
                self._check(bytes(head[place + 8 : place + 8 + size]))
            place += 8 + size + size % 2
        if len(head) > _MAX_HEADER_BYTES:
            raise InvalidInput(f"The WAV has no samples within its first {_MAX_HEADER_BYTES} bytes.")
        return None

    def _begin(self, start: int, size: int) -> bytes:
        if not self._known:
            raise InvalidInput("The WAV does not tell the kind of its samples.")
        # Who writes to a pipe does not know the size, and writes 0 or the largest number.
        self._left = size if 0 < size < UNTOLD_BYTES else 1 << 62
        body = bytes(self._head[start:])
        self._head.clear()
        return body

    def _check(self, told: bytes) -> None:
        if len(told) < 16:
            raise InvalidInput("The WAV's description of its samples is cut short.")
        kind, channels, sample_rate, _, _, bits = struct.unpack_from("<HHIIHH", told)
        if kind == _EXTENSIBLE and len(told) >= 26:
            (kind,) = struct.unpack_from("<H", told, 24)
        wanted_rate, wanted_bits, wanted_channels = self._wanted
        if kind != _PCM or (sample_rate, bits, channels) != self._wanted:
            raise InvalidInput(
                f"The WAV has {sample_rate} Hz, {bits} bits, {channels} channel(s), coding {kind:#06x}; wanted are "
                f"{wanted_rate} Hz, {wanted_bits} bits, {wanted_channels} channel(s) of PCM (coding 0x0001). Convert "
                f"it, for example with: ffmpeg -i in.wav -ar {wanted_rate} -ac {wanted_channels} -c:a pcm_s16le out.wav"
            )
        self._known = True
