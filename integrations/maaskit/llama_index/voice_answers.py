"""Who waits for which answer of a spoken conversation: answers come in the order in which they were asked for.

What the events mean stands in ``maaskit.sophnet.speech_chat``; the conversation itself is ``voice``'s business.
"""

from __future__ import annotations

import asyncio

from maaskit.errors import SessionError
from maaskit.sophnet import speech_chat
from maaskit.sophnet.speech_chat_turns import SpokenTurn

_COMPLETED = "input_audio_buffer.completed"


class AwaitedAnswers:
    """Follow who asked, and hand each answer over; what was given up keeps its place, so that nobody gets another's."""

    def __init__(self) -> None:
        self._asked: list[asyncio.Future[SpokenTurn]] = []
        self._begun = 0
        """How many of them the service has begun to answer."""
        self._was_refused = False
        """Whether the last answer failed: its end may still be told, and is nobody's."""

    def ask(self) -> asyncio.Future[SpokenTurn]:
        """Note that an answer is asked for.

        Returns:
            What will hold it; one that is cancelled lets its answer go by.
        """
        turn: asyncio.Future[SpokenTurn] = asyncio.get_running_loop().create_future()
        self._asked.append(turn)
        return turn

    def withdraw(self, turn: asyncio.Future[SpokenTurn]) -> None:
        """Note that an answer was not asked for after all.

        Args:
            turn: What ``ask`` gave.
        """
        if turn in self._asked:
            self._asked.remove(turn)

    def begin(self) -> None:
        """Note that the service begins to answer."""
        self._begun = min(self._begun + 1, len(self._asked))
        if self._begun <= 1:
            self._was_refused = False

    def give(self, turn: SpokenTurn) -> None:
        """Hand an answer over.

        Args:
            turn: The answer.
        """
        if not self._was_refused and (asked := self._take(0)) is not None and not asked.done():
            asked.set_result(turn)
        self._was_refused = False

    def refuse(self, failure: speech_chat.Failed) -> None:
        """Hand a failure over, where it is one of an answer.

        Args:
            failure: What the service told; of the named events only ``input_audio_buffer.completed`` is about one, and
                about the first that is not begun.
        """
        if failure.event_type not in ("", "error", _COMPLETED):
            return
        place = self._begun if failure.event_type == _COMPLETED else 0
        asked = self._take(place)
        if asked is None:
            return
        self._was_refused = self._was_refused or place == 0
        if not asked.done():
            asked.set_exception(SessionError(f"The service told an error: {failure.message}"))

    def end(self, error: Exception) -> bool:
        """Tell all who wait that no answer comes any more.

        Args:
            error: Why.

        Returns:
            Whether anybody waited.
        """
        waiting = [turn for turn in self._asked if not turn.done()]
        for turn in waiting:
            turn.set_exception(error)
        self._asked.clear()
        return bool(waiting)

    def _take(self, place: int) -> asyncio.Future[SpokenTurn] | None:
        if place >= len(self._asked):
            return None
        if place < self._begun:
            self._begun -= 1
        return self._asked.pop(place)
