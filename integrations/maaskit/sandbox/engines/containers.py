"""Sound files of every kind the clouds name, read and written with FFmpeg's libraries (PyAV).

Plain WAVE files are read and written by `wav`; sounds that arrive in pieces belong to `sound_stream`.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Protocol

from maaskit.sandbox.engines import CannotRead, wav
from maaskit.sandbox.engines.sound import BYTES_PER_SAMPLE, Sound

if TYPE_CHECKING:
    import av
    import numpy as np
    from av.container import InputContainer
    from numpy.typing import NDArray

READABLE: Final = "wav,w64,mp3,ogg,mov,flac,amr,amrnb,amrwb,aac,asf,flv,matroska,caf,aiff,au"
"""What FFmpeg may take a file for: sound and video files, and nothing that points to other files, as playlists do."""

MAX_DURATION_S: Final = 5 * 3600
"""SophNet, Speech to text: 时长不能大于5小时; nothing longer is unpacked."""


class Source(Protocol):
    """Bytes that FFmpeg asks for; where they can be sought in, as in a file, it does so."""

    def read(self, size: int, /) -> bytes:
        """Give the next bytes.

        Args:
            size: How many at most.

        Returns:
            Some bytes; none mean the end.
        """


LIVE: Final = MappingProxyType({"probesize": "4096", "analyzeduration": "0"})
"""Options for FFmpeg when a sound is still coming in: guess what it is from its first bytes."""

LIVE_BYTES: Final = 1024
WHOLE_BYTES: Final = 32768
"""How much FFmpeg asks for at a time."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """Say how a sound is written.

    Args:
        container: FFmpeg's name of the container.
        codec: FFmpeg's name of the codec.
        rates: Sample rates it takes, lowest first; empty for any.
        lossless: Whether a bit rate means nothing to it.
    """

    container: str
    codec: str
    rates: tuple[int, ...] = ()
    lossless: bool = False


ENCODINGS: Final[Mapping[str, Encoding]] = MappingProxyType(
    {
        "mp3": Encoding("mp3", "libmp3lame", (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)),
        "ogg": Encoding("ogg", "libopus", (8000, 12000, 16000, 24000, 48000)),
        "opus": Encoding("ogg", "libopus", (8000, 12000, 16000, 24000, 48000)),
        "aac": Encoding("adts", "aac", (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)),
        "m4a": Encoding("mp4", "aac", (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)),
        "amr": Encoding("amr", "libopencore_amrnb", (8000,)),
        "flac": Encoding("flac", "flac", lossless=True),
    }
)
"""What `encode` writes besides ``wav`` and ``pcm``."""


def decode(data: bytes, rate: int | None = None) -> Sound:
    """Read a sound file, or the sound of a video.

    Args:
        data: The file.
        rate: Samples per second of the result; the file's own by default.

    Returns:
        Its first sound track, mixed into one channel.

    Raises:
        CannotRead: No sound file, one without sound, a broken one, or one longer than 5 hours.
    """
    if wav.is_wav(data):
        found = wav.layout(data)
        if found is not None and found.is_plain:
            sound = wav.unpack(data)
            return sound if rate is None else resampled(sound, rate)
    with closing(_opened(io.BytesIO(data))) as container:
        target = rate or _own_rate(container)
        pieces = [piece.tobytes() for piece in _pieces(container, target)]
    return Sound(b"".join(pieces), target)


def blocks(source: Source, rate: int, *, live: bool = False) -> Iterator[bytes]:
    """Read a sound file piece by piece, as it is there.

    Args:
        source: The file, or a stream that blocks until there is more of it.
        rate: Samples per second of the result.
        live: Whether it is a stream: then little of it is looked at before it is decoded.

    Yields:
        One channel of signed 16-bit samples, little-endian, a few at a time.

    Raises:
        CannotRead: As for `decode`.
    """
    with closing(_opened(source, live=live)) as container:
        for piece in _pieces(container, rate):
            yield piece.tobytes()


def name_of(data: bytes) -> str:
    """Find out what kind of file bytes are.

    Args:
        data: The file.

    Returns:
        FFmpeg's name of the container, such as ``wav``, ``mp3`` or ``ogg``.

    Raises:
        CannotRead: It is no sound file.
    """
    with closing(_opened(io.BytesIO(data))) as container:
        return container.format.name


def resampled(sound: Sound, rate: int) -> Sound:
    """Convert a sound to another sample rate.

    Args:
        sound: The sound.
        rate: Samples per second that are wanted.

    Returns:
        The sound at that rate.
    """
    import numpy as np  # noqa: PLC0415 -- loaded on use: heavy

    if sound.rate == rate or not sound.pcm:
        return Sound(sound.pcm, rate)
    convert = Resampler(rate)
    pieces = [*convert.feed(as_frame(sound.samples, sound.rate)), *convert.feed(None)]
    return Sound(np.concatenate(pieces).tobytes(), rate)


def encode(sound: Sound, form: str, *, rate: int | None = None, bit_rate: int | None = None) -> bytes:
    """Write a sound file.

    Args:
        sound: The sound.
        form: ``wav``, ``pcm``, or one of `ENCODINGS`.
        rate: Samples per second of the file; the sound's own by default, or the next that the codec takes.
        bit_rate: Bits per second; the codec's own choice by default. Means nothing to lossless forms.

    Returns:
        The file.

    Raises:
        ValueError: The form is not known.
    """
    if form not in ENCODINGS and form not in ("wav", "pcm"):
        raise ValueError(f"no form {form!r}: one of wav, pcm, {', '.join(ENCODINGS)}")
    wanted = rate or sound.rate
    if form in ("wav", "pcm"):
        converted = resampled(sound, wanted)
        return converted.pcm if form == "pcm" else wav.pack(converted)
    chosen = ENCODINGS[form]
    fitting = min((r for r in chosen.rates if r >= wanted), default=max(chosen.rates, default=wanted))
    return _written(resampled(sound, fitting if chosen.rates else wanted), chosen, bit_rate)


class Resampler:
    """Convert FFmpeg's frames of any layout to one channel of 16-bit samples at one rate.

    Args:
        rate: Samples per second of the result.
    """

    def __init__(self, rate: int) -> None:
        import av  # noqa: PLC0415 -- loaded on use: heavy

        self._resampler = av.AudioResampler(format="s16", layout="mono", rate=rate)
        self._touched = False

    def feed(self, frame: av.AudioFrame | None) -> Iterator[NDArray[np.int16]]:
        """Convert a frame.

        Args:
            frame: The next frame, or None at the end for what is left.

        Yields:
            Samples.
        """
        if frame is None and not self._touched:
            return
        self._touched = True
        for converted in self._resampler.resample(frame):
            yield converted.to_ndarray().reshape(-1).astype("<i2")


def _opened(source: Source, *, live: bool = False) -> InputContainer:
    import av  # noqa: PLC0415 -- loaded on use: heavy

    try:
        options = {"format_whitelist": READABLE, **(LIVE if live else {})}
        step = LIVE_BYTES if live else WHOLE_BYTES
        container = av.open(source, mode="r", options=options, metadata_errors="replace", buffer_size=step)
    except (av.FFmpegError, ValueError) as error:
        raise CannotRead("the data is no sound file that the sandbox knows") from error
    if not container.streams.audio:
        container.close()
        raise CannotRead("the file has no sound in it")
    return container


def _own_rate(container: InputContainer) -> int:
    rate = container.streams.audio[0].rate
    if not rate:
        raise CannotRead("the file does not tell its sample rate")
    return int(rate)


def _pieces(container: InputContainer, rate: int) -> Iterator[NDArray[np.int16]]:
    import av  # noqa: PLC0415 -- loaded on use: heavy

    convert, length, most = Resampler(rate), 0, MAX_DURATION_S * rate
    try:
        for frame in container.decode(container.streams.audio[0]):
            for piece in convert.feed(frame):
                length += len(piece)
                if length > most:
                    raise CannotRead(f"the sound is longer than {MAX_DURATION_S // 3600} hours")
                yield piece
        yield from convert.feed(None)
    except av.FFmpegError as error:
        if not length:
            raise CannotRead(f"the sound file is broken ({type(error).__name__})") from error
        # A file that breaks off is heard as far as it goes.


def as_frame(samples: NDArray[np.int16], rate: int) -> av.AudioFrame:
    """Make a frame as FFmpeg wants it.

    Args:
        samples: One channel.
        rate: Samples per second.

    Returns:
        The frame, the first of its sound.
    """
    import av  # noqa: PLC0415 -- loaded on use: heavy

    frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate = rate
    frame.pts = 0
    return frame


def _written(sound: Sound, encoding: Encoding, bit_rate: int | None) -> bytes:
    import av  # noqa: PLC0415 -- loaded on use: heavy

    target = io.BytesIO()
    options = {"fflags": "+bitexact"}  # no encoder's name and no date: the same sound gives the same file
    with av.open(target, mode="w", format=encoding.container, options=options) as container:
        stream: Any = container.add_stream(encoding.codec, rate=sound.rate, layout="mono")
        stream.codec_context.flags |= _BITEXACT
        if bit_rate and not encoding.lossless:
            stream.bit_rate = bit_rate
        step = sound.rate * BYTES_PER_SAMPLE
        for at in range(0, max(len(sound.pcm), 1), step):
            piece = Sound(sound.pcm[at : at + step], sound.rate).samples
            if not len(piece):
                break
            frame = as_frame(piece, sound.rate)
            frame.pts = at // BYTES_PER_SAMPLE
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return target.getvalue()


_BITEXACT: Final = 1 << 23
"""FFmpeg's AV_CODEC_FLAG_BITEXACT."""
