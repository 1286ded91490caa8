"""LangChain's toolkits: what is offered, what is left out, and what their tools share."""

from __future__ import annotations

import copy
import logging
import pickle
from pathlib import Path
from typing import Any

import pytest
from langchain_core.tools.base import BaseToolkit

from maaskit import ConfigurationError, InvalidInput
from maaskit.langchain import QiniuToolkit, SophNetToolkit
from tests.scripted import ScriptedServer
from tests.scripted_tools import KEY, ToolClouds

QINIU = ["qiniu_speech", "qiniu_transcription", "qiniu_ocr"]
SOPHNET = [
    "sophnet_speech",
    "sophnet_transcription",
    "sophnet_ocr",
    "sophnet_document",
    "sophnet_image",
    "sophnet_image_edit",
    "sophnet_video",
]


@pytest.fixture
def clouds(scripted: ScriptedServer) -> ToolClouds:
    return ToolClouds(scripted)


def names(toolkit: BaseToolkit) -> list[str]:
    return [tool.name for tool in toolkit.get_tools()]


def test_everything_that_is_configured_is_offered(clouds: ToolClouds) -> None:
    assert names(QiniuToolkit(**clouds.qiniu)) == QINIU
    assert names(SophNetToolkit(**clouds.sophnet)) == SOPHNET


def test_the_environment_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QINIU_API_KEY", KEY)
    monkeypatch.setenv("SOPHNET_API_KEY", KEY)
    assert names(QiniuToolkit()) == QINIU
    assert names(SophNetToolkit()) == ["sophnet_ocr", "sophnet_image", "sophnet_image_edit", "sophnet_video"]
    monkeypatch.setenv("SOPHNET_PROJECT_ID", "P")
    monkeypatch.setenv("SOPHNET_DOC_PARSE_EASYLLM_ID", "documents")
    monkeypatch.setenv("SOPHNET_TEXT_TO_VOICE_EASYLLM_ID", "voices")
    found = {tool.name: tool for tool in SophNetToolkit().get_tools()}
    assert set(SOPHNET) - set(found) == {"sophnet_transcription"}
    assert found["sophnet_document"].easyllm_id == "documents"  # type: ignore[attr-defined]
    assert found["sophnet_speech"].easyllm_id == "voices"  # type: ignore[attr-defined]


def test_a_line_says_what_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="maaskit"):
        SophNetToolkit(api_key=KEY).get_tools()
    assert "sophnet_speech is left out: " in caplog.text
    assert KEY not in caplog.text


def test_include_chooses(clouds: ToolClouds) -> None:
    chosen = ["sophnet_video", "sophnet_ocr"]
    assert names(SophNetToolkit(**clouds.sophnet, include=chosen)) == chosen
    assert names(SophNetToolkit(**clouds.sophnet, include=[])) == []


@pytest.mark.parametrize("include", [["sophnet_dance"], ["qiniu_ocr"], "sophnet_ocr", ["sophnet_ocr", "x"]])
def test_unknown_names_are_an_error_at_once(clouds: ToolClouds, include: Any) -> None:
    with pytest.raises(InvalidInput, match="include"):
        SophNetToolkit(**clouds.sophnet, include=include)


def test_naming_what_is_not_configured_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match=r"sophnet_speech is not configured: .*SOPHNET_PROJECT_ID"):
        SophNetToolkit(api_key=KEY, include=["sophnet_speech"]).get_tools()


def test_rules_and_settings_reach_the_tools(clouds: ToolClouds, tmp_path: Path) -> None:
    toolkit = SophNetToolkit(**clouds.sophnet, root_dir=tmp_path, output_dir=tmp_path / "out")
    tools = {tool.name: tool for tool in toolkit.get_tools()}
    (tmp_path / "合同.txt").write_text("甲方")
    assert tools["sophnet_document"].invoke({"document": "合同.txt"}) == "# 合同.txt\n\n甲方"
    assert "Saved as" in tools["sophnet_speech"].invoke({"text": "a"})


def test_a_storage_reaches_the_tools_that_need_one(clouds: ToolClouds, tmp_path: Path) -> None:
    class Shelf:
        def upload(self, media: Any) -> str:
            return f"https://files.example.com/{media.name}"

    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 32)
    tools = {tool.name: tool for tool in QiniuToolkit(**clouds.qiniu, root_dir=tmp_path, storage=Shelf()).get_tools()}
    assert tools["qiniu_ocr"].invoke({"image": "a.png"}) == "text of https://files.example.com/a.png"


def test_options_of_single_tools(clouds: ToolClouds) -> None:
    options = {"sophnet_image": {"model": "z-image-turbo"}, "synthesize_speech": {"voice": "longxiaochun"}}
    tools = {tool.name: tool for tool in SophNetToolkit(**clouds.sophnet, options=options).get_tools()}
    assert "negative_prompt" not in tools["sophnet_image"].args
    assert tools["sophnet_speech"].voice == "longxiaochun"  # type: ignore[attr-defined]


def test_limits_are_shared_by_all_who_ask_for_the_tools(clouds: ToolClouds) -> None:
    toolkit = SophNetToolkit(**clouds.sophnet, max_calls={"sophnet_image": 1})
    for expected in ("Picture", "sophnet_image was not called: its limit of max_calls=1"):
        (tool,) = [one for one in toolkit.get_tools() if one.name == "sophnet_image"]
        assert tool.invoke({"prompt": "猫"}).startswith(expected)
    (other,) = [one for one in toolkit.get_tools() if one.name == "sophnet_ocr"]
    for _ in range(3):
        assert other.invoke({"image": "https://example.com/a.png"}).startswith("# ")


def test_one_limit_for_all_is_counted_for_each(clouds: ToolClouds) -> None:
    tools = QiniuToolkit(**clouds.qiniu, max_calls=1).get_tools()
    assert [tool.invoke({"text": "a"} if tool.name == "qiniu_speech" else _url(tool.name))[:5] for tool in tools]
    assert len(clouds.asked) == 3
    for tool in tools:
        assert "max_calls=1" in tool.invoke({"text": "a"} if tool.name == "qiniu_speech" else _url(tool.name))
    assert len(clouds.asked) == 3


def _url(name: str) -> dict[str, str]:
    return {"image": "https://example.com/a.png"} if name == "qiniu_ocr" else {"audio": "https://example.com/a.mp3"}


@pytest.mark.parametrize(
    "fields",
    [
        {"root_dir": "/nowhere/at/all"},
        {"output_dir": ""},
        {"allowed_hosts": "x"},
        {"max_calls": -1},
        {"max_calls": {"no_tool": 1}},
        {"max_calls": {"sophnet_ocr": "many"}},
        {"options": {"no_tool": {}}},
        {"options": {"sophnet_ocr": {"colour": 1}}},
        {"options": {"sophnet_speech": {"volume": 101}}},
        {"timeout": 0},
        {"task_timeout": -1},
        {"unknown": 1},
    ],
)
def test_wrong_settings_are_refused_at_once(clouds: ToolClouds, fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as caught:
        SophNetToolkit(**{**clouds.sophnet, **fields})
    assert KEY not in str(caught.value)


def test_a_missing_key_names_the_variable() -> None:
    with pytest.raises(ConfigurationError, match="QINIU_API_KEY"):
        QiniuToolkit()
    with pytest.raises(ConfigurationError, match="SOPHNET_API_KEY"):
        SophNetToolkit()


def test_the_key_is_not_shown_and_a_toolkit_can_be_copied(clouds: ToolClouds) -> None:
    toolkit = SophNetToolkit(**clouds.sophnet, default_headers={"X-Token": KEY})
    assert KEY not in repr(toolkit)
    for other in (copy.deepcopy(toolkit), pickle.loads(pickle.dumps(toolkit))):  # noqa: S301 - our own
        assert names(other) == SOPHNET
