"""The order in which a page is read: from top to bottom, columns of prose one after another, grids by their rows.

No text is joined here and no paragraph is made.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, median
from typing import Final

from maaskit.sandbox.engines.page import Item, Line, Table, around

Span = tuple[float, float]
Band = list[Item]

GUTTER_HEIGHTS: Final = 0.8
"""White space between columns is at least this many line heights wide."""
MIN_COLUMN_LINES: Final = 3
_LABEL: Final = re.compile(r".{1,16}[:：]")
MIN_GRID_ROWS: Final = 3
MIN_GRID_COLUMNS: Final = 3
"""Two columns without rules are too often a label and its value to be called a table."""


@dataclass(frozen=True, slots=True)
class Zone:
    """Hold what is read in one go, from top to bottom, and how wide its lines may run."""

    items: tuple[Item, ...]
    bounds: Span


def read(items: Sequence[Item], bounds: Span) -> list[Zone]:
    """Put a page's lines and tables into the order of reading.

    Args:
        items: Lines and ruled tables, in any order.
        bounds: Where the page begins and ends from left to right.

    Returns:
        Zones in order; grids of short cells without rules have become tables.
    """
    if not items:
        return []
    heights = [i.size for i in items if isinstance(i, Line)]
    gutter = GUTTER_HEIGHTS * median(heights) if heights else 0.0
    bands = _bands(items)
    zones: list[Zone] = []
    at = 0
    while at < len(bands):
        length, side_by_side = _side_by_side(bands[at:], gutter, bounds)
        zones += side_by_side or [Zone(tuple(bands[at]), bounds)]
        at += length
    return _joined(zones)


def _side_by_side(bands: list[Band], gutter: float, bounds: Span) -> tuple[int, list[Zone]]:
    """Try the bands from the first one down as columns or a grid, the longest run first."""
    for length, gaps in reversed(_runs(bands, gutter)):
        run = bands[:length]
        zones = _columns(run, gaps, bounds) or _grid(run, gaps, bounds)
        if zones:
            return length, zones
    return 1, []


def _bands(items: Sequence[Item]) -> list[Band]:
    """Group what overlaps from top to bottom; lines are thinned, for recognisers draw their boxes too high."""
    bands: list[Band] = []
    floor = float("-inf")
    for item in sorted(items, key=lambda i: i.box.top + _spare(i)):
        if item.box.top + _spare(item) >= floor:
            bands.append([])
        bands[-1].append(item)
        floor = max(floor, item.box.bottom - _spare(item))
    return bands


def _spare(item: Item) -> float:
    return item.box.height / 4 if isinstance(item, Line) else 0.0


def _runs(bands: list[Band], gutter: float) -> list[tuple[int, list[Span]]]:
    """Find how far down from the first band white gutters stay free: a length for each set of gutters."""
    extent = around(i.box for band in bands for i in band)
    common: list[Span] = [(extent.left - gutter, extent.right + gutter)]
    runs: list[tuple[int, list[Span]]] = []
    left, right = float("inf"), float("-inf")
    for length, band in enumerate(bands, start=1):
        common = _narrowed(common, band, gutter)
        left, right = min(left, *(i.box.left for i in band)), max(right, *(i.box.right for i in band))
        inner = [(lo, hi) for lo, hi in common if left < lo and hi < right]
        if not common or (runs and not inner):
            break
        if runs and len(inner) >= len(runs[-1][1]):
            runs[-1] = (length, inner)
        elif inner:
            runs.append((length, inner))
    return runs


def _narrowed(free: list[Span], band: Band, gutter: float) -> list[Span]:
    """Take what a band covers out of the free space, and forget what is too narrow then."""
    for item in band:
        left, right = item.box.left, item.box.right
        free = [part for lo, hi in free for part in ((lo, min(hi, left)), (max(lo, right), hi))]
        free = [(lo, hi) for lo, hi in dict.fromkeys(free) if hi - lo >= gutter]
    return free


def _columns(run: list[Band], gaps: list[Span], bounds: Span) -> list[Zone]:
    """Read columns of prose one after another; none when what the gutters part is not prose."""
    flat = [item for band in run for item in band]
    widest_first = sorted(gaps, key=lambda gap: gap[0] - gap[1])
    for cuts in [gaps, *([gap] for gap in widest_first)]:
        spans = _spans(cuts, bounds)
        columns = [[i for i in flat if lo <= i.box.middle[0] < hi] for lo, hi in spans]
        if len(columns) > 1 and all(_is_prose(column) for column in columns):
            return [zone for column in columns for zone in read(column, _extent(column))]
    return []


def _extent(items: Sequence[Item]) -> Span:
    box = around(i.box for i in items)
    return box.left, box.right


def _spans(gaps: list[Span], bounds: Span) -> list[Span]:
    return list(pairwise([bounds[0], *((lo + hi) / 2 for lo, hi in sorted(gaps)), bounds[1]]))


def _is_prose(column: Sequence[Item]) -> bool:
    """Tell running text from cells and forms: its lines are long and mostly reach the same right edge."""
    lines = [i for i in column if isinstance(i, Line)]
    if len(lines) < MIN_COLUMN_LINES or sum(bool(_LABEL.match(line.text)) for line in lines) > len(lines) / 3:
        return False
    box = around(line.box for line in lines)
    long_lines = fmean(line.box.width for line in lines) >= 8 * median(line.size for line in lines)
    full = sum(line.box.right - box.left >= 0.75 * box.width for line in lines)
    return long_lines and full >= len(lines) / 2


def _grid(run: list[Band], gaps: list[Span], bounds: Span) -> list[Zone]:
    """Make a table out of short cells without rules; what stands alone above and below it stays apart."""
    spans = _spans(gaps, bounds)
    if len(spans) < MIN_GRID_COLUMNS or any(isinstance(i, Table) for band in run for i in band):
        return []
    rows = [tuple(_cell(band, span) for span in spans) for band in run]
    wide = [n for n, row in enumerate(rows) if sum(map(bool, row)) > 1]
    first, last = (wide[0], wide[-1] + 1) if wide else (0, 0)
    cells = sum(bool(cell) for row in rows[first:last] for cell in row)
    if last - first < MIN_GRID_ROWS or cells < 0.7 * (last - first) * len(spans):
        return []
    table = Table(tuple(rows[first:last]), around(i.box for band in run[first:last] for i in band))
    above, below = ([i for band in part for i in band] for part in (run[:first], run[last:]))
    return [Zone((*above, table, *below), bounds)]


def _cell(band: Band, span: Span) -> str:
    inside = [i for i in band if isinstance(i, Line) and span[0] <= i.box.middle[0] < span[1]]
    return " ".join(i.text for i in sorted(inside, key=lambda i: (i.box.top, i.box.left)))


def _joined(zones: list[Zone]) -> list[Zone]:
    """Let neighbouring zones of the same width be one, so that paragraphs may run on."""
    joined: list[Zone] = []
    for zone in zones:
        if joined and joined[-1].bounds == zone.bounds:
            joined[-1] = Zone((*joined[-1].items, *zone.items), zone.bounds)
        else:
            joined.append(zone)
    return joined
