"""``SophNetTranscriptLoader``: the ways that recordings take, what becomes of them, and how long work shows."""

from __future__ import annotations

import asyncio
import copy
import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.document_loaders import BaseLoader
from langchain_core.documents import Document
from langchain_core.exceptions import ModelError, ModelInvalidRequestError
from langchain_core.runnables import RunnableLambda

from maaskit import ConfigurationError, InvalidInput, Media, NotFound, TaskFailed, TaskTimeout
from maaskit.langchain import SophNetTranscriptLoader
from maaskit.langchain.cloud_tool import PROGRESS_EVENT as TOOLS_EVENT
from maaskit.langchain.task_events import PROGRESS_EVENT
from maaskit.task import TaskUpdate
from tests.scripted import ScriptedServer
from tests.scripted_qiniu import STORAGE, Shelf
from tests.scripted_transcriber import SYNC, TASKS, Transcriber

KEY = "sk-loaders-0123"
MP3 = b"ID3\x04" + bytes(200)
URL = "https://example.com/会议.mp3?token=secret"


@pytest.fixture(autouse=True)
def _no_storage(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in STORAGE:
        monkeypatch.delenv(name, raising=False)


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


def way_to(server: ScriptedServer, **more: Any) -> dict[str, Any]:
    ids = {"project_id": "P1", "easyllm_id": "E1"}
    return {"api_key": KEY, "base_url": server.url, "timeout": 30, "max_retries": 0, **ids, **more}


# --- the ways ------------------------------------------------------------------------------------------------------


def test_urls_and_files_are_written_down_whole(scripted: ScriptedServer, load: Load, tmp_path: Path) -> None:
    cloud = Transcriber()
    scripted.script(cloud)
    (tmp_path / "a.mp3").write_bytes(MP3)
    sources = [URL, tmp_path / "a.mp3", Media(data=MP3, name="b.mp3")]
    loader = SophNetTranscriptLoader(source=sources, extra_body={"lang": "zh"}, **way_to(scripted))
    assert isinstance(loader, BaseLoader)
    documents = load(loader)
    names = [URL, "a.mp3", "b.mp3"]
    assert [document.page_content for document in documents] == [f"heard\n{name}\n好的。" for name in names]
    ids = {name: task_id for task_id, name in cloud.tasks.items()}
    assert documents[0].metadata == {
        "source": URL,
        "way": "url",
        "duration_s": 2.5,
        "task_id": ids[URL],
        "segments": [
            {"text": "heard", "begin_ms": 500, "end_ms": 1000, "speaker": "0"},
            {"text": URL, "begin_ms": 1100, "end_ms": 1500, "speaker": "0"},
            {"text": "好的。", "begin_ms": 1600, "end_ms": 2000, "speaker": "1"},
        ],
    }
    assert [document.metadata["way"] for document in documents] == ["url", "upload", "upload"]
    assert [document.metadata["source"] for document in documents] == [URL, str(tmp_path / "a.mp3"), "b.mp3"]
    assert sorted(cloud.told, key=str) == sorted(
        [{"audio_url": URL, "easyllm_id": "E1", "lang": "zh"}, *[{"easyllm_id": "E1", "lang": "zh"}] * 2], key=str
    )
    again = load(loader)
    assert [document.id for document in again] == [document.id for document in documents]
    assert len({document.id for document in documents}) == 3


def test_one_document_for_each_segment(scripted: ScriptedServer, load: Load) -> None:
    scripted.script(Transcriber())
    documents = load(SophNetTranscriptLoader(source=URL, split="segments", **way_to(scripted)))
    assert [document.page_content for document in documents] == ["heard", URL, "好的。"]
    assert documents[2].metadata == {
        "source": URL,
        "way": "url",
        "duration_s": 2.5,
        "task_id": "10000",
        "segment": 2,
        "begin_ms": 1600,
        "end_ms": 2000,
        "speaker": "1",
    }
    assert len({document.id for document in documents}) == 3


def test_one_document_for_each_turn_of_a_speaker(scripted: ScriptedServer, load: Load) -> None:
    scripted.script(Transcriber())
    documents = load(SophNetTranscriptLoader(source=URL, split="turns", **way_to(scripted)))
    assert [document.page_content for document in documents] == [f"heard {URL}", "好的。"]
    assert [(one.metadata["turn"], one.metadata["speaker"]) for one in documents] == [(0, "0"), (1, "1")]
    assert [(one.metadata["begin_ms"], one.metadata["end_ms"]) for one in documents] == [(500, 1500), (1600, 2000)]
    for split in ("segments", "whole"):  # in one store they replace each other no more than their own kind
        documents += load(SophNetTranscriptLoader(source=URL, split=split, **way_to(scripted)))
    assert len({document.id for document in documents}) == len(documents) == 6


def test_the_synchronous_recognition_takes_urls_and_what_a_storage_makes_of_files(
    scripted: ScriptedServer, load: Load, tmp_path: Path
) -> None:
    cloud = Transcriber()
    scripted.script(cloud)
    (tmp_path / "a.wav").write_bytes(b"RIFF\x24\0\0\0WAVEfmt ")
    url, shelf = "https://example.com/a.wav", Shelf()
    loader = SophNetTranscriptLoader(source=[url, tmp_path / "a.wav"], mode="sync", storage=shelf, **way_to(scripted))
    first, second = load(loader)
    assert first.page_content == f"heard {url}"
    assert first.metadata == {"source": url, "way": "url", "duration_s": 2.5, "segments": []}
    assert second.page_content == "heard https://files.example.com/1/a.wav?token=secret"
    assert second.metadata["way"] == "storage"
    assert [media.path for media in shelf.put] == [tmp_path / "a.wav"]
    assert {seen.path for seen in scripted.seen} == {SYNC}
    (only,) = load(SophNetTranscriptLoader(source=url, mode="sync", split="segments", **way_to(scripted)))
    assert (only.page_content, only.metadata["segment"], only.metadata["speaker"]) == (f"heard {url}", 0, None)


# --- bad input -----------------------------------------------------------------------------------------------------


def test_all_files_are_looked_at_before_the_first_is_sent(scripted: ScriptedServer, load: Load, tmp_path: Path) -> None:
    scripted.script(Transcriber())
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7")
    for bad, why in ((tmp_path / "a.pdf", r"a\.pdf.*it must be wav"), (tmp_path / "none.mp3", r"no file")):
        with pytest.raises(InvalidInput, match=why) as caught:
            load(SophNetTranscriptLoader(source=[URL, bad], **way_to(scripted)))
        assert isinstance(caught.value, ModelInvalidRequestError)
    with pytest.raises(InvalidInput, match=r"QINIU_ACCESS_KEY.*use mode='task', which uploads it by itself"):
        load(SophNetTranscriptLoader(source=io.BytesIO(MP3), mode="sync", **way_to(scripted)))
    for source in (URL, Media(data=MP3, name="a.mp3")):
        with pytest.raises(InvalidInput, match="is mp3; the synchronous recognition takes wav"):
            load(SophNetTranscriptLoader(source=source, mode="sync", storage=Shelf(), **way_to(scripted)))
    assert scripted.seen == []


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"mode": "segments"}, "mode must be 'task' or 'sync', not 'segments'; split says"),
        ({"split": "single"}, "split must be 'whole', 'segments' or 'turns'"),
        ({"task_ids": ["1"]}, "task_ids must be a dict"),
        ({"task_ids": {"a.wav": ""}}, "task_id must be the id"),
        ({"task_ids": {"a.wav": "1"}, "mode": "sync"}, "task_ids are for mode='task'"),
        ({"task_timeout": -1}, "task_timeout must be"),
        ({"on_update": "print"}, "on_update must be a function"),
        ({"storage": "bucket"}, "storage must be one such as"),
        ({"extra_body": [("x", 1)]}, "extra_body must be a dict"),
        ({"max_concurrency": 0}, "max_concurrency"),
        ({"source": []}, "source is an empty list"),
    ],
)
def test_options_that_are_none_are_refused(scripted: ScriptedServer, arguments: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        SophNetTranscriptLoader(**{"source": URL, **way_to(scripted)} | arguments)


def test_a_missing_key_or_id_names_its_variable(scripted: ScriptedServer, load: Load) -> None:
    with pytest.raises(ConfigurationError, match="SOPHNET_API_KEY"):
        SophNetTranscriptLoader(source=URL)
    with pytest.raises(ConfigurationError, match="SOPHNET_SPEECH_TO_TEXT_EASYLLM_ID"):
        load(SophNetTranscriptLoader(source=URL, **way_to(scripted, easyllm_id=None)))


# --- long work -----------------------------------------------------------------------------------------------------


def test_a_failure_names_recording_and_task(scripted: ScriptedServer, load: Load) -> None:
    scripted.script(Transcriber(fails="b.mp3"))
    sources = ["https://example.com/a.mp3", "https://example.com/b.mp3?token=secret"]
    with pytest.raises(TaskFailed, match=r"https://example\.com/b\.mp3: Task \d+ failed: E7") as caught:
        load(SophNetTranscriptLoader(source=sources, max_concurrency=1, **way_to(scripted)))
    assert caught.value.task_id == "10001"
    assert isinstance(caught.value, ModelError)
    assert "secret" not in str(caught.value)


def test_a_result_is_collected_later_and_nothing_is_submitted_again(scripted: ScriptedServer, load: Load) -> None:
    cloud = Transcriber(never="会议")
    scripted.script(cloud)
    with pytest.raises(TaskTimeout, match=r"task_ids=\{source: '10000'\}") as caught:
        load(SophNetTranscriptLoader(source=URL, task_timeout=2, **way_to(scripted)))
    assert caught.value.task_id == "10000"
    cloud.never = "\0"
    later = SophNetTranscriptLoader(source=URL, task_ids={URL: "10000"}, **way_to(scripted))
    (document,) = load(later)
    assert document.page_content == f"heard\n{URL}\n好的。"
    assert (document.metadata["way"], document.metadata["task_id"]) == ("resumed", "10000")
    assert [seen.method for seen in scripted.seen].count("POST") == 1
    assert {seen.path for seen in scripted.seen} == {TASKS, f"{TASKS}/10000"}


def test_a_task_that_is_too_old_is_told_the_24_hours(scripted: ScriptedServer, load: Load) -> None:
    scripted.script(Transcriber())
    with pytest.raises(NotFound, match="24 hours"):
        load(SophNetTranscriptLoader(source=URL, task_ids={URL: "7"}, **way_to(scripted)))


def test_a_listener_is_told(scripted: ScriptedServer, load: Load) -> None:
    scripted.script(Transcriber())
    told: list[tuple[str, TaskUpdate]] = []
    load(SophNetTranscriptLoader(source=URL, on_update=lambda *both: told.append(both), **way_to(scripted)))
    assert [(source, update.task_id, update.word) for source, update in told] == [
        (URL, "10000", ""),
        (URL, "10000", "doing"),
        (URL, "10000", "success"),
    ]


def test_a_listener_may_be_a_coroutine_function(scripted: ScriptedServer) -> None:
    scripted.script(Transcriber())
    told: list[str] = []

    async def listen(_: str, update: TaskUpdate) -> None:
        await asyncio.sleep(0)
        told.append(update.word)

    loader = SophNetTranscriptLoader(source=URL, on_update=listen, **way_to(scripted))
    asyncio.run(loader.aload())
    assert told == ["", "doing", "success"]
    before = len(scripted.seen)
    with pytest.raises(InvalidInput, match="on_update is a coroutine function"):
        loader.load()
    assert len(scripted.seen) == before  # nothing is submitted that costs


class Ear(BaseCallbackHandler):
    def __init__(self) -> None:
        self.heard: list[tuple[str, Any]] = []

    def on_custom_event(self, name: str, data: Any, **_: Any) -> None:
        self.heard.append((name, data))


@pytest.mark.parametrize("is_async", [False, True])
def test_a_run_is_told_by_custom_events(scripted: ScriptedServer, is_async: bool) -> None:
    scripted.script(Transcriber())
    urls = ["https://example.com/a.mp3", "https://example.com/b.mp3"]
    loader, ear = SophNetTranscriptLoader(source=urls, **way_to(scripted)), Ear()

    async def aload(_: Any) -> list[Document]:
        return await loader.aload()

    run: Any = RunnableLambda(lambda _: loader.load(), afunc=aload)
    config: Any = {"callbacks": [ear]}
    documents = asyncio.run(run.ainvoke(None, config)) if is_async else run.invoke(None, config)
    assert len(documents) == 2
    assert {name for name, _ in ear.heard} == {PROGRESS_EVENT} == {TOOLS_EVENT}
    for url in urls:
        mine = [data for _, data in ear.heard if data["source"] == url]
        assert [(data["phase"], data["word"]) for data in mine] == [
            ("waiting", ""),
            ("running", "doing"),
            ("succeeded", "success"),
        ]
        assert {data["task_id"] for data in mine} < {"10000", "10001"}


def test_a_bar_is_shown_on_request(scripted: ScriptedServer, load: Load, capsys: pytest.CaptureFixture[str]) -> None:
    scripted.script(Transcriber())
    load(SophNetTranscriptLoader(source=[URL, URL], show_progress=True, **way_to(scripted)))
    shown = capsys.readouterr().err
    assert "SophNetTranscriptLoader" in shown
    assert "2/2" in shown


# --- several loops, threads, copies --------------------------------------------------------------------------------


def test_copies_read_as_well_and_no_key_is_shown(scripted: ScriptedServer) -> None:
    scripted.script(Transcriber())
    loader = SophNetTranscriptLoader(source=URL, **way_to(scripted))
    for copied in (pickle.loads(pickle.dumps(loader)), copy.deepcopy(loader)):  # noqa: S301 - our own
        assert copied.load()[0].page_content.startswith("heard")
        for _ in range(2):
            assert asyncio.run(copied.aload())[0].page_content.startswith("heard")
    assert KEY not in repr(vars(loader))


def test_who_stops_reading_stops_the_work(scripted: ScriptedServer) -> None:
    cloud = Transcriber()
    scripted.script(cloud)
    urls = [f"https://example.com/{number}.mp3" for number in range(30)]
    documents = SophNetTranscriptLoader(source=urls, max_concurrency=2, **way_to(scripted)).lazy_load()
    next(documents)
    documents.close()  # type: ignore[attr-defined]
    assert len(cloud.tasks) < 6
