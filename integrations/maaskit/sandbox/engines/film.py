"""Films in H.264: a scene whose figures move, or a camera that moves over a given picture.

What is to be seen is read in `scenes` and drawn by `painting`.
"""

from __future__ import annotations

import io
import math
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING, Any, Final

from maaskit.sandbox.engines import painting, pictures, prompt_words, scenes
from maaskit.sandbox.engines.scenes import Figure, Scene

if TYPE_CHECKING:
    from PIL.Image import Image

FRAMES_PER_SECOND: Final = 16
"""As the model's makers have it."""

CAMERAS: Final = ("in", "out", "pan", "turn")
MOST_ZOOM: Final = 1.3
DRAWN_PIXELS: Final = 832 * 480
"""Larger frames are drawn at half their size and brought to full size when they are written."""
TURN_DEGREES: Final = 20.0
TURN_ZOOM: Final = 1.35
"""So near that no corner of a wide picture is empty while it turns."""
_BITEXACT: Final = 1 << 23
"""FFmpeg's AV_CODEC_FLAG_BITEXACT."""


class StoppedError(Exception):
    """Nobody wants the film any more."""


@dataclass(frozen=True, slots=True)
class Order:
    """Say what film is wanted.

    Args:
        prompt: What is to be seen; may be empty where there is a picture.
        width: In pixels; even.
        height: In pixels; even.
        duration_s: In seconds.
        seed: Chooses what the prompt leaves open.
        negative: What is not to be seen.
        picture: The file of a picture to begin with.
    """

    prompt: str
    width: int
    height: int
    duration_s: int
    seed: int
    negative: str = ""
    picture: bytes | None = None

    @property
    def canvas(self) -> tuple[int, int]:
        """Return the size that frames are drawn at."""
        half = self.width * self.height > DRAWN_PIXELS
        return (self.width // 2, self.height // 2) if half else (self.width, self.height)


def film(order: Order, stop: threading.Event | None = None) -> bytes:
    """Make a film.

    Args:
        order: What is wanted.
        stop: Ends the work early when it is set.

    Returns:
        An MP4 file; the same bytes for the same order.

    Raises:
        CannotRead: The picture cannot be read.
        StoppedError: It was stopped.
    """
    frames = _over_picture(order) if order.picture is not None else _of_scene(order)
    return _encoded(frames, order, stop or threading.Event())


def _of_scene(order: Order) -> Iterator[Image]:
    from PIL import ImageDraw  # noqa: PLC0415 -- loaded on use: heavy

    scene = scenes.read(order.prompt, seed=order.seed, negative=order.negative)
    size = order.canvas
    behind = painting.background(scene, *size)
    count = order.duration_s * FRAMES_PER_SECOND
    for number in range(count):
        share = number / count
        picture = behind.copy()
        draw = ImageDraw.Draw(picture)
        for at, figure in enumerate(scene.figures):
            painting.draw_figure(draw, _moved(figure, at, share, scene), size, scene)
        if scene.writing:
            painting.write(picture, scene.writing)
        if scene.camera:
            picture = _through_camera(picture, scene.camera, share)
        yield picture.convert("L").convert("RGB") if scene.light == "colourless" else picture


def _moved(figure: Figure, at: int, share: float, scene: Scene) -> Figure:
    """Let a figure run across, bobbing up and down; each in its own rhythm."""
    rng = Random(f"{scene.seed}/{at}")  # noqa: S311 -- it paints
    reach, steps, phase = rng.uniform(0.06, 0.12), rng.randint(2, 4), rng.uniform(0, math.tau)
    x = figure.x + reach * math.sin(math.tau * share + phase)
    y = figure.y + reach / 4 * math.sin(math.tau * share * steps + phase)
    return replace(figure, x=min(max(x, 0.05), 0.95), y=min(max(y, 0.05), 0.95))


def _over_picture(order: Order) -> Iterator[Image]:
    from PIL import ImageOps  # noqa: PLC0415 -- loaded on use: heavy

    rng = Random(scenes.digest(f"{order.seed}\n{order.prompt}\n{order.negative}"))  # noqa: S311 -- it paints
    camera = prompt_words.camera_of(order.prompt) or rng.choice(("in", "out", "pan"))
    still = ImageOps.fit(pictures.opened(order.picture or b""), order.canvas)
    count = order.duration_s * FRAMES_PER_SECOND
    for number in range(count):
        yield _through_camera(still, camera, number / count)


def _through_camera(picture: Image, camera: str, share: float) -> Image:
    from PIL import Image as Images  # noqa: PLC0415 -- loaded on use: heavy

    width, height = picture.size
    middle = (width / 2, height / 2)
    zoom, angle, aside = MOST_ZOOM, 0.0, 0.0
    if camera == "turn":
        angle = math.radians(TURN_DEGREES * (share - 0.5))
        zoom = TURN_ZOOM
    elif camera == "pan":
        aside = (1 - 1 / zoom) * width * (share - 0.5)
    else:
        zoom = 1 + (MOST_ZOOM - 1) * (share if camera == "in" else 1 - share)
    cos, sin = math.cos(angle) / zoom, math.sin(angle) / zoom
    matrix = (
        cos, sin, middle[0] + aside - cos * middle[0] - sin * middle[1],
        -sin, cos, middle[1] + sin * middle[0] - cos * middle[1],
    )  # fmt: skip
    return picture.transform(picture.size, Images.Transform.AFFINE, matrix, Images.Resampling.BILINEAR)


def _encoded(frames: Iterator[Image], order: Order, stop: threading.Event) -> bytes:
    import av  # noqa: PLC0415 -- loaded on use: heavy
    import numpy as np  # noqa: PLC0415 -- the same

    out = io.BytesIO()
    with av.open(out, mode="w", format="mp4", options={"fflags": "+bitexact"}) as container:
        stream: Any = container.add_stream("libx264", rate=FRAMES_PER_SECOND)
        stream.width, stream.height, stream.pix_fmt = order.width, order.height, "yuv420p"
        # One thread: with several, x264 cuts frames by the number of processors.
        stream.codec_context.thread_count = 1
        stream.codec_context.flags |= _BITEXACT
        stream.options = {"preset": "ultrafast", "crf": "26"}
        for picture in frames:
            if stop.is_set():
                raise StoppedError
            frame = av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24")
            container.mux(stream.encode(frame.reformat(order.width, order.height, "yuv420p")))
        container.mux(stream.encode(None))
    return out.getvalue()
