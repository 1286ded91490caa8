"""PDF: the text layer page by page, ruled tables, and pictures of pages that have no text layer.

Other formats and the writing of Markdown do not belong here.
"""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, Final

from maaskit.sandbox.engines import CannotRead
from maaskit.sandbox.engines.page import Block, Box, Item, Line, Rows, Table
from maaskit.sandbox.engines.paragraphs import blocks_of, join
from maaskit.sandbox.engines.reading_order import read

if TYPE_CHECKING:
    from PIL.Image import Image

SCAN_DPI: Final = 200
MAX_SCAN_SIDE_PIXELS: Final = 1800
"""What the recogniser takes without shrinking it."""
SIZE_SLACK: Final = 1.12
"""A text layer knows its letters' heights exactly."""
_PDFIUM = threading.Lock()  # "PDFium is not thread-safe" (pypdfium2's readme)


def page_blocks(data: bytes) -> Iterator[tuple[list[Block], int]]:
    """Read a PDF's text layer page by page.

    Args:
        data: The file.

    Yields:
        A page's blocks in reading order, empty when it has no text, and the page's number from 0.

    Raises:
        CannotRead: The file is broken or asks for a password.
    """
    with _opened(data) as pdf:
        for number, page in enumerate(pdf.pages):
            yield _blocks(page), number
            page.close()


def picture_of(data: bytes, number: int) -> Image:
    """Draw a page, for a recogniser to read.

    Args:
        data: The file.
        number: The page, from 0.

    Returns:
        The page at 200 dots per inch, or smaller when its longer side would pass 1800 pixels.
    """
    import pypdfium2  # type: ignore[import-untyped]  # noqa: PLC0415 -- loaded on use: heavy

    with _PDFIUM, closing(pypdfium2.PdfDocument(data)) as pdf, closing(pdf[number]) as page:
        scale = min(SCAN_DPI / 72, (MAX_SCAN_SIDE_PIXELS - 1) / max(page.get_size()))
        with closing(page.render(scale=scale)) as bitmap:
            drawn: Image = bitmap.to_pil().convert("RGB")
            return drawn


@contextmanager
def _opened(data: bytes) -> Iterator[Any]:
    import pdfplumber  # noqa: PLC0415 -- loaded on use: heavy
    from pdfminer.pdfdocument import PDFPasswordIncorrect  # noqa: PLC0415 -- the same
    from pdfplumber.utils.exceptions import PdfminerException  # noqa: PLC0415 -- the same

    logging.getLogger("pdfminer").setLevel(logging.ERROR)  # it warns of every odd colour
    try:
        with pdfplumber.open(io.BytesIO(data), laparams={}) as pdf:
            yield pdf
    except (PDFPasswordIncorrect, PdfminerException) as error:
        cause = error.args[0] if error.args else error
        if isinstance(cause, PDFPasswordIncorrect) or isinstance(error, PDFPasswordIncorrect):
            raise CannotRead("the PDF asks for a password; save it without one") from error
        raise CannotRead("the PDF is broken and cannot be read") from error


def _blocks(page: Any) -> list[Block]:
    tables = _ruled_tables(page)
    lines = [
        Line(" ".join(line["text"].split()), Box(line["x0"], line["top"], line["x1"], line["bottom"]), line["height"])
        for line in page.objects.get("textlinehorizontal", ())
        if line["text"].strip()
    ]
    loose: list[Item] = [line for line in lines if not any(t.box.holds_middle_of(line.box) for t in tables)]
    return blocks_of(read([*loose, *tables], (page.bbox[0], page.bbox[2])), size_slack=SIZE_SLACK)


def _ruled_tables(page: Any) -> list[Table]:
    found = []
    for table in page.find_tables():
        rows = _tidy(table.extract())
        if len(rows) > 1 and len(rows[0]) > 1:
            found.append(Table(rows, Box(*table.bbox)))
    return found


def _tidy(cells: list[list[str | None]]) -> Rows:
    """Join the lines within cells, and leave out rows and columns that hold nothing."""
    rows = [[_joined(cell or "") for cell in row] for row in cells]
    rows = [row for row in rows if any(row)]
    used = [n for n in range(len(rows[0]) if rows else 0) if any(row[n] for row in rows)]
    return tuple(tuple(row[n] for n in used) for row in rows)


def _joined(cell: str) -> str:
    text = ""
    for line in cell.split("\n"):
        text = join(text, line.strip())
    return text
