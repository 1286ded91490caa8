"""How a compressed answer is unpacked: piece by piece, so that no small answer fills the memory.

Nothing is received here, and what the bytes mean is not known.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from maaskit.errors import UnexpectedAnswer

ACCEPTED = "gzip, deflate"
"""What maaskit asks for; both come with Python, and both can be unpacked in pieces of a bounded size."""

_PIECE_BYTES = 256 * 1024
_GZIP, _ZLIB, _RAW = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS
_KINDS = {"gzip": _GZIP, "x-gzip": _GZIP, "deflate": _ZLIB}
# Known, and never asked for: their small pieces unpack to sizes that cannot be bounded.
_REFUSED = frozenset({"br", "zstd", "compress", "x-compress"})


def inflating(encoding: str, endpoint: str) -> Inflate | None:
    """Find how an answer is unpacked.

    Args:
        encoding: The Content-Encoding field, empty when there is none.
        endpoint: What was asked, for error messages.

    Returns:
        What unpacks it, or ``None`` for what is not compressed.

    Raises:
        UnexpectedAnswer: It is compressed in a way that was not asked for, or more than once.
    """
    names = [name for part in encoding.split(",") if (name := part.strip().lower())]
    known = [name for name in names if name in _KINDS]
    if len(known) > 1 or any(name in _REFUSED for name in names):
        raise UnexpectedAnswer(
            f"The answer of {endpoint} is compressed as {encoding[:100]!r}; only {ACCEPTED} was asked for, once.",
            endpoint=endpoint,
        )
    # Names that say nothing of compression (`identity`, or `utf-8`, by mistake) leave the bytes as they are.
    return Inflate(_KINDS[known[0]], endpoint) if known else None


class Inflate:
    """Unpack one answer.

    Args:
        window: What zlib calls ``wbits``.
        endpoint: What was asked, for error messages.
    """

    def __init__(self, window: int, endpoint: str) -> None:
        self._window = window
        self._endpoint = endpoint
        self._member = zlib.decompressobj(window)
        self._head = b""
        self._begun = False
        self._over = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Unpack the next bytes.

        Args:
            data: Bytes, cut anywhere.

        Yields:
            Pieces of a bounded size, at least one; it may be empty.

        Raises:
            UnexpectedAnswer: They are damaged.
        """
        if not self._begun:
            data = self._started(data)
        while data and not self._over:
            if self._member.eof:  # gzip may have several members; anything else behind the end is padding
                self._over = self._window != _GZIP or data[:1] != b"\x1f"
                self._member = zlib.decompressobj(self._window)
                continue
            piece = self._unpacked(data)
            while len(piece) == _PIECE_BYTES:  # more may be held back although all bytes were taken
                yield piece
                piece = self._unpacked(self._member.unconsumed_tail)
            yield piece
            data = self._member.unused_data
        yield b""

    def end(self) -> None:
        """Take the end of the answer.

        Raises:
            UnexpectedAnswer: The compressed data does not end there.
        """
        if self._head or (self._begun and not self._over and not self._member.eof):
            raise self._damaged("it ends too early")

    def _started(self, data: bytes) -> bytes:
        """Give the first bytes once they tell the format: ``deflate`` means zlib's, but some servers send it bare."""
        data = self._head + data
        self._head = b""
        if self._window == _ZLIB:
            if len(data) < 2:
                self._head = data
                return b""
            if data[0] & 15 != 8 or (data[0] << 8 | data[1]) % 31:
                self._window = _RAW
                self._member = zlib.decompressobj(_RAW)
        self._begun = bool(data)
        return data

    def _unpacked(self, data: bytes) -> bytes:
        try:
            return self._member.decompress(data, _PIECE_BYTES)
        except zlib.error as error:
            raise self._damaged(str(error)) from None

    def _damaged(self, why: str) -> UnexpectedAnswer:
        return UnexpectedAnswer(
            f"The answer of {self._endpoint} is damaged ({why.removeprefix('Error ')}).", endpoint=self._endpoint
        )
