"""What callers of live recognition hand over, turned into what a session sends.

Sessions and sockets are not known here; a recording is read while it is sent.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from maaskit.errors import InvalidInput
from maaskit.media import Media
from maaskit.wav import WavBody


class Intake(Protocol):
    """Turn what callers hand over into what the session sends; one object serves one conversation."""

    def take(self, chunk: Any) -> Iterable[bytes]:
        """Take the next thing: bytes as they come from a microphone, or a whole recording (a path or Media).

        Args:
            chunk: What it is.

        Returns:
            What is sent; a recording is read while it is asked for.

        Raises:
            InvalidInput: It is no audio, or of another kind.
        """

    def end(self) -> None:
        """Take the end; raise InvalidInput when it came too early."""


class ByteIntake:
    """Take bytes as they are.

    Args:
        pieces: Takes a whole recording apart.
    """

    def __init__(self, pieces: Callable[[Any], Iterable[bytes]]) -> None:
        self._pieces = pieces

    def take(self, chunk: Any) -> Iterable[bytes]:
        """Take the next thing; see Intake.

        Args:
            chunk: Bytes, a path or Media.

        Returns:
            Its bytes.

        Raises:
            InvalidInput: It is no audio, or of another kind.
        """
        if isinstance(chunk, str | os.PathLike | Media):
            return self._pieces(chunk)
        data = _bytes_of(chunk)
        return (data,) if data else ()

    def end(self) -> None:
        """Take the end, which never comes too early."""


class SampleIntake:
    """Take the samples out of 16-bit mono audio.

    Args:
        sample_rate: Samples per second that are wanted.
        pieces: Takes a whole recording apart into samples.
        is_wav: Whether the bytes are a WAV; a header is noticed in any case when it comes whole.
    """

    def __init__(self, sample_rate: int, pieces: Callable[[Any], Iterable[bytes]], *, is_wav: bool) -> None:
        self._sample_rate = sample_rate
        self._pieces = pieces
        self._wav = self._new_wav_body() if is_wav else None
        self._begun = self._sent = False

    def take(self, chunk: Any) -> Iterable[bytes]:
        """Take the next thing; see Intake.

        Args:
            chunk: Bytes, a path or Media.

        Returns:
            Samples.

        Raises:
            InvalidInput: It is no audio, or of another kind.
        """
        if isinstance(chunk, str | os.PathLike | Media):
            self._begun = self._sent = True
            return self._pieces(chunk)
        data = _bytes_of(chunk)
        if not self._begun and data[:4] == b"RIFF" and data[8:12] == b"WAVE" and self._wav is None:
            self._wav = self._new_wav_body()
        self._begun = self._begun or bool(data)
        samples = data if self._wav is None else self._wav.feed(data)
        self._sent = self._sent or bool(samples)
        return (samples,) if samples else ()

    def end(self) -> None:
        """Refuse a WAV of which nothing but its header came."""
        if self._wav is not None and self._begun and not self._sent:
            raise InvalidInput("The WAV ended before its samples began.")

    def _new_wav_body(self) -> WavBody:
        return WavBody(self._sample_rate, 16, 1)


def _bytes_of(chunk: Any) -> bytes:
    if not isinstance(chunk, bytes | bytearray | memoryview):
        raise InvalidInput(f"Audio must come as bytes, a path or Media, not {type(chunk).__name__}.")
    return bytes(chunk)
