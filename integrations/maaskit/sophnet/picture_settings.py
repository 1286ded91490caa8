"""What SophNet's image and video models may be asked: prompts, sizes, seeds, and which model takes what.

Nothing is sent or read here. Of a model that the document does not list only shapes are checked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from maaskit.errors import InvalidInput

# Written with an asterisk on the wire; people also write x or ×.
_SIZE = re.compile(r"\s*([1-9]\d{0,4})\s*[*xX×]\s*([1-9]\d{0,4})\s*", re.ASCII)

_INT64 = 2**63 - 1


def check_model(model: Any, example: str) -> str:
    """Refuse what is no model's name.

    Args:
        model: The name.
        example: A name that would do.

    Returns:
        The name.

    Raises:
        InvalidInput: It is none.
    """
    if not isinstance(model, str) or not model.strip():
        raise InvalidInput(f"model must be a name such as {example}, not {model!r:.100}.")
    return model


def check_prompt(prompt: Any, *, argument: str = "prompt") -> str:
    """Refuse a prompt that says nothing.

    Args:
        prompt: The prompt.
        argument: The argument's name, for error messages.

    Returns:
        The prompt.

    Raises:
        InvalidInput: It is no text, or empty.
    """
    if not isinstance(prompt, str):
        raise InvalidInput(f"{argument} must be a text, not {type(prompt).__name__}.")
    if not prompt.strip():
        raise InvalidInput(f"{argument} is empty: say what is wanted.")
    return prompt


def check_negative_prompt(negative_prompt: Any) -> str:
    """Refuse what is no text; the document's own sample sends a single space.

    Args:
        negative_prompt: What should not be seen.

    Returns:
        The text.

    Raises:
        InvalidInput: It is no text.
    """
    if not isinstance(negative_prompt, str):
        raise InvalidInput(f"negative_prompt must be a text, not {type(negative_prompt).__name__}.")
    return negative_prompt


def check_flag(value: Any, argument: str) -> bool:
    """Refuse what is neither True nor False.

    Args:
        value: The value.
        argument: The argument's name, for error messages.

    Returns:
        The value.

    Raises:
        InvalidInput: It is neither.
    """
    if not isinstance(value, bool):
        raise InvalidInput(f"{argument} must be True or False, not {value!r:.100}.")
    return value


def size_on_the_wire(size: Any, model: str, sizes: Mapping[str, Sequence[str]]) -> str:
    """Write a size as the service wants it.

    Args:
        size: Width and height in pixels, such as ``1328*1328``; ``1328x1328`` means the same.
        model: The model.
        sizes: The sizes of each model that the document lists.

    Returns:
        The size with an asterisk.

    Raises:
        InvalidInput: It is no size, or none of the model's.
    """
    listed = sizes.get(model)
    shown = f": {', '.join(listed)}" if listed else ", such as 1024*1024"
    found = _SIZE.fullmatch(size) if isinstance(size, str) else None
    if found is None:
        raise InvalidInput(f"size must be a text of width*height in pixels{shown}; not {size!r:.100}.")
    written = f"{found[1]}*{found[2]}"
    if listed and written not in listed:
        raise InvalidInput(f"size={written} is none that {model} makes{shown}.")
    return written


def whole_seed(seed: Any, largest: int | None = None) -> int:
    """Read a seed.

    Args:
        seed: An int, or a text of its digits.
        largest: The largest that the document allows, the smallest being 0; ``None`` where it gives no range.

    Returns:
        The seed.

    Raises:
        InvalidInput: It is no whole number, or out of the range.
    """
    number: int | None = None
    if isinstance(seed, int) and not isinstance(seed, bool):
        number = seed
    elif isinstance(seed, str) and re.fullmatch(r"\s*-?\d{1,20}\s*", seed, re.ASCII):
        number = int(seed)
    low, high = (-_INT64, _INT64) if largest is None else (0, largest)
    if number is None or not low <= number <= high:
        shown = "" if largest is None else f" from 0 to {largest}"
        raise InvalidInput(f"seed must be a whole number{shown}, not {seed!r:.100}; leave it out for a random one.")
    return number
