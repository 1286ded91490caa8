from __future__ import annotations

import builtins
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from maaskit.sandbox import Sandbox

SAMPLES = Path(__file__).parents[1] / "samples"
MIB = 1024 * 1024


def post(sandbox: Sandbox, path: str = "projects/{project}/easyllms/doc-parse", **form: Any) -> httpx.Response:
    url = f"{sandbox.sophnet_url}/{path.format(project=sandbox.project_id)}"
    return httpx.post(url, headers={"Authorization": f"Bearer {sandbox.api_key}"}, timeout=60, **form)


def parsed(sandbox: Sandbox, name: str, data: bytes) -> httpx.Response:
    return post(sandbox, files={"file": (name, data)}, data={"easyllm_id": sandbox.easyllm_id})


def test_the_answer_has_the_documents_shape(sandbox: Sandbox) -> None:
    response = parsed(sandbox, "报告 2026.pdf", (SAMPLES / "report.pdf").read_bytes())
    assert response.headers["Content-Type"] == "application/json"
    answer = response.json()
    assert set(answer) == {"data"}
    assert "| 六月 | 6.1 | 152 |" in answer["data"]


def test_text_in_the_encoding_of_old_chinese_files(sandbox: Sandbox) -> None:
    assert parsed(sandbox, "a.txt", "海滩上美丽的日落".encode("gbk")).json() == {"data": "海滩上美丽的日落"}


def test_the_documents_program_with_the_official_sdk(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    client_module = pytest.importorskip("fastmodels.client", reason="fastmodels-kit is not installed")
    opened: list[Any] = []

    def keep(*arguments: Any) -> Any:
        opened.append(builtins.open(*arguments))  # noqa: PTH123, SIM115 - in the place of the SDK's own, which is never closed
        return opened[-1]

    monkeypatch.setattr(client_module, "open", keep, raising=False)
    file = tmp_path / "文档.txt"
    file.write_text("海滩上美丽的日落", "utf-8")
    client = client_module.Client(api_key=sandbox.api_key, project_id=sandbox.project_id)
    service = client.easyllm.doc_parse
    service.base_url = service.base_url.replace("https://platform.fastmodels.cn/api/open-apis", sandbox.sophnet_url)
    response = service.create(easyllm_id=sandbox.easyllm_id, file_path=str(file))
    assert response.data == "海滩上美丽的日落"
    with pytest.raises(RuntimeError, match="easyllm_id not found"):
        service.create(easyllm_id="other", file_path=str(file))
    for handle in opened:
        handle.close()


def test_the_limit_itself_is_too_large(sandbox: Sandbox) -> None:
    largest = b"a" * (50 * MIB - 1)
    assert len(parsed(sandbox, "a.txt", largest).json()["data"]) == len(largest)
    response = parsed(sandbox, "a.txt", largest + b"a")
    assert response.status_code == 400
    assert "52428800 bytes; it must be smaller than 50 MB" in response.json()["message"]


@pytest.mark.parametrize(
    ("name", "data", "named"),
    [
        ("a.csv", b"a,b", "pdf, docx, doc, xlsx, txt, pptx"),
        ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), "legacy .doc"),
        ("a.txt", b"", "0 bytes"),
        ("a.pdf", b"%PDF-1.7\n%%EOF", "broken"),
        ("a.docx", b"PK\x03\x04 and no more", "broken"),
        ("locked.pdf", (SAMPLES / "locked.pdf").read_bytes(), "password"),
    ],
)
def test_what_cannot_be_parsed_is_told_in_the_clouds_envelope(
    sandbox: Sandbox, name: str, data: bytes, named: str
) -> None:
    response = parsed(sandbox, name, data)
    assert response.status_code == 400
    error = response.json()
    assert set(error) == {"status", "message", "result", "timestamp"}
    assert (error["status"], error["result"]) == (400, None)
    assert named in error["message"]


def test_a_form_with_something_missing(sandbox: Sandbox) -> None:
    file = {"file": ("a.txt", b"hello")}
    assert "easyllm_id is required" in post(sandbox, files=file).json()["message"]
    assert "file is required" in post(sandbox, files={"easyllm_id": (None, sandbox.easyllm_id)}).json()["message"]
    unnamed = {"file": (None, b"hello"), "easyllm_id": (None, sandbox.easyllm_id)}
    assert "file name" in post(sandbox, files=unnamed).json()["message"]
    assert post(sandbox, json={"easyllm_id": sandbox.easyllm_id}).status_code == 400


def test_another_service_or_project(sandbox: Sandbox) -> None:
    file = {"file": ("a.txt", b"hello")}
    assert post(sandbox, files=file, data={"easyllm_id": "other"}).status_code == 404
    assert post(sandbox, "projects/other/easyllms/doc-parse", files=file).status_code == 404


def test_the_path_without_project_needs_no_service_id(sandbox: Sandbox) -> None:
    file = {"file": ("a.txt", b"hello")}
    assert post(sandbox, "projects/easyllms/doc-parse", files=file).json() == {"data": "hello"}
    other = post(sandbox, "projects/easyllms/doc-parse", files=file, data={"easyllm_id": "other"})
    assert other.status_code == 404


def test_several_documents_at_once(sandbox: Sandbox) -> None:
    report = (SAMPLES / "report.pdf").read_bytes()
    jobs = [("report.pdf", report), ("a.txt", b"hello")] * 4
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda job: parsed(sandbox, *job).json()["data"], jobs))
    assert answers[::2] == [answers[0]] * 4
    assert answers[1::2] == ["hello"] * 4
