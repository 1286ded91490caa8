"""SophNet's Speech to text as a task: ``…/easyllms/speechtotext/transcriptions`` and ``…/transcriptions/{taskId}``.

Tasks wait and are worked at in `transcription_jobs`; the synchronous way is in `sophnet_transcription_sync`.
"""

from __future__ import annotations

import re
from typing import Any, BinaryIO, Final

from aiohttp import web

from maaskit.sandbox.engines import CannotRead
from maaskit.sandbox.engines.conversations import Heard
from maaskit.sandbox.fetch import fetch_into, is_web_url
from maaskit.sandbox.forms import json_part, read_form
from maaskit.sandbox.replies import (
    RefusalError,
    envelope,
    json_reply,
    read_json,
    require_easyllm,
    require_project,
)
from maaskit.sandbox.state import state_of
from maaskit.sandbox.transcription_jobs import Job, Load
from maaskit.sandbox.variants import Variants

MAX_AUDIO_BYTES: Final = 1024**3
"""文件大小不超过1GB."""
FETCH_S: Final = 300.0

KINDS: Final = re.compile(
    rb"RIFF....WAVE|ID3|\xff[\xe0-\xff]|....(?:ftyp|moov|mdat|free|wide)|FLV|0&\xb2u|#!AMR|OggS|fLaC", re.DOTALL
)
"""How files of the kinds begin that the document lists: wav、mp3、m4a、flv、mp4、wma、3gp、amr、aac、ogg-opus、flac."""

NEWER_WORDS: Final = {"waiting": "pending", "doing": "running", "success": "succeeded", "failed": "failed"}


async def create(request: web.Request) -> web.Response:
    """Make a task of a recording that is uploaded or lies at a URL.

    Args:
        request: ``{"audio_url", "easyllm_id"}``, or a form with that object as ``data`` and the file as ``audio_file``.

    Returns:
        ``{"task_id", "taskId", "created"}``, as the switches have it.

    Raises:
        RefusalError: Another project or service (404), a field that the document refuses (400), or too many tasks
            that have not ended (429).

    Source:
        SophNet, Speech to text, 创建Task: 时长不能大于5小时,文件大小不超过1GB. What is wrong with the recording itself
        comes out in the task.
    """
    if "project_id" in request.match_info:
        require_project(request)
    uploaded = request.content_type.startswith("multipart/")
    load, held_bytes = await (_uploaded(request) if uploaded else _linked(request))
    jobs = state_of(request).transcriptions
    if not jobs.has_room(held_bytes):
        raise RefusalError(429, "too many tasks, or too large ones, have not ended yet", code="too_many_tasks")
    job = jobs.add(load, held_bytes)
    variants = state_of(request).variants
    if variants.transcription_nesting == "bare_id":
        return web.Response(text=job.id)
    return json_reply(_nested({**_ids(job, variants), "created": int(job.created_s)}, variants))


async def look(request: web.Request) -> web.Response:
    """Tell how a task stands.

    Args:
        request: A GET whose path ends with the task's id.

    Returns:
        ``{"task_id", "taskId", "status", "result", "errorMsg"}``: the text once there is one, the error if there is
        one, as the switches have it.

    Raises:
        RefusalError: Another project, no such task, or one made more than a day ago (404).

    Source:
        SophNet, Speech to text, 查询Task状态、结果: waiting、doing、success、failed.
    """
    if "project_id" in request.match_info:
        require_project(request)
    job = state_of(request).transcriptions.find(request.match_info["task_id"])
    if job is None:
        message = "there is no such task; one is kept for 24 hours"
        raise RefusalError(404, message, code="task_not_found", param="task_id")
    variants = state_of(request).variants
    return json_reply(_nested({**_ids(job, variants), **_standing(job, variants)}, variants))


async def _linked(request: web.Request) -> tuple[Load, int]:
    body = await read_json(request)
    _require_easyllm(request, body)
    url, own = body.get("audio_url"), state_of(request).own_file
    if not isinstance(url, str) or not is_web_url(url):
        raise _refusal("audio_url", "is required and must be an http(s) URL")

    async def load(file: BinaryIO) -> None:
        try:
            await fetch_into(file, url, param="audio_url", max_bytes=MAX_AUDIO_BYTES, timeout_s=FETCH_S, own=own)
        except RefusalError as refusal:
            raise CannotRead(refusal.message) from refusal
        _check_kind(file)

    return load, 0


async def _uploaded(request: web.Request) -> tuple[Load, int]:
    form = await read_form(request)
    _require_easyllm(request, json_part(form, "data"))
    part = form.get("audio_file")
    if part is None or part.filename is None:
        raise _refusal("audio_file", "is required, as a file with a name")
    if not part.data:
        raise _refusal("audio_file", "holds no data")
    data = part.data

    async def load(file: BinaryIO) -> None:
        file.write(data)
        _check_kind(file)

    return load, len(data)


def _check_kind(file: BinaryIO) -> None:
    file.seek(0)
    if not KINDS.match(file.read(16)):
        raise CannotRead("the recording is none of wav, mp3, m4a, flv, mp4, wma, 3gp, amr, aac, ogg-opus, flac")


def _require_easyllm(request: web.Request, body: dict[str, Any]) -> None:
    """Check the service's id, which the newer path without project does not need."""
    if "project_id" in request.match_info or body.get("easyllm_id") is not None:
        require_easyllm(request, body.get("easyllm_id"))


def _ids(job: Job, variants: Variants) -> dict[str, Any]:
    written = int(job.id) if variants.transcription_id_type == "number" else job.id
    both = variants.transcription_id == "both"
    return dict.fromkeys(("task_id", "taskId") if both else (variants.transcription_id,), written)


def _nested(fields: dict[str, Any], variants: Variants) -> dict[str, Any]:
    if variants.transcription_nesting == "result":
        return envelope(0, "请求成功", fields)
    if variants.transcription_nesting == "data":
        return {"code": 0, "data": fields}
    return {"output": fields} if variants.transcription_nesting == "output" else fields


def _standing(job: Job, variants: Variants) -> dict[str, Any]:
    newer = variants.transcription_result == "transcripts"
    fields: dict[str, Any] = {"task_status": NEWER_WORDS[job.status]} if newer else {"status": job.status}
    if job.error is not None:
        fields["errorMsg"] = job.error
    if job.heard is None:
        return fields
    plain = "\n".join(line.text for line in job.heard.lines)
    if newer:
        fields["results"] = [{"transcripts": [{"text": plain}]}]
    else:
        fields["result"] = plain if variants.transcription_result == "plain" else _lines(job.heard)
    if variants.transcription_duration:
        fields["audio_duration"] = job.heard.duration_ms / 1000
    return fields


def _lines(heard: Heard) -> str:
    return "".join(f"[{_time(s.begin_ms)},{_time(s.end_ms)},{s.speaker}] {s.text}\n" for s in heard.lines)


def _time(ms: int) -> str:
    """Write a time as in the example, ``0:5.840``; the minutes of a long recording pass 59."""
    return f"{ms // 60_000}:{ms % 60_000 / 1000:.3f}"


def _refusal(param: str, what: str) -> RefusalError:
    return RefusalError(400, f"{param} {what}", code="invalid_parameter", param=param)


_TASKS = "easyllms/speechtotext/transcriptions"
ROUTES = [
    ("POST", f"/projects/{{project_id}}/{_TASKS}", create),
    ("GET", f"/projects/{{project_id}}/{_TASKS}/{{task_id}}", look),
    # The newer paths, without project.
    ("POST", f"/projects/{_TASKS}", create),
    ("GET", f"/projects/{_TASKS}/{{task_id}}", look),
]
