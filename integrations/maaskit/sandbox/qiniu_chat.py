"""Qiniu's ``POST /v1/chat/completions``.

All of it is shared with SophNet, in `chat`.
"""

from __future__ import annotations

from aiohttp import web

from maaskit.sandbox.chat import complete
from maaskit.sandbox.dialects import QINIU


async def chat(request: web.Request) -> web.StreamResponse:
    """Answer a chat request.

    Args:
        request: The request in hand.

    Returns:
        The response.

    Source:
        Qiniu, *HTTP 调用示例*, *联网搜索推理*, *图片文字识别推理*.
    """
    return await complete(request, QINIU)


ROUTES = [("POST", "/chat/completions", chat)]
