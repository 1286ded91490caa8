"""What SophNet's speech chat says: one type for each kind of event that the document lists, read from its messages.

What may be said to it stands in ``speech_chat_items``, what follows from an event, in ``speech_chat``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from maaskit.answers import excerpt, refusal_in
from maaskit.errors import APIError, SessionError, UnexpectedAnswer
from maaskit.lenient_json import from_json
from maaskit.sophnet.heard import is_heard, read_utterance
from maaskit.sophnet.spoken_pieces import SpokenDelta, SpokenStreamReader
from maaskit.transcript import Utterance
from maaskit.wire import Response

# Two hours of WAV; the figure is ours, so that an answer does not grow without bound.
MAX_TURN_BYTES = 256 * 1024 * 1024
_MAX_HEARD_CHARS = 1024 * 1024  # two days of speech without an answer
_NUMBER = re.compile(r"-?[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Created:
    """Say that the conversation may begin (``chat.created``)."""


@dataclass(frozen=True, slots=True)
class Updated:
    """Say that the settings are taken (``chat.updated``)."""


@dataclass(frozen=True, slots=True)
class AudioCompleted:
    """Say that what the user said is being answered (``input_audio_buffer.completed``)."""


@dataclass(frozen=True, slots=True)
class AudioCleared:
    """Say that what the user said is forgotten (``input_audio_buffer.cleared``)."""


@dataclass(frozen=True, slots=True)
class ConversationCleared:
    """Say that the conversation is forgotten (``conversation.cleared``)."""


@dataclass(frozen=True, slots=True)
class Canceled:
    """Say that the answer is interrupted (``conversation.chat.canceled``)."""


@dataclass(frozen=True, slots=True)
class Pong:
    """Answer a ``ping`` (``pong``)."""


@dataclass(frozen=True, slots=True)
class TurnCompleted:
    """Say that an answer is over: whole, failed or interrupted (``conversation.chat.completed``).

    Args:
        heard: The final sentences of the user that were answered.
        content: The text of the answer, as far as it came.
        finish_reason: Why the text ended, if it did.
        canceled: Whether it was interrupted by ``cancel``.
    """

    heard: str = field(default="", repr=False)
    content: str = field(default="", repr=False)
    finish_reason: str | None = None
    canceled: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """Tell an error that did not end the conversation; only where ``converse`` was told ``errors="tell"``.

    Args:
        event_type: ``error``, or the event that tells it; empty when an answer itself does.
        status: The service's number of it.
        message: The service's explanation.
    """

    event_type: str
    status: int | None
    message: str


@dataclass(frozen=True, slots=True)
class Unlisted:
    """Be a message that no document lists.

    Args:
        raw: The service's own object.
    """

    raw: Mapping[str, Any] = field(repr=False)


Event: TypeAlias = (
    "Utterance | SpokenDelta | Created | Updated | AudioCompleted | AudioCleared | ConversationCleared | Canceled"
    " | TurnCompleted | Pong | Failed | Unlisted"
)
"""What may come: what the user is heard to say, the answer in text and sound, and the named events."""

PLAIN: Mapping[str, type[Any]] = {
    "chat.created": Created,
    "chat.updated": Updated,
    "input_audio_buffer.completed": AudioCompleted,
    "input_audio_buffer.cleared": AudioCleared,
    "conversation.cleared": ConversationCleared,
    "conversation.chat.canceled": Canceled,
    "pong": Pong,
}
TURN_COMPLETED = "conversation.chat.completed"


def read_message(frame: str | bytes) -> dict[str, Any]:
    """Decode a message.

    Args:
        frame: What came: JSON, as text or as bytes.

    Returns:
        The object.

    Raises:
        SessionError: It is no JSON object.
    """
    try:
        message = from_json(frame.encode() if isinstance(frame, str) else frame)
    except ValueError:
        message = None
    if not isinstance(message, dict):
        kind = "text" if isinstance(frame, str) else "binary"
        raise SessionError(f"The service sent a {kind} message that cannot be read: {excerpt(frame)!r}")
    return message


def failure_in(message: Mapping[str, Any]) -> Failed | None:
    """Find out whether a named event tells a failure.

    Args:
        message: The event.

    Returns:
        The failure, or ``None``: "0表示成功,非0表示失败".
    """
    event_type, status = str(message.get("event_type")), str(message.get("status", 0))
    number = int(status) if _NUMBER.fullmatch(status) else None
    if event_type != "error" and (number == 0 or status == "None"):
        return None
    told = message.get("message")
    return Failed(event_type, number, told[:500] if isinstance(told, str) and told else "no explanation was given")


class Turn:
    """Follow one answer, and what the user said before it.

    Args:
        endpoint: The path, for messages.
    """

    def __init__(self, endpoint: str) -> None:
        self._head = Response(200, endpoint=endpoint)
        self._reader: SpokenStreamReader | None = None
        self._heard: list[str] = []
        self._asked = ""
        self._bytes = 0

    @property
    def answering(self) -> bool:
        """Tell whether pieces of an answer have come that are not known to be over."""
        return self._reader is not None

    def hear(self, message: Mapping[str, Any]) -> Utterance:
        """Take a result of recognition.

        Args:
            message: The message.

        Returns:
            The sentence.
        """
        utterance = read_utterance(message)
        if utterance.is_final and sum(map(len, self._heard)) < _MAX_HEARD_CHARS:
            self._heard.append(utterance.text)
        return utterance

    def forget(self) -> None:
        """Forget what the user said."""
        self._heard.clear()

    def take(self, message: Mapping[str, Any], size: int) -> SpokenDelta | None:
        """Take a piece of the answer.

        Args:
            message: The message.
            size: Its bytes.

        Returns:
            The piece, or ``None`` when it only announces something.

        Raises:
            APIError: It says that the answer failed.
            UnexpectedAnswer: It cannot be read, or the answer has no end.
        """
        reader = self._reader or self._begin()
        self._bytes += size
        if self._bytes > MAX_TURN_BYTES:
            raise UnexpectedAnswer(f"The answer goes on beyond {MAX_TURN_BYTES} bytes.", endpoint=self._head.endpoint)
        return reader.take(message)

    def complete(self, *, canceled: bool) -> tuple[SpokenDelta | None, TurnCompleted]:
        """Take the end of the answer.

        Args:
            canceled: Whether it was to be interrupted.

        Returns:
            Its last piece, if anything came of it, and its end.
        """
        reader = self._reader or self._begin()
        self._reader = None
        last = reader.give_up() if self._bytes else None
        answer = reader.partial()
        canceled = canceled and not reader.complete
        return last, TurnCompleted(self._asked, answer.content, answer.finish_reason, canceled)

    def _begin(self) -> SpokenStreamReader:
        self._reader = reader = SpokenStreamReader(self._head, is_turn=True)
        self._asked, self._bytes = sentences(self._heard), 0
        self._heard.clear()
        return reader


def sentences(texts: list[str]) -> str:
    """Put sentences together: with a space where letters of the Latin script would touch.

    Args:
        texts: The sentences.

    Returns:
        One text.
    """
    whole = ""
    for text in filter(None, map(str.strip, texts)):
        whole += f" {text}" if whole and whole[-1].isascii() and text[0].isascii() else text
    return whole


def read_unnamed(turn: Turn, message: Mapping[str, Any], size: int) -> Event | None:
    """Read a message without ``event_type``: of recognition, or of an answer.

    Args:
        turn: The turn that it belongs to.
        message: The message.
        size: Its bytes.

    Returns:
        What it says, or ``None`` when it only announces something.

    Raises:
        APIError: It says that the answer failed.
        UnexpectedAnswer: It cannot be read.
    """
    if is_heard(message):
        return turn.hear(message)
    if turn.answering or message.keys() & {"choices", "audioFrame"}:
        return turn.take(message, size)
    refusal = refusal_in(message)
    if refusal is not None:
        raise refusal
    return Unlisted(message)


def told(error: APIError | UnexpectedAnswer) -> Failed:
    """Tell an answer's failure as an event.

    Args:
        error: The failure.

    Returns:
        The event.
    """
    return Failed("", getattr(error, "status", None), error.message)
