"""Qiniu's readers of the LlamaIndex face, against the sandbox's own engines."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from llama_index.core import SimpleDirectoryReader

from maaskit.llama_index import QiniuOCRReader, QiniuTranscriptReader
from maaskit.sandbox import Sandbox
from tests.sandbox.engines.sentences import word_errors
from tests.spoken import SAID, WRITTEN, letter, sound_file


@pytest.fixture(autouse=True)
def _set_up(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set Qiniu and its storage up in the environment."""
    for name, value in sandbox.env().items():
        monkeypatch.setenv(name, value)


def test_a_folder_of_pictures_and_recordings(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(letter())
    (tmp_path / "b.wav").write_bytes(sound_file("wav"))
    (tmp_path / "c.mp3").write_bytes(sound_file("mp3"))
    hear = QiniuTranscriptReader()
    found = SimpleDirectoryReader(
        tmp_path, file_extractor={".png": QiniuOCRReader(), ".wav": hear, ".mp3": hear}
    ).load_data()
    assert [document.metadata["way"] for document in found] == ["storage", "socket", "storage"]
    assert found[0].text == WRITTEN
    assert all(word_errors(SAID[0], document.text) <= 0.3 for document in found[1:])


def test_by_url_and_asynchronously(sandbox: Sandbox) -> None:
    picture = sandbox._state.keep(letter(), "image/png")
    (document,) = asyncio.run(QiniuOCRReader().aload_data(picture))
    assert (document.text, document.metadata["way"]) == (WRITTEN, "url")
    recording = sandbox._state.keep(sound_file("ogg"), "audio/ogg")
    (document,) = asyncio.run(QiniuTranscriptReader(format="ogg").aload_data(recording))
    assert word_errors(SAID[0], document.text) <= 0.3
    assert document.metadata["way"] == "url"
