from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image

from maaskit.sandbox import Sandbox
from maaskit.sandbox.engines import painting
from tests.sandbox.studio import VIDEOS, Gate, Studio, data_url, video_body

SIZES = {
    "480p": ("832*480", "480*832", "640*640"),
    "720p": ("1280*720", "720*1280", "960*960", "1088*832", "832*1088"),
    "1080p": ("1920*1080", "1080*1920", "1440*1440", "1632*1248", "1248*1632"),
}
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

# The document's own script, but for the host, the length of its sleep, and the duration, which it leaves out.
SCRIPT = r"""
response=$(curl -s -X POST "${HOST}/api/open-apis/projects/easyllms/videogenerator/task" \
-H "Content-Type: application/json" \
-H "Authorization: Bearer ${API_KEY}" \
-d '{"model": "Wan2.2-T2V-A14B", "content": [{"type": "text", "text": "旋转镜头,小猫在草原上奔跑"}],
"parameters": {"size": "1280*720", "watermark": true, "seed": 16, "duration": 1}}')
taskId=$response
if [ -z "$taskId" ]; then
echo "任务提交失败,未获取到任务 ID"
exit 1
fi
status="queued"
while [[ "$status" == "queued" || "$status" == "running" ]]; do
sleep 0.1
poll_response=$(curl -s -X GET "${HOST}/api/open-apis/projects/easyllms/videogenerator/task/${taskId}" \
-H "Content-Type: application/json" \
-H "Authorization: Bearer ${API_KEY}")
status=$(echo "$poll_response" | grep -oP '(?<="status":")[^"]+')
done
if [ "$status" == "succeeded" ]; then
video_url=$(echo "$poll_response" | grep -oP '(?<="video_url":")[^"]+')
if [ -n "$video_url" ]; then
curl -s "$video_url" -o "${taskId}.mp4"
echo "视频已保存为 ${taskId}.mp4"
else
echo "任务成功但未获取到视频链接"
fi
else
echo "任务失败,状态: $status"
fi
"""


@pytest.fixture
def studio(sandbox: Sandbox) -> Iterator[Studio]:
    jobs = sandbox._state.studio
    before, jobs.task_s = jobs.task_s, 0.02
    studio = Studio(sandbox)
    yield studio
    studio.http.close()
    jobs.task_s = before


def picture(width: int = 640, height: int = 640, form: str = "JPEG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), "orange").save(out, form)
    return out.getvalue()


def measured(data: bytes) -> tuple[int, int, float]:
    with av.open(io.BytesIO(data)) as container:
        video = container.streams.video[0]
        assert video.codec_context.name == "h264"
        return video.width, video.height, float(video.duration * video.time_base)  # type: ignore[operator]


@pytest.mark.skipif(not shutil.which("curl"), reason="the document's script needs curl")
def test_the_documents_script_saves_a_film(sandbox: Sandbox, tmp_path: Path) -> None:
    env = {**os.environ, "HOST": sandbox.origin, "API_KEY": sandbox.api_key, "LC_ALL": "C.UTF-8"}
    done = subprocess.run(  # noqa: S603 -- the document's own script
        ["bash", "-c", SCRIPT],  # noqa: S607 -- the system's
        cwd=tmp_path, env=env, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert "视频已保存为" in done.stdout
    (saved,) = tmp_path.glob("*.mp4")
    assert measured(saved.read_bytes()) == (1280, 720, 1.0)


def test_a_film_is_told_as_the_document_has_it(studio: Studio, gate: Gate) -> None:
    before = int(time.time())
    created = studio.call("POST", VIDEOS, video_body(duration=5))
    assert created.headers["content-type"].startswith("text/plain")
    assert UUID.fullmatch(created.text)
    early = studio.get(f"{VIDEOS}/{created.text}")
    assert set(early) == {"id", "model", "status", "created_at", "updated_at"}
    assert early["status"] == "queued"
    gate.open(2)
    done = studio.video(created.text)
    assert set(done) == {"id", "model", "status", "content", "usage", "created_at", "updated_at"}
    assert (done["id"], done["model"], done["status"]) == (created.text, "Wan2.2-T2V-A14B", "succeeded")
    assert done["usage"] == {"duration": 5, "resolution": "832*480", "video_count": 1, "ratio": "26:15"}
    assert before <= done["created_at"] <= done["updated_at"] <= time.time()
    response = studio.http.get(done["content"]["video_url"])
    assert response.headers["content-type"] == "video/mp4"
    assert measured(response.content) == (832, 480, 5.0)


@pytest.mark.parametrize("size", [size for sizes in SIZES.values() for size in sizes])
def test_every_documented_size_is_taken(studio: Studio, gate: Gate, size: str) -> None:
    task = studio.video_task(size=size)
    assert studio.call("DELETE", f"{VIDEOS}/{task}").json()["success"] is True


@pytest.mark.parametrize("size", ["480*832", "1088*832", "1248*1632"])
def test_films_have_the_size_that_was_asked_for(studio: Studio, size: str) -> None:
    done = studio.video(studio.video_task(size=size, duration=1.0))
    assert measured(studio.http.get(done["content"]["video_url"]).content) == (*map(int, size.split("*")), 1.0)


def test_seeds_as_text_and_as_number(studio: Studio) -> None:
    tasks = [studio.video_task(seed=seed) for seed in ("16", 16, "4294967295", 0)]
    urls = [studio.video(task)["content"]["video_url"] for task in tasks]
    assert urls[0] == urls[1]
    assert len(set(urls)) == 3


def test_states_over_time(studio: Studio, gate: Gate) -> None:
    task = studio.video_task()
    seen: list[str] = []
    for state in ("queued", "running", "succeeded"):
        studio.wait(f"{VIDEOS}/{task}", lambda a, state=state: seen.append(a["status"]) or seen[-1] == state)
        gate.open()
    assert list(dict.fromkeys(seen)) == ["queued", "running", "succeeded"]


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"])
def test_a_film_is_made_of_a_picture_of_any_documented_format(studio: Studio, form: str) -> None:
    task = studio.video_task(text=..., image=data_url(picture(form=form), f"image/{form.lower()}"), size="640*640")
    assert studio.video(task)["status"] == "succeeded"


def test_a_picture_by_url_and_no_size_keep_its_ratio(studio: Studio) -> None:
    url = studio.sandbox._state.keep(painting.paint("a cat", 700, 1200, seed=1), "image/png")
    done = studio.video(studio.video_task("zoom in", image=url, size=...))
    assert done["usage"]["resolution"] == "720*1280"


@pytest.mark.parametrize(
    ("image", "named"),
    [
        (data_url(picture(300, 640)), "more than 300"),
        (data_url(picture(640, 300)), "more than 300"),
        (data_url(picture(1000, 400)), "more than 0.4, less than 2.5"),
        (data_url(picture(400, 1000)), "more than 0.4, less than 2.5"),
        (data_url(picture(6000, 3000)), "less than 6000"),
        (data_url(b"%PDF-1.7"), "no picture"),
        (data_url(picture()[:300]), "broken"),
        (data_url(picture(form="PPM")), "not ppm"),
        ("data:image/png;base64,", "no data"),
        ("cat.png", "http(s) URL or a data URL"),
        ("", "image_url.url is required"),
        (5, "image_url.url is required"),
    ],
)
def test_pictures_that_break_the_note_are_refused(studio: Studio, image: Any, named: str) -> None:
    response = studio.call("POST", VIDEOS, video_body(image=image))
    assert response.status_code == 400
    assert named in response.json()["message"]


@pytest.mark.parametrize("size", [(301, 301), (999, 400), (401, 1000)])
def test_pictures_just_within_the_note_are_taken(studio: Studio, size: tuple[int, int]) -> None:
    task = studio.video_task(image=data_url(picture(*size)))
    studio.call("DELETE", f"{VIDEOS}/{task}")


def test_a_picture_of_30_mb_is_too_large(studio: Studio) -> None:
    padded = picture() + bytes(30 * 1024 * 1024 - len(picture()))
    response = studio.call("POST", VIDEOS, video_body(image=studio.sandbox._state.keep(padded, "image/jpeg")))
    assert response.status_code == 400
    assert "30 M" in response.json()["message"]
    fits = studio.call("POST", VIDEOS, video_body(image=studio.sandbox._state.keep(padded[:-1], "image/jpeg")))
    assert fits.status_code == 200
    studio.call("DELETE", f"{VIDEOS}/{fits.text}")


BOTH = [{"type": "image_url", "image_url": {"url": data_url(picture())}}] * 2


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (video_body(model="Wan2.6"), "Wan2.2-T2V-A14B, Wan2.2-I2V-A14B"),
        ({"model": "Wan2.2-T2V-A14B"}, "content is required"),
        ({**video_body(), "content": []}, "content is required"),
        ({**video_body(), "content": "a cat"}, "content is required"),
        ({**video_body(), "content": [{"type": "audio"}]}, "must be text or image_url"),
        ({**video_body(), "content": ["a cat"]}, "must be text or image_url"),
        ({**video_body(), "content": [{"type": "text"}]}, "content[0].text is required"),
        (video_body(text=" "), "content[0].text is required"),
        (video_body(negative=5), "negative_prompt must be a string"),
        ({**video_body(), "content": [{"type": "image_url"}], "model": "Wan2.2-I2V-A14B"}, "image_url is required"),
        (video_body(model="Wan2.2-I2V-A14B"), "needs one of type image_url"),
        (video_body(image=data_url(picture()), model="Wan2.2-T2V-A14B"), "type text alone"),
        ({**video_body(), "content": BOTH, "model": "Wan2.2-I2V-A14B"}, "only one item"),
        (video_body(size="1280x720"), "832*480"),
        (video_body(size="1024*1024"), "832*480"),
        (video_body(duration=3), "1 or 5"),
        (video_body(duration="5"), "1 or 5"),
        (video_body(duration=True), "1 or 5"),
        (video_body(seed=-1), "from 0 to 4294967295"),
        (video_body(seed="4294967296"), "from 0 to 4294967295"),
        (video_body(seed="a"), "from 0 to 4294967295"),
        (video_body(seed=1.5), "from 0 to 4294967295"),
        ({**video_body(), "parameters": 5}, "parameters must be an object"),
    ],
)
def test_what_the_document_refuses(studio: Studio, body: Any, named: str) -> None:
    response = studio.call("POST", VIDEOS, body)
    assert response.status_code == 400
    assert named in response.json()["message"]


def test_null_and_unknown_fields_are_accepted(studio: Studio) -> None:
    task = studio.video_task(size=None, duration=None, seed=None, watermark=True, steps=4, negative=None)
    studio.call("DELETE", f"{VIDEOS}/{task}")


def test_cancelling_ends_a_task_that_waits_or_runs(studio: Studio) -> None:
    studio.sandbox.faults.add(path=VIDEOS, method="POST", task_end="never")
    running = studio.video_task()
    studio.wait(f"{VIDEOS}/{running}", lambda a: a["status"] == "running")
    waiting = studio.video_task(size="1920*1080", duration=5)
    for task in (running, waiting):
        answer = studio.call("DELETE", f"{VIDEOS}/{task}")
        assert answer.status_code == 200
        assert answer.json() == {"success": True, "taskId": task, "message": "任务取消成功"}
        assert studio.get(f"{VIDEOS}/{task}")["status"] == "cancelled"


def test_a_film_in_the_making_is_stopped(studio: Studio) -> None:
    task = studio.video_task(size="1920*1080", duration=5)
    studio.wait(f"{VIDEOS}/{task}", lambda a: a["status"] == "running")
    assert studio.call("DELETE", f"{VIDEOS}/{task}").json()["success"] is True
    # The thread is free for others at once.
    assert studio.video(studio.video_task())["status"] == "succeeded"
    assert studio.get(f"{VIDEOS}/{task}")["status"] == "cancelled"


def test_what_has_ended_cannot_be_cancelled(studio: Studio) -> None:
    task = studio.video_task()
    studio.video(task)
    for _ in range(2):
        answer = studio.call("DELETE", f"{VIDEOS}/{task}")
        assert answer.status_code == 200
        assert answer.json()["success"] is False
        assert "succeeded" in answer.json()["message"]
    assert studio.get(f"{VIDEOS}/{task}")["status"] == "succeeded"


def test_unknown_tasks(studio: Studio) -> None:
    for method, task in (("GET", "nothing"), ("DELETE", "nothing"), ("GET", studio.image_task())):
        response = studio.call(method, f"{VIDEOS}/{task}")
        assert (response.status_code, response.json()["status"]) == (404, 404)
    studio.sandbox.variants.error_shape = "envelope_200"
    response = studio.call("GET", f"{VIDEOS}/nothing")
    assert (response.status_code, response.json()["result"]) == (200, None)


def test_tasks_are_listed_newest_first(studio: Studio, gate: Gate) -> None:
    first, second = studio.video_task(), studio.video_task(image=data_url(picture()))
    listed = studio.get(VIDEOS)
    assert [entry["task_id"] for entry in listed[:2]] == [second, first]
    assert listed[0]["model"] == "Wan2.2-I2V-A14B"
    assert set(listed[0]) == {"task_id", "model", "status"}
    for task in (first, second):
        studio.call("DELETE", f"{VIDEOS}/{task}")
    assert studio.get(VIDEOS)[0]["status"] == "cancelled"


@pytest.mark.parametrize(
    ("shape", "kind", "read"),
    [
        ("text", "text/plain", lambda text: text),
        ("quoted", "text/plain", json.loads),
        ("number", "application/json", lambda text: str(int(text))),
        ("taskId", "application/json", lambda text: json.loads(text)["taskId"]),
        ("task_id", "application/json", lambda text: json.loads(text)["task_id"]),
        ("id", "application/json", lambda text: json.loads(text)["id"]),
        ("code_data", "application/json", lambda text: json.loads(text)["data"]["task_id"]),
        ("status_result", "application/json", lambda text: json.loads(text)["result"]["task_id"]),
    ],
)
def test_the_id_can_be_told_otherwise(studio: Studio, shape: Any, kind: str, read: Any) -> None:
    studio.sandbox.variants.video_created = shape
    response = studio.call("POST", VIDEOS, video_body())
    assert response.headers["content-type"].startswith(kind)
    task = read(response.text)
    assert studio.get(f"{VIDEOS}/{task}")["id"] == task
    studio.call("DELETE", f"{VIDEOS}/{task}")


def test_nulls_times_and_grades(studio: Studio, gate: Gate) -> None:
    variants = studio.sandbox.variants
    task = studio.video_task()
    variants.video_nulls = True
    assert studio.get(f"{VIDEOS}/{task}")["content"] is None
    variants.video_times = "ms"
    assert studio.get(f"{VIDEOS}/{task}")["created_at"] > 10**12
    variants.video_resolution = "grade"
    gate.open(2)
    assert studio.video(task)["usage"]["resolution"] == "480p"


def test_failures_say_why_in_several_places(studio: Studio) -> None:
    studio.sandbox.faults.add(path=VIDEOS, method="POST", task_end="failed", message="the picture shows nothing")
    task = studio.video_task()
    done = studio.video(task)
    assert done["status"] == "failed"
    assert done["error"]["message"] == "the picture shows nothing"
    studio.sandbox.variants.video_reason = "message"
    assert studio.get(f"{VIDEOS}/{task}")["message"] == "the picture shows nothing"
    studio.sandbox.variants.video_reason = "absent"
    assert set(studio.get(f"{VIDEOS}/{task}")) == {"id", "model", "status", "created_at", "updated_at"}
