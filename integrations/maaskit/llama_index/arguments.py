"""A call's arguments, whole or still coming: JSON text read without ever failing.

Which call they belong to is not known here.
"""

from __future__ import annotations

import json
from typing import Any

import pydantic_core
from llama_index.core.llms.utils import parse_partial_json


def arguments_of(arguments: Any) -> dict[str, Any]:
    """Read arguments as far as they can be read.

    Args:
        arguments: An object, JSON text that may be cut or wrong, or ``None``.

    Returns:
        The arguments; an unfinished text is given as far as it has come, an unfinished name or number is left out, and
        what is no object at all is empty.
    """
    if isinstance(arguments, dict):
        return arguments
    if not isinstance(arguments, str) or not arguments.strip():
        return {}
    try:
        found = pydantic_core.from_json(arguments, allow_partial="trailing-strings")
    except ValueError:
        try:  # slower, and forgives line breaks within strings
            found = parse_partial_json(arguments)
        except ValueError:
            return {}
    return found if isinstance(found, dict) else {}


def whole_arguments(text: str) -> dict[str, Any] | str:
    """Read the arguments of a finished call.

    Args:
        text: JSON text; ``""`` stands for no arguments.

    Returns:
        The arguments, or the text itself where it is not the JSON of an object.
    """
    if not text.strip():
        return {}
    try:
        found = pydantic_core.from_json(text)
    except ValueError:
        return text
    return found if isinstance(found, dict) else text


def arguments_json(arguments: Any) -> str:
    """Write the arguments of a past call.

    Args:
        arguments: An object, JSON text that may be cut or wrong, or ``None``.

    Returns:
        JSON text of an object: upstreams decode it, and refuse the whole conversation when they cannot. Good text stays
        as the model wrote it; bad text becomes what the tool was really called with.
    """
    if isinstance(arguments, str) and _is_plain_object(arguments):
        return arguments
    found = arguments_of(arguments)
    try:
        return pydantic_core.to_json(found, inf_nan_mode="null").decode()
    except ValueError:  # half of a character, cut or written wrong by the model: it can only go as an escape
        return json.dumps(found, default=str)


def _is_plain_object(text: str) -> bool:
    """Tell whether a text is an object of the JSON that every decoder reads; NaN and Infinity are not in it."""
    try:
        return isinstance(pydantic_core.from_json(text, allow_inf_nan=False), dict)
    except ValueError:
        return False
