"""A sound file that is written while its sound is still being made.

Files that are written at once, and those of other kinds, belong to `containers`.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final

from maaskit.sandbox.engines import wav
from maaskit.sandbox.engines.containers import ENCODINGS, resampled
from maaskit.sandbox.engines.sound import BYTES_PER_SAMPLE, Sound

if TYPE_CHECKING:
    import av
    from av.container import OutputContainer

UNKNOWN_SIZE: Final = 0xFFFF_FFFF - 36
"""What a WAV header says of samples that nobody has counted yet: as much as it can say."""

_BITEXACT: Final = 1 << 23
"""FFmpeg's AV_CODEC_FLAG_BITEXACT."""


class Encoder:
    """Write MP3, WAV or bare samples piece by piece; joined, the pieces are one file.

    Args:
        form: ``mp3``, ``wav`` or ``pcm``.
        rate: Samples per second of the file; one that MP3 knows.
        bit_rate: Bits per second of an MP3.
        size: Bytes of samples that a WAV header promises.
    """

    def __init__(self, form: str, rate: int, *, bit_rate: int | None = None, size: int = UNKNOWN_SIZE) -> None:
        self._rate = rate
        self._head = wav.header(rate, size) if form == "wav" else b""
        self._mp3 = _Mp3(rate, bit_rate) if form == "mp3" else None

    def feed(self, sound: Sound) -> bytes:
        """Take the next stretch of the sound.

        Args:
            sound: At any rate.

        Returns:
            What of the file is ready; possibly nothing.
        """
        converted = resampled(sound, self._rate)
        if self._mp3 is not None:
            return self._mp3.feed(converted)
        head, self._head = self._head, b""
        return head + converted.pcm

    def finish(self) -> bytes:
        """End the file.

        Returns:
            Its last bytes.
        """
        head, self._head = self._head, b""
        return head if self._mp3 is None else self._mp3.finish()


class _Mp3:
    """An MP3 file without the count of its frames at its head, which only the end could tell."""

    def __init__(self, rate: int, bit_rate: int | None) -> None:
        import av  # noqa: PLC0415 -- loaded on use: heavy

        self._target = _Written()
        options = {"fflags": "+bitexact", "write_xing": "0"}
        self._container: OutputContainer = av.open(self._target, mode="w", format="mp3", options=options)
        self._stream: Any = self._container.add_stream(ENCODINGS["mp3"].codec, rate=rate, layout="mono")
        self._stream.codec_context.flags |= _BITEXACT
        if bit_rate:
            self._stream.codec_context.bit_rate = bit_rate
        self._rate, self._samples = rate, 0

    def feed(self, sound: Sound) -> bytes:
        step = self._rate * BYTES_PER_SAMPLE
        for at in range(0, len(sound.pcm), step):
            self._container.mux(self._stream.encode(self._frame(sound.pcm[at : at + step])))
        return self._target.taken()

    def finish(self) -> bytes:
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._target.taken()

    def _frame(self, pcm: bytes) -> av.AudioFrame:
        import av  # noqa: PLC0415 -- loaded on use: heavy

        samples = Sound(pcm, self._rate).samples.reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate, frame.pts = self._rate, self._samples
        self._samples += samples.shape[1]
        return frame


class _Written(io.RawIOBase):
    """A file that is taken away as it grows, so that nothing in it can be written again."""

    def __init__(self) -> None:
        self._data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._data += data
        return len(data)

    def taken(self) -> bytes:
        data, self._data = bytes(self._data), bytearray()
        return data
