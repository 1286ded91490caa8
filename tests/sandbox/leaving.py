"""A client that leaves before it is answered."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from maaskit.sandbox import Sandbox
from tests.waiting import DEADLINE_S, until


def leave(sandbox: Sandbox, url: str, body: Any, when: Callable[[], object]) -> None:
    """Post a body and leave as soon as something is so; the sandbox must notice."""
    to, data = urlsplit(url), json.dumps(body).encode()
    head = f"POST {to.path} HTTP/1.1\r\nHost: {to.netloc}\r\nAuthorization: Bearer {sandbox.api_key}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    with socket.create_connection((to.hostname, to.port), DEADLINE_S) as connection:
        connection.sendall(head.encode() + data)
        until(when)
    entry = sandbox.requests[-1]
    assert entry.wait(DEADLINE_S)
    assert entry.disconnected
