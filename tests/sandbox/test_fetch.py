from __future__ import annotations

import asyncio
import base64

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from maaskit.sandbox import fetch
from maaskit.sandbox.replies import RefusalError

PICTURE = b"\xff\xd8\xff\xe0 a picture"


async def refused(url: str, **options: int) -> str:
    with pytest.raises(RefusalError) as caught:
        await fetch.fetch(url, param="image_url.url", **options)
    assert caught.value.status == 400
    assert caught.value.param == "image_url.url"
    return caught.value.message


@pytest.fixture
async def origin() -> object:
    over = asyncio.Event()

    async def picture(request: web.Request) -> web.Response:
        return web.Response(body=PICTURE)

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(64):
            await response.write(bytes(1024))
        return response

    async def moved(request: web.Request) -> web.Response:
        raise web.HTTPFound(request.query["to"])

    async def slow(request: web.Request) -> web.Response:
        await over.wait()
        return web.Response(body=PICTURE)

    app = web.Application()
    app.add_routes(
        [web.get("/p.jpg", picture), web.get("/big", stream), web.get("/moved", moved), web.get("/slow", slow)]
    )
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")
        over.set()


async def test_a_url_is_fetched_also_after_a_redirect(origin: str) -> None:
    assert await fetch.fetch(f"{origin}/p.jpg", param="x") == PICTURE
    assert await fetch.fetch(f"{origin}/moved?to=/p.jpg", param="x") == PICTURE


async def test_data_urls() -> None:
    packed = base64.b64encode(PICTURE).decode()
    assert await fetch.fetch(f"data:image/jpeg;base64,{packed}", param="x") == PICTURE
    assert await fetch.fetch("data:text/plain,a%20b", param="x") == b"a b"
    assert "base64" in await refused("data:image/jpeg;base64,&&&")
    assert "no data" in await refused("data:image/jpeg;base64,")


@pytest.mark.parametrize(
    "url", ["p.jpg", "/etc/passwd", "file:///etc/passwd", "ftp://host/p.jpg", "http://", "", "javascript:1"]
)
async def test_other_urls_are_refused(url: str) -> None:
    assert "http(s) URL" in await refused(url)


async def test_a_redirect_to_another_scheme_is_refused(origin: str) -> None:
    assert "could not be fetched" in await refused(f"{origin}/moved?to=file:///etc/passwd")


async def test_a_redirect_in_circles_ends(origin: str) -> None:
    assert "could not be fetched" in await refused(f"{origin}/moved?to=/moved%3Fto=/moved")


async def test_the_servers_refusal_is_named(origin: str) -> None:
    assert "HTTP 404" in await refused(f"{origin}/nothing")


async def test_size_is_bounded_while_it_comes(origin: str) -> None:
    assert "more than 0 MiB" in await refused(f"{origin}/big", max_bytes=10_000)
    assert "more than 0 MiB" in await refused("data:text/plain," + "a" * 20, max_bytes=10)


async def test_time_is_bounded(origin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "TIMEOUT_S", 0.2)
    assert "could not be fetched within" in await refused(f"{origin}/slow")


async def test_nobody_at_home(unused_tcp_port: int) -> None:
    assert "could not be fetched" in await refused(f"http://127.0.0.1:{unused_tcp_port}/p.jpg")


def test_raw_base64_with_and_without_padding_and_breaks() -> None:
    assert fetch.from_base64("YQ==", param="x") == b"a"
    assert fetch.from_base64("YQ", param="x") == b"a"
    assert fetch.from_base64("Y\nWI=\n", param="x") == b"ab"
    for text in ("", "***", "图片"):
        with pytest.raises(RefusalError):
            fetch.from_base64(text, param="x")
