"""Fields of a request that its document does not list: how they join those that it does.

What a service makes of them is not known here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from maaskit.errors import InvalidInput


def joined(body: Mapping[str, Any], extra_body: Mapping[str, Any] | None) -> dict[str, Any]:
    """Add further fields to a request's body; an object joins the object of its name, anything else replaces it.

    Args:
        body: The documented fields.
        extra_body: Further fields, such as ``{"parameters": {"steps": 4}}``; the other ``parameters`` stay.

    Returns:
        A new body.

    Raises:
        InvalidInput: ``extra_body`` is no object.
    """
    whole = dict(body)
    for name, value in named_options(extra_body, "extra_body").items():
        present = whole.get(name)
        both = isinstance(present, Mapping) and isinstance(value, Mapping)
        whole[name] = joined(present, value) if both else value  # type: ignore[arg-type]  # the test is in `both`
    return whole


def named_options(given: Mapping[str, Any] | None, argument: str) -> dict[str, Any]:
    """Take further arguments that come as one dict.

    Args:
        given: The arguments by name.
        argument: The name of the dict, for error messages.

    Returns:
        A dict of one's own; an empty one for ``None``.

    Raises:
        InvalidInput: It is no dict of names.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise InvalidInput(f"{argument} must be a dict whose keys are strings, not {type(given).__name__}.")
    return dict(given)
