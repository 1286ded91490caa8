from __future__ import annotations

import io
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from maaskit.sandbox import Sandbox
from tests.sandbox.studio import IMAGES, Gate, Studio, image_body

LISTED = "imagegenerator/task"

# The document's own script, but for the host and the length of its sleep.
SCRIPT = r"""
response=$(curl --silent --request POST "${HOST}/api/open-apis/projects/easyllms/texttoimage/task" \
--header "Authorization: Bearer ${API_KEY}" \
--header 'Content-Type: application/json' \
--data '{"model": "qwen-image", "input": {"prompt": "奔跑的小猫"},
"parameters": {"size": "1328*1328", "seed": 42, "steps": 4}}')
taskId=$(echo "$response" | grep -oP '(?<="taskId":")[^"]+')
if [ -z "$taskId" ]; then
echo "任务提交失败,未获取到 taskId"
exit 1
fi
status="PENDING"
while [ "$status" = "PENDING" ] || [ "$status" = "RUNNING" ]; do
sleep 0.1
poll_response=$(curl --silent --location "${HOST}/api/open-apis/projects/easyllms/texttoimage/task/${taskId}" \
--header "Authorization: Bearer ${API_KEY}")
status=$(echo "$poll_response" | grep -oP '(?<="taskStatus":")[^"]+')
done
if [ "$status" = "SUCCEEDED" ]; then
image_url=$(echo "$poll_response" | grep -oP '(?<="url":")[^"]+')
if [ -n "$image_url" ]; then
curl --silent "$image_url" -o "${taskId}.png"
echo "图片已保存为 ${taskId}.png"
else
echo "未找到图片 URL"
fi
else
echo "任务失败,状态为: $status"
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


def opened(studio: Studio, url: str) -> Image.Image:
    response = studio.http.get(url)  # without the key, as the document's script fetches it
    assert response.headers["content-type"] == "image/png"
    return Image.open(io.BytesIO(response.content))


@pytest.mark.skipif(not shutil.which("curl"), reason="the document's script needs curl")
def test_the_documents_script_saves_a_picture(sandbox: Sandbox, tmp_path: Path) -> None:
    env = {**os.environ, "HOST": sandbox.origin, "API_KEY": sandbox.api_key, "LC_ALL": "C.UTF-8"}
    done = subprocess.run(  # noqa: S603 -- the document's own script
        ["bash", "-c", SCRIPT],  # noqa: S607 -- the system's
        cwd=tmp_path, env=env, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert "图片已保存为" in done.stdout
    (saved,) = tmp_path.glob("*.png")
    with Image.open(saved) as picture:
        assert picture.size == (1328, 1328)


@pytest.mark.parametrize(
    ("model", "size", "expected"),
    [
        *[("qwen-image", size, size) for size in ("1664*928", "928*1664", "1472*1104", "1104*1472", "1056*1584")],
        *[("z-image-turbo", size, size) for size in ("1024*1024", "1024*768", "768*1024")],
        ("qwen-image", ..., "1328*1328"),
        ("z-image-turbo", None, "1024*1024"),
    ],
)
def test_every_documented_size(studio: Studio, model: str, size: Any, expected: str) -> None:
    done = studio.image(studio.image_task(model=model, size=size))
    assert done["usage"] == {"imageCount": 1}
    with opened(studio, done["output"]["results"][0]["url"]) as picture:
        assert picture.size == tuple(map(int, expected.split("*")))


def test_states_over_time(studio: Studio, gate: Gate) -> None:
    created = studio.call("POST", IMAGES, image_body()).json()
    assert set(created) == {"requestId", "output"}
    assert created["output"]["taskStatus"] == "PENDING"
    seen: list[str] = []
    for state in ("PENDING", "RUNNING", "SUCCEEDED"):
        studio.wait(
            f"{IMAGES}/{created['output']['taskId']}",
            lambda a, state=state: seen.append(a["output"]["taskStatus"]) or seen[-1] == state,
        )
        gate.open()
    assert list(dict.fromkeys(seen)) == ["PENDING", "RUNNING", "SUCCEEDED"]


def test_the_same_request_gives_the_same_picture_and_another_seed_another(studio: Studio) -> None:
    tasks = [
        studio.image_task(model="qwen-image", **settings)
        for settings in ({}, {}, {"seed": 1}, {"seed": 2}, {"negative": "orange"}, {"prompt_extend": False})
    ]
    urls = [studio.image(task)["output"]["results"][0]["url"] for task in tasks]
    assert urls[0] == urls[1]
    assert len(set(urls)) == 5


def test_tasks_are_listed_newest_first(studio: Studio) -> None:
    first, second = studio.image_task(), studio.image_task(model="qwen-image")
    studio.video_task()
    listed = studio.get(LISTED)
    assert [entry["task_id"] for entry in listed[:2]] == [second, first]
    assert listed[0]["model"] == "qwen-image"
    assert set(listed[0]) == {"task_id", "model", "status"}
    studio.image(first)
    assert {e["task_id"]: e["status"] for e in studio.get(LISTED)}[first] == "SUCCEEDED"


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (image_body(model=...), "model is required"),
        (image_body(model="dall-e"), "qwen-image, z-image-turbo"),
        (image_body(prompt=...), "input.prompt is required"),
        (image_body(prompt="  "), "input.prompt is required"),
        (image_body(prompt=5), "input.prompt is required"),
        ({"model": "qwen-image", "input": "a cat"}, "input is required and must be an object"),
        ({"model": "qwen-image"}, "input is required"),
        (image_body(size="1328*1328"), "1024*1024"),
        (image_body(size="1024x1024"), "1024*1024"),
        (image_body(model="qwen-image", size="1024*1024"), "1664*928"),
        (image_body(negative="dogs"), "qwen-image alone"),
        (image_body(prompt_extend=True), "qwen-image alone"),
        (image_body(model="qwen-image", prompt_extend="yes"), "true or false"),
        (image_body(model="qwen-image", negative=5), "input.negative_prompt must be a string"),
        (image_body(seed="42"), "parameters.seed must be an integer"),
        (image_body(seed=True), "parameters.seed must be an integer"),
        ({**image_body(), "parameters": []}, "parameters must be an object"),
    ],
)
def test_what_the_document_refuses(studio: Studio, body: Any, named: str) -> None:
    response = studio.call("POST", IMAGES, body)
    assert response.status_code == 400
    assert named in response.json()["message"]
    assert response.json()["status"] == 400


def test_null_and_unknown_fields_are_accepted(studio: Studio) -> None:
    task = studio.image_task(size=None, seed=None, prompt_extend=None, negative=None, steps=4, n=1, watermark=True)
    assert studio.image(task)["output"]["taskStatus"] == "SUCCEEDED"


def test_unknown_tasks_and_wrong_keys(studio: Studio) -> None:
    assert studio.call("GET", f"{IMAGES}/nothing").status_code == 404
    assert studio.call("GET", f"{IMAGES}/{studio.video_task()}").status_code == 404
    studio.headers = {"Authorization": "Bearer wrong"}
    assert studio.call("POST", IMAGES, image_body()).status_code == 401


@pytest.mark.parametrize("word", ["SUCCEEDED", "SUCCESSED", "SUCCESS", "success"])
def test_every_word_for_success(studio: Studio, word: Any) -> None:
    studio.sandbox.variants.image_success = word
    assert studio.image(studio.image_task())["output"]["taskStatus"] == word


def test_other_words_and_early_results(studio: Studio) -> None:
    variants = studio.sandbox.variants
    studio.sandbox.faults.add(path=IMAGES, method="POST", task_end="never")
    task = studio.image_task()
    variants.image_waiting = "SUSPENDED"
    assert studio.call("POST", IMAGES, image_body()).json()["output"]["taskStatus"] == "SUSPENDED"
    variants.image_waiting = "UNKNOWN"
    assert studio.call("POST", IMAGES, image_body()).json()["output"]["taskStatus"] == "UNKNOWN"
    variants.image_waiting = "SUSPENDED"
    variants.image_words = "lower"
    assert studio.call("POST", IMAGES, image_body()).json()["output"]["taskStatus"] == "suspended"
    assert "results" not in studio.get(f"{IMAGES}/{task}")["output"]
    variants.image_results = "empty"
    assert studio.get(f"{IMAGES}/{task}")["output"]["results"] == []
    variants.image_results = "null"
    assert studio.get(f"{IMAGES}/{task}")["output"]["results"] is None


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("output_message", lambda a: a["output"]["message"]),
        ("output_errorMessage", lambda a: a["output"]["errorMessage"]),
        ("top_message", lambda a: a["message"]),
        ("results_message", lambda a: a["output"]["results"][0]["message"]),
    ],
)
def test_failures_say_why_where_clients_look(studio: Studio, place: Any, told: Any) -> None:
    studio.sandbox.variants.image_reason = place
    studio.sandbox.faults.add(path=IMAGES, method="POST", task_end="failed", message="内容审核未通过")
    answer = studio.image(studio.image_task())
    assert answer["output"]["taskStatus"] == "FAILED"
    assert told(answer) == "内容审核未通过"


def test_a_code_alone_a_cancelled_task_and_one_that_never_ends(studio: Studio) -> None:
    studio.sandbox.variants.image_reason = "output_code"
    faults = studio.sandbox.faults
    for end in ("failed", "canceled", "never"):
        faults.add(path=IMAGES, method="POST", task_end=end)
    failed, canceled, never = (studio.image_task() for _ in range(3))
    assert studio.image(failed)["output"]["code"] == "InternalError"
    assert studio.image(canceled)["output"]["taskStatus"] == "CANCELED"
    studio.wait(f"{IMAGES}/{never}", lambda answer: answer["output"]["taskStatus"] == "RUNNING")


def test_a_refusal_may_come_under_http_200(studio: Studio) -> None:
    studio.sandbox.variants.error_shape = "request_id_200"
    response = studio.call("POST", IMAGES, image_body(prompt=""))
    assert response.status_code == 200
    assert set(response.json()) == {"requestId", "code", "message"}


def test_tasks_can_be_made_to_take_longer(studio: Studio) -> None:
    studio.sandbox._state.studio.task_s = 600.0
    task = studio.image_task()
    assert studio.get(f"{IMAGES}/{task}")["output"]["taskStatus"] == "PENDING"


def test_too_many_open_tasks_are_refused(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("maaskit.sandbox.studio_jobs.MAX_OPEN_JOBS", 0)
    assert studio.call("POST", IMAGES, image_body()).status_code == 429
