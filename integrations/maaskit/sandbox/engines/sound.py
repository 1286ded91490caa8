"""One sound in memory: a channel of 16-bit samples and their rate.

Containers and codecs do not belong here, nor what is said in the sound.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BYTES_PER_SAMPLE: Final = 2
FULL_SCALE: Final = 32768
"""A sample of this size would be the loudest there is."""


@dataclass(frozen=True, slots=True)
class Sound:
    """Hold one channel of sound.

    Args:
        pcm: Signed 16-bit samples, little-endian.
        rate: Samples per second.
    """

    pcm: bytes
    rate: int

    @property
    def duration_ms(self) -> int:
        """Tell how long it lasts, in whole milliseconds."""
        return round(len(self.pcm) // BYTES_PER_SAMPLE * 1000 / self.rate)

    @property
    def samples(self) -> NDArray[np.int16]:
        """Look at the samples as an array; it cannot be written to."""
        import numpy as np  # noqa: PLC0415 -- loaded on use: heavy

        return np.frombuffer(self.pcm[: len(self.pcm) // BYTES_PER_SAMPLE * BYTES_PER_SAMPLE], dtype="<i2")

    def part(self, begin_ms: float, end_ms: float) -> Sound:
        """Cut a part out.

        Args:
            begin_ms: Where it begins, in milliseconds.
            end_ms: Where it ends.

        Returns:
            That part; shorter where the sound ends before it.
        """
        begin, end = (max(0, round(at * self.rate / 1000)) * BYTES_PER_SAMPLE for at in (begin_ms, end_ms))
        return Sound(self.pcm[begin:end], self.rate)

    def louder(self, factor: float) -> Sound:
        """Multiply every sample; what would pass full scale is cut off there.

        Args:
            factor: 1 leaves the sound as it is, 0 silences it.

        Returns:
            The sound at its new loudness.
        """
        return self if factor == 1 else from_samples(self.samples.astype("f8") * factor, self.rate)


def from_samples(samples: NDArray[np.floating] | NDArray[np.integer], rate: int) -> Sound:
    """Make a sound of numbers.

    Args:
        samples: One channel at 16-bit scale; rounded, and cut off beyond full scale.
        rate: Samples per second.

    Returns:
        The sound.
    """
    import numpy as np  # noqa: PLC0415 -- loaded on use: heavy

    return Sound(np.clip(np.rint(samples), -FULL_SCALE, FULL_SCALE - 1).astype("<i2").tobytes(), rate)


def silence(duration_ms: float, rate: int) -> Sound:
    """Make digital silence.

    Args:
        duration_ms: How long, in milliseconds.
        rate: Samples per second.

    Returns:
        Zeros.
    """
    return Sound(bytes(round(duration_ms * rate / 1000) * BYTES_PER_SAMPLE), rate)


def joined(sounds: Iterable[Sound]) -> Sound:
    """Put sounds of one rate behind each other.

    Args:
        sounds: At least one, all of the same rate.

    Returns:
        The whole.
    """
    held = list(sounds)
    rates = {sound.rate for sound in held}
    if len(rates) != 1:
        raise ValueError(f"sounds of one rate are needed, not {sorted(rates)}")
    return Sound(b"".join(sound.pcm for sound in held), held[0].rate)
