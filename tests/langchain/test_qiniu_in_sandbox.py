"""Qiniu's loaders, parser and live recognition of the LangChain face, against the sandbox's own engines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.document_loaders import BaseLoader
from langchain_core.documents import Document
from langchain_core.documents.base import Blob

from maaskit.langchain import QiniuOCRLoader, QiniuOCRParser, QiniuStreamingTranscriber, QiniuTranscriptLoader
from maaskit.sandbox import Sandbox
from maaskit.transcript import Utterance
from tests.sandbox.engines.sentences import word_errors
from tests.spoken import SAID, WRITTEN, letter, sentence, sound_file

Load = Callable[[BaseLoader], list[Document]]


@pytest.fixture
def stored(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """Set Qiniu and its storage up in the environment."""
    for name, value in sandbox.env().items():
        monkeypatch.setenv(name, value)
    return sandbox


@pytest.fixture(params=["sync", "async"])
def load(request: pytest.FixtureRequest) -> Load:
    def run(loader: BaseLoader) -> list[Document]:
        async def main() -> list[Document]:
            return [document async for document in loader.alazy_load()]

        return loader.load() if request.param == "sync" else asyncio.run(main())

    return run


@pytest.mark.usefixtures("stored")
def test_local_and_remote_pictures(load: Load, tmp_path: Path, stored: Sandbox) -> None:
    path = tmp_path / "发票.png"
    path.write_bytes(letter())
    url = stored._state.keep(letter(), "image/png")
    local, remote = load(QiniuOCRLoader(source=[path, url]))
    assert local.page_content == remote.page_content == WRITTEN
    assert (local.metadata["way"], remote.metadata["way"]) == ("storage", "url")
    assert (local.metadata["source"], remote.metadata["source"]) == (str(path), url)


@pytest.mark.usefixtures("stored")
def test_a_parser_of_blobs() -> None:
    (document,) = QiniuOCRParser().lazy_parse(Blob.from_data(letter(), mime_type="image/png"))
    assert document.page_content == WRITTEN


@pytest.mark.usefixtures("stored")
def test_recordings_go_by_the_way_that_they_can(load: Load, tmp_path: Path) -> None:
    paths = [tmp_path / "a.wav", tmp_path / "b.mp3", tmp_path / "c.pcm"]
    for path in paths:
        path.write_bytes(sound_file(path.suffix[1:]))
    found = load(QiniuTranscriptLoader(source=paths))
    assert [document.metadata["way"] for document in found] == ["socket", "storage", "socket"]
    for document in found:
        assert word_errors(SAID[0], document.page_content) <= 0.3
        assert document.metadata["duration_s"] == pytest.approx(len(sentence()) / 32_000, abs=0.2)


@pytest.mark.usefixtures("stored")
def test_each_sentence_may_be_a_document(load: Load) -> None:
    first, second = load(QiniuTranscriptLoader(source=sentence(SAID[0]) + sentence(SAID[1]), mode="segments"))
    assert word_errors(SAID[0], first.page_content) <= 0.3
    assert word_errors(SAID[1], second.page_content) <= 0.4
    assert first.metadata["end_ms"] <= second.metadata["begin_ms"]


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_live_audio_through_drops(stored: Sandbox, mode: str) -> None:
    chunks = [sentence()[at : at + 5000] for at in range(0, len(sentence()), 5000)] * 2
    stored.faults.add(path="/voice/asr", cut_after_events=26)
    live = QiniuStreamingTranscriber(sample_rate=16000, format="pcm", resume=True)

    async def main() -> list[Utterance]:
        async def played() -> AsyncIterator[Any]:
            for chunk in chunks:
                yield chunk

        return [utterance async for utterance in live.atransform(played())]

    heard = list(live.transform(iter(chunks))) if mode == "sync" else asyncio.run(main())
    finals = [one for one in heard if one.is_final]
    assert len(stored.requests.to("/voice/asr")) == 2
    assert len(finals) == 2
    assert all(word_errors(SAID[0], one.text) <= 0.3 for one in finals)
    assert finals[0].words
    assert finals[0].end_ms is not None
    assert finals[1].begin_ms is not None
    assert finals[0].end_ms <= finals[1].begin_ms
