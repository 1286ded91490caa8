"""Names of settings: those that LangChain's other chat models have for ours, and those that one call may not bring.

What the settings mean is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from maaskit.errors import InvalidInput

# They are no pydantic aliases, because type checkers would then take the alias for the only name.
_SYNONYMS = {
    "model_name": "model",
    "request_timeout": "timeout",
    "stop_sequences": "stop",
    "max_completion_tokens": "max_tokens",
}
_CONNECTION = frozenset(
    {"api_key", "base_url", "project_id", "easyllm_id", "default_headers", "http_client", "http_async_client"}
)
# `openai_api_key` and the like: an unknown argument is sent, and a key must not be.
_OTHER_PLACE = re.compile(r"api_?key$|api_?base$|base_?url$", re.IGNORECASE)


def usual_names(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Give settings under the names that the models' fields have.

    Args:
        settings: Settings, some perhaps by the name that another chat model has for them.

    Returns:
        The same settings.
    """
    return {_SYNONYMS.get(name, name): value for name, value in settings.items()}


def refuse_other_places(names: Iterable[str]) -> None:
    """Refuse another model's name for a key or an address.

    Args:
        names: The names of arguments that are no fields.

    Raises:
        InvalidInput: One is such a name.
    """
    for name in names:
        if _OTHER_PLACE.search(name):
            raise InvalidInput(f"There is no argument {name}: the key is api_key, the address base_url.")


def options_of_call(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Give what one call brings, under the names of the fields.

    Args:
        kwargs: What was passed to ``invoke`` and its like.

    Returns:
        The same.

    Raises:
        InvalidInput: Something belongs to the model, and would be sent to the service; or a mapping is none.
    """
    for name in sorted(kwargs):
        if name in _CONNECTION or _OTHER_PLACE.search(name):
            way = "extra_headers are for one call" if name == "default_headers" else "make another model with it"
            raise InvalidInput(f"{name} is set where a model is made, not in a call: {way}.")
    for name in ("extra_body", "extra_headers"):
        value = kwargs.get(name)
        if value is not None and not isinstance(value, Mapping):
            raise InvalidInput(f"{name} must be a mapping, not {type(value).__name__}.")
    return usual_names(kwargs)
