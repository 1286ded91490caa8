"""Files that the sandbox made: some for everybody who knows their path, some for who has the key.

They are kept in `media_store`.
"""

from __future__ import annotations

from aiohttp import web

from maaskit.sandbox.gate import check_bearer
from maaskit.sandbox.media_store import KEY_PATH, OPEN_PATH
from maaskit.sandbox.replies import RefusalError
from maaskit.sandbox.state import state_of


async def read_file(request: web.Request) -> web.Response:
    """Answer a file to anybody, as a storage does whose links are signed.

    Args:
        request: A GET of the file's path.

    Returns:
        Its bytes, with its content type.

    Raises:
        RefusalError: There is no such file, or no longer (404).
    """
    found = state_of(request).media.get(request.path)
    if found is None:
        raise RefusalError(404, "file not found", code="not_found")
    return web.Response(body=found.data, content_type=found.content_type)


async def read_locked_file(request: web.Request) -> web.Response:
    """Answer a file to who has the key.

    Args:
        request: A GET of the file's path.

    Returns:
        As `read_file`.

    Raises:
        RefusalError: The key is missing or wrong (401), or there is no such file, or no longer (404).
    """
    check_bearer(request)
    return await read_file(request)


ROUTES = [
    ("GET", OPEN_PATH + "{name}", read_file),
    ("GET", KEY_PATH + "{name}", read_locked_file),
]
