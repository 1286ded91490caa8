"""Text in pictures: one recogniser for the whole process, its lines arranged as a reader would.

HTTP and file formats other than pictures do not belong here.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from maaskit.sandbox.engines import markdown, pictures, ruled_tables
from maaskit.sandbox.engines.page import Block, Box, Item, Line
from maaskit.sandbox.engines.paragraphs import blocks_of
from maaskit.sandbox.engines.reading_order import read as in_order

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    Corners = NDArray[np.float64]
    """Four corners of a line, clockwise from the upper left: shape (4, 2)."""
    Found = list[tuple[str, Corners, float]]
    """Text, place and certainty from 0 to 1 of each line."""

MAX_SIDE_PIXELS: Final = 1800
"""Larger pictures are shrunk first: letters of a page stay legible at this size."""

SMALL_SIDE_PIXELS: Final = 720
"""Smaller pictures are enlarged up to this size, at most threefold: tiny letters are read badly."""

THREADS: Final = 2
MIN_SCORE: Final = 0.5
LEAST_SENSE: Final = 0.8
"""A picture whose letters are read with less certainty on average may lie on its side or head."""
SIZE_SLACK: Final = 1.45
"""Lines of one paragraph differ in height by less than this factor: a recogniser's boxes hug their letters."""

HEADING_FROM: Final = 1.45
LEAST_SLANT_DEGREES: Final = 0.2
MOST_SLANT_DEGREES: Final = 15.0
STRAY_DEGREES: Final = 8.0
"""A line that leans otherwise than the page is a stamp or an ornament: it is read last."""

_LOCK = threading.Lock()


def read(data: bytes) -> list[Block]:
    """Read the text in a picture file.

    Args:
        data: The file: JPEG, PNG, BMP, WebP, GIF or TIFF.

    Returns:
        Paragraphs and tables in reading order, places in pixels of the upright picture; empty without text.

    Raises:
        CannotRead: The bytes are no picture, or a broken or too large one.
    """
    return read_picture(pictures.opened(data))


def read_picture(picture: Image) -> list[Block]:
    """Read the text in an opened picture.

    Args:
        picture: The picture, upright, in RGB.

    Returns:
        Paragraphs and tables in reading order, places in the picture's pixels.
    """
    scale = _scale(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    quarters, turned, found = _upright(picture.resize(size) if scale != 1 else picture)
    slant = _slant([corners for _, corners, score in found])
    blocks = _arranged(
        turned, slant, [(t, _turned(c, slant, turned.size)) for t, c, score in found if score > MIN_SCORE]
    )
    return [_put_back(block, scale, slant=slant, size=turned.size, quarters=quarters) for block in blocks]


def to_markdown(blocks: Sequence[Block], *, prettify: bool = True, formula_numbers: bool = True) -> str:
    """Write what was read as Markdown.

    Args:
        blocks: Blocks of one picture.
        prettify: Whether to mark headings (short paragraphs of high letters) and to set blocks apart.
        formula_numbers: Whether the numbers that stand at the end of a formula's row are kept.

    Returns:
        Markdown.
    """
    kept = [block for block in blocks if formula_numbers or not block.number]
    if not prettify:
        return "\n".join(markdown.table(block.rows) or block.text for block in kept)
    return markdown.write(kept, markdown.heading_levels(blocks, HEADING_FROM))


def _scale(size: tuple[int, int]) -> float:
    longer = max(size)
    if longer > MAX_SIDE_PIXELS:
        return MAX_SIDE_PIXELS / longer
    return min(3.0, SMALL_SIDE_PIXELS / longer) if longer < SMALL_SIDE_PIXELS else 1.0


def _upright(picture: Image) -> tuple[int, Image, Found]:
    """Read a picture as it lies, and where that makes little sense also on its other sides.

    The recogniser's own classifier of upside-down lines is not asked: it turns short lines that stand upright.
    """
    found = _recognised(picture)
    tall = sum(len(text) > 2 and _is_tall(corners) for text, corners, _ in found)
    letters = sum(len(text) for text, _, _ in found)
    if not found or (_sense(found) > LEAST_SENSE * letters and tall <= len(found) / 2):
        return 0, picture, found
    sides = [(0, picture, found)]
    for quarters in (1, 2, 3):
        turned = picture.rotate(90 * quarters, expand=True)
        sides.append((quarters, turned, _recognised(turned)))
    return max(sides, key=lambda side: _sense(side[2]))


def _sense(found: Found) -> float:
    return sum(score * len(text) for text, corners, score in found if len(text) < 3 or not _is_tall(corners))


def _is_tall(corners: Corners) -> bool:
    box = _around(corners)
    return box.height > 1.5 * box.width


def _recognised(picture: Image) -> Found:
    import numpy as np  # noqa: PLC0415 -- loaded on use: heavy

    with _LOCK:  # the engine keeps settings of the call in itself
        result = _engine()(np.asarray(picture)[:, :, ::-1])
    if result.boxes is None or result.txts is None:
        return []
    lines = zip(result.txts, result.boxes, result.scores, strict=True)
    return [(" ".join(text.split()), corners.astype(float), float(score)) for text, corners, score in lines]


def _arranged(picture: Image, slant: float, lines: Sequence[tuple[str, Corners]]) -> list[Block]:
    """Arrange lines that were turned level, with the tables that the picture, turned alike, shows."""
    import numpy as np  # noqa: PLC0415 -- loaded on use: heavy

    level = [_line(text, corners) for text, corners in lines if not _is_stray(text, corners)]
    stray = [Block("text", text, _around(corners)) for text, corners in lines if _is_stray(text, corners)]
    grey = picture.convert("L").rotate(slant, fillcolor=255)
    tables = ruled_tables.find(np.asarray(grey), level)
    loose: list[Item] = [line for line in level if not any(t.box.holds_middle_of(line.box) for t in tables)]
    zones = in_order([*loose, *tables], (0.0, float(picture.width)))
    return [*blocks_of(zones, size_slack=SIZE_SLACK), *stray]


@cache
def _engine() -> Any:
    from rapidocr import RapidOCR  # noqa: PLC0415 -- loaded on use: heavy

    engine = RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.text_score": 0.0,
            "Global.use_cls": False,
            "Global.max_side_len": MAX_SIDE_PIXELS,
            # By default every picture is blown up until its shorter side has 736 pixels, a strip of text to 3700.
            "Det.limit_type": "max",
            "Det.limit_side_len": MAX_SIDE_PIXELS,
            "EngineConfig.onnxruntime.intra_op_num_threads": THREADS,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )
    logging.getLogger("RapidOCR").setLevel(logging.CRITICAL)
    return engine


def _slant(found: Sequence[Corners]) -> float:
    """Measure by how many degrees the page leans, clockwise; long lines say it best."""
    weighted = sorted((_angle(corners), math.dist(corners[0], corners[1])) for corners in found)
    level = [(angle, length) for angle, length in weighted if abs(angle) < MOST_SLANT_DEGREES]
    half = sum(length for _, length in level) / 2
    for angle, length in level:
        half -= length
        if half <= 0:
            return angle if abs(angle) > LEAST_SLANT_DEGREES else 0.0
    return 0.0


def _angle(corners: Corners) -> float:
    x, y = (corners[1] - corners[0] + corners[2] - corners[3]).tolist()
    return math.degrees(math.atan2(y, x))


def _is_stray(text: str, corners: Corners) -> bool:
    return len(text) > 1 and abs(_angle(corners)) > STRAY_DEGREES


def _turned(corners: Corners, degrees: float, size: tuple[int, int]) -> Corners:
    """Turn points counter-clockwise about the middle of a picture, as Pillow's `rotate` turns the picture."""
    import numpy as np  # noqa: PLC0415 -- loaded on use: heavy

    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    middle = np.array(size) / 2
    turned: Corners = (corners - middle) @ np.array([[cos, -sin], [sin, cos]]) + middle
    return turned


def _line(text: str, corners: Corners) -> Line:
    sides = [math.dist(corners[n], corners[(n + 1) % 4]) for n in range(4)]
    return Line(text, _around(corners), min(median(sides[::2]), median(sides[1::2])))


def _around(corners: Corners) -> Box:
    left, top = corners.min(axis=0).tolist()
    right, bottom = corners.max(axis=0).tolist()
    return Box(left, top, right, bottom)


def _put_back(block: Block, scale: float, *, slant: float, size: tuple[int, int], quarters: int) -> Block:
    """Give a block's place in the picture as it came."""
    import numpy as np  # noqa: PLC0415 -- loaded on use: heavy

    b = block.box
    corners = np.array([(b.left, b.top), (b.right, b.top), (b.right, b.bottom), (b.left, b.bottom)])
    corners = np.clip(_turned(corners, -slant, size), 0, size)
    width, height = size
    for _ in range(quarters):  # each time a quarter clockwise: what was above comes to lie on the right
        corners = np.stack([height - corners[:, 1], corners[:, 0]], axis=1)
        width, height = height, width
    return replace(block, box=_around(corners / scale), size=block.size / scale)
