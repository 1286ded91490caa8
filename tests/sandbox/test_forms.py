from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from aiohttp import web

from maaskit.sandbox import Sandbox
from maaskit.sandbox.application import build
from maaskit.sandbox.forms import read_form
from maaskit.sandbox.replies import json_reply


async def show(request: web.Request) -> web.Response:
    parts = await read_form(request)
    return json_reply({n: [p.filename, p.content_type, p.data.decode("latin-1")] for n, p in parts.items()})


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    def with_a_form(state: Any) -> web.Application:
        app = build(state)
        app.router.add_post("/-/form", show)
        return app

    monkeypatch.setattr("maaskit.sandbox.server.build", with_a_form)
    with Sandbox() as sandbox:
        yield f"{sandbox.origin}/-/form"


def raw(body: str | bytes, kind: str = "multipart/form-data; boundary=X") -> dict[str, Any]:
    return {"content": body.encode() if isinstance(body, str) else body, "headers": {"Content-Type": kind}}


def test_fields_and_files(url: str) -> None:
    files = {
        "file": ("a.pdf", b"%PDF\x00\r\n--X\r\n", "application/pdf"),
        "data": (None, b'{"a":1}', "application/json"),
    }
    answer = httpx.post(url, files=files, data={"easyllm_id": "e"}, timeout=60).json()
    assert answer == {
        "easyllm_id": [None, "", "e"],
        "file": ["a.pdf", "application/pdf", "%PDF\x00\r\n--X\r\n"],
        "data": [None, "application/json", '{"a":1}'],
    }


@pytest.mark.parametrize(
    "disposition",
    [
        'filename="年报 (a;b).pdf"',
        "filename*=utf-8''%E5%B9%B4%E6%8A%A5%20%28a%3Bb%29.pdf",
        'filename="%E5%B9%B4%E6%8A%A5 (a;b).pdf"',
    ],
)
def test_names_that_are_not_ascii(url: str, disposition: str) -> None:
    body = f'--X\r\nContent-Disposition: form-data; name="file"; {disposition}\r\n\r\nabc\r\n--X--\r\n'
    assert httpx.post(url, **raw(body), timeout=60).json() == {"file": ["年报 (a;b).pdf", "", "abc"]}


@pytest.mark.parametrize(
    "fields",
    [
        raw("{}", "application/json"),
        raw("", "multipart/form-data"),
        raw(""),
        raw("--X--\r\n"),
        raw('--X\r\nContent-Disposition: form-data; name="a"\r\n\r\nabc'),
        raw("--X\r\nno header\r\n--X--\r\n"),
        raw(b"\xff\x00"),
    ],
)
def test_what_is_no_form_is_refused(url: str, fields: dict[str, Any]) -> None:
    response = httpx.post(url, **fields, timeout=60)
    assert response.status_code == 400
    assert "form" in response.json()["error"]
