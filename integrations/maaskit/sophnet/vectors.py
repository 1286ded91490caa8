"""How one vector is read: numbers, or base64 of float32; always finite and of the length that was asked for.

Requests and answers as a whole do not belong here.
"""

from __future__ import annotations

import base64
import binascii
import math
import struct
from typing import Any


def read_vector(value: Any, dimensions: int) -> list[float]:
    """Read one vector.

    Args:
        value: A list of numbers, or base64 of little-endian float32 (``encoding_type`` is undocumented; this is what
            OpenAI-like services mean by base64).
        dimensions: How many numbers there must be.

    Returns:
        The floats.

    Raises:
        ValueError: It is none, has another length, or holds what is no finite number; the text is the end of a
            sentence that begins with "a vector that".
    """
    numbers = _decoded(value) if isinstance(value, str) else value
    if not isinstance(numbers, list):
        raise ValueError("is no list of numbers")  # noqa: TRY004 - the caller makes one error of all of these
    if len(numbers) != dimensions:
        raise ValueError(f"has {len(numbers)} numbers where dimensions={dimensions} were asked for")
    kinds = set(map(type, numbers))
    if not kinds <= {float, int}:
        raise ValueError("holds something other than numbers")
    try:
        floats = numbers if kinds == {float} else [float(number) for number in numbers]
        finite = all(map(math.isfinite, floats))
    except OverflowError:
        finite = False
    if not finite:
        raise ValueError("holds numbers that are not finite")
    return floats


def _decoded(text: str) -> list[float]:
    try:
        data = base64.b64decode(text, validate=True)
        return [number for (number,) in struct.iter_unpack("<f", data)]
    except (binascii.Error, ValueError, struct.error):
        raise ValueError("is a text that is not base64 of float32") from None
