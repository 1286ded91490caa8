"""The voices that users made of recordings: each one's pitch, and when it last spoke.

Recordings are measured in `sophnet_voices`, texts are spoken by the engines.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from maaskit.sandbox.engines.voices import Voice

MAX_VOICES: Final = 100
"""单个组织下最多能创建100个音色."""


@dataclass(slots=True)
class ClonedVoice:
    """Hold one voice.

    Args:
        voice_id: What a request calls it.
        model: The model that it was made for.
        name: What its maker calls it.
        des: What its maker says about it.
        voice: How it sounds.
        last_used_at: When it last spoke, in local time; None as long as it has not.
    """

    voice_id: str
    model: str
    name: str | None
    des: str | None
    voice: Voice
    last_used_at: str | None = None


class VoiceShelf:
    """Keep the voices of one service, oldest first; used from the sandbox's own loop alone."""

    def __init__(self) -> None:
        self._voices: dict[str, ClonedVoice] = {}
        self._made = 0

    @property
    def is_full(self) -> bool:
        """Tell whether no further voice may be made."""
        return len(self._voices) >= MAX_VOICES

    @property
    def voices(self) -> tuple[ClonedVoice, ...]:
        """List the voices."""
        return tuple(self._voices.values())

    def add(self, voice: Voice, *, model: str, name: str | None, des: str | None) -> ClonedVoice:
        """Put a new voice on the shelf.

        Args:
            voice: How it sounds.
            model: The model that it is made for.
            name: What its maker calls it.
            des: What its maker says about it.

        Returns:
            The voice with its id, which no other voice has had.
        """
        self._made += 1
        made = ClonedVoice(f"{model}-clone-{self._made:04d}", model, name, des, voice)
        self._voices[made.voice_id] = made
        return made

    def use(self, voice_id: str, model: str) -> Voice | None:
        """Find a voice that is about to speak.

        Args:
            voice_id: What the request calls it.
            model: The model that is to speak.

        Returns:
            How it sounds; None when there is no such voice, or another model's.
        """
        found = self._voices.get(voice_id)
        if found is None or found.model != model:
            return None
        found.last_used_at = time.strftime("%Y-%m-%d %H:%M:%S")
        return found.voice

    def remove(self, voice_id: str, model: str) -> bool:
        """Take a voice off the shelf.

        Args:
            voice_id: Its id.
            model: The model that it was made for.

        Returns:
            Whether there was such a voice.
        """
        found = self._voices.get(voice_id)
        if found is None or found.model != model:
            return False
        del self._voices[voice_id]
        return True
