"""Fields of requests for pictures and films, checked one by one; null counts as left out.

What the fields mean is known to the handlers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from maaskit.sandbox.chat_rules import refused
from maaskit.sandbox.engines import scenes


def object_of(body: Mapping[str, Any], name: str, *, required: bool = False) -> Mapping[str, Any]:
    """Read an object.

    Args:
        body: What it lies in.
        name: Its name.
        required: Whether it must be there.

    Returns:
        The object; an empty one when it is left out.

    Raises:
        RefusalError: It is missing or no object (400).
    """
    value = body.get(name)
    if value is None and not required:
        return {}
    if not isinstance(value, dict):
        raise refused(name, f"{name} {'is required and ' if required else ''}must be an object")
    return value


def text_of(body: Mapping[str, Any], name: str, place: str, *, required: bool = False) -> str:
    """Read a text.

    Args:
        body: What it lies in.
        name: Its name there.
        place: What to call it in refusals.
        required: Whether it must be there and not be blank.

    Returns:
        The text; empty when it is left out.

    Raises:
        RefusalError: It is missing, blank or no string (400).
    """
    value = body.get(name)
    if value is None and not required:
        return ""
    if not isinstance(value, str) or (required and not value.strip()):
        raise refused(place, f"{place} {'is required and ' if required else ''}must be a string")
    return value


def flag_of(body: Mapping[str, Any], name: str, place: str) -> bool | None:
    """Read a switch.

    Args:
        body: What it lies in.
        name: Its name there.
        place: What to call it in refusals.

    Returns:
        True, False, or None when it is left out.

    Raises:
        RefusalError: It is neither true nor false (400).
    """
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise refused(place, f"{place} must be true or false")
    return value


def default_seed(*texts: str) -> int:
    """Choose a seed where none is given: the documents' services throw dice, the sandbox repeats itself.

    Args:
        texts: What was asked for.

    Returns:
        32 bits, the same for the same texts.
    """
    return scenes.digest("\n".join(texts)) % 2**32
