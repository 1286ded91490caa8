"""SophNet's Text to image: tasks made, looked at and listed.

Pictures are painted by `engines.painting`; tasks live in `studio_jobs`.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from aiohttp import web

from maaskit.sandbox.chat_rules import refused
from maaskit.sandbox.engines import painting
from maaskit.sandbox.faults import IN_FORCE
from maaskit.sandbox.replies import RefusalError, json_reply, read_json
from maaskit.sandbox.state import SandboxState, state_of
from maaskit.sandbox.studio_fields import default_seed, flag_of, object_of, text_of
from maaskit.sandbox.studio_jobs import StudioJob
from maaskit.sandbox.variants import Variants

RICH_MODEL: Final = "qwen-image"
"""input.negative_prompt … 支持qwen-image; parameters.prompt_extend … 仅支持qwen-image."""

SIZES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        RICH_MODEL: ("1328*1328", "1664*928", "928*1664", "1472*1104", "1104*1472", "1056*1584"),
        "z-image-turbo": ("1024*1024", "1024*768", "768*1024"),
    }
)
"""The first one is a model's default: 默认为1328*1328, 默认值为1024*1024."""

WORDS: Final = {"working": "RUNNING", "failed": "FAILED", "canceled": "CANCELED"}


@dataclass(frozen=True, slots=True)
class ImageOrder:
    """Hold a request whose fields have been checked."""

    model: str
    prompt: str
    negative: str
    size: str
    seed: int
    extended: bool


async def create(request: web.Request) -> web.Response:
    """Take a task.

    Args:
        request: ``{"model", "input": {"prompt", "negative_prompt"}, "parameters": {"size", "seed", "prompt_extend"}}``.

    Returns:
        ``{"requestId", "output": {"taskId", "taskStatus"}}``.

    Raises:
        RefusalError: A field that the document refuses (400), or too many tasks (429).

    Source:
        SophNet, Text to image, 创建Task.
    """
    order = _checked(await read_json(request))
    state = state_of(request)
    if state.studio.is_full:
        raise RefusalError(429, "too many tasks are waiting", code="rate_limited")
    fault = IN_FORCE.get()

    def make(stop: threading.Event) -> str:  # noqa: ARG001 - a picture is painted at once
        return _painted(order, state)

    job = StudioJob(id=secrets.token_hex(12), model=order.model, is_film=False)
    state.studio.add(job, make, end=fault.task_end or "", reason=fault.message)
    return json_reply(_answer(job, state.variants, is_new=True))


async def look(request: web.Request) -> web.Response:
    """Answer where a task stands.

    Args:
        request: A GET whose path ends with the task's id.

    Returns:
        ``{"requestId", "output": {"taskId", "taskStatus", "results": [{"url"}]}, "usage": {"imageCount"}}``.

    Raises:
        RefusalError: There is no such task (404).

    Source:
        SophNet, Text to image, 获取task结果.
    """
    state = state_of(request)
    job = state.studio.find(request.match_info["task_id"], is_film=False)
    if job is None:
        raise RefusalError(404, "task not found", code="task_not_found", param="task_id")
    return json_reply(_answer(job, state.variants))


async def list_tasks(request: web.Request) -> web.Response:
    """List the tasks.

    Args:
        request: A GET.

    Returns:
        ``[{"task_id", "model", "status"}]``, newest first.

    Source:
        SophNet, Text to image, 查询task列表.
    """
    state = state_of(request)
    entries = [
        {"task_id": job.id, "model": job.model, "status": _word(job, state.variants)}
        for job in state.studio.all(is_film=False)
    ]
    return json_reply(entries)


def _checked(body: Mapping[str, Any]) -> ImageOrder:
    model = body.get("model")
    if not isinstance(model, str) or model not in SIZES:
        raise refused("model", f"model is required, one of {', '.join(SIZES)}")
    said, wanted = object_of(body, "input", required=True), object_of(body, "parameters")
    prompt = text_of(said, "prompt", "input.prompt", required=True)
    negative = text_of(said, "negative_prompt", "input.negative_prompt")
    extended = flag_of(wanted, "prompt_extend", "parameters.prompt_extend")
    if model != RICH_MODEL and (negative or extended is not None):
        name = "input.negative_prompt" if negative else "parameters.prompt_extend"
        raise refused(name, f"{name} is supported by {RICH_MODEL} alone")
    size = wanted.get("size")
    if size is None:
        size = SIZES[model][0]
    if size not in SIZES[model]:
        raise refused("parameters.size", f"parameters.size of {model} must be one of {', '.join(SIZES[model])}")
    seed = wanted.get("seed")
    if seed is not None and type(seed) is not int:
        raise refused("parameters.seed", "parameters.seed must be an integer")
    return ImageOrder(
        model=model,
        prompt=prompt,
        negative=negative,
        size=size,
        seed=default_seed(prompt, negative) if seed is None else seed,
        extended=model == RICH_MODEL and extended is not False,
    )


def _painted(order: ImageOrder, state: SandboxState) -> str:
    width, height = map(int, order.size.split("*"))
    picture = painting.paint(
        order.prompt, width, height, seed=order.seed, negative=order.negative, shaded=order.extended
    )
    return state.keep(picture, "image/png")


def _word(job: StudioJob, variants: Variants) -> str:
    words = {**WORDS, "waiting": variants.image_waiting, "done": variants.image_success}
    word = words[job.phase]
    return word.lower() if variants.image_words == "lower" else word


def _answer(job: StudioJob, variants: Variants, *, is_new: bool = False) -> dict[str, Any]:
    output: dict[str, Any] = {"taskId": job.id, "taskStatus": _word(job, variants)}
    answer: dict[str, Any] = {"requestId": secrets.token_hex(8), "output": output}
    if job.phase == "done":
        output["results"] = [{"url": job.url}]
        answer["usage"] = {"imageCount": 1}
    elif not is_new and variants.image_results != "absent":
        output["results"] = None if variants.image_results == "null" else []
    if job.phase == "failed":
        _tell(job.error, answer, variants)
    return answer


def _tell(reason: str, answer: dict[str, Any], variants: Variants) -> None:
    """Put the reason of a failure where clients have seen one."""
    place, name = variants.image_reason.split("_", 1)
    code = {"code": "InternalError"} if name in ("message", "code") else {}
    said = code if name == "code" else {**code, name: reason}
    if place == "top":
        answer.update(said)
    elif place == "results":
        answer["output"]["results"] = [said]
    else:
        answer["output"].update(said)


ROUTES = [
    ("POST", "/projects/easyllms/texttoimage/task", create),
    ("GET", "/projects/easyllms/texttoimage/task/{task_id}", look),
    ("GET", "/projects/easyllms/imagegenerator/task", list_tasks),
]
