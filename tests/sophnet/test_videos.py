"""SophNet's videos: the document's samples, its picture's limits to the byte and pixel, and every way to answer."""

from __future__ import annotations

import base64
import io
import json
import struct
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from maaskit import (
    APIError,
    ConnectionFailed,
    InvalidInput,
    Media,
    ServerError,
    TaskCanceled,
    TaskFailed,
    TaskPhase,
    TaskTimeout,
    UnexpectedAnswer,
)
from maaskit.sophnet import videos
from maaskit.task import TaskState
from maaskit.wire import Request, Response
from tests.scripted import Reply, ScriptedServer, json_reply
from tests.sophnet.faces import Face

TASKS = "/projects/easyllms/videogenerator/task"
ID = "a2b9f8c0-1234-4d8f-9b22-9a82f0c9c001"
CREATED = Reply(headers={"content-type": "text/plain"}, pieces=[ID.encode()])
URL = "https://cdn.example.com/a.mp4?sign=1"
MADE = {
    "id": "1d0c",
    "model": "Wan2.2-T2V-A14B",
    "status": "succeeded",
    "content": {"video_url": URL},
    "usage": {"duration": 5, "resolution": "1280*720", "video_count": 1, "ratio": "16:9"},
    "created_at": 1724652804,
    "updated_at": 1724652900,
}


def looked(word: str, **more: Any) -> Reply:
    return json_reply({"id": "1d0c", "model": "m", "status": word, **more})


def sent(task: Any) -> Any:
    assert isinstance(task.submit, Request)
    return task.submit.json


def read(body: Any) -> TaskState[Any]:
    return videos.resume("t1").read(Response(200, {}, json.dumps(body).encode(), TASKS))


def picture(width: int = 640, height: int = 480, form: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    Image.new("L", (width, height)).save(file, form, **options)
    return file.getvalue()


# --- creating ------------------------------------------------------------------------------------------------------


def test_the_sample_goes_out_as_documented(face: Face, scripted: ScriptedServer) -> None:
    scripted.script(CREATED, looked("queued"), looked("running"), json_reply(MADE))
    task = videos.generate(
        "旋转镜头,小猫在草原上奔跑", size="1280*720", seed=16, extra_body={"parameters": {"watermark": True}}
    )
    made = face.wait(task)
    submitted, *looks = scripted.seen
    assert (submitted.method, submitted.path) == ("POST", TASKS)
    assert submitted.json == {
        "model": "Wan2.2-T2V-A14B",
        "content": [{"type": "text", "text": "旋转镜头,小猫在草原上奔跑"}],
        "parameters": {"size": "1280*720", "seed": "16", "watermark": True},
    }
    assert {(seen.method, seen.path) for seen in looks} == {("GET", f"{TASKS}/{ID}")}
    assert (made.url, made.duration_s, made.resolution, made.ratio) == (URL, 5, "1280*720", "16:9")
    assert (made.created_at_s, made.updated_at_s, made.raw) == (1724652804, 1724652900, MADE)


def test_unset_fields_are_not_sent() -> None:
    assert sent(videos.generate("x")) == {"model": videos.TEXT_MODEL, "content": [{"type": "text", "text": "x"}]}


def test_the_negative_prompt_sits_beside_the_text() -> None:
    body = sent(videos.generate("x", "https://example.com/a.png", negative_prompt="y", duration=1))
    assert body == {
        "model": "Wan2.2-I2V-A14B",
        "content": [
            {"type": "text", "text": "x", "negative_prompt": "y"},
            {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        ],
        "parameters": {"duration": 1},
    }


def test_a_picture_may_come_without_words() -> None:
    assert [part["type"] for part in sent(videos.generate(None, "https://example.com/a"))["content"]] == ["image_url"]


@pytest.mark.parametrize(
    ("seed", "text"), [(0, "0"), (2**32 - 1, "4294967295"), ("16", "16"), (" 016 ", "16"), (16, "16")]
)
def test_a_seed_goes_out_as_the_documented_string(seed: Any, text: str) -> None:
    assert sent(videos.generate("x", seed=seed))["parameters"] == {"seed": text}


@pytest.mark.parametrize("model", [videos.TEXT_MODEL, videos.IMAGE_MODEL])
@pytest.mark.parametrize("size", videos.SIZES[videos.TEXT_MODEL])
def test_every_listed_size_passes(model: str, size: str) -> None:
    image = "https://example.com/a.png" if model == videos.IMAGE_MODEL else None
    task = videos.generate("x", image, model=model, size=size.replace("*", "x"), duration=5.0)
    assert sent(task)["parameters"] == {"size": size, "duration": 5}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"size": "1024*1024"}, r"none that Wan2.2-T2V-A14B makes: 832\*480, 480\*832"),
        ({"size": "720p"}, "size must be a text of width"),
        ({"size": "720p", "model": "Wan2.6-T2V"}, "size must be"),
        ({"duration": 3}, r"duration must be 1 or 5 \(seconds\)"),
        ({"duration": "5"}, "duration must be 1 or 5"),
        ({"duration": True}, "duration must be 1 or 5"),
        ({"duration": float("nan")}, "duration must be"),
        ({"duration": 0, "model": "Wan2.6-T2V"}, "duration must be a number above 0"),
        ({"seed": -1}, "seed must be a whole number from 0 to 4294967295"),
        ({"seed": 2**32}, "seed must be a whole number from 0 to 4294967295"),
        ({"seed": "1.5"}, "seed must be"),
        ({"prompt": ""}, "prompt is empty"),
        ({"prompt": None}, "prompt must be a text"),
        ({"prompt": "", "image": "https://example.com/a"}, "prompt is empty"),
        ({"prompt": None, "image": "https://example.com/a", "negative_prompt": "y"}, "belongs to a prompt"),
        ({"negative_prompt": 1}, "negative_prompt must be a text"),
        ({"model": "Wan2.2-I2V-A14B"}, "needs an image.*model='Wan2.2-T2V-A14B'"),
        ({"model": "Wan2.2-T2V-A14B", "image": "https://example.com/a"}, "takes no image.*model='Wan2.2-I2V-A14B'"),
        ({"model": ""}, "model must be a name"),
        ({"extra_body": []}, "extra_body must be a dict"),
    ],
)
def test_what_the_document_denies_is_refused(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        videos.generate(**({"prompt": "x"} | arguments))


def test_of_an_unlisted_model_only_shapes_are_checked() -> None:
    body = sent(videos.generate("x", "https://example.com/a", model="Wan2.6", size="64*64", duration=7.5))
    assert (body["model"], body["parameters"]) == ("Wan2.6", {"size": "64*64", "duration": 7.5})
    assert sent(videos.generate("x", model="Vidu"))["content"] == [{"type": "text", "text": "x"}]


# --- the picture ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "options", "kind"),
    [
        ("JPEG", {}, "image/jpeg"),
        ("JPEG", {"progressive": True}, "image/jpeg"),
        ("PNG", {}, "image/png"),
        ("WEBP", {}, "image/webp"),
        ("WEBP", {"lossless": True}, "image/webp"),
        ("BMP", {}, "image/bmp"),
        ("TIFF", {}, "image/tiff"),
        ("TIFF", {"big_tiff": True}, "image/tiff"),
        ("GIF", {}, "image/gif"),
    ],
)
def test_the_six_formats_go_along(tmp_path: Path, form: str, options: dict[str, Any], kind: str) -> None:
    data = picture(form=form, **options)
    path = tmp_path / "picture"  # the name tells nothing
    path.write_bytes(data)
    expected = f"data:{kind};base64,{base64.b64encode(data).decode()}"
    # What was told of the type is wrong, and what the content says is right.
    for source in (data, path, str(path), io.BytesIO(data), Media(data=data, content_type="text/plain"), expected):
        assert sent(videos.generate("x", source))["content"][1] == {
            "type": "image_url",
            "image_url": {"url": expected},
        }


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF"])
@pytest.mark.parametrize(
    ("width", "height", "said"),
    [
        (300, 400, r"300\*400 pixels; each side must be more than 300 and less than 6000"),
        (400, 300, r"400\*300 pixels; each side"),
        (802, 320, r"a ratio of 2.51; width/height must be more than 0.4 and less than 2.5"),
        (320, 802, "a ratio of 0.399"),
        (800, 320, "a ratio of 2.5;"),
        (320, 800, "a ratio of 0.4;"),
    ],
)
def test_sides_and_ratio_are_read_off_the_header(form: str, width: int, height: int, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        videos.generate("x", picture(width, height, form))


def png_header(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0) + bytes(4)


@pytest.mark.parametrize(("width", "height"), [(301, 301), (301, 752), (752, 301), (5999, 5999), (799, 320)])
def test_what_lies_just_inside_passes(width: int, height: int) -> None:
    assert videos.generate("x", png_header(width, height))


@pytest.mark.parametrize(("width", "height"), [(6000, 5000), (5000, 6000), (300, 300), (2**31 - 1, 2**31 - 1)])
def test_the_ends_lie_outside(width: int, height: int) -> None:
    with pytest.raises(InvalidInput, match="each side must be more than 300 and less than 6000"):
        videos.generate("x", png_header(width, height))


def test_thirty_mebibytes_are_too_many(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    with path.open("wb") as file:
        file.write(png_header(640, 480))
        file.truncate(30 * 1024 * 1024)
    with pytest.raises(InvalidInput, match=r"image has 31457280 bytes \(30.0 MiB\); at most 31457279"):
        videos.generate("x", path)
    with path.open("r+b") as file:
        file.truncate(30 * 1024 * 1024 - 1)
    assert videos.generate("x", path)


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (b"hello, this is no picture at all", "image is no picture; allowed are jpeg, png"),
        (b"%PDF-1.7", "image is application/pdf; allowed"),
        (b"\x89PNG\r\n\x1a\n", "image is broken"),
        (b"\x00\x00\x00\x18ftypheic" + bytes(40), "allowed are jpeg"),
        ("https://example.com/a.svgz.pdf", "image is application/pdf"),
        ("https://example.com/film.mp4", "image is video/mp4"),
        (b"", "empty"),
        ("no-such-picture.png", "there is no file"),
        ("ftp://example.com/a.png", "http or https URL"),
        (7, "must be bytes, a path or a URL"),
        ([picture()], "must be bytes, a path or a URL"),
    ],
)
def test_what_is_no_such_picture_is_refused(image: Any, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        videos.generate("x", image)


# --- ids and money (wire-facts C.19) -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/plain", ID),
        ("text/plain;charset=UTF-8", f'"{ID}"\n'),
        ("application/json", ID),
        ("application/json", json.dumps({"taskId": ID})),
        ("text/plain", json.dumps({"status": 0, "message": "ok", "result": {"task_id": ID}})),
        ("text/html", ID),
    ],
)
def test_the_id_is_read_whatever_the_content_type(face: Face, scripted: ScriptedServer, kind: str, body: str) -> None:
    scripted.script(Reply(headers={"content-type": kind}, pieces=[body.encode()]))
    assert face.submit(videos.generate("x")) == ID


def test_a_page_is_no_id_and_nothing_is_ordered_twice(face: Face, scripted: ScriptedServer) -> None:
    page = Reply(headers={"content-type": "text/plain"}, pieces=[b"<html>Bad Gateway</html>"])
    scripted.script(page, CREATED)
    with pytest.raises(UnexpectedAnswer, match="is no task id") as caught:
        face.wait(videos.generate("x"))
    assert caught.value.excerpt == "<html>Bad Gateway</html>"
    for reply in (json_reply({}, 500), Reply(drop=True), json_reply({"status": 500, "message": "x"})):
        scripted.script(reply, CREATED)
        with pytest.raises((ServerError, ConnectionFailed, APIError)):
            face.wait(videos.generate("x"))
    assert len(scripted.seen) == 4


# --- waiting -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["cancelled", "CANCELED"])
def test_both_spellings_of_cancellation(face: Face, scripted: ScriptedServer, word: str) -> None:
    scripted.script(CREATED, looked(word))
    with pytest.raises(TaskCanceled):
        face.wait(videos.generate("x"))


@pytest.mark.parametrize(
    ("more", "said", "code"),
    [
        ({"error": {"code": "OutputVideoSensitive", "message": "敏感"}}, "敏感", "OutputVideoSensitive"),
        ({"message": "坏"}, "坏", None),
        ({"error": "坏"}, "坏", None),
        ({"reason": "坏", "code": 5}, "坏", "5"),
        ({}, "failed$", None),
    ],
)
def test_a_failure_says_why(
    face: Face, scripted: ScriptedServer, more: dict[str, Any], said: str, code: str | None
) -> None:
    scripted.script(CREATED, looked("failed", **more))
    with pytest.raises(TaskFailed, match=said) as caught:
        face.wait(videos.generate("x"))
    assert (caught.value.task_id, caught.value.code) == (ID, code)


def test_a_number_is_an_envelope_and_a_word_a_state(face: Face, scripted: ScriptedServer) -> None:
    """wire-facts C.13."""
    for status in (40004, "40004"):
        scripted.script(CREATED, json_reply({"status": status, "message": "任务不存在", "result": {}}))
        with pytest.raises(APIError, match="任务不存在") as caught:
            face.wait(videos.generate("x"))
        assert caught.value.task_id == ID
    for envelope in ({"status": 0, "result": MADE}, {"code": 0, "data": MADE}):
        assert read(envelope).result.url == URL


@pytest.mark.parametrize(
    "body",
    [
        MADE | {"content": None},
        MADE | {"content": {}},
        MADE | {"content": {"video_url": ""}},
        MADE | {"content": {"video_url": 7}},
    ],
)
def test_success_without_a_film_is_a_failure(face: Face, scripted: ScriptedServer, body: Any) -> None:
    scripted.script(CREATED, json_reply(body))
    with pytest.raises(TaskFailed, match="ended without a result"):
        face.wait(videos.generate("x"))


def test_what_is_not_told_is_none() -> None:
    bare = {"status": "succeeded", "content": {"video_url": URL}}
    for usage in (None, {}, [], {"duration": "x", "resolution": 7, "ratio": ""}, {"duration": True}):
        film = read({**bare, "usage": usage}).result
        assert (film.duration_s, film.resolution, film.ratio, film.created_at_s) == (None, None, None, None)
    assert read({**bare, "usage": {"duration": "5.5"}}).result.duration_s == 5.5
    assert read({"status": "succeeded", "video_url": URL}).result.url == URL


def test_moments_are_seconds_or_milliseconds() -> None:
    """wire-facts C.21."""
    film = read(MADE | {"created_at": 1765420402078, "updated_at": "1724652804"}).result
    assert (film.created_at_s, film.updated_at_s) == (1765420402.078, 1724652804)


@pytest.mark.parametrize("body", [[], {}, {"status": None}, {"status": 0}, {"id": "x"}, "running"])
def test_a_look_without_a_word_is_an_error(body: Any) -> None:
    with pytest.raises(UnexpectedAnswer):
        read(body)


def test_an_unknown_word_means_that_it_runs() -> None:
    assert read({"status": "uploading"}).phase is TaskPhase.RUNNING


# --- cancelling, listing, resuming ---------------------------------------------------------------------------------


def test_a_task_is_cancelled_as_documented(face: Face, scripted: ScriptedServer) -> None:
    scripted.script(json_reply({"success": True, "taskId": ID, "message": "任务取消成功"}))
    said = face.send(videos.cancel(ID))
    (seen,) = scripted.seen
    assert (seen.method, seen.path, seen.body) == ("DELETE", f"{TASKS}/{ID}", b"")
    assert "content-type" not in seen.headers
    assert (said.task_id, said.message) == (ID, "任务取消成功")


@pytest.mark.parametrize("said", [False, "false", 0])
def test_no_success_is_a_refusal(face: Face, scripted: ScriptedServer, said: Any) -> None:
    scripted.script(json_reply({"success": said, "taskId": ID, "message": "任务已完成,无法取消"}))
    with pytest.raises(APIError, match="任务已完成,无法取消"):
        face.send(videos.cancel(ID))


@pytest.mark.parametrize("body", [b"{}", b"", b"ok", b"[]", b'{"taskId":"t"}'])
def test_an_unclear_cancellation_is_an_error(body: bytes) -> None:
    with pytest.raises(UnexpectedAnswer):
        videos.cancel("t1").read(Response(200, {}, body))


def test_leaving_the_wait_cancels_when_asked_to(face: Face, scripted: ScriptedServer) -> None:
    def answer(seen: Any) -> Reply:
        if seen.method == "POST":
            return CREATED
        return json_reply({"success": True}) if seen.method == "DELETE" else looked("running")

    scripted.script(answer)
    with pytest.raises(TaskTimeout) as caught:
        face.wait(videos.generate("x"), timeout=0.3, cancel_on_exit=True)
    assert [seen.path for seen in scripted.seen if seen.method == "DELETE"] == [f"{TASKS}/{ID}"]
    assert not getattr(caught.value, "__notes__", [])
    assert (caught.value.task_id, str(caught.value)) == (ID, caught.value.message)
    assert "It was cancelled" in caught.value.message
    assert "goes on" not in caught.value.message
    assert "resume" not in caught.value.message


def test_a_wait_that_ends_without_cancelling_says_that_the_task_goes_on(face: Face, scripted: ScriptedServer) -> None:
    def answer(seen: Any) -> Reply:
        if seen.method == "POST":
            return CREATED
        return json_reply({"success": False, "message": "任务已完成"}) if seen.method == "DELETE" else looked("running")

    scripted.script(answer)
    for options in ({}, {"cancel_on_exit": True}):  # the second one is refused
        with pytest.raises(TaskTimeout, match=f"It goes on at the service: collect it with resume\\('{ID}'\\)"):
            face.wait(videos.generate("x"), timeout=0.3, **options)


def test_the_list_is_read(face: Face, scripted: ScriptedServer) -> None:
    scripted.script(json_reply([{"task_id": ID, "model": "Wan2.2-T2V-A14B", "status": "succeeded"}]))
    (task,) = face.send(videos.list_tasks())
    assert (scripted.seen[0].method, scripted.seen[0].path) == ("GET", TASKS)
    assert (task.task_id, task.phase) == (ID, TaskPhase.SUCCEEDED)


def test_a_task_is_resumed_by_its_id_alone(face: Face, scripted: ScriptedServer) -> None:
    scripted.script(json_reply(MADE))
    assert face.wait(videos.resume(f" {ID} ")).url == URL
    assert [(seen.method, seen.path) for seen in scripted.seen] == [("GET", f"{TASKS}/{ID}")]
    for task_id in ("", ".", None):
        for function in (videos.resume, videos.cancel):
            with pytest.raises(InvalidInput, match="task_id"):
                function(task_id)  # type: ignore[arg-type]  # a user's mistake


def test_a_film_is_fetched_and_the_key_stays(face: Face, scripted: ScriptedServer) -> None:
    elsewhere = ScriptedServer()
    try:
        elsewhere.script(Reply(headers={"content-type": "video/mp4"}, pieces=[b"\0\0\0\x18ftypisom"]))
        scripted.script(CREATED, json_reply(MADE | {"content": {"video_url": f"{elsewhere.url}/a.mp4"}}))
        film = face.download(face.wait(videos.generate("x")).url)
        assert (film.name, film.content_type) == ("a.mp4", "video/mp4")
        assert "k-secret" not in str(elsewhere.seen)
    finally:
        elsewhere.close()
