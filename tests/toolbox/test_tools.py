"""Every tool of both clouds in either way: what it asks, what it gives back, what it refuses before it asks."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from maaskit import APIError, InvalidInput, LimitReached, MaasError, TaskTimeout
from maaskit.toolbox import QINIU_TOOLS, SOPHNET_TOOLS, ToolUpdate
from tests.multipart import form
from tests.scripted import Reply, ScriptedServer, Seen, json_reply
from tests.scripted_qiniu import STORAGE, Shelf
from tests.scripted_tools import KEY, MP3, MP4, ToolClouds, png, wav
from tests.toolbox.conftest import MakeTool, Run
from tests.waiting import auntil

ARGUMENTS: dict[str, dict[str, Any]] = {
    "qiniu_speech": {"text": "你好"},
    "qiniu_transcription": {"audio": "https://example.com/talk.mp3"},
    "qiniu_ocr": {"image": "https://example.com/scan.png"},
    "sophnet_speech": {"text": "你好"},
    "sophnet_transcription": {"audio": "https://example.com/talk.mp3"},
    "sophnet_ocr": {"image": "https://example.com/scan.png"},
    "sophnet_document": {"document": "URL/files/report.txt"},
    "sophnet_image": {"prompt": "猫"},
    "sophnet_image_edit": {"prompt": "雪山", "images": ["https://example.com/a.png"]},
    "sophnet_video": {"prompt": "猫"},
}
"""A good call of each tool; ``URL`` stands for the scripted server."""

TEXTS = ("qiniu_transcription", "qiniu_ocr", "sophnet_transcription", "sophnet_ocr", "sophnet_document")
MEDIA = tuple(name for name in ARGUMENTS if name not in TEXTS)


def arguments_of(name: str, clouds: ToolClouds) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(json.dumps(ARGUMENTS[name]).replace("URL/", clouds.server.url + "/"))
    return read


@pytest.fixture(autouse=True)
def _no_storage(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in STORAGE:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Give a folder with one file of each kind."""
    folder = tmp_path / "root"
    folder.mkdir()
    (folder / "会议.wav").write_bytes(wav())
    (folder / "发票.png").write_bytes(png())
    (folder / "合同.txt").write_text("甲方", encoding="utf-8")
    return folder


def test_there_is_a_call_for_every_tool() -> None:
    kinds = [*QINIU_TOOLS, *SOPHNET_TOOLS]
    assert {kind.name for kind in kinds} == set(ARGUMENTS)
    assert len({kind.name for kind in kinds}) == len(kinds)
    for kind in kinds:
        assert len(kind.description) < 300


# --- what each gives back ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("qiniu_transcription", "mp3 of https://example.com/talk.mp3"),
        ("qiniu_ocr", "text of https://example.com/scan.png"),
        ("sophnet_ocr", "# https://example.com/scan.png"),
        ("sophnet_document", "# report.txt\n\ncontent of /files/report.txt"),
    ],
)
def test_what_is_read_is_given_as_text(run: Run, make_tool: MakeTool, clouds: ToolClouds, name: str, text: str) -> None:
    result = run(make_tool(name), arguments_of(name, clouds))
    assert result.text == text
    assert (result.block["type"], result.block["text"]) == ("text", text)
    assert json.loads(json.dumps(result.block)) == result.block


def test_a_transcript_has_its_segments_in_the_block(run: Run, make_tool: MakeTool) -> None:
    result = run(make_tool("sophnet_transcription"), {"audio": "https://example.com/talk.mp3"})
    assert "你好" in result.text
    assert "再见" in result.text
    first, second = result.block["extras"]["segments"]
    assert (first["begin_ms"], first["end_ms"], second["text"]) == (20, 2000, "再见。")


def test_a_picture_s_blocks_are_in_the_block(run: Run, make_tool: MakeTool) -> None:
    extras = run(make_tool("sophnet_ocr"), {"image": "https://example.com/a.png"}).block["extras"]
    assert extras["blocks"][0]["position"] == [1, 2, 3, 4]
    assert extras["model"] == "PaddleOCR-VL-0.9B"


@pytest.mark.parametrize("name", ["qiniu_speech", "sophnet_speech"])
def test_speech_rides_in_the_block(run: Run, make_tool: MakeTool, name: str) -> None:
    result = run(make_tool(name), {"text": "你好"})
    assert (result.block["type"], result.block["mime_type"]) == ("audio", "audio/mpeg")
    assert base64.b64decode(result.block["base64"]) == MP3
    assert "It is handed over with this answer." in result.text
    assert len(result.text) < 200
    assert result.block["base64"] not in result.text


def test_a_known_duration_is_told(run: Run, make_tool: MakeTool) -> None:
    assert "1.5 s" in run(make_tool("qiniu_speech"), {"text": "你好"}).text
    made_of = make_tool("sophnet_speech", options={"format": "MP3_16000HZ_MONO_128KBPS"})
    assert f"{round(len(MP3) / 16000, 2):g} s" in run(made_of, {"text": "你好"}).text
    assert "5 s, 1280*720" in run(make_tool("sophnet_video"), {"prompt": "猫"}).text


def test_what_no_service_tells_is_read_off_the_content(
    run: Run, make_tool: MakeTool, clouds: ToolClouds, tmp_path: Path
) -> None:
    clouds.fail["synthesize-audio"] = Reply(200, {"content-type": "audio/wav"}, [wav(0.25)])
    said = run(make_tool("sophnet_speech"), {"text": "你好"})
    assert said.text.startswith(f"Audio (audio/wav, {len(wav(0.25))} bytes, 0.25 s).")
    assert said.block["extras"]["duration_s"] == 0.25
    drawn = run(make_tool("sophnet_image", output_dir=tmp_path), {"prompt": "猫", "size": "1328*1328"})
    assert drawn.text.startswith(f"Picture (image/png, {len(png())} bytes, 400*320). Saved as ")


@pytest.mark.parametrize(
    ("name", "kind", "file"),
    [
        ("sophnet_image", "image", "drawn.png"),
        ("sophnet_image_edit", "image", "edited.png"),
        ("sophnet_video", "video", "filmed.mp4"),
    ],
)
def test_a_url_stays_a_url_without_a_folder(
    run: Run, make_tool: MakeTool, clouds: ToolClouds, name: str, kind: str, file: str
) -> None:
    result = run(make_tool(name), arguments_of(name, clouds))
    assert (result.block["type"], result.block["url"]) == (kind, f"{clouds.server.url}/files/{file}")
    assert result.block["url"] in result.text
    assert not [seen for seen in clouds.server.seen if "/files/" in seen.path]


@pytest.mark.parametrize("name", MEDIA)
def test_results_are_saved_where_there_is_a_folder(
    run: Run, make_tool: MakeTool, clouds: ToolClouds, name: str, tmp_path: Path
) -> None:
    result = run(make_tool(name, output_dir=tmp_path / "out"), arguments_of(name, clouds))
    (saved,) = (tmp_path / "out").iterdir()
    assert result.path == saved
    assert str(saved) in result.text
    assert result.block["extras"]["path"] == str(saved)
    assert "base64" not in result.block
    assert saved.read_bytes() == {".mp3": MP3, ".png": png(), ".mp4": MP4}[saved.suffix]
    assert saved.name.startswith(f"{name}-")


def test_no_stranger_gets_the_key(run: Run, make_tool: MakeTool, clouds: ToolClouds, tmp_path: Path) -> None:
    """A result may lie behind the key at the provider's own origin; nothing else that is fetched comes with it."""
    stranger = ScriptedServer()
    try:
        stranger.script(Reply(200, {"content-type": "image/png"}, [png()]))
        host = stranger.url.rpartition("/")[2]
        results = [{"url": f"{stranger.url}/drawn.png"}]
        done = {"output": {"taskId": "t", "taskStatus": "SUCCEEDED", "results": results}}
        clouds.fail["/texttoimage/task/"] = json_reply(done)
        run(make_tool("sophnet_image", output_dir=tmp_path, allowed_hosts=[host]), {"prompt": "猫"})
        (seen,) = stranger.seen
        assert KEY not in str(seen)
    finally:
        stranger.close()
    run(make_tool("sophnet_image_edit", output_dir=tmp_path), arguments_of("sophnet_image_edit", clouds))
    run(make_tool("sophnet_document"), arguments_of("sophnet_document", clouds))
    result, document = [seen for seen in clouds.server.seen if "/files/" in seen.path]
    assert result.headers["authorization"] == f"Bearer {KEY}"
    assert "authorization" not in document.headers


# --- files of this machine -----------------------------------------------------------------------------------------


def test_files_inside_the_root_are_sent(run: Run, make_tool: MakeTool, clouds: ToolClouds, root: Path) -> None:
    assert run(make_tool("sophnet_document", root_dir=root), {"document": "合同.txt"}).text == "# 合同.txt\n\n甲方"
    assert run(make_tool("sophnet_ocr", root_dir=root), {"image": "发票.png"}).text == "# picture"
    run(make_tool("sophnet_transcription", root_dir=root), {"audio": "会议.wav"})
    (upload,) = [seen for seen in clouds.asked if seen.path.endswith("transcriptions") and seen.method == "POST"]
    assert form(upload)["audio_file"].get_payload(decode=True) == wav()
    run(make_tool("sophnet_video", root_dir=root), {"prompt": "猫", "image": "发票.png"})
    film = next(seen for seen in clouds.asked if "videogenerator" in seen.path and seen.method == "POST")
    assert base64.b64encode(png()).decode() in json.dumps(film.json)


def test_files_go_through_the_storage_where_the_service_takes_urls_alone(
    run: Run, make_tool: MakeTool, clouds: ToolClouds, root: Path
) -> None:
    shelf = Shelf()
    assert run(make_tool("qiniu_ocr", root_dir=root, storage=shelf), {"image": "发票.png"}).text.startswith("text of")
    run(make_tool("sophnet_image_edit", root_dir=root, storage=shelf), {"prompt": "雪", "images": ["发票.png"]})
    assert [media.data for media in shelf.put] == [png(), png()]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("qiniu_ocr", {"image": "发票.png"}), ("sophnet_image_edit", {"prompt": "雪", "images": ["发票.png"]})],
)
def test_without_a_storage_the_way_out_is_said(
    run: Run, make_tool: MakeTool, clouds: ToolClouds, root: Path, name: str, arguments: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput, match=r"^images?: this service takes an http or https URL alone.*QINIU_BUCKET"):
        run(make_tool(name, root_dir=root), arguments)
    assert not clouds.server.seen


PATHS = [
    "/etc/passwd",
    "../secret.txt",
    "file:///etc/passwd",
    "\\\\server\\share\\x",
    "/proc/self/environ",
    "/dev/zero",
]


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("rooted", [True, False])
def test_other_files_are_refused_before_anything_is_sent(
    run: Run, make_tool: MakeTool, clouds: ToolClouds, root: Path, name: str, rooted: bool
) -> None:
    argument = next(iter(ARGUMENTS[name]))
    tool = make_tool(name, root_dir=root if rooted else None)
    for path in PATHS:
        with pytest.raises(InvalidInput, match=f"^{argument}"):
            run(tool, {argument: path})
    assert not clouds.server.seen
    assert tool.means.budget.spent == 0


def test_other_pictures_are_refused_before_anything_is_sent(
    run: Run, make_tool: MakeTool, clouds: ToolClouds, root: Path
) -> None:
    film = make_tool("sophnet_video", root_dir=root)
    edit = make_tool("sophnet_image_edit", root_dir=root, storage=Shelf())
    for path in PATHS:
        with pytest.raises(InvalidInput, match=r"^image"):
            run(film, {"prompt": "猫", "image": path})
        with pytest.raises(InvalidInput, match=r"^images\[1\]"):
            run(edit, {"prompt": "雪", "images": ["https://example.com/a.png", path]})
    assert not clouds.server.seen


def test_what_the_service_does_not_take_is_refused_before_it_is_asked(
    run: Run, make_tool: MakeTool, clouds: ToolClouds, root: Path
) -> None:
    with pytest.raises(InvalidInput, match="image is audio/wav"):
        run(make_tool("sophnet_ocr", root_dir=root), {"image": "会议.wav"})
    (root / "small.png").write_bytes(png(20, 20))
    with pytest.raises(InvalidInput, match="300"):
        run(make_tool("sophnet_video", root_dir=root), {"prompt": "猫", "image": "small.png"})
    with pytest.raises(InvalidInput):
        run(make_tool("sophnet_document", root_dir=root), {"document": "发票.png"})
    assert not clouds.server.seen


# --- URLs ----------------------------------------------------------------------------------------------------------


def test_a_url_that_the_service_takes_is_not_fetched(run: Run, make_tool: MakeTool, clouds: ToolClouds) -> None:
    url = f"{clouds.server.url}/files/scan.png"
    assert run(make_tool("sophnet_ocr"), {"image": url}).text == f"# {url}"
    assert [seen.path for seen in clouds.server.seen] == ["/projects/easyllms/image-ocr"]


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/a.pdf", "http://169.254.169.254/latest", "http://localhost:9/a"])
def test_a_document_is_not_fetched_from_a_private_address(
    run: Run, make_tool: MakeTool, clouds: ToolClouds, url: str
) -> None:
    with pytest.raises(InvalidInput, match="private, loopback or link-local"):
        run(make_tool("sophnet_document"), {"document": url})
    assert not clouds.server.seen


def test_a_result_is_not_fetched_from_a_private_address(
    run: Run, make_tool: MakeTool, clouds: ToolClouds, tmp_path: Path
) -> None:
    results = [{"url": "http://169.254.169.254/latest/a.png"}]
    done = {"output": {"taskId": "t", "taskStatus": "SUCCEEDED", "results": results}}
    clouds.fail["/texttoimage/task/"] = json_reply(done)
    result = run(make_tool("sophnet_image", output_dir=tmp_path), {"prompt": "猫"})
    assert "It could not be saved: 169.254.169.254 leads to a private" in result.text
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", MEDIA)
def test_what_cannot_be_saved_is_not_lost(
    run: Run, make_tool: MakeTool, clouds: ToolClouds, name: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    clouds.fail["/files/"] = json_reply({"message": "gone"}, 404)
    result = run(make_tool(name, output_dir=tmp_path / "out"), arguments_of(name, clouds))
    if "speech" in name:
        assert (tmp_path / "out").is_dir()
        result = run(make_tool(name, output_dir=tmp_path / "file" / "out"), arguments_of(name, clouds))
        assert base64.b64decode(result.block["base64"]) == MP3
    else:
        assert result.block["url"].startswith(f"{clouds.server.url}/files/")
        assert result.block["url"] in result.text
    assert "It could not be saved: " in result.text
    assert result.block["extras"]["not_saved"]


def test_an_allowed_host_may_be_private(run: Run, make_tool: MakeTool, clouds: ToolClouds) -> None:
    port = clouds.server.url.rpartition(":")[2]
    document = {"document": f"http://localhost:{port}/files/report.txt"}
    with pytest.raises(InvalidInput):
        run(make_tool("sophnet_document"), document)
    read = run(make_tool("sophnet_document", allowed_hosts=[f"localhost:{port}"]), document)
    assert "content of /files/report.txt" in read.text


@pytest.mark.parametrize("name", TEXTS)
def test_other_schemes_are_refused(run: Run, make_tool: MakeTool, clouds: ToolClouds, name: str) -> None:
    argument = next(iter(ARGUMENTS[name]))
    for url in ("ftp://example.com/a", "data:image/png;base64,QQ==", "gopher://example.com/"):
        with pytest.raises(InvalidInput, match=f"^{argument} must be an http or https URL"):
            run(make_tool(name), {argument: url})
    assert not clouds.server.seen


# --- arguments, limits, progress, errors ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ARGUMENTS)
def test_wrong_missing_and_invented_arguments_are_explained(
    run: Run, make_tool: MakeTool, clouds: ToolClouds, name: str
) -> None:
    tool = make_tool(name, max_calls=1)
    good = arguments_of(name, clouds)
    required = next(iter(good))
    for bad in ({}, {**good, "invented": 1}, {**good, required: {"a": 1}}, {**good, required: ""}):
        with pytest.raises(InvalidInput, match=rf"^{name} was not called: .*{required} \(required\)"):
            run(tool, bad)
    assert not clouds.server.seen
    assert run(tool, good).text  # what was refused cost nothing


def test_the_size_of_the_model_in_use_is_asked_for(run: Run, make_tool: MakeTool, clouds: ToolClouds) -> None:
    tool = make_tool("sophnet_image", options={"model": "z-image-turbo"})
    with pytest.raises(InvalidInput, match=r"one of '1024\*1024'"):
        run(tool, {"prompt": "猫", "size": "1328*1328"})
    run(tool, {"prompt": "猫", "size": "1024x768", "seed": "7"})
    assert clouds.asked[0].json["parameters"] == {"size": "1024*768", "seed": 7}
    assert "size" in make_tool("sophnet_image", options={"model": "another"}).arguments.model_fields


def test_options_of_the_owner_go_along(run: Run, make_tool: MakeTool, clouds: ToolClouds) -> None:
    options = {"voice": "longxiaochun", "format": "WAV_16000HZ_MONO_16BIT", "volume": 70}
    run(make_tool("sophnet_speech", options=options), {"text": "你好", "voice": ""})
    sent = json.dumps(clouds.asked[0].json)
    assert all(part in sent for part in ("longxiaochun", "WAV_16000HZ_MONO_16BIT", "70"))
    run(make_tool("qiniu_speech", options={"encoding": "wav", "speed_ratio": 1.2}), {"text": "你好", "voice": "v"})
    assert clouds.asked[1].json["audio"] == {"voice_type": "v", "encoding": "wav", "speed_ratio": 1.2}


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("sophnet_speech", {"volume": 101}),
        ("sophnet_speech", {"format": "FLAC"}),
        ("sophnet_ocr", {"prompt": "x"}),
        ("sophnet_image", {"model": "z-image-turbo", "prompt_extend": True}),
        ("sophnet_image_edit", {"seed": -1}),
        ("qiniu_speech", {"speed_ratio": 0}),
        ("qiniu_transcription", {"format": "flac"}),
        ("sophnet_image", {"colour": "red"}),
    ],
)
def test_options_that_are_none_are_refused_at_once(make_tool: MakeTool, name: str, options: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        make_tool(name, options=options)


def test_max_calls_holds_in_a_loop(run: Run, make_tool: MakeTool, clouds: ToolClouds) -> None:
    tool = make_tool("sophnet_video", max_calls=2)
    for _ in range(2):
        run(tool, {"prompt": "猫"})
    for _ in range(3):
        with pytest.raises(LimitReached, match="max_calls=2"):
            run(tool, {"prompt": "猫"})
    assert len([seen for seen in clouds.asked if seen.method == "POST"]) == 2


def test_max_calls_holds_for_many_threads_and_many_tasks(make_tool: MakeTool, clouds: ToolClouds) -> None:
    tool = make_tool("qiniu_speech", max_calls=5)

    def once(_: int) -> bool:
        try:
            tool.call({"text": "你好"})
        except LimitReached:
            return False
        return True

    with ThreadPoolExecutor(12) as pool:
        assert sum(pool.map(once, range(24))) == 5
    other = make_tool("qiniu_speech", max_calls=5)

    async def main() -> list[Any]:
        calls = (other.acall({"text": "你好"}) for _ in range(24))
        return await asyncio.gather(*calls, return_exceptions=True)

    assert sum(isinstance(one, LimitReached) for one in asyncio.run(main())) == 19
    assert len(clouds.asked) == 10


def test_long_work_tells_how_it_stands(run: Run, make_tool: MakeTool) -> None:
    told: list[ToolUpdate] = []
    run(make_tool("sophnet_image"), {"prompt": "猫"}, told.append)
    assert {update.tool for update in told} == {"sophnet_image"}
    assert {update.task_id for update in told} == {"drawn-1"}
    assert [(update.phase, update.word) for update in told] == [
        ("waiting", ""),
        ("running", "RUNNING"),
        ("succeeded", "SUCCEEDED"),
    ]
    assert told[-1].elapsed_s >= 0.2


def test_an_awaitable_listener_is_awaited(make_tool: MakeTool) -> None:
    told: list[str] = []

    async def listen(update: ToolUpdate) -> None:
        await asyncio.sleep(0)
        told.append(update.phase)

    asyncio.run(make_tool("sophnet_image").acall({"prompt": "猫"}, listen))
    assert told == ["waiting", "running", "succeeded"]


def test_waiting_has_an_end_that_names_the_task(run: Run, make_tool: MakeTool, clouds: ToolClouds) -> None:
    clouds.fail["/texttoimage/task/"] = json_reply({"output": {"taskId": "drawn-1", "taskStatus": "RUNNING"}})
    with pytest.raises(TaskTimeout, match="drawn-1") as caught:
        run(make_tool("sophnet_image", task_timeout=2), {"prompt": "猫"})
    assert caught.value.task_id == "drawn-1"


ORDERS = {"sophnet_image": "texttoimage", "sophnet_video": "videogenerator", "sophnet_transcription": "speechtotext"}


@pytest.mark.parametrize("name", ORDERS)
def test_work_that_goes_on_is_not_ordered_again(run: Run, make_tool: MakeTool, clouds: ToolClouds, name: str) -> None:
    answer = clouds._reply

    def lost(seen: Seen) -> Reply:
        return Reply(drop=True) if seen.method == "GET" and ORDERS[name] in seen.path else answer(seen)

    clouds.server.script(lost)
    with pytest.raises(MaasError, match=r"do not order it again; tell the user the task's id \w+-1,") as caught:
        run(make_tool(name), arguments_of(name, clouds))
    assert caught.value.task_id  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", [*ORDERS, "sophnet_image_edit"])
@pytest.mark.parametrize("lost", [Reply(drop=True), json_reply({"message": "busy"}, 502)], ids=["dropped", "502"])
def test_work_that_may_have_begun_is_not_ordered_again_unasked(
    run: Run, make_tool: MakeTool, clouds: ToolClouds, name: str, lost: Reply
) -> None:
    clouds.fail[ORDERS.get(name, "image-edit")] = lost
    with pytest.raises(MaasError, match="may cost twice, so ask the user first"):
        run(make_tool(name), arguments_of(name, clouds))
    assert len(clouds.asked) == 1


@pytest.mark.parametrize("status", [400, 401, 402, 429])
def test_what_was_surely_refused_may_be_ordered_again(
    run: Run, make_tool: MakeTool, clouds: ToolClouds, status: int
) -> None:
    clouds.fail["videogenerator"] = json_reply({"message": "no"}, status)
    with pytest.raises(MaasError) as caught:
        run(make_tool("sophnet_video"), {"prompt": "猫"})
    assert "twice" not in str(caught.value)
    assert "again;" not in str(caught.value)


@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_refusal_of_the_service_is_told_without_the_key(
    run: Run, make_tool: MakeTool, clouds: ToolClouds, name: str
) -> None:
    paths = ("voice", "images/ocr", "synthesize", "speechtotext", "image-ocr", "doc-parse", "task", "image-edit")
    for part in paths:
        clouds.fail[part] = json_reply({"error": {"message": f"no balance for {KEY}"}}, 402)
    with pytest.raises(APIError, match="no balance") as caught:
        run(make_tool(name), arguments_of(name, clouds))
    assert KEY not in str(caught.value)


def test_a_wrong_listener_s_error_is_not_hidden(run: Run, make_tool: MakeTool) -> None:
    def listen(_: ToolUpdate) -> None:
        raise RuntimeError("the listener broke")

    with pytest.raises(RuntimeError, match="the listener broke"):
        run(make_tool("sophnet_image"), {"prompt": "猫"}, listen)


def test_an_event_loop_is_not_held_up(make_tool: MakeTool, clouds: ToolClouds, root: Path) -> None:
    """Files are read, and results saved, in threads."""
    threads: set[str] = set()
    real = Path.lstat

    def watched(self: Path) -> Any:
        threads.add(threading.current_thread().name)
        return real(self)

    tool = make_tool("sophnet_document", root_dir=root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "lstat", watched)
        asyncio.run(tool.acall({"document": "合同.txt"}))
    assert threads
    assert threading.main_thread().name not in threads


def test_a_cancelled_call_leaves_nothing_behind(make_tool: MakeTool, clouds: ToolClouds) -> None:
    clouds.fail["/texttoimage/task/"] = json_reply({"output": {"taskId": "drawn-1", "taskStatus": "RUNNING"}})

    async def main() -> None:
        task = asyncio.create_task(make_tool("sophnet_image").acall({"prompt": "猫"}))
        await auntil(lambda: len(clouds.asked) == 3)  # it was looked at twice
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == {asyncio.current_task()}
        before = len(clouds.asked)
        await asyncio.sleep(1)
        assert len(clouds.asked) <= before + 1  # one may have been under way

    asyncio.run(main())


def test_a_tool_shows_no_key(make_tool: MakeTool) -> None:
    assert KEY not in repr(make_tool("sophnet_image", options={"model": "qwen-image"}))
