"""Ruled tables in pictures: drawn lines become a grid, recognised text falls into its cells.

Text is recognised elsewhere; tables without rules are found by their white space in `reading_order`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from maaskit.sandbox.engines.page import Box, Line, Table
from maaskit.sandbox.engines.paragraphs import join

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MIN_RULE_PIXELS: Final = 40
THICKEST_RULE_PIXELS: Final = 6
MIN_RULE_SHARE: Final = 0.5
"""A rule counts when it runs over this share of its table at least; a cell may span some columns or rows."""


def find(pixels: NDArray[np.uint8], lines: Sequence[Line]) -> list[Table]:
    """Find tables drawn with lines.

    Args:
        pixels: The picture as grey values, rows first.
        lines: Recognised text in the picture's pixels.

    Returns:
        Tables with at least two rows, two columns and two filled cells.
    """
    import cv2  # noqa: PLC0415 -- loaded on use: heavy

    # cv2's stubs know neither every overload nor that a Mat is an array.
    cv: Any = cv2
    ink = cv.adaptiveThreshold(255 - pixels, 255, cv.ADAPTIVE_THRESH_MEAN_C, cv.THRESH_BINARY, 25, -8)
    length = max(MIN_RULE_PIXELS, min(pixels.shape) // 25)
    across = cv.morphologyEx(ink, cv.MORPH_OPEN, cv.getStructuringElement(cv.MORPH_RECT, (length, 1)))
    down = cv.morphologyEx(ink, cv.MORPH_OPEN, cv.getStructuringElement(cv.MORPH_RECT, (1, length)))
    net = cv.dilate(across | down, cv.getStructuringElement(cv.MORPH_RECT, (5, 5)))
    count, _, stats, _ = cv.connectedComponentsWithStats(net)
    tables = []
    for x, y, width, height, _ in (map(int, stats[n]) for n in range(1, count)):
        part = (slice(y, y + height), slice(x, x + width))
        rows = [y + at for at in _rules(across[part], axis=1)]
        columns = [x + at for at in _rules(down[part], axis=0)]
        if len(rows) > 2 and len(columns) > 2:
            tables += _filled(rows, columns, lines)
    return tables


def _rules(mask: NDArray[np.uint8], *, axis: int) -> list[int]:
    """Find where the drawn lines lie; thick lines count once."""
    covered = (mask > 0).mean(axis=axis)
    drawn = (covered >= MIN_RULE_SHARE).nonzero()[0].tolist()
    return [at for before, at in pairwise([-THICKEST_RULE_PIXELS - 1, *drawn]) if at - before > THICKEST_RULE_PIXELS]


def _filled(rows: list[int], columns: list[int], lines: Sequence[Line]) -> list[Table]:
    box = Box(columns[0], rows[0], columns[-1], rows[-1])
    inside = sorted((line for line in lines if box.holds_middle_of(line.box)), key=_from_top)
    cells = tuple(
        tuple(_cell(inside, Box(left, top, right, bottom)) for left, right in pairwise(columns))
        for top, bottom in pairwise(rows)
    )
    filled = sum(bool(cell) for row in cells for cell in row)
    return [Table(cells, box)] if filled > 1 else []


def _from_top(line: Line) -> tuple[float, float]:
    return (round(line.box.middle[1] / max(line.size, 1)), line.box.left)


def _cell(lines: Sequence[Line], cell: Box) -> str:
    text = ""
    for line in lines:
        if cell.holds_middle_of(line.box):
            text = join(text, line.text)
    return text
