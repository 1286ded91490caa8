"""How long a spoken conversation waits for a ping, and while it listens for a sound or a word.

What is said meanwhile is the business of `speech_chat_talk`.
"""

from __future__ import annotations

import asyncio
import math

from maaskit.sandbox.sockets import IdleError, Socket


class Patience:
    """How long the other side may go without a ping, and while it is listened to without a sound or a word.

    Time counts only while something is waited for, so that a sandbox that is busy blames nobody.

    Args:
        socket: The conversation.
        limit_s: 如果超过60s,将关闭连接, in seconds.
    """

    def __init__(self, socket: Socket, limit_s: float) -> None:
        self._socket, self._limit_s = socket, limit_s
        self._clock = asyncio.get_running_loop().time
        self._waited_s = 0.0
        self._began: float | None = None
        self._ping_due = limit_s
        self._sound_due = math.inf

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
                return await self._socket.receive(idle_s=left_s)
            except IdleError:
                continue  # somebody may have spoken meanwhile
            finally:
                self._waited_s, self._began = self._now(), None

    def pinged(self) -> None:
        """Note a ping."""
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
