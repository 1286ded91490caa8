"""SophNet's videos: a text, a picture or both in, a film out (a task that can be cancelled).

How tasks tell where they stand is ``tasks``' business; a result stays a URL, which ``client.download`` fetches.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from maaskit import extra_body as further
from maaskit.answers import parse_object, unexpected
from maaskit.errors import InvalidInput
from maaskit.media import MIB, Media, MediaSource, sniff
from maaskit.sophnet import tasks
from maaskit.sophnet.picture_settings import (
    check_model,
    check_negative_prompt,
    check_prompt,
    size_on_the_wire,
    whole_seed,
)
from maaskit.sophnet.tasks import TaskSummary
from maaskit.task import Task, TaskPhase, TaskState
from maaskit.wire import Call, Request, Response

_TASKS = "/projects/easyllms/videogenerator/task"

TEXT_MODEL = "Wan2.2-T2V-A14B"
IMAGE_MODEL = "Wan2.2-I2V-A14B"

# The document's "多种预设尺寸", by line: 480P, 720P, 1080P.
_SIZES = (
    *("832*480", "480*832", "640*640"),
    *("1280*720", "720*1280", "960*960", "1088*832", "832*1088"),
    *("1920*1080", "1080*1920", "1440*1440", "1632*1248", "1248*1632"),
)
SIZES: Mapping[str, tuple[str, ...]] = {TEXT_MODEL: _SIZES, IMAGE_MODEL: _SIZES}
# The document: "视频时长(秒),支持: 1:1秒 5:5秒".
DURATIONS_S: Mapping[str, tuple[int, ...]] = {TEXT_MODEL: (1, 5), IMAGE_MODEL: (1, 5)}
# The document: "取值范围:[0, 2^32-1]之间的整数".
MAX_SEED = 2**32 - 1

# The document: "图片格式:jpeg、png、webp、bmp、tiff、gif".
IMAGE_TYPES = ("image/jpeg", "image/png", "image/webp", "image/bmp", "image/tiff", "image/gif")
# "大小:小于30MB": 30 MiB itself is refused.
MAX_IMAGE_BYTES = 30 * MIB - 1
# "宽高比(宽/高):在范围 (0.4, 2.5)", "宽高长度(px):(300, 6000)": the ends are outside.
IMAGE_RATIO = (0.4, 2.5)
IMAGE_SIDE_PX = (300, 6000)

# Of a model that the document does not list: a day, so that a number is one that can be sent.
_LONGEST_S = 24 * 3600
# A film takes minutes, and queues.
_TIMEOUT_S = 1800.0


@dataclass(frozen=True, slots=True)
class GeneratedVideo:
    """Be the film that a task made.

    Args:
        url: Where it is; a URL may be signed and expire, so fetch it soon.
        duration_s: How many seconds it plays, if told.
        resolution: Such as ``720p`` or ``832*480``, if told.
        ratio: Width to height, such as ``16:9``, if told.
        created_at_s: When the task was created, in seconds since the epoch, if told.
        updated_at_s: When it ended, likewise.
        raw: The service's own object.
    """

    url: str
    duration_s: float | None = None
    resolution: str | None = None
    ratio: str | None = None
    created_at_s: float | None = None
    updated_at_s: float | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Cancellation:
    """Be the service's word that a task was cancelled.

    Args:
        task_id: The task, as the service names it.
        message: The service's explanation, if told.
        raw: The service's own object.
    """

    task_id: str
    message: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


def generate(
    prompt: str | None,
    image: MediaSource | None = None,
    *,
    model: str | None = None,
    negative_prompt: str | None = None,
    size: str | None = None,
    duration: float | None = None,
    seed: int | str | None = None,
    extra_body: Mapping[str, Any] | None = None,
) -> Task[GeneratedVideo]:
    """Film a text, or a picture that begins to move.

    Args:
        prompt: What should be seen, in Chinese or English; with an image it may be ``None``.
        image: The first picture: a URL, which the service fetches itself, or a path, bytes or Media, which goes along;
            jpeg, png, webp, bmp, tiff or gif of less than 30 MiB, sides of 301 to 5999 pixels, width/height between
            0.4 and 2.5.
        model: By default ``Wan2.2-I2V-A14B`` with an image and ``Wan2.2-T2V-A14B`` without; names that the document
            does not list pass.
        negative_prompt: What should not be seen; it belongs to the prompt.
        size: Width*height in pixels (``SIZES``). ``1280x720`` means ``1280*720``.
        duration: Seconds, 1 or 5.
        seed: 0 to 4294967295, as an int or its digits; the service's default is random.
        extra_body: Further fields; ``{"parameters": {"watermark": True}}`` joins the other parameters.

    Returns:
        A Task of the film's URL.

    Raises:
        InvalidInput: The picture does not fit, the model takes no such value, or an argument is none.

    Source:
        sophnet-api, Video generator, 创建Task; ``watermark`` stands in its sample alone.
    """
    chosen = check_model(model, TEXT_MODEL) if model is not None else (TEXT_MODEL if image is None else IMAGE_MODEL)
    parameters: dict[str, Any] = {}
    if size is not None:
        parameters["size"] = size_on_the_wire(size, chosen, SIZES)
    if duration is not None:
        parameters["duration"] = _duration_s(duration, chosen)
    if seed is not None:
        # "string: 种子值(整数字符串)", although the sample sends an int.
        parameters["seed"] = str(whole_seed(seed, MAX_SEED))
    content = _content(prompt, image, negative_prompt, chosen)
    body: dict[str, Any] = {"model": chosen, "content": content} | ({"parameters": parameters} if parameters else {})
    submit = Request("POST", _TASKS, json=further.joined(body, extra_body), resend="unaccepted")
    return Task(submit, tasks.read_id, _look, _read, cancel, timeout_s=_TIMEOUT_S)


def resume(task_id: str) -> Task[GeneratedVideo]:
    """Take up a task that runs already, in any process.

    Args:
        task_id: The id that an update, an error or the list told.

    Returns:
        A Task of the film's URL.

    Raises:
        InvalidInput: It is no id.

    Source:
        sophnet-api, Video generator, 获取task结果.
    """
    tasks.path_of(_TASKS, task_id)
    return Task(None, tasks.read_id, _look, _read, cancel, timeout_s=_TIMEOUT_S).resumed(task_id)


def list_tasks() -> Call[tuple[TaskSummary, ...]]:
    """Ask which video tasks there are.

    Returns:
        A Call of the tasks.

    Source:
        sophnet-api, Video generator, 查询task列表.
    """
    return tasks.listing(_TASKS)


def cancel(task_id: str) -> Call[Cancellation]:
    """Cancel a task.

    Args:
        task_id: Its id.

    Returns:
        A Call of the service's word for it; a task that cannot be cancelled any more is an APIError.

    Raises:
        InvalidInput: It is no id.

    Source:
        sophnet-api, Video generator, 取消Task.
    """
    return Call(Request("DELETE", tasks.path_of(_TASKS, task_id)), lambda response: _read_cancelled(response, task_id))


def check_image(image: Media, *, argument: str = "image") -> None:
    """Refuse a picture that the document excludes, as far as it can be known without the network.

    Args:
        image: The picture; of a URL only the name's ending is known.
        argument: The argument's name, for error messages.

    Raises:
        InvalidInput: Its format, size, sides or ratio do not fit.
    """
    kind = sniff(image.head()) or image.mime_type()
    if kind not in IMAGE_TYPES and not (kind is None and image.url is not None):
        raise InvalidInput(f"{argument} is {kind or 'no picture'}; allowed are jpeg, png, webp, bmp, tiff and gif.")
    if image.url is not None:
        return
    image.check_size(MAX_IMAGE_BYTES, argument=argument)
    sides = image.image_size()
    if sides is None:
        raise InvalidInput(f"{argument} is broken: its width and height cannot be read. Save it anew, as PNG or JPEG.")
    width, height = sides
    least, most = IMAGE_SIDE_PX
    if not (least < width < most and least < height < most):
        raise InvalidInput(
            f"{argument} has {width}*{height} pixels; each side must be more than {least} and less than {most}. Scale "
            "it."
        )
    low, high = IMAGE_RATIO
    if not low < width / height < high:
        raise InvalidInput(
            f"{argument} has {width}*{height} pixels, a ratio of {width / height:.3g}; width/height must be more than "
            f"{low} and less than {high}. Crop or pad it."
        )


def _content(prompt: Any, image: Any, negative_prompt: Any, model: str) -> list[dict[str, Any]]:
    if image is None and model == IMAGE_MODEL:
        raise InvalidInput(f"{model} needs an image; without one use model='{TEXT_MODEL}', or leave model out.")
    if image is not None and model == TEXT_MODEL:
        raise InvalidInput(f"{model} takes no image; with one use model='{IMAGE_MODEL}', or leave model out.")
    content: list[dict[str, Any]] = []
    if prompt is not None or image is None:
        content.append({"type": "text", "text": check_prompt(prompt)})
    if negative_prompt is not None:
        if not content:
            raise InvalidInput("negative_prompt belongs to a prompt; pass one as well.")
        content[0]["negative_prompt"] = check_negative_prompt(negative_prompt)
    if image is not None:
        media = Media.of(image, argument="image")
        check_image(media)
        prefix = f"data:{sniff(media.head()) or media.mime_type()};base64,"
        url = media.data_url(limit=MAX_IMAGE_BYTES, argument="image", prefix=prefix)
        content.append({"type": "image_url", "image_url": {"url": url}})
    return content


def _duration_s(duration: Any, model: str) -> float:
    number = isinstance(duration, int | float) and not isinstance(duration, bool)
    listed = DURATIONS_S.get(model)
    shown = " or ".join(map(str, listed)) if listed else "a number above 0"
    if not number or not 0 < duration <= _LONGEST_S or (listed and duration not in listed):  # NaN as well
        raise InvalidInput(f"duration must be {shown} (seconds) with {model}, not {duration!r:.100}.")
    return int(duration) if duration == int(duration) else float(duration)


def _look(task_id: str) -> Request:
    return tasks.looking(_TASKS, task_id)


def _read(response: Response) -> TaskState[GeneratedVideo]:
    word, place, whole = tasks.standing(response)
    if TaskPhase.of(word) is not TaskPhase.SUCCEEDED:
        return tasks.failure(word, place, whole)
    content = place.get("content")
    url = content.get("video_url") if isinstance(content, Mapping) else place.get("video_url")
    if not isinstance(url, str) or not url.lower().startswith(("http://", "https://")):
        return tasks.failure(word, place, whole)
    usage = place.get("usage")
    told = usage if isinstance(usage, Mapping) else {}
    return TaskState(
        TaskPhase.SUCCEEDED,
        word,
        GeneratedVideo(
            url,
            _number(told.get("duration")),
            _text(told.get("resolution")),
            _text(told.get("ratio")),
            _epoch_s(place.get("created_at")),
            _epoch_s(place.get("updated_at")),
            whole,
        ),
    )


def _read_cancelled(response: Response, task_id: str) -> Cancellation:
    answer = parse_object(response)  # success=false is a refusal, with its message
    said = answer.get("success")
    if said is None:
        raise unexpected(response, "does not tell whether the task was cancelled")
    if str(said).lower() not in ("true", "1"):
        tasks.check_refusal({**answer, "success": False}, response, is_answered=True)
    return Cancellation(tasks.id_in(answer) or task_id.strip(), _text(answer.get("message")), answer)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    if not math.isfinite(number) or number < 0:
        return None
    return int(number) if number.is_integer() else number


def _epoch_s(value: Any) -> float | None:
    """Read a moment: the document says seconds, newer answers have milliseconds (wire-facts C.21)."""
    number = _number(value)
    return number / 1000 if number is not None and number > 1e11 else number
