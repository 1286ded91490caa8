from __future__ import annotations

import io
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import numpy as np
import pytest
from PIL import Image, ImageDraw

from maaskit.sandbox.engines import CannotRead, concepts, embeddings
from tests.sandbox.engines.retrieval_set import (
    CHINESE,
    CHINESE_CHECK,
    CHINESE_QUESTIONS,
    ENGLISH,
    ENGLISH_CHECK,
    ENGLISH_QUESTIONS,
)

COLOURS = {
    "red": "红色",
    "green": "绿色",
    "blue": "蓝色",
    "yellow": "黄色",
    "black": "黑色",
    "orange": "橙色",
    "purple": "紫色",
}
SHAPES = {"circle": "圆形", "square": "正方形", "triangle": "三角形"}


def near(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other)


def figure(*parts: tuple[str, str], paper: str = "white") -> bytes:
    picture = Image.new("RGB", (200 * len(parts), 200), paper)
    pen = ImageDraw.Draw(picture)
    for number, (colour, shape) in enumerate(parts):
        x = 200 * number
        if shape == "circle":
            pen.ellipse((x + 50, 50, x + 150, 150), fill=colour)
        elif shape == "square":
            pen.rectangle((x + 55, 55, x + 145, 145), fill=colour)
        else:
            pen.polygon([(x + 100, 45), (x + 40, 150), (x + 160, 150)], fill=colour)
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def fading(top: str, bottom: str) -> bytes:
    picture = Image.composite(
        Image.new("RGB", (300, 200), bottom),
        Image.new("RGB", (300, 200), top),
        Image.linear_gradient("L").resize((300, 200)),
    )
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=85)
    return out.getvalue()


@pytest.mark.parametrize("dimensions", [1024, 768, 512, 256, 128, 64, 100, 777])
def test_vectors_have_the_length_one_in_any_dimension(dimensions: int) -> None:
    for vector in (
        embeddings.text("海滩上美丽的日落", dimensions),
        embeddings.clip_text("a red circle", dimensions),
        embeddings.clip_image(figure(("red", "circle")), dimensions),
    ):
        assert vector.shape == (dimensions,)
        assert vector.dtype == np.float32
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("text", ["", " ", "。", "的", "the", "🙂", "\ud800", "a" * 20_000])
def test_any_text_has_a_vector(text: str) -> None:
    assert np.linalg.norm(embeddings.text(text, 64)) == pytest.approx(1, abs=1e-5)


def test_two_processes_agree() -> None:
    code = (
        "from maaskit.sandbox.engines import embeddings as e\n"
        "print(e.text('海滩 sunset', 64).tobytes().hex(), e.clip_text('红色的圆', 64).tobytes().hex())"
    )
    answers = {
        subprocess.run(  # noqa: S603 - our own interpreter and code
            [sys.executable, "-c", code],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
        ).stdout
        for seed in ("1", "2")
    }
    here = embeddings.text("海滩 sunset", 64).tobytes().hex()
    assert len(answers) == 1
    assert answers.pop().startswith(here)


def test_threads_agree() -> None:
    texts = [*CHINESE.values(), *ENGLISH.values()]
    alone = [embeddings.text(text, 256) for text in texts]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda text: embeddings.text(text, 256), texts))
    assert all((one == other).all() for one, other in zip(alone, together, strict=True))


def test_like_texts_lie_near_and_unlike_ones_apart() -> None:
    pairs = [
        ("海滩上美丽的日落", "海滩日落真美丽"),
        ("The cat sat on the mat.", "A cat is sitting on a mat"),
        ("数据库每天凌晨备份", "每天凌晨对数据库进行备份"),
    ]
    for one, other in pairs:
        assert near(embeddings.text(one, 1024), embeddings.text(other, 1024)) > 0.45
    for (one, _), (other, _) in product(pairs, pairs):
        if one != other:
            assert abs(near(embeddings.text(one, 1024), embeddings.text(other, 1024))) < 0.12


def test_words_that_stand_in_every_question_hardly_count() -> None:
    plain = embeddings.text("望江大桥", 1024)
    assert near(plain, embeddings.text("请问什么是望江大桥的？", 1024)) > 0.7
    assert abs(near(embeddings.text("请问这是什么？", 1024), embeddings.text("请问那是什么时候的？", 1024))) < 0.75


@pytest.mark.parametrize(("dimensions", "least"), [(1024, 0.95), (512, 0.95), (256, 0.9), (128, 0.8)])
def test_questions_find_their_passages(dimensions: int, least: float) -> None:
    passages = {**CHINESE, **ENGLISH}
    names = list(passages)
    library = np.stack([embeddings.text(passage, dimensions) for passage in passages.values()])
    questions = [*CHINESE_QUESTIONS, *ENGLISH_QUESTIONS, *CHINESE_CHECK, *ENGLISH_CHECK]
    first = [names[int((library @ embeddings.text(question, dimensions)).argmax())] for question, _ in questions]
    right = sum(found == wanted for found, (_, wanted) in zip(first, questions, strict=True))
    assert right / len(questions) >= least


@pytest.mark.parametrize("dimensions", [64, 512, 1024])
def test_words_find_the_picture_that_they_describe(dimensions: int) -> None:
    kinds = list(product(COLOURS, SHAPES))
    library = np.stack([embeddings.clip_image(figure(kind), dimensions) for kind in kinds])
    for colour, shape in kinds:
        for words in (
            f"a {colour} {shape}",
            f"一个{COLOURS[colour]}的{SHAPES[shape]}",
            f"there is a {shape} here, and it is {colour}",
        ):
            assert kinds[int((library @ embeddings.clip_text(words, dimensions)).argmax())] == (colour, shape)


def test_a_colour_belongs_to_its_shape() -> None:
    ours, other = figure(("red", "circle"), ("blue", "square")), figure(("blue", "circle"), ("red", "square"))
    for words in ("a red circle and a blue square", "红色的圆和蓝色的方块"):
        query = embeddings.clip_text(words, 512)
        assert near(query, embeddings.clip_image(ours, 512)) > near(query, embeddings.clip_image(other, 512)) + 0.1


def test_backgrounds_light_and_things_of_a_known_colour() -> None:
    pictures = {
        "on black": figure(("red", "circle"), paper="black"),
        "on white": figure(("red", "circle")),
        "sunset": fading("#ff8c1a", "#7a3a10"),
        "sea": fading("#3c8cf0", "#1450b4"),
        "meadow": fading("#6fc06f", "#2f8f2f"),
        "night": fading("#050510", "#101020"),
    }
    library = np.stack([embeddings.clip_image(picture, 1024) for picture in pictures.values()])
    wanted = {
        "a red disc on a black background": "on black",
        "白色背景上的红色圆形": "on white",
        "海滩上美丽的日落": "sunset",
        "大海": "sea",
        "绿色的草地": "meadow",
        "the night, very dark": "night",
    }
    for words, name in wanted.items():
        assert list(pictures)[int((library @ embeddings.clip_text(words, 1024)).argmax())] == name


def test_words_that_only_look_like_colours_or_shapes_name_nothing() -> None:
    assert concepts.named_in("处理方法和方向，上海漂亮的明星，星期五") == {}
    assert concepts.named_in("The covered boxer scored an orangery") == {}
    assert (
        near(embeddings.clip_text("审计流程说明", 1024), embeddings.clip_image(figure(("red", "circle")), 1024)) < 0.15
    )


def test_texts_without_anything_visible_keep_their_likeness() -> None:
    one, other = "年度审计流程说明", "说明年度审计的流程"
    assert near(embeddings.clip_text(one, 512), embeddings.clip_text(other, 512)) > 0.5


def test_a_picture_is_nearest_to_itself_in_another_file_format() -> None:
    kinds = list(product(("red", "blue"), SHAPES))
    library = np.stack([embeddings.clip_image(figure(kind), 512) for kind in kinds])
    for number, kind in enumerate(kinds):
        out = io.BytesIO()
        Image.open(io.BytesIO(figure(kind))).resize((500, 500)).save(out, "JPEG", quality=70)
        scores = library @ embeddings.clip_image(out.getvalue(), 512)
        assert int(scores.argmax()) == number
        assert scores[number] > 0.9


def test_vectors_may_keep_their_own_length() -> None:
    picture = figure(("red", "circle"))
    for unit, own in (
        (embeddings.clip_image(picture, 256), embeddings.clip_image(picture, 256, normalized=False)),
        (embeddings.clip_text("red circle", 256), embeddings.clip_text("red circle", 256, normalized=False)),
    ):
        assert abs(np.linalg.norm(own) - 1) > 0.01
        assert near(unit, own / np.linalg.norm(own)) == pytest.approx(1, abs=1e-5)


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(CannotRead):
        embeddings.clip_image(b"not a picture", 64)
