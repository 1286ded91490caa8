"""Paragraphs out of lines: which lines belong together, and what stands where one line meets the next.

The order of lines is settled before; Markdown comes after.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median
from typing import Final

from maaskit.sandbox.engines.page import Block, Item, Line, Table, around
from maaskit.sandbox.engines.reading_order import Zone

_CJK: Final = r"\u3000-\u303f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef"
_CJK_CHARACTER: Final = re.compile(f"[{_CJK}]")
_FIRST_PIECE: Final = re.compile(rf"[{_CJK}]|[^\s{_CJK}]+")
_LIST_MARK: Final = re.compile(
    r"[-*•·●▪◦–—]\s*\S|[(（]?(?:\d{1,2}|[一二三四五六七八九十]{1,3}|[A-Za-z])[.、)）](?!\d)|第[\d一二三四五六七八九十百]+[章节条款]"
)
_FORMULA_NUMBER: Final = re.compile(r"[(（]\s*\d{1,3}(?:[.-]\d{1,3})*[a-z]?\s*[)）]")
_FORMULA: Final = re.compile(r"[=≈≤≥≠∑∫√±×÷∝→]")

MIN_WIDTH_SHARE: Final = 0.6
"""Lines that leave more room than this free were not broken for want of it."""
APART: Final = "  "
"""What stands between runs of text that stand apart in one row."""
SPARE_HEIGHTS: Final = 1.5
"""A line that ends this close to the edge, in line heights, may still have been broken for want of room."""
_SENTENCE_END: Final = re.compile(r"[.!?;:。！？；：…]['\"”’）)]*$")


def blocks_of(zones: Sequence[Zone], *, size_slack: float) -> list[Block]:
    """Make paragraphs and tables out of zones that are in reading order.

    Args:
        zones: Zones of one page.
        size_slack: By which factor, at most, the heights of one paragraph's lines differ.

    Returns:
        Blocks in the same order.
    """
    return [block for zone in zones for block in _zone_blocks(zone, size_slack)]


def join(first: str, second: str) -> str:
    """Join two runs of text that one reader reads on: no space between Chinese, one between words.

    Args:
        first: What comes first.
        second: What follows.

    Returns:
        Both as one; a word hyphenated at the break is whole again.
    """
    if not first or not second:
        return first or second
    if _CJK_CHARACTER.match(first[-1]) or _CJK_CHARACTER.match(second[0]):
        return first + second
    if re.search(r"[a-z]-$", first) and second[0].islower():
        return first[:-1] + second
    return f"{first} {second}"


def _zone_blocks(zone: Zone, slack: float) -> list[Block]:
    blocks: list[Block] = []
    rows: list[Line] = []

    def close() -> None:
        blocks.extend(_paragraphs(rows, zone, slack))
        rows.clear()

    for row in _rows(zone.items):
        if isinstance(row, Table):
            close()
            blocks.append(Block("table", "", row.box, rows=row.rows))
        elif _ends_in_formula_number(row):
            close()
            rows.append(_one_line(row[:-1]))
            close()
            blocks.append(Block("text", row[-1].text, row[-1].box, row[-1].size, number=True))
        else:
            rows.append(_one_line(row))
    close()
    return blocks


def _rows(items: Sequence[Item]) -> Iterator[list[Line] | Table]:
    """Gather the lines that stand beside one another; the zone's items come roughly from top to bottom."""
    row: list[Line] = []
    for item in sorted(items, key=lambda i: i.box.top if isinstance(i, Table) else i.box.middle[1]):
        if isinstance(item, Line) and row and _beside(row[0], item):
            row.append(item)
            continue
        if row:
            yield sorted(row, key=lambda line: line.box.left)
        row = [item] if isinstance(item, Line) else []
        if isinstance(item, Table):
            yield item
    if row:
        yield sorted(row, key=lambda line: line.box.left)


def _beside(first: Line, second: Line) -> bool:
    overlap = min(first.box.bottom, second.box.bottom) - max(first.box.top, second.box.top)
    return overlap >= 0.5 * min(first.box.height, second.box.height)


def _ends_in_formula_number(row: list[Line]) -> bool:
    if len(row) < 2 or not _FORMULA_NUMBER.fullmatch(row[-1].text.strip()):
        return False
    gap = row[-1].box.left - row[-2].box.right
    return gap > 2 * row[-1].size and any(_FORMULA.search(line.text) for line in row[:-1])


def _one_line(row: list[Line]) -> Line:
    text = row[0].text
    for left, right in pairwise(row):
        wide = right.box.left - left.box.right > left.size
        text = f"{text}{APART}{right.text}" if wide else join(text, right.text)
    return Line(text, around(line.box for line in row), median(line.size for line in row))


def _paragraphs(rows: list[Line], zone: Zone, slack: float) -> list[Block]:
    if not rows:
        return []
    gaps = [lower.box.top - upper.box.bottom for upper, lower in pairwise(rows)]
    usual = median(gaps) if gaps else 0.0
    groups = [[rows[0]]]
    for lower, gap in zip(rows[1:], gaps, strict=True):
        height = median(line.size for line in groups[-1])
        another_size = not 1 / slack < lower.size / max(height, 1e-6) < slack
        if another_size or gap > max(0.75 * height, 1.4 * usual) or _begins_paragraph(groups[-1], lower):
            groups.append([])
        groups[-1].append(lower)
    return [_block(group, zone) for group in groups]


def _begins_paragraph(group: list[Line], lower: Line) -> bool:
    """Tell the first line of a paragraph by its indent, and the first item of a list by its mark."""
    if _LIST_MARK.match(lower.text):
        return not _LIST_MARK.match(group[0].text)
    if len(group) == 1:
        return False
    indent = lower.box.left - min(line.box.left for line in group[1:])
    return 1.2 * lower.size < indent < 3.5 * lower.size


def _block(group: list[Line], zone: Zone) -> Block:
    text = group[0].text
    for upper, lower in pairwise(group):
        text = join(text, lower.text) if _runs_on(upper, lower, group, zone) else f"{text}\n{lower.text}"
    box = around(line.box for line in group)
    return Block("text", text, box, median(line.size for line in group))


def _runs_on(upper: Line, lower: Line, group: list[Line], zone: Zone) -> bool:
    """Tell a line that was broken for want of room: the next one's first word would hardly have fitted."""
    if _LIST_MARK.match(lower.text) or APART in upper.text or APART in lower.text:
        return False
    ended = _SENTENCE_END.search(upper.text) is not None
    room = MIN_WIDTH_SHARE * (zone.bounds[1] - zone.bounds[0])
    if upper.box.width > room and lower.text[0].islower() and not ended:
        return True
    first = _FIRST_PIECE.search(lower.text)
    word = (len(first.group()) if first else 1) * lower.box.width / max(len(lower.text), 1)
    reach = upper.box.right + word + SPARE_HEIGHTS * lower.size
    page, paragraph = around(i.box for i in zone.items if isinstance(i, Line)), around(line.box for line in group)
    # A paragraph may be narrower than others of its page; then a full stop at its edge may well end it.
    return (page.width > room and reach > page.right) or (
        paragraph.width > room and reach > paragraph.right and not ended
    )
