"""What film is wanted: SophNet's request for one, checked, its picture fetched and measured.

Films are made by `engines.film`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from maaskit.sandbox.chat_rules import refused
from maaskit.sandbox.engines import CannotRead, film, pictures
from maaskit.sandbox.fetch import fetch
from maaskit.sandbox.state import SandboxState
from maaskit.sandbox.studio_fields import default_seed, object_of, text_of

OF_TEXT: Final = "Wan2.2-T2V-A14B"
"""文本生成视频模型."""
OF_PICTURE: Final = "Wan2.2-I2V-A14B"
"""图像生成视频模型."""

GRADES: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(("832*480", "480*832", "640*640"), "480p"),
        **dict.fromkeys(("1280*720", "720*1280", "960*960", "1088*832", "832*1088"), "720p"),
        **dict.fromkeys(("1920*1080", "1080*1920", "1440*1440", "1632*1248", "1248*1632"), "1080p"),
    }
)
"""视频分辨率,支持多种预设尺寸, and the grade of each."""

DEFAULT_SIZE: Final = "1280*720"
"""The document names none; its example asks for this one."""
DURATIONS_S: Final = (1, 5)
DEFAULT_DURATION_S: Final = 5
MAX_SEED: Final = 2**32 - 1
"""取值范围:[0, 2^32-1]之间的整数."""

FORMATS: Final = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
"""图片格式:jpeg、png、webp、bmp、tiff、gif."""
RATIOS: Final = (0.4, 2.5)
"""宽高比(宽/高):在范围 (0.4, 2.5), the ends excluded."""
SIDES_PIXELS: Final = (300, 6000)
"""宽高长度(px):(300, 6000), the ends excluded."""
MAX_PICTURE_BYTES: Final = 30 * 1024 * 1024
"""大小:小于30MB; this size itself is too large."""


@dataclass(frozen=True, slots=True)
class VideoOrder:
    """Hold a request whose fields have been checked.

    Args:
        model: The model.
        film: What film is wanted.
    """

    model: str
    film: film.Order


async def read_order(body: Mapping[str, Any], state: SandboxState) -> VideoOrder:
    """Check a request for a film and fetch its picture.

    Args:
        body: The request.
        state: The sandbox, which has a storage of its own.

    Returns:
        The order.

    Raises:
        RefusalError: A field that the document refuses, or a picture that breaks the conditions of its note (400).

    Source:
        SophNet, Video generator, 创建Task, *Body参数* and *Note*.
    """
    model = body.get("model")
    if model not in (OF_TEXT, OF_PICTURE):
        raise refused("model", f"model is required, one of {OF_TEXT}, {OF_PICTURE}")
    text, negative, picture = _content(body.get("content"))
    if model == OF_TEXT and not text:
        raise refused("content", f"{OF_TEXT} makes films of texts: content needs an item of type text")
    if (model == OF_PICTURE) != (picture is not None):
        message = "needs one of type image_url" if model == OF_PICTURE else "takes items of type text alone"
        raise refused("content", f"content of {model} {message}")
    parameters = object_of(body, "parameters")
    data = await _picture(*picture, state) if picture else None
    size = parameters.get("size")
    if size is None:
        size = _fitting(data) if data else DEFAULT_SIZE
    if not isinstance(size, str) or size not in GRADES:
        raise refused("parameters.size", f"parameters.size must be one of {', '.join(GRADES)}")
    width, height = map(int, size.split("*"))
    seed = _seed(parameters.get("seed"))
    wanted = film.Order(
        prompt=text,
        width=width,
        height=height,
        duration_s=_duration(parameters.get("duration")),
        seed=default_seed(text, negative) if seed is None else seed,
        negative=negative,
        picture=data,
    )
    return VideoOrder(model, wanted)


def _content(content: Any) -> tuple[str, str, tuple[str, str] | None]:
    """Read text, negative prompt, and place and URL of the picture."""
    if not isinstance(content, list) or not content:
        raise refused("content", "content is required and must be an array that is not empty")
    texts, negatives, picture_at = [], [], None
    for number, item in enumerate(content):
        place = f"content[{number}]"
        kind = item.get("type") if isinstance(item, dict) else None
        if kind == "text":
            texts.append(text_of(item, "text", f"{place}.text", required=True))
        elif kind == "image_url":
            if picture_at is not None:
                raise refused(place, f"{place}: only one item of type image_url is supported")
            part = object_of(item, "image_url", required=True)
            picture_at = (
                f"{place}.image_url.url",
                text_of(part, "url", f"{place}.image_url.url", required=True),
            )
        else:
            raise refused(f"{place}.type", f"{place}.type must be text or image_url")
        negatives.append(text_of(item, "negative_prompt", f"{place}.negative_prompt"))
    return "\n".join(texts), "\n".join(filter(None, negatives)), picture_at


async def _picture(place: str, url: str, state: SandboxState) -> bytes:
    data = await fetch(url, param=place, max_bytes=MAX_PICTURE_BYTES, own=state.own_file)
    if len(data) >= MAX_PICTURE_BYTES:
        raise refused(place, f"{place} must be smaller than 30 MB")
    try:
        form, width, height = pictures.measured(data)
        if form not in FORMATS:
            raise refused(place, f"{place} must be one of {', '.join(FORMATS).lower()}, not {form.lower()}")
        low, high = SIDES_PIXELS
        if not (low < width < high and low < height < high):
            raise refused(
                place, f"{place} has {width} x {height} pixels; each side must be more than {low}, less than {high}"
            )
        if not RATIOS[0] < width / height < RATIOS[1]:
            message = (
                f"{place} has the ratio {width / height:.2f}; it must be more than {RATIOS[0]}, less than {RATIOS[1]}"
            )
            raise refused(place, message)
        await state.read(pictures.opened, data)  # a broken one is refused now, not after the wait
    except CannotRead as error:
        raise refused(place, f"{place}: {error}") from error
    return data


def _fitting(data: bytes) -> str:
    """Choose the size of the middle grade whose ratio is the picture's, as near as there is."""
    _, width, height = pictures.measured(data)
    choices = [size for size, grade in GRADES.items() if grade == "720p"]
    return min(choices, key=lambda size: abs(int(size.split("*")[0]) / int(size.split("*")[1]) - width / height))


def _duration(value: Any) -> int:
    if value is None:
        return DEFAULT_DURATION_S
    if isinstance(value, bool) or not isinstance(value, int | float) or value not in DURATIONS_S:
        raise refused("parameters.duration", "parameters.duration must be 1 or 5")
    return int(value)


def _seed(value: Any) -> int | None:
    """Read a seed: the table has it as a string of digits, the example as a number."""
    if value is None:
        return None
    number = int(value) if isinstance(value, str) and re.fullmatch(r"[0-9]{1,10}", value) else value
    if type(number) is not int or not 0 <= number <= MAX_SEED:
        raise refused("parameters.seed", f"parameters.seed must be an integer from 0 to {MAX_SEED}, as a string")
    return number
