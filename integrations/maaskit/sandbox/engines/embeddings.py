"""Vectors: texts and pictures as points, near where they are alike.

What makes texts and pictures alike is weighed in `features`, `concepts` and `sights`; JSON does not belong here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from maaskit.sandbox.engines import concepts, features, sights

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vector = NDArray[np.float32]

LETTERS_BESIDE_CONCEPTS: Final = 0.45
"""In the space that texts share with pictures, a text's letters weigh so much when it names something visible."""
MULTIPLIERS: Final = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93)
"""Odd numbers with well mixed bits: one axis and one sign for each, from a feature's one hash."""


def text(text: str, dimensions: int) -> Vector:
    """Embed a text by its words and characters.

    Args:
        text: The text.
        dimensions: Length of the vector.

    Returns:
        A vector of length 1, shape (dimensions,); a text without letters is a point of its own.
    """
    return _unit(_projected(features.of(text) or {f"raw:{text}": 1.0}, dimensions))


def clip_text(text: str, dimensions: int, *, normalized: bool = True) -> Vector:
    """Embed a text in the space that it shares with pictures.

    Args:
        text: The text.
        dimensions: Length of the vector.
        normalized: Whether to bring it to length 1.

    Returns:
        The vector, shape (dimensions,).
    """
    letters = _unit(_projected(features.of(text) or {f"raw:{text}": 1.0}, dimensions))
    seen = concepts.named_in(text)
    vector = letters
    if seen:
        vector = _unit(_projected(seen, dimensions)) + LETTERS_BESIDE_CONCEPTS * letters
    return _unit(vector) if normalized else vector


def clip_image(data: bytes, dimensions: int, *, normalized: bool = True) -> Vector:
    """Embed a picture in the space that it shares with texts.

    Args:
        data: The picture's file.
        dimensions: Length of the vector.
        normalized: Whether to bring it to length 1.

    Returns:
        The vector, shape (dimensions,).

    Raises:
        CannotRead: The bytes are no picture, or a broken or too large one.
    """
    vector = _projected(sights.seen_in(data), dimensions)
    return _unit(vector) if normalized else vector


def _projected(weights: Mapping[str, float], dimensions: int) -> Vector:
    """Throw each feature, with signs of its own, on a few axes; unlike features cancel out on average."""
    import numpy as np  # noqa: PLC0415 -- loaded on use: heavy

    places = np.fromiter((_place(feature) for feature in weights), dtype=np.uint64, count=len(weights))
    values = np.fromiter(weights.values(), dtype=np.float64, count=len(weights))
    mixed = (places[:, None] + np.uint64(1)) * np.array(MULTIPLIERS, dtype=np.uint64)  # wraps round, as it should
    signs = np.where(mixed >> np.uint64(63), -1.0, 1.0)
    axes = ((mixed >> np.uint64(24)) & np.uint64(2**32 - 1)) % np.uint64(dimensions)
    thrown = np.bincount(axes.ravel().astype(np.intp), (values[:, None] * signs).ravel(), minlength=dimensions)
    vector: Vector = (thrown / len(MULTIPLIERS) ** 0.5).astype(np.float32)
    return vector


@lru_cache(maxsize=50_000)
def _place(feature: str) -> int:
    # Not hash(): that differs from process to process.
    return int.from_bytes(hashlib.blake2b(feature.encode("utf-8", "surrogatepass"), digest_size=8).digest())


def _unit(vector: Vector) -> Vector:
    import numpy as np  # noqa: PLC0415 -- loaded on use: heavy

    length = float(np.linalg.norm(vector))
    if length == 0:  # every feature met its opposite on the same axis
        vector = np.zeros_like(vector)
        vector[0] = 1.0
        return vector
    unit: Vector = vector / np.float32(length)
    return unit
