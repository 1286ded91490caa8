from __future__ import annotations

import io
import itertools
import threading
from dataclasses import replace

import av
import numpy as np
import pytest
from PIL import Image

from maaskit.sandbox.engines import CannotRead, film, painting

ORDER = film.Order("旋转镜头,小猫在草原上奔跑", 480, 832, 1, 16)


def frames(data: bytes) -> list[Image.Image]:
    with av.open(io.BytesIO(data)) as container:
        return [frame.to_image() for frame in container.decode(video=0)]


def moved(one: Image.Image, other: Image.Image) -> float:
    return float(np.abs(np.asarray(one, dtype=int) - np.asarray(other, dtype=int)).mean())


@pytest.mark.parametrize(("size", "duration_s"), [((832, 480), 5), ((640, 640), 1), ((1248, 1632), 1)])
def test_a_film_has_the_size_and_the_length_that_were_asked_for(size: tuple[int, int], duration_s: int) -> None:
    data = film.film(film.Order("a red circle on blue", *size, duration_s, 1))
    with av.open(io.BytesIO(data)) as container:
        video = container.streams.video[0]
        assert container.format.name.startswith("mov,mp4")
        assert (video.width, video.height) == size
        assert (video.codec_context.name, video.pix_fmt) == ("h264", "yuv420p")
        assert float(video.duration * video.time_base) == duration_s  # type: ignore[operator]
        assert video.frames == duration_s * film.FRAMES_PER_SECOND


def test_frames_differ_and_show_what_was_asked_for() -> None:
    from maaskit.sandbox.engines import sights

    shots = frames(film.film(film.Order("a big red circle on blue", 640, 640, 1, 3)))
    assert all(moved(one, other) > 0 for one, other in itertools.pairwise(shots))
    assert moved(shots[0], shots[len(shots) // 2]) > 1
    colours = {sights.NAMES[n] for n in np.unique(sights.colours_of(shots[0]))}
    assert {"red", "blue"} <= colours


def test_the_same_order_gives_the_same_bytes_and_others_do_not() -> None:
    first = film.film(ORDER)
    assert film.film(ORDER) == first
    others = [replace(ORDER, seed=17), replace(ORDER, prompt="小狗"), replace(ORDER, negative="cat")]
    assert len({first, *map(film.film, others)}) == 4


def test_a_film_begins_with_the_picture_it_is_given() -> None:
    picture = painting.paint("a green square on yellow", 640, 640, seed=1)
    order = film.Order("zoom in", 640, 640, 1, 1, picture=picture)
    shots = frames(film.film(order))
    with Image.open(io.BytesIO(picture)) as still:
        assert moved(shots[0], still.convert("RGB")) < 4
    assert moved(shots[0], shots[-1]) > 1
    assert film.film(replace(order, prompt="zoom out")) != film.film(order)


def test_a_broken_picture_is_told() -> None:
    with pytest.raises(CannotRead):
        film.film(replace(ORDER, picture=b"no picture"))


def test_a_film_that_nobody_wants_is_stopped() -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(film.StoppedError):
        film.film(ORDER, stop)
