from __future__ import annotations

import httpx

from maaskit.sandbox import Sandbox
from maaskit.sandbox.media_store import MediaStore


def test_the_oldest_files_are_forgotten_beyond_the_bound() -> None:
    store = MediaStore(max_bytes=10)
    one, two = store.put(b"1111", "image/png"), store.put(b"2222", "video/mp4")
    assert (one[-4:], two[-4:]) == (".png", ".mp4")
    assert store.get(one) is not None  # now the other one was not asked for longest
    three = store.put(b"33333", "text/plain")
    assert store.get(two) is None
    assert [store.get(path) is not None for path in (one, three)] == [True, True]
    large = store.put(b"x" * 50, "audio/wav")
    assert store.get(large) is not None
    assert store.get(three) is None


def test_the_same_file_is_kept_once() -> None:
    store = MediaStore(max_bytes=9)
    kept = store.put(b"aaa", "image/png")
    for _ in range(5):
        assert store.put(b"bbb", "image/png") == store.put(b"bbb", "image/png")
    assert store.get(kept) is not None
    assert store.put(b"bbb", "image/png", needs_key=True) != store.put(b"bbb", "image/png")


def test_files_are_served_with_their_type_and_without_a_key(sandbox: Sandbox) -> None:
    url = sandbox._state.keep(b"\x89PNG...", "image/png")
    response = httpx.get(url, timeout=60)
    assert (response.status_code, response.content) == (200, b"\x89PNG...")
    assert response.headers["content-type"] == "image/png"
    assert httpx.get(url[:-5] + "x.png", timeout=60).status_code == 404


def test_some_files_need_the_key(sandbox: Sandbox) -> None:
    url = sandbox._state.keep(b"edited", "image/png", needs_key=True)
    assert url.startswith(f"{sandbox.origin}/api/oss-images/")
    assert httpx.get(url, timeout=60).status_code == 401
    assert httpx.get(url, headers={"Authorization": "Bearer wrong"}, timeout=60).status_code == 401
    assert httpx.get(url.replace("/api/oss-images/", "/-/media/"), timeout=60).status_code == 404
    assert httpx.get(url, headers={"Authorization": f"Bearer {sandbox.api_key}"}, timeout=60).content == b"edited"


def test_a_cloud_finds_what_lies_in_its_own_storage(sandbox: Sandbox) -> None:
    from pathlib import Path

    picture = (Path(__file__).parents[1] / "samples" / "formula.png").read_bytes()
    url = sandbox._state.keep(picture, "image/png", needs_key=True)
    headers = {"Authorization": f"Bearer {sandbox.api_key}"}
    read = httpx.post(
        f"{sandbox.sophnet_url}/projects/easyllms/image-ocr",
        json={"model": "PaddleOCR-VL-0.9B", "type": "image_url", "image_url": {"url": url}},
        headers=headers,
        timeout=60,
    )
    assert "质量" in read.json()["markdown"]["text"]
    near = httpx.post(
        f"{sandbox.sophnet_url}/projects/easyllms/embeddings",
        json={"model": "clip-embeddings", "input_texts": [], "input_images": [url], "dimensions": 64},
        headers=headers,
        timeout=60,
    )
    assert len(near.json()["data"]) == 1
