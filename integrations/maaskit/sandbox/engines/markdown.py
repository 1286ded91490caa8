"""Markdown out of blocks and table cells.

Nothing is read here, and no order is changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


def heading_levels(blocks: Sequence[Block], heading_from: float) -> dict[float, int]:
    """Find which heights of letters make headings, and of which level.

    Args:
        blocks: Blocks of a page or of a whole document.
        heading_from: How many times higher than ordinary text a short block's letters must be.

    Returns:
        Height of letters to level, 1 for the highest.
    """
    least = _body_size(blocks) * heading_from
    levels: dict[float, int] = {}
    level, reference = 0, float("inf")
    for size in sorted({block.size for block in blocks if _is_short(block) and 0 < least <= block.size}, reverse=True):
        if size * SAME_LEVEL < reference:
            level, reference = min(level + 1, MAX_LEVEL), size
        levels[size] = level
    return levels


def write(blocks: Sequence[Block], levels: Mapping[float, int]) -> str:
    """Write blocks as Markdown, a blank line between them, a formula's number behind its formula.

    Args:
        blocks: Blocks in order.
        levels: Heights of letters that make a short block a heading, from `heading_levels`.

    Returns:
        Markdown.
    """
    text = ""
    for block in blocks:
        text += (" " if block.number else "\n\n") + _written(block, levels)
    return text.strip()


def _body_size(blocks: Sequence[Block]) -> float:
    """Find the height of letters that the median character has."""
    sizes = [block.size for block in blocks if block.label == "text" for _ in range(max(len(block.text) // 8, 1))]
    return median(sizes) if sizes else 0.0


def _is_short(block: Block) -> bool:
    short = block.text.count("\n") < 2 and len(block.text) <= MAX_HEADING_CHARACTERS
    return short and block.label == "text" and not block.number


def _written(block: Block, levels: Mapping[float, int]) -> str:
    if block.label == "table":
        return table(block.rows)
    if block.size not in levels or not _is_short(block):
        return block.text
    return f"{'#' * levels[block.size]} " + block.text.replace("\n", " ")
