"""How long a conversation over a socket waits for a sound or a word, and where pings are due, for a ping.

What is said meanwhile is the business of `sophnet_stream_speech` and `speech_chat_talk`.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable

from maaskit.sandbox.sockets import IdleError


class Patience:
    """How long the other side may go without a ping, and while it is listened to without a sound or a word.

    Time counts only while something is waited for, so that a sandbox that is busy blames nobody. Nothing is expected
    before `expect_pings` or `start_listening` says so.

    Args:
        receive: Waits for the next message for so many seconds, or raises IdleError.
        limit_s: How long, in seconds.
    """

    def __init__(self, receive: Callable[[float], Awaitable[str | bytes | None]], limit_s: float) -> None:
        self._receive, self._limit_s = receive, limit_s
        self._clock = asyncio.get_running_loop().time
        self._waited_s = 0.0
        self._began: float | None = None
        self._ping_due = self._sound_due = math.inf

    async def receive(self) -> str | bytes | None:
        """Wait for the next message.

        Returns:
            The message, or None once the other side has closed.

        Raises:
            IdleError: Its time is over.
        """
        while True:
            left_s = min(self._ping_due, self._sound_due) - self._waited_s
            if left_s <= 0:
                raise IdleError(self._limit_s)
            self._began = self._clock()
            try:
                return await self._receive(left_s)
            except IdleError:
                continue  # somebody may have spoken meanwhile
            finally:
                self._waited_s, self._began = self._now(), None

    def expect_pings(self) -> None:
        """Expect a ping from now on, and again after each."""
        self._ping_due = self._now() + self._limit_s

    def sound_came(self, *, counts: bool, listening: bool) -> None:
        """Note that sound has come.

        Args:
            counts: Whether silence counts: heartbeat设置的参数判断超时.
            listening: Whether nobody is being answered.
        """
        if listening and (counts or self._sound_due == math.inf):
            self.start_listening()

    def words_came(self) -> None:
        """Note that words were understood."""
        if self._sound_due != math.inf:
            self.start_listening()

    def start_listening(self) -> None:
        """Expect sound from now on."""
        self._sound_due = self._now() + self._limit_s

    def stop_listening(self) -> None:
        """Expect no sound."""
        self._sound_due = math.inf

    def _now(self) -> float:
        return self._waited_s + (self._clock() - self._began if self._began is not None else 0.0)
