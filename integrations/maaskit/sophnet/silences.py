"""The silence that is said to keep a connection, and the times of what was heard without it.

No clock and no socket: what was sent is counted in bytes.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from maaskit.transcript import Utterance

SILENCE = bytes(3200)
"""A tenth of a second at 16 kHz, in one message of the size that the document names."""


class Silences:
    """Follow the audio of one connection.

    The service counts its times by all that it is sent, so that silence put between makes all that follows later.

    Args:
        bytes_per_s: Bytes of a second of audio.
    """

    def __init__(self, bytes_per_s: int) -> None:
        self._bytes_per_s = bytes_per_s
        self._sent_bytes = 0
        self._put: deque[tuple[float, float]] = (
            deque()
        )  # where each begins, in the service's milliseconds, and its length
        self._settled_ms = 0.0  # of silences that no later time can be within

    def audio(self, size: int) -> None:
        """Count audio.

        Args:
            size: Its bytes.
        """
        self._sent_bytes += size

    def silence(self) -> bytes:
        """Give silence to send, and count it."""
        begin_ms, length_ms = self._ms(self._sent_bytes), self._ms(len(SILENCE))
        self._sent_bytes += len(SILENCE)
        if self._put and sum(self._put[-1]) >= begin_ms:  # nothing was said between
            before_ms, so_far_ms = self._put.pop()
            begin_ms, length_ms = before_ms, so_far_ms + length_ms
        self._put.append((begin_ms, length_ms))
        return SILENCE

    def without(self, heard: Utterance) -> Utterance:
        """Give an utterance with the times that it has in the audio alone.

        Args:
            heard: The utterance, as the service timed it.

        Returns:
            The utterance.
        """
        if not self._put and not self._settled_ms:
            return heard
        words = tuple(
            replace(word, begin_ms=self._earlier(word.begin_ms), end_ms=self._earlier(word.end_ms))
            for word in heard.words
        )
        begin_ms, end_ms = self._earlier(heard.begin_ms), self._earlier(heard.end_ms)
        if heard.is_final and heard.end_ms is not None:
            self._settle(heard.end_ms)
        return replace(heard, begin_ms=begin_ms, end_ms=end_ms, words=words)

    def _earlier(self, time_ms: int | None) -> int | None:
        if time_ms is None:
            return None
        passed_ms = sum(min(max(time_ms - begin_ms, 0.0), length_ms) for begin_ms, length_ms in self._put)
        return max(0, round(time_ms - self._settled_ms - passed_ms))

    def _settle(self, end_ms: int) -> None:
        while self._put and sum(self._put[0]) <= end_ms:
            self._settled_ms += self._put.popleft()[1]

    def _ms(self, size: int) -> float:
        return size * 1000 / self._bytes_per_s
