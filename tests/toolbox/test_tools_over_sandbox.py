"""The tools at real work: what one makes, another hears, reads and changes."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageFont

from maaskit.access import settings_of
from maaskit.provider import Qiniu, SophNet
from maaskit.sandbox import Sandbox
from maaskit.toolbox import QINIU_TOOLS, SOPHNET_TOOLS, Tool, chosen, made, rules

SENTENCE = "The weather is good today."


@pytest.fixture
def tools(sandbox: Sandbox, tmp_path: Path) -> dict[str, Tool]:
    """Give all tools of both clouds; they read and write the same folder."""
    sophnet = SophNet(
        api_key=sandbox.api_key,
        base_url=sandbox.sophnet_url,
        project_id=sandbox.project_id,
        easyllm_id=sandbox.easyllm_id,
    )
    qiniu = Qiniu(api_key=sandbox.api_key, base_url=sandbox.qiniu_url)
    options = {"sophnet_speech": {"format": "WAV_16000HZ_MONO_16BIT"}}
    found: list[Tool] = []
    for kinds, provider in ((SOPHNET_TOOLS, sophnet), (QINIU_TOOLS, qiniu)):
        allowance = rules(provider, root_dir=tmp_path, output_dir=tmp_path)
        found += made(chosen(kinds, provider), settings_of(provider), allowance, options=options)
    return {tool.name: tool for tool in found}


def heard(text: str) -> float:
    """Say which part of the sentence's words was heard."""
    words = SENTENCE.lower().strip(".").split()
    said = text.lower().replace(".", " ").replace(",", " ").split()
    return sum(word in said for word in words) / len(words)


@pytest.mark.parametrize(
    ("speaker", "listener"),
    [
        ("sophnet_speech", "sophnet_transcription"),
        ("sophnet_speech", "qiniu_transcription"),  # a WAV of 16 kHz: over the socket, without an upload
        ("qiniu_speech", "sophnet_transcription"),
    ],
)
def test_what_is_spoken_is_heard(
    tools: dict[str, Tool], sandbox: Sandbox, tmp_path: Path, speaker: str, listener: str
) -> None:
    spoken = tools[speaker].call({"text": SENTENCE})
    assert spoken.path is not None
    audio = spoken.path.name
    result = tools[listener].call({"audio": audio})
    assert heard(result.text) >= 0.6, result.text
    if listener == "qiniu_transcription":
        assert result.block["extras"]["way"] == "socket"
        assert 1 < result.block["extras"]["duration_s"] < 4


def test_what_is_drawn_is_read(tools: dict[str, Tool], tmp_path: Path) -> None:
    picture = Image.new("RGB", (700, 300), "white")
    ImageDraw.Draw(picture).text((40, 100), "INVOICE 4711", fill="black", font=ImageFont.load_default(60))
    picture.save(tmp_path / "invoice.png")
    assert "4711" in tools["sophnet_ocr"].call({"image": "invoice.png"}).text


def test_a_picture_is_made_changed_and_filmed(tools: dict[str, Tool], tmp_path: Path) -> None:
    async def main() -> list[Any]:
        drawn = await tools["sophnet_image"].acall({"prompt": "a red sunset", "size": "1056x1584", "seed": 7})
        edited = await tools["sophnet_image_edit"].acall({"prompt": "make it blue", "images": [drawn.block["url"]]})
        assert edited.path is not None
        filmed = await tools["sophnet_video"].acall(
            {"prompt": "waves", "image": edited.path.name, "size": "480*832", "duration": 1}
        )
        return [drawn, edited, filmed]

    results = asyncio.run(main())
    assert [result.block["type"] for result in results] == ["image", "image", "video"]
    with Image.open(results[0].path) as picture:
        assert picture.size == (1056, 1584)
    for result in results:
        assert result.path.parent == tmp_path.resolve()
        assert result.path.stat().st_size == result.block["extras"]["bytes"]


def test_a_document_of_the_sandbox_s_own_is_fetched(tools: dict[str, Tool], tmp_path: Path) -> None:
    (tmp_path / "合同.txt").write_text("甲方同意。", encoding="utf-8")
    assert "甲方同意" in tools["sophnet_document"].call({"document": "合同.txt"}).text
