"""``SophNetTranscriptReader``: as SimpleDirectoryReader calls it, and by itself."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem
from llama_index.core import SimpleDirectoryReader
from llama_index.core.readers.base import BasePydanticReader
from llama_index.core.schema import Document, MetadataMode
from llama_index.core.vector_stores.utils import node_to_metadata_dict

from maaskit import Client, ConfigurationError, InvalidInput, SophNet, TaskTimeout
from maaskit.kodo import Storage
from maaskit.llama_index import SophNetTranscriptReader
from maaskit.sandbox import Sandbox
from maaskit.sophnet import speech
from maaskit.task import TaskUpdate
from tests.sandbox.engines.sentences import word_errors
from tests.scripted import ScriptedServer
from tests.scripted_qiniu import STORAGE, Shelf
from tests.scripted_transcriber import SYNC, Transcriber

KEY = "a-key-of-sophnet-that-nobody-may-see"
MP3 = b"ID3\x04" + bytes(200)
URL = "https://example.com/a.mp3"

Load = Callable[..., list[Document]]


@pytest.fixture(autouse=True)
def _no_storage(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in STORAGE:
        monkeypatch.delenv(name, raising=False)


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


def way_to(server: ScriptedServer, **more: Any) -> dict[str, Any]:
    ids = {"project_id": "P1", "easyllm_id": "E1"}
    return {"api_key": KEY, "base_url": server.url, "timeout": 30, "max_retries": 0, **ids, **more}


def test_a_recording_is_one_document(scripted: ScriptedServer, load: Load) -> None:
    scripted.script(Transcriber())
    reader = SophNetTranscriptReader(**way_to(scripted))
    assert isinstance(reader, BasePydanticReader)
    (document,) = load(reader, URL, extra_info={"case": "A7"})
    assert document.text == f"heard\n{URL}\n好的。"
    assert document.metadata == {"source": URL, "way": "url", "duration_s": 2.5, "task_id": "10000", "case": "A7"}
    assert document.get_content(MetadataMode.EMBED) == f"case: A7\n\n{document.text}"
    assert "task_id" not in document.get_content(MetadataMode.LLM)
    assert load(reader, URL)[0].id_ == document.id_
    node_to_metadata_dict(document, flat_metadata=True)


@pytest.mark.parametrize(
    ("split", "number", "texts"),
    [("segments", "segment", ["heard", URL, "好的。"]), ("turns", "turn", [f"heard {URL}", "好的。"])],
)
def test_one_document_for_each_part(
    scripted: ScriptedServer, load: Load, split: Any, number: str, texts: list[str]
) -> None:
    scripted.script(Transcriber())
    documents = load(SophNetTranscriptReader(split=split, **way_to(scripted)), URL)
    assert [document.text for document in documents] == texts
    assert [document.metadata[number] for document in documents] == list(range(len(texts)))
    last = documents[-1]
    assert (last.metadata["begin_ms"], last.metadata["end_ms"], last.metadata["speaker"]) == (1600, 2000, "1")
    # A model may want to know who speaks; when it was, only programs do.
    assert "speaker: 1" in last.get_content(MetadataMode.LLM)
    assert "1600" not in last.get_content(MetadataMode.LLM)


def test_a_directory_of_recordings_is_read(scripted: ScriptedServer, tmp_path: Path) -> None:
    scripted.script(Transcriber())
    for name in ("a.mp3", "b.mp3"):
        (tmp_path / name).write_bytes(MP3)
    reader = SophNetTranscriptReader(**way_to(scripted))
    walking = SimpleDirectoryReader(tmp_path, file_extractor={".mp3": reader}, raise_on_error=True)
    wanted = ["heard\na.mp3\n好的。", "heard\nb.mp3\n好的。"]
    assert [document.text for document in walking.load_data()] == wanted
    assert [document.text for document in asyncio.run(walking.aload_data())] == wanted


def test_files_of_other_file_systems_are_uploaded(scripted: ScriptedServer, load: Load) -> None:
    scripted.script(Transcriber())
    files = MemoryFileSystem()
    files.pipe_file("/talks/a.mp3", MP3)
    (document,) = load(SophNetTranscriptReader(**way_to(scripted)), "/talks/a.mp3", fs=files)
    assert (document.text, document.metadata["way"]) == ("heard\na.mp3\n好的。", "upload")


def test_the_synchronous_recognition(scripted: ScriptedServer, load: Load, tmp_path: Path) -> None:
    scripted.script(Transcriber())
    (tmp_path / "a.wav").write_bytes(b"RIFF\x24\0\0\0WAVEfmt ")
    (document,) = load(SophNetTranscriptReader(mode="sync", storage=Shelf(), **way_to(scripted)), tmp_path / "a.wav")
    assert document.text == "heard https://files.example.com/1/a.wav?token=secret"
    assert document.metadata["way"] == "storage"
    assert {seen.path for seen in scripted.seen} == {SYNC}
    with pytest.raises(InvalidInput, match=r"a\.wav.*QINIU_BUCKET.*mode='task'"):
        load(SophNetTranscriptReader(mode="sync", **way_to(scripted)), tmp_path / "a.wav")


def test_long_work_is_told_and_taken_up_again(scripted: ScriptedServer, load: Load) -> None:
    cloud = Transcriber(never="a.mp3")
    scripted.script(cloud)
    told: list[tuple[str, TaskUpdate]] = []
    reader = SophNetTranscriptReader(task_timeout=2, on_update=lambda *both: told.append(both), **way_to(scripted))
    with pytest.raises(TaskTimeout, match=r"task_ids=\{source: '10000'\}") as caught:
        load(reader, URL)
    assert caught.value.task_id == "10000"
    assert [(source, update.word) for source, update in told][:2] == [(URL, ""), (URL, "doing")]
    cloud.never = "\0"
    (document,) = load(SophNetTranscriptReader(task_ids={URL: "10000"}, **way_to(scripted)), URL)
    assert document.metadata["way"] == "resumed"
    assert [seen.method for seen in scripted.seen].count("POST") == 1


def test_a_listener_that_nobody_awaits_costs_nothing(scripted: ScriptedServer) -> None:
    async def listen(*_: Any) -> None:
        """Wait for nothing."""

    reader = SophNetTranscriptReader(on_update=listen, **way_to(scripted))
    with pytest.raises(InvalidInput, match="on_update is a coroutine function"):
        reader.load_data("https://example.com/talk.mp3")
    assert scripted.seen == []


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"mode": "segments"}, "mode"),
        ({"split": "single"}, "split"),
        ({"task_ids": {"a": ""}}, "task_id must be the id"),
        ({"task_ids": {"a": "1"}, "mode": "sync"}, "mode='task'"),
        ({"task_timeout": -1}, "task_timeout must be"),
        ({"speed": 2}, "takes no speed"),
    ],
)
def test_options_that_are_none_are_refused(scripted: ScriptedServer, arguments: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        SophNetTranscriptReader(**way_to(scripted) | arguments)


def test_a_missing_key_or_id_names_its_variable(scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="SOPHNET_API_KEY"):
        SophNetTranscriptReader()
    with pytest.raises(ConfigurationError, match="SOPHNET_SPEECH_TO_TEXT_EASYLLM_ID"):
        SophNetTranscriptReader(**way_to(scripted, easyllm_id=None)).load_data(URL)
    monkeypatch.setenv("SOPHNET_SPEECH_TO_TEXT_EASYLLM_ID", "S1")
    assert SophNetTranscriptReader(**way_to(scripted, easyllm_id=None)).easyllm_id == "S1"


def test_dumps_and_copies_read_and_show_no_key(scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted.script(Transcriber())
    monkeypatch.setenv("SOPHNET_API_KEY", KEY)
    storage = Storage(access_key="ak", secret_key="a-secret", bucket="b", domain="https://d.example.com")
    reader = SophNetTranscriptReader(split="turns", storage=storage, on_update=print, **way_to(scripted))
    dumped = json.dumps(reader.to_dict())
    for shown in (dumped, repr(reader), str(reader)):
        assert KEY not in shown
        assert "a-secret" not in shown
    pickled = pickle.dumps(reader)
    assert b"a-secret" not in pickled
    for copied in (
        pickle.loads(pickled),  # noqa: S301 - our own
        copy.deepcopy(reader),
        SophNetTranscriptReader.from_dict(json.loads(dumped)),
    ):
        assert [document.text for document in copied.load_data(URL)] == [f"heard {URL}", "好的。"]


def test_what_the_sandbox_says_is_what_it_hears(sandbox: Sandbox, tmp_path: Path) -> None:
    ids = {"project_id": sandbox.project_id, "easyllm_id": sandbox.easyllm_id}
    with Client(SophNet(api_key=sandbox.api_key, base_url=sandbox.sophnet_url, **ids)) as client:
        said = client.send(speech.synthesize("The doctor lost some fresh bread.", format="WAV_16000HZ_MONO_16BIT"))
    (tmp_path / "a.wav").write_bytes(said.audio)
    reader = SophNetTranscriptReader(api_key=sandbox.api_key, base_url=sandbox.sophnet_url, **ids)
    documents = SimpleDirectoryReader(tmp_path, file_extractor={".wav": reader}, raise_on_error=True).load_data()
    assert word_errors("The doctor lost some fresh bread.", documents[0].text) <= 0.4
    assert documents[0].metadata["file_name"] == "a.wav"
