"""``QiniuOCRLoader``, ``QiniuOCRParser`` and ``QiniuTranscriptLoader``: the ways that files take, and what is said."""

from __future__ import annotations

import asyncio
import copy
import gc
import itertools
import json
import pickle
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.document_loaders import BaseBlobParser, BaseLoader
from langchain_core.documents import Document
from langchain_core.documents.base import Blob
from langchain_core.exceptions import ModelError, ModelInvalidRequestError

from maaskit import ConfigurationError, InvalidInput, NotFound, SessionError, UnexpectedAnswer
from maaskit.kodo import Storage
from maaskit.langchain import QiniuOCRLoader, QiniuOCRParser, QiniuTranscriptLoader
from tests.scripted import ScriptedServer, json_reply
from tests.scripted_qiniu import STORAGE, Shelf, heard_back, read_back
from tests.scripted_recogniser import Recogniser, recording, wav_of, words
from tests.scripted_socket import ScriptedSocket
from tests.waiting import until, until_threads_end

KEY = "sk-loaders-0123"
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"


@pytest.fixture(autouse=True)
def _no_storage(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in STORAGE:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[ScriptedSocket]:
    server = ScriptedSocket()
    yield server
    server.close()
    assert server.errors == []


@pytest.fixture(params=["sync", "async"])
def load(request: pytest.FixtureRequest) -> Callable[[BaseLoader], list[Document]]:
    def run(loader: BaseLoader) -> list[Document]:
        if request.param == "sync":
            return loader.load()

        async def main() -> list[Document]:
            return [document async for document in loader.alazy_load()]

        return asyncio.run(main())

    return run


Load = Callable[[BaseLoader], list[Document]]


def way_to(server: ScriptedServer | ScriptedSocket, **more: Any) -> dict[str, Any]:
    return {"api_key": KEY, "base_url": server.url + "/v1", "timeout": 30, "max_retries": 0, **more}


# OCR.


def test_pictures_by_url_are_fetched_by_the_service(scripted: ScriptedServer, load: Load) -> None:
    scripted.script(read_back)
    urls = [f"https://example.com/{name}?x=1" for name in ("a.png", "b.pdf")]
    loader = QiniuOCRLoader(source=urls, extra_body={"lang": "zh"}, **way_to(scripted))
    assert isinstance(loader, BaseLoader)
    documents = load(loader)
    assert [document.page_content for document in documents] == [f"text of {url}" for url in urls]
    assert [document.metadata for document in documents] == [
        {"source": url, "model": "ocr", "way": "url"} for url in urls
    ]
    assert sorted(seen.json["url"] for seen in scripted.seen) == urls
    assert {seen.json["lang"] for seen in scripted.seen} == {"zh"}
    assert scripted.seen[0].headers["authorization"] == f"Bearer {KEY}"
    assert load(loader)[0].id == documents[0].id != documents[1].id


def test_a_local_picture_is_uploaded_first(scripted: ScriptedServer, load: Load, tmp_path: Path) -> None:
    scripted.script(read_back)
    (tmp_path / "发票.png").write_bytes(PNG)
    shelf = Shelf()
    (document,) = load(QiniuOCRLoader(source=tmp_path / "发票.png", storage=shelf, **way_to(scripted)))
    assert document.page_content.startswith("text of https://files.example.com/1/发票.png")
    assert document.metadata == {"source": str(tmp_path / "发票.png"), "model": "ocr", "way": "storage"}
    assert [media.path for media in shelf.put] == [tmp_path / "发票.png"]


def test_the_environments_storage_is_used(
    scripted: ScriptedServer, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted.script(read_back)
    for name in STORAGE:
        monkeypatch.setenv(name, "files.example.com")
    monkeypatch.setattr(Storage, "upload", lambda self, media: f"{self.domain}/{media.size()}.png")
    (document,) = load(QiniuOCRLoader(source=PNG, **way_to(scripted)))
    assert document.page_content == f"text of https://files.example.com/{len(PNG)}.png"


@pytest.mark.parametrize("kind", ["loader", "parser"])
def test_without_a_storage_the_error_says_what_to_set(scripted: ScriptedServer, tmp_path: Path, kind: str) -> None:
    scripted.script(read_back)
    (tmp_path / "a.png").write_bytes(PNG)
    with pytest.raises(InvalidInput, match=r"a\.png.*QINIU_ACCESS_KEY.*QINIU_DOMAIN") as caught:
        if kind == "loader":
            QiniuOCRLoader(source=["https://example.com/b.png", tmp_path / "a.png"], **way_to(scripted)).load()
        else:
            QiniuOCRParser(**way_to(scripted)).parse(Blob.from_path(tmp_path / "a.png"))
    assert isinstance(caught.value, ModelInvalidRequestError)
    assert scripted.seen == [], "something was asked before all files were looked at"


def test_what_is_no_picture_is_refused(scripted: ScriptedServer, load: Load, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04....")
    with pytest.raises(InvalidInput, match=r"a\.zip.*application/zip"):
        load(QiniuOCRLoader(source=tmp_path / "a.zip", storage=Shelf(), **way_to(scripted)))


def test_an_unreadable_answer_is_an_error_and_no_empty_text(scripted: ScriptedServer, load: Load) -> None:
    scripted.script(json_reply({"id": "i"}))
    with pytest.raises(UnexpectedAnswer, match=r"a\.png") as caught:
        load(QiniuOCRLoader(source="https://example.com/a.png?token=secret", **way_to(scripted)))
    assert isinstance(caught.value, ModelError)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("is_async", [False, True])
def test_blobs_are_read_by_the_parser(scripted: ScriptedServer, tmp_path: Path, is_async: bool) -> None:
    scripted.script(read_back)
    (tmp_path / "a.png").write_bytes(PNG)
    parser = QiniuOCRParser(storage=Shelf(), **way_to(scripted))
    assert isinstance(parser, BaseBlobParser)

    async def aparse(blob: Blob) -> list[Document]:
        return [document async for document in parser.alazy_parse(blob)]

    for blob in (Blob.from_path(tmp_path / "a.png", metadata={"page": 7}), Blob(data=PNG, metadata={"page": 7})):
        (document,) = asyncio.run(aparse(blob)) if is_async else parser.lazy_parse(blob)
        assert document.page_content.startswith("text of https://files.example.com/")
        assert (document.metadata["page"], document.metadata["way"]) == (7, "storage")


@pytest.mark.parametrize("is_async", [False, True])
def test_a_blob_may_be_a_url(scripted: ScriptedServer, is_async: bool) -> None:
    scripted.script(read_back)
    parser = QiniuOCRParser(**way_to(scripted))

    async def aparse(blob: Blob) -> list[Document]:
        return [document async for document in parser.alazy_parse(blob)]

    def parse(blob: Blob) -> list[Document]:
        return asyncio.run(aparse(blob)) if is_async else list(parser.lazy_parse(blob))

    url = "https://example.com/a.pdf"
    (document,) = parse(Blob(path=url, metadata={"page": 7}))
    assert document.page_content == f"text of {url}"
    assert document.metadata == {"page": 7, "source": url, "model": "ocr", "way": "url"}
    scripted.script(json_reply({"error": {"message": "no such thing"}}, 404))
    with pytest.raises(NotFound, match=r"https://example\.com/a\.pdf") as caught:
        parse(Blob(path=f"{url}?token=secret"))
    assert isinstance(caught.value, ModelError)
    assert "secret" not in str(caught.value)


# Recordings.


def test_a_recording_by_url_is_fetched_by_the_service(scripted: ScriptedServer, load: Load) -> None:
    scripted.script(heard_back)
    url = "https://example.com/会议.mp3"
    to = way_to(scripted)
    (document,) = load(QiniuTranscriptLoader(source=url, **to))
    assert document.page_content == f"mp3 of {url}"
    assert document.metadata == {"source": url, "way": "url", "duration_s": 2.5, "segments": []}
    (document,) = load(QiniuTranscriptLoader(source="https://x.com/a", format="ogg", mode="segments", **to))
    assert document.page_content == "ogg of https://x.com/a"
    assert (document.metadata["segment"], document.metadata["begin_ms"]) == (0, None)


@pytest.mark.parametrize("kind", ["wav", "pcm", "wav bytes", "samples", "file"])
def test_local_audio_goes_over_the_socket_and_needs_no_upload(
    server: ScriptedSocket, load: Load, tmp_path: Path, kind: str
) -> None:
    server.script(recogniser := Recogniser())
    (tmp_path / "a.wav").write_bytes(wav_of(recording(25)))
    (tmp_path / "a.pcm").write_bytes(recording(25))
    source: Any = {
        "wav": tmp_path / "a.wav",
        "pcm": str(tmp_path / "a.pcm"),
        "wav bytes": (tmp_path / "a.wav").read_bytes(),
        "samples": recording(25),
    }.get(kind)
    shelf = Shelf()
    with (tmp_path / "a.wav").open("rb") as file:
        (document,) = load(QiniuTranscriptLoader(source=source or file, storage=shelf, **way_to(server)))
    assert document.page_content == words(0, 25)
    assert document.metadata["way"] == "socket"
    assert document.metadata["duration_s"] == 2.5
    assert document.metadata["segments"][1] == {"text": words(10, 20), "begin_ms": 1000, "end_ms": 2000}
    assert shelf.put == []
    assert recogniser.audio == [recording(25)]
    assert json.dumps(document.metadata)


def test_each_stretch_can_be_a_document(server: ScriptedSocket, load: Load, tmp_path: Path) -> None:
    server.script(Recogniser())
    (tmp_path / "a.wav").write_bytes(wav_of(recording(25)))
    documents = load(QiniuTranscriptLoader(source=tmp_path / "a.wav", mode="segments", **way_to(server)))
    assert [document.page_content for document in documents] == [words(0, 10), words(10, 20), words(20, 25)]
    assert [document.metadata["begin_ms"] for document in documents] == [0, 1000, 2000]
    assert [document.metadata["segment"] for document in documents] == [0, 1, 2]
    assert "segments" not in documents[0].metadata
    assert len({document.id for document in documents}) == 3


def test_sentences_are_put_together_as_their_languages_write_them() -> None:
    from maaskit.qiniu_reading import joined
    from maaskit.transcript import Utterance

    def text(*said: str) -> str:
        return joined(Utterance(one, is_final=True) for one in said)

    assert text("你好。", "今天天气不错。") == "你好。今天天气不错。"
    assert text("Hello there.", "", "How are you?") == "Hello there. How are you?"
    assert text() == ""


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.mp3", b"ID3" + bytes(60), "mp3"),
        ("a.ogg", b"OggS" + bytes(60), "ogg"),
        ("a.wav", wav_of(recording(1), 8000), "wav"),
    ],
)
def test_other_local_audio_is_uploaded_or_says_what_to_set(
    scripted: ScriptedServer, load: Load, tmp_path: Path, name: str, content: bytes, told: str
) -> None:
    scripted.script(heard_back)
    (tmp_path / name).write_bytes(content)
    (document,) = load(QiniuTranscriptLoader(source=tmp_path / name, storage=Shelf(), **way_to(scripted)))
    assert document.page_content.startswith(f"{told} of https://files.example.com/1/{name}")
    assert (document.metadata["way"], document.metadata["source"]) == ("storage", str(tmp_path / name))
    with pytest.raises(InvalidInput, match=f"(?s){name}.*ffmpeg.*QINIU_ACCESS_KEY"):
        load(QiniuTranscriptLoader(source=tmp_path / name, **way_to(scripted)))


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (b"%PDF-1.7 no audio", "application/pdf"),
        ("https://example.com/audio", "format must be one of"),
        ("no-such-file.wav", "no file"),
        ("", "empty"),
    ],
)
def test_what_cannot_be_heard_is_refused_before_anything_is_sent(
    scripted: ScriptedServer, load: Load, source: Any, why: str
) -> None:
    with pytest.raises(InvalidInput, match=why):
        load(QiniuTranscriptLoader(source=["https://example.com/a.wav", source], storage=Shelf(), **way_to(scripted)))
    assert scripted.seen == []


def test_several_recordings_keep_their_order(server: ScriptedSocket, load: Load) -> None:
    class Slow(Recogniser):
        def _result(self, audio: bytes, *, last: bool) -> Any:
            time.sleep(0.3 if len(audio) > 30_000 else 0)
            return super()._result(audio, last=last)

    server.script(Slow())
    sources = [recording(count) for count in (20, 3, 4, 5, 6)]
    documents = load(QiniuTranscriptLoader(source=sources, max_concurrency=2, **way_to(server)))
    assert [document.page_content for document in documents] == [words(0, count) for count in (20, 3, 4, 5, 6)]


def test_a_dropped_socket_loses_no_word(server: ScriptedSocket, load: Load) -> None:
    server.script(Recogniser(drop_after=9, drops=2))
    (document,) = load(QiniuTranscriptLoader(source=recording(95), **way_to(server)))
    assert document.page_content == words(0, 95)
    server.script(Recogniser(drop_after=2, drops=1))
    with pytest.raises(SessionError, match="source"):
        load(QiniuTranscriptLoader(source=recording(95), resume=False, **way_to(server)))


def test_it_works_within_a_running_loop(server: ScriptedSocket) -> None:
    server.script(Recogniser())

    async def notebook() -> list[Document]:
        return QiniuTranscriptLoader(source=recording(3), **way_to(server)).load()

    assert asyncio.run(notebook())[0].page_content == words(0, 3)


def test_who_stops_reading_leaves_no_socket_open(server: ScriptedSocket) -> None:
    server.script(Recogniser(stall_after=3))  # a short recording is over by then
    sources = [recording(3), *itertools.repeat(recording(400), 2)]
    documents = QiniuTranscriptLoader(source=sources, max_concurrency=2, **way_to(server, timeout=600)).lazy_load()
    assert next(documents).page_content == words(0, 3)
    assert server.ended.acquire(timeout=30)
    until(lambda: len(server.paths) > 1)
    documents.close()  # type: ignore[attr-defined]
    for _ in server.paths[1:]:
        assert server.ended.acquire(timeout=30)


async def test_a_cancelled_task_leaves_no_socket_open(server: ScriptedSocket) -> None:
    server.script(stalled := Recogniser(stall_after=1))
    loader = QiniuTranscriptLoader(source=[recording(400)] * 2, **way_to(server, timeout=600))

    async def main() -> None:
        async for _ in loader.alazy_load():
            pass

    task = asyncio.create_task(main())
    assert await asyncio.to_thread(stalled.heard_something.wait, 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 30)
    for _ in server.paths:
        assert await asyncio.to_thread(server.ended.acquire, timeout=30)


def test_no_thread_is_left_behind(server: ScriptedSocket, load: Load) -> None:
    server.script(Recogniser())
    load(QiniuTranscriptLoader(source=[recording(3)] * 3, **way_to(server)))
    gc.collect()
    until_threads_end("conversation")


# Settings.


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"mode": "words"}, "mode must be"),
        ({"format": "aac"}, "format must be one of raw, wav, mp3, ogg"),
        ({"max_concurrency": 0}, "max_concurrency"),
        ({"timeout": 0}, "timeout"),
        ({"source": []}, "empty list"),
    ],
)
def test_settings_are_refused_at_once(settings: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidInput, match=why) as caught:
        QiniuTranscriptLoader(**{"source": "https://example.com/a.wav", "api_key": KEY, **settings})
    assert isinstance(caught.value, ModelError)


@pytest.mark.parametrize("make", [QiniuOCRLoader, QiniuTranscriptLoader, lambda **_: QiniuOCRParser()])
def test_a_missing_key_names_its_variable(make: Any) -> None:
    with pytest.raises(ConfigurationError, match="QINIU_API_KEY"):
        make(source="https://example.com/a.wav")


def test_loaders_show_no_key_and_survive_copies(server: ScriptedSocket, load: Load) -> None:
    server.script(Recogniser())
    loader = QiniuTranscriptLoader(source=recording(2), **way_to(server))
    assert KEY not in repr(loader) + repr(vars(loader))
    for other in (copy.deepcopy(loader), pickle.loads(pickle.dumps(loader))):  # noqa: S301 - our own
        assert load(other)[0].page_content == words(0, 2)
