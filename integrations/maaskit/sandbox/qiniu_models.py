"""Qiniu's ``GET /v1/models``.

The lists themselves live in `models`.
"""

from __future__ import annotations

from typing import Final

from aiohttp import web

from maaskit.sandbox.models import QINIU_MODELS
from maaskit.sandbox.replies import json_reply

CREATED: Final = 1_735_689_600
"""2025-01-01 in UTC: a fixed day, so that two calls give one answer."""


async def list_models(request: web.Request) -> web.Response:  # noqa: ARG001 - aiohttp hands it to every handler
    """Answer the list of models.

    Args:
        request: The request in hand.

    Returns:
        ``{"object": "list", "data": [{"id", "object", "created", "owned_by"}]}``.

    Source:
        Qiniu, *支持接口列表*: ``/v1/models`` 列举可用模型.
    """
    data = [{"id": name, "object": "model", "created": CREATED, "owned_by": "qiniu"} for name in QINIU_MODELS]
    return json_reply({"object": "list", "data": data})


ROUTES = [("GET", "/models", list_models)]
