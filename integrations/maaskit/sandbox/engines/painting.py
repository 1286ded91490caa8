"""Pictures drawn of scenes: flat colours, shaded backgrounds, figures of `stencils`, a writing.

What is to be seen is read from a prompt in `scenes`; nothing is painted from memory or from a net.
"""

from __future__ import annotations

import colorsys
import io
import math
from collections.abc import Mapping
from functools import lru_cache
from random import Random
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from maaskit.sandbox.engines import scenes
from maaskit.sandbox.engines.scenes import Figure, Scene
from maaskit.sandbox.engines.stencils import STENCILS

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

Colour = tuple[int, int, int]

COLOURS: Final[Mapping[str, Colour]] = MappingProxyType(
    {
        "red": (216, 36, 40),
        "orange": (246, 142, 24),
        "yellow": (247, 216, 48),
        "green": (52, 160, 72),
        "cyan": (40, 192, 204),
        "blue": (44, 92, 212),
        "purple": (136, 60, 176),
        "pink": (250, 150, 190),
        "brown": (132, 84, 44),
        "black": (18, 18, 20),
        "white": (250, 250, 250),
        "gray": (140, 140, 142),
    }
)
GREYS: Final = ("black", "white", "gray")
HUE_STRAY: Final = 4 / 360
"""So far a seed may move a hue: not out of its name."""
SHADE: Final = 0.1
"""How much darker a shaded background is at its end."""
DARK: Final = 0.42
HORIZON: Final = 0.58

FONTS: Final = (
    "NotoSansCJK-Regular.ttc",
    "NotoSansCJK-Bold.ttc",
    "NotoSerifCJK-Regular.ttc",
    "NotoSerifCJK-Bold.ttc",
    "wqy-microhei.ttc",
    "wqy-zenhei.ttc",
    "DroidSansFallbackFull.ttf",
    "PingFang.ttc",
    "msyh.ttc",
    "simhei.ttf",
)
"""Fonts with Chinese characters that a system may have; without one, Chinese cannot be written."""


def paint(prompt: str, width: int, height: int, *, seed: int, negative: str = "", shaded: bool = True) -> bytes:
    """Paint a prompt.

    Args:
        prompt: What is to be seen.
        width: In pixels.
        height: In pixels.
        seed: Chooses what the prompt leaves open.
        negative: What is not to be seen.
        shaded: Whether the background is shaded.

    Returns:
        A PNG file; the same bytes for the same arguments.
    """
    return to_png(drawn(scenes.read(prompt, seed=seed, negative=negative, shaded=shaded), width, height))


def drawn(scene: Scene, width: int, height: int) -> Image:
    """Draw a scene.

    Args:
        scene: What is to be seen.
        width: In pixels.
        height: In pixels.

    Returns:
        The picture, in RGB.
    """
    from PIL import ImageDraw  # noqa: PLC0415 -- loaded on use: heavy

    picture = background(scene, width, height)
    draw = ImageDraw.Draw(picture)
    for figure in scene.figures:
        draw_figure(draw, figure, (width, height), scene)
    if scene.writing:
        write(picture, scene.writing)
    return picture.convert("L").convert("RGB") if scene.light == "colourless" else picture


def background(scene: Scene, width: int, height: int) -> Image:
    """Draw what is behind the figures.

    Args:
        scene: What is to be seen.
        width: In pixels.
        height: In pixels.

    Returns:
        The picture without its figures.
    """
    from PIL import Image as Images  # noqa: PLC0415 -- loaded on use: heavy

    horizon = HORIZON if scene.bottom != scene.top else 1.0
    column = Images.new("RGB", (1, height))
    for y in range(height):
        share = y / height
        name, begin, end = (scene.top, 0.0, horizon) if share < horizon else (scene.bottom, horizon, 1.0)
        fade = 1 - SHADE * (share - begin) / (end - begin) if scene.shaded else 1.0
        column.putpixel((0, y), _scaled(tinted(name, scene), fade))
    return column.resize((width, height))


def draw_figure(draw: ImageDraw, figure: Figure, size: tuple[int, int], scene: Scene) -> None:
    """Draw one figure.

    Args:
        draw: Where to.
        figure: What.
        size: The picture's width and height in pixels.
        scene: What it belongs to.
    """
    width, height = size
    stencil = STENCILS[figure.name]
    long_side = figure.size * min(size)
    across, down = (long_side, long_side / stencil.aspect)
    if stencil.aspect < 1:
        across, down = long_side * stencil.aspect, long_side
    left, top = figure.x * width - across / 2, figure.y * height - down / 2
    for part in stencil.parts:
        kind, colour, x0, y0, x1, y1 = part
        box = (left + x0 * across, top + y0 * down, left + x1 * across, top + y1 * down)
        _draw_part(draw, kind, box, _lit(tinted(colour or figure.colour, scene), scene))


def write(picture: Image, text: str) -> None:
    """Write a text into a picture, as large as it fits, on a strip at its foot.

    Args:
        picture: Where to; it is changed.
        text: What to write, on one line.
    """
    from PIL import ImageDraw  # noqa: PLC0415 -- loaded on use: heavy

    draw = ImageDraw.Draw(picture)
    width, height = picture.size
    points = max(12, min(height // 7, int(width * 1.6 / max(4, len(text)))))
    face = font(points)
    while points > 12 and draw.textlength(text, font=face) > width * 0.92:
        points = int(points * 0.9)
        face = font(points)
    strip = int(points * 1.6)
    draw.rectangle((0, height - strip, width, height), fill=(255, 255, 255))
    draw.text((width / 2, height - strip / 2), text, fill=(0, 0, 0), font=face, anchor="mm")


def tinted(name: str, scene: Scene) -> Colour:
    """Choose a tint of a colour that still has its name.

    Args:
        name: The colour's name.
        scene: Whose seed chooses.

    Returns:
        Red, green and blue.
    """
    rng = Random(f"{scene.seed}{name}")  # noqa: S311 -- it paints
    red, green, blue = COLOURS[name]
    if name in GREYS:
        shift = rng.randint(-4, 4)
        return (_byte(red + shift), _byte(green + shift), _byte(blue + shift))
    hue, light, saturation = colorsys.rgb_to_hls(red / 255, green / 255, blue / 255)
    hue = (hue + rng.uniform(-HUE_STRAY, HUE_STRAY)) % 1
    light *= rng.uniform(0.95, 1.03)
    mixed = colorsys.hls_to_rgb(hue, min(light, 0.95), saturation)
    return (_byte(mixed[0] * 255), _byte(mixed[1] * 255), _byte(mixed[2] * 255))


def to_png(picture: Image) -> bytes:
    """Write a picture as a file.

    Args:
        picture: What to write.

    Returns:
        A PNG file.
    """
    out = io.BytesIO()
    picture.save(out, "PNG", compress_level=6)
    return out.getvalue()


def _lit(colour: Colour, scene: Scene) -> Colour:
    return colour if scene.light != "dark" else _scaled(colour, 0.75)


def _scaled(colour: Colour, factor: float) -> Colour:
    red, green, blue = colour
    return (_byte(red * factor), _byte(green * factor), _byte(blue * factor))


def _byte(value: float) -> int:
    return max(0, min(255, round(value)))


def _draw_part(draw: ImageDraw, kind: str, box: tuple[float, float, float, float], fill: Colour) -> None:
    left, top, right, bottom = box
    if kind == "ellipse":
        draw.ellipse(box, fill=fill)
    elif kind == "rectangle":
        draw.rectangle(box, fill=fill)
    elif kind == "triangle":
        draw.polygon([(left, bottom), ((left + right) / 2, top), (right, bottom)], fill=fill)
    elif kind == "point_down":
        draw.polygon([(left, top), (right, top), ((left + right) / 2, bottom)], fill=fill)
    else:
        draw.polygon(_star(box), fill=fill)


def _star(box: tuple[float, float, float, float]) -> list[tuple[float, float]]:
    left, top, right, bottom = box
    x, y, across, down = (left + right) / 2, (top + bottom) / 2, (right - left) / 2, (bottom - top) / 2
    points = []
    for number in range(10):
        reach = 1.0 if number % 2 == 0 else 0.4
        angle = math.pi * number / 5 - math.pi / 2
        points.append((x + across * reach * math.cos(angle), y + down * reach * math.sin(angle)))
    return points


@lru_cache(maxsize=64)
def font(points: int) -> Any:
    """Find a font to write with.

    Args:
        points: Its size.

    Returns:
        One with Chinese characters where the system has one, or else Pillow's own.
    """
    from PIL import ImageFont  # noqa: PLC0415 -- loaded on use: heavy

    for name in FONTS:
        try:
            return ImageFont.truetype(name, points)
        except OSError:
            continue
    return ImageFont.load_default(points)
