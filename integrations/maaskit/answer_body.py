"""The body of one whole answer, collected within its bounds.

Where it comes from is the drivers' business.
"""

from __future__ import annotations

from maaskit.errors import InvalidInput, MaasError, TimedOut, UnexpectedAnswer
from maaskit.wire import Request


class Body:
    """Collect the body of one answer within its bounds.

    Args:
        request: What was asked; names the bound.
        timeout_s: Seconds within which the whole body must come, so that a slow drip ends too.
        started_s: The clock when the body began.
    """

    def __init__(self, request: Request, timeout_s: float, started_s: float) -> None:
        self._request = request
        self._deadline_s = started_s + timeout_s
        self._timeout_s = timeout_s
        self._content = bytearray()
        self._is_late = False

    def expect(self, length: str | None) -> None:
        """Give up before the first byte when the service announces too many.

        Args:
            length: The Content-Length field, or ``None``.

        Raises:
            UnexpectedAnswer: More than the bound is announced.
            InvalidInput: The same, of a file that the caller asked to be fetched.
        """
        announced = length if length is not None and length.isascii() and length.isdecimal() else ""
        if len(announced) > 18 or int(announced or 0) > self._request.max_answer_bytes:
            raise self._too_large()

    def add(self, chunk: bytes, now_s: float) -> None:
        """Take the next piece.

        Args:
            chunk: The piece; it may be empty.
            now_s: The clock.

        Raises:
            UnexpectedAnswer: The body is larger than the bound.
            InvalidInput: The same, of a file that the caller asked to be fetched.
            TimedOut: The time is over.
        """
        self._content += chunk
        if len(self._content) > self._request.max_answer_bytes:
            raise self._too_large()
        # One late piece is taken: if the process stood still, it may be the last, and have come in time.
        if self._is_late:
            raise self.late()
        self._is_late = now_s > self._deadline_s

    def late(self) -> TimedOut:
        """Make the error for a body that did not come in time."""
        return TimedOut(f"The answer of {self._request.endpoint} was not whole after timeout={self._timeout_s:g} s.")

    def joined(self) -> bytes:
        """Give the whole body."""
        return bytes(self._content)

    def _too_large(self) -> MaasError:
        name, limit = self._request.endpoint, self._request.max_answer_bytes
        if self._request.is_absolute:
            return InvalidInput(
                f"{name} is larger than the {limit} bytes that are allowed; make it smaller or split it."
            )
        return UnexpectedAnswer(f"The answer of {name} is larger than {limit} bytes; it was given up.", endpoint=name)
