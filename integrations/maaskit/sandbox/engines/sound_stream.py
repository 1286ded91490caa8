"""Sound that arrives in pieces, compressed or not, decoded as far as it has come.

Whole files belong to `containers`; what is said is found out by `recognition`.
"""

from __future__ import annotations

import math
import threading
from types import TracebackType
from typing import Final, Self

from maaskit.sandbox.engines import CannotRead, wav
from maaskit.sandbox.engines.containers import Resampler, as_frame, blocks
from maaskit.sandbox.engines.sound import BYTES_PER_SAMPLE, Sound, from_samples

RATE: Final = 16_000
"""What recognition listens to."""

UNKNOWN_SIZE: Final = 0xFFFFFFFF
"""So many bytes of samples promises the header of a WAVE file that was written as it came."""


class SoundStream:
    """Decode one sound piece by piece; however it is cut, the samples are the same.

    One thread at a time may use it. Use it as a context manager: leaving it ends the thread that decodes.

    Args:
        form: ``pcm`` for bare samples of 16 bits and one channel; anything else is found out from the bytes.
        rate: Samples per second of ``pcm``; the other forms tell their own.
    """

    def __init__(self, form: str, rate: int = RATE) -> None:
        self._source: _Samples | _Wave | _Decoder
        self._source = _Samples(rate) if form == "pcm" else _Wave() if form == "wav" else _Decoder()

    def feed(self, data: bytes) -> bytes:
        """Take the next piece.

        Args:
            data: Any number of bytes.

        Returns:
            What could be decoded by now: 16 kHz, 16 bits, one channel; often nothing, at first.

        Raises:
            CannotRead: It is no sound that FFmpeg knows, or a broken one.
        """
        return self._source.feed(data) if data else b""

    def finish(self) -> bytes:
        """End the sound.

        Returns:
            What was left to decode.

        Raises:
            CannotRead: As for `feed`; of bytes too few to be anything, too.
        """
        return self._source.finish()

    def __enter__(self) -> Self:
        """Return the stream."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the thread that decodes."""
        self._source.close()


class _Samples:
    """Bare samples: nothing to decode, at most another rate."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._rest = b""
        self._convert = Resampler(RATE)

    def feed(self, data: bytes) -> bytes:
        data = self._rest + data
        whole = len(data) // BYTES_PER_SAMPLE * BYTES_PER_SAMPLE
        self._rest = data[whole:]
        if self._rate == RATE or not whole:
            return data[:whole]
        frame = as_frame(Sound(data[:whole], self._rate).samples, self._rate)
        frame.pts = None  # the pieces follow each other without a gap
        return b"".join(piece.tobytes() for piece in self._convert.feed(frame))

    def finish(self) -> bytes:
        return b"".join(piece.tobytes() for piece in self._convert.feed(None))

    def close(self) -> None:
        self._rest = b""


class _Wave:
    """WAVE by hand where no codec is needed: FFmpeg looks at two seconds of one before it gives the first sample."""

    def __init__(self) -> None:
        self._head = b""
        self._layout: wav.Layout | None = None
        self._left: float = math.inf
        self._rest = b""
        self._samples: _Samples | None = None
        self._decoder = _Decoder()

    def feed(self, data: bytes) -> bytes:
        if self._layout is None:
            self._head += data
            self._layout = found = wav.layout(self._head)
            if found is None:
                return b""
            data, self._head = self._head, b""
            if found.is_plain:
                data = data[found.begin :]
                self._samples = _Samples(found.rate)
                self._left = found.size if 0 < found.size < UNKNOWN_SIZE else math.inf
        if self._layout is None or self._samples is None:
            return self._decoder.feed(data)
        return self._mixed(data, self._layout, self._samples)

    def finish(self) -> bytes:
        if self._layout is None:
            raise CannotRead("the WAV file ends within its header")
        return self._decoder.finish() if self._samples is None else self._samples.finish()

    def close(self) -> None:
        self._decoder.close()

    def _mixed(self, data: bytes, found: wav.Layout, samples: _Samples) -> bytes:
        if len(data) > self._left:  # chunks may follow the samples
            data = data[: int(self._left)]
        self._left -= len(data)
        data = self._rest + data
        whole = len(data) // found.frame_bytes * found.frame_bytes
        self._rest = data[whole:]
        return samples.feed(from_samples(wav.to_mono(data[:whole], found), found.rate).pcm)


class _Decoder:
    """FFmpeg in a thread that sleeps whenever it wants more than has come.

    `feed` hands it the bytes and waits until it sleeps again, so that the two never run at once.
    """

    def __init__(self) -> None:
        self._turn = threading.Condition()
        self._waiting = bytearray()
        self._found: list[bytes] = []
        self._ended = False
        self._asleep = False
        self._done = False
        self._failure: Exception | None = None
        self._thread: threading.Thread | None = None

    def feed(self, data: bytes) -> bytes:
        with self._turn:
            if not self._done:
                self._waiting += data
            return self._let_run()

    def finish(self) -> bytes:
        with self._turn:
            if self._thread is None:
                raise CannotRead("there is no sound")
            self._ended = True
            return self._let_run()

    def close(self) -> None:
        with self._turn:
            self._ended = True
            self._waiting.clear()
            self._turn.notify_all()
        if self._thread is not None:
            self._thread.join()

    def read(self, size: int) -> bytes:
        """Give FFmpeg what it asks for, or as much of it as has come; nothing means the end."""
        with self._turn:
            while not self._waiting and not self._ended:
                self._asleep = True
                self._turn.notify_all()
                self._turn.wait()
            self._asleep = False
            piece = bytes(self._waiting[:size])
            del self._waiting[:size]
            return piece

    def _let_run(self) -> bytes:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="maaskit-decoding", daemon=True)
            self._thread.start()
        self._asleep = False
        self._turn.notify_all()
        self._turn.wait_for(lambda: self._asleep or self._done)
        found, self._found = b"".join(self._found), []
        if self._failure is not None and not found:
            raise CannotRead(str(self._failure)) from self._failure
        return found

    def _run(self) -> None:
        failure: Exception | None = None
        try:
            for block in blocks(self, RATE, live=True):
                self._found.append(block)
        except CannotRead as error:
            failure = error
        except Exception as error:  # noqa: BLE001 - it is raised again where the bytes came from
            failure = CannotRead(f"the sound cannot be decoded ({type(error).__name__})")
        with self._turn:
            self._failure, self._done = failure, True
            self._waiting.clear()
            self._turn.notify_all()
