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

MAX_SIDE_PIXELS: Final = 2400
"""Larger pictures are shrunk first: letters of a page stay legible at this size."""

SMALL_SIDE_PIXELS: Final = 720
"""Smaller pictures are enlarged up to this size, at most threefold: tiny letters are read badly."""

THREADS: Final = 2
MIN_SCORE: Final = 0.5
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
    import numpy as np  # noqa: PLC0415 -- loaded on use: heavy

    scale = _scale(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    scaled = picture.resize(size) if scale != 1 else picture
    found = _recognised(np.asarray(scaled)[:, :, ::-1])
    slant = _slant([corners for _, corners in found])
    grey = scaled.convert("L").rotate(slant, fillcolor=255)
    turned = [(text, _turned(corners, slant, size)) for text, corners in found]
    lines = [_line(text, corners) for text, corners in turned if not _is_stray(text, corners)]
    tables = ruled_tables.find(np.asarray(grey), lines)
    loose: list[Item] = [line for line in lines if not any(t.box.holds_middle_of(line.box) for t in tables)]
    blocks = blocks_of(in_order([*loose, *tables], (0.0, float(size[0]))), size_slack=SIZE_SLACK)
    blocks += [Block("text", text, _around(c)) for text, c in turned if _is_stray(text, c)]
    return [_put_back(block, slant, size, scale) for block in blocks]


def to_markdown(blocks: Sequence[Block]) -> str:
    """Write what was read as Markdown.

    Args:
        blocks: Blocks of one picture.

    Returns:
        Markdown; short paragraphs of high letters are headings.
    """
    return markdown.write(blocks, body=markdown.body_size(blocks), heading_from=HEADING_FROM)


def _scale(size: tuple[int, int]) -> float:
    longer = max(size)
    if longer > MAX_SIDE_PIXELS:
        return MAX_SIDE_PIXELS / longer
    return min(3.0, SMALL_SIDE_PIXELS / longer) if longer < SMALL_SIDE_PIXELS else 1.0


def _recognised(pixels: NDArray[np.uint8]) -> list[tuple[str, Corners]]:
    with _LOCK:  # the engine keeps settings of the call in itself
        result = _engine()(pixels)
    if result.boxes is None or result.txts is None:
        return []
    pairs = zip(result.txts, result.boxes, strict=True)
    return [(" ".join(text.split()), corners.astype(float)) for text, corners in pairs if text.strip()]


@cache
def _engine() -> Any:
    from rapidocr import RapidOCR  # noqa: PLC0415 -- loaded on use: heavy

    engine = RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.text_score": MIN_SCORE,
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


def _put_back(block: Block, slant: float, size: tuple[int, int], scale: float) -> Block:
    """Give a block's place in the picture as it came."""
    import numpy as np  # noqa: PLC0415 -- loaded on use: heavy

    b = block.box
    corners = np.array([(b.left, b.top), (b.right, b.top), (b.right, b.bottom), (b.left, b.bottom)])
    placed = np.clip(_turned(corners, -slant, size), 0, size) / scale
    return replace(block, box=_around(placed), size=block.size / scale)
