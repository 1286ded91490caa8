"""The binary frames of Qiniu's live recognition, read and written.

What a conversation says with them, and when, is ``transcription_stream``'s business.

All numbers are big-endian. A header is counted in words of four bytes::

     0               1               2               3
     7 6 5 4 3 2 1 0 7 6 5 4 3 2 1 0 7 6 5 4 3 2 1 0 7 6 5 4 3 2 1 0
    +-------+-------+-------+-------+-------+-------+---------------+
    |version| words |message| flags |serial-|compres|   reserved    |
    |   1   |  >=1  | type  |       |isation| -sion |       0       |
    +-------+-------+-------+-------+-------+-------+---------------+
    | header extensions, when `words` > 1                           |
    +---------------------------------------------------------------+
    | sequence, int32, when flag 0b0001 is set                      |
    +---------------------------------------------------------------+
    | code, uint32, in errors                                       |
    +---------------------------------------------------------------+
    | size, uint32                                                  |
    +---------------------------------------------------------------+
    | payload of `size` bytes ...                                   |
    +---------------------------------------------------------------+

Source:
    qiniu-api, 语音文字识别, Python 示例: ``generate_header``, ``generate_before_payload``, ``parse_response``.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from typing import Any

import pydantic_core

from maaskit.errors import UnexpectedAnswer

ENDPOINT = "/voice/asr"
MAX_PAYLOAD_BYTES = 16 * 1024 * 1024
"""Bound of what one frame may become when it is decompressed: hours of speech with the time of every word."""

_VERSION = 1
_WORD = 4
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP = 31  # zlib's number for its gzip form
_FIELD = {"sequence": struct.Struct(">i"), "code": struct.Struct(">I"), "size": struct.Struct(">I")}


class Message(IntEnum):
    """Be the kind of a frame."""

    CONFIG = 0b0001
    AUDIO = 0b0010
    RESULT = 0b1001
    ACKNOWLEDGEMENT = 0b1011
    ERROR = 0b1111


class Flags(IntFlag):
    """Say what a frame has and is."""

    SEQUENCE = 0b0001
    LAST = 0b0010


class Serialization(IntEnum):
    """Say what a payload is made of."""

    RAW = 0b0000
    JSON = 0b0001


class Compression(IntEnum):
    """Say how a payload is packed."""

    NONE = 0b0000
    GZIP = 0b0001


# What may stand between header and payload, by kind and by the sequence flag, the documented layout first. The others
# have been seen or are read by the document's own program: it looks for a second sequence in acknowledgements, and
# skips a sequence in errors only when it is flagged (wire-facts A.5). Without `size` there is no payload.
_LAYOUTS: dict[int, dict[bool, tuple[tuple[str, ...], ...]]] = {
    Message.RESULT: {
        True: (("sequence", "size"), ("size",)),
        False: (("size",), ("sequence", "size")),
    },
    Message.ACKNOWLEDGEMENT: {
        True: (("sequence",), ("sequence", "size"), ("sequence", "sequence", "size"), ("sequence", "sequence")),
        False: (("sequence",), ("sequence", "size"), ("size",), ()),
    },
    Message.ERROR: {
        True: (("sequence", "code", "size"), ("code", "size")),
        False: (("code", "size"), ("sequence", "code", "size")),
    },
}


@dataclass(frozen=True, slots=True)
class Received:
    """Be one frame of the service's.

    Args:
        message: Its kind; ``int`` when it is none of ours.
        sequence: Its number, if it has one.
        is_last: Whether it is flagged as the last, or its number is negative.
        code: The code of an error.
        payload: The payload, decompressed: a JSON value, a text, or ``None`` when there is none.
    """

    message: int
    sequence: int | None = None
    is_last: bool = False
    code: int | None = None
    payload: Any = field(default=None, repr=False)


def write(
    message: Message, payload: bytes, *, sequence: int, last: bool = False, serialization: Serialization
) -> bytes:
    """Write a frame with a number and a gzipped payload.

    Args:
        message: Its kind.
        payload: The payload.
        sequence: Its number, from 1 on.
        last: Whether no further frame follows: it is flagged, and its number is negative.
        serialization: What the payload is made of.

    Returns:
        The frame.
    """
    flags = Flags.SEQUENCE | (Flags.LAST if last else Flags(0))
    packed = zlib.compress(payload, level=1, wbits=_GZIP)
    header = bytes(
        (_VERSION << 4 | 1, message << 4 | flags, serialization << 4 | Compression.GZIP, 0),
    )
    return header + struct.pack(">iI", -sequence if last else sequence, len(packed)) + packed


def read(frame: bytes, *, max_payload_bytes: int = MAX_PAYLOAD_BYTES) -> Received:
    """Read a frame of the service's.

    Args:
        frame: One binary message of the socket.
        max_payload_bytes: Bound of the decompressed payload.

    Returns:
        What it says.

    Raises:
        UnexpectedAnswer: It is cut short, damaged or too large.
    """
    words = frame[0] & 0x0F if frame else 0
    if words < 1 or len(frame) < words * _WORD:
        raise _unreadable(frame, "is shorter than its header")
    message, flags = frame[1] >> 4, frame[1] & 0x0F
    fields, payload = _split(frame, message, flags, words * _WORD)
    sequence = fields.get("sequence")
    unpacked = _unpacked(frame, payload, frame[2] & 0x0F, max_payload_bytes)
    return Received(
        message=message,
        sequence=sequence,
        # Flagged as the last with a positive number has been seen as well (wire-facts C.42).
        is_last=bool(flags & Flags.LAST) or (sequence is not None and sequence < 0),
        code=fields.get("code"),
        payload=_value(frame, message, frame[2] >> 4, unpacked),
    )


def _split(frame: bytes, message: int, flags: int, start: int) -> tuple[dict[str, int], bytes]:
    """Find the layout that fits exactly, else let the documented one leave bytes over."""
    layouts = _LAYOUTS.get(message)
    if layouts is None:  # the document's program takes the rest of an unknown frame as its payload
        return {}, frame[start:]
    found = [_fit(frame, start, layout) for layout in layouts[bool(flags & Flags.SEQUENCE)]]
    fit = next((fit for fit in found if fit is not None and fit[1] == len(frame)), found[0])
    if fit is not None:
        fields, end = fit
        return fields, frame[end - fields.get("size", 0) : end]
    if message == Message.ERROR:  # an explanation must not be lost for its form
        return {}, frame[start:]
    raise _unreadable(frame, "is cut short")


def _fit(frame: bytes, start: int, layout: tuple[str, ...]) -> tuple[dict[str, int], int] | None:
    """Read a layout's fields and tell where its payload ends, or that it wants more bytes than there are."""
    fields: dict[str, int] = {}
    for name in layout:
        if len(frame) < start + _WORD:
            return None
        (value,) = _FIELD[name].unpack_from(frame, start)
        fields.setdefault(name, value)
        start += _WORD
    end = start + fields.get("size", 0)
    return (fields, end) if end <= len(frame) else None


def _unpacked(frame: bytes, payload: bytes, compression: int, max_bytes: int) -> bytes:
    # What is flagged as gzip and is none is taken as it is (wire-facts C.44), and so is the reverse: no text begins so.
    if payload[:2] != _GZIP_MAGIC:
        if len(payload) > max_bytes:
            raise _unreadable(frame, f"is larger than {max_bytes} bytes")
        return payload
    unpacker = zlib.decompressobj(wbits=_GZIP)
    try:
        unpacked = unpacker.decompress(payload, max_bytes + 1)
    except zlib.error:
        raise _unreadable(frame, f"is damaged (its payload, compression {compression}, is no gzip)") from None
    if len(unpacked) > max_bytes:
        raise _unreadable(frame, f"is larger than {max_bytes} bytes when it is decompressed")
    if not unpacker.eof:
        raise _unreadable(frame, "is damaged (its gzip payload is cut short)")
    return unpacked


def _value(frame: bytes, message: int, serialization: int, payload: bytes) -> Any:
    if not payload.strip():
        return None
    try:
        return pydantic_core.from_json(payload)
    except ValueError:
        # Errors and acknowledgements come as plain text too, and raw payloads are text by the document's program.
        if serialization == Serialization.JSON and message == Message.RESULT:
            raise _unreadable(frame, "says JSON and holds none") from None
    return payload.decode("utf-8", errors="replace")


def _unreadable(frame: bytes, what: str) -> UnexpectedAnswer:
    return UnexpectedAnswer(
        f"A frame of {ENDPOINT} ({len(frame)} bytes) {what}.", endpoint=ENDPOINT, excerpt=frame[:32].hex(" ")
    )
