"""What is heard in a spoken conversation: one stream of sound, understood turn by turn.

When it is listened to is decided in `speech_chat_talk`; sound is decoded and understood in `hearing`.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Final

from maaskit.sandbox.engines import CannotRead, wav
from maaskit.sandbox.engines.recognition import Sentence, Word
from maaskit.sandbox.hearing import Hearing

AMR_HEADS: Final = (b"#!AMR-WB\n", b"#!AMR\n")
OGG_PAGE: Final = b"OggS"
FILE_HEADS: Final = (b"RIFF", OGG_PAGE, b"ID3", b"fLaC", b"#!AMR")
"""How a file begins; a turn whose sound begins otherwise goes on with the file of the turn before it."""

MAX_HEAD_BYTES: Final = 64 * 1024


class Ear:
    """Understand the turns of a conversation; its calls take their time, and a lock lets one in after the other.

    Args:
        form: How the sound is written.
        rate: Its samples per second, where it does not tell itself.
    """

    def __init__(self, form: str, rate: int) -> None:
        self._form, self._rate = form, rate
        self._lock = threading.Lock()
        self._closed = False
        self._hearing: Hearing | None = None
        self._head = b""
        self._offset_ms = 0

    @property
    def is_open(self) -> bool:
        """Tell whether a turn goes on."""
        return self._hearing is not None

    def feed(self, data: bytes) -> list[Sentence]:
        """Take the next piece of the sound; the first one of a turn begins it.

        Args:
            data: Any number of bytes.

        Returns:
            The sentences that are known better now: final ones, and at last the one that goes on.

        Raises:
            CannotRead: It is no sound; the turn has ended.
            RuntimeError: The listener broke down.
        """
        with self._lock:
            if self._closed:
                return []
            if self._hearing is None:
                data = self._continued(data)
                self._hearing = Hearing(self._form, self._rate)
            elif len(self._head) < MAX_HEAD_BYTES:
                self._head = (self._head + data)[:MAX_HEAD_BYTES]
            try:
                return self._shifted(self._hearing.feed(data))
            except CannotRead:
                self._end()
                raise

    def finish(self, *, goes_on: bool) -> list[Sentence]:
        """End the turn.

        Args:
            goes_on: Whether the times of the next turn go on from here, or begin anew.

        Returns:
            Its last sentences, final.

        Raises:
            CannotRead: It was no sound.
            RuntimeError: The listener broke down.
        """
        with self._lock:
            if self._hearing is None or self._closed:
                return []
            try:
                found = self._shifted(self._hearing.finish())
                passed_ms = self._hearing.position_ms
            finally:
                self._end()
            self._offset_ms = self._offset_ms + passed_ms if goes_on else 0
            return found

    def close(self) -> None:
        """End for good, whatever call is under way."""
        self._closed = True
        hearing = self._hearing
        if hearing is not None:
            hearing.close()

    def _end(self) -> None:
        hearing, self._hearing = self._hearing, None
        if hearing is not None:
            hearing.close()

    def _shifted(self, sentences: list[Sentence]) -> list[Sentence]:
        by = self._offset_ms
        return [
            replace(
                sentence,
                begin_ms=sentence.begin_ms + by,
                end_ms=sentence.end_ms + by,
                words=tuple(Word(w.text, w.begin_ms + by, w.end_ms + by) for w in sentence.words),
            )
            for sentence in sentences
        ]

    def _continued(self, data: bytes) -> bytes:
        """Put the head of the file before sound that goes on with it."""
        if not self._head or data.startswith(FILE_HEADS):
            self._head = data[:MAX_HEAD_BYTES]
            return data
        return head_of(self._form, self._head) + data


def head_of(form: str, data: bytes) -> bytes:
    """Find what stands before the sound in a file, for those who go on reading in its middle.

    Args:
        form: How the sound is written.
        data: The file's beginning.

    Returns:
        Its head; nothing for forms without one.
    """
    if form == "wav" and wav.is_wav(data):
        found = wav.layout(data)
        return b"" if found is None else data[: found.begin - 4] + b"\xff\xff\xff\xff"
    if form == "amr":
        return next((head for head in AMR_HEADS if data.startswith(head)), b"")
    if data.startswith(OGG_PAGE):  # two pages tell what comes: https://datatracker.ietf.org/doc/html/rfc7845#section-3
        second = data.find(OGG_PAGE, 4)
        third = data.find(OGG_PAGE, second + 4) if second > 0 else -1
        return data[:third] if third > 0 else b""
    return b""
