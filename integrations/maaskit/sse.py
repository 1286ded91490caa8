"""The decoder of event streams: bytes in any pieces become events, JSON already decoded.

What an event means is not known here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import pydantic_core

from maaskit.errors import UnexpectedAnswer
from maaskit.lenient_json import from_json

MAX_EVENT_BYTES = 16 * 1024 * 1024
_BOM = b"\xef\xbb\xbf"
_OPENING = (b"{", b"[")
_CLOSING = (b"}", b"]")
_MAX_TRIES = 8
_LINE_COST_BYTES = 64  # what a line takes beside its text, so that empty lines are bounded as well


class _Done:
    """Be the type of DONE."""

    def __repr__(self) -> str:
        return "DONE"


DONE: Final = _Done()
"""The data of the event ``data: [DONE]``."""


@dataclass(slots=True)
class Event:
    """Be one event.

    Args:
        data: A decoded JSON object or array, DONE, or the text of an event that is neither.
        name: The ``event:`` field, empty when there was none.
    """

    data: Any
    name: str = ""


class EventDecoder:
    """Turn bytes into events.

    More is accepted than the standard says, because the documents do: no space after ``data:`` (SophNet), no blank line
    between events (the documents' own listings), and bare JSON lines without ``data:`` (chat with voice output).
    So a line, or several joined, that is a complete JSON object or array is an event at once.

    Args:
        max_event_bytes: Bound of what is kept while an event is incomplete.
    """

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._max = max_event_bytes
        self._rest = bytearray()  # the line that has not ended
        self._data: list[bytes] = []  # lines of the event that has not ended
        self._data_bytes = 0
        self._depth = 0  # brackets opened and not closed in these lines
        self._tries = 0  # how often they were tried as JSON
        self._bare = False  # the event under way has no `data:`
        self._name = ""
        self._after_cr = False
        self._started = False

    def feed(self, data: bytes) -> list[Event]:
        """Take the next bytes.

        Args:
            data: Bytes, cut anywhere.

        Returns:
            The events that they complete.

        Raises:
            UnexpectedAnswer: An event is larger than the bound.
        """
        if data[:5] == b"data:" and data[-2:] == b"\n\n" and data.count(b"\n") == 2 and not self._is_under_way():
            # One event, whole: what nearly always comes. JSON does not mind the white space around it.
            try:
                decoded = pydantic_core.from_json(data[5:])
            except ValueError:
                decoded = None
            if isinstance(decoded, dict):
                self._started = True
                return [Event(decoded)]
        events: list[Event] = []
        if b"\r" in data or self._after_cr:
            data = self._with_plain_newlines(data)
        lines = data.split(b"\n")
        if len(lines) > 1 and self._rest:
            lines[0] = bytes(self._rest + lines[0])
            self._rest.clear()
        for line in lines[:-1]:
            self._line(line, events)
        if lines[-1]:
            self._rest += lines[-1]
            self._check(len(self._rest) + self._data_bytes)
        return events

    def end(self) -> list[Event]:
        """Take the end of the stream.

        Returns:
            The event that the last line, without a newline, completes, if any.
        """
        events: list[Event] = []
        if self._rest:
            line = bytes(self._rest)
            self._rest.clear()
            self._line(line, events)
        self._dispatch(events)
        return events

    def _is_under_way(self) -> bool:
        return bool(self._rest or self._data or self._name or self._after_cr)

    def _with_plain_newlines(self, data: bytes) -> bytes:
        if self._after_cr and data.startswith(b"\n"):
            data = data[1:]  # the second half of a CRLF that was cut in two
        if data:
            self._after_cr = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _line(self, line: bytes, events: list[Event]) -> None:
        if not self._started:
            self._started = True
            line = line.removeprefix(_BOM)
        if line.startswith(b"data:"):
            value = line[6:] if line[5:6] == b" " else line[5:]
            self._bare_ends(events)
            self._take(value, events)
        elif not line:
            if not self._bare:
                self._dispatch(events)
        elif line[0] in b"{[" or self._bare:
            if not self._bare:
                self._dispatch(events)
            self._bare = True
            self._take(line, events)
        elif line.startswith(b"event:"):
            self._dispatch(events)
            self._name = line[6:].strip().decode("utf-8", errors="replace")
        elif line == b"data":  # the standard: a field without a colon has an empty value
            self._take(b"", events)
        elif line != b"event" and not _is_no_content(line):
            # Neither a field nor JSON: text of a gateway, say. It is kept so that nothing is lost in silence.
            self._dispatch(events)
            events.append(Event(line.decode("utf-8", errors="replace")))

    def _bare_ends(self, events: list[Event]) -> None:
        if self._bare:
            self._dispatch(events)

    def _take(self, value: bytes, events: list[Event]) -> None:
        opens = value[:1] in _OPENING or value.lstrip()[:1] in _OPENING
        if opens and not (self._data and self._is_json()):
            decoded = _decode(value)
            if decoded is not None:
                name = self._name
                if self._data:  # text, or empty lines, that no blank line parts from it
                    self._dispatch(events)
                events.append(Event(decoded, name))
                self._name, self._bare = "", False
                return
        self._data.append(value)
        self._data_bytes += len(value) + _LINE_COST_BYTES
        self._check(self._data_bytes)
        # JSON over several lines is tried when its brackets balance, and only a few times: brackets inside strings may
        # mislead the count, and trying at every line would be quadratic. A blank line or the end decides the rest.
        self._depth += sum(map(value.count, _OPENING)) - sum(map(value.count, _CLOSING))
        if self._depth == 0 and self._tries < _MAX_TRIES and self._is_json():
            self._tries += 1
            decoded = _decode(b"\n".join(self._data))
            if decoded is not None:
                events.append(Event(decoded, self._name))
                self._forget()

    def _is_json(self) -> bool:
        """Tell whether the event under way began like JSON."""
        return self._data[0].lstrip()[:1] in _OPENING

    def _dispatch(self, events: list[Event]) -> None:
        if self._data:
            joined = b"\n".join(self._data)
            decoded = _decode(joined) if joined.lstrip()[:1] in _OPENING else None
            events.append(Event(joined.decode("utf-8", errors="replace") if decoded is None else decoded, self._name))
        self._forget()

    def _forget(self) -> None:
        self._data, self._data_bytes, self._name, self._bare = [], 0, "", False
        self._depth = self._tries = 0

    def _check(self, size: int) -> None:
        if size > self._max:
            raise UnexpectedAnswer(
                f"An event of the stream is larger than {self._max} bytes; the stream was given up.", excerpt=""
            )


def _decode(value: bytes) -> Any:
    """Decode JSON, or give ``None``: a JSON object or array is never None."""
    if value.strip() == b"[DONE]":
        return DONE
    try:
        return from_json(value)
    except ValueError:
        return None


def _is_no_content(line: bytes) -> bool:
    """Tell whether a line is a comment, or a field that says nothing of the content."""
    return line.startswith((b":", b"id:", b"retry:")) or line in (b"id", b"retry")
