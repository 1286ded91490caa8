"""The pages of the responder's built-in web, so that links to them lead somewhere.

What stands on them is written in `responder.web`.
"""

from __future__ import annotations

from html import escape

from aiohttp import web

from maaskit.sandbox.gate import PUBLIC_ROUTES
from maaskit.sandbox.replies import RefusalError
from maaskit.sandbox.responder.web import page_of

WEB = f"{PUBLIC_ROUTES}web/"


async def read_page(request: web.Request) -> web.Response:
    """Answer a page.

    Args:
        request: A GET whose path ends with the page's name.

    Returns:
        HTML.

    Raises:
        RefusalError: There is no such page (404).
    """
    page = page_of(request.match_info["slug"])
    if page is None:
        raise RefusalError(404, "page not found", code="not_found")
    title, text = escape(page.title), escape(page.text)
    html = f'<!doctype html><meta charset="utf-8"><title>{title}</title><h1>{title}</h1><p>{text}</p>'
    return web.Response(text=html, content_type="text/html")


ROUTES = [("GET", WEB + "{slug}", read_page)]
