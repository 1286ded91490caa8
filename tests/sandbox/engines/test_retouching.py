from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from maaskit.sandbox.engines import CannotRead, ocr, painting, sights
from maaskit.sandbox.engines.retouching import retouched

SIDE = 400
CIRCLE = painting.paint("a big red circle on blue", SIDE, SIDE, seed=1)
TALL = painting.paint("a green square on yellow", 300, 500, seed=2)


def edited(text: str, *images: bytes, **settings: object) -> Image.Image:
    return retouched(images or [CIRCLE], text, seed=42, **settings)  # type: ignore[arg-type]


def colour_at(picture: Image.Image, x: float, y: float) -> str:
    colours = sights.colours_of(picture)
    return sights.NAMES[colours[int(y * (picture.height - 1)), int(x * (picture.width - 1))]]


@pytest.mark.parametrize(
    ("text", "middle", "corner"),
    [
        ("make the circle green", "green", "blue"),
        ("把红色变成紫色", "purple", "blue"),
        ("Turn blue into yellow", "red", "yellow"),
        ("把背景换成绿色", "red", "green"),
        ("Change the background to orange, please", "red", "orange"),
        ("Remove the red circle", "blue", "blue"),
        ("make it black and white", "gray", "gray"),
    ],
)
def test_colours_are_changed_as_the_text_says(text: str, middle: str, corner: str) -> None:
    result = edited(text)
    assert result.size == (SIDE, SIDE)
    assert (colour_at(result, 0.5, 0.5), colour_at(result, 0.01, 0.01)) == (middle, corner)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("rotate it by 90 degrees", (500, 300)),
        ("旋转90度", (500, 300)),
        ("crop it to a square", (300, 300)),
        ("crop the left half", (150, 500)),
        ("flip it", (300, 500)),
        ("add a border", (324, 524)),
    ],
)
def test_sizes_follow_the_text(text: str, size: tuple[int, int]) -> None:
    assert edited(text, TALL).size == size


def test_turns_go_the_right_way() -> None:
    halves = Image.new("RGB", (100, 60), "white")
    halves.paste((220, 30, 30), (0, 0, 50, 60))
    data = painting.to_png(halves)
    assert colour_at(edited("flip it horizontally", data), 0.9, 0.5) == "red"
    assert colour_at(edited("rotate 90 degrees clockwise", data), 0.5, 0.1) == "red"
    assert colour_at(edited("逆时针旋转90度", data), 0.5, 0.9) == "red"


def test_light_is_changed() -> None:
    plain = np.asarray(edited("顺时针旋转0度")).mean()
    assert np.asarray(edited("make it brighter")).mean() > plain > np.asarray(edited("把图片调暗")).mean()


def test_a_figure_is_added_and_a_word_written() -> None:
    assert colour_at(edited("add a yellow star on the left"), 0.25, 0.5) == "yellow"
    assert "HELLO" in ocr.to_markdown(ocr.read_picture(edited('write the text "HELLO"')))


def test_several_pictures_are_in_the_result() -> None:
    beside = edited("put them side by side", TALL, CIRCLE)
    assert beside.size == (300 + SIDE, SIDE) or beside.size == (round(300 * SIDE / 500) + SIDE, SIDE)
    assert {colour_at(beside, 0.01, 0.01), colour_at(beside, 0.99, 0.01)} == {"yellow", "blue"}
    worn = edited("图1中的女生穿着图2中的黑色裙子", TALL, CIRCLE)
    assert worn.size == (300, 500)
    seen = {sights.NAMES[n] for n in np.unique(sights.colours_of(worn))}
    assert {"yellow", "green", "red", "blue"} <= seen


def test_whatever_the_text_says_something_is_done_the_same_each_time() -> None:
    before = Image.open(io.BytesIO(CIRCLE)).convert("RGB").tobytes()
    happy = edited("make her happy")
    assert happy.tobytes() != before
    assert edited("make her happy").tobytes() == happy.tobytes()
    assert edited("make her sad").tobytes() != happy.tobytes()
    assert retouched([CIRCLE], "make her happy", seed=43).tobytes() != happy.tobytes()


def test_negative_prompt_and_watermark() -> None:
    plain = edited("flip it")
    assert colour_at(edited("flip it", negative="red"), 0.5, 0.5) == "gray"
    assert (
        edited("flip it", negative=" ").tobytes()
        == plain.transpose(Image.Transpose.ROTATE_180).transpose(Image.Transpose.ROTATE_180).tobytes()
    )
    assert colour_at(edited("flip it", watermark=True), 1, 1) == "black"


def test_large_pictures_are_brought_to_the_models_size() -> None:
    large = painting.paint("a cat", 2000, 1000, seed=1)
    result = edited("flip it", large)
    assert result.width * result.height <= 1_050_000
    assert abs(result.width / result.height - 2) < 0.01


def test_a_text_alone_is_painted_and_a_broken_picture_is_named() -> None:
    assert retouched([], "a cat", seed=1).size == (1024, 1024)
    with pytest.raises(CannotRead, match="picture 2"):
        edited("flip it", CIRCLE, b"no picture")
