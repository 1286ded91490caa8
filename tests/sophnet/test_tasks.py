"""What image and video tasks share: ids in every form, lists, and refusals that look like answers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maaskit import (
    APIError,
    BadRequest,
    Client,
    InvalidInput,
    MaasError,
    RateLimited,
    SophNet,
    TaskFailed,
    TaskPhase,
    UnexpectedAnswer,
)
from maaskit.sophnet import images, tasks, transcription, videos, voices
from maaskit.task import TaskState
from maaskit.wire import Response
from tests.scripted import ScriptedServer, json_reply


def answer(body: Any, kind: str = "application/json") -> Response:
    data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    return Response(200, {"content-type": kind}, data, "/task")


# --- heads ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("resume", [transcription.resume, images.resume, videos.resume])
def test_a_look_has_the_heads_that_the_document_requires(scripted: ScriptedServer, resume: Any) -> None:
    """The tables want it of 查询Task状态、结果 and 获取task结果 (是, 固定值application/json), without a body."""
    scripted.script(json_reply({"status": "failed"}))
    cloud = SophNet(api_key="k", base_url=scripted.url, project_id="P1")
    with Client(cloud, timeout=10) as client, pytest.raises(TaskFailed):
        client.wait(resume("t1"))
    (seen,) = scripted.seen
    assert (seen.method, seen.body, seen.headers["content-type"]) == ("GET", b"", "application/json")
    assert seen.headers["authorization"] == "Bearer k"


@pytest.mark.parametrize(
    "call", [images.list_tasks(), videos.list_tasks(), videos.cancel("t1"), voices.list_voices(easyllm_id="E1")]
)
def test_other_questions_without_a_body_name_no_type(scripted: ScriptedServer, call: Any) -> None:
    """取消Task: 本接口不需要 Content-Type 和 Body; the tables of the lists have Authorization alone."""
    scripted.script(json_reply({"success": True, "result": []}))
    with Client(SophNet(api_key="k", base_url=scripted.url), timeout=10) as client:
        client.send(call)
    (seen,) = scripted.seen
    assert (seen.body, seen.headers.get("content-type")) == (b"", None)


# --- ids (wire-facts C.14, C.19) -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["text/plain", "application/json", "text/html", ""])
@pytest.mark.parametrize(
    ("body", "task_id"),
    [
        (b"a2b9f8c0-1234-4d8f-9b22-9a82f0c9c001", "a2b9f8c0-1234-4d8f-9b22-9a82f0c9c001"),
        (b"  cgt-20261126-x1\r\n", "cgt-20261126-x1"),
        (b"\xef\xbb\xbft7", "t7"),
        (b'"a2b9"', "a2b9"),
        (b"10047816884", "10047816884"),
        (b"0012", "0012"),
        (b"12e4", "12e4"),
        (b"123456789012345678901234567890", "123456789012345678901234567890"),
        ({"taskId": "t1"}, "t1"),
        ({"task_id": "t1", "taskId": "t2"}, "t1"),
        ({"task_id": 42}, "42"),
        ({"id": "t1", "status": "queued"}, "t1"),
        ({"output": {"taskId": "t1", "taskStatus": "PENDING"}}, "t1"),
        ({"output": {"task_id": "t1"}, "usage": None}, "t1"),
        ({"code": 0, "data": {"task_id": "t1"}}, "t1"),
        ({"status": 0, "message": "请求成功", "result": {"task_id": "t1"}, "timestamp": 1765420402078}, "t1"),
        ({"status": 0, "result": "t1"}, "t1"),
        ({"code": 200, "data": 7}, "7"),
        ({"task_id": "", "taskId": None, "id": "t1"}, "t1"),
    ],
)
def test_an_id_is_found_in_every_form(body: Any, task_id: str, kind: str) -> None:
    assert tasks.read_id(answer(body, kind)) == task_id


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"<html><body>502 Bad Gateway</body></html>",
        b"<a>",
        b"internal error",
        b"error",
        b"Unauthorized",
        b"null",
        b"true",
        b'"not an id"',
        b'""',
        b"[]",
        b'["t1"]',
        b"{",
        b"t1\nt2",
        b"x" * 201,
        {},
        {"message": "提交成功"},
        {"output": {"taskId": ""}},
        {"task_id": ["t1"]},
        {"task_id": True},
        "任务提交失败".encode(),
    ],
)
def test_what_is_no_id_becomes_none(body: Any) -> None:
    with pytest.raises(UnexpectedAnswer):
        tasks.read_id(answer(body, "text/plain"))


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        ({"status": 20001, "message": "余额不足", "result": None, "timestamp": 1}, APIError, "余额不足"),
        ({"status": 500, "message": "x", "id": "req-1"}, APIError, "x"),
        ({"requestId": "r", "code": "InvalidParameter", "message": "size"}, BadRequest, "size"),
        ({"code": "InvalidParameter", "message": "size", "output": {}}, BadRequest, "size"),
        ({"code": "InvalidParameter", "message": "size", "output": {"taskStatus": "FAILED"}}, BadRequest, "size"),
        ({"code": "Throttling", "message": "too many"}, RateLimited, "too many"),
        ({"error": {"message": "no", "code": "invalid"}}, BadRequest, "no"),
        ({"error": "no"}, APIError, "no"),
        ({"success": False, "message": "no"}, APIError, "no"),
        ({"code": 40001, "msg": "no"}, APIError, "no"),
    ],
)
def test_a_refusal_is_no_id(body: Any, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said):
        tasks.read_id(answer(body, "text/plain"))


@given(st.binary(max_size=200))
def test_any_bytes_give_an_id_or_an_error(body: bytes) -> None:
    try:
        task_id = tasks.read_id(answer(body))
    except MaasError:
        return
    assert task_id.isprintable()
    assert not set(task_id) & set(" <>{}\"'\n")
    assert tasks.path_of("/t", task_id).startswith("/t/")


@pytest.mark.parametrize("task_id", ["", "  ", ".", "..", None, 7, "a\nb", "x" * 501])
def test_what_is_no_id_has_no_path(task_id: Any) -> None:
    with pytest.raises(InvalidInput, match="task_id must be the id"):
        tasks.path_of("/t", task_id)


def test_an_id_leads_nowhere_else() -> None:
    assert tasks.path_of("/t", "../x?y#{project_id}") == "/t/..%2Fx%3Fy%23%7Bproject_id%7D"


# --- lists ---------------------------------------------------------------------------------------------------------

LISTED = [
    {"task_id": "t1", "model": "qwen-image", "status": "SUCCESSED"},
    {"task_id": "t2", "model": "z-image-turbo", "status": "SUSPENDED"},
    {"taskId": 3, "taskStatus": "cancelled"},
]


@pytest.mark.parametrize(
    "body", [LISTED, {"status": 0, "result": LISTED}, {"code": 0, "data": LISTED}, {"tasks": LISTED}]
)
def test_a_list_is_read_bare_and_wrapped(body: Any) -> None:
    first, second, third = tasks.listing("/t").read(answer(body))
    assert (first.task_id, first.model, first.phase, first.word) == (
        "t1",
        "qwen-image",
        TaskPhase.SUCCEEDED,
        "SUCCESSED",
    )
    assert (second.phase, second.raw) == (TaskPhase.RUNNING, LISTED[1])
    assert (third.task_id, third.model, third.phase) == ("3", None, TaskPhase.CANCELED)


def test_an_empty_list_is_empty() -> None:
    assert tasks.listing("/t").read(answer([])) == ()


@pytest.mark.parametrize("body", [{}, {"result": None}, "x", [1], [{"model": "m"}], b"<html>"])
def test_what_is_no_list_is_an_error(body: Any) -> None:
    with pytest.raises(UnexpectedAnswer):
        tasks.listing("/t").read(answer(body))


def test_a_refused_list_is_a_refusal() -> None:
    with pytest.raises(APIError, match="无权限"):
        tasks.listing("/t").read(answer({"status": 403, "message": "无权限", "result": []}))


# --- anything at all -----------------------------------------------------------------------------------------------

WORDS = st.sampled_from(["SUCCEEDED", "failed", "running", "cancelled", "什么", "", "0", "https://x.example/a", "true"])
NAMES = st.sampled_from(
    [
        "output",
        "result",
        "data",
        "taskStatus",
        "status",
        "results",
        "url",
        "image",
        "content",
        "video_url",
        "message",
        "code",
        "error",
        "success",
        "choices",
        "usage",
        "duration",
        "width",
        "created_at",
        "task_id",
        "id",
        "model",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=6),
    max_leaves=12,
)


@given(VALUES)
def test_any_json_gives_an_answer_or_an_error(value: Any) -> None:
    response = answer(json.dumps(value).encode())
    readers = (
        images.resume("t").read,
        videos.resume("t").read,
        images.edit("x", "https://example.com/a.png").read,
        images.list_tasks().read,
        videos.cancel("t").read,
        tasks.read_id,
    )
    for read in readers:
        try:
            found = read(response)
        except MaasError:
            continue
        if isinstance(found, TaskState) and found.result is not None:
            assert found.phase is TaskPhase.SUCCEEDED
            assert found.result.url.lower().startswith("http")


def test_a_listener_that_nobody_awaits_is_refused_before_anything_is_paid(scripted: ScriptedServer) -> None:
    async def listen(_: Any) -> None:
        """Wait for nothing."""

    cloud = SophNet(api_key="k", base_url=scripted.url)
    with Client(cloud) as client, pytest.raises(InvalidInput, match="coroutine function, which AsyncClient awaits"):
        client.wait(images.generate("x"), on_update=listen)
    assert scripted.seen == []
