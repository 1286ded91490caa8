"""A local recording, taken apart into the samples that a live recogniser is sent; a file is read while it is sent.

Nothing is converted here, and no service is known.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

from maaskit.errors import InvalidInput
from maaskit.media import Media, MediaSource, sniff
from maaskit.wav import WavBody, read_head

BITS = 16
CHANNELS = 1
_SAMPLE_BYTES = BITS // 8 * CHANNELS
_HEAD_BYTES = 64 * 1024


def local_recording(audio: MediaSource, *, instead: str) -> Media:
    """Take a recording on this machine.

    Args:
        audio: A path, bytes, a binary file or Media.
        instead: What takes a URL, as the end of a sentence.

    Returns:
        The recording.

    Raises:
        InvalidInput: It is missing, empty or a URL.
    """
    media = Media.of(audio, argument="audio")
    if media.url is not None:
        raise InvalidInput(f"audio must be a local recording; a URL goes to {instead}.")
    return media


def samples_of(media: Media, sample_rate: int, *, piece_ms: int = 1000) -> Iterator[bytes]:
    """Give the samples of a recording.

    Args:
        media: A WAV of 16 bits and one channel, or samples of that kind alone (``.pcm``, ``.raw``, bytes without a
            header).
        sample_rate: Samples per second that are wanted.
        piece_ms: Length of a piece in milliseconds.

    Returns:
        The samples, in pieces.

    Raises:
        InvalidInput: It is something else, or a WAV without samples. The rate of a WAV is checked as it comes.
    """
    kind = sniff(media.head()) or ("samples" if media.suffix in ("", ".pcm", ".raw") else media.mime_type())
    if kind not in ("audio/wav", "samples"):
        raise InvalidInput(
            f"audio is {kind or media.suffix}; the socket takes {_kilo(sample_rate)} kHz 16-bit mono WAV or PCM. "
            f"Convert it, for example with: ffmpeg -i in.mp3 -ar {sample_rate} -ac 1 -c:a pcm_s16le out.wav"
        )
    if kind == "audio/wav":
        _check_not_empty(media)
    size = sample_rate * _SAMPLE_BYTES * max(1, piece_ms) // 1000 // _SAMPLE_BYTES * _SAMPLE_BYTES
    return _pieces(
        media, max(size, _SAMPLE_BYTES), WavBody(sample_rate, BITS, CHANNELS) if kind == "audio/wav" else None
    )


def blocks_of(media: Media, size: int) -> Iterator[bytes]:
    """Give the bytes of a recording as they are.

    Args:
        media: The recording.
        size: Bytes of a piece.

    Returns:
        The pieces.
    """
    return _pieces(media, size, None)


def _check_not_empty(media: Media) -> None:
    """Refuse a WAV that is nothing but a header, as far as the beginning of the file tells."""
    size, head = media.size() or 0, read_head(media.head(_HEAD_BYTES))
    if (head is None and size <= _HEAD_BYTES) or (head is not None and size <= head.start):
        raise _without_samples()


def _without_samples() -> InvalidInput:
    return InvalidInput("The WAV has no samples: it ends with its header.")


def _pieces(media: Media, size: int, wav: WavBody | None) -> Iterator[bytes]:
    found = wav is None
    with media.path.open("rb") if media.path is not None else io.BytesIO(media.data or b"") as file:
        while data := file.read(size):
            samples = wav.feed(data) if wav is not None else data
            if samples:
                found = True
                yield samples
    if not found:
        raise _without_samples()


def _kilo(sample_rate: int) -> str:
    return f"{sample_rate / 1000:g}"
