"""The texts behind SophNet's ``refs`` of type file; like the cloud's, they need the key.

The references themselves are written in `chat_refs`.
"""

from __future__ import annotations

from aiohttp import web

from maaskit.sandbox.replies import RefusalError
from maaskit.sandbox.state import state_of


async def read_ref(request: web.Request) -> web.Response:
    """Answer the text of a reference.

    Args:
        request: A GET whose path ends with the reference's name.

    Returns:
        The quoted text, text/plain.

    Raises:
        RefusalError: There is no such reference (404).
    """
    text = state_of(request).quoted.get(request.match_info["name"])
    if text is None:
        raise RefusalError(404, "reference not found", code="not_found")
    return web.Response(text=text)


ROUTES = [("GET", "/refs/{name}", read_ref)]
