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
    if extra_body is None:
        return dict(body)
    if not isinstance(extra_body, Mapping) or not all(isinstance(name, str) for name in extra_body):
        raise InvalidInput(f"extra_body must be a dict whose keys are strings, not {type(extra_body).__name__}.")
    whole = dict(body)
    for name, value in extra_body.items():
        present = whole.get(name)
        both = isinstance(present, Mapping) and isinstance(value, Mapping)
        whole[name] = joined(present, value) if both else value  # type: ignore[arg-type]  # the test is in `both`
    return whole
