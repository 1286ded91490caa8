"""SophNet's Document Parse: ``POST /projects/{project_id}/easyllms/doc-parse``.

Documents are read by `engines.documents`; forms are taken apart by `forms`.
"""

from __future__ import annotations

from typing import Final

from aiohttp import web

from maaskit.sandbox.engines import CannotRead, documents
from maaskit.sandbox.forms import Part, read_form
from maaskit.sandbox.replies import RefusalError, json_reply, require_easyllm, require_project
from maaskit.sandbox.state import state_of

MAX_DOCUMENT_BYTES: Final = 50 * 1024 * 1024
"""大小<50MB: the limit itself is too large."""


async def parse(request: web.Request) -> web.Response:
    """Answer a document with its Markdown.

    Args:
        request: A form with ``file`` and ``easyllm_id``.

    Returns:
        ``{"data": Markdown}``.

    Raises:
        RefusalError: Another project or service (404), or a form or file that the document refuses (400).

    Source:
        SophNet, Document Parse: 文档,支持pdf,docx,doc,xlsx,txt,pptx格式,大小<50MB.
    """
    require_project(request)
    form = await read_form(request)
    require_easyllm(request, _text(form.get("easyllm_id")))
    return await _parsed(request, form)


async def parse_without_project(request: web.Request) -> web.Response:
    """Answer a document with its Markdown, by the newer path that needs neither project nor service id.

    Args:
        request: A form with ``file``.

    Returns:
        ``{"data": Markdown}``.

    Raises:
        RefusalError: Another service (404), or a form or file that the document refuses (400).
    """
    form = await read_form(request)
    if "easyllm_id" in form:
        require_easyllm(request, _text(form["easyllm_id"]))
    return await _parsed(request, form)


def _text(part: Part | None) -> str | None:
    return None if part is None else part.text


async def _parsed(request: web.Request, form: dict[str, Part]) -> web.Response:
    part = form.get("file")
    if part is None:
        raise _refusal("file is required")
    if not part.filename:
        raise _refusal("file needs a file name: its ending says what the document is")
    if len(part.data) >= MAX_DOCUMENT_BYTES:
        limit = MAX_DOCUMENT_BYTES // 2**20
        raise _refusal(f"file has {len(part.data)} bytes; it must be smaller than {limit} MB")
    try:
        markdown = await state_of(request).work(documents.to_markdown, part.data, part.filename)
    except CannotRead as error:
        raise _refusal(f"file: {error}") from error
    return json_reply({"data": markdown})


def _refusal(message: str) -> RefusalError:
    return RefusalError(400, message, code="invalid_file", param="file")


ROUTES = [
    ("POST", "/projects/{project_id}/easyllms/doc-parse", parse),
    ("POST", "/projects/easyllms/doc-parse", parse_without_project),
]
