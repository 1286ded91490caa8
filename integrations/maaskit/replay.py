"""The audio that a dropped socket may have lost: what was sent since the last final sentence, and where it began.

No socket and no clock: the driver reconnects, and says again what is kept here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from maaskit.errors import SessionError
from maaskit.transcript import Utterance

MAX_KEPT_BYTES = 64 * 1024 * 1024
"""Some 35 minutes of 16 kHz 16-bit mono; a service that closes no sentence for longer cannot be resumed."""


class AudioReplay:
    """Keep uncompressed audio until the sentence that it belongs to is final.

    A connection that replaces a dropped one counts its times from zero: they are shifted by what was settled before.

    Args:
        bytes_per_s: Bytes of a second of audio.
        sample_bytes: Bytes of one sample of all channels; audio is cut between samples only.
        max_kept_bytes: Most audio that is kept.
    """

    def __init__(self, bytes_per_s: int, sample_bytes: int, *, max_kept_bytes: int = MAX_KEPT_BYTES) -> None:
        self._bytes_per_s = bytes_per_s
        self._sample_bytes = sample_bytes
        self._max_kept_bytes = max_kept_bytes
        self._kept: deque[bytes] = deque()
        self._kept_bytes = 0
        self._settled_bytes = 0
        self._shift_ms = 0
        self._impossible: str | None = None

    @property
    def gained(self) -> int:
        """Give a number that grows with everything that no later drop can take away: the settled bytes."""
        return self._settled_bytes

    @property
    def kept_bytes(self) -> int:
        """Give the size of what would be said again."""
        return self._kept_bytes

    def sent(self, item: bytes) -> None:
        """Take what is about to be sent for the first time.

        Args:
            item: Audio.
        """
        if self._impossible is not None:
            return
        self._kept.append(bytes(item))
        self._kept_bytes += len(item)
        if self._kept_bytes > self._max_kept_bytes:
            self._give_up(f"no sentence ended within the last {self._max_kept_bytes} bytes of audio")

    def received(self, item: Utterance) -> Utterance:
        """Take what the service said.

        Args:
            item: An utterance with the times of its connection.

        Returns:
            The utterance with the times of the whole conversation.
        """
        item = item.later(self._shift_ms)
        if item.is_final:
            if item.end_ms is None:
                self._give_up("the service does not tell where sentences end")
            else:
                self._settle(item.end_ms)
        return item

    def again(self) -> Sequence[bytes]:
        """Give what must be said on a new connection.

        Returns:
            The audio since the last final sentence.

        Raises:
            SessionError: It is not known, or not kept any more.
        """
        if self._impossible is not None:
            raise SessionError(f"The conversation cannot be resumed: {self._impossible}.")
        self._shift_ms = self._settled_bytes * 1000 // self._bytes_per_s
        return tuple(self._kept)

    def _settle(self, end_ms: int) -> None:
        end = end_ms * self._bytes_per_s // 1000
        surplus = min(max(0, end - self._settled_bytes), self._kept_bytes)
        surplus -= surplus % self._sample_bytes
        self._settled_bytes += surplus
        self._kept_bytes -= surplus
        while surplus:
            first = self._kept.popleft()
            if len(first) > surplus:
                self._kept.appendleft(first[surplus:])
                return
            surplus -= len(first)

    def _give_up(self, why: str) -> None:
        self._impossible = why
        self._kept.clear()
        self._kept_bytes = 0


MAX_FRUITLESS = 8
LASTING_S = 30.0


class Patience:
    """Count the connections that dropped and brought nothing.

    One that let something be settled, or that lasted, starts the counting anew: a long conversation may lose many.
    """

    def __init__(self) -> None:
        self._fruitless = 0
        self._gained = 0

    def attempt(self, gained: int, lasted_s: float) -> int | None:
        """Decide about one more connection.

        Args:
            gained: What the replay has gained so far.
            lasted_s: Seconds that the dropped connection lasted.

        Returns:
            Which attempt in a row it is, from 1 on, or ``None`` after eight fruitless ones.
        """
        if gained > self._gained or lasted_s >= LASTING_S:
            self._fruitless = 0
        self._gained = gained
        self._fruitless += 1
        return self._fruitless if self._fruitless <= MAX_FRUITLESS else None
