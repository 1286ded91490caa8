"""SophNet's doc-parse: the form as documented, formats and sizes, and documents that are streamed or downloaded."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from maaskit import APIError, ConfigurationError, InvalidInput, Media, NotFound, UnexpectedAnswer
from maaskit.media import MIB
from maaskit.sophnet.documents import MAX_DOCUMENT_BYTES, load, parse
from tests.multipart import form
from tests.scripted import Reply, ScriptedServer, json_reply

Send = Callable[..., Any]

SAMPLE = "文件编号:HR-2023-06-3-1\n\n发布单位:AMT\n\n**管理制度**\n\n......"
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj"
OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
TYPES = {
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "doc": "application/msword",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "txt": "text/plain",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}


def zipped(*names: str, comment: bytes = b"", stored: bytes = b"") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.comment = comment
        archive.writestr("[Content_Types].xml", "<x/>")
        for name in names:
            archive.writestr(name, stored or b"<x/>")
    return file.getvalue()


DOCX, XLSX, PPTX = zipped("word/document.xml"), zipped("xl/workbook.xml"), zipped("ppt/presentation.xml")
CONTENT = {"pdf": PDF, "docx": DOCX, "doc": OLE2, "xlsx": XLSX, "txt": "你好".encode(), "pptx": PPTX}


def sent(call: Any) -> tuple[str, str]:
    (part,) = call.request.files
    return part.filename, part.content_type


# --- the request ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("as_bytes", [False, True])
def test_the_sample_goes_out_as_documented(
    send: Send, scripted: ScriptedServer, tmp_path: Path, *, as_bytes: bool
) -> None:
    scripted.script(json_reply({"data": SAMPLE}))
    path = tmp_path / "manual.pdf"
    path.write_bytes(PDF)
    source = Media(data=PDF, name="manual.pdf") if as_bytes else path
    assert send(parse(source)).text == SAMPLE
    (seen,) = scripted.seen
    assert (seen.method, seen.path) == ("POST", "/projects/P1/easyllms/doc-parse")
    assert seen.headers["authorization"] == "Bearer k"
    # "固定值multipart/form-data": with the boundary that the sample's curl adds as well (wire-facts C.35).
    assert seen.headers["content-type"].startswith("multipart/form-data; boundary=")
    parts = form(seen)
    assert sorted(parts) == ["easyllm_id", "file"]
    assert parts["easyllm_id"].get_payload(decode=True) == b"E1"
    assert parts["file"].get_payload(decode=True) == PDF
    assert parts["file"].get_filename() == "manual.pdf"
    assert parts["file"].get_content_type() == "application/pdf"


def test_a_chinese_name_arrives(send: Send, scripted: ScriptedServer, tmp_path: Path) -> None:
    scripted.script(json_reply({"data": "x"}))
    path = tmp_path / '采购 "合同"（2026）.docx'
    path.write_bytes(DOCX)
    send(parse(path))
    assert 'filename="采购 %22合同%22（2026）.docx"'.encode() in scripted.seen[0].body


@pytest.mark.parametrize(
    ("missing", "variable"), [("project_id", "SOPHNET_PROJECT_ID"), ("easyllm_id", "SOPHNET_DOC_PARSE_EASYLLM_ID")]
)
def test_a_missing_id_is_named_before_anything_is_sent(
    send: Send, scripted: ScriptedServer, missing: str, variable: str
) -> None:
    with pytest.raises(ConfigurationError, match=variable):
        send(parse(Media(data=PDF)), **{missing: None})
    assert not scripted.seen


def test_an_id_of_ones_own_goes_first(send: Send, scripted: ScriptedServer) -> None:
    scripted.script(json_reply({"data": "x"}))
    send(parse(PDF, easyllm_id="mine"))
    send(parse(PDF), doc_parse_easyllm_id="service")
    assert [form(seen)["easyllm_id"].get_payload() for seen in scripted.seen] == ["mine", "service"]


def test_each_attempt_sends_the_whole_file(send: Send, scripted: ScriptedServer, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"x" * 300_000)
    scripted.script(json_reply({"message": "busy"}, 503), json_reply({"data": "x"}))
    send(parse(path))
    assert [len(form(seen)["file"].get_payload(decode=True)) for seen in scripted.seen] == [300_000, 300_000]


# --- formats -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", sorted(TYPES))
def test_every_documented_format_passes_by_its_name(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"年报.{kind.upper()}"
    path.write_bytes(CONTENT[kind])
    assert sent(parse(path)) == (f"年报.{kind.upper()}", TYPES[kind])
    assert sent(parse(Media(data=CONTENT[kind], name=f"年报.{kind}"))) == (f"年报.{kind}", TYPES[kind])


@pytest.mark.parametrize("kind", ["pdf", "docx", "xlsx", "pptx"])
def test_bytes_without_a_name_are_told_by_their_content(kind: str) -> None:
    assert sent(parse(CONTENT[kind])) == (f"document.{kind}", TYPES[kind])


@pytest.mark.parametrize("kind", sorted(TYPES))
def test_a_told_media_type_stands_in_for_a_name(kind: str) -> None:
    assert sent(parse(Media(data=CONTENT[kind], content_type=TYPES[kind]))) == (f"document.{kind}", TYPES[kind])
    assert sent(parse(Media(data=CONTENT[kind], name="download", content_type=TYPES[kind])))[0] == f"download.{kind}"


def test_an_ending_that_says_nothing_gives_way_to_the_content() -> None:
    assert sent(parse(Media(data=DOCX, name="合同.tmp")))[0] == "合同.tmp.docx"
    assert sent(parse(Media(data=PDF, name="a/b.bak", content_type="application/octet-stream")))[0] == "b.bak.pdf"


@pytest.mark.parametrize(
    "data",
    [
        zipped("word/document.xml", comment=b"c" * 60_000),
        zipped(*[f"customXml/item{number}.xml" for number in range(500)], "word/document.xml"),
        # A workbook inside a Word file, stored as it is: its own directory must not be taken for the file's.
        zipped("word/embeddings/sheet.xlsx", stored=XLSX),
    ],
)
def test_word_files_of_all_sorts_are_recognised(data: bytes) -> None:
    assert sent(parse(data))[0] == "document.docx"


def test_a_pdf_may_begin_late() -> None:
    assert sent(parse(b"\n" * 900 + PDF))[0] == "document.pdf"


@pytest.mark.parametrize("text", [b"BM is a prefix", b"ID3 tags explained", b"PK fire", b"RIFFxxxxWAVE"])
def test_text_that_begins_like_something_else_is_text(text: bytes) -> None:
    assert sent(parse(Media(data=text, name="a.txt")))[0] == "a.txt"


@pytest.mark.parametrize("name", ["a.doc", "a.docx", "a.pdf"])
def test_what_cannot_be_told_is_left_to_the_service(name: str) -> None:
    # Many a .doc is RTF or HTML in truth.
    assert sent(parse(Media(data=rb"{\rtf1 hello}", name=name)))[0] == name


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (PNG, "image/png; allowed are pdf, docx, doc, xlsx, txt and pptx. Images are read by"),
        (Media(data=PNG, name="scan.pdf"), "scan.pdf is image/png"),
        (Media(data=PNG + b"\0" * 8, name="notes.txt"), "notes.txt is image/png"),
        (Media(data=b"ID3\x04\0\0\0", name="a.pdf"), "audio/mpeg"),
        (zipped("data.csv"), "application/zip"),
        (b"PK\x03\x04 damaged", "application/zip"),
        (Media(data=DOCX, name="a.xlsx"), "named .xlsx, but its content is docx"),
        (Media(data=DOCX, name="a.doc"), "named .doc, but its content is docx"),
        (Media(data=PDF, name="a.txt"), "named .txt, but its content is pdf"),
        (Media(data=OLE2, name="a.docx"), "password-protected or an old Office file"),
        (Media(data=b"# x", name="readme.md"), "ending .md is none of"),
        (Media(data=OLE2, name="a.xls"), "ending .xls is none of"),
        (Media(data=b"a,b", name="a.csv", content_type="text/csv"), "ending .csv is none of"),
        (OLE2, "neither name nor content tells"),
        ("你好".encode(), "neither name nor content tells the type. Pass Media"),
        (Media(data=b"<html>", name="a.pdf", content_type="text/html"), "web page"),
    ],
)
def test_other_types_are_refused_with_the_way_out(source: Any, said: str) -> None:
    with pytest.raises(InvalidInput, match=said.replace(".", r"\.")):
        parse(source)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (b"", "document is empty"),
        (Media(data=b"", name="a.txt"), "document is empty"),
        ("no-such-file.pdf", "there is no file 'no-such-file.pdf'"),
        (Media(path=Path("no-such-file.pdf")), "there is no file"),
        (7, "document must be bytes, a path or a URL, not int"),
        ("https://example.com/a.pdf", "takes no URL"),
        (Media(url="https://example.com/a.pdf"), "takes no URL"),
    ],
)
def test_what_is_no_file_is_refused(source: Any, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        parse(source)


def test_an_empty_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.touch()
    with pytest.raises(InvalidInput, match="empty"):
        parse(path)
    with pytest.raises(InvalidInput, match="not a regular file"):
        parse(tmp_path)


# --- sizes ---------------------------------------------------------------------------------------------------------


def sparse(path: Path, size: int) -> Path:
    with path.open("wb") as file:
        file.write(PDF)
        file.truncate(size)
    return path


def test_less_than_50_mib_means_less(tmp_path: Path) -> None:
    assert MAX_DOCUMENT_BYTES == 50 * MIB - 1
    assert sent(parse(sparse(tmp_path / "a.pdf", 50 * MIB - 1)))[0] == "a.pdf"
    for size in (50 * MIB, 50 * MIB + 1):
        with pytest.raises(InvalidInput, match=f"document has {size} bytes"):
            parse(sparse(tmp_path / "a.pdf", size))
    with pytest.raises(InvalidInput, match="document has 52428800 bytes"):
        parse(Media(data=PDF + b"\0" * (50 * MIB - len(PDF)), name="a.pdf"))


UPLOAD = """
import asyncio, pathlib, sys
from maaskit import AsyncClient, Client, SophNet, sophnet
provider = SophNet(api_key="k", base_url=sys.argv[1], project_id="P", easyllm_id="E")
def memory(name):
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))
async def main(path):
    async with AsyncClient(provider) as client:
        return await client.send(sophnet.documents.parse(path))
def run(path):
    if sys.argv[2] == "async":
        return asyncio.run(main(path))
    with Client(provider) as client:
        return client.send(sophnet.documents.parse(path))
run(sys.argv[3])
pathlib.Path("/proc/self/clear_refs").write_text("5")  # forgets the peak, which a child inherits from its parent
before = memory("VmHWM:")
assert run(sys.argv[4]).text == "x"
print(memory("VmHWM:") - before)
"""

SINK = """
import socket, threading
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
def serve(connection):
    file = connection.makefile("rb")
    while line := file.readline():
        length = 0
        while line not in (b"\\r\\n", b""):
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
            line = file.readline()
        while length:
            length -= len(file.read(min(length, 65536)))
        connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 12\\r\\n\\r\\n" + b'{"data":"x"}')
while True:
    threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read off /proc")
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_large_document_streams_from_disk(tmp_path: Path, kind: str) -> None:
    small, large = sparse(tmp_path / "small.pdf", 100_000), sparse(tmp_path / "large.pdf", MAX_DOCUMENT_BYTES)
    with subprocess.Popen([sys.executable, "-c", SINK], stdout=subprocess.PIPE, text=True) as sink:  # noqa: S603 - ours
        try:
            assert sink.stdout is not None
            url = f"http://127.0.0.1:{sink.stdout.readline().strip()}"
            done = subprocess.run(  # noqa: S603 - ours
                [sys.executable, "-c", UPLOAD, url, kind, str(small), str(large)],
                env={"PYTHONPATH": str(Path(__file__).parents[2] / "integrations")},
                capture_output=True,
                text=True,
                timeout=200,
                check=False,
            )
        finally:
            sink.kill()
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 8 * 1024, f"50 MiB took {done.stdout} KiB of memory"


# --- the answer ----------------------------------------------------------------------------------------------------


def test_a_document_without_text_is_empty(send: Send, scripted: ScriptedServer) -> None:
    scripted.script(json_reply({"data": ""}))
    assert send(parse(PDF)).text == ""


@pytest.mark.parametrize(
    "body", [{}, {"data": None}, {"data": {"text": "x"}}, {"data": ["x"]}, [], "x", {"result": "x"}]
)
def test_an_answer_without_markdown_is_an_error(send: Send, scripted: ScriptedServer, body: Any) -> None:
    scripted.script(json_reply(body))
    with pytest.raises(UnexpectedAnswer) as caught:
        send(parse(PDF))
    assert caught.value.endpoint == "/projects/{project_id}/easyllms/doc-parse"


def test_a_page_of_html_is_an_error(send: Send, scripted: ScriptedServer) -> None:
    scripted.script(Reply(200, {"content-type": "text/html"}, [b"<html>gateway</html>"]))
    with pytest.raises(UnexpectedAnswer, match="text/html"):
        send(parse(PDF))


def test_a_refusal_under_http_200_is_an_error(send: Send, scripted: ScriptedServer) -> None:
    scripted.script(json_reply({"status": 30001, "message": "文件解析失败", "result": None, "timestamp": 1}))
    with pytest.raises(APIError, match="文件解析失败") as caught:
        send(parse(PDF))
    assert caught.value.code == "30001"


# --- load: from anywhere -------------------------------------------------------------------------------------------


@pytest.fixture
def web() -> Any:
    server = ScriptedServer()
    yield server
    server.close()


def test_load_downloads_a_url_and_parses_it(send: Send, scripted: ScriptedServer, web: ScriptedServer) -> None:
    scripted.script(json_reply({"data": "x"}))
    web.script(Reply(200, {"content-type": "application/octet-stream"}, [DOCX], chunked=False))
    assert send(load(f"{web.url}/%E5%90%88%E5%90%8C?id=1")).text == "x"
    assert "authorization" not in web.seen[0].headers
    part = form(scripted.seen[0])["file"]
    assert part.get_payload(decode=True) == DOCX
    assert 'filename="合同.docx"'.encode() in scripted.seen[0].body


def test_load_bounds_the_download(send: Send, scripted: ScriptedServer, web: ScriptedServer) -> None:
    web.script(Reply(200, {"content-length": str(50 * MIB)}, [b"x"], chunked=False, close=True))
    with pytest.raises(InvalidInput, match="larger than the 52428799 bytes"):
        send(load(f"{web.url}/a.pdf"))
    assert not scripted.seen


def test_load_refuses_what_the_web_gives_instead(send: Send, scripted: ScriptedServer, web: ScriptedServer) -> None:
    web.script(Reply(200, {"content-type": "text/html; charset=utf-8"}, [b"<html>please sign in</html>"]))
    with pytest.raises(InvalidInput, match="web page"):
        send(load(f"{web.url}/a.pdf"))
    web.script(Reply(404, {}, [b"no"]))
    with pytest.raises(NotFound, match="cannot be fetched"):
        send(load(f"{web.url}/a.pdf"))
    assert not scripted.seen


def test_load_takes_what_parse_takes(send: Send, scripted: ScriptedServer, tmp_path: Path) -> None:
    scripted.script(json_reply({"data": "x"}))
    path = tmp_path / "a.txt"
    flow = load(path, easyllm_id="mine")  # nothing is looked at before its turn
    path.write_text("hello")
    assert send(flow).text == "x"
    assert form(scripted.seen[0])["easyllm_id"].get_payload() == "mine"
    with pytest.raises(InvalidInput, match="there is no file"):
        send(load("no-such-file.pdf"))
