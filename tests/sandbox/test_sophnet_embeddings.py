from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image, ImageDraw

from maaskit.sandbox import Sandbox

SAMPLE_IMAGE = (  # of the document's second example
    "iVBORw0KGgoAAAANSUhEUgAAABwAAAA4CAIAAABhUg/jAAAAMklEQVR4nO3MQREAMAgAoLkoFreTiSzhy4MARGe9bX99lEqlUqlUKpVKpVKp"
    "VCqVHksHaBwCA2cPf0cAAAAASUVORK5CYII="
)


def post(sandbox: Sandbox, body: Any, path: str = "projects/{project}/easyllms/embeddings") -> httpx.Response:
    url = f"{sandbox.sophnet_url}/{path.format(project=sandbox.project_id)}"
    return httpx.post(url, json=body, headers={"Authorization": f"Bearer {sandbox.api_key}"}, timeout=60)


def asked(sandbox: Sandbox, **fields: Any) -> httpx.Response:
    body = {"easyllm_id": sandbox.easyllm_id, "input_texts": ["你好"], "dimensions": 1024, **fields}
    return post(sandbox, {name: value for name, value in body.items() if value is not ...})


def picture(colour: str, shape: str = "circle") -> str:
    image = Image.new("RGB", (120, 120), "white")
    pen = ImageDraw.Draw(image)
    (pen.ellipse if shape == "circle" else pen.rectangle)((30, 30, 90, 90), fill=colour)
    out = io.BytesIO()
    image.save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


def test_the_documents_first_example(sandbox: Sandbox) -> None:
    answer = asked(sandbox, input_texts=["你好", "很高兴认识你"]).json()
    assert {name: value for name, value in answer.items() if name != "data"} == {
        "id": "",
        "object": "list",
        "usage": {
            "prompt_tokens": 4,
            "completion_tokens": None,
            "total_tokens": 4,
            "prompt_tokens_details": None,
            "completion_tokens_details": None,
        },
    }
    assert [(entry["index"], entry["object"]) for entry in answer["data"]] == [(0, "embedding"), (1, "embedding")]
    for entry in answer["data"]:
        assert len(entry["embedding"]) == 1024
        assert np.linalg.norm(entry["embedding"]) == pytest.approx(1, abs=1e-5)


def test_the_documents_second_example_with_urls_of_pictures(sandbox: Sandbox, httpserver_url: str) -> None:
    images = [f"{httpserver_url}/red.png", SAMPLE_IMAGE]
    answer = asked(sandbox, model="clip-embeddings", input_texts=["海滩上美丽的日落"], input_images=images).json()
    assert "id" not in answer
    assert [entry["index"] for entry in answer["data"]] == [0, 1, 2]
    assert answer["usage"]["total_tokens"] > 256


@pytest.fixture
def httpserver_url(sandbox: Sandbox) -> Iterator[str]:
    """Serve one picture on loopback."""
    import threading
    from http.server import BaseHTTPRequestHandler, HTTPServer

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            data = base64.b64decode(picture("red"))
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_words_find_pictures_over_the_wire(sandbox: Sandbox) -> None:
    answer = asked(
        sandbox,
        model="clip-embeddings",
        dimensions=512,
        input_texts=["a red circle", "蓝色的方块"],
        input_images=[picture("blue", "square"), f"data:image/png;base64,{picture('red')}"],
    ).json()
    red, blue, first, second = (np.array(entry["embedding"]) for entry in answer["data"])
    assert red @ second > red @ first + 0.3
    assert blue @ first > blue @ second + 0.3


def test_pictures_alone_with_the_required_field_empty(sandbox: Sandbox) -> None:
    body = {"model": "clip-embeddings", "input_texts": [], "input_images": [SAMPLE_IMAGE], "dimensions": 65}
    answer = asked(sandbox, **body).json()
    assert [len(entry["embedding"]) for entry in answer["data"]] == [65]
    assert asked(sandbox, **{**body, "input_texts": ...}).status_code == 400


def test_base64_and_length(sandbox: Sandbox) -> None:
    plain, packed, long = (
        asked(sandbox, model="clip-embeddings", input_texts=["red"], dimensions=64, **fields).json()["data"][0][
            "embedding"
        ]
        for fields in ({"encoding_type": "float"}, {"encoding_type": "base64"}, {"normalized": False})
    )
    assert np.frombuffer(base64.b64decode(packed), "<f4") == pytest.approx(plain, abs=1e-6)
    assert np.linalg.norm(long) > 1.01


@pytest.mark.parametrize(
    ("model", "dimensions"), [("text-embeddings", 64), ("text-embeddings", 768), (None, 256), ("bge-m3", 1024)]
)
def test_models_and_dimensions(sandbox: Sandbox, model: str | None, dimensions: int) -> None:
    answer = asked(sandbox, model=model, dimensions=dimensions).json()
    assert len(answer["data"][0]["embedding"]) == dimensions


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"dimensions": ...}, "dimensions is required"),
        ({"dimensions": None}, "dimensions is required"),
        ({"dimensions": "1024"}, "integer"),
        ({"dimensions": True}, "integer"),
        ({"dimensions": 1000}, "1024, 768, 512, 256, 128, 64, not 1000"),
        ({"model": "bge-m3", "dimensions": 512}, "supports dimensions 1024"),
        ({"model": "clip-embeddings", "dimensions": 63}, "64 to 1024"),
        ({"model": "clip-embeddings", "dimensions": 1025}, "64 to 1024"),
        ({"model": "ada"}, "text-embeddings, clip-embeddings, bge-m3"),
        ({"model": 7}, "model must be one of"),
        ({"input_texts": ...}, "input_texts is required"),
        ({"input_texts": "你好"}, "array of strings"),
        ({"input_texts": ["a", 1]}, "array of strings"),
        ({"input_texts": []}, "nothing to embed"),
        ({"input_texts": ["a"] * 11}, "at most 10 texts, not 11"),
        ({"model": "bge-m3", "input_texts": ["a", "b"]}, "at most 1 texts, not 2"),
        ({"input_texts": ["a", "word " * 9000]}, r"input_texts\[1\] has 9\d+ tokens; at most 8192"),
        ({"input_images": [SAMPLE_IMAGE]}, "valid for clip-embeddings alone"),
        ({"normalized": True}, "valid for clip-embeddings alone"),
        ({"encoding_type": "float"}, "valid for clip-embeddings alone"),
        ({"model": "clip-embeddings", "encoding_type": "hex"}, "float.*base64"),
        ({"model": "clip-embeddings", "normalized": "yes"}, "normalized must be one of"),
        ({"model": "clip-embeddings", "input_images": ["&&&"]}, r"input_images\[0\] is not valid base64"),
        ({"model": "clip-embeddings", "input_images": [SAMPLE_IMAGE, "aGVsbG8="]}, r"input_images\[1\].*no picture"),
        ({"model": "clip-embeddings", "input_images": "x"}, "array of strings"),
        ({"easyllm_id": ...}, "easyllm_id is required"),
    ],
)
def test_what_the_document_refuses(sandbox: Sandbox, fields: dict[str, Any], named: str) -> None:
    response = asked(sandbox, **fields)
    assert response.status_code == 400
    error = response.json()
    assert set(error) == {"status", "message", "result", "timestamp"}
    assert (error["status"], error["result"]) == (400, None)
    import re

    assert re.search(named, error["message"])


def test_another_service_or_project(sandbox: Sandbox) -> None:
    assert asked(sandbox, easyllm_id="other").status_code == 404
    assert post(sandbox, {}, "projects/other/easyllms/embeddings").status_code == 404


@pytest.mark.parametrize("body", ["[]", '"text"', "{", ""])
def test_bodies_that_are_no_object(sandbox: Sandbox, body: str) -> None:
    url = f"{sandbox.sophnet_url}/projects/{sandbox.project_id}/easyllms/embeddings"
    response = httpx.post(url, content=body, headers={"Authorization": f"Bearer {sandbox.api_key}"}, timeout=60)
    assert response.status_code == 400


def test_the_path_without_project_needs_no_service_id(sandbox: Sandbox) -> None:
    body = {"input_texts": ["你好"], "dimensions": 64}
    assert post(sandbox, body, "projects/easyllms/embeddings").status_code == 200
    assert post(sandbox, {**body, "easyllm_id": "other"}, "projects/easyllms/embeddings").status_code == 404


def test_null_is_as_good_as_unset(sandbox: Sandbox) -> None:
    nulls = {"model": None, "input_images": None, "normalized": None, "encoding_type": None}
    assert asked(sandbox, **nulls).json()["data"] == asked(sandbox).json()["data"]


def test_order_and_index_can_be_written_otherwise(sandbox: Sandbox) -> None:
    texts = ["一", "二", "三", "四"]
    plain = asked(sandbox, input_texts=texts, dimensions=64).json()["data"]
    sandbox.variants.embeddings_order = "shuffled"
    shuffled = asked(sandbox, input_texts=texts, dimensions=64).json()["data"]
    assert [entry["index"] for entry in shuffled] != [0, 1, 2, 3]
    assert sorted(shuffled, key=lambda entry: entry["index"]) == plain
    sandbox.variants.embeddings_order = "documented"
    sandbox.variants.embeddings_index = "absent"
    bare = asked(sandbox, input_texts=texts, dimensions=64).json()["data"]
    assert bare == [{name: value for name, value in entry.items() if name != "index"} for entry in plain]


def test_the_answer_is_compact_json(sandbox: Sandbox) -> None:
    response = asked(sandbox, dimensions=64)
    assert response.headers["Content-Type"] == "application/json"
    assert response.text == json.dumps(response.json(), separators=(",", ":"))
