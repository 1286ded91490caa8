import json
from pathlib import Path

import pytest

from maaskit.errors import APIError, InvalidInput, UnexpectedAnswer
from maaskit.media import Media
from maaskit.qiniu import ocr
from maaskit.wire import Response

URL = "https://idh.qnaigc.com/ocrtest.png"


def read(value):
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return ocr.recognize(URL).read(Response(200, {"content-type": "application/json"}, body, "/images/ocr"))


def test_the_request_is_the_documents():
    request = ocr.recognize(URL).request
    assert (request.method, request.path) == ("POST", "/images/ocr")
    assert request.json == {"model": "ocr", "url": URL}
    assert ocr.recognize(URL, extra_body={"language": "zh"}).request.json["language"] == "zh"
    with pytest.raises(InvalidInput, match="extra_body must be a dict"):
        ocr.recognize(URL, extra_body=["language"])
    assert ocr.recognize(Media(url=URL)).request.json["url"] == URL


@pytest.mark.parametrize(
    "answer",
    [
        {"text": "七牛", "id": "1"},
        {"data": {"text": "七牛"}},
        {"result": {"text": "七牛"}},
        {"data": "七牛"},
        {"result": "七牛"},
        {"content": "七牛"},
        {"data": {"content": "七牛"}},
        {"text": "", "data": {"text": "七牛"}},
        {"blocks": [{"text": "七牛"}]},
        {"data": {"blocks": [{"content": "七牛"}]}},
        {"result": ["七牛"]},
    ],
)
def test_every_shape_that_was_seen_is_read(answer):
    recognized = read(answer)
    assert recognized.text == "七牛"
    assert recognized.id == answer.get("id")
    assert recognized.raw == answer


def test_blocks_are_lines():
    assert read({"result": [{"text": "a"}, {"text": "b"}, {"no": 1}]}).text == "a\nb"


def test_a_page_without_text_has_none():
    assert read({"text": ""}).text == ""


@pytest.mark.parametrize("answer", [{}, {"data": {}}, {"id": "1"}, {"text": None}, {"text": 7}, {"result": []}])
def test_an_unreadable_answer_is_an_error_and_not_an_empty_text(answer):
    with pytest.raises(UnexpectedAnswer, match="no text") as caught:
        read(answer)
    assert caught.value.endpoint == "/images/ocr"
    assert caught.value.excerpt == json.dumps(answer)


def test_a_refusal_under_200_is_an_error():
    with pytest.raises(APIError, match="bad picture"):
        read({"error": {"message": "bad picture"}})
    with pytest.raises(UnexpectedAnswer, match="not JSON"):
        read(b"<html>")


@pytest.mark.parametrize("source", ["scan.png", Path("scan.png"), b"\x89PNG", "data:image/png;base64,AAAA", None, 7])
def test_a_local_file_is_refused_with_the_way_out(source):
    with pytest.raises(InvalidInput, match="QINIU_BUCKET"):
        ocr.recognize(source)


@pytest.mark.parametrize("source", ["ftp://host/a.png", "https://", "http://ho st/"])
def test_other_urls_are_refused(source):
    with pytest.raises(InvalidInput, match="url must be an http or https URL"):
        ocr.recognize(source)
