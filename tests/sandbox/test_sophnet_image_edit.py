from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from maaskit.sandbox import Sandbox
from maaskit.sandbox.engines import painting, sights
from tests.sandbox.studio import EDIT, Studio, data_url, without

CIRCLE = painting.paint("a big red circle on blue", 416, 416, seed=1)


@pytest.fixture
def studio(sandbox: Sandbox) -> Iterator[Studio]:
    jobs = sandbox._state.studio
    before, jobs.task_s = jobs.task_s, 0.02
    studio = Studio(sandbox)
    yield studio
    studio.http.close()
    jobs.task_s = before


@pytest.fixture
def url(sandbox: Sandbox) -> str:
    return sandbox._state.keep(CIRCLE, "image/png")


def body(*content: dict[str, Any], **parameters: Any) -> dict[str, Any]:
    return {
        "model": "Qwen-Image-Edit-2509",
        "input": {"messages": [{"role": "user", "content": list(content)}]},
        "parameters": parameters,
    }


def edited(studio: Studio, *content: dict[str, Any], **parameters: Any) -> dict[str, Any]:
    response = studio.call("POST", EDIT, body(*content, **parameters))
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def picture_of(studio: Studio, answer: dict[str, Any], **headers: str) -> Image.Image:
    url = answer["output"]["choices"][0]["message"]["content"][0]["image"]
    data = studio.http.get(url, headers=headers or studio.headers).content
    return Image.open(io.BytesIO(data)).convert("RGB")


def middle(picture: Image.Image) -> str:
    colours = sights.colours_of(picture)
    return sights.NAMES[colours[picture.height // 2, picture.width // 2]]


def test_the_documents_request_with_two_pictures(studio: Studio, url: str) -> None:
    wide = studio.sandbox._state.keep(painting.paint("a girl", 1248, 832, seed=1), "image/png")
    text = {"text": "图1中的女生穿着图2中的黑色裙子"}
    answer = edited(studio, {"image": wide}, {"image": url}, text, seed=42, negative_prompt=" ", watermark=False)
    assert set(answer) == {"output", "usage", "request_id"}
    (choice,) = answer["output"]["choices"]
    assert choice["finish_reason"] == "stop"
    assert choice["message"]["role"] == "assistant"
    picture = picture_of(studio, answer)
    assert answer["usage"] == {"width": 1248, "image_count": 1, "height": 832}
    assert picture.size == (1248, 832)
    assert {"red", "blue"} <= {sights.NAMES[n] for n in set(sights.colours_of(picture).ravel().tolist())}


def test_the_text_is_obeyed(studio: Studio, url: str) -> None:
    assert middle(picture_of(studio, edited(studio, {"image": url}, {"text": "把红色变成绿色"}))) == "green"


def test_the_same_request_gives_the_same_picture_and_another_seed_another(studio: Studio, url: str) -> None:
    def link(**parameters: Any) -> str:
        answer = edited(studio, {"image": url}, {"text": "make it happy"}, **parameters)
        found: str = answer["output"]["choices"][0]["message"]["content"][0]["image"]
        return found

    assert link() == link()
    assert len({link(), link(seed=0), link(seed=2147483647), link(watermark=True), link(negative_prompt="red")}) == 5


def test_the_result_needs_the_key_and_can_be_edited_again(studio: Studio, url: str) -> None:
    first = edited(studio, {"image": url}, {"text": "turn red into green"})
    link = first["output"]["choices"][0]["message"]["content"][0]["image"]
    assert "/api/oss-images/" in link
    assert studio.http.get(link).status_code == 401
    again = edited(studio, {"image": link}, {"text": "turn green into purple"})
    assert middle(picture_of(studio, again)) == "purple"


def test_the_result_may_be_open(studio: Studio, url: str) -> None:
    studio.sandbox.variants.edit_access = "open"
    answer = edited(studio, {"image": url}, {"text": "flip it"})
    assert picture_of(studio, answer, Accept="*/*").size == (416, 416)


def test_data_urls_are_refused_unless_the_variant_takes_them(studio: Studio) -> None:
    content = ({"image": data_url(CIRCLE, "image/png")}, {"text": "flip it"})
    response = studio.call("POST", EDIT, body(*content))
    assert response.status_code == 400
    assert "http(s) URL" in response.json()["message"]
    studio.sandbox.variants.edit_data_urls = "accepted"
    assert picture_of(studio, edited(studio, *content)).size == (416, 416)


def test_a_text_alone_and_null_fields_are_accepted(studio: Studio) -> None:
    answer = edited(
        studio, {"text": "a red circle", "image": None}, seed=None, negative_prompt=None, watermark=None, n=1
    )
    assert answer["usage"]["width"] == 1024


TEXT = {"text": "flip it"}


@pytest.mark.parametrize(
    ("request_body", "named"),
    [
        ({**body(TEXT), "model": "Qwen-Image-Edit"}, "Qwen-Image-Edit-2509"),
        (without({**body(TEXT), "model": ...}), "model is required"),
        ({"model": "Qwen-Image-Edit-2509"}, "input is required"),
        ({**body(TEXT), "input": {"messages": []}}, "input.messages is required"),
        ({**body(TEXT), "input": {"messages": [{"role": "system", "content": [TEXT]}]}}, 'must be "user"'),
        ({**body(TEXT), "input": {"messages": [{"content": [TEXT]}]}}, 'must be "user"'),
        ({**body(TEXT), "input": {"messages": [{"role": "user", "content": "flip it"}]}}, "must be an array"),
        (body(), "must be an array that is not empty"),
        (body({"image": "https://127.0.0.1:1/a.png"}), "at least one text"),
        (body({"type": "text"}), "must have an image or a text"),
        (body({"text": ""}), "content[0].text is required"),
        (body({"text": 5}), "must be a string"),
        (body({"image": 5}, TEXT), "must be a URL"),
        (body({"image": "a.png"}, TEXT), "http(s) URL"),
        (body({"image": "http://127.0.0.1:1/a.png"}, TEXT), "could not be fetched"),
        (body(TEXT, seed=-1), "from 0 to 2147483647"),
        (body(TEXT, seed=2147483648), "from 0 to 2147483647"),
        (body(TEXT, seed="42"), "from 0 to 2147483647"),
        (body(TEXT, watermark="no"), "true or false"),
        (body(TEXT, negative_prompt=5), "must be a string"),
    ],
)
def test_what_the_document_refuses(studio: Studio, request_body: Any, named: str) -> None:
    response = studio.call("POST", EDIT, request_body)
    assert response.status_code == 400
    assert named in response.json()["message"]


def test_what_is_no_picture_is_named(studio: Studio, url: str) -> None:
    text = studio.sandbox._state.keep(b"hello", "text/plain")
    response = studio.call("POST", EDIT, body({"image": url}, {"image": text}, TEXT))
    assert response.status_code == 400
    assert "picture 2" in response.json()["message"]
