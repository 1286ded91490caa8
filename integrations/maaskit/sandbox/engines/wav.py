"""RIFF WAVE by hand: headers read tolerantly, samples of every common width, plain files written.

Other containers belong to `containers`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from maaskit.sandbox.engines import CannotRead
from maaskit.sandbox.engines.sound import Sound, from_samples

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PCM: Final = 1
FLOAT: Final = 3
EXTENSIBLE: Final = 0xFFFE
WIDTHS: Final = {PCM: (8, 16, 24, 32), FLOAT: (32, 64)}
MAX_HEADER_BYTES: Final = 64 * 1024
"""Chunks before the samples may take as much: pictures and texts of a tagged file, not more."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Say how the samples of a file lie.

    Args:
        kind: `PCM`, `FLOAT`, or another code that is not read here.
        channels: Channels that alternate sample by sample.
        rate: Samples per second and channel.
        bits: Width of a sample.
        begin: Where the samples begin, in bytes.
        size: How many bytes of samples the header promises; streams that were written as they came promise 0 or 2³²-1.
    """

    kind: int
    channels: int
    rate: int
    bits: int
    begin: int
    size: int

    @property
    def is_plain(self) -> bool:
        """Tell whether the samples can be read without a codec."""
        return self.bits in WIDTHS.get(self.kind, ()) and self.channels > 0 and self.rate > 0

    @property
    def frame_bytes(self) -> int:
        """Tell how many bytes the samples of one moment take."""
        return self.channels * self.bits // 8


def is_wav(data: bytes) -> bool:
    """Tell whether bytes begin as a WAVE file does.

    Args:
        data: At least the first 12 bytes.

    Returns:
        Whether they do.
    """
    return data[:4] == b"RIFF" and data[8:12] == b"WAVE"


def layout(data: bytes) -> Layout | None:
    """Read the header.

    Args:
        data: The file, or as much of it as there is yet.

    Returns:
        Where the samples lie; None while the header is not there as a whole.

    Raises:
        CannotRead: It is no WAVE file, or its samples are not described before they come.
    """
    if len(data) >= 12 and not is_wav(data):
        raise CannotRead("the data is no WAV file")
    at, found = 12, None
    while at + 8 <= len(data):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if name == b"data":
            if found is None:
                raise CannotRead("the WAV file does not say how its samples lie")
            return Layout(*found, begin=at + 8, size=size)
        if name == b"fmt " and at + 8 + size <= len(data):
            found = _format(data[at + 8 : at + 8 + size])
        at += 8 + size + size % 2
        if at > MAX_HEADER_BYTES:
            raise CannotRead("the WAV file has no samples near its beginning")
    return None


def unpack(data: bytes) -> Sound:
    """Read a WAVE file; channels are mixed into one.

    Args:
        data: The file; a truncated one gives what is there.

    Returns:
        The sound at the file's own rate.

    Raises:
        CannotRead: It is no WAVE file, or its samples need a codec.
    """
    found = layout(data)
    if found is None:
        raise CannotRead("the WAV file ends within its header")
    if not found.is_plain:
        raise CannotRead(f"the WAV file's samples (format {found.kind}, {found.bits} bits) are not plain")
    end = found.begin + found.size if 0 < found.size < 0xFFFFFFFF else len(data)
    return from_samples(to_mono(data[found.begin : end], found), found.rate)


def to_mono(data: bytes, found: Layout) -> NDArray[np.floating]:
    """Read plain samples and mix their channels.

    Args:
        data: Samples as they lie in the file; an incomplete last frame is left out.
        found: How they lie.

    Returns:
        One channel at 16-bit scale.
    """
    whole = data[: len(data) // found.frame_bytes * found.frame_bytes]
    mixed: NDArray[np.floating] = _scaled(whole, found).reshape(-1, found.channels).mean(axis=1)
    return mixed


def pack(sound: Sound) -> bytes:
    """Write a plain WAVE file.

    Args:
        sound: What to write.

    Returns:
        The file: 44 bytes of header and the samples.
    """
    return header(sound.rate, len(sound.pcm)) + sound.pcm


def header(rate: int, size: int) -> bytes:
    """Write the header of a plain WAVE file of one channel.

    Args:
        rate: Samples per second.
        size: Bytes of samples that follow; 2³²-1 where nobody knows yet.

    Returns:
        44 bytes.
    """
    fields = struct.pack("<IHHIIHH", 16, PCM, 1, rate, rate * 2, 2, 16)
    whole = min(36 + size, 0xFFFFFFFF)
    return b"RIFF" + struct.pack("<I", whole) + b"WAVEfmt " + fields + b"data" + struct.pack("<I", size)


def _format(chunk: bytes) -> tuple[int, int, int, int]:
    if len(chunk) < 16:
        raise CannotRead("the WAV file's format chunk is too short")
    kind, channels, rate, _, _, bits = struct.unpack("<HHIIHH", chunk[:16])
    if kind == EXTENSIBLE and len(chunk) >= 26:
        kind = int.from_bytes(chunk[24:26], "little")
    return kind, channels, rate, bits


def _scaled(data: bytes, found: Layout) -> NDArray[np.floating]:
    import numpy as np  # noqa: PLC0415 -- loaded on use: heavy

    if found.kind == FLOAT:
        loud = np.frombuffer(data, dtype=f"<f{found.bits // 8}").astype("f8")
        scaled: NDArray[np.floating] = np.nan_to_num(loud, posinf=1, neginf=-1) * 32768
        return scaled
    if found.bits == 8:  # the one width without a sign
        return (np.frombuffer(data, dtype="u1").astype("f8") - 128) * 256
    if found.bits == 24:
        wide = np.zeros((len(data) // 3, 4), dtype="u1")
        wide[:, 1:] = np.frombuffer(data, dtype="u1").reshape(-1, 3)
        return wide.reshape(-1).view("<i4").astype("f8") / 65536
    return np.frombuffer(data, dtype=f"<i{found.bits // 8}").astype("f8") / (1 << (found.bits - 16))
