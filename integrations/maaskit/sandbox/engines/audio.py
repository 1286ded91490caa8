"""What can be measured in a sound: its length, its loudness, where it is silent, how high its voice is.

Files are opened by `containers`; what is said is found out by `recognition`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from maaskit.sandbox.engines.containers import decode
from maaskit.sandbox.engines.sound import FULL_SCALE, Sound

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FRAME_MS: Final = 20
"""Loudness is measured in steps of this length."""

SILENT_DBFS: Final = -50.0
"""What stays below this counts as silence: speech is 20 to 40 dB louder, the hiss of a bad microphone is not."""

LOWEST_PITCH_HZ: Final = 60.0
HIGHEST_PITCH_HZ: Final = 400.0


def duration_ms(data: bytes) -> int:
    """Measure how long a sound file lasts, by decoding it.

    Args:
        data: The file.

    Returns:
        Whole milliseconds.

    Raises:
        CannotRead: It is no sound file, or a broken one.
    """
    return decode(data).duration_ms


def loudness_dbfs(sound: Sound) -> float:
    """Measure how loud a sound is, all in all.

    Args:
        sound: The sound.

    Returns:
        Root mean square in decibels below full scale; minus infinity for digital silence and for no sound at all.
    """
    return _dbfs(_power(sound.samples))


def peak_dbfs(sound: Sound) -> float:
    """Measure the loudest sample.

    Args:
        sound: The sound.

    Returns:
        Decibels below full scale; 0 where the sound is cut off at full scale.
    """
    peak = float(abs(sound.samples.astype("f8")).max(initial=0))
    return _dbfs(peak**2)


def is_silent(sound: Sound, below_dbfs: float = SILENT_DBFS) -> bool:
    """Tell whether nothing can be heard anywhere in a sound.

    Args:
        sound: The sound.
        below_dbfs: What counts as silence, in decibels below full scale.

    Returns:
        Whether every 20 ms of it are silent.
    """
    return all(level < below_dbfs for level in levels_dbfs(sound))


def silences(sound: Sound, *, at_least_ms: int = 200, below_dbfs: float = SILENT_DBFS) -> list[tuple[int, int]]:
    """Find the pauses in a sound.

    Args:
        sound: The sound.
        at_least_ms: How long a pause is at least, in milliseconds.
        below_dbfs: What counts as silence, in decibels below full scale.

    Returns:
        Where each pause begins and ends, in milliseconds, those at the beginning and at the end included.
    """
    found, begin = [], None
    levels = [*levels_dbfs(sound), math.inf]
    for number, level in enumerate(levels):
        if level < below_dbfs:
            begin = number if begin is None else begin
        elif begin is not None:
            if (number - begin) * FRAME_MS >= at_least_ms:
                found.append((begin * FRAME_MS, number * FRAME_MS))
            begin = None
    return found


def levels_dbfs(sound: Sound) -> list[float]:
    """Measure loudness every 20 ms.

    Args:
        sound: The sound.

    Returns:
        One value a step, in decibels below full scale; the last step may be shorter.
    """
    step = max(1, sound.rate * FRAME_MS // 1000)
    samples = sound.samples.astype("f8")
    return [_dbfs(_power(samples[at : at + step])) for at in range(0, len(samples), step)]


def pitch_hz(sound: Sound) -> float | None:
    """Measure how high a voice speaks.

    Args:
        sound: Some seconds of one voice.

    Returns:
        The median of its fundamental frequency, in hertz; None where no voice is found.
    """
    import numpy as np  # noqa: PLC0415 -- loaded on use: heavy

    window, hop = round(sound.rate * 0.04), round(sound.rate * 0.02)
    samples = sound.samples.astype("f8")
    found = (_fundamental(samples[at : at + window], sound.rate) for at in range(0, len(samples) - window, hop))
    voiced = [frequency for frequency in found if frequency is not None]
    return float(np.median(voiced)) if voiced else None


def _fundamental(frame: NDArray[np.floating], rate: int) -> float | None:
    """Find the period at which a frame is most like itself (autocorrelation, by way of the spectrum)."""
    import numpy as np  # noqa: PLC0415 -- loaded on use: heavy

    frame = frame - frame.mean()
    if _dbfs(_power(frame)) < SILENT_DBFS + 10:
        return None
    spectrum = np.fft.rfft(frame, 2 * len(frame))
    likeness = np.fft.irfft(spectrum * spectrum.conj())[: len(frame)]
    shortest, longest = round(rate / HIGHEST_PITCH_HZ), min(round(rate / LOWEST_PITCH_HZ), len(frame) - 1)
    # The first clear peak, not the highest one: twice the period is as like itself as once.
    candidates = likeness[shortest : longest + 1] / likeness[0]
    clear = np.flatnonzero(candidates > max(0.5, 0.85 * float(candidates.max(initial=0))))
    if not len(clear):
        return None
    at = int(clear[0])
    while at + 1 < len(candidates) and candidates[at + 1] > candidates[at]:
        at += 1
    return rate / (shortest + at)


def _power(samples: NDArray[np.floating] | NDArray[np.integer]) -> float:
    return float((samples.astype("f8") ** 2).mean()) if len(samples) else 0.0


def _dbfs(power: float) -> float:
    return 10 * math.log10(power / FULL_SCALE**2) if power > 0 else -math.inf
