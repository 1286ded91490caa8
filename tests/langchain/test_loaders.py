"""``SophNetDocumentLoader`` and ``SophNetOCRLoader``: order, laziness, what they name, and every kind of source."""

from __future__ import annotations

import asyncio
import copy
import email.parser
import email.policy
import inspect
import io
import json
import pickle
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.document_loaders import BaseLoader
from langchain_core.documents import Document
from langchain_core.exceptions import ModelAPIError, ModelError, ModelInvalidRequestError, ModelTimeoutError
from PIL import Image, ImageDraw, ImageFont

from maaskit import ConfigurationError, InvalidInput, Media, NotFound, ServerError, UnexpectedAnswer
from maaskit.langchain import SophNetDocumentLoader, SophNetOCRLoader
from maaskit.langchain.loaders import _Loader
from maaskit.sandbox import Sandbox
from tests.scripted import FOREVER, Reply, ScriptedServer, Seen, json_reply
from tests.waiting import auntil, until

KEY = "a-key-of-sophnet-that-nobody-may-see"
PDF = b"%PDF-1.7\n"
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
SAMPLES = Path(__file__).parents[2] / "cookbook" / "samples"


class Cloud:
    """Answer each file with its name, and remember which were under way at once."""

    def __init__(self, server: ScriptedServer) -> None:
        self.server = server
        self.pause_s: Callable[[str], float] = lambda _: 0.0
        self.bad: set[str] = set()
        self.names: list[str] = []
        self.most = self.now = 0
        self.together = 1
        """The first ones are answered when so many are under way."""
        self._lock = threading.Lock()
        server.script(self.reply)

    def reply(self, seen: Seen) -> Reply:
        name = self.name_of(seen)
        with self._lock:
            self.names.append(name)
            self.now += 1
            self.most = max(self.most, self.now)
        until(lambda: self.most >= self.together)
        time.sleep(self.pause_s(name))
        with self._lock:
            self.now -= 1
        if name in self.bad:
            return json_reply({"message": "out of order"}, 500)
        if seen.path.endswith("/doc-parse"):
            return json_reply({"data": f"# {name}"})
        block = {"label": "title", "texts": name, "position": "1,2,3,4"}
        return json_reply({"status": 0, "result": [block, {"label": "figure"}], "markdown": {"text": f"# {name}"}})

    @staticmethod
    def name_of(seen: Seen) -> str:
        if not seen.path.endswith("/doc-parse"):
            return str(seen.json["image_url"]["url"]).rpartition("/")[2][-12:]
        head = f"Content-Type: {seen.headers['content-type']}\r\n\r\n".encode()
        message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + seen.body)
        parts = message.iter_parts()  # type: ignore[attr-defined]
        return next(part.get_filename() for part in parts if part.get_filename())


@pytest.fixture
def cloud(scripted: ScriptedServer) -> Cloud:
    return Cloud(scripted)


@pytest.fixture
def web() -> Iterator[ScriptedServer]:
    server = ScriptedServer()
    yield server
    server.close()


def settings(server: ScriptedServer) -> dict[str, Any]:
    return {
        "api_key": KEY,
        "base_url": server.url,
        "project_id": "P",
        "easyllm_id": "E",
        "timeout": 30,
        "max_retries": 0,
    }


def documents_of(server: ScriptedServer, *sources: Any, **more: Any) -> SophNetDocumentLoader:
    return SophNetDocumentLoader(
        file_path=sources[0] if len(sources) == 1 else list(sources), **{**settings(server), **more}
    )


def ocr_of(server: ScriptedServer, *sources: Any, **more: Any) -> SophNetOCRLoader:
    return SophNetOCRLoader(source=sources[0] if len(sources) == 1 else list(sources), **{**settings(server), **more})


@pytest.fixture(params=["sync", "async"])
def load(request: pytest.FixtureRequest) -> Callable[..., list[Document]]:
    """Load everything, or as many Documents as wanted, either way; what came before an error is kept in ``into``."""

    def run(loader: BaseLoader, most: int | None = None, into: list[Document] | None = None) -> list[Document]:
        found: list[Document] = [] if into is None else into

        def is_enough(document: Document) -> bool:
            found.append(document)
            return len(found) == most

        async def main() -> None:
            pieces = loader.alazy_load()
            async for document in pieces:
                if is_enough(document):
                    break
            await pieces.aclose()  # type: ignore[attr-defined]

        if request.param == "async":
            asyncio.run(main())
            return found
        pieces = loader.lazy_load()
        for document in pieces:
            if is_enough(document):
                break
        pieces.close()  # type: ignore[attr-defined]
        return found

    return run


Load = Callable[..., list[Document]]


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"第{number}章.pdf" for number in range(9)]
    for path in paths:
        path.write_bytes(PDF)
    return paths


# --- one file ------------------------------------------------------------------------------------------------------


def test_a_document_becomes_a_document(load: Load, cloud: Cloud, files: list[Path]) -> None:
    (document,) = load(documents_of(cloud.server, files[0]))
    assert document.page_content == "# 第0章.pdf"
    assert document.metadata == {"source": str(files[0])}
    assert document.type == "Document"
    assert cloud.server.seen[0].path == "/projects/P/easyllms/doc-parse"


def test_a_picture_becomes_a_document_with_blocks(load: Load, cloud: Cloud, tmp_path: Path) -> None:
    path = tmp_path / "票.png"
    path.write_bytes(PNG)
    (document,) = load(ocr_of(cloud.server, path))
    sent = cloud.server.seen[0].json
    assert sent["model"] == "PaddleOCR-VL-0.9B"
    assert document.page_content.startswith("# ")
    assert document.metadata == {
        "source": str(path),
        "model": "PaddleOCR-VL-0.9B",
        "blocks": [
            {"label": "title", "text": document.page_content[2:], "position": [1, 2, 3, 4]},
            {"label": "figure", "text": "", "position": None},
        ],
    }
    json.dumps(document.metadata)
    assert Document.model_validate_json(document.model_dump_json()) == document


def test_ocr_mode_blocks_gives_a_document_for_each_block(load: Load, cloud: Cloud) -> None:
    (document,) = load(ocr_of(cloud.server, "https://example.com/a.png", mode="blocks"))  # the figure has no text
    assert document.page_content == "a.png"
    assert document.metadata == {
        "source": "https://example.com/a.png",
        "model": "PaddleOCR-VL-0.9B",
        "block": 0,
        "label": "title",
        "position": [1, 2, 3, 4],
    }


def test_ocr_mode_blocks_loses_nothing_without_blocks(load: Load, scripted: ScriptedServer) -> None:
    scripted.script(json_reply({"status": 0, "markdown": {"text": "all of it"}}))
    (document,) = load(ocr_of(scripted, PNG, mode="blocks"))
    assert (document.page_content, document.metadata["label"]) == ("all of it", "text")


def test_ocr_options_go_along(load: Load, cloud: Cloud) -> None:
    loader = ocr_of(
        cloud.server,
        "https://example.com/a.png",
        model="DeepSeek-OCR",
        prompt="<image>\nFree OCR.",
        prettify_markdown=False,
        show_formula_number=True,
        extra_body={"seed": 1},
    )
    (document,) = load(loader)
    assert cloud.server.seen[0].json == {
        "model": "DeepSeek-OCR",
        "prompt": "<image>\nFree OCR.",
        "type": "image_url",
        "image_url": {"url": "https://example.com/a.png"},
        "prettify_markdown": False,
        "show_formula_number": True,
        "seed": 1,
    }
    assert document.metadata["model"] == "DeepSeek-OCR"


@pytest.mark.parametrize("form", ["path", "text", "bytes", "media", "file", "one in a list", "positional"])
def test_every_kind_of_source(load: Load, cloud: Cloud, files: list[Path], form: str) -> None:
    sources: dict[str, Any] = {
        "path": files[0],
        "text": str(files[0]),
        "bytes": PDF,
        "media": Media(data=PDF, name="合同.pdf"),
        "file": io.BytesIO(PDF),
        "one in a list": [files[0]],
        "positional": files[0],
    }
    if form == "positional":
        loader = SophNetDocumentLoader(sources[form], **settings(cloud.server))
    else:
        loader = documents_of(cloud.server, sources[form])
    (document,) = load(loader)
    (again,) = load(loader)
    assert document == again
    expected = {"bytes": "bytes", "media": "合同.pdf", "file": "bytes"}
    assert document.metadata["source"] == expected.get(form, str(files[0]))


def test_an_id_is_the_same_for_the_same_source(cloud: Cloud, files: list[Path]) -> None:
    def id_of(loader: BaseLoader) -> str:
        found = loader.load()[0].id
        assert found is not None
        assert str(uuid.UUID(found)) == found  # what vector stores such as Qdrant take
        return found

    first = id_of(documents_of(cloud.server, files[0]))
    assert id_of(documents_of(cloud.server, str(files[0]))) == first
    assert id_of(documents_of(cloud.server, files[1])) != first
    assert id_of(documents_of(cloud.server, PDF)) == id_of(documents_of(cloud.server, PDF))
    assert id_of(documents_of(cloud.server, PDF)) != id_of(documents_of(cloud.server, PDF + b"x"))
    picture = "https://example.com/a.png"
    assert id_of(ocr_of(cloud.server, picture)) != id_of(ocr_of(cloud.server, picture, mode="blocks"))


# --- URLs ----------------------------------------------------------------------------------------------------------


def test_a_url_of_a_document_is_downloaded(load: Load, cloud: Cloud, web: ScriptedServer) -> None:
    web.script(Reply(200, {"content-type": "application/pdf"}, [PDF]))
    url = f"{web.url}/%E5%B9%B4%E6%8A%A5?year=2026"
    (document,) = load(documents_of(cloud.server, url))
    assert (document.page_content, document.metadata) == ("# 年报.pdf", {"source": url})
    assert KEY not in str(web.seen[0])


def test_a_url_of_a_picture_is_passed_on(load: Load, cloud: Cloud, web: ScriptedServer) -> None:
    (document,) = load(ocr_of(cloud.server, f"{web.url}/票.jpg"))
    assert document.metadata["source"] == f"{web.url}/票.jpg"
    assert cloud.server.seen[0].json["image_url"] == {"url": f"{web.url}/票.jpg"}
    assert not web.seen


def test_a_url_that_gives_nothing_is_named_without_its_query(load: Load, cloud: Cloud, web: ScriptedServer) -> None:
    web.script(Reply(404, {}, [b"no"]))
    with pytest.raises(NotFound, match="cannot be fetched: HTTP 404") as caught:
        load(documents_of(cloud.server, f"{web.url}/a.pdf?signature=s3cret"))
    assert "s3cret" not in str(caught.value)
    assert not cloud.server.seen


# --- several files -------------------------------------------------------------------------------------------------


def test_several_files_come_in_their_order(load: Load, cloud: Cloud, files: list[Path]) -> None:
    cloud.pause_s = lambda name: 0.1 if name in ("第0章.pdf", "第4章.pdf") else 0.0
    found = load(documents_of(cloud.server, *files))
    assert [document.metadata["source"] for document in found] == [str(path) for path in files]
    assert [document.page_content for document in found] == [f"# {path.name}" for path in files]


@pytest.mark.parametrize("concurrency", [1, 3])
def test_concurrency_is_bounded(load: Load, cloud: Cloud, files: list[Path], concurrency: int) -> None:
    cloud.pause_s, cloud.together = lambda _: 0.05, concurrency
    load(documents_of(cloud.server, *files, max_concurrency=concurrency))
    assert cloud.most == concurrency


def test_four_are_under_way_by_default(load: Load, cloud: Cloud, files: list[Path]) -> None:
    cloud.pause_s, cloud.together = lambda _: 0.05, 4
    load(documents_of(cloud.server, *files))
    assert cloud.most == 4


def test_nothing_is_sent_before_the_first_is_asked_for(cloud: Cloud, files: list[Path]) -> None:
    loader = documents_of(cloud.server, *files)
    assert inspect.isgenerator(loader.lazy_load())
    assert inspect.isasyncgen(loader.alazy_load())
    time.sleep(0.05)
    assert not cloud.server.seen


@pytest.mark.parametrize("concurrency", [1, 3])
def test_no_more_is_read_ahead_than_may_be_under_way(
    load: Load, cloud: Cloud, files: list[Path], concurrency: int
) -> None:
    found = load(documents_of(cloud.server, *files, max_concurrency=concurrency), most=2)
    time.sleep(0.1)
    assert len(found) == 2
    assert len(cloud.names) <= concurrency + 1


def test_load_is_never_overridden() -> None:
    for loader in (_Loader, SophNetDocumentLoader, SophNetOCRLoader):
        assert loader.load is BaseLoader.load
        assert loader.aload is BaseLoader.aload


def test_load_and_aload_work_as_well(cloud: Cloud, files: list[Path]) -> None:
    loader = documents_of(cloud.server, *files[:2])
    assert loader.load() == asyncio.run(loader.aload())


def test_the_event_loop_stays_free(cloud: Cloud, files: list[Path]) -> None:
    ticked = threading.Event()

    def held(_: str) -> float:
        assert ticked.wait(30)
        return 0.0

    cloud.pause_s = held

    async def main() -> None:
        task = asyncio.ensure_future(documents_of(cloud.server, *files[:3]).aload())
        await auntil(lambda: cloud.now)
        for _ in range(20):
            await asyncio.sleep(0.001)
        assert not task.done()
        ticked.set()
        await task

    asyncio.run(main())
    assert len(cloud.names) == 3


# --- what goes wrong -----------------------------------------------------------------------------------------------


def test_a_failure_names_its_file_after_what_was_good(load: Load, cloud: Cloud, files: list[Path]) -> None:
    cloud.bad.add(files[5].name)
    found: list[Document] = []
    with pytest.raises(ServerError, match="out of order") as caught:
        load(documents_of(cloud.server, *files), into=found)
    assert str(files[5]) in str(caught.value)
    assert isinstance(caught.value, ModelAPIError)
    assert [document.metadata["source"] for document in found] == [str(path) for path in files[:5]]


@pytest.mark.parametrize("spoil", ["missing", "empty", "large", "type", "folder"])
def test_an_unfit_file_is_named_before_anything_is_sent(
    load: Load, cloud: Cloud, files: list[Path], tmp_path: Path, spoil: str
) -> None:
    bad = tmp_path / "坏.pdf"
    if spoil == "folder":
        bad.mkdir()
    elif spoil != "missing":
        with bad.open("wb") as file:
            file.write(b"" if spoil == "empty" else PNG if spoil == "type" else PDF)
            file.truncate({"empty": 0, "large": 50 * 1024 * 1024}.get(spoil, 100))
    with pytest.raises(InvalidInput, match=r"坏\.pdf") as caught:
        load(documents_of(cloud.server, *files, bad))
    assert isinstance(caught.value, ModelInvalidRequestError)
    assert not cloud.server.seen


def test_one_byte_decides(load: Load, cloud: Cloud, tmp_path: Path) -> None:
    path = tmp_path / "large.pdf"
    with path.open("wb") as file:
        file.write(PDF)
        file.truncate(50 * 1024 * 1024 - 1)
    loader = documents_of(cloud.server, path)
    loader._files.looked_at(loader._sources)  # how it streams is tested with doc-parse itself
    with path.open("ab") as file:
        file.write(b"x")
    with pytest.raises(InvalidInput, match="has 52428800 bytes"):
        load(loader)


def test_bytes_among_others_are_counted(load: Load, cloud: Cloud) -> None:
    with pytest.raises(InvalidInput, match=r"file_path\[1\].*neither name nor content"):
        load(documents_of(cloud.server, PDF, b"plain text"))


def test_a_pdf_is_no_picture(load: Load, cloud: Cloud, files: list[Path]) -> None:
    with pytest.raises(InvalidInput, match=r"第0章\.pdf.*SophNetDocumentLoader"):
        load(ocr_of(cloud.server, files[0]))


def test_an_answer_that_cannot_be_read_names_its_file(load: Load, scripted: ScriptedServer) -> None:
    scripted.script(json_reply({"status": 0}))
    with pytest.raises(UnexpectedAnswer, match=r"example\.com/a\.png: .*neither Markdown nor blocks") as caught:
        load(ocr_of(scripted, "https://example.com/a.png"))
    assert isinstance(caught.value, ModelError)


def test_a_time_out_names_its_file(load: Load, scripted: ScriptedServer) -> None:
    scripted.script(Reply(200, {}, [b"{", FOREVER]))
    with pytest.raises(ModelTimeoutError, match=r"^source: "):
        load(ocr_of(scripted, PNG, timeout=0.2))


def test_the_key_is_in_no_error(load: Load, scripted: ScriptedServer) -> None:
    scripted.script(json_reply({"message": f"no such key: {KEY}"}, 401))
    with pytest.raises(ModelError) as caught:
        load(ocr_of(scripted, PNG))
    assert KEY not in f"{caught.value!r}{caught.value}"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: SophNetDocumentLoader(file_path=[], api_key=KEY), "file_path is an empty list"),
        (lambda: SophNetDocumentLoader(file_path=7, api_key=KEY), "file_path must be a path"),  # type: ignore[arg-type]
        (lambda: SophNetOCRLoader(source=None, api_key=KEY), "source must be a path"),  # type: ignore[arg-type]
        (lambda: SophNetOCRLoader(source="a.png", max_concurrency=0, api_key=KEY), "max_concurrency"),
        (lambda: SophNetOCRLoader(source="a.png", timeout=-1, api_key=KEY), "timeout"),
        (lambda: SophNetOCRLoader(source="a.png", prompt="x", api_key=KEY), "takes no prompt"),
        (lambda: SophNetOCRLoader(source="a.png", mode="page", api_key=KEY), "mode must be"),  # type: ignore[arg-type]
    ],
)
def test_bad_settings_are_refused_at_once(make: Callable[[], Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as caught:
        make()
    assert isinstance(caught.value, ModelError)


def test_a_source_of_no_kind_is_named(load: Load, cloud: Cloud) -> None:
    with pytest.raises(InvalidInput, match=r"file_path\[1\] must be bytes, a path or a URL, not int"):
        load(documents_of(cloud.server, PDF, 7))
    with pytest.raises(InvalidInput, match="http or https URL"):
        load(documents_of(cloud.server, "ftp://example.com/a.pdf"))


def test_a_missing_key_is_named() -> None:
    for make in (lambda: SophNetDocumentLoader("a.pdf"), lambda: SophNetOCRLoader("a.png")):
        with pytest.raises(ConfigurationError, match="SOPHNET_API_KEY"):
            make()


@pytest.mark.parametrize(
    ("missing", "variable"), [("project_id", "SOPHNET_PROJECT_ID"), ("easyllm_id", "SOPHNET_DOC_PARSE_EASYLLM_ID")]
)
def test_a_missing_id_is_named(load: Load, cloud: Cloud, missing: str, variable: str) -> None:
    with pytest.raises(ConfigurationError, match=variable) as caught:
        load(documents_of(cloud.server, PDF, **{missing: None}))
    assert "file_path" not in str(caught.value)  # it is not about the file


# --- one instance everywhere ---------------------------------------------------------------------------------------


def test_one_instance_serves_several_event_loops(cloud: Cloud, files: list[Path]) -> None:
    loader = documents_of(cloud.server, *files[:2])
    found = [asyncio.run(loader.aload()) for _ in range(3)]
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("copied", [lambda one: pickle.loads(pickle.dumps(one)), copy.deepcopy, copy.copy])  # noqa: S301
def test_copies_work(load: Load, cloud: Cloud, files: list[Path], copied: Callable[[Any], Any]) -> None:
    for loader in (documents_of(cloud.server, files[0]), ocr_of(cloud.server, "https://example.com/a.png")):
        assert load(copied(loader)) == load(loader)


def test_the_key_is_not_shown(cloud: Cloud) -> None:
    loader = documents_of(cloud.server, PDF, default_headers={"X-Secret": "hidden"})
    assert KEY not in f"{loader!r} {vars(loader)}"
    assert "hidden" not in f"{loader!r} {vars(loader)}"


def test_a_document_may_take_ten_minutes() -> None:
    assert SophNetDocumentLoader("a.pdf", api_key=KEY)._files.settings.timeout == 600
    assert SophNetDocumentLoader("a.pdf", api_key=KEY, timeout=5)._files.settings.timeout == 5
    assert SophNetOCRLoader("a.png", api_key=KEY)._files.settings.timeout is None


# --- the progress bar, and what an import costs --------------------------------------------------------------------


def test_progress_is_shown_on_request(
    load: Load, cloud: Cloud, files: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    load(documents_of(cloud.server, *files))
    assert capsys.readouterr().err == ""
    load(documents_of(cloud.server, *files, show_progress=True))
    assert "9/9" in capsys.readouterr().err


def test_a_missing_tqdm_is_said_before_anything_is_sent(
    load: Load, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    with pytest.raises(ConfigurationError, match="tqdm"):
        load(documents_of(cloud.server, PDF, show_progress=True))
    assert not cloud.server.seen


@pytest.mark.parametrize("module", ["embeddings", "loaders", "parsers"])
def test_an_import_loads_nothing_heavy(module: str) -> None:
    code = f"import sys, maaskit.langchain.{module}; print(*sys.modules)"
    loaded = subprocess.run(  # noqa: S603 - our own interpreter and text
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(Path(__file__).parents[2] / "integrations")},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout.split()
    assert not {"httpx", "tqdm", "numpy", "PIL", "websockets", "maaskit.connections"} & set(loaded)


# --- with real work ------------------------------------------------------------------------------------------------


def of(sandbox: Sandbox) -> dict[str, Any]:
    return {
        "api_key": sandbox.api_key,
        "base_url": sandbox.sophnet_url,
        "project_id": sandbox.project_id,
        "easyllm_id": sandbox.easyllm_id,
    }


def test_a_real_pdf_is_read(load: Load, sandbox: Sandbox) -> None:
    (document,) = load(SophNetDocumentLoader(SAMPLES / "procurement-and-travel-policy-2026.pdf", **of(sandbox)))
    assert "采购" in document.page_content
    assert "|" in document.page_content  # the table


def test_a_real_scan_is_read(sandbox: Sandbox) -> None:
    (document,) = asyncio.run(SophNetOCRLoader(SAMPLES / "delivery-note.jpg", **of(sandbox)).aload())
    assert "送货单" in document.page_content
    assert any("送货单" in block["text"] for block in document.metadata["blocks"])
    assert all(len(block["position"]) == 4 for block in document.metadata["blocks"])


@pytest.mark.parametrize(
    ("variant", "value"),
    [
        ("ocr_position", "array"),
        ("ocr_markdown", "string"),
        ("ocr_markdown", "absent"),
        ("ocr_texts", "list"),
        ("ocr_status", "code"),
    ],
)
def test_every_way_to_write_recognised_text_gives_the_same(
    sandbox: Sandbox, tmp_path: Path, variant: str, value: str
) -> None:
    path = tmp_path / "invoice.png"
    picture = Image.new("RGB", (420, 90), "white")
    ImageDraw.Draw(picture).text((10, 10), "Invoice 4711", fill="black", font=ImageFont.load_default(48))
    picture.save(path)
    loader = SophNetOCRLoader(path, **of(sandbox))
    before = getattr(sandbox.variants, variant)
    setattr(sandbox.variants, variant, value)
    try:
        (document,) = loader.load()
    finally:
        setattr(sandbox.variants, variant, before)
    (block,) = document.metadata["blocks"]
    assert (document.page_content, block["text"], len(block["position"])) == ("Invoice 4711", "Invoice 4711", 4)
