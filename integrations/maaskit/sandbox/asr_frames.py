"""The binary frames of Qiniu's live recognition as a server reads and writes them.

Written after the document's Python listing; what a conversation says with them is `qiniu_asr_socket`'s business.
Numbers are big-endian::

    byte 0  version (1) · header size in words of four bytes
    byte 1  message type · flags: 0b0001 a sequence number follows, 0b0010 the last packet
    byte 2  serialization: 0 raw, 1 JSON · compression: 0 none, 1 gzip
    byte 3  reserved, and more words where the header is longer
    then    sequence (4, signed), where flagged · payload size (4) · payload
"""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from typing import Final

from maaskit.sandbox.replies import json_bytes
from maaskit.sandbox.variants import Variants

VERSION: Final = 0b0001
FULL_CLIENT_REQUEST: Final = 0b0001
AUDIO_ONLY_REQUEST: Final = 0b0010
FULL_SERVER_RESPONSE: Final = 0b1001
SERVER_ACK: Final = 0b1011
SERVER_ERROR_RESPONSE: Final = 0b1111

NO_SEQUENCE: Final = 0b0000
HAS_SEQUENCE: Final = 0b0001
IS_LAST: Final = 0b0010

RAW: Final = 0
JSON: Final = 1
NO_COMPRESSION: Final = 0
GZIP: Final = 1

MAX_PAYLOAD_BYTES: Final = 16 * 1024 * 1024
"""Of one frame, unpacked."""

WRONG_REQUEST: Final = 45000001
EMPTY_AUDIO: Final = 45000002
NOTHING_CAME: Final = 45000081
WRONG_FORMAT: Final = 45000151
"""Codes of the protocol's maker, Volcengine; Qiniu's document gives none."""


class FrameError(Exception):
    """A frame that the protocol does not allow, or one that comes at the wrong time.

    Args:
        message: What is wrong.
        code: One of the codes above.
    """

    def __init__(self, message: str, code: int = WRONG_REQUEST) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class ClientFrame:
    """Hold a frame that a client sent.

    Args:
        kind: `FULL_CLIENT_REQUEST` or `AUDIO_ONLY_REQUEST`.
        sequence: Its number, negative when it is the last one; None where it has none.
        is_last: Whether it is flagged as the last one.
        payload: Its bytes, unpacked.
    """

    kind: int
    sequence: int | None
    is_last: bool
    payload: bytes


def read(data: bytes) -> ClientFrame:
    """Take a client's frame apart.

    Args:
        data: One binary message.

    Returns:
        The frame.

    Raises:
        FrameError: It is none that the protocol allows.
    """
    if len(data) < 4:
        raise FrameError(f"a frame has a header of at least 4 bytes, this one has {len(data)}")
    version, words = data[0] >> 4, data[0] & 0x0F
    kind, flags = data[1] >> 4, data[1] & 0x0F
    serialization, compression = data[2] >> 4, data[2] & 0x0F
    known = {
        "version": version == VERSION,
        "header size": 1 <= words <= len(data) // 4,
        "message type": kind in (FULL_CLIENT_REQUEST, AUDIO_ONLY_REQUEST),
        "flags": flags <= (HAS_SEQUENCE | IS_LAST),
        "serialization": serialization in (RAW, JSON),
        "compression": compression in (NO_COMPRESSION, GZIP),
    }
    wrong = [name for name, is_known in known.items() if not is_known]
    if wrong:
        raise FrameError(f"unknown {', '.join(wrong)} in the header {data[:4].hex()}")
    rest, sequence = data[words * 4 :], None
    if flags & HAS_SEQUENCE:
        sequence = int.from_bytes(rest[:4], "big", signed=True)
        rest = rest[4:]
    size, payload = int.from_bytes(rest[:4], "big"), rest[4:]
    if len(rest) < 4 or size != len(payload):
        raise FrameError(f"the payload size is {size}, but {len(payload)} bytes follow it")
    return ClientFrame(kind, sequence, bool(flags & IS_LAST), _unpacked(payload) if compression == GZIP else payload)


def _unpacked(payload: bytes) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        data = unpacker.decompress(payload, MAX_PAYLOAD_BYTES)
    except zlib.error as error:
        raise FrameError(f"the payload is said to be gzip and is none ({error})") from error
    if unpacker.unconsumed_tail:
        raise FrameError(f"the payload unpacks to more than {MAX_PAYLOAD_BYTES // 2**20} MiB")
    if not unpacker.eof or unpacker.unused_data:
        raise FrameError("the payload is not one whole gzip member")
    return data


class Writer:
    """Write a server's frames in the way that the variants select.

    Args:
        variants: The switches.
    """

    def __init__(self, variants: Variants) -> None:
        self._variants = variants

    def pack(self, value: object) -> bytes:
        """Write a result as a payload.

        Args:
            value: JSON.

        Returns:
            Its bytes, compressed where the variants say so.
        """
        data = json_bytes({"payload_msg": value} if self._variants.asr_wrapper == "payload_msg" else value)
        # No date in the gzip header: the same result gives the same frame.
        return gzip.compress(data, mtime=0) if self._variants.asr_compression == "gzip" else data

    def response(self, payload: bytes, sequence: int, *, is_last: bool = False) -> bytes:
        """Write a full response.

        Args:
            payload: What `pack` gave.
            sequence: Its number, counted up from 1.
            is_last: Whether it ends the conversation; how that shows is up to the variants.

        Returns:
            The frame.
        """
        flags, number = HAS_SEQUENCE, sequence.to_bytes(4, "big", signed=True)
        if is_last and self._variants.asr_last != "close":
            flags |= IS_LAST
            if self._variants.asr_last == "negative":
                number = (-sequence).to_bytes(4, "big", signed=True)
            elif self._variants.asr_last == "flag":
                flags, number = IS_LAST, b""
        packed = self._variants.asr_compression != "none"
        return self._header(FULL_SERVER_RESPONSE, flags, packed=packed) + number + _sized(payload)

    def acknowledgement(self, sequence: int) -> bytes:
        """Write an acknowledgement of a packet.

        Args:
            sequence: The packet's number.

        Returns:
            The frame; the document's program reads the number behind the place of a flagged one.
        """
        number = sequence.to_bytes(4, "big", signed=True)
        style = self._variants.asr_replies
        flags = NO_SEQUENCE if style == "ack" else HAS_SEQUENCE
        return self._header(SERVER_ACK, flags, packed=False) + number * (2 if style == "ack_twice" else 1)

    def error(self, code: int, message: str) -> bytes:
        """Write an error.

        Args:
            code: What is wrong, for programs.
            message: What is wrong, for people.

        Returns:
            The frame.
        """
        head = self._header(SERVER_ERROR_RESPONSE, NO_SEQUENCE, packed=False)
        return head + code.to_bytes(4, "big") + _sized(json_bytes({"error": message}))

    def _header(self, kind: int, flags: int, *, packed: bool) -> bytes:
        words = 2 if self._variants.asr_header == "long" else 1
        form = RAW if self._variants.asr_serialization == "raw" else JSON
        first = bytes([VERSION << 4 | words, kind << 4 | flags, form << 4 | (GZIP if packed else NO_COMPRESSION), 0])
        return first + bytes(4 * (words - 1))


def _sized(payload: bytes) -> bytes:
    return len(payload).to_bytes(4, "big") + payload
