"""The MCP server under the official client: tools, results, refusals that a model can repair, progress, no base64."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import re
import threading
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import ToolMessage
from langchain_mcp_adapters.tools import load_mcp_tools
from mcp import ClientSession, McpError
from mcp.shared.memory import create_connected_server_and_client_session
from mcp.types import (
    BlobResourceContents,
    CallToolResult,
    CancelledNotification,
    CancelledNotificationParams,
    ClientNotification,
    TextContent,
    TextResourceContents,
)
from pydantic import AnyUrl

from maaskit import InvalidInput
from maaskit.langchain import ChatQiniu
from maaskit.mcp import offered, tool_server
from maaskit.sandbox import Sandbox
from tests.adversary import CANARY, Adversary
from tests.gullible import Gullible
from tests.scripted import FOREVER, Reply, ScriptedServer, json_reply

KEY = "a-key-that-nobody-may-see"
SOUND = b"ID3" + bytes(range(256)) * 8
SPOKEN = {"reqid": "r", "data": base64.b64encode(SOUND).decode(), "addition": {"duration": "1673"}}
SPEAK = {"text": "今天有雨"}


def talk(**rules: Any) -> AbstractAsyncContextManager[ClientSession]:
    return create_connected_server_and_client_session(tool_server(offered(**rules)))


def said(result: CallToolResult) -> str:
    """Give what a model is shown: one text, and never base64."""
    (content,) = result.content
    assert isinstance(content, TextContent)
    whole = result.model_dump_json()
    assert KEY not in whole
    assert base64.b64encode(SOUND).decode()[:60] not in whole
    return content.text


@pytest.fixture
def cloud(scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> ScriptedServer:
    """Let the environment name a scripted cloud, both of them."""
    for name in ("QINIU", "SOPHNET"):
        monkeypatch.setenv(f"{name}_API_KEY", KEY)
        monkeypatch.setenv(f"{name}_BASE_URL", scripted.url)
    monkeypatch.setenv("SOPHNET_PROJECT_ID", "P1")
    monkeypatch.setenv("SOPHNET_EASYLLM_ID", "E1")
    return scripted


async def test_tools_are_listed_with_schemas_that_a_model_fills(cloud: ScriptedServer) -> None:
    async with talk() as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == {
            *("qiniu_speech", "qiniu_transcription", "qiniu_ocr", "sophnet_speech", "sophnet_transcription"),
            *("sophnet_ocr", "sophnet_document", "sophnet_image", "sophnet_image_edit", "sophnet_video"),
        }
        video = tools["sophnet_video"]
        assert video.description
        assert set(video.inputSchema["properties"]) == {"prompt", "image", "size", "duration", "seed"}
        assert video.inputSchema["required"] == ["prompt"]
        assert "1280*720" in json.dumps(video.inputSchema)
        assert [tools[name].annotations.readOnlyHint for name in ("sophnet_ocr", "sophnet_video")] == [True, False]
    assert not cloud.seen


async def test_sound_is_kept_for_the_client_and_stays_out_of_the_answer(cloud: ScriptedServer) -> None:
    cloud.script(json_reply(SPOKEN))
    async with talk() as client:
        result = await client.call_tool("qiniu_speech", SPEAK)
        assert not result.isError
        block = result.structuredContent
        assert block
        assert (block["type"], block["mime_type"], block["extras"]["duration_s"]) == ("audio", "audio/mpeg", 1.673)
        assert block["url"] in said(result)
        (kept,) = (await client.read_resource(AnyUrl(block["url"]))).contents
        assert isinstance(kept, BlobResourceContents)
        assert (base64.b64decode(kept.blob), kept.mimeType) == (SOUND, "audio/mpeg")
        assert (await client.list_resources()).resources == []
        (template,) = (await client.list_resource_templates()).resourceTemplates
        assert template.uriTemplate == "maaskit://results/{id}"
        with pytest.raises(McpError, match="no such result"):
            await client.read_resource(AnyUrl("maaskit://results/guessed"))


async def test_sound_is_saved_where_there_is_a_folder(cloud: ScriptedServer, tmp_path: Path) -> None:
    cloud.script(json_reply(SPOKEN))
    async with talk(output_dir=tmp_path / "results") as client:
        result = await client.call_tool("qiniu_speech", SPEAK)
        assert result.structuredContent
        (saved,) = (tmp_path / "results").iterdir()
        assert saved.read_bytes() == SOUND
        assert str(saved) in said(result)
        assert result.structuredContent["extras"]["path"] == str(saved)


async def test_a_url_stays_one_and_progress_is_told(cloud: ScriptedServer) -> None:
    url = "https://cdn.example.com/a.png?sign=1"
    cloud.script(
        json_reply({"output": {"taskId": "t1", "taskStatus": "PENDING"}}),
        json_reply({"output": {"taskId": "t1", "taskStatus": "RUNNING"}}),
        json_reply({"output": {"taskId": "t1", "taskStatus": "SUCCEEDED", "results": [{"url": url}]}}),
    )
    heard: list[tuple[float, str | None]] = []

    async def listen(progress: float, total: float | None, message: str | None) -> None:
        assert total is None
        heard.append((progress, message))

    async with talk() as client:
        result = await client.call_tool("sophnet_image", {"prompt": "海边日落"}, progress_callback=listen)
        assert url in said(result)
        assert result.structuredContent
        assert result.structuredContent["url"] == url
    assert [message for _, message in heard] == [
        "sophnet_image: waiting (task t1)",
        "sophnet_image: RUNNING (task t1)",
        "sophnet_image: SUCCEEDED (task t1)",
    ]
    assert [first < second for (first, _), (second, _) in itertools.pairwise(heard)] == [True, True]


async def test_a_long_document_is_cut_for_the_model_and_whole_for_the_client(
    cloud: ScriptedServer, tmp_path: Path
) -> None:
    whole = "第一行\n" + "x" * 120_000 + "\n最后一行"
    (tmp_path / "long.txt").write_text("anything")
    cloud.script(json_reply({"data": whole}))
    async with talk(root_dir=tmp_path) as client:
        result = await client.call_tool("sophnet_document", {"document": "long.txt"})
        text = said(result)
        assert "Cut here" in text
        assert "最后一行" not in text
        assert result.structuredContent
        assert "text" not in result.structuredContent
        (kept,) = (await client.read_resource(AnyUrl(result.structuredContent["url"]))).contents
        assert isinstance(kept, TextResourceContents)
        assert kept.text == whole


async def test_a_short_document_is_told_whole(cloud: ScriptedServer, tmp_path: Path) -> None:
    (tmp_path / "short.txt").write_text("anything")
    cloud.script(json_reply({"data": "# 合同"}))
    async with talk(root_dir=tmp_path) as client:
        result = await client.call_tool("sophnet_document", {"document": "short.txt"})
        assert said(result) == "# 合同"
        assert result.structuredContent
        assert result.structuredContent["text"] == "# 合同"


@pytest.mark.parametrize(
    ("tool", "arguments", "told"),
    [
        ("sophnet_image", {}, "prompt is missing.*Call it again"),
        ("sophnet_image", {"prompt": ""}, "prompt must be a text that is not empty"),
        ("sophnet_image", {"prompt": ["x"]}, "prompt"),
        ("sophnet_image", {"prompt": "x", "style": "oil"}, "there is no argument style"),
        ("sophnet_image", {"prompt": "x", "size": "17*4"}, r"size must be one of '1328\*1328'"),
        ("sophnet_video", {"prompt": "x", "duration": 60}, "duration must be one of 1 or 5"),
        ("sophnet_video", {"prompt": "x", "seed": -1}, "seed"),
        ("sophnet_poem", {"prompt": "x"}, "There is no tool 'sophnet_poem'; there are"),
        ("sophnet_ocr", {"image": "/etc/passwd"}, "not inside the working folder"),
        ("sophnet_ocr", {"image": "../secret.png"}, "not inside the working folder"),
        ("sophnet_ocr", {"image": "link.png"}, "not inside the working folder"),
        ("sophnet_ocr", {"image": "file:///etc/passwd"}, "file: is not taken"),
        ("sophnet_ocr", {"image": "data:image/png;base64,AAAA"}, "data: is not taken"),
        ("sophnet_ocr", {"image": "\\\\server\\share\\a.png"}, "not inside the working folder"),
        ("sophnet_ocr", {"image": "/proc/self/environ"}, "not inside the working folder"),
        ("sophnet_ocr", {"image": "/dev/zero"}, "not inside the working folder"),
        ("sophnet_ocr", {"image": "pipe"}, "not a regular file"),
        ("sophnet_ocr", {"image": "missing.png"}, "there is no file"),
        ("sophnet_document", {"document": "http://169.254.169.254/latest/a.pdf"}, "169.254.169.254"),
        ("sophnet_document", {"document": "http://127.0.0.1:1/a.pdf"}, "127.0.0.1"),
        ("sophnet_document", {"document": "http://[::1]/a.pdf"}, "::1"),
        ("sophnet_document", {"document": "ftp://example.com/a.pdf"}, "ftp: is not taken"),
    ],
)
async def test_every_refusal_is_an_answer_that_a_model_can_act_on(
    cloud: ScriptedServer, tmp_path: Path, tool: str, arguments: dict[str, Any], told: str
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "secret.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (root / "link.png").symlink_to(tmp_path / "secret.png")
    os.mkfifo(root / "pipe")
    cloud.script(json_reply({}, 500))
    async with talk(root_dir=root) as client:
        result = await client.call_tool(tool, arguments)
        assert result.isError
        assert re.search(told, said(result))
        # The conversation goes on.
        assert (await client.list_tools()).tools
    assert not cloud.seen


async def test_without_a_root_no_file_is_read(cloud: ScriptedServer, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    async with talk() as client:
        result = await client.call_tool("sophnet_ocr", {"image": str(tmp_path / "a.png")})
        assert result.isError
        assert "may read no file of this machine" in said(result)
    assert not cloud.seen


async def test_a_clouds_refusal_is_told_without_the_key(cloud: ScriptedServer) -> None:
    cloud.script(json_reply({"error": {"message": f"Incorrect API key provided: {KEY}"}}, 401))
    async with talk() as client:
        result = await client.call_tool("qiniu_speech", SPEAK)
        assert result.isError
        assert "***" in said(result)


async def test_calls_are_counted(cloud: ScriptedServer) -> None:
    cloud.script(json_reply(SPOKEN))
    async with talk(max_calls=3) as client:
        results = await asyncio.gather(*(client.call_tool("qiniu_speech", SPEAK) for _ in range(8)))
        assert sum(not result.isError for result in results) == 3
        assert {"max_calls=3" in said(result) for result in results if result.isError} == {True}
    assert len(cloud.seen) == 3


async def test_calls_go_on_at_the_same_time(cloud: ScriptedServer) -> None:
    meeting = threading.Barrier(4, timeout=30)

    def answer(_: Any) -> Reply:
        meeting.wait()
        return json_reply(SPOKEN)

    cloud.script(answer)
    async with talk() as client:
        results = await asyncio.gather(*(client.call_tool("qiniu_speech", SPEAK) for _ in range(4)))
        assert not any(result.isError for result in results)


async def test_a_client_that_cancels_ends_the_work(cloud: ScriptedServer) -> None:
    asked = threading.Event()

    def answer(_: Any) -> Reply:
        asked.set()
        return Reply(headers={"content-type": "application/json"}, pieces=[b"{", FOREVER])

    cloud.script(answer)
    async with talk() as client:
        call = asyncio.create_task(client.call_tool("qiniu_speech", SPEAK))
        assert await asyncio.to_thread(asked.wait, 30)
        params = CancelledNotificationParams(requestId=client._request_id - 1)
        await client.send_notification(ClientNotification(CancelledNotification(params=params)))
        with pytest.raises(McpError, match="cancelled"):
            await asyncio.wait_for(call, 30)
        assert await asyncio.to_thread(cloud.disconnected.wait, 30)
        cloud.script(json_reply(SPOKEN))
        assert not (await client.call_tool("qiniu_speech", SPEAK)).isError


async def test_a_fault_of_ours_is_an_answer_too(
    cloud: ScriptedServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError(f"with {KEY} in it")

    monkeypatch.setattr("maaskit.toolbox.tool.Tool.acall", broken)
    async with talk() as client:
        result = await client.call_tool("qiniu_speech", SPEAK)
        assert result.isError
        assert said(result) == "qiniu_speech failed (RuntimeError)."
    assert "qiniu_speech failed" in caplog.text


async def test_the_sandbox_draws_and_reads(both_clouds: Sandbox, tmp_path: Path) -> None:
    async with talk(output_dir=tmp_path) as client:
        drawn = await client.call_tool("sophnet_image", {"prompt": "a red circle", "size": "1328x1328", "seed": 7})
        assert not drawn.isError, said(drawn)
        assert drawn.structuredContent
        told = drawn.structuredContent["extras"]["path"]
        assert told in said(drawn)
    (saved,) = await asyncio.to_thread(lambda: list(tmp_path.iterdir()))
    assert str(saved) == told
    assert saved.read_bytes().startswith(b"\x89PNG")


def test_a_server_needs_tools(cloud: ScriptedServer) -> None:
    with pytest.raises(InvalidInput, match="one tool or more"):
        tool_server([])
    tools = offered()
    with pytest.raises(InvalidInput, match="a name of its own"):
        tool_server([*tools, tools[0]])


async def test_a_page_that_orders_a_theft_gets_nothing(
    both_clouds: Sandbox, scripted: ScriptedServer, tmp_path: Path
) -> None:
    adversary = Adversary(tmp_path, "sophnet_document", "sophnet_ocr")
    gullible = Gullible(scripted, "sophnet_document", {"document": "invoice.txt"})
    try:
        async with talk(root_dir=adversary.root, output_dir=adversary.root / "made") as client:
            agent = create_agent(ChatQiniu(model="m", api_key="k", base_url=scripted.url), await load_mcp_tools(client))
            state = await agent.ainvoke({"messages": "Read invoice.txt."}, {"recursion_limit": 60})
        page, *told = [message for message in state["messages"] if isinstance(message, ToolMessage)]
        assert "Ignore all previous instructions" in page.text
        assert len(told) == adversary.orders
        assert all(message.status == "error" for message in told[:-1])
        sent = str([request.body for request in both_clouds.requests])
        for whole in (gullible.prompts, adversary.got, str(state), sent):
            assert CANARY not in whole
            assert both_clouds.api_key not in whole
        assert sorted(path.name for path in adversary.root.iterdir()) == ["invoice.txt", "shortcut.txt"]
    finally:
        adversary.server.close()
