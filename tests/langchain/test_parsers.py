"""``SophNetDocumentParser`` and ``SophNetOCRParser``: every kind of blob, and what they name."""

from __future__ import annotations

import asyncio
import copy
import inspect
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.document_loaders import BaseBlobParser, BlobLoader
from langchain_core.documents import Document
from langchain_core.documents.base import Blob
from langchain_core.exceptions import ModelError, ModelInvalidRequestError

from maaskit import ConfigurationError, InvalidInput, ServerError
from maaskit.langchain import SophNetDocumentLoader, SophNetDocumentParser, SophNetOCRParser
from tests.scripted import ScriptedServer, json_reply

KEY = "a-key-of-sophnet-that-nobody-may-see"
PDF = b"%PDF-1.7\n"
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
OCR = {
    "status": 0,
    "result": [{"label": "text", "texts": "测试", "position": [0, 0, 720, 1920]}],
    "markdown": {"text": "测试"},
}

Parse = Callable[[Any, Blob], list[Document]]


@pytest.fixture(params=["sync", "async"])
def parse(request: pytest.FixtureRequest) -> Parse:
    async def collect(parser: Any, blob: Blob) -> list[Document]:
        return [document async for document in parser.alazy_parse(blob)]

    def run(parser: Any, blob: Blob) -> list[Document]:
        return asyncio.run(collect(parser, blob)) if request.param == "async" else list(parser.lazy_parse(blob))

    return run


def settings(server: ScriptedServer) -> dict[str, Any]:
    return {
        "api_key": KEY,
        "base_url": server.url,
        "project_id": "P",
        "easyllm_id": "E",
        "timeout": 30,
        "max_retries": 0,
    }


@pytest.fixture
def documents(scripted: ScriptedServer) -> SophNetDocumentParser:
    scripted.script(json_reply({"data": "# 合同"}))
    return SophNetDocumentParser(**settings(scripted))


@pytest.fixture
def pictures(scripted: ScriptedServer) -> SophNetOCRParser:
    scripted.script(json_reply(OCR))
    return SophNetOCRParser(**settings(scripted))


def filename(scripted: ScriptedServer) -> str:
    return scripted.seen[-1].body.split(b'filename="')[1].split(b'"')[0].decode()


def test_a_blob_with_a_path(
    parse: Parse, documents: SophNetDocumentParser, scripted: ScriptedServer, tmp_path: Path
) -> None:
    path = tmp_path / "合同.pdf"
    path.write_bytes(PDF)
    (document,) = parse(documents, Blob.from_path(path, metadata={"department": "法务"}))
    assert document.page_content == "# 合同"
    assert document.metadata == {"department": "法务", "source": str(path)}
    assert filename(scripted) == "合同.pdf"
    assert document.id == SophNetDocumentLoader(path, **settings(scripted)).load()[0].id


@pytest.mark.parametrize(
    ("blob", "name", "source"),
    [
        (Blob.from_data(PDF), "document.pdf", "bytes"),
        (Blob.from_data(PDF, mime_type="application/pdf"), "document.pdf", "bytes"),
        (Blob.from_data(b"a\nb", mime_type="text/plain"), "document.txt", "bytes"),
        (Blob.from_data("文字", mime_type="text/plain"), "document.txt", "bytes"),
        (Blob.from_data("文字", path="笔记.txt"), "笔记.txt", "笔记.txt"),
        (Blob.from_data(PDF, path="s3://bucket/合同.pdf"), "合同.pdf", "s3://bucket/合同.pdf"),
        (
            Blob.from_data(PDF, metadata={"source": "https://example.com/合同"}, mime_type="application/octet-stream"),
            "合同.pdf",
            "https://example.com/合同",
        ),
    ],
)
def test_a_blob_with_data(
    parse: Parse, documents: SophNetDocumentParser, scripted: ScriptedServer, blob: Blob, name: str, source: str
) -> None:
    (document,) = parse(documents, blob)
    assert document.metadata["source"] == source
    assert filename(scripted) == name
    assert blob.as_bytes() in scripted.seen[0].body


def test_text_goes_out_in_its_encoding(
    parse: Parse, documents: SophNetDocumentParser, scripted: ScriptedServer
) -> None:
    parse(documents, Blob.from_data("中文", encoding="gb18030", path="a.txt"))
    assert "中文".encode("gb18030") in scripted.seen[0].body


def test_a_picture(parse: Parse, pictures: SophNetOCRParser, scripted: ScriptedServer) -> None:
    blob = Blob.from_data(PNG, mime_type="image/png", metadata={"page": 3})
    (document,) = parse(pictures, blob)
    assert document.page_content == "测试"
    assert document.metadata == {
        "page": 3,
        "source": "bytes",
        "model": "PaddleOCR-VL-0.9B",
        "blocks": [{"label": "text", "text": "测试", "position": [0, 0, 720, 1920]}],
    }
    assert scripted.seen[0].json["image_url"]["url"].startswith("data:image/jpeg;base64,")


def test_ocr_options_go_along(parse: Parse, scripted: ScriptedServer) -> None:
    scripted.script(json_reply(OCR))
    parser = SophNetOCRParser(
        model="DeepSeek-OCR",
        prompt="x",
        mode="blocks",
        prettify_markdown=True,
        extra_body={"e": 1},
        **settings(scripted),
    )
    (document,) = parse(parser, Blob.from_data(PNG))
    sent = scripted.seen[0].json
    assert (sent["model"], sent["prompt"], sent["prettify_markdown"], sent["e"]) == ("DeepSeek-OCR", "x", True, 1)
    assert document.metadata["label"] == "text"


def test_parse_is_the_frameworks_own(documents: SophNetDocumentParser) -> None:
    assert SophNetDocumentParser.parse is BaseBlobParser.parse
    assert SophNetOCRParser.parse is BaseBlobParser.parse
    assert [document.page_content for document in documents.parse(Blob.from_data(PDF))] == ["# 合同"]


def test_nothing_is_sent_before_it_is_asked_for(documents: SophNetDocumentParser, scripted: ScriptedServer) -> None:
    assert inspect.isgenerator(documents.lazy_parse(Blob.from_data(PDF)))
    assert not scripted.seen


def test_it_serves_a_loader_of_blobs(documents: SophNetDocumentParser, tmp_path: Path) -> None:
    class Folder(BlobLoader):
        def yield_blobs(self) -> Any:
            yield from map(Blob.from_path, sorted(tmp_path.glob("*.pdf")))

    for name in ("甲.pdf", "乙.pdf"):
        (tmp_path / name).write_bytes(PDF)
    found = [document for blob in Folder().yield_blobs() for document in documents.lazy_parse(blob)]
    assert sorted(Path(document.metadata["source"]).name for document in found) == ["乙.pdf", "甲.pdf"]


@pytest.mark.parametrize(
    ("blob", "said"),
    [
        (Blob.from_data(b"", path="空.pdf"), "空.pdf.*empty"),
        (Blob.from_path("没有.pdf"), "没有.pdf"),
        (Blob.from_data(PNG, path="票.png"), "票.png is image/png"),
        (Blob.from_data(b"plain"), "blob: .*neither name nor content"),
        (Blob(data=None, path=None), "neither data nor a path"),
    ],
)
def test_an_unfit_blob_is_named(
    parse: Parse, documents: SophNetDocumentParser, scripted: ScriptedServer, blob: Blob, said: str
) -> None:
    with pytest.raises(InvalidInput, match=said) as caught:
        parse(documents, blob)
    assert isinstance(caught.value, ModelInvalidRequestError)
    assert not scripted.seen


def test_a_pdf_is_no_picture(parse: Parse, pictures: SophNetOCRParser) -> None:
    with pytest.raises(InvalidInput, match="SophNetDocumentLoader"):
        parse(pictures, Blob.from_data(PDF))


def test_a_failure_names_its_blob(parse: Parse, scripted: ScriptedServer) -> None:
    scripted.script(json_reply({"message": f"down, {KEY}"}, 500))
    with pytest.raises(ServerError, match=r"合同\.pdf") as caught:
        parse(SophNetDocumentParser(**settings(scripted)), Blob.from_data(PDF, path="合同.pdf"))
    assert isinstance(caught.value, ModelError)
    assert KEY not in str(caught.value)


def test_bad_settings_are_refused_at_once() -> None:
    for make in (SophNetDocumentParser, SophNetOCRParser):
        with pytest.raises(ConfigurationError, match="SOPHNET_API_KEY"):
            make()
    with pytest.raises(InvalidInput, match="takes no prompt"):
        SophNetOCRParser(api_key=KEY, prompt="x")
    with pytest.raises(InvalidInput, match="timeout"):
        SophNetDocumentParser(api_key=KEY, timeout=0)


@pytest.mark.parametrize("copied", [lambda one: pickle.loads(pickle.dumps(one)), copy.deepcopy])  # noqa: S301
def test_one_instance_serves_everywhere(
    parse: Parse, documents: SophNetDocumentParser, copied: Callable[[Any], Any]
) -> None:
    blob = Blob.from_data(PDF)
    expected = parse(documents, blob)
    for _ in range(3):
        assert parse(copied(documents), blob) == parse(documents, blob) == expected
    assert KEY not in f"{documents!r} {vars(documents)}"
