from __future__ import annotations

import base64
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from maaskit.sandbox import Sandbox
from maaskit.sandbox.engines.page import Block

SAMPLES = Path(__file__).parents[1] / "samples"
PREFIX = "data:image/jpeg;base64,"


def packed(name: str) -> str:
    return PREFIX + base64.b64encode((SAMPLES / name).read_bytes()).decode()


def asked(sandbox: Sandbox, url: Any = None, **fields: Any) -> httpx.Response:
    body = {
        "model": "PaddleOCR-VL-0.9B",
        "type": "image_url",
        "image_url": {"url": url or packed("formula.png")},
        **fields,
    }
    return httpx.post(
        f"{sandbox.sophnet_url}/projects/easyllms/image-ocr",
        json={name: value for name, value in body.items() if value is not ...},
        headers={"Authorization": f"Bearer {sandbox.api_key}"},
        timeout=60,
    )


def test_the_answer_has_the_documents_shape(sandbox: Sandbox) -> None:
    answer = asked(sandbox, packed("ruled-table.png"), prettify_markdown=True, show_formula_number=False).json()
    assert set(answer) == {"status", "message", "result", "markdown"}
    assert (answer["status"], answer["message"]) == (0, "请求成功")
    assert [entry["label"] for entry in answer["result"]] == ["text", "table", "text"]
    for entry in answer["result"]:
        assert set(entry) == {"label", "texts", "position"}
        left, top, right, bottom = map(int, entry["position"].split(","))
        assert 0 <= left < right <= 900
        assert 0 <= top < bottom <= 460
    assert "| 手机 | 120 | 135 | 255 |" in answer["result"][1]["texts"]
    assert answer["markdown"]["text"] == "\n\n".join(entry["texts"] for entry in answer["result"])


@pytest.mark.parametrize(
    "fields",
    [
        {"model": "DeepSeek-OCR"},
        {"model": "DeepSeek-OCR", "prompt": "<image>\nFree OCR."},
        {"model": "PaddleOCR-VL-1.5"},
        {"prompt": None, "prettify_markdown": None},
    ],
)
def test_models_and_prompt(sandbox: Sandbox, fields: dict[str, Any]) -> None:
    answer = asked(sandbox, **fields).json()
    assert "能量与质量的关系由下式给出" in answer["markdown"]["text"]


@pytest.mark.parametrize("name", ["show_formula_number", "showFormulaNumber"])
def test_formula_numbers_are_left_out_unless_asked_for(sandbox: Sandbox, name: str) -> None:
    assert "(1)" not in asked(sandbox).json()["markdown"]["text"]
    assert "E = m c² (1)" in asked(sandbox, **{name: True}).json()["markdown"]["text"]


@pytest.mark.parametrize("name", ["prettify_markdown", "prettifyMarkdown"])
def test_plain_markdown(sandbox: Sandbox, name: str) -> None:
    assert "\n\n" in asked(sandbox).json()["markdown"]["text"]
    assert "\n\n" not in asked(sandbox, **{name: False}).json()["markdown"]["text"]


def test_a_picture_without_text(sandbox: Sandbox) -> None:
    import io

    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (60, 60), "white").save(out, "JPEG")
    answer = asked(sandbox, PREFIX + base64.b64encode(out.getvalue()).decode()).json()
    assert (answer["status"], answer["result"], answer["markdown"]) == (0, [], {"text": ""})


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"model": ...}, "model is required"),
        ({"model": "GPT-OCR"}, "PaddleOCR-VL-0.9B, DeepSeek-OCR"),
        ({"type": ...}, "image_url"),
        ({"type": "image"}, "image_url"),
        ({"prompt": "read it"}, "DeepSeek-OCR alone"),
        ({"image_url": ...}, "image_url.url is required"),
        ({"image_url": "https://host/a.png"}, "image_url.url is required"),
        ({"image_url": {"url": ""}}, "image_url.url is required"),
        ({"image_url": {"url": 5}}, "image_url.url is required"),
        ({"image_url": {"url": "data:image/png;base64,AAAA"}}, PREFIX),
        ({"image_url": {"url": PREFIX}}, "no data"),
        ({"image_url": {"url": PREFIX + "&&&"}}, "base64"),
        ({"image_url": {"url": "a.png"}}, "http(s) URL"),
        ({"prettify_markdown": "yes"}, "true or false"),
        ({"show_formula_number": 1}, "true or false"),
    ],
)
def test_what_the_document_refuses(sandbox: Sandbox, fields: dict[str, Any], named: str) -> None:
    response = asked(sandbox, **fields)
    assert response.status_code == 400
    error = response.json()
    assert (error["status"], error["result"]) == (400, None)
    assert named in error["message"]


@pytest.mark.parametrize(("data", "named"), [(b"%PDF-1.7 x", "PDF"), (b"hello", "no picture")])
def test_what_is_no_picture(sandbox: Sandbox, data: bytes, named: str) -> None:
    response = asked(sandbox, PREFIX + base64.b64encode(data).decode())
    assert response.status_code == 400
    assert named in response.json()["message"]


def test_places_markdown_texts_and_status_can_be_written_otherwise(sandbox: Sandbox) -> None:
    plain = asked(sandbox).json()
    sandbox.variants.ocr_position = "array"
    sandbox.variants.ocr_markdown = "string"
    sandbox.variants.ocr_texts = "list"
    sandbox.variants.ocr_status = "code"
    other = asked(sandbox).json()
    assert other["code"] == 0
    assert other["markdown"] == plain["markdown"]["text"]
    for one, two in zip(plain["result"], other["result"], strict=True):
        assert ",".join(map(str, two["position"])) == one["position"]
        assert "\n".join(two["texts"]) == one["texts"]
    sandbox.variants.ocr_position = "absent"
    sandbox.variants.ocr_markdown = "absent"
    bare = asked(sandbox).json()
    assert "markdown" not in bare
    assert all("position" not in entry for entry in bare["result"])


def test_pictures_that_wait_do_not_hold_up_other_endpoints(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    from maaskit.sandbox.engines import ocr

    started, go_on = threading.Event(), threading.Event()

    def slow(data: bytes) -> list[Block]:
        started.set()
        assert go_on.wait(20)
        return []

    monkeypatch.setattr(ocr, "read", slow)
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(asked, sandbox) for _ in range(8)]
        assert started.wait(20)
        url = f"{sandbox.sophnet_url}/projects/easyllms/embeddings"
        headers = {"Authorization": f"Bearer {sandbox.api_key}"}
        other = httpx.post(url, json={"input_texts": ["a"], "dimensions": 64}, headers=headers, timeout=20)
        assert not any(answer.done() for answer in waiting)
        go_on.set()
        assert [answer.result().status_code for answer in waiting] == [200] * 8
    assert other.status_code == 200
