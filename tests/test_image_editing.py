"""Editing pictures from anywhere: local ones are uploaded where a storage is set up, and otherwise refused early."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from maaskit import AsyncClient, Client, InvalidInput, Media, SophNet
from maaskit.image_editing import edit
from tests.scripted import ScriptedServer, json_reply

Send = Callable[..., Any]

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
URL = "https://example.com/a.png"
EDITED = {"output": {"choices": [{"message": {"content": [{"image": "https://x.example/r.png"}]}}]}}
VARIABLES = ("QINIU_ACCESS_KEY", "QINIU_SECRET_KEY", "QINIU_BUCKET", "QINIU_DOMAIN")


@pytest.fixture(autouse=True)
def _no_storage(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(params=["sync", "async"])
def send(request: pytest.FixtureRequest, scripted: ScriptedServer) -> Send:
    cloud = SophNet(api_key="k", base_url=scripted.url)

    def run(flow: Any) -> Any:
        if request.param == "sync":
            with Client(cloud) as client:
                return client.send(flow)

        async def main() -> Any:
            async with AsyncClient(cloud) as client:
                return await client.send(flow)

        return asyncio.run(main())

    return run


class Shelf:
    """A storage that remembers what it was given."""

    def __init__(self) -> None:
        self.files: list[Media] = []

    def upload(self, media: Any) -> str:
        self.files.append(Media.of(media))
        return f"https://files.example.com/{len(self.files)}.png"


def test_local_pictures_are_uploaded_in_their_order(send: Send, scripted: ScriptedServer, tmp_path: Path) -> None:
    scripted.script(json_reply(EDITED))
    path, shelf = tmp_path / "a.png", Shelf()
    path.write_bytes(PNG)
    flow = edit("图1与图3", [path, URL, PNG], seed=1, storage=shelf, extra_body={"parameters": {"n": 1}})
    assert not shelf.files
    assert send(flow).url == "https://x.example/r.png"
    assert [file.source for file in shelf.files] == [str(path), "bytes"]
    assert scripted.seen[0].json["input"]["messages"][0]["content"] == [
        {"image": "https://files.example.com/1.png"},
        {"image": URL},
        {"image": "https://files.example.com/2.png"},
        {"text": "图1与图3"},
    ]
    assert scripted.seen[0].json["parameters"] == {"seed": 1, "n": 1}


def test_urls_need_no_storage(send: Send, scripted: ScriptedServer) -> None:
    scripted.script(json_reply(EDITED))
    assert send(edit("x", URL)).url
    assert scripted.seen[0].json["input"]["messages"][0]["content"] == [{"image": URL}, {"text": "x"}]


def test_without_a_storage_the_way_out_is_said() -> None:
    with pytest.raises(InvalidInput, match=r"images\[1\] must be an http or https URL.*QINIU_ACCESS_KEY"):
        edit("x", [URL, PNG])


def test_the_environments_storage_is_used(
    send: Send, scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("qiniu")
    store = ScriptedServer()
    try:
        store.script(json_reply({"key": "k", "hash": "h"}))
        for name in VARIABLES:
            monkeypatch.setenv(name, "https://files.example.com" if name == "QINIU_DOMAIN" else "value")
        monkeypatch.setenv("QINIU_UPLOAD_URL", store.url)
        scripted.script(json_reply(EDITED))
        assert send(edit("x", PNG)).url
        content = scripted.seen[0].json["input"]["messages"][0]["content"]
        assert content[0]["image"].startswith("https://files.example.com/maaskit/")
        assert PNG in store.seen[0].body
        assert "Bearer" not in str(store.seen[0].headers)
    finally:
        store.close()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"images": b"%PDF-1.7"}, "images is application/pdf; only pictures"),
        ({"images": [PNG, "no-such.png"]}, r"images\[1\]: there is no file"),
        ({"images": []}, "images is empty"),
        ({"prompt": ""}, "prompt is empty"),
        ({"seed": -1}, "seed must be"),
        ({"watermark": "no"}, "watermark must be"),
    ],
)
def test_nothing_is_uploaded_for_what_is_refused(arguments: dict[str, Any], said: str) -> None:
    shelf = Shelf()
    with pytest.raises(InvalidInput, match=said):
        edit(**({"prompt": "x", "images": PNG, "storage": shelf} | arguments))
    assert not shelf.files


def test_a_picture_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    with path.open("wb") as file:
        file.write(PNG)
        file.truncate(30 * 1024 * 1024 + 1)
    with pytest.raises(InvalidInput, match="images has 31457281 bytes"):
        edit("x", path, storage=Shelf())
