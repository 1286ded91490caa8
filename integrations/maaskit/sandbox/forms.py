"""Multipart forms, read from the body that the sandbox has already taken in.

What a field means is decided by the handlers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from email.utils import collapse_rfc2231_value
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from maaskit.sandbox.json_text import decode
from maaskit.sandbox.replies import RefusalError


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a form.

    Args:
        name: The field's name.
        data: Its bytes.
        filename: The file's name, None for a plain field.
        content_type: What the part says it is; empty when it says nothing.
    """

    name: str
    data: bytes
    filename: str | None
    content_type: str

    @property
    def text(self) -> str:
        """Read the bytes as UTF-8, with a mark for what is none."""
        return self.data.decode("utf-8", "replace")


async def read_form(request: web.Request) -> dict[str, Part]:
    """Read a multipart form.

    Args:
        request: A request whose body is ``multipart/form-data``.

    Returns:
        The parts by name; the last of a name wins.

    Raises:
        RefusalError: The body is no such form (400).
    """
    head = Message()
    head["Content-Type"] = request.headers.get("Content-Type", "")
    boundary = head.get_param("boundary")
    if head.get_content_type() != "multipart/form-data" or not isinstance(boundary, str):
        raise RefusalError(400, "multipart/form-data with a boundary is expected", code="invalid_form")
    parts = {part.name: part for part in _parts(await request.read(), b"--" + boundary.encode())}
    if not parts:
        raise RefusalError(400, "the form has no fields", code="invalid_form")
    return parts


def json_part(form: Mapping[str, Part], name: str) -> dict[str, Any]:
    """Read a part that holds a JSON object, as SophNet's forms with a file have one.

    Args:
        form: The form.
        name: The part's name.

    Returns:
        The object.

    Raises:
        RefusalError: It is missing, is not typed ``application/json`` as in the document's programs (servers written in
            Java refuse it without), or is no JSON object (400).
    """
    part = form.get(name)
    if part is None:
        raise _refusal(name, "is required")
    if part.content_type != "application/json":
        raise _refusal(name, f"must be a part of type application/json, not {part.content_type or 'without a type'}")
    try:
        value = decode(part.data)
    except ValueError as error:
        raise _refusal(name, "is not JSON") from error
    if not isinstance(value, dict):
        raise _refusal(name, "must be a JSON object")
    return value


def _refusal(name: str, what: str) -> RefusalError:
    return RefusalError(400, f"{name} {what}", code="invalid_parameter", param=name)


def _parts(body: bytes, delimiter: bytes) -> Iterator[Part]:
    sections = (b"\r\n" + body).split(b"\r\n" + delimiter)
    if len(sections) < 3 or not sections[-1].startswith(b"--"):
        raise RefusalError(400, "the form ends before its last boundary", code="invalid_form")
    for section in sections[1:-1]:
        head, blank, data = section.partition(b"\r\n\r\n")
        if not blank:
            raise RefusalError(400, "a part of the form has no header", code="invalid_form")
        yield _part(head.lstrip(b"\r\n"), data)


def _part(head: bytes, data: bytes) -> Part:
    fields = HeaderParser().parsestr(head.decode("utf-8", "replace"))
    kind = "" if fields["Content-Type"] is None else fields.get_content_type()
    return Part(_parameter(fields, "name") or "", data, _parameter(fields, "filename"), kind)


def _parameter(fields: Message, name: str) -> str | None:
    # Clients write a file name that is not ASCII as bare UTF-8, percent-encoded, or after RFC 5987 as filename*.
    value = fields.get_param(name, header="Content-Disposition")
    if value is None or isinstance(value, tuple):
        return None if value is None else collapse_rfc2231_value(value)
    return unquote(value) if name == "filename" else value
