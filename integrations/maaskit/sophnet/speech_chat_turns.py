"""The turns of a speech chat: what the user was heard to say, and what was answered in text and sound.

Sockets are not known here, and nobody waits here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from maaskit.media import Media
from maaskit.sophnet.speech import Speech, joined
from maaskit.sophnet.speech_chat_events import Event, Failed, TurnCompleted
from maaskit.sophnet.speech_chat_items import SPEECH_FORMAT, Command, Item, cancel, complete, ping
from maaskit.sophnet.speech_frames import SpeechFrame
from maaskit.sophnet.spoken_pieces import SpokenDelta


@dataclass(frozen=True, slots=True)
class SpokenTurn:
    """Be one turn of a conversation.

    Args:
        heard: What the user was heard to say.
        content: The text of the answer, as far as it came.
        speech: The sound of it, as one playable file; ``None`` when nothing was spoken.
        finish_reason: Why the text ended, if it did.
        canceled: Whether it was interrupted.
    """

    heard: str
    content: str
    speech: Speech | None = field(default=None, repr=False)
    finish_reason: str | None = None
    canceled: bool = False

    @property
    def media(self) -> Media | None:
        """Give the sound as a file with a name and a type."""
        return None if self.speech is None else self.speech.media


class Turns:
    """Gather the turns of one conversation; the sound of the one that is under way is held.

    Args:
        speech_format: The form of the answers' sound.
    """

    def __init__(self, speech_format: str | None = None) -> None:
        self._format = speech_format or SPEECH_FORMAT
        self._sound: list[SpeechFrame] = []

    def add(self, event: Event) -> SpokenTurn | None:
        """Take an event.

        Args:
            event: What came.

        Returns:
            The turn that it ends, if any.

        Raises:
            InvalidInput: The pieces of the sound are no one sound.
        """
        if isinstance(event, SpokenDelta) and (event.audio or event.characters is not None):
            self._sound.append(SpeechFrame(event.audio, None, event.characters))
        if not isinstance(event, TurnCompleted):
            return None
        sound, self._sound = self._sound, []
        speech = joined(sound, self._format) if any(frame.audio for frame in sound) else None
        return SpokenTurn(event.heard, event.content, speech, event.finish_reason, event.canceled)


_COMPLETE = complete()
_INTERRUPTIONS = (cancel(), ping())


class Floor:
    """Know who has the floor: what follows a ``complete()`` may have to wait until that is answered.

    Args:
        news: Is set when it changes: an event of ``threading`` or of ``asyncio``, for whoever waits.
    """

    def __init__(self, news: Any) -> None:
        self.news = news
        self.left = False
        self._asked = 0

    def is_taken_from(self, item: Item) -> bool:
        """Tell whether something must wait to be said.

        Args:
            item: What it is; ``cancel()`` and ``ping()`` never wait.

        Returns:
            Whether the service is answering.
        """
        return self._asked > 0 and not self.left and item not in _INTERRUPTIONS

    def say(self, item: Item) -> None:
        """Note what is said.

        Args:
            item: What it is.
        """
        if isinstance(item, Command) and item == _COMPLETE:
            self._asked += 1

    def hear(self, event: Event) -> None:
        """Note what came.

        Args:
            event: What it is.
        """
        if isinstance(event, TurnCompleted):
            self._asked = max(0, self._asked - 1)
            self.news.set()
        elif isinstance(event, Failed):  # an answer may not come any more
            self._asked = 0
            self.news.set()

    def leave(self) -> None:
        """Let nobody wait any more: the conversation was left."""
        self.left = True
        self.news.set()
