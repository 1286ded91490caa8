"""Pictures and PDF on their way to models that read them, as URL and as base64, from users and from tools."""

from __future__ import annotations

import base64
import io
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from PIL import Image, ImageDraw, ImageFont

from maaskit.errors import InvalidInput
from maaskit.langchain import ChatQiniu, ChatSophNet
from maaskit.sandbox import Sandbox
from tests.scripted import Reply, ScriptedServer

WORDS = "Invoice 4711"
QUESTION = {"type": "text", "text": "Which text stands in this picture?"}

Model = ChatSophNet | ChatQiniu


def picture(kind: str = "PNG") -> bytes:
    drawn = Image.new("RGB", (640, 160), "white")
    ImageDraw.Draw(drawn).text((20, 40), WORDS, fill="black", font=ImageFont.load_default(64))
    file = io.BytesIO()
    drawn.save(file, kind)
    return file.getvalue()


ENCODED = base64.b64encode(picture()).decode()


@pytest.fixture(params=["qiniu", "sophnet"])
def llm(request: pytest.FixtureRequest, sandbox: Sandbox) -> Model:
    if request.param == "qiniu":
        return ChatQiniu(model="qwen2.5-vl-72b-instruct", api_key=sandbox.api_key, base_url=sandbox.qiniu_url)
    return ChatSophNet(model="Qwen2.5-VL-72B-Instruct", api_key=sandbox.api_key, base_url=sandbox.sophnet_url)


@pytest.mark.parametrize(
    "block",
    [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{ENCODED}", "detail": "high"}},
        {"type": "image", "base64": ENCODED, "mime_type": "image/png"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": ENCODED}},
        {"type": "image", "source_type": "base64", "data": ENCODED, "mime_type": "image/png"},
    ],
    ids=["openai", "v1", "anthropic", "v0"],
)
def test_pictures_as_base64(llm: Model, block: dict[str, Any]) -> None:
    answer = llm.invoke([HumanMessage(content=[QUESTION, block])])
    assert "4711" in str(answer.content)


@pytest.mark.parametrize("form", ["openai", "v1"])
def test_pictures_by_url_are_fetched_by_the_service(llm: Model, scripted: ScriptedServer, form: str) -> None:
    scripted.script(Reply(200, {"content-type": "image/png"}, [picture()], chunked=False))
    url = f"{scripted.url}/invoice.png"
    block = {"type": "image", "url": url} if form == "v1" else {"type": "image_url", "image_url": url}
    assert "4711" in str(llm.invoke([HumanMessage(content=[QUESTION, block])]).content)
    assert [seen.path for seen in scripted.seen] == ["/invoice.png"]
    assert "authorization" not in scripted.seen[0].headers


def test_a_picture_out_of_a_tool(llm: Model) -> None:
    call = {"name": "scan", "args": {}, "id": "c1", "type": "tool_call"}
    answer = llm.invoke(
        [
            HumanMessage("Scan the page and tell me which text stands in the picture."),
            AIMessage("", tool_calls=[call]),
            ToolMessage(content=[{"type": "image", "base64": ENCODED, "mime_type": "image/png"}], tool_call_id="c1"),
        ]
    )
    assert "4711" in str(answer.content)


def test_a_pdf_for_qiniu(sandbox: Sandbox) -> None:
    llm = ChatQiniu(model="deepseek-v3", api_key=sandbox.api_key, base_url=sandbox.qiniu_url)
    document = base64.b64encode(picture("PDF")).decode()
    block = {"type": "file", "base64": document, "mime_type": "application/pdf"}
    assert llm.invoke([HumanMessage(content=[QUESTION, block])]).content
    part = sandbox.requests[-1].json["messages"][0]["content"][1]
    assert part["type"] == "image_url"
    assert part["image_url"]["url"].startswith("data:application/pdf;base64,")


def test_a_picture_that_is_too_large_for_qiniu(sandbox: Sandbox) -> None:
    llm = ChatQiniu(model="deepseek-v3", api_key=sandbox.api_key, base_url=sandbox.qiniu_url)
    large = base64.b64encode(picture() + bytes(9 * 1024 * 1024)).decode()
    with pytest.raises(InvalidInput, match="8 MiB"):
        llm.invoke([HumanMessage(content=[QUESTION, {"type": "image", "base64": large, "mime_type": "image/png"}])])
    assert not list(sandbox.requests)


def test_quoted_sources(sandbox: Sandbox) -> None:
    llm = ChatSophNet(model="Kimi-K2", api_key=sandbox.api_key, base_url=sandbox.sophnet_url)
    prompt = (
        "Answer from these passages.\n\n[1] The office in Hangzhou opens at nine.\n\n[2] Lunch costs 20 yuan.\n\n"
        "Question: When does the office in Hangzhou open?"
    )
    for variant in ("final", "incremental"):
        sandbox.variants.refs = variant  # type: ignore[assignment]
        chunks = list(llm.stream(prompt))
        for message in (llm.invoke(prompt), chunks[0] + chunks[1:]):
            refs = message.response_metadata["refs"]
            assert refs
            assert {"index", "title", "content", "type", "url"} == set(refs[0])
            cited = [block for block in message.content_blocks if block.get("annotations")]
            assert [note["cited_text"] for note in cited[0]["annotations"]] == [ref["content"] for ref in refs]
