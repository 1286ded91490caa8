"""SophNet's images: a text in, a picture out (a task), and pictures changed by a text (one question).

How tasks tell where they stand is ``tasks``' business; a result stays a URL, which ``client.download`` fetches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from maaskit import extra_body as further
from maaskit.answers import parse_object, unexpected
from maaskit.errors import InvalidInput
from maaskit.media import MIB, Media, MediaSource, sniff
from maaskit.public_url import public_url
from maaskit.sophnet import tasks
from maaskit.sophnet.picture_settings import (
    check_flag,
    check_model,
    check_negative_prompt,
    check_prompt,
    size_on_the_wire,
    whole_seed,
)
from maaskit.sophnet.tasks import TaskSummary
from maaskit.task import Task, TaskPhase, TaskState
from maaskit.wire import Call, Request, Response

# The document names no size for a picture that is edited; this figure is ours, so that nothing grows without bound.
MAX_IMAGE_BYTES = 30 * MIB

_TASKS = "/projects/easyllms/texttoimage/task"
# Another family's name than that of the other two; the document writes it so.
_LIST = "/projects/easyllms/imagegenerator/task"
_EDIT = "/projects/easyllms/image-edit"

DEFAULT_MODEL = "qwen-image"
EDIT_MODEL = "Qwen-Image-Edit-2509"

# "qwen-image目前支持1328*1328, 1664*928, …;z-image-turbo目前支持1024*1024, 1024*768, 768*1024"
SIZES: Mapping[str, tuple[str, ...]] = {
    "qwen-image": ("1328*1328", "1664*928", "928*1664", "1472*1104", "1104*1472", "1056*1584"),
    "z-image-turbo": ("1024*1024", "1024*768", "768*1024"),
}
# "支持qwen-image", "仅支持qwen-image": what is denied to the other listed model.
_QWEN_ONLY: Mapping[str, frozenset[str]] = {"z-image-turbo": frozenset({"negative_prompt", "prompt_extend"})}

# The document: "取值范围[0,2147483647]".
MAX_EDIT_SEED = 2**31 - 1

# An image takes seconds; this bounds a queue.
_TIMEOUT_S = 600.0


@dataclass(frozen=True, slots=True)
class GeneratedImages:
    """Be the pictures that a task made.

    Args:
        urls: Where they are, one or more; a URL may be signed and expire, so fetch it soon.
        raw: The service's own object.
    """

    urls: tuple[str, ...]
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def url(self) -> str:
        """Give the first picture's URL."""
        return self.urls[0]


@dataclass(frozen=True, slots=True)
class EditedImage:
    """Be a changed picture.

    Args:
        url: Where it is; a URL may be signed and expire, so fetch it soon.
        width: Pixels, if told.
        height: Pixels, if told.
        request_id: The service's id of the request, if told.
        raw: The service's own object.
    """

    url: str
    width: int | None = None
    height: int | None = None
    request_id: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


def generate(
    prompt: str,
    *,
    model: str = DEFAULT_MODEL,
    negative_prompt: str | None = None,
    size: str | None = None,
    seed: int | str | None = None,
    prompt_extend: bool | None = None,
    extra_body: Mapping[str, Any] | None = None,
) -> Task[GeneratedImages]:
    """Draw a picture from a text.

    Args:
        prompt: What should be seen, in Chinese or English.
        model: ``qwen-image`` or ``z-image-turbo``; names that the document does not list pass.
        negative_prompt: What should not be seen; ``qwen-image`` only.
        size: Width*height in pixels, one of the model's (``SIZES``); the service's default is the first. ``1328x1328``
            means ``1328*1328``.
        seed: A whole number, the same for the same picture; the service's default is random.
        prompt_extend: Whether a language model rewrites the prompt, which takes 3 to 4 s; ``qwen-image`` only, whose
            own default is true.
        extra_body: Further fields; ``{"parameters": {"steps": 4}}`` joins the other parameters.

    Returns:
        A Task of the pictures' URLs.

    Raises:
        InvalidInput: The prompt is empty, the model takes no such size or field, or an argument is no such value.

    Source:
        sophnet-api, Text to image, 创建Task; ``steps`` stands in its sample alone.
    """
    check_model(model, DEFAULT_MODEL)
    inputs: dict[str, Any] = {"prompt": check_prompt(prompt)}
    parameters: dict[str, Any] = {}
    if negative_prompt is not None:
        inputs["negative_prompt"] = check_negative_prompt(negative_prompt)
    if size is not None:
        parameters["size"] = size_on_the_wire(size, model, SIZES)
    if seed is not None:
        parameters["seed"] = whole_seed(seed)
    if prompt_extend is not None:
        parameters["prompt_extend"] = check_flag(prompt_extend, "prompt_extend")
    denied = _QWEN_ONLY.get(model, frozenset()).intersection({*inputs, *parameters})
    if denied:
        raise InvalidInput(f"{model} takes no {' or '.join(sorted(denied))}; leave it out, or use model='qwen-image'.")
    body: dict[str, Any] = {"model": model, "input": inputs} | ({"parameters": parameters} if parameters else {})
    submit = Request("POST", _TASKS, json=further.joined(body, extra_body), resend="unaccepted")
    return Task(submit, tasks.read_id, _look, _read, timeout_s=_TIMEOUT_S)


def resume(task_id: str) -> Task[GeneratedImages]:
    """Take up a task that runs already, in any process.

    Args:
        task_id: The id that an update, an error or the list told.

    Returns:
        A Task of the pictures' URLs.

    Raises:
        InvalidInput: It is no id.

    Source:
        sophnet-api, Text to image, 获取task结果.
    """
    tasks.path_of(_TASKS, task_id)
    return Task(None, tasks.read_id, _look, _read, timeout_s=_TIMEOUT_S).resumed(task_id)


def list_tasks() -> Call[tuple[TaskSummary, ...]]:
    """Ask which image tasks there are.

    Returns:
        A Call of the tasks.

    Source:
        sophnet-api, Text to image, 查询task列表.
    """
    return tasks.listing(_LIST)


def edit(
    prompt: str,
    images: MediaSource | Sequence[MediaSource],
    *,
    model: str = EDIT_MODEL,
    seed: int | str | None = None,
    negative_prompt: str | None = None,
    watermark: bool | None = None,
    extra_body: Mapping[str, Any] | None = None,
) -> Call[EditedImage]:
    """Change a picture, or make one of several, by a text; the answer takes its time, so be patient with ``timeout``.

    Args:
        prompt: What should change; it speaks of the pictures in their order, as "图1", "图2".
        images: The URL of a picture, or several. The service fetches them itself; ``maaskit.image_editing.edit`` takes
            local files too, where a storage is set up.
        model: ``Qwen-Image-Edit-2509``; names that the document does not list pass.
        seed: 0 to 2147483647, the same for the same picture; the service's default is random.
        negative_prompt: What should not be seen.
        watermark: Whether the picture bears a mark; the service's default is false.
        extra_body: Further fields; ``{"parameters": {…}}`` joins the other parameters.

    Returns:
        A Call of the picture's URL.

    Raises:
        InvalidInput: The prompt is empty, there is no picture or one is no URL, or an argument is no such value.

    Source:
        sophnet-api, Image Edit: "必须包含至少一个text对象", "仅支持输出1张图片".
    """
    check_model(model, EDIT_MODEL)
    check_prompt(prompt)
    content: list[dict[str, str]] = []
    for argument, image in numbered(images):
        url = public_url(image, argument=argument, instead="maaskit.image_editing.edit does that by itself.")
        check_image(Media(url=url), argument=argument)
        content.append({"image": url})
    parameters: dict[str, Any] = {}
    if seed is not None:
        parameters["seed"] = whole_seed(seed, MAX_EDIT_SEED)
    if negative_prompt is not None:
        parameters["negative_prompt"] = check_negative_prompt(negative_prompt)
    if watermark is not None:
        parameters["watermark"] = check_flag(watermark, "watermark")
    messages = [{"role": "user", "content": [*content, {"text": prompt}]}]
    body: dict[str, Any] = {"model": model, "input": {"messages": messages}}
    body |= {"parameters": parameters} if parameters else {}
    request = Request("POST", _EDIT, json=further.joined(body, extra_body), resend="unaccepted")
    return Call(request, _read_edited)


def check_image(image: Media, *, argument: str = "images") -> None:
    """Refuse what is no picture, or too large, as far as it can be known without the network.

    Args:
        image: The picture; of a URL only the name's ending is known.
        argument: The argument's name, for error messages.

    Raises:
        InvalidInput: It is none.
    """
    kind = sniff(image.head()) or image.mime_type()
    if kind is not None and not kind.startswith("image/"):
        raise InvalidInput(f"{argument} is {kind}; only pictures can be edited, such as PNG or JPEG.")
    image.check_size(MAX_IMAGE_BYTES, argument=argument)


def numbered(images: MediaSource | Sequence[MediaSource]) -> list[tuple[str, MediaSource]]:
    """Tell one picture from several, and name each for messages.

    Args:
        images: A picture or several.

    Returns:
        Each picture with its name: ``images``, or ``images[0]`` and so on.

    Raises:
        InvalidInput: There is none.
    """
    if isinstance(images, list | tuple):
        several = list(images)
    elif images is None or isinstance(images, Mapping | set | frozenset):
        raise InvalidInput(f"images must be a picture or a list of them, not {type(images).__name__}.")
    else:
        several = [images]
    if not several:
        raise InvalidInput("images is empty: there is nothing to change; sophnet.images.generate draws from a text.")
    return [("images" if len(several) == 1 else f"images[{number}]", one) for number, one in enumerate(several)]


def _look(task_id: str) -> Request:
    return tasks.looking(_TASKS, task_id)


def _read(response: Response) -> TaskState[GeneratedImages]:
    word, place, whole = tasks.standing(response)
    if TaskPhase.of(word) is not TaskPhase.SUCCEEDED:
        return tasks.failure(word, place, whole)
    results = place.get("results")
    found = [_url(one) for one in results] if isinstance(results, list) else [_url(results)]
    urls = tuple(filter(None, found))
    if not urls:
        return tasks.failure(word, place, whole)
    return TaskState(TaskPhase.SUCCEEDED, word, GeneratedImages(urls, whole))


def _read_edited(response: Response) -> EditedImage:
    answer = parse_object(response)
    output = answer.get("output")
    choices = output.get("choices") if isinstance(output, Mapping) else None
    url = next(filter(None, map(_picture, choices if isinstance(choices, list) else ())), None)
    if url is None:
        tasks.check_refusal(answer, response, is_answered=False)
        raise unexpected(response, "has no picture")
    usage = answer.get("usage")
    told = usage if isinstance(usage, Mapping) else {}
    request_id = answer.get("request_id") or answer.get("requestId")
    return EditedImage(
        url,
        _pixels(told.get("width")),
        _pixels(told.get("height")),
        request_id if isinstance(request_id, str) else None,
        answer,
    )


def _picture(choice: Any) -> str | None:
    message = choice.get("message") if isinstance(choice, Mapping) else None
    content = message.get("content") if isinstance(message, Mapping) else None
    return next(filter(None, map(_url, content if isinstance(content, list) else [content])), None)


def _url(value: Any) -> str | None:
    if isinstance(value, Mapping):
        value = value.get("url") or value.get("image")
    good = isinstance(value, str) and value.lower().startswith(("http://", "https://"))
    return str(value) if good else None


def _pixels(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
