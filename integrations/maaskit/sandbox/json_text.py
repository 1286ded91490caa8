"""JSON that others wrote, decoded.

What it means is the business of whoever asks.
"""

from __future__ import annotations

import json
from typing import Any


def decode(text: str | bytes) -> Any:
    """Decode JSON.

    Args:
        text: Whatever came.

    Returns:
        The value.

    Raises:
        ValueError: It is no JSON, or is nested more deeply than it can be read.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
