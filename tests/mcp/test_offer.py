"""Which tools are served: what the environment allows, or what is named."""

from __future__ import annotations

from typing import Any

import pytest

from maaskit import ConfigurationError, InvalidInput
from maaskit.mcp import offered

NAMES = ("QINIU_API_KEY", "SOPHNET_API_KEY", "SOPH_API_KEY", "SOPHNET_PROJECT_ID", "SOPHNET_EASYLLM_ID")
VOICES = ("SOPHNET_SPEECH_TO_TEXT_EASYLLM_ID", "SOPHNET_TEXT_TO_VOICE_EASYLLM_ID")
FREE = ["sophnet_ocr", "sophnet_image", "sophnet_image_edit", "sophnet_video"]
QINIU = ["qiniu_speech", "qiniu_transcription", "qiniu_ocr"]


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*NAMES, *VOICES):
        monkeypatch.delenv(name, raising=False)


def names(**options: Any) -> list[str]:
    return [tool.name for tool in offered(**options)]


def test_nothing_is_configured() -> None:
    with pytest.raises(ConfigurationError, match="set QINIU_API_KEY or SOPHNET_API_KEY"):
        offered()


def test_what_the_environment_allows_is_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOPH_API_KEY", "k")
    assert names() == FREE
    monkeypatch.setenv("QINIU_API_KEY", "k")
    assert names() == QINIU + FREE
    monkeypatch.setenv("SOPHNET_PROJECT_ID", "p")
    monkeypatch.setenv("SOPHNET_EASYLLM_ID", "e")
    assert names() == [*QINIU, "sophnet_speech", "sophnet_transcription", "sophnet_ocr", "sophnet_document", *FREE[1:]]


def test_tools_are_chosen_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOPHNET_API_KEY", "k")
    assert names(include=["sophnet_video", "generate_image"]) == ["sophnet_video", "sophnet_image"]
    assert names(include=["recognize_text"]) == ["sophnet_ocr"]
    monkeypatch.setenv("QINIU_API_KEY", "k")
    assert names(include=["recognize_text"]) == ["qiniu_ocr", "sophnet_ocr"]


@pytest.mark.parametrize(
    ("options", "kind", "said"),
    [
        ({"include": ["sophnet_poem"]}, InvalidInput, "no tool 'sophnet_poem'; there are qiniu_speech.*sophnet_video"),
        ({"include": "sophnet_ocr"}, InvalidInput, "include must be a list"),
        ({"include": ["qiniu_ocr"]}, ConfigurationError, "QINIU_API_KEY"),
        ({"include": ["sophnet_speech"]}, ConfigurationError, "SOPHNET_PROJECT_ID"),
        ({"include": []}, ConfigurationError, "no tool to serve"),
        ({"root_dir": "no-such-folder"}, InvalidInput, "root_dir"),
        ({"max_calls": -1}, InvalidInput, "max_calls"),
        ({"task_timeout": 0}, InvalidInput, "task_timeout"),
        ({"timeout": -1}, InvalidInput, "timeout"),
    ],
)
def test_what_makes_no_sense_is_refused(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], kind: type[Exception], said: str
) -> None:
    monkeypatch.setenv("SOPHNET_API_KEY", "k")
    with pytest.raises(kind, match=said):
        offered(**options)
