"""SophNet's Video generator: tasks made, looked at, listed and canceled.

Films are made by `engines.film`; tasks live in `studio_jobs`, requests are checked in `video_orders`.
"""

from __future__ import annotations

import secrets
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from math import gcd
from typing import Any, Final

from aiohttp import web

from maaskit.sandbox.engines import film
from maaskit.sandbox.faults import IN_FORCE
from maaskit.sandbox.replies import RefusalError, json_bytes, json_reply, read_json
from maaskit.sandbox.state import SandboxState, state_of
from maaskit.sandbox.studio_jobs import StudioJob
from maaskit.sandbox.variants import Variants
from maaskit.sandbox.video_orders import GRADES, VideoOrder, read_order

WORDS: Final = {
    "waiting": "queued",
    "working": "running",
    "done": "succeeded",
    "failed": "failed",
    "canceled": "cancelled",
}
"""任务状态,包括queued, running, cancelled, succeeded, failed."""


@dataclass(slots=True)
class VideoJob(StudioJob):
    """One task that makes a film.

    Args:
        wanted: What film is wanted, without the picture it begins with, which is not kept longer than it is needed.
    """

    wanted: film.Order = field(kw_only=True)


async def create(request: web.Request) -> web.Response:
    """Take a task.

    Args:
        request: ``{"model", "content": [...], "parameters": {"size", "duration", "seed"}}``.

    Returns:
        The bare id as text, or as `Variants.video_created` has it.

    Raises:
        RefusalError: A field that the document refuses, a picture that breaks the conditions of its note (400), or too
            many tasks (429).

    Source:
        SophNet, Video generator, 创建Task: text/plain, 直接返回taskId.
    """
    state = state_of(request)
    order = await read_order(await read_json(request), state)
    if state.studio.is_full:
        raise RefusalError(429, "too many tasks are waiting", code="rate_limited")
    fault = IN_FORCE.get()
    as_number = state.variants.video_created == "number"
    job_id = str(10**9 + secrets.randbelow(9 * 10**9)) if as_number else str(uuid.uuid4())
    job = VideoJob(id=job_id, model=order.model, is_film=True, wanted=replace(order.film, picture=None))
    state.studio.add(job, partial(_filmed, order, state), end=fault.task_end or "", reason=fault.message)
    return _created(job, state.variants)


async def look(request: web.Request) -> web.Response:
    """Answer where a task stands.

    Args:
        request: A GET whose path ends with the task's id.

    Returns:
        ``{"id", "model", "status", "content": {"video_url"}, "usage", "created_at", "updated_at"}``.

    Raises:
        RefusalError: There is no such task (404).

    Source:
        SophNet, Video generator, 获取task结果: 所有值为null的字段将不会出现在响应中.
    """
    return json_reply(_answer(_job(request), state_of(request).variants))


async def list_tasks(request: web.Request) -> web.Response:
    """List the tasks.

    Args:
        request: A GET.

    Returns:
        ``[{"task_id", "model", "status"}]``, newest first.

    Source:
        SophNet, Video generator, 查询task列表.
    """
    jobs = state_of(request).studio.all(is_film=True)
    return json_reply([{"task_id": job.id, "model": job.model, "status": WORDS[job.phase]} for job in jobs])


async def cancel(request: web.Request) -> web.Response:
    """Cancel a task.

    Args:
        request: A DELETE whose path ends with the task's id.

    Returns:
        ``{"success", "taskId", "message"}``; what has ended cannot be canceled, and is no error of HTTP.

    Raises:
        RefusalError: There is no such task (404).

    Source:
        SophNet, Video generator, 取消Task.
    """
    job = _job(request)
    success = state_of(request).studio.cancel(job)
    message = "任务取消成功" if success else f"任务取消失败: 任务已结束, 状态为{WORDS[job.phase]}"
    return json_reply({"success": success, "taskId": job.id, "message": message})


def _job(request: web.Request) -> VideoJob:
    job = state_of(request).studio.find(request.match_info["task_id"], is_film=True)
    if not isinstance(job, VideoJob):
        raise RefusalError(404, "task not found", code="task_not_found", param="task_id")
    return job


def _filmed(order: VideoOrder, state: SandboxState, stop: threading.Event) -> str:
    return state.keep(film.film(order.film, stop), "video/mp4")


def _created(job: StudioJob, variants: Variants) -> web.Response:
    shapes: Mapping[str, Any] = {
        "taskId": {"taskId": job.id},
        "task_id": {"task_id": job.id},
        "id": {"id": job.id},
        "code_data": {"code": 0, "data": {"task_id": job.id}},
        "status_result": {"status": 0, "message": "请求成功", "result": {"task_id": job.id}},
    }
    shape = variants.video_created
    if shape in shapes:
        return json_reply(shapes[shape])
    if shape == "number":
        return web.Response(body=job.id.encode(), content_type="application/json")
    body = json_bytes(job.id) if shape == "quoted" else job.id.encode()
    return web.Response(body=body, content_type="text/plain")


def _answer(job: VideoJob, variants: Variants) -> dict[str, Any]:
    in_ms = 1000 if variants.video_times == "ms" else 1
    answer: dict[str, Any] = {
        "id": job.id,
        "model": job.model,
        "status": WORDS[job.phase],
        "content": {"video_url": job.url} if job.phase == "done" else None,
        "usage": _usage(job.wanted, variants) if job.phase == "done" else None,
        "error": None,
        "created_at": int(job.created_s * in_ms),
        "updated_at": int(job.updated_s * in_ms),
    }
    if job.phase == "failed" and variants.video_reason == "error":
        answer["error"] = {"code": "InternalError", "message": job.error}
    elif job.phase == "failed" and variants.video_reason == "message":
        answer["message"] = job.error
    return answer if variants.video_nulls else {name: value for name, value in answer.items() if value is not None}


def _usage(wanted: film.Order, variants: Variants) -> dict[str, Any]:
    size = f"{wanted.width}*{wanted.height}"
    share = gcd(wanted.width, wanted.height)
    return {
        "duration": wanted.duration_s,
        "resolution": GRADES[size] if variants.video_resolution == "grade" else size,
        "video_count": 1,
        "ratio": f"{wanted.width // share}:{wanted.height // share}",
    }


ROUTES = [
    ("POST", "/projects/easyllms/videogenerator/task", create),
    ("GET", "/projects/easyllms/videogenerator/task", list_tasks),
    ("GET", "/projects/easyllms/videogenerator/task/{task_id}", look),
    ("DELETE", "/projects/easyllms/videogenerator/task/{task_id}", cancel),
]
