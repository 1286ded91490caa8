"""``QiniuOCRReader`` and ``QiniuTranscriptReader``: as SimpleDirectoryReader calls them, and by themselves."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem
from llama_index.core import SimpleDirectoryReader
from llama_index.core.readers.base import BasePydanticReader
from llama_index.core.schema import Document, MetadataMode
from llama_index.core.vector_stores.utils import node_to_metadata_dict

from maaskit import ConfigurationError, InvalidInput
from maaskit.errors import NotFound
from maaskit.kodo import Storage
from maaskit.llama_index import QiniuOCRReader, QiniuTranscriptReader
from tests.scripted import ScriptedServer, json_reply
from tests.scripted_qiniu import STORAGE, Shelf, heard_back, read_back
from tests.scripted_recogniser import Recogniser, recording, wav_of, words
from tests.scripted_socket import ScriptedSocket

KEY = "a-key-of-qiniu-that-nobody-may-see"
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"

Load = Callable[..., list[Document]]


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


@pytest.fixture(params=["load", "lazy", "aload", "alazy"])
def load(request: pytest.FixtureRequest) -> Load:
    def run(reader: BasePydanticReader, *arguments: Any, **named: Any) -> list[Document]:
        async def lazily() -> list[Document]:
            found: Any = reader.alazy_load_data(*arguments, **named)
            return [document async for document in found]

        if request.param == "load":
            return reader.load_data(*arguments, **named)
        if request.param == "lazy":
            return list(reader.lazy_load_data(*arguments, **named))
        return asyncio.run(reader.aload_data(*arguments, **named) if request.param == "aload" else lazily())

    return run


def way_to(server: ScriptedServer | ScriptedSocket, **more: Any) -> dict[str, Any]:
    return {"api_key": KEY, "base_url": server.url + "/v1", "timeout": 30, "max_retries": 0, **more}


def test_a_picture_by_url_is_fetched_by_the_service(scripted: ScriptedServer, load: Load) -> None:
    scripted.script(read_back)
    reader = QiniuOCRReader(**way_to(scripted))
    assert isinstance(reader, BasePydanticReader)
    url = "https://example.com/a.pdf"
    (document,) = load(reader, url, extra_info={"case": "A7"})
    assert document.text == f"text of {url}"
    assert document.metadata == {"source": url, "model": "ocr", "way": "url", "case": "A7"}
    assert document.get_content(MetadataMode.EMBED) == f"case: A7\n\ntext of {url}"
    assert "way" not in document.get_content(MetadataMode.LLM)
    assert load(reader, url)[0].id_ == document.id_


def test_local_pictures_are_uploaded_or_the_error_says_what_to_set(
    scripted: ScriptedServer, load: Load, tmp_path: Path
) -> None:
    scripted.script(read_back)
    (tmp_path / "a.png").write_bytes(PNG)
    (document,) = load(QiniuOCRReader(storage=Shelf(), **way_to(scripted)), tmp_path / "a.png")
    assert document.text.startswith("text of https://files.example.com/1/a.png")
    assert (document.metadata["way"], document.metadata["source"]) == ("storage", str(tmp_path / "a.png"))
    with pytest.raises(InvalidInput, match=r"a\.png.*QINIU_BUCKET"):
        load(QiniuOCRReader(**way_to(scripted)), tmp_path / "a.png")


def test_a_directory_of_pictures_is_read(scripted: ScriptedServer, tmp_path: Path) -> None:
    scripted.script(read_back)
    for name in ("a.png", "b.png", "c.png"):
        (tmp_path / name).write_bytes(PNG)
    reader = QiniuOCRReader(storage=Shelf(), **way_to(scripted))
    documents = SimpleDirectoryReader(tmp_path, file_extractor={".png": reader}, raise_on_error=True).load_data()
    assert len({document.text for document in documents}) == 3
    assert [document.metadata["file_name"] for document in documents] == ["a.png", "b.png", "c.png"]


def test_a_directory_of_recordings_goes_over_the_socket(server: ScriptedSocket, tmp_path: Path) -> None:
    server.script(Recogniser())
    for count in (3, 12):
        (tmp_path / f"{count:02}.wav").write_bytes(wav_of(recording(count)))
    reader = QiniuTranscriptReader(**way_to(server))
    walking = SimpleDirectoryReader(tmp_path, file_extractor={".wav": reader}, raise_on_error=True)
    assert [document.text for document in walking.load_data()] == [words(0, 3), words(0, 12)]
    assert [document.text for document in asyncio.run(walking.aload_data())] == [words(0, 3), words(0, 12)]


def test_a_local_recording_is_one_document_or_one_for_each_stretch(
    server: ScriptedSocket, load: Load, tmp_path: Path
) -> None:
    server.script(Recogniser())
    (tmp_path / "a.wav").write_bytes(wav_of(recording(12)))
    (whole,) = load(QiniuTranscriptReader(**way_to(server)), tmp_path / "a.wav")
    assert whole.text == words(0, 12)
    assert whole.metadata == {"source": str(tmp_path / "a.wav"), "way": "socket", "duration_s": 1.2}
    parts = load(QiniuTranscriptReader(mode="segments", **way_to(server)), tmp_path / "a.wav")
    assert [(part.text, part.metadata["begin_ms"], part.metadata["end_ms"]) for part in parts] == [
        (words(0, 10), 0, 1000),
        (words(10, 12), 1000, 1200),
    ]
    assert parts[0].get_content(MetadataMode.EMBED) == words(0, 10)
    assert len({part.id_ for part in (whole, *parts)}) == 3
    for document in (whole, *parts):
        assert node_to_metadata_dict(document, flat_metadata=True)


def test_recordings_by_url_and_of_other_kinds_go_over_http(
    scripted: ScriptedServer, load: Load, tmp_path: Path
) -> None:
    scripted.script(heard_back)
    (tmp_path / "a.mp3").write_bytes(b"ID3" + bytes(60))
    reader = QiniuTranscriptReader(storage=Shelf(), **way_to(scripted))
    documents = load(reader, ["https://example.com/a.ogg", tmp_path / "a.mp3"])
    assert [document.metadata["way"] for document in documents] == ["url", "storage"]
    assert documents[0].text == "ogg of https://example.com/a.ogg"
    assert documents[1].text.startswith("mp3 of https://files.example.com/1/a.mp3")
    assert documents[0].metadata["duration_s"] == 2.5


def test_a_file_of_another_file_system_is_read_when_its_turn_has_come(server: ScriptedSocket, load: Load) -> None:
    server.script(Recogniser())
    fs = MemoryFileSystem()
    fs.pipe("/talks/a.wav", wav_of(recording(4)))
    (document,) = load(QiniuTranscriptReader(**way_to(server)), "/talks/a.wav", fs=fs)
    assert document.text == words(0, 4)
    assert (document.metadata["way"], document.metadata["source"]) == ("socket", "memory:///talks/a.wav")


def test_a_refusal_names_the_file(scripted: ScriptedServer, load: Load) -> None:
    scripted.script(json_reply({"error": {"message": "no such thing"}}, 404))
    with pytest.raises(NotFound, match=r"a\.wav"):
        load(QiniuTranscriptReader(**way_to(scripted)), "https://example.com/a.wav?token=secret")


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"mode": "words"}, "mode"),
        ({"format": "aac"}, "format must be one of"),
        ({"project_id": "P"}, "takes no project_id"),
        ({"easyllm_id": "E"}, "takes no easyllm_id"),
        ({"max_concurrency": 0}, "max_concurrency"),
        ({"timeout": 0}, "timeout"),
    ],
)
def test_settings_are_refused_at_once(settings: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidInput, match=why) as caught:
        QiniuTranscriptReader(api_key=KEY, **settings)
    assert KEY not in str(caught.value)


def test_a_missing_key_names_its_variable() -> None:
    with pytest.raises(ConfigurationError, match="QINIU_API_KEY"):
        QiniuOCRReader()


def test_dumps_hold_no_key_and_copies_work(server: ScriptedSocket, load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    server.script(Recogniser())
    reader = QiniuTranscriptReader(mode="segments", storage=Shelf(), **way_to(server))
    dump = reader.to_dict()
    assert KEY not in repr(reader) + json.dumps(dump)
    assert "storage" not in dump
    assert KEY.encode() not in pickle.dumps(reader)
    monkeypatch.setenv("QINIU_API_KEY", KEY)
    for other in (
        copy.deepcopy(reader),
        pickle.loads(pickle.dumps(reader)),  # noqa: S301 - our own
        QiniuTranscriptReader.from_dict(dump),
    ):
        assert [document.text for document in load(other, recording(12))] == [words(0, 10), words(10, 12)]


def test_a_pickle_holds_no_key_of_a_storage(scripted: ScriptedServer) -> None:
    storage = Storage(access_key="access-0123", secret_key="secret-4567", bucket="b", domain="files.example.com")
    reader = QiniuOCRReader(storage=storage, **way_to(scripted))
    data = pickle.dumps(reader)
    assert b"secret-4567" not in data
    assert b"access-0123" not in data
    assert reader.storage is storage
    assert pickle.loads(data).storage is None  # noqa: S301 - our own
