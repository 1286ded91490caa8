"""SophNet's images: the document's samples, what it denies to each model, and every way in which tasks answer."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from maaskit import (
    APIError,
    BadRequest,
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
from maaskit.sophnet import images
from maaskit.task import TaskState
from maaskit.wire import Request, Response
from tests.scripted import Reply, ScriptedServer, json_reply
from tests.sophnet.faces import Face

CREATED = {"requestId": "r1", "output": {"taskId": "t1", "taskStatus": "PENDING"}}


def looked(word: str, **output: Any) -> Reply:
    return json_reply({"output": {"taskId": "t1", "taskStatus": word, **output}})


def done(url: str, word: str = "SUCCEEDED") -> Reply:
    return looked(word, results=[{"url": url}])


def read(body: Any) -> TaskState[Any]:
    task = images.resume("t1")
    return task.read(Response(200, {}, json.dumps(body).encode(), "/texttoimage/task/t1"))


def sent(task: Any) -> Any:
    assert isinstance(task.submit, Request)
    return task.submit.json


# --- creating ------------------------------------------------------------------------------------------------------


def test_the_sample_goes_out_as_documented(face: Face, scripted: ScriptedServer) -> None:
    scripted.script(json_reply(CREATED), looked("RUNNING"), done("https://cdn.example.com/a.png?sign=1"))
    task = images.generate("奔跑的小猫", size="1328*1328", seed=42, extra_body={"parameters": {"steps": 4}})
    made = face.wait(task)
    submitted, *looks = scripted.seen
    assert (submitted.method, submitted.path) == ("POST", "/projects/easyllms/texttoimage/task")
    assert submitted.json == {
        "model": "qwen-image",
        "input": {"prompt": "奔跑的小猫"},
        "parameters": {"size": "1328*1328", "seed": 42, "steps": 4},
    }
    assert {(seen.method, seen.path) for seen in looks} == {("GET", "/projects/easyllms/texttoimage/task/t1")}
    assert {seen.headers["authorization"] for seen in scripted.seen} == {"Bearer k-secret"}
    assert made.url == "https://cdn.example.com/a.png?sign=1"
    assert made.urls == (made.url,)
    assert made.raw["output"]["taskStatus"] == "SUCCEEDED"


def test_unset_fields_are_not_sent() -> None:
    assert sent(images.generate("x")) == {"model": "qwen-image", "input": {"prompt": "x"}}


def test_every_field_has_its_place() -> None:
    task = images.generate("x", negative_prompt="y", size="1664*928", seed="7", prompt_extend=False)
    assert sent(task) == {
        "model": "qwen-image",
        "input": {"prompt": "x", "negative_prompt": "y"},
        "parameters": {"size": "1664*928", "seed": 7, "prompt_extend": False},
    }


@pytest.mark.parametrize("written", ["1328x1328", "1328X1328", " 1328 × 1328 ", "1328*1328"])
def test_a_size_goes_out_with_an_asterisk(written: str) -> None:
    assert sent(images.generate("x", size=written))["parameters"] == {"size": "1328*1328"}


@pytest.mark.parametrize(("model", "size"), [(m, s) for m, sizes in images.SIZES.items() for s in sizes])
def test_every_listed_size_passes(model: str, size: str) -> None:
    assert sent(images.generate("x", model=model, size=size))["parameters"]["size"] == size


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"size": "1024*1024"}, r"none that qwen-image makes: 1328\*1328, 1664\*928"),
        ({"size": "1328*1328", "model": "z-image-turbo"}, r"none that z-image-turbo makes: 1024\*1024"),
        ({"size": "large"}, "size must be a text of width"),
        ({"size": "0*1"}, "size must be"),
        ({"size": 1328}, "size must be"),
        ({"size": (1328, 1328)}, "size must be"),
        ({"size": ""}, "size must be"),
        ({"size": "large", "model": "Wan2.6-T2I"}, "size must be"),
        ({"negative_prompt": "y", "model": "z-image-turbo"}, "takes no negative_prompt.*model='qwen-image'"),
        ({"prompt_extend": True, "model": "z-image-turbo"}, "takes no prompt_extend"),
        ({"negative_prompt": 1}, "negative_prompt must be a text"),
        ({"prompt_extend": "yes"}, "prompt_extend must be True or False"),
        ({"seed": 1.5}, "seed must be a whole number"),
        ({"seed": True}, "seed must be"),
        ({"seed": "x"}, "seed must be"),
        ({"seed": 2**64}, "seed must be"),
        ({"model": ""}, "model must be a name"),
        ({"model": None}, "model must be a name"),
        ({"prompt": ""}, "prompt is empty"),
        ({"prompt": " \n"}, "prompt is empty"),
        ({"prompt": None}, "prompt must be a text, not NoneType"),
        ({"prompt": ["x"]}, "prompt must be a text"),
        ({"extra_body": ["steps"]}, "extra_body must be a dict"),
    ],
)
def test_what_the_document_denies_is_refused(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        images.generate(**({"prompt": "x"} | arguments))


def test_of_an_unlisted_model_only_shapes_are_checked() -> None:
    task = images.generate("x", model="Qwen-Image-Plus", size="123*456", negative_prompt="y", prompt_extend=True)
    assert sent(task)["parameters"] == {"size": "123*456", "prompt_extend": True}


# --- waiting (wire-facts C.15 to C.18) -----------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["SUCCEEDED", "SUCCESSED", "success", "SUCCESS", "succeed"])
def test_every_spelling_of_success(face: Face, scripted: ScriptedServer, word: str) -> None:
    scripted.script(json_reply(CREATED), done("https://x.example/1.png", word))
    assert face.wait(images.generate("x")).url == "https://x.example/1.png"


@pytest.mark.parametrize("word", ["SUSPENDED", "UNKNOWN", "什么", "PENDING", "RUNNING", "queued"])
def test_other_words_mean_that_it_runs(face: Face, scripted: ScriptedServer, word: str) -> None:
    scripted.script(json_reply(CREATED), looked(word), done("https://x.example/1.png"))
    updates: list[Any] = []
    assert face.wait(images.generate("x"), updates.append).url
    assert [update.word for update in updates] == ["", word, "SUCCEEDED"]
    assert not updates[1].phase.ended


def test_a_suspended_task_ends_at_the_deadline_with_its_id(face: Face, scripted: ScriptedServer) -> None:
    scripted.script(json_reply(CREATED), looked("SUSPENDED"))
    with pytest.raises(TaskTimeout, match=r"resume\('t1'\)") as caught:
        face.wait(images.generate("x"), timeout=0.3)
    assert caught.value.task_id == "t1"
    assert not [seen for seen in scripted.seen[1:] if seen.method != "GET"]


@pytest.mark.parametrize("word", ["CANCELED", "CANCELLED", "cancelled"])
def test_both_spellings_of_cancellation(face: Face, scripted: ScriptedServer, word: str) -> None:
    scripted.script(json_reply(CREATED), looked(word))
    with pytest.raises(TaskCanceled, match="t1 was cancelled"):
        face.wait(images.generate("x"))


@pytest.mark.parametrize(
    ("answer", "said", "code"),
    [
        ({"output": {"taskStatus": "FAILED", "code": "DataInspectionFailed", "message": "敏感"}}, "敏感", "DataInsp"),
        ({"output": {"taskStatus": "FAILED", "errorMessage": "坏"}, "code": "X", "message": "y"}, "坏", "X"),
        ({"output": {"taskStatus": "error"}, "message": "坏", "code": 17}, "坏", "17"),
        ({"output": {"taskStatus": "FAILED", "code": "OOM"}}, "OOM", "OOM"),
        ({"output": {"taskStatus": "FAILED", "results": [{"code": "C", "message": "坏"}]}}, "坏", "C"),
        ({"output": {"taskStatus": "FAILED"}, "error": "坏"}, "坏", None),
        ({"output": {"taskStatus": "FAILED"}}, "t1 failed$", None),
    ],
)
def test_a_failure_says_why(
    face: Face, scripted: ScriptedServer, answer: dict[str, Any], said: str, code: str | None
) -> None:
    scripted.script(json_reply(CREATED), json_reply(answer))
    with pytest.raises(TaskFailed, match=said) as caught:
        face.wait(images.generate("x"))
    assert caught.value.task_id == "t1"
    assert (caught.value.code or "").startswith(code or "")


def test_results_are_read_in_every_form() -> None:
    one, two = "https://x.example/1.png", "HTTPS://x.example/2.png"
    for results in ([{"url": one}, {"url": two}], [one, two], [{"url": one}, {"code": "X"}, {"url": two}]):
        state = read({"output": {"taskStatus": "SUCCEEDED", "results": results}})
        assert state.result.urls == (one, two)
    assert read({"output": {"taskStatus": "SUCCEEDED", "results": {"url": one}}}).result.urls == (one,)
    assert read({"status": 0, "result": {"status": "success", "results": [{"url": one}]}}).result.url == one


@pytest.mark.parametrize("results", [None, [], [{}], [{"url": ""}], [{"url": "ftp://x"}], [{"url": 7}], "x"])
def test_success_without_a_picture_is_a_failure(face: Face, scripted: ScriptedServer, results: Any) -> None:
    scripted.script(json_reply(CREATED), looked("SUCCEEDED", results=results))
    with pytest.raises(TaskFailed, match="ended without a result"):
        face.wait(images.generate("x"))


def test_results_may_be_absent_while_it_runs() -> None:
    for results in ({}, {"results": []}, {"results": None}):
        assert read({"output": {"taskStatus": "RUNNING", **results}}).phase is TaskPhase.RUNNING


def test_a_refused_look_is_an_error_with_the_id(face: Face, scripted: ScriptedServer) -> None:
    for refusal in (
        {"requestId": "r", "code": "InvalidTask", "message": "任务不存在"},
        {"code": "InvalidTask", "message": "任务不存在", "output": {"taskStatus": "UNKNOWN"}},
        {"status": 404, "message": "任务不存在", "result": None},
    ):
        scripted.script(json_reply(CREATED), json_reply(refusal))
        with pytest.raises(APIError, match="任务不存在") as caught:
            face.wait(images.generate("x"))
        assert caught.value.task_id == "t1"


@pytest.mark.parametrize("body", [[], {}, {"output": {}}, {"output": {"taskStatus": 3}}, "x"])
def test_a_look_without_a_word_is_an_error(body: Any) -> None:
    with pytest.raises(UnexpectedAnswer):
        read(body)


# --- money ---------------------------------------------------------------------------------------------------------


def test_paid_work_is_not_ordered_twice(face: Face, scripted: ScriptedServer) -> None:
    for reply in (json_reply({"message": "x"}, 500), json_reply({}, 503), Reply(drop=True)):
        scripted.seen.clear()
        scripted.script(reply, json_reply(CREATED), done("https://x.example/1.png"))
        with pytest.raises((ServerError, ConnectionFailed)):
            face.wait(images.generate("x"))
        assert len(scripted.seen) == 1


def test_a_full_queue_is_asked_again(face: Face, scripted: ScriptedServer) -> None:
    scripted.script(
        json_reply({"message": "x"}, 429, retry_after="0"), json_reply(CREATED), done("https://x.example/1.png")
    )
    assert face.wait(images.generate("x")).url
    assert [seen.method for seen in scripted.seen] == ["POST", "POST", "GET"]


def test_a_refusal_is_said(face: Face, scripted: ScriptedServer) -> None:
    scripted.script(json_reply({"requestId": "r1", "code": "InvalidParameter", "message": "prompt too long"}))
    with pytest.raises(BadRequest, match="prompt too long"):
        face.wait(images.generate("x"))
    assert len(scripted.seen) == 1


# --- resuming, listing, fetching -----------------------------------------------------------------------------------


def test_another_process_collects(face: Face, scripted: ScriptedServer) -> None:
    scripted.script(json_reply(CREATED), looked("RUNNING"), done("https://x.example/1.png"))
    task_id = face.submit(images.generate("x"))
    program = (
        "import sys; from maaskit import Client, SophNet; from maaskit.sophnet import images;"
        "print(Client(SophNet(api_key='k-secret', base_url=sys.argv[1])).wait(images.resume(sys.argv[2])).url)"
    )
    told = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program, scripted.url, task_id],
        capture_output=True,
        text=True,
        check=True,
        timeout=200,
        env={"PYTHONPATH": str(Path(images.__file__).parents[2])},
    )
    assert told.stdout.strip() == "https://x.example/1.png"
    assert [seen.method for seen in scripted.seen] == ["POST", "GET", "GET"]


@pytest.mark.parametrize("task_id", ["", "..", None])
def test_resuming_nothing_is_refused(task_id: Any) -> None:
    with pytest.raises(InvalidInput, match="task_id"):
        images.resume(task_id)


def test_the_list_is_the_other_familys_path(face: Face, scripted: ScriptedServer) -> None:
    scripted.script(json_reply([{"task_id": "t1", "model": "qwen-image", "status": "RUNNING"}]))
    (task,) = face.send(images.list_tasks())
    assert (scripted.seen[0].method, scripted.seen[0].path) == ("GET", "/projects/easyllms/imagegenerator/task")
    assert (task.task_id, task.model, task.phase, task.word) == ("t1", "qwen-image", TaskPhase.RUNNING, "RUNNING")


def test_a_result_is_fetched_and_the_key_stays(face: Face, scripted: ScriptedServer) -> None:
    elsewhere = ScriptedServer()
    try:
        elsewhere.script(Reply(headers={"content-type": "image/png"}, pieces=[b"\x89PNG\r\n\x1a\n"]))
        scripted.script(json_reply(CREATED), done(f"{elsewhere.url}/a.png"))
        fetched = face.download(face.wait(images.generate("x")).url)
        assert (fetched.data, fetched.name, fetched.content_type) == (b"\x89PNG\r\n\x1a\n", "a.png", "image/png")
        assert "authorization" not in elsewhere.seen[0].headers
        assert "k-secret" not in str(elsewhere.seen[0])
    finally:
        elsewhere.close()
    scripted.script(Reply(headers={"content-type": "image/png"}, pieces=[b"\x89PNG\r\n\x1a\n"]))
    face.download(f"{scripted.url}/oss-images/3/result.png")
    assert scripted.seen[-1].headers["authorization"] == "Bearer k-secret"


# --- editing -------------------------------------------------------------------------------------------------------

EDITED = {
    "output": {
        "choices": [
            {
                "finish_reason": "stop",
                "message": {
                    "role": "assistant",
                    "content": [{"image": "https://www.sophnet.com/api/oss-images/3/result.png"}],
                },
            }
        ]
    },
    "usage": {"width": 1248, "image_count": 1, "height": 832},
    "request_id": "bf37ca26-0abe-98e4-8065-xxxxxx",
}
ONE, TWO = "https://example.com/image1.png", "https://example.com/image2.png"


def test_the_edit_sample_goes_out_as_documented(face: Face, scripted: ScriptedServer) -> None:
    scripted.script(json_reply(EDITED))
    call = images.edit("图1中的女生穿着图2中的黑色裙子", [ONE, TWO], seed=42, negative_prompt=" ", watermark=False)
    changed = face.send(call)
    (seen,) = scripted.seen
    assert (seen.method, seen.path) == ("POST", "/projects/easyllms/image-edit")
    assert seen.json == {
        "model": "Qwen-Image-Edit-2509",
        "input": {
            "messages": [
                {
                    "role": "user",
                    "content": [{"image": ONE}, {"image": TWO}, {"text": "图1中的女生穿着图2中的黑色裙子"}],
                }
            ]
        },
        "parameters": {"seed": 42, "negative_prompt": " ", "watermark": False},
    }
    assert changed.url == "https://www.sophnet.com/api/oss-images/3/result.png"
    assert (changed.width, changed.height, changed.request_id) == (1248, 832, EDITED["request_id"])
    assert changed.raw == EDITED


@pytest.mark.parametrize("given", [ONE, [ONE], (ONE,), Media(url=ONE), [Media(url=ONE)]])
def test_one_picture_in_every_form(given: Any) -> None:
    call = images.edit("x", given, extra_body={"parameters": {"n": 1}})
    assert call.request.json["input"]["messages"][0]["content"] == [{"image": ONE}, {"text": "x"}]
    assert call.request.json["parameters"] == {"n": 1}
    assert "parameters" not in images.edit("x", given).request.json


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"images": b"\x89PNG\r\n\x1a\n"}, "images must be an http or https URL.*QINIU_ACCESS_KEY.*image_editing"),
        ({"images": [ONE, Path("a.png")]}, r"images\[1\] must be an http or https URL, not a local file"),
        ({"images": "data:image/png;base64,AAAA"}, "images must be an http or https URL"),
        ({"images": "ftp://example.com/a.png"}, "http or https URL"),
        ({"images": "https://example.com/a.pdf"}, "is application/pdf; only pictures"),
        ({"images": []}, "images is empty"),
        ({"images": None}, "images must be a picture or a list"),
        ({"images": {"image": ONE}}, "images must be a picture or a list"),
        ({"prompt": ""}, "prompt is empty"),
        ({"prompt": None}, "prompt must be a text"),
        ({"seed": -1}, "seed must be a whole number from 0 to 2147483647"),
        ({"seed": 2**31}, "seed must be a whole number from 0 to 2147483647"),
        ({"watermark": 1}, "watermark must be True or False"),
        ({"negative_prompt": 1}, "negative_prompt must be"),
        ({"model": " "}, "model must be a name such as Qwen-Image-Edit-2509"),
        ({"extra_body": "x"}, "extra_body must be a dict"),
    ],
)
def test_what_cannot_be_edited_is_refused(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        images.edit(**({"prompt": "x", "images": ONE} | arguments))


@pytest.mark.parametrize("seed", [0, 2**31 - 1, "42"])
def test_the_ends_of_the_seeds_range_pass(seed: Any) -> None:
    assert images.edit("x", ONE, seed=seed).request.json["parameters"] == {"seed": int(seed)}


def test_an_edit_is_not_ordered_twice(face: Face, scripted: ScriptedServer) -> None:
    for reply in (json_reply({}, 500), Reply(drop=True)):
        scripted.seen.clear()
        scripted.script(reply, json_reply(EDITED))
        with pytest.raises((ServerError, ConnectionFailed)):
            face.send(images.edit("x", ONE))
        assert len(scripted.seen) == 1


@pytest.mark.parametrize(
    "content", [[{"text": "好"}, {"image": ONE}], {"image": ONE}, ONE, [ONE], [{"type": "image", "image": ONE}]]
)
def test_the_picture_is_found_in_every_form(content: Any) -> None:
    call = images.edit("x", ONE)
    body = {"output": {"choices": [{"message": None}, {"message": {"content": content}}]}, "usage": None}
    changed = call.read(Response(200, {}, json.dumps(body).encode()))
    assert (changed.url, changed.width, changed.request_id) == (ONE, None, None)


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        ({"code": "InvalidParameter", "message": "坏", "request_id": "r"}, BadRequest, "坏"),
        ({"code": "InvalidParameter", "message": "坏", "output": {"choices": []}}, BadRequest, "坏"),
        ({"status": 500, "message": "坏"}, APIError, "坏"),
        ({"output": {"choices": [{"message": {"content": [{"text": "不行"}]}}]}}, UnexpectedAnswer, "no picture"),
        ({"output": None}, UnexpectedAnswer, "no picture"),
        ([], UnexpectedAnswer, "JSON object"),
    ],
)
def test_an_answer_without_a_picture_is_an_error(body: Any, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said):
        images.edit("x", ONE).read(Response(200, {}, json.dumps(body).encode()))
