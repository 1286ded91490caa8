"""Take what looks like a secret out of what goes into traces and dumps.

Keys of the clouds themselves are SecretStr and never come here; this is for header fields and extra fields of a user.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "**redacted**"

_SECRET = re.compile(
    r"(^|[-_.])(authorization|cookie|credentials?|passwd|password|secret|token|signature)$|api[-_]?key|access[-_]?key"
    r"|secret[-_]",
    re.IGNORECASE,
)
_HEADERS = frozenset({"headers", "extra_headers", "default_headers"})


def redacted(value: Any) -> Any:
    """Copy a value without its secrets.

    Args:
        value: Mappings, lists and what they hold.

    Returns:
        The same with ``**redacted**`` in place of values whose name speaks of a secret, and of all header fields.
    """
    if isinstance(value, Mapping):
        return {name: _hidden(item) if _is_secret(name) else redacted(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [redacted(item) for item in value]
    return value


def _is_secret(name: Any) -> bool:
    return isinstance(name, str) and (name.lower() in _HEADERS or _SECRET.search(name) is not None)


def _hidden(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _hidden(item) for name, item in value.items()}
    return HIDDEN if value is not None else None
