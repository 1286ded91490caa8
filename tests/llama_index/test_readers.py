"""``SophNetDocumentReader`` and ``SophNetOCRReader``: as SimpleDirectoryReader calls them, and by themselves."""

from __future__ import annotations

import asyncio
import copy
import inspect
import json
import pickle
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from io import BytesIO
from multiprocessing.reduction import ForkingPickler
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from fsspec.implementations.dirfs import DirFileSystem
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem
from llama_index.core import SimpleDirectoryReader
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.readers.base import BasePydanticReader, ReaderConfig
from llama_index.core.schema import Document, MetadataMode
from llama_index.core.vector_stores.utils import node_to_metadata_dict

from maaskit import ConfigurationError, InvalidInput, Media
from maaskit.errors import AuthenticationFailed, ConnectionFailed, MaasError, NotFound, ServerError
from maaskit.llama_index import SophNetDocumentReader, SophNetOCRReader
from maaskit.sandbox import Sandbox
from tests.llama_index.clouds import KEY, ReadingCloud
from tests.scripted import Reply, ScriptedServer, json_reply
from tests.waiting import auntil

PDF = b"%PDF-1.7 short"
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
SECRET = "a-header-that-nobody-may-see"
SAMPLES = Path(__file__).parents[2] / "cookbook" / "samples"

Load = Callable[..., list[Document]]


@pytest.fixture
def cloud(scripted: ScriptedServer) -> ReadingCloud:
    return ReadingCloud(scripted)


@pytest.fixture
def web() -> Iterator[ScriptedServer]:
    server = ScriptedServer()
    yield server
    server.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder with nine documents."""
    folder = tmp_path / "文件"
    folder.mkdir()
    for number in range(9):
        (folder / f"第{number}章.pdf").write_bytes(PDF)
    return folder


@pytest.fixture
def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


@pytest.fixture
def memory() -> Iterator[MemoryFileSystem]:
    """Give a file system that is not this machine's, empty before and afterwards."""
    fs = MemoryFileSystem()
    fs.store.clear()
    yield fs
    fs.store.clear()
    fs.pseudo_dirs[:] = [""]


@pytest.fixture(params=["load_data", "lazy_load_data", "aload_data", "alazy_load_data", "awaited"])
def load(request: pytest.FixtureRequest) -> Load:
    """Load in each of the ways that there are."""
    way = request.param

    def run(reader: Any, *arguments: Any, **more: Any) -> list[Document]:
        if not way.startswith("a"):
            return list(getattr(reader, way)(*arguments, **more))

        async def main() -> list[Document]:
            if way == "alazy_load_data":
                return [document async for document in reader.alazy_load_data(*arguments, **more)]
            return list(await getattr(reader, "alazy_load_data" if way == "awaited" else way)(*arguments, **more))

        return asyncio.run(main())

    return run


@pytest.fixture(params=["load_data", "aload_data"])
def read_folder(request: pytest.FixtureRequest) -> Load:
    """Let SimpleDirectoryReader read, synchronously and asynchronously."""

    def run(directory: SimpleDirectoryReader, **more: Any) -> list[Document]:
        found = getattr(directory, request.param)(**more)
        return asyncio.run(found) if inspect.isawaitable(found) else found  # type: ignore[arg-type]

    return run


def documents_of(cloud: ReadingCloud, **more: Any) -> SophNetDocumentReader:
    return SophNetDocumentReader(**cloud.settings(**more))


def ocr_of(cloud: ReadingCloud, **more: Any) -> SophNetOCRReader:
    return SophNetOCRReader(**cloud.settings(**more))


# --- as LlamaIndex calls them --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [SophNetDocumentReader, SophNetOCRReader])
def test_they_are_what_core_asks_for(kind: type[BasePydanticReader]) -> None:
    assert issubclass(kind, BasePydanticReader)
    assert kind.class_name() == kind.__name__
    assert kind(api_key=KEY).is_remote  # type: ignore[call-arg]
    for method in (kind.load_data, kind.lazy_load_data, kind.aload_data, kind.alazy_load_data):
        parameters = list(inspect.signature(method).parameters.values())[1:]
        assert [parameter.name for parameter in parameters[:3]] == ["file_path", "extra_info", "fs"]
        assert [parameter.default for parameter in parameters[1:3]] == [None, None]
        assert parameters[3].kind is inspect.Parameter.VAR_KEYWORD


def test_a_folder_is_read(read_folder: Load, cloud: ReadingCloud, folder: Path, files: list[Path]) -> None:
    directory = SimpleDirectoryReader(
        str(folder), file_extractor={".pdf": documents_of(cloud)}, raise_on_error=True, filename_as_id=False
    )
    found = read_folder(directory)
    assert [document.text for document in found] == [f"# {path.name}" for path in files]
    for document, path in zip(found, files, strict=True):
        assert document.metadata["source"] == document.metadata["file_path"] == str(path)
        assert document.metadata["file_size"] == len(PDF)


def test_a_folder_of_several_kinds_is_read(read_folder: Load, cloud: ReadingCloud, folder: Path) -> None:
    (folder / "票.png").write_bytes(PNG)
    extractors = {".pdf": documents_of(cloud), ".png": ocr_of(cloud, mode="blocks")}
    found = read_folder(SimpleDirectoryReader(str(folder), file_extractor=extractors, raise_on_error=True))
    assert [document.text for document in found if document.metadata["file_name"] == "票.png"] == ["picture", "正文"]
    assert len(found) == 11


def test_a_bad_file_ends_it_if_wished(read_folder: Load, cloud: ReadingCloud, folder: Path) -> None:
    cloud.bad.add("第5章.pdf")
    directory = SimpleDirectoryReader(str(folder), file_extractor={".pdf": documents_of(cloud)}, raise_on_error=True)
    with pytest.raises(Exception, match=r"Error loading file|out of order") as caught:  # core wraps one of them
        read_folder(directory)
    error = caught.value if isinstance(caught.value, MaasError) else caught.value.__cause__
    assert isinstance(error, ServerError)
    assert str(folder / "第5章.pdf") in str(error)


def test_a_bad_file_is_told_and_left_out_otherwise(
    read_folder: Load, cloud: ReadingCloud, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.bad.add("第5章.pdf")
    found = read_folder(SimpleDirectoryReader(str(folder), file_extractor={".pdf": documents_of(cloud)}))
    assert len(found) == 8
    assert "第5章.pdf" in capsys.readouterr().out


def test_a_folder_on_another_file_system_is_read(
    read_folder: Load, cloud: ReadingCloud, memory: MemoryFileSystem
) -> None:
    for number in range(3):
        memory.pipe(f"/bucket/{number}.pdf", PDF)
    directory = SimpleDirectoryReader(
        "/bucket", fs=memory, file_extractor={".pdf": documents_of(cloud)}, raise_on_error=True
    )
    found = read_folder(directory)
    assert sorted(document.text for document in found) == ["# 0.pdf", "# 1.pdf", "# 2.pdf"]
    assert sorted(document.metadata["source"] for document in found) == [
        f"memory:///bucket/{number}.pdf" for number in range(3)
    ]
    assert all(document.metadata["file_size"] == len(PDF) for document in found)


def test_a_whole_folder_at_once_is_bounded(cloud: ReadingCloud, folder: Path) -> None:
    cloud.pause_s = lambda _: 0.05
    for concurrency in (2, 4):
        cloud.most, cloud.together = 0, concurrency
        extractors = {".pdf": documents_of(cloud, max_concurrency=concurrency)}
        asyncio.run(SimpleDirectoryReader(str(folder), file_extractor=extractors, raise_on_error=True).aload_data())
        assert cloud.most == concurrency


def test_processes_read_a_folder(cloud: ReadingCloud, folder: Path, files: list[Path]) -> None:
    directory = SimpleDirectoryReader(str(folder), file_extractor={".pdf": documents_of(cloud)}, raise_on_error=True)
    found = directory.load_data(num_workers=2)
    assert [document.text for document in found] == [f"# {path.name}" for path in files]
    assert {seen.headers["authorization"] for seen in cloud.server.seen} == {f"Bearer {KEY}"}


def test_a_config_reads(cloud: ReadingCloud, files: list[Path]) -> None:
    reader = documents_of(cloud)
    config = ReaderConfig(reader=reader, reader_args=[files[0]], reader_kwargs={"extra_info": {"a": 1}})
    assert config.read() == reader.load_data(files[0], {"a": 1})
    assert KEY not in str(config.to_dict())


# --- metadata and ids ----------------------------------------------------------------------------------------------


def test_extra_info_is_added(load: Load, cloud: ReadingCloud, files: list[Path]) -> None:
    told = {"case": "A7", "tags": None}
    for document in load(documents_of(cloud), files[:2], extra_info=told):
        assert document.metadata == {"source": str(files[0].parent / document.text[2:]), "case": "A7", "tags": None}
        document.metadata["case"] = "another"
    assert told == {"case": "A7", "tags": None}


def test_what_the_caller_says_wins(load: Load, cloud: ReadingCloud, files: list[Path]) -> None:
    (document,) = load(documents_of(cloud), files[0], {"source": "intranet"})
    assert document.metadata == {"source": "intranet"}


def test_extra_info_that_is_no_metadata_is_refused_unsent(load: Load, cloud: ReadingCloud, files: list[Path]) -> None:
    with pytest.raises(InvalidInput, match="extra_info must be a mapping"):
        load(SophNetDocumentReader(**cloud.settings()), files[0], extra_info="case A7")
    assert not cloud.server.seen


def test_an_id_is_the_same_for_the_same_source(load: Load, cloud: ReadingCloud, files: list[Path]) -> None:
    def id_of(reader: Any, source: Any) -> str:
        found = load(reader, source)[0].id_
        assert str(uuid.UUID(found)) == found  # what vector stores such as Qdrant take
        return found

    reader = documents_of(cloud)
    first = id_of(reader, files[0])
    assert id_of(documents_of(cloud), str(files[0])) == first == reader.load_data(files[0])[0].id_
    assert id_of(reader, files[1]) != first
    assert id_of(reader, PDF) == id_of(reader, BytesIO(PDF)) != id_of(reader, PDF + b"x")
    picture = "https://example.com/a.png"
    assert id_of(ocr_of(cloud), picture) != id_of(ocr_of(cloud, mode="blocks"), picture)


def test_blocks_are_documents_with_flat_metadata(load: Load, cloud: ReadingCloud) -> None:
    first, second = load(ocr_of(cloud, mode="blocks"), "https://example.com/a.png", {"case": "A7"})
    source = "https://example.com/a.png"
    model = "PaddleOCR-VL-0.9B"
    assert first.text == "a.png"
    assert first.metadata == {
        "source": source, "model": model, "block": 0, "label": "title", "position": "1,2,3,4", "case": "A7"
    }  # fmt: skip
    assert second.text == "正文"
    assert second.metadata == {
        "source": source, "model": model, "block": 2, "label": "text", "position": None, "case": "A7"
    }  # fmt: skip
    assert first.id_ != second.id_


def test_vector_stores_and_splitters_take_the_metadata(load: Load, cloud: ReadingCloud) -> None:
    for mode in ("single", "blocks"):
        found = load(ocr_of(cloud, mode=mode), "https://example.com/a.png")
        for document in found:
            assert node_to_metadata_dict(document, remove_text=True, flat_metadata=True)["model"]
            # What is for programs stays out of vectors and prompts.
            assert document.get_content(MetadataMode.EMBED) == document.text
            assert document.get_content(MetadataMode.LLM) == f"source: https://example.com/a.png\n\n{document.text}"
        assert SentenceSplitter(chunk_size=64, chunk_overlap=8).get_nodes_from_documents(found)


def test_a_prompt_has_the_path_once(read_folder: Load, cloud: ReadingCloud, folder: Path, files: list[Path]) -> None:
    directory = SimpleDirectoryReader(str(folder), file_extractor={".pdf": documents_of(cloud)}, raise_on_error=True)
    document = read_folder(directory)[0]
    assert document.get_content(MetadataMode.LLM) == f"file_path: {files[0]}\n\n{document.text}"


# --- every kind of source ------------------------------------------------------------------------------------------


def test_every_kind_of_source(load: Load, cloud: ReadingCloud, files: list[Path]) -> None:
    sources = [files[0], str(files[1]), Media.of(files[2]), Media(data=PDF, name="合同.pdf"), PDF, BytesIO(PDF)]
    found = load(documents_of(cloud), sources)
    names = [*(path.name for path in files[:3]), "合同.pdf", "document.pdf", "document.pdf"]
    assert [document.text for document in found] == [f"# {name}" for name in names]


def test_a_url_of_a_document_is_downloaded(load: Load, cloud: ReadingCloud, web: ScriptedServer) -> None:
    web.script(Reply(200, {"content-type": "application/pdf"}, [PDF]))
    url = f"{web.url}/annual.pdf?year=2026"
    (document,) = load(documents_of(cloud), url)
    assert (document.text, document.metadata) == ("# annual.pdf", {"source": url})
    assert KEY not in str(web.seen[0])


def test_a_url_of_a_picture_is_passed_on(load: Load, cloud: ReadingCloud, web: ScriptedServer) -> None:
    (document,) = load(ocr_of(cloud), f"{web.url}/a.jpg")
    assert document.text == "# a.jpg\n\n正文"
    assert cloud.server.seen[0].json["image_url"] == {"url": f"{web.url}/a.jpg"}
    assert not web.seen


def test_options_of_ocr_go_along(load: Load, cloud: ReadingCloud) -> None:
    reader = ocr_of(
        cloud,
        model_name="DeepSeek-OCR",
        prompt="<image>\nOnly the total.",
        prettify_markdown=False,
        extra_body={"a": 1},
    )
    (document,) = load(reader, PNG)
    sent = cloud.server.seen[0].json
    assert (sent["model"], sent["prompt"], sent["prettify_markdown"], sent["a"]) == (
        "DeepSeek-OCR", "<image>\nOnly the total.", False, 1
    )  # fmt: skip
    assert document.metadata["model"] == "DeepSeek-OCR"


# --- other file systems --------------------------------------------------------------------------------------------


def test_files_are_read_through_their_file_system(load: Load, cloud: ReadingCloud, memory: MemoryFileSystem) -> None:
    memory.pipe("/a/合同.pdf", PDF)
    memory.pipe("/b.pdf", PDF)
    found = load(documents_of(cloud), ["/a/合同.pdf", PurePosixPath("/b.pdf"), "memory://b.pdf"], {"case": 1}, memory)
    assert [document.text for document in found] == ["# 合同.pdf", "# b.pdf", "# b.pdf"]
    assert [document.metadata["source"] for document in found[:2]] == ["memory:///a/合同.pdf", "memory:///b.pdf"]
    assert len({document.id_ for document in found[:2]}) == 2
    assert PDF in cloud.server.seen[0].body


def test_pictures_are_read_through_their_file_system(load: Load, cloud: ReadingCloud, memory: MemoryFileSystem) -> None:
    memory.pipe("/票.png", PNG)
    (document,) = load(ocr_of(cloud), "/票.png", fs=memory)
    assert document.text == "# picture\n\n正文"


def test_this_machines_file_system_streams_from_the_disk(load: Load, cloud: ReadingCloud, files: list[Path]) -> None:
    reader = documents_of(cloud)
    for fs in (LocalFileSystem(), LocalFileSystem(auto_mkdir=True)):
        (document,) = load(reader, files[0], None, fs)
        assert document == reader.load_data(files[0])[0]
    (document,) = load(reader, files[0].name, None, DirFileSystem(str(files[0].parent), LocalFileSystem()))
    assert document.text == f"# {files[0].name}"


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/nowhere.pdf", "memory:///nowhere.pdf: there is no such file"),
        ("/empty.pdf", "memory:///empty.pdf is empty"),
        ("/picture.pdf", r"memory:///picture\.pdf: picture\.pdf is image/png"),
        (b"%PDF", "must be a path of the file system memory, not bytes"),
    ],
)
def test_an_unfit_file_elsewhere_is_named(
    load: Load, cloud: ReadingCloud, memory: MemoryFileSystem, path: Any, said: str
) -> None:
    memory.pipe("/empty.pdf", b"")
    memory.pipe("/picture.pdf", PNG)
    with pytest.raises(InvalidInput, match=said):
        load(documents_of(cloud), path, fs=memory)
    assert not cloud.server.seen


class Wide:
    """A file system of large files that counts what is read; it knows sizes or does not."""

    protocol = ("wide", "w")

    def __init__(self, size: int, *, told: bool, error: Exception | None = None) -> None:
        self.size = size
        self.told = told
        self.error = error
        self.wanted: list[int] = []
        self.threads: set[str] = set()

    def unstrip_protocol(self, path: str) -> str:
        return f"wide://host{path}"

    def info(self, path: str) -> dict[str, Any]:
        self.threads.add(threading.current_thread().name)
        if self.error is not None:
            raise self.error
        return {"name": path, "size": self.size if self.told else None}

    def open(self, path: str, mode: str) -> Any:
        assert mode == "rb"
        outer = self

        class File(BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                assert size is not None
                outer.wanted.append(size)
                return PDF + bytes(min(size, outer.size) - len(PDF))

        return File()


LIMIT = 50 * 1024 * 1024 - 1


@pytest.mark.parametrize("told", [True, False])
def test_a_large_file_elsewhere_is_not_read_whole(load: Load, cloud: ReadingCloud, told: bool) -> None:
    fs = Wide(10 * LIMIT, told=told)
    with pytest.raises(
        InvalidInput, match=rf"wide://host/a\.pdf has {'524287990' if told else '52428800'} bytes"
    ) as no:
        load(documents_of(cloud), "/a.pdf?signature=s3cret", fs=fs)
    assert "s3cret" not in str(no.value)
    assert fs.wanted == ([] if told else [LIMIT + 1])
    assert not cloud.server.seen


def test_another_file_system_does_not_hold_up_the_event_loop(cloud: ReadingCloud) -> None:
    fs = Wide(1000, told=True)
    asyncio.run(documents_of(cloud).aload_data("/a.pdf", fs=fs))
    assert "MainThread" not in fs.threads


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (PermissionError(13, "Permission denied"), InvalidInput),
        (TimeoutError("too slow"), ConnectionFailed),
        (ConnectionResetError(104, "Connection reset by peer"), ConnectionFailed),
    ],
)
def test_what_a_file_system_says_is_told(
    load: Load, cloud: ReadingCloud, error: OSError, kind: type[MaasError]
) -> None:
    with pytest.raises(kind, match=r"wide://host/a\.pdf .*: (Permission denied|too slow|Connection reset)"):
        load(documents_of(cloud), "/a.pdf", fs=Wide(1000, told=True, error=error))


# --- several files -------------------------------------------------------------------------------------------------


def test_several_files_come_in_their_order(load: Load, cloud: ReadingCloud, files: list[Path]) -> None:
    cloud.pause_s = lambda name: 0.1 if name in ("第0章.pdf", "第4章.pdf") else 0.0
    found = load(documents_of(cloud), files)
    assert [document.text for document in found] == [f"# {path.name}" for path in files]


@pytest.mark.parametrize("concurrency", [1, 3])
def test_concurrency_is_bounded(load: Load, cloud: ReadingCloud, files: list[Path], concurrency: int) -> None:
    cloud.pause_s, cloud.together = lambda _: 0.05, concurrency
    load(documents_of(cloud, max_concurrency=concurrency), files)
    assert cloud.most == concurrency


def test_nothing_is_sent_before_the_first_is_asked_for(cloud: ReadingCloud, files: list[Path]) -> None:
    reader = documents_of(cloud, max_concurrency=2)
    pieces = reader.lazy_load_data(files)

    async def main() -> None:
        reader.alazy_load_data(files)
        await asyncio.sleep(0.05)

    asyncio.run(main())
    assert not cloud.server.seen
    assert next(iter(pieces)).text == "# 第0章.pdf"
    time.sleep(0.1)
    assert len(cloud.server.seen) <= 3
    pieces.close()  # type: ignore[attr-defined]


def test_asynchronously_no_more_is_read_ahead_either(cloud: ReadingCloud, files: list[Path]) -> None:
    async def main() -> None:
        async for document in documents_of(cloud, max_concurrency=2).alazy_load_data(files):
            assert document.text == "# 第0章.pdf"
            break
        await asyncio.sleep(0.1)

    asyncio.run(main())
    assert len(cloud.server.seen) <= 3


def test_the_event_loop_stays_free(cloud: ReadingCloud, files: list[Path]) -> None:
    ticked = threading.Event()

    def held(_: str) -> float:
        assert ticked.wait(30)
        return 0.0

    cloud.pause_s = held

    async def main() -> None:
        task = asyncio.ensure_future(documents_of(cloud).aload_data(files[:3]))
        await auntil(lambda: cloud.now)
        for _ in range(20):
            await asyncio.sleep(0.001)
        assert not task.done()
        ticked.set()
        assert len(await task) == 3

    asyncio.run(main())


def test_the_synchronous_way_works_within_a_running_loop(cloud: ReadingCloud, files: list[Path]) -> None:
    async def main() -> list[Document]:
        return documents_of(cloud).load_data(files[:2])

    assert len(asyncio.run(main())) == 2


# --- what goes wrong -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spoil", ["missing", "empty", "large", "type", "folder"])
def test_an_unfit_file_is_named_before_anything_is_sent(
    load: Load, cloud: ReadingCloud, files: list[Path], tmp_path: Path, spoil: str
) -> None:
    bad = tmp_path / "坏.pdf"
    if spoil == "folder":
        bad.mkdir()
    elif spoil != "missing":
        with bad.open("wb") as file:
            file.write(b"" if spoil == "empty" else PNG if spoil == "type" else PDF)
            file.truncate({"empty": 0, "large": 50 * 1024 * 1024}.get(spoil, 100))
    with pytest.raises(InvalidInput, match=r"坏\.pdf"):
        load(documents_of(cloud), [*files, bad])
    assert not cloud.server.seen


def test_a_failure_names_its_file_after_what_was_good(cloud: ReadingCloud, files: list[Path]) -> None:
    cloud.bad.add(files[5].name)
    found = []
    with pytest.raises(ServerError, match="out of order") as caught:
        for document in documents_of(cloud).lazy_load_data(files):
            found.append(document)  # noqa: PERF402 - what came before the error counts
    assert str(files[5]) in str(caught.value)
    assert len(found) == 5


def test_a_url_that_gives_nothing_is_named_without_its_query(
    load: Load, cloud: ReadingCloud, web: ScriptedServer
) -> None:
    web.script(Reply(404, {}, [b"no"]))
    with pytest.raises(NotFound, match="cannot be fetched: HTTP 404") as caught:
        load(documents_of(cloud), f"{web.url}/a.pdf?signature=s3cret")
    assert "s3cret" not in str(caught.value)


def test_a_pdf_is_no_picture(load: Load, cloud: ReadingCloud, files: list[Path]) -> None:
    with pytest.raises(InvalidInput, match=r"第0章\.pdf.*image is a PDF"):
        load(ocr_of(cloud), files[0])


def test_the_key_is_in_no_error(load: Load, scripted: ScriptedServer) -> None:
    cloud = ReadingCloud(scripted)
    scripted.script(json_reply({"message": f"no such key: {KEY}"}, 401))
    with pytest.raises(AuthenticationFailed) as caught:
        load(ocr_of(cloud), PNG)
    assert KEY not in f"{caught.value!r}{caught.value}"


def test_three_retries_are_four_requests(load: Load, scripted: ScriptedServer, files: list[Path]) -> None:
    cloud = ReadingCloud(scripted)
    scripted.script(json_reply({"message": "busy"}, 503, retry_after="0"))
    with pytest.raises(ServerError):
        load(documents_of(cloud, max_retries=3), files[0])
    assert len(scripted.seen) == 4


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: SophNetDocumentReader(api_key=KEY, max_concurrency=0), "max_concurrency"),
        (lambda: SophNetDocumentReader(api_key=KEY, timeout=-1), "timeout"),
        (lambda: SophNetDocumentReader(api_key=KEY, model="x"), "SophNetDocumentReader takes no model"),
        (lambda: SophNetOCRReader(api_key=KEY, prompt="x"), "takes no prompt"),
        (lambda: SophNetOCRReader(api_key=KEY, mode="page"), "mode"),
        (lambda: SophNetOCRReader(api_key=KEY, max_retries=-1), "max_retries"),
        (lambda: SophNetOCRReader(api_key=[KEY]), "api_key"),
    ],
)
def test_bad_settings_are_refused_at_once(make: Callable[[], Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as caught:
        make()
    assert KEY not in f"{caught.value}{caught.value!r}"


@pytest.mark.parametrize(
    ("sources", "said"),
    [
        ([], "file_path is an empty list"),
        (7, "file_path must be a path"),
        ([PDF, 7], r"file_path\[1\] must be bytes, a path or a URL, not int"),
        ("ftp://example.com/a.pdf", "http or https URL"),
    ],
)
def test_a_source_of_no_kind_is_named(load: Load, cloud: ReadingCloud, sources: Any, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        load(documents_of(cloud), sources)


def test_a_missing_key_is_named() -> None:
    for kind in (SophNetDocumentReader, SophNetOCRReader):
        with pytest.raises(ConfigurationError, match="SOPHNET_API_KEY"):
            kind()


@pytest.mark.parametrize(
    ("missing", "variable"), [("project_id", "SOPHNET_PROJECT_ID"), ("easyllm_id", "SOPHNET_DOC_PARSE_EASYLLM_ID")]
)
def test_a_missing_id_is_named(load: Load, cloud: ReadingCloud, missing: str, variable: str) -> None:
    with pytest.raises(ConfigurationError, match=variable) as caught:
        load(documents_of(cloud, **{missing: None}), PDF)
    assert "file_path" not in str(caught.value)  # it is not about the file


# --- one instance everywhere ---------------------------------------------------------------------------------------


def test_one_instance_serves_several_event_loops(cloud: ReadingCloud, files: list[Path]) -> None:
    reader = documents_of(cloud, max_concurrency=2)
    found = [asyncio.run(reader.aload_data(files)) for _ in range(3)]
    assert found[0] == found[1] == found[2]


def test_one_instance_serves_threads(cloud: ReadingCloud, files: list[Path]) -> None:
    reader = documents_of(cloud)
    found: dict[int, str] = {}

    def read(number: int) -> None:
        (document,) = reader.load_data(files[number])
        assert asyncio.run(reader.aload_data(files[number])) == [document]
        found[number] = document.text

    threads = [threading.Thread(target=read, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: f"# {files[number].name}" for number in range(6)}


@pytest.mark.parametrize(
    "copied",
    [
        lambda one: pickle.loads(pickle.dumps(one)),  # noqa: S301 - our own
        lambda one: pickle.loads(ForkingPickler.dumps(one)),  # noqa: S301 - our own
        copy.deepcopy,
        copy.copy,
    ],
)
def test_copies_work(
    load: Load, cloud: ReadingCloud, files: list[Path], copied: Callable[[Any], Any], caplog: pytest.LogCaptureFixture
) -> None:
    for reader, source in (
        (documents_of(cloud, timeout=7), files[0]),
        (ocr_of(cloud, mode="blocks"), "https://example.com/a.png"),
    ):
        first = load(reader, source)
        other = copied(reader)
        assert other.to_dict() == reader.to_dict()
        assert load(other, source) == first
    assert not caplog.records


def test_a_dump_is_loaded(cloud: ReadingCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    dump = ocr_of(cloud, mode="blocks", max_concurrency=2).to_dict()
    with pytest.raises(ConfigurationError, match="SOPHNET_API_KEY"):
        SophNetOCRReader.from_dict(dump)
    loaded = SophNetOCRReader.from_dict(dump, api_key=KEY)
    assert (loaded.to_dict(), loaded.mode) == (dump, "blocks")
    monkeypatch.setenv("SOPHNET_API_KEY", KEY)
    assert SophNetOCRReader.from_json(json.dumps(dump)).load_data(PNG)[0].text == "picture"


def test_no_dump_shows_the_key(cloud: ReadingCloud) -> None:
    for reader in (documents_of(cloud, default_headers={"X": SECRET}), ocr_of(cloud, default_headers={"X": SECRET})):
        shown = f"{reader!r} {reader} {reader.to_dict()} {reader.to_json()} {reader.model_dump_json()}"
        assert KEY not in shown
        assert SECRET not in shown
        assert KEY.encode() not in pickle.dumps(reader)


def test_a_document_may_take_ten_minutes() -> None:
    assert SophNetDocumentReader(api_key=KEY).timeout == 600
    assert SophNetDocumentReader(api_key=KEY, timeout=5).timeout == 5
    assert SophNetOCRReader(api_key=KEY).timeout is None


def test_progress_is_shown_on_request(
    load: Load, cloud: ReadingCloud, files: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    load(documents_of(cloud), files)
    assert capsys.readouterr().err == ""
    load(documents_of(cloud, show_progress=True), files)
    assert "9/9" in capsys.readouterr().err


# --- with real work ------------------------------------------------------------------------------------------------


def test_the_samples_are_read(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in sandbox.env().items():
        monkeypatch.setenv(name, value)
    extractors = {".pdf": SophNetDocumentReader(), ".jpg": SophNetOCRReader()}
    directory = SimpleDirectoryReader(str(SAMPLES), file_extractor=extractors, raise_on_error=True)
    scan, handbook = directory.load_data()
    assert "送货单" in scan.text
    assert "采购" in handbook.text
    assert "|" in handbook.text  # the table
