"""Whether a conversation is alive: what was heard and said when, and what follows.

No clock: whoever talks tells the time.
"""

from __future__ import annotations

PING_S = 20.0
"""How often the other side is pinged."""


class Vitals:
    """Follow one connection.

    Args:
        timeout_s: Seconds for which the service may owe an answer, or answer no ping.
        idle_s: After how many seconds without sending something must be said; 0 for never.
        now_s: The clock when the connection was opened.
    """

    def __init__(self, timeout_s: float, idle_s: float, now_s: float) -> None:
        self._timeout_s = timeout_s
        self._idle_s = idle_s
        self.opened_s = now_s
        self._told_s = self._sent_s = self._pinged_s = now_s
        self._waiting_since_s: float | None = None
        self._was_owing = True

    def told(self, now_s: float) -> None:
        """Note that the service said something, or that the last thing was said to it.

        Args:
            now_s: The clock.
        """
        self._told_s = now_s
        self._waiting_since_s = None

    def ponged(self) -> None:
        """Note that the service answered a ping: it lives, and says nothing."""
        self._waiting_since_s = None

    def stood_still(self, seconds: float) -> None:
        """Note that it was we who did not look: what the service said meanwhile waits to be heard.

        Args:
            seconds: For how long.
        """
        self._told_s += seconds
        if self._waiting_since_s is not None:
            self._waiting_since_s += seconds

    def sent(self, now_s: float) -> None:
        """Note that something was said to the service.

        Args:
            now_s: The clock.
        """
        self._sent_s = now_s

    def quiet_s(self, now_s: float) -> float | None:
        """Tell whether something must be said to keep the conversation.

        Args:
            now_s: The clock.

        Returns:
            Seconds since something was said, or ``None`` when it is not time yet.
        """
        quiet_s = now_s - self._sent_s
        return quiet_s if self._idle_s and quiet_s >= self._idle_s else None

    def wants_ping(self, now_s: float) -> bool:
        """Tell whether it is time to ping, and take it that it will be done.

        Args:
            now_s: The clock.

        Returns:
            Whether it is.
        """
        due = now_s - self._pinged_s >= PING_S
        if due:
            self._pinged_s = now_s
            if self._waiting_since_s is None:
                self._waiting_since_s = now_s
        return due

    def complaint(self, now_s: float, *, owing: bool) -> str | None:
        """Judge the service's silence.

        Args:
            now_s: The clock.
            owing: Whether it must speak next.

        Returns:
            What it does wrong, as the end of a sentence, or ``None``.
        """
        if owing and not self._was_owing:  # until now it had a right to be silent
            self._told_s = now_s
        self._was_owing = owing
        if self._waiting_since_s is not None and now_s - self._waiting_since_s > max(self._timeout_s, PING_S):
            return f"said nothing and answered no ping for {now_s - self._waiting_since_s:.0f} s."
        if owing and now_s - self._told_s > self._timeout_s:
            return f"owes an answer and said nothing for timeout={self._timeout_s:g} s."
        return None
