"""Error reports that print the variables of each frame, as many services for them do, hold no key."""

from __future__ import annotations

import asyncio
import http.client
import socket
import threading
from traceback import TracebackException
from typing import Any

import pytest

from maaskit import APIError, AsyncClient, Client, ConfigurationError, InvalidInput, Qiniu, SophNet, qiniu
from maaskit.kodo import Storage
from maaskit.langchain import ChatSophNet
from maaskit.mcp import Door
from maaskit.sophnet import transcription_stream
from maaskit.wire import Request, Variable
from tests.scripted import Reply, ScriptedServer, Seen, json_reply
from tests.waiting import DEADLINE_S, auntil

VARIABLE = "SOPHNET_API_KEY"
KEY = "secret-key-0123456789"


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the key come from the environment, so that no frame of a test holds it."""
    monkeypatch.setenv(VARIABLE, KEY)
    monkeypatch.setenv("QINIU_API_KEY", KEY)


def report(error: BaseException) -> str:
    """Write what a service for error reports would show."""
    seen: list[str] = []
    link: BaseException | None = error
    while link is not None:
        seen += TracebackException.from_exception(link, capture_locals=True).format(chain=False)
        link = link.__cause__ or link.__context__
    return "".join(seen)


@pytest.mark.parametrize(
    "request_",
    [
        Request("POST", "/x", json={"a": object()}),
        Request("GET", "/x", query={"token": Variable("bearer"), "apikey": Variable("api_key"), "a": "\ud800"}),
        Request("GET", "/x", query={"a": "\ud800", "apikey": Variable("api_key")}),
    ],
)
def test_a_request_that_cannot_be_written(request_: Request) -> None:
    with pytest.raises(InvalidInput) as caught:
        SophNet().resolve(request_)
    shown = report(caught.value)
    assert "request = " in shown
    assert KEY not in shown


def test_a_key_that_cannot_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, f"{KEY} {KEY}")
    with pytest.raises(ConfigurationError, match="has characters that no key has") as caught:
        ChatSophNet(model="m")
    shown = report(caught.value)
    assert "variables = " in shown
    assert KEY not in shown


def test_a_token_that_is_too_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAASKIT_MCP_TOKEN", "sesame")
    with pytest.raises(ConfigurationError, match="16 ASCII characters or more") as caught:
        Door()
    shown = report(caught.value)
    assert "given = " in shown
    assert "sesame" not in shown


def test_a_storage_that_is_not_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ACCESS_KEY", "SECRET_KEY", "BUCKET"):
        monkeypatch.setenv(f"QINIU_{name}", f"{name}-of-mine")
    with pytest.raises(ConfigurationError, match="QINIU_DOMAIN") as caught:
        Storage()
    shown = report(caught.value)
    assert "found = " in shown
    assert "KEY-of-mine" not in shown


@pytest.mark.parametrize("refusal", [json_reply({"error": "bad token"}, 401), json_reply({"error": "no"}, 400)])
def test_an_upload_that_is_refused(refusal: Reply, scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ACCESS_KEY", "SECRET_KEY", "BUCKET"):
        monkeypatch.setenv(f"QINIU_{name}", f"{name}-of-mine")
    monkeypatch.setenv("QINIU_DOMAIN", "https://files.example.com")
    monkeypatch.setenv("QINIU_UPLOAD_URL", scripted.url)
    scripted.script(refusal)
    with pytest.raises(APIError) as caught:
        Storage().upload(b"some bytes")
    shown = report(caught.value)
    assert "stream = " in shown
    assert "KEY-of-mine" not in shown  # the token begins with it
    assert b"ACCESS_KEY-of-mine:" in scripted.seen[0].body


async def test_a_handshake_that_is_given_up(scripted: ScriptedServer) -> None:
    gone = threading.Event()

    def silent(_: Seen) -> Reply:
        gone.wait(DEADLINE_S)
        return Reply(drop=True)

    scripted.script(silent)
    provider = SophNet(base_url=scripted.url, project_id="p", easyllm_id="e")

    async def talk() -> None:
        async with AsyncClient(provider, timeout=DEADLINE_S) as client, client.connect(transcription_stream.listen()):
            pass

    task = asyncio.create_task(talk())
    await auntil(lambda: scripted.seen)
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    gone.set()
    shown = report(caught.value)
    assert "additional_headers = " in shown
    assert KEY not in shown
    assert KEY in str(scripted.seen[0].headers)


async def test_an_upload_that_is_given_up() -> None:
    message = {"role": "user", "content": "x" * 16_000_000}
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        provider = Qiniu(base_url=f"http://127.0.0.1:{deaf.getsockname()[1]}/v1")

        async def ask() -> None:
            async with AsyncClient(provider, timeout=DEADLINE_S) as client:
                await client.send(qiniu.chat.complete([message], "m"))

        task = asyncio.create_task(ask())
        heard: list[Any] = []
        await auntil(lambda: heard or (heard.extend(_accepted(deaf)) or heard))
        with heard[0] as connection:
            came = KEY.encode() in await asyncio.to_thread(connection.recv, 4096)
            task.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await task
    shown = report(caught.value)
    assert "head = <" in shown
    assert KEY not in shown
    assert came


def _accepted(deaf: socket.socket) -> list[socket.socket]:
    deaf.setblocking(False)
    try:
        connection, _ = deaf.accept()
    except BlockingIOError:
        return []
    connection.setblocking(True)
    return [connection]


def test_the_standard_librarys_own_debugging(
    scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 1)
    scripted.script(json_reply({"data": []}))
    with Client(Qiniu(base_url=scripted.url)) as client:
        assert client.send(qiniu.models.list_models()) == ()
    assert KEY in str(scripted.seen[0].headers)
    assert KEY not in "".join(capsys.readouterr())
