"""Excel workbooks: each sheet as a table, each cell as Excel shows it to a reader.

Other formats do not belong here.
"""

from __future__ import annotations

import datetime as dt
import io
import threading
import warnings
from collections.abc import Iterable
from contextlib import closing
from typing import Any

from maaskit.sandbox.engines import markdown
from maaskit.sandbox.engines.page import Rows

_LOCK = threading.Lock()
"""openpyxl warns of what it leaves out of many a good workbook; silence is set for the whole process, so one by one."""


def to_markdown(data: bytes) -> str:
    """Write every sheet of an ``.xlsx`` workbook as a Markdown table under its name.

    Cells are read one by one, not through a data frame: a column of integers with gaps would become floats there
    (``417.0``), and an empty cell ``NaN``.

    Args:
        data: The file.

    Returns:
        Markdown; a sheet without cells keeps its heading.
    """
    with _LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _written(data)


def _written(data: bytes) -> str:
    from openpyxl import load_workbook  # type: ignore[import-untyped]  # noqa: PLC0415 -- loaded on use: heavy

    sheets = []
    with (
        closing(load_workbook(io.BytesIO(data), read_only=True, data_only=True)) as values,
        closing(load_workbook(io.BytesIO(data), read_only=True)) as formulas,
    ):
        for shown, written in zip(values.worksheets, formulas.worksheets, strict=True):
            rows = _trimmed(_cells(shown, written))
            sheets.append("\n\n".join(part for part in (f"## {shown.title}", markdown.table(rows)) if part))
    return "\n\n".join(sheets)


def _cells(shown: Any, written: Any) -> Iterable[list[str]]:
    for sheet in (shown, written):
        sheet.reset_dimensions()  # some programs note a wrong size, which would hide cells
    for row, formula_row in zip(shown.iter_rows(), written.iter_rows(), strict=True):
        yield [
            # A program that computes nothing saves a formula without its value: then the formula is what there is.
            _text(cell) or ("" if cell.value is not None else _text(formula))
            for cell, formula in zip(row, formula_row, strict=True)
        ]


def _text(cell: Any) -> str:
    value = cell.value
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        return _number(value, cell.number_format or "")
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time() else value.isoformat(" ", "seconds")
    return "" if value is None else str(value).strip()


def _number(value: float, shown_as: str) -> str:
    if shown_as.partition(";")[0].endswith("%"):
        return f"{_plain(round(value * 100, 10))}%"
    return _plain(value)


def _plain(value: float) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.15g}"


def _trimmed(rows: Iterable[list[str]]) -> Rows:
    """Leave out empty rows, and empty columns at the edges."""
    filled = [row for row in rows if any(row)]
    width = max((len(row) for row in filled), default=0)
    used = [n for n in range(width) if any(n < len(row) and row[n] for row in filled)]
    if not used:
        return ()
    return tuple(tuple([*row, *[""] * (width - len(row))][used[0] : used[-1] + 1]) for row in filled)
