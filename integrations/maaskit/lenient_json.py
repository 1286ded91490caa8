"""How JSON is read that is slightly broken, so that a paid answer is not lost for one character.

What the values mean is not known here.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pydantic_core

_SURROGATE = re.compile("[\ud800-\udfff]")
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")


def from_json(data: bytes) -> Any:
    """Decode JSON.

    Args:
        data: JSON in UTF-8. A byte order mark before it, broken UTF-8 and halves of surrogate pairs inside its strings
            are forgiven; U+FFFD takes the place of what cannot be read.

    Returns:
        The value, without halves of surrogate pairs, which could not be written again.

    Raises:
        ValueError: It is no JSON.
    """
    try:
        return pydantic_core.from_json(data)
    except ValueError:
        text = data.decode("utf-8", errors="replace").removeprefix("\ufeff")
    try:
        return pydantic_core.from_json(text)
    except ValueError:
        if not _SURROGATE_ESCAPE.search(text):
            raise
    try:
        return _whole(json.loads(text))
    except RecursionError:
        raise ValueError("The JSON is nested too deeply.") from None


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, dict):
        return {_whole(name): _whole(item) for name, item in value.items()}
    return value
