"""Which of doc-parse's formats a document has, told by its name, its media type and its content.

Nothing is sent here, and nothing is unpacked: of a zip archive only a bounded part of its directory is read.
"""

from __future__ import annotations

import io
import struct
from pathlib import PurePath
from typing import BinaryIO

from maaskit.errors import InvalidInput
from maaskit.media import MIB, Media, sniff

# "支持pdf,docx,doc,xlsx,txt,pptx格式"
FORMATS = {
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "doc": "application/msword",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "txt": "text/plain",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}
_BY_TYPE = {kind: name for name, kind in FORMATS.items()}
_ALLOWED = "pdf, docx, doc, xlsx, txt and pptx"

_OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP = "application/zip"
_OFFICE_FOLDERS = {b"word/": "docx", b"xl/": "xlsx", b"ppt/": "pptx"}
_WEB_PAGES = frozenset({"text/html", "application/xhtml+xml"})

_HEAD_BYTES = 1024  # readers accept a PDF whose header stands anywhere in the first 1024 bytes
_END_RECORD_BYTES = 22 + 65_535  # a zip's end record and the longest comment behind it
_MAX_DIRECTORY_BYTES = MIB


def upload_name(media: Media) -> tuple[str, str]:
    """Tell under which file name and media type a document is uploaded; the service reads its type off the name.

    Args:
        media: Data or a path.

    Returns:
        The file name, with the ending that its format has, and the media type.

    Raises:
        InvalidInput: It is none of the service's formats, is not what its name says, or nothing tells what it is.
    """
    ending = media.suffix[1:]
    named = ending if ending in FORMATS else _BY_TYPE.get(media.content_type or "")
    kind = _agreed(named, _content_kind(media, named), media)
    name = PurePath(media.name or "document").name
    return (name if ending == kind else f"{name}.{kind}"), FORMATS[kind]


def _agreed(named: str | None, found: str | None, media: Media) -> str:
    shown = media.name or "document"
    if found == "ole2":
        if named == "doc":
            return "doc"
        if named is not None:
            raise InvalidInput(
                f"{shown} is named .{named}, but is a password-protected or an old Office file; save it anew without a "
                "password, or name it .doc if it is one."
            )
        found = None
    if found is not None and found not in FORMATS:
        way_out = " Images are read by maaskit.sophnet.ocr." if found.startswith("image/") else ""
        raise InvalidInput(f"{shown} is {found}; allowed are {_ALLOWED}.{way_out}")
    if found is None and media.content_type in _WEB_PAGES:
        raise InvalidInput(f"{shown} is a web page ({media.content_type}), not a document; allowed are {_ALLOWED}.")
    if named is not None and found is not None and named != found:
        raise InvalidInput(f"{shown} is named .{named}, but its content is {found}; rename it.")
    kind = named or found
    if kind is None:
        if media.suffix:
            raise InvalidInput(f"{shown}: the ending {media.suffix} is none of {_ALLOWED}; convert the document.")
        raise InvalidInput(
            f"{shown}: neither name nor content tells the type. Pass Media(data=…, name='notes.txt') with one of the "
            f"endings {_ALLOWED}."
        )
    return kind


def _content_kind(media: Media, named: str | None) -> str | None:
    """Give a format, ``ole2``, another media type, or ``None`` when the content tells nothing."""
    head = media.head(_HEAD_BYTES)
    if head.startswith(_OLE2):
        return "ole2"
    if b"%PDF-" in head and named in ("pdf", None):
        return "pdf"
    kind = sniff(head)
    if kind == "application/pdf":
        return "pdf"
    if kind == _ZIP:
        office = _office_format(media)
        return office if office is not None or named in _OFFICE_FOLDERS.values() else _ZIP
    if named in ("txt", None) and b"\0" not in head:
        return None  # text may begin like a picture or a song: "BM…", "ID3…"
    return kind


def _office_format(media: Media) -> str | None:
    if media.data is not None:
        return _by_directory(io.BytesIO(media.data))
    assert media.path is not None  # noqa: S101 - a URL has no head and is never sniffed as a zip
    with media.path.open("rb") as file:
        return _by_directory(file)


def _by_directory(file: BinaryIO) -> str | None:
    """Look for Word's, Excel's or PowerPoint's folder in a zip's directory."""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - _END_RECORD_BYTES))
    tail = file.read(_END_RECORD_BYTES)
    end = tail.rfind(b"PK\x05\x06")
    if end < 0 or len(tail) - end < 22:
        return None
    length, offset = struct.unpack_from("<II", tail, end + 12)
    file.seek(min(offset, size))
    directory = file.read(min(length, _MAX_DIRECTORY_BYTES))
    at = 0
    while directory[at : at + 4] == b"PK\x01\x02" and at + 46 <= len(directory):
        name, extra, comment = struct.unpack_from("<HHH", directory, at + 28)
        for folder, kind in _OFFICE_FOLDERS.items():
            if directory.startswith(folder, at + 46):
                return kind
        at += 46 + name + extra + comment
    return None
