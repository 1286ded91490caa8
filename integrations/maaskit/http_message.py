"""The grammar of an HTTP/1.1 answer: bytes become a head and the pieces of a body.

No socket and no clock: whoever reads hands the bytes over as they come.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from typing_extensions import override

MAX_HEAD_BYTES = 256 * 1024
_MAX_LINE_BYTES = 16 * 1024
_MAX_PIECE_BYTES = 256 * 1024
_BEGINNING = b"HTTP/1."
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_STATUS_LINE = re.compile(rb"HTTP/(1\.[01]) ([1-9][0-9]{2})(?: ([^\0\r\n]*))?")
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_SIZE = re.compile(rb"[0-9A-Fa-f]{1,15}")
_DIGITS = re.compile(rb"[0-9]{1,18}")

Field = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Head:
    """Be the head of an answer.

    Args:
        status: Its status.
        reason: The words behind it.
        version: ``1.0`` or ``1.1``.
        fields: The header fields.
    """

    status: int
    reason: bytes
    version: bytes
    fields: list[Field]

    @property
    def lets_live(self) -> bool:
        """Tell whether the connection may serve again."""
        said = {token.strip() for value in self._values(b"connection") for token in value.lower().split(b",")}
        return b"close" not in said and (self.version == b"1.1" or b"keep-alive" in said)

    def body(self, method: str) -> Body:
        """Give what reads the body.

        Args:
            method: The method of the request.

        Returns:
            The reader of its kind.

        Raises:
            ValueError: The head says of it what cannot be.
        """
        if method == "HEAD" or self.status in (204, 304):
            return CountedBody(0)
        codings = b",".join(self._values(b"transfer-encoding")).lower()
        if codings:
            if codings.strip() != b"chunked":
                raise ValueError("unknown transfer encoding")
            return ChunkedBody()
        lengths = {length.strip() for value in self._values(b"content-length") for length in value.split(b",")}
        if not lengths:
            return EndlessBody()
        if len(lengths) > 1 or not _DIGITS.fullmatch(length := lengths.pop()):
            raise ValueError("unreadable content length")
        return CountedBody(int(length))

    def _values(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.fields if key.lower() == name]


def take_head(buffer: bytearray) -> Head | None:
    """Take the head of an answer off what has come; interim answers (1xx) are passed over.

    Args:
        buffer: What has come; what belongs to the head is taken out.

    Returns:
        The head, or ``None`` as long as it is not whole.

    Raises:
        ValueError: It is no head of HTTP/1.1, or too large.
    """
    while True:
        if not buffer.startswith(_BEGINNING[: len(buffer)]):
            raise ValueError("it does not begin as HTTP")
        end = _HEAD_END.search(buffer, 0, MAX_HEAD_BYTES + 4)
        if end is None:
            if len(buffer) > MAX_HEAD_BYTES:
                raise ValueError("the head is too large")
            return None
        lines = bytes(buffer[: end.start()]).split(b"\n")
        del buffer[: end.end()]
        head = _head(lines[0].rstrip(b"\r"), (line.rstrip(b"\r") for line in lines[1:]))
        if head.status == 101:
            raise ValueError("the service switches to another protocol")
        if head.status >= 200:
            return head


def _head(first: bytes, lines: Iterable[bytes]) -> Head:
    found = _STATUS_LINE.fullmatch(first)
    if found is None:
        raise ValueError("no status line")
    fields: list[Field] = []
    for line in lines:
        if line[:1] in (b" ", b"\t") and fields:  # an old way to go on with a long value
            name, value = fields[-1]
            fields[-1] = (name, value + b" " + line.strip())
            continue
        name, colon, value = line.partition(b":")
        if not colon or not _NAME.fullmatch(name) or b"\0" in value or b"\r" in value:
            raise ValueError("unreadable header field")
        fields.append((name, value.strip(b" \t")))
    return Head(int(found[2]), found[3] or b"", found[1], fields)


class Body(Protocol):
    """Read the body of one answer."""

    ended: bool
    """Whether all of it has been taken."""

    def take(self, buffer: bytearray) -> bytes:
        """Take the next piece off what has come.

        Args:
            buffer: What has come; what belongs to the piece is taken out.

        Returns:
            The piece; ``b""`` at the end and when more must come first (see ``ended``).

        Raises:
            ValueError: It breaks the grammar.
        """

    def cut(self) -> None:
        """Take the end of the connection.

        Raises:
            ValueError: Something of the body is missing.
        """


class CountedBody(Body):
    """Read a body whose length was told.

    Args:
        length: Bytes.
    """

    def __init__(self, length: int) -> None:
        self.left = length
        """How many bytes are still to come."""
        self.ended = not length

    @override
    def take(self, buffer: bytearray) -> bytes:
        """Take the next piece."""
        piece = _off(buffer, min(self.left, _MAX_PIECE_BYTES))
        self.left -= len(piece)
        self.ended = not self.left
        return piece

    @override
    def cut(self) -> None:
        """Take the end of the connection."""
        raise ValueError(f"{self.left} bytes are missing")


class EndlessBody(Body):
    """Read a body that ends with its connection."""

    def __init__(self) -> None:
        self.ended = False

    @override
    def take(self, buffer: bytearray) -> bytes:
        """Take the next piece."""
        return _off(buffer, _MAX_PIECE_BYTES)

    @override
    def cut(self) -> None:
        """Take the end of the connection."""
        self.ended = True


class ChunkedBody(Body):
    """Read a body that comes in chunks."""

    def __init__(self) -> None:
        self.ended = False
        self._left = 0  # bytes of the chunk under way
        self._closing = False  # the line break behind a chunk has not come
        self._trailing = 0  # bytes of trailers, from 1 on
        self._waits_beyond = 0  # how much of the buffer is known to hold no whole line

    @override
    def take(self, buffer: bytearray) -> bytes:
        """Take the next piece."""
        while not self.ended:
            if self._left:
                piece = _off(buffer, min(self._left, _MAX_PIECE_BYTES))
                self._left -= len(piece)
                if not self._left:
                    self._closing = not buffer.startswith(b"\r\n")
                    if not self._closing:  # as nearly always, the chunk has come whole
                        del buffer[:2]
                return piece
            line = self._line(buffer)
            if line is None:
                return b""
            if self._closing:
                if line:
                    raise ValueError("a chunk is longer than was told")
                self._closing = False
            elif self._trailing:
                self._trailing += len(line) + 1
                if self._trailing > MAX_HEAD_BYTES:
                    raise ValueError("the trailers are too large")
                self.ended = not line
            else:
                self._begin(line)
        return b""

    @override
    def cut(self) -> None:
        """Take the end of the connection."""
        raise ValueError("its end is missing")

    def _begin(self, line: bytes) -> None:
        size = line.partition(b";")[0].strip(b" \t")
        if not _SIZE.fullmatch(size):
            raise ValueError("unreadable size of a chunk")
        self._left = int(size, 16)
        self._trailing = int(not self._left)

    def _line(self, buffer: bytearray) -> bytes | None:
        end = buffer.find(b"\n", self._waits_beyond)
        if end < 0:
            self._waits_beyond = len(buffer)
            if len(buffer) > _MAX_LINE_BYTES:
                raise ValueError("a line is too long")
            return None
        self._waits_beyond = 0
        line = bytes(buffer[:end])
        del buffer[: end + 1]
        return line.removesuffix(b"\r")


def _off(buffer: bytearray, size: int) -> bytes:
    piece = bytes(buffer[:size])
    del buffer[:size]
    return piece
