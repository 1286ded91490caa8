from __future__ import annotations

import io

import pytest
from PIL import Image

from maaskit.sandbox.engines import embeddings, ocr, painting, scenes

SIDE = 512


def painted(prompt: str, seed: int = 42, **settings: str | bool) -> bytes:
    return painting.paint(prompt, SIDE, SIDE, seed=seed, **settings)  # type: ignore[arg-type]


def near(prompt: str, picture: bytes) -> float:
    return float(embeddings.clip_text(prompt, 1024) @ embeddings.clip_image(picture, 1024))


@pytest.mark.parametrize("size", [(1328, 1328), (1664, 928), (768, 1024)])
def test_a_picture_has_the_size_that_was_asked_for(size: tuple[int, int]) -> None:
    with Image.open(io.BytesIO(painting.paint("奔跑的小猫", *size, seed=1))) as picture:
        assert (picture.format, picture.size) == ("PNG", size)


def test_the_same_prompt_and_seed_give_the_same_bytes_and_others_do_not() -> None:
    first = painted("奔跑的小猫")
    assert painted("奔跑的小猫") == first
    others = [
        painted("奔跑的小猫", seed=43),
        painted("奔跑的小狗"),
        painted("奔跑的小猫", negative="orange"),
        painted("奔跑的小猫", shaded=False),
        painted("quantum entanglement"),
        painted("the theory of games"),
    ]
    assert len({first, *others}) == 7


PROMPTS = (
    "a red circle on blue",
    "a green square on the left and a yellow triangle on the right",
    "three purple stars at night",
    "黑色背景上的白色圆形",
    "蓝天下草地上的一只橙色小猫",
    "海上的一艘红色帆船, 日落",
)


def test_each_picture_is_nearest_to_its_own_prompt() -> None:
    pictures = {prompt: painted(prompt, seed=7) for prompt in PROMPTS}
    for prompt, picture in pictures.items():
        assert max(PROMPTS, key=lambda other: near(other, picture)) == prompt


def middle_and_corner(picture: bytes) -> tuple[str, str]:
    from maaskit.sandbox.engines import sights

    with Image.open(io.BytesIO(picture)) as opened:
        colours = sights.colours_of(opened.convert("RGB"))
    names = [sights.NAMES[colours[at]] for at in ((SIDE // 2, SIDE // 2), (3, 3))]
    return names[0], names[1]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a big red circle on blue", ("red", "blue")),
        ("大的绿色方块,黄色背景", ("green", "yellow")),
        ("a huge yellow circle on a black background", ("yellow", "black")),
    ],
)
def test_a_figure_and_its_background_have_the_colours_that_are_named(
    prompt: str, expected: tuple[str, str], seed: int
) -> None:
    assert middle_and_corner(painted(prompt, seed)) == expected


def test_what_is_not_wanted_is_not_painted() -> None:
    assert middle_and_corner(painted("a big red circle on blue", negative="red"))[0] != "red"
    assert middle_and_corner(painted("a big red circle on blue", negative="蓝色"))[1] != "blue"
    scene = scenes.read("a cat and a dog under a tree", seed=1, negative="dogs")
    assert [figure.name for figure in scene.figures] == ["cat", "tree"]


@pytest.mark.parametrize(
    ("prompt", "figures"),
    [
        ("two cats and a red house", [("cat", "orange"), ("cat", "orange"), ("house", "red")]),
        ("三颗紫色的星星", [("star", "purple")] * 3),
        ("a tree under a blue sky", [("tree", "green")]),
        ("机器人", [("robot", "gray")]),
    ],
)
def test_figures_are_read_with_their_number_and_colour(prompt: str, figures: list[tuple[str, str]]) -> None:
    assert [(figure.name, figure.colour) for figure in scenes.read(prompt, seed=3).figures] == figures


def test_places_are_obeyed() -> None:
    square, triangle = scenes.read(PROMPTS[1], seed=5).figures
    assert (square.x, triangle.x) == (0.25, 0.75)
    assert scenes.read("左上方的红色圆形", seed=5).figures[0].x < 0.5


def test_a_writing_can_be_read() -> None:
    picture = painted('a poster with the text "SALE 50%"')
    assert "SALE 50%" in ocr.to_markdown(ocr.read(picture))


def test_light_is_obeyed() -> None:
    with Image.open(io.BytesIO(painted("a house at night"))) as dark:
        assert dark.convert("L").getpixel((3, 3)) < 40  # type: ignore[operator]
    with Image.open(io.BytesIO(painted("a red rose, monochrome"))) as grey:
        red, green, blue = grey.convert("RGB").split()
        assert red.tobytes() == green.tobytes() == blue.tobytes()


@pytest.mark.parametrize("prompt", ["", " ", "?!", "\ud800", "x" * 5000, "红" * 3000, "99 red balloons", "🐈"])
def test_any_prompt_gives_a_picture(prompt: str) -> None:
    assert painting.paint(prompt, 64, 64, seed=0)[:4] == b"\x89PNG"
