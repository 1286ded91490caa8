"""What a tool gives back: a short text for the model, plain JSON for the program."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path

import pytest

from maaskit import ConfigurationError, Media
from maaskit.toolbox.results import MAX_INLINE_BYTES, media_result, text_result

SOUND = Media(data=b"ID3" + b"\0" * 97, content_type="audio/mpeg")


def test_bytes_ride_in_the_block_and_not_in_the_text() -> None:
    result = media_result("audio", media=SOUND, url=None, path=None, extras={"duration_s": 1.5, "voice": None})
    assert result.text == "Audio (audio/mpeg, 100 bytes, 1.5 s). It is handed over with this answer."
    assert base64.b64decode(result.block["base64"]) == SOUND.data
    assert result.block == {
        "type": "audio",
        "mime_type": "audio/mpeg",
        "base64": result.block["base64"],
        "extras": {"bytes": 100, "duration_s": 1.5},
    }
    assert json.loads(json.dumps(result.block)) == result.block


def test_a_url_stays_a_url() -> None:
    result = media_result("image", media=None, url="https://x.test/a.png?s=1", path=None, extras={"size": "64*64"})
    assert result.text == "Picture (image/png, 64*64). It is at https://x.test/a.png?s=1 for a limited time."
    assert (result.block["url"], "base64" in result.block) == ("https://x.test/a.png?s=1", False)


def test_what_was_saved_is_named_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "一 b.mp3"
    result = media_result("audio", media=SOUND, url=None, path=path, extras={})
    assert result.text == f"Audio (audio/mpeg, 100 bytes). Saved as {path}."
    assert (result.block["url"], result.block["extras"]["path"]) == (path.as_uri(), str(path))
    assert result.path == path
    both = media_result("video", media=SOUND, url="https://x.test/v", path=path, extras={})
    assert both.block["url"] == "https://x.test/v"
    assert f"Saved as {path}. It is also at https://x.test/v for a limited time." in both.text


def test_too_much_for_memory_asks_for_a_folder() -> None:
    most = Media(data=b"\0" * MAX_INLINE_BYTES, content_type="audio/wav")
    assert media_result("audio", media=most, url=None, path=None, extras={}).block["base64"]
    more = Media(data=b"\0" * (MAX_INLINE_BYTES + 1), content_type="audio/wav")
    with pytest.raises(ConfigurationError, match="output_dir"):
        media_result("audio", media=more, url=None, path=None, extras={})
    with pytest.raises(ConfigurationError, match="No space left"):
        media_result("audio", media=more, url=None, path=None, extras={"not_saved": "No space left."})


def test_a_text_is_given_as_it_is() -> None:
    result = text_result("# 标题\n\n正文", "The picture shows", {"source": "a.png", "model": None})
    assert result.text == "# 标题\n\n正文"
    assert result.block == {"type": "text", "text": "# 标题\n\n正文", "extras": {"characters": 8, "source": "a.png"}}


def test_no_text_is_said() -> None:
    result = text_result(" \n", "The picture shows", {})
    assert (result.text, result.block["text"]) == ("The picture shows no text.", " \n")


def test_a_text_that_is_cut_says_so_and_is_whole_in_the_block() -> None:
    result = text_result("字" * 150, "The document holds", {}, most_chars=100)
    assert result.text.startswith("字" * 100 + "\n\n[Cut here: these are the first 100 of 150 characters.")
    assert result.block["text"] == "字" * 150


@pytest.mark.parametrize(
    ("before", "after"),
    [("![seal](", ")\n\nend"), ('<img src="', '"> end'), ("", " end")],
    ids=["Markdown", "HTML", "bare"],
)
@pytest.mark.parametrize(
    "head", ["data:image/png;base64,", "data:;base64,", "DATA:image/svg+xml;charset=utf-8;base64,"]
)
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_document_s_pictures_stay_out_of_the_text(before: str, after: str, head: str, wrapped: bool) -> None:
    content = base64.b64encode(bytes(range(256)) * 400).decode()
    if wrapped:
        content = "\r\n".join(content[place : place + 76] for place in range(0, len(content), 76))
    text = f"begin {before}{head}{content}{after}"
    result = text_result(text, "The document holds", {})
    assert result.text.startswith(f"begin {before}[")
    assert "bytes, not shown]" in result.text
    assert result.text.endswith("end")
    assert len(result.text) < 200
    assert result.block["text"] == text


def test_a_short_data_url_is_text_like_any_other() -> None:
    text = "Write data:image/png;base64,AAAA for a picture, and data:text/plain,hello for a text."
    assert text_result(text, "The document holds", {}).text == text


@pytest.mark.parametrize("text", ["data:" * 40_000, "data:a/b;c=" * 20_000, "data:;base64," * 20_000, "A" * 200_000])
def test_looking_for_pictures_takes_no_time(text: str) -> None:
    begun = time.process_time()
    text_result(text, "The document holds", {})
    assert time.process_time() - begun < 10
