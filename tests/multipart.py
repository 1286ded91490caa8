"""Multipart forms, read with the standard library's parser for mail."""

from __future__ import annotations

import email.parser
import email.policy
from typing import Any

from tests.scripted import Seen


def form(seen: Seen) -> dict[str, Any]:
    """Give the parts of a form by their names, in order."""
    head = f"Content-Type: {seen.headers['content-type']}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + seen.body)
    return {str(part.get_param("name", header="content-disposition")): part for part in message.iter_parts()}  # type: ignore[attr-defined]
