"""SophNet's ``POST /v1/chat/completions``.

All of it is shared with Qiniu, in `chat`. The path ``/projects/v1/chat/completions`` of one sample is a slip of the
document and is not served.
"""

from __future__ import annotations

from aiohttp import web

from maaskit.sandbox.chat import complete
from maaskit.sandbox.dialects import SOPHNET


async def chat(request: web.Request) -> web.StreamResponse:
    """Answer a chat request.

    Args:
        request: The request in hand.

    Returns:
        The response.

    Source:
        SophNet, *Chat completions*.
    """
    return await complete(request, SOPHNET)


ROUTES = [("POST", "/v1/chat/completions", chat)]
