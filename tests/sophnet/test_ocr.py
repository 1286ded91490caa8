"""SophNet's image OCR: the document's sample, its two models, and every form in which the answer is written."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maaskit import APIError, AuthenticationFailed, InvalidInput, MaasError, Media, UnexpectedAnswer
from maaskit.sophnet.ocr import Block, Recognized, load, recognize
from maaskit.wire import Response
from tests.scripted import ScriptedServer, json_reply

Send = Callable[..., Any]

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF"
URL = "https://example.com/发票.jpg?x=1"
SAMPLE = {
    "status": 0,
    "message": "请求成功",
    "result": [{"label": "text", "texts": "测试", "position": "0,0,720,1920"}],
    "markdown": {"text": "测试"},
}


def prefixed(data: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(data).decode()


def read(value: Any) -> Recognized:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return recognize(PNG).read(Response(200, {"content-type": "application/json"}, body, "/image-ocr"))


# --- the request ---------------------------------------------------------------------------------------------------


def test_the_sample_goes_out_as_documented(send: Send, scripted: ScriptedServer) -> None:
    scripted.script(json_reply(SAMPLE))
    # OCR needs neither a project nor a service id.
    found = send(recognize(URL, prettify_markdown=True, show_formula_number=False), project_id=None, easyllm_id=None)
    (seen,) = scripted.seen
    assert (seen.method, seen.path) == ("POST", "/projects/easyllms/image-ocr")
    assert seen.headers["authorization"] == "Bearer k"
    assert seen.json == {
        "model": "PaddleOCR-VL-0.9B",
        "type": "image_url",
        "image_url": {"url": URL},
        "prettify_markdown": True,
        "show_formula_number": False,
    }
    assert (found.text, found.blocks) == ("测试", (Block("text", "测试", (0, 0, 720, 1920)),))
    assert found.raw == SAMPLE


def test_unset_fields_are_not_sent() -> None:
    assert recognize(URL).request.json == {
        "model": "PaddleOCR-VL-0.9B",
        "type": "image_url",
        "image_url": {"url": URL},
    }


@pytest.mark.parametrize("data", [PNG, JPEG, b"GIF89a....", b"BM....", b"who knows"])
def test_content_goes_under_the_fixed_prefix(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "图片"
    path.write_bytes(data)
    png = "data:image/png;base64," + base64.b64encode(data).decode()
    for source in (data, path, str(path), Media(data=data), Media(path=path), png):
        assert recognize(source).request.json["image_url"] == {"url": prefixed(data)}


def test_deepseek_takes_a_prompt() -> None:
    body = recognize(URL, "DeepSeek-OCR", "<image>\nFree OCR.", extra_body={"seed": 1}).request.json
    assert (body["model"], body["prompt"], body["seed"]) == ("DeepSeek-OCR", "<image>\nFree OCR.", 1)
    assert recognize(URL, "PaddleOCR-VL-1.5", "x").request.json["prompt"] == "x"


def test_further_fields_join_the_others_and_must_be_an_object() -> None:
    call = recognize(PNG, extra_body={"use_html_out": True, "image_url": {"detail": "high"}})
    assert call.request.json["use_html_out"] is True
    assert call.request.json["image_url"]["url"].startswith("data:")
    with pytest.raises(InvalidInput, match="extra_body"):
        recognize(PNG, extra_body=[("a", 1)])  # type: ignore[arg-type]


def test_paddle_takes_none() -> None:
    with pytest.raises(InvalidInput, match="takes no prompt; leave it out, or use model='DeepSeek-OCR'"):
        recognize(URL, prompt="read this")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (b"%PDF-1.7", "is a PDF.*documents"),
        ("https://example.com/a.PDF", "is a PDF"),
        (Media(data=b"x", content_type="application/pdf"), "is a PDF"),
        (b"PK\x03\x04....", "application/zip; only pictures"),
        (Media(data=b"x", name="notes.txt"), "text/plain; only pictures"),
        (b"", "empty"),
        ("", "empty"),
        ("no-such-picture.png", "there is no file"),
        ("ftp://example.com/a.png", "http or https URL"),
        ("data:image/png;base64,!", "not base64"),
        (None, "must be bytes, a path or a URL"),
    ],
)
def test_what_is_no_picture_is_refused(source: Any, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        recognize(source)


@pytest.mark.parametrize(
    "arguments",
    [
        {"model": ""},
        {"model": None},
        {"prompt": 1},
        {"prettify_markdown": "yes"},
        {"show_formula_number": 1},
    ],
)
def test_wrong_types_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        recognize(PNG, **arguments)


def test_a_picture_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    with path.open("wb") as file:
        file.write(PNG)
        file.truncate(30 * 1024 * 1024 + 1)
    with pytest.raises(InvalidInput, match="image has 31457281 bytes"):
        recognize(path)


def test_load_looks_at_nothing_before_its_turn(send: Send, scripted: ScriptedServer, tmp_path: Path) -> None:
    scripted.script(json_reply(SAMPLE))
    path = tmp_path / "a.png"
    flow = load(path, "DeepSeek-OCR", "x", prettify_markdown=False, show_formula_number=True, extra_body={"e": 1})
    path.write_bytes(PNG)
    assert send(flow).text == "测试"
    assert scripted.seen[0].json == {
        "model": "DeepSeek-OCR",
        "prompt": "x",
        "type": "image_url",
        "image_url": {"url": prefixed(PNG)},
        "prettify_markdown": False,
        "show_formula_number": True,
        "e": 1,
    }


# --- the answer (wire-facts C.24, C.25, B.11) ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("position", "expected"),
    [
        ("0,0,720,1920", (0, 0, 720, 1920)),
        (" 1 , 2 , 3.5 , 4 ", (1, 2, 3.5, 4)),
        ("[1, 2, 3, 4]", (1, 2, 3, 4)),
        ([0, 0, 720, 1920], (0, 0, 720, 1920)),
        (["0", "0", "720", "1920.0"], (0, 0, 720, 1920)),
        ([-1.5, 0, 1, 2], (-1.5, 0, 1, 2)),
        ([1, 2, 3], None),
        ([1, 2, 3, 4, 5], None),
        ([[1, 2], [3, 4]], None),
        ([1, 2, 3, None], None),
        ([1, 2, 3, True], None),
        ([1, 2, 3, 10**400], None),
        ("1,2,3,nan", None),
        ("1,2,3", None),
        ("", None),
        (None, None),
        (7, None),
        ({"left": 1}, None),
    ],
)
def test_positions_are_four_numbers_or_none(position: Any, expected: Any) -> None:
    (block,) = read({**SAMPLE, "result": [{"label": "table", "texts": "x", "position": position}]}).blocks
    assert block == Block("table", "x", expected)


BLOCKS = [{"label": "text", "texts": "甲"}, {"label": "figure"}, {"label": "html", "texts": ["<b>", "乙"]}]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"result": BLOCKS, "markdown": {"text": "# 甲"}}, "# 甲"),
        ({"result": BLOCKS, "markdown": "# 甲"}, "# 甲"),
        ({"result": {"markdown": {"text": "# 甲"}}}, "# 甲"),
        ({"result": {"markdown": "# 甲"}}, "# 甲"),
        ({"markdown": {"text": "# 甲"}}, "# 甲"),
        ({"result": None, "markdown": {"text": "# 甲"}}, "# 甲"),
        ({"result": BLOCKS}, "甲\n\n<b>\n乙"),
        ({"result": BLOCKS, "markdown": None}, "甲\n\n<b>\n乙"),
        ({"result": BLOCKS, "markdown": {}}, "甲\n\n<b>\n乙"),
        ({"result": BLOCKS, "markdown": {"text": ""}}, "甲\n\n<b>\n乙"),
        ({"result": [], "markdown": {"text": ""}}, ""),
        ({"result": []}, ""),
    ],
)
@pytest.mark.parametrize("well", [{"status": 0}, {"code": 0}, {"status": "0"}, {}])
def test_the_text_is_found_wherever_it_is(body: dict[str, Any], text: str, well: dict[str, Any]) -> None:
    assert read({**well, **body}).text == text


def test_blocks_are_kept_in_order_with_their_labels() -> None:
    assert read({"result": BLOCKS}).blocks == (Block("text", "甲"), Block("figure", ""), Block("html", "<b>\n乙"))
    assert read({"result": [{"texts": "x", "label": None}]}).blocks == (Block("text", "x"),)


@pytest.mark.parametrize(
    "body",
    [
        {"status": 0, "message": "请求成功"},
        {"status": 0, "result": None},
        {"status": 0, "result": "text"},
        {"status": 0, "result": {"text": "x"}},
        {"status": 0, "markdown": {"text": None}},
        {"status": 0, "markdown": 7},
        {"result": ["x"]},
        {"result": [{"texts": 7}]},
        [],
        "x",
        b"",
        b"<html></html>",
    ],
)
def test_an_answer_that_cannot_be_read_is_an_error_and_no_empty_text(body: Any) -> None:
    with pytest.raises(UnexpectedAnswer):
        read(body)


@pytest.mark.parametrize(
    "body",
    [
        {"status": 10001, "message": "图片无法识别", "result": None},
        {"status": 10001, "message": "图片无法识别", "result": [], "markdown": {"text": ""}},
        {"code": 10001, "message": "图片无法识别"},
        {"success": False, "message": "图片无法识别"},
        {"error": {"message": "图片无法识别"}},
    ],
)
def test_other_values_mean_failure(send: Send, scripted: ScriptedServer, body: Any) -> None:
    # "0表示成功,其他值表示失败", "调用成功返回请求成功,否则返回错误信息"
    scripted.script(json_reply(body))
    with pytest.raises(APIError, match="图片无法识别"):
        send(recognize(PNG))


def test_a_wrong_key_is_said(send: Send, scripted: ScriptedServer) -> None:
    scripted.script(json_reply({"status": 401, "message": "invalid key", "result": None}, 401))
    with pytest.raises(AuthenticationFailed, match="SOPHNET_API_KEY"):
        send(recognize(PNG))


VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(["result", "markdown", "text", "texts", "label", "position", "status"]), inner
        )
    ),
    max_leaves=20,
)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300) | VALUES)
def test_any_answer_is_text_or_an_error_of_ours(value: Any) -> None:
    try:
        found = read(value)
    except MaasError:
        return
    assert isinstance(found.text, str)
    json.dumps([[block.label, block.text, block.position] for block in found.blocks])
