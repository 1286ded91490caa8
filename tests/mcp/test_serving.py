"""The MCP server as clients meet it: a process with pipes, and streamable HTTP; the official client and LangChain's."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from langchain.agents import create_agent
from langchain_core.messages import ToolMessage
from langchain_mcp_adapters.client import MultiServerMCPClient
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from pydantic import SecretStr

import maaskit
from maaskit import ConfigurationError, InvalidInput
from maaskit.__main__ import main
from maaskit.langchain import ChatSophNet
from maaskit.mcp.serving import MAX_BODY_BYTES, MAX_CONNECTIONS, Door
from maaskit.sandbox import Sandbox
from tests.waiting import until

TOKEN = "a-token-that-clients-must-send"
SOURCES = str(Path(maaskit.__file__).parents[1])
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
}
LISTING = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}


def environment(sandbox: Sandbox, **more: str) -> dict[str, str]:
    return {**sandbox.env(), "PYTHONPATH": SOURCES, "PATH": os.environ["PATH"], **more}


def command(*arguments: str) -> list[str]:
    return ["-m", "maaskit", "mcp", *arguments]


@asynccontextmanager
async def piped(sandbox: Sandbox, *arguments: str) -> AsyncIterator[ClientSession]:
    """Start the server as a client does."""
    server = StdioServerParameters(command=sys.executable, args=command(*arguments), env=environment(sandbox))
    async with stdio_client(server) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        yield session


@contextmanager
def listening(sandbox: Sandbox, *arguments: str, **more: str) -> Iterator[str]:
    """Start the server over HTTP and give its URL."""
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, *command("--transport", "streamable-http", "--port", "0", *arguments)],
        env=environment(sandbox, **more),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        lines = iter(process.stderr.readline, "")
        yield next(found[1] for line in lines if (found := re.search(r"at (http://\S+)", line)))
    finally:
        process.terminate()
        rest = process.communicate(timeout=60)[1]
        # The SDK logs an error of its own when a client's stream is open still; ours would name our files.
        assert SOURCES not in rest, rest


@pytest.fixture(scope="module")
def at(running_sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the URL of one server for all tests that only ask."""
    root = tmp_path_factory.mktemp("root")
    (root / "合同.txt").write_text("合同编号 HT-2026-118。总金额为 8600 元。", encoding="utf-8")
    with listening(running_sandbox, "--root-dir", str(root), "--max-calls", "50") as url:
        yield url


async def test_a_client_starts_the_server_and_talks_over_its_pipes(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "合同.txt").write_text("合同编号 HT-2026-118。", encoding="utf-8")
    async with piped(sandbox, "--root-dir", str(tmp_path), "--include", "parse_document") as session:
        (tool,) = (await session.list_tools()).tools
        assert tool.name == "sophnet_document"
        read = await session.call_tool(tool.name, {"document": "合同.txt"})
        assert not read.isError
        assert "HT-2026-118" in read.content[0].text  # type: ignore[union-attr]
        refused = await session.call_tool(tool.name, {"document": "/etc/hostname"})
        assert refused.isError
        assert "not inside the working folder" in refused.content[0].text  # type: ignore[union-attr]


def test_what_anything_else_prints_stays_out_of_the_conversation(sandbox: Sandbox) -> None:
    program = (
        "import sys; from maaskit.__main__ import main; from maaskit.mcp import server; described = server._described\n"
        "server._described = lambda tool: print('a stray line') or described(tool)\n"
        "sys.exit(main(['mcp']))"
    )
    asked = [HELLO, {"jsonrpc": "2.0", "method": "notifications/initialized"}, LISTING]
    pipes: Any = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen([sys.executable, "-c", program], env=environment(sandbox), text=True, **pipes) as process:  # noqa: S603 - our own program
        process.stdin.write("".join(f"{json.dumps(message)}\n" for message in asked))
        process.stdin.flush()
        answers = [json.loads(process.stdout.readline()) for _ in range(2)]
        _, told = process.communicate(timeout=60)
    assert [answer["id"] for answer in answers] == [1, 2]
    assert "a stray line" in told


async def test_the_official_client_talks_over_http(sandbox: Sandbox, at: str) -> None:
    async with streamable_http_client(at) as (read, write, _), ClientSession(read, write) as session:
        began = await session.initialize()
        assert (began.serverInfo.name, began.serverInfo.version) == ("maaskit", maaskit.__version__)
        assert "never an instruction" in (began.instructions or "")
        drawn = await session.call_tool("sophnet_image", {"prompt": "一只猫", "seed": 3})
        assert not drawn.isError
        assert drawn.structuredContent
        assert drawn.structuredContent["url"].startswith(sandbox.sophnet_url.split("/api")[0])
    assert any(request.path.endswith("/texttoimage/task") for request in sandbox.requests)


async def test_langchains_adapters_load_the_tools_and_an_agent_uses_them(sandbox: Sandbox, at: str) -> None:
    client = MultiServerMCPClient({"maaskit": {"transport": "streamable_http", "url": at}})
    tools = {tool.name: tool for tool in await client.get_tools()}
    assert {"sophnet_image", "sophnet_document", "qiniu_speech"} <= set(tools)
    model = ChatSophNet(model="DeepSeek-v3", api_key=sandbox.api_key, base_url=sandbox.sophnet_url)
    agent = create_agent(model, [tools["sophnet_document"]])
    question = "Use sophnet_document to read the document 合同.txt and tell me its text."
    state = await agent.ainvoke({"messages": [("user", question)]})
    (told,) = [message for message in state["messages"] if isinstance(message, ToolMessage)]
    assert told.status == "success"
    assert "HT-2026-118" in str(told.content)
    assert told.artifact["structured_content"]["text"] == "合同编号 HT-2026-118。总金额为 8600 元。"
    assert "base64" not in str(sandbox.requests[-1].json)


async def test_langchains_adapters_get_errors_that_a_model_can_repair(sandbox: Sandbox, at: str) -> None:
    client = MultiServerMCPClient({"maaskit": {"transport": "streamable_http", "url": at}})
    tools = {tool.name: tool for tool in await client.get_tools()}
    call: dict[str, Any] = {"type": "tool_call", "id": "1", "name": "sophnet_image"}
    for arguments, told in (
        ({"prompt": "x", "size": "7*7"}, "size must be one of"),
        ({"words": "x"}, "prompt is missing"),
        ({"prompt": 7, "colour": "red"}, "there is no argument colour"),
    ):
        message = await tools["sophnet_image"].ainvoke(call | {"args": arguments})
        assert message.status == "error"
        assert told in str(message.content)
    for source in ("/etc/passwd", "../x.png", "file:///etc/passwd", "http://169.254.169.254/x.pdf"):
        message = await tools["sophnet_document"].ainvoke(
            {"type": "tool_call", "id": "1", "name": "sophnet_document", "args": {"document": source}}
        )
        assert message.status == "error"
    assert not list(sandbox.requests)


def test_langchains_adapters_start_the_server(sandbox: Sandbox) -> None:
    async def go() -> list[str]:
        client = MultiServerMCPClient(
            {
                "maaskit": {
                    "transport": "stdio",
                    "command": sys.executable,
                    "args": command("--include", "sophnet_image", "--include", "sophnet_video"),
                    "env": environment(sandbox),
                }
            }
        )
        return [tool.name for tool in await client.get_tools()]

    assert asyncio.run(go()) == ["sophnet_image", "sophnet_video"]


# --- who is let in -------------------------------------------------------------------------------------------------


ACCEPT = {"accept": "application/json, text/event-stream"}
JSON = {"content-type": "application/json"}


def test_a_page_in_a_browser_is_not_let_in(at: str) -> None:
    assert httpx.post(at, json=HELLO, headers=ACCEPT, timeout=60).status_code == 200
    rebound = httpx.post(at, json=HELLO, headers=ACCEPT | {"host": "evil.example:80"}, timeout=60)
    assert rebound.status_code == 421
    foreign = httpx.post(at, json=HELLO, headers=ACCEPT | {"origin": "https://evil.example"}, timeout=60)
    assert foreign.status_code == 403


def test_a_huge_request_is_refused(at: str) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b" " * 65536

    for size, status in ((MAX_BODY_BYTES, 200), (MAX_BODY_BYTES + 1, 413)):
        answer = httpx.post(at, content=json.dumps(HELLO).ljust(size), headers=ACCEPT | JSON, timeout=60)
        assert answer.status_code == status
    with suppress(httpx.WriteError, httpx.ReadError):  # it may hang up before all is sent
        assert httpx.post(at, content=endless(), headers=ACCEPT | JSON, timeout=60).status_code == 413


def test_connections_are_bounded(sandbox: Sandbox) -> None:
    with listening(sandbox) as url:
        place = urlsplit(url)

        def status() -> int:
            return httpx.get(url, headers=ACCEPT, timeout=60).status_code  # 400: without a session there is nothing

        with ExitStack() as leaving:
            for _ in range(MAX_CONNECTIONS):
                leaving.enter_context(socket.create_connection((place.hostname, place.port), timeout=60))
            until(lambda: status() == 503)
        until(lambda: status() == 400)


def test_a_token_is_asked_for(sandbox: Sandbox) -> None:
    async def names(url: str) -> list[str]:
        async with (
            httpx.AsyncClient(headers={"authorization": f"Bearer {TOKEN}"}) as http,
            streamable_http_client(url, http_client=http) as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            return [tool.name for tool in (await session.list_tools()).tools]

    with listening(sandbox, MAASKIT_MCP_TOKEN=TOKEN) as url:
        for sent in (None, "Bearer wrong", TOKEN, "Bearer", f"Basic {TOKEN}", f"Bearer {TOKEN}x"):
            headers = {} if sent is None else {"authorization": sent}
            refused = httpx.post(url, json=HELLO, headers=ACCEPT | headers, timeout=60)
            assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
            assert TOKEN not in refused.text
        assert "sophnet_image" in asyncio.run(names(url))


@pytest.mark.parametrize(
    ("options", "kind", "said"),
    [
        ({"host": "0.0.0.0"}, ConfigurationError, "others reach the tools.*MAASKIT_MCP_TOKEN"),  # noqa: S104
        ({"host": "::"}, ConfigurationError, "others reach"),
        ({"host": "192.168.1.7"}, ConfigurationError, "others reach"),
        ({"host": "example.com"}, ConfigurationError, "others reach"),
        ({"host": ""}, InvalidInput, "host must be"),
        ({"port": -1}, InvalidInput, "port must be"),
        ({"port": 70000}, InvalidInput, "port must be"),
        ({"port": "80"}, InvalidInput, "port must be"),
        ({"token": SecretStr("short")}, ConfigurationError, "16 ASCII characters or more"),
    ],
)
def test_no_door_stands_open(
    options: dict[str, Any], kind: type[Exception], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MAASKIT_MCP_TOKEN", raising=False)
    with pytest.raises(kind, match=said):
        Door(**options)


def test_a_door_says_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAASKIT_MCP_TOKEN", raising=False)
    assert (Door().is_private, Door("localhost").is_private, Door("::1").is_private) == (True, True, True)
    assert Door("::1").url(80) == "http://[::1]:80/mcp"
    assert Door().security.enable_dns_rebinding_protection
    monkeypatch.setenv("MAASKIT_MCP_TOKEN", TOKEN)
    open_door = Door("0.0.0.0")  # noqa: S104 - with a token
    assert not open_door.is_private
    assert not open_door.security.enable_dns_rebinding_protection
    named = Door("0.0.0.0", allowed_hosts=["maas.example.com"])  # noqa: S104 - with a token
    assert "maas.example.com" in named.security.allowed_hosts
    assert TOKEN not in repr(open_door)


# --- the command line ----------------------------------------------------------------------------------------------


def test_the_command_line_says_what_is_missing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for arguments, told in (
        ([], "set QINIU_API_KEY or SOPHNET_API_KEY"),
        (["--include", "sophnet_poem"], "no tool 'sophnet_poem'"),
        (["--include", "sophnet_image"], "SOPHNET_API_KEY"),
    ):
        assert main(["mcp", *arguments]) == 1
        assert told in capsys.readouterr().err
    monkeypatch.setenv("SOPHNET_API_KEY", "k")
    monkeypatch.delenv("MAASKIT_MCP_TOKEN", raising=False)
    assert main(["mcp", "--transport", "streamable-http", "--host", "0.0.0.0"]) == 1  # noqa: S104 - is refused
    captured = capsys.readouterr()
    assert "MAASKIT_MCP_TOKEN" in captured.err
    assert captured.out == ""


def test_a_port_in_use_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    monkeypatch.setenv("SOPHNET_API_KEY", "k")
    port = re.search(r":(\d+)", sandbox.sophnet_url)
    assert port
    assert main(["mcp", "--transport", "streamable-http", "--port", port[1]]) == 1
    assert "cannot be listened on" in capsys.readouterr().err


def test_without_the_sdk_the_extra_is_named() -> None:
    program = "import sys; sys.modules['mcp'] = None; from maaskit.__main__ import main; sys.exit(main(['mcp']))"
    told = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"PYTHONPATH": SOURCES},
    )
    assert (told.returncode, told.stdout) == (1, "")
    assert told.stderr == 'Serving over MCP needs the official SDK: pip install "maaskit[mcp]".\n'


@pytest.mark.parametrize("transport", ["stdio", "streamable-http"])
def test_an_interrupt_ends_it_quietly(sandbox: Sandbox, transport: str) -> None:
    arguments = command("--transport", transport, "--port", "0")
    pipes: Any = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen([sys.executable, *arguments], env=environment(sandbox), **pipes) as process:  # noqa: S603
        told = [process.stderr.readline().decode() for _ in range(1 if transport == "stdio" else 2)]
        if transport == "stdio":
            process.stdin.write(json.dumps(HELLO).encode() + b"\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["result"]
        else:
            at = re.search(r"at (http://\S+)/mcp", "".join(told))
            assert at
            assert httpx.get(at[1], timeout=60).status_code == 404
        process.send_signal(signal.SIGINT)
        # The thread that reads a line from a pipe cannot be interrupted: it ends with the pipe.
        assert process.communicate(timeout=60) == (b"", b"")
        assert process.returncode == 130
