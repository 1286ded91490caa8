"""Documents to Markdown: which reader a file needs, and the honest word when none can read it.

The readers of single formats stand beside this file; HTTP does not belong here.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import PurePath
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from maaskit.sandbox.engines import CannotRead, markdown, ocr, pdf, plain_text, workbook

if TYPE_CHECKING:
    from markitdown import DocumentConverter

FORMATS: Final = ("pdf", "docx", "doc", "xlsx", "txt", "pptx")
"""SophNet, Document Parse: 文档,支持pdf,docx,doc,xlsx,txt,pptx格式."""

MAX_UNPACKED_BYTES: Final = 512 * 1024 * 1024
"""A zip container that says it unpacks to more is refused: it would exhaust the memory."""

HEADING_FROM: Final = 1.2
"""A short block of letters this many times as high as the body's is a heading."""

_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_DEAD_PICTURE: Final = re.compile(r"!\[(?P<alt>[^\]]*)\]\((?!https?:)[^)]*\)")
_NAMELESS: Final = re.compile(
    r"(?i)(?:picture|image|graphic|图片|图像)?\s*\d*|\S+\.(?:png|jpe?g|gif|bmp|emf|wmf|svg|tiff?)"
)


def to_markdown(data: bytes, filename: str) -> str:
    """Turn a document into Markdown.

    Args:
        data: The file.
        filename: Its name; the ending says what it is.

    Returns:
        Markdown, tables included; empty for a document without any text.

    Raises:
        CannotRead: Another format, a legacy ``.doc``, an empty, broken or locked file.

    Source:
        SophNet, Document Parse: 高效转换主流格式文档至精准、易用的Markdown文本内容.
    """
    ending = PurePath(filename).suffix.lstrip(".").lower()
    if ending not in FORMATS:
        named = f"a .{ending} file" if ending else "a file whose name has no ending"
        raise CannotRead(f"{named} cannot be parsed; supported formats: {', '.join(FORMATS)}")
    if not data:
        raise CannotRead("the file is empty (0 bytes)")
    try:
        _check_content(data, ending)
        text = _READERS["docx" if ending == "doc" else ending](data)
    except CannotRead:
        raise
    except Exception as error:  # five libraries, each with errors of its own
        raise CannotRead(f"the {ending} file is broken and cannot be read ({type(error).__name__})") from error
    lines = [line.rstrip() for line in text.split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _check_content(data: bytes, ending: str) -> None:
    """Refuse what the content itself shows to be something else than the name says."""
    if ending == "pdf" and b"%PDF-" not in data[:1024]:
        raise CannotRead("the file's name ends in .pdf, but its content is no PDF")
    if ending == "txt" and data.startswith((b"%PDF-", b"PK\x03\x04", _OLE)):
        raise CannotRead("the file's name ends in .txt, but its content is no text")
    if ending in ("pdf", "txt"):
        return
    if data.startswith(_OLE) and ending != "doc":
        raise CannotRead(f"the {ending} file is locked with a password, or was saved in the format of Office 97")
    if ending == "doc" and not zipfile.is_zipfile(io.BytesIO(data)):
        raise CannotRead("the sandbox cannot read the legacy .doc format (the cloud takes it); save the file as .docx")
    _check_container(data, "docx" if ending == "doc" else ending)


def _check_container(data: bytes, ending: str) -> None:
    main = {"docx": "word/", "xlsx": "xl/", "pptx": "ppt/"}[ending]
    with zipfile.ZipFile(io.BytesIO(data)) as container:
        entries = container.infolist()
    if sum(entry.file_size for entry in entries) > MAX_UNPACKED_BYTES:
        raise CannotRead(f"the {ending} file unpacks to more than {MAX_UNPACKED_BYTES // 2**20} MiB")
    if not any(entry.filename.startswith(main) for entry in entries):
        raise CannotRead(f"the file's name ends in .{ending}, but its content is no such document")


def _from_pdf(data: bytes) -> str:
    """Read the text layer, and the pictures of those pages that have none."""
    written = []
    pages = list(pdf.page_blocks(data))
    levels = markdown.heading_levels([block for blocks, _ in pages for block in blocks], HEADING_FROM)
    for blocks, number in pages:
        if blocks:
            written.append(markdown.write(blocks, levels))
        else:
            written.append(ocr.to_markdown(ocr.read_picture(pdf.picture_of(data, number))))
    return "\n\n".join(page for page in written if page)


def _from_docx(data: bytes) -> str:
    from markitdown.converters import DocxConverter  # noqa: PLC0415 -- loaded on use: heavy

    converter: DocumentConverter = DocxConverter()  # type: ignore[no-untyped-call]
    return _converted(converter, data)


def _from_pptx(data: bytes) -> str:
    from markitdown.converters import PptxConverter  # noqa: PLC0415 -- loaded on use: heavy

    converter: DocumentConverter = PptxConverter()  # type: ignore[no-untyped-call]
    return _converted(converter, data)


def _converted(converter: DocumentConverter, data: bytes) -> str:
    # The converter of the one format that is known already: markitdown's front door would load a model to guess it.
    from markitdown import StreamInfo  # noqa: PLC0415 -- loaded on use: heavy

    text: str = converter.convert(io.BytesIO(data), StreamInfo()).markdown
    return _DEAD_PICTURE.sub(_alternative, text)


def _alternative(picture: re.Match[str]) -> str:
    """Keep what a picture is said to show; where it points to does not exist outside the file."""
    alt = picture["alt"].strip()
    return "" if _NAMELESS.fullmatch(alt) else alt


_READERS: Final[Mapping[str, Callable[[bytes], str]]] = MappingProxyType(
    {
        "pdf": _from_pdf,
        "docx": _from_docx,
        "pptx": _from_pptx,
        "xlsx": workbook.to_markdown,
        "txt": plain_text.decode,
    }
)
