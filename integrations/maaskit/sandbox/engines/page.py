"""What stands on a page: boxes, lines, tables and the blocks that a reader sees.

Where lines come from, their order and how blocks are written does not belong here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Box:
    """Hold a rectangle on a page, in the page's own unit, y growing downwards."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """Measure from left to right."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Measure from top to bottom."""
        return self.bottom - self.top

    @property
    def middle(self) -> tuple[float, float]:
        """Find the middle as x and y."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    def holds_middle_of(self, other: Box) -> bool:
        """Tell whether the middle of another box lies in this one.

        Args:
            other: The other box.

        Returns:
            Whether it does.
        """
        x, y = other.middle
        return self.left <= x <= self.right and self.top <= y <= self.bottom


def around(boxes: Iterable[Box]) -> Box:
    """Draw the smallest box around others.

    Args:
        boxes: At least one box.

    Returns:
        The box that holds them all.
    """
    held = list(boxes)
    return Box(
        min(b.left for b in held), min(b.top for b in held), max(b.right for b in held), max(b.bottom for b in held)
    )


Rows = tuple[tuple[str, ...], ...]
"""A table's cells; every row has the same number of them."""


@dataclass(frozen=True, slots=True)
class Line:
    """Hold one run of text on one base line.

    Args:
        text: What stands there.
        box: Where.
        size: How high its letters are: less than the box where the line is slanted.
    """

    text: str
    box: Box
    size: float


@dataclass(frozen=True, slots=True)
class Table:
    """Hold a table."""

    rows: Rows
    box: Box


Item = Line | Table


@dataclass(frozen=True, slots=True)
class Block:
    """Hold one paragraph or one table.

    Args:
        label: What it is.
        text: A paragraph's text; its hard line breaks are kept. Empty for a table.
        box: Where it stands.
        size: Median height of its lines, in the page's unit; 0 for a table.
        rows: A table's cells; empty for a paragraph.
        number: Whether the text is a formula's number standing apart at the end of its row.
    """

    label: Literal["text", "table"]
    text: str
    box: Box
    size: float = 0.0
    rows: Rows = ()
    number: bool = False
