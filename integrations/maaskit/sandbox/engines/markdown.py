"""Markdown out of blocks and table cells.

Nothing is read here, and no order is changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Final

from maaskit.sandbox.engines.page import Block, Rows

MAX_HEADING_CHARACTERS: Final = 80
MAX_LEVEL: Final = 4
SAME_LEVEL: Final = 1.12
"""Headings that differ in height by less than this factor are of one level."""


def table(rows: Rows) -> str:
    """Write a table with pipes, its first row as the head.

    Args:
        rows: Cells; every row has the same number of them.

    Returns:
        Markdown without a line break at the end; empty for a table without rows.
    """
    if not rows:
        return ""
    written = ["| " + " | ".join(_cell(text) for text in row) + " |" for row in rows]
    return "\n".join([written[0], "|" + " --- |" * len(rows[0]), *written[1:]])


def _cell(text: str) -> str:
    return "<br>".join(text.replace("|", r"\|").split("\n")).strip()


def body_size(blocks: Sequence[Block]) -> float:
    """Find the height of ordinary text.

    Args:
        blocks: Blocks of a page or of a whole document.

    Returns:
        The line height that the median character has; 0 without text.
    """
    heights = sorted((block.size, len(block.text)) for block in blocks if block.label == "text")
    if not heights:
        return 0.0
    return median([size for size, length in heights for _ in range(max(length // 8, 1))])


def write(blocks: Sequence[Block], *, body: float, heading_from: float) -> str:
    """Write blocks as Markdown, a blank line between them.

    Args:
        blocks: Blocks in order.
        body: Height of ordinary text, in the blocks' unit.
        heading_from: How many times higher than that a short block is a heading.

    Returns:
        Markdown.
    """
    levels = _levels([block.size for block in blocks if _is_heading(block, body * heading_from)])
    return "\n\n".join(_written(block, levels) for block in blocks)


def _is_heading(block: Block, least: float) -> bool:
    short = block.text.count("\n") < 2 and len(block.text) <= MAX_HEADING_CHARACTERS
    return block.label == "text" and short and 0 < least <= block.size and not block.number


def _levels(sizes: list[float]) -> dict[float, int]:
    """Give the highest headings level 1, clearly lower ones the next, and so on."""
    levels: dict[float, int] = {}
    level, reference = 0, float("inf")
    for size in sorted(set(sizes), reverse=True):
        if size * SAME_LEVEL < reference:
            level, reference = min(level + 1, MAX_LEVEL), size
        levels[size] = level
    return levels


def _written(block: Block, levels: dict[float, int]) -> str:
    if block.label == "table":
        return table(block.rows)
    if block.size not in levels or block.text.count("\n") > 1 or len(block.text) > MAX_HEADING_CHARACTERS:
        return block.text
    return f"{'#' * levels[block.size]} " + block.text.replace("\n", " ")
