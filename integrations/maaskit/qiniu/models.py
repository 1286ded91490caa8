"""Qiniu's list of models.

What the models can do is not in the list, and not here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from maaskit.answers import parse_object, unexpected
from maaskit.wire import Call, Request, Response


@dataclass(frozen=True, slots=True)
class Model:
    """Be one model that the key may use.

    Args:
        id: The name for ``model``; an opaque text that may hold ``/``, ``.`` and ``?``.
        created: Seconds since the epoch, if told.
        owned_by: Its owner, if told.
        raw: The service's own object.
    """

    id: str
    created: int | None = None
    owned_by: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


def list_models() -> Call[tuple[Model, ...]]:
    """Ask which models there are.

    Returns:
        A Call of the models.

    Source:
        qiniu-api, 支持接口列表: "/v1/models 列举可用模型".
    """
    return Call(Request("GET", "/models"), _read)


def _read(response: Response) -> tuple[Model, ...]:
    data = parse_object(response).get("data")
    if not isinstance(data, list):
        raise unexpected(response, "has no list of models")
    return tuple(
        Model(
            id=entry["id"],
            created=created if isinstance(created := entry.get("created"), int) else None,
            owned_by=owner if isinstance(owner := entry.get("owned_by"), str) else None,
            raw=entry,
        )
        for entry in data
        if isinstance(entry, Mapping) and isinstance(entry.get("id"), str)
    )
