"""Another speed at the same pitch, by FFmpeg's ``atempo``.

Speeds that the speaker itself masters do not come here.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from maaskit.sandbox.engines.containers import Resampler
from maaskit.sandbox.engines.sound import Sound

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SLOWEST: Final = 0.5
FASTEST: Final = 2.0
"""One filter is good within this range; more of them stand in a row."""


def stretched(sound: Sound, speed: float) -> Sound:
    """Make a sound faster or slower.

    Args:
        sound: The sound.
        speed: 2 makes it half as long.

    Returns:
        The sound at the same sample rate.
    """
    import numpy as np  # noqa: PLC0415 -- loaded on use: heavy

    pieces = list(_filtered(sound, speed))
    return Sound(np.concatenate(pieces).tobytes() if pieces else b"", sound.rate)


def _filtered(sound: Sound, speed: float) -> Iterator[NDArray[np.int16]]:
    import av  # noqa: PLC0415 -- loaded on use: heavy

    graph = av.filter.Graph()
    ends: list[Any] = [graph.add_abuffer(sample_rate=sound.rate, format="s16", layout="mono")]
    ends += [graph.add("atempo", f"{factor:.6f}") for factor in _factors(speed)]
    ends.append(graph.add("abuffersink"))
    for one, other in pairwise(ends):
        one.link_to(other)
    graph.configure()
    frame = av.AudioFrame.from_ndarray(sound.samples.reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate = sound.rate
    frame.pts = 0
    graph.push(frame)
    graph.push(None)
    convert = Resampler(sound.rate)
    while True:
        try:
            pulled: Any = graph.pull()
            yield from convert.feed(pulled)  # only sound goes through this graph
        except (av.FFmpegError, EOFError):
            break
    yield from convert.feed(None)


def _factors(speed: float) -> Iterator[float]:
    while speed > FASTEST:
        yield FASTEST
        speed /= FASTEST
    while speed < SLOWEST:
        yield SLOWEST
        speed /= SLOWEST
    yield speed
