"""A chat answer that is spoken as well: pieces of text and pieces of sound, interleaved, and when both are whole.

Chat with voice output and speech chat send the same pieces; what is asked stands with each of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from maaskit.errors import APIError, StreamInterrupted, UnexpectedAnswer
from maaskit.media import sniff
from maaskit.openai_chat.answer import ChatAnswer
from maaskit.openai_chat.stream import ChatDelta, ChatStreamReader
from maaskit.sophnet.speech_frames import FINISH, SpeechFrame, is_frame, read_frame
from maaskit.wire import Response


@dataclass(slots=True)
class SpokenDelta(ChatDelta):
    """Be one piece of an answer that is spoken: of its text, of its sound, or its end.

    Args:
        audio: The next bytes of the sound; a piece need not be playable alone.
        characters: How many characters were spoken, if the service counted them; in the last piece. They are no tokens.
    """

    audio: bytes = field(default=b"", repr=False)
    characters: int | None = None


@dataclass(frozen=True, slots=True)
class SpokenAnswer(ChatAnswer):
    """Be an answer that is spoken, as far as it came.

    Args:
        audio: The sound file; empty when nothing was spoken.
        content_type: Its media type, if there is any sound.
        format: The form that was asked for, such as ``MP3_16000HZ_MONO_128KBPS``, or ``None``.
        characters: How many characters were spoken, if the service counted them.
    """

    audio: bytes = field(default=b"", repr=False)
    content_type: str | None = None
    format: str | None = None
    characters: int | None = None


class SpokenStreamReader(ChatStreamReader):
    """Decode one spoken answer (see ``maaskit.wire.StreamReader``).

    The sound goes on after the chat's finish_reason: the end is the event of speech whose ``status`` is ``finish``.

    Args:
        head: Status and headers of the answer.
        is_turn: Whether the answer is a turn of a longer conversation: it ends when ``give_up`` is called, and its
            sound is not kept for ``partial``.
    """

    def __init__(self, head: Response, *, is_turn: bool = False) -> None:
        super().__init__(head)
        if 200 <= head.status < 300:
            self._whole = None  # the document shows bare JSON lines, which may be called application/json
        self._is_turn = is_turn
        self._audio: list[bytes] = []
        self._characters: int | None = None
        self._spoken = False

    @property
    def complete(self) -> bool:
        """Tell whether the answer is whole: its sound has come to its end, or there is nothing to speak."""
        silent = self._finish_reason is not None and not any(map(str.strip, self._content))
        # A call of a function has no text; whether the sound of nothing has an end is not documented.
        return self._spoken or silent

    def take(self, event: Mapping[str, Any]) -> SpokenDelta | None:
        """Take one event that came alone, as the messages of a socket do.

        Args:
            event: The decoded event.

        Returns:
            The piece that it holds, or ``None`` when it only announces something.

        Raises:
            APIError: It says that the service failed.
            UnexpectedAnswer: It cannot be read.
        """
        return self._object(dict(event), "")

    def give_up(self) -> SpokenDelta:
        """Take it that nothing more comes.

        Returns:
            The last piece: what is known of the answer as a whole.
        """
        return self._last()

    def end(self) -> list[ChatDelta]:
        """Take the end of the stream.

        Returns:
            The last piece, unless it has been given already.

        Raises:
            StreamInterrupted: The sound had not come to its end; ``partial`` holds what did come.
        """
        try:
            return super().end()
        except StreamInterrupted as error:
            raise StreamInterrupted(
                "The stream broke off before the answer was spoken to its end (no event with the status finish); what "
                "came, text and sound, is in the error's `partial`.",
                partial=error.partial,
            ) from None

    def partial(self) -> SpokenAnswer:
        """Give what has come so far as an answer."""
        answer = super().partial()
        told = {one.name: getattr(answer, one.name) for one in fields(answer)}
        audio = b"".join(self._audio)
        kind = sniff(audio[:64]) if audio else None
        return SpokenAnswer(**told, audio=audio, content_type=kind, characters=self._characters)

    def _done(self) -> list[ChatDelta]:
        # It may be the chat's own, passed on, with sound to follow.
        return [self._last()] if self.complete else []

    def _object(self, data: dict[str, Any], name: str) -> SpokenDelta | None:
        audio = b""
        if _is_speech(data):
            audio = self._frame(data).audio
            said = self._chat(data, name) if data.get("choices") else None
        else:
            said = self._chat(data, name)
        if self._spoken and self._finish_reason is not None and not self._is_turn:
            last = self._last()
            if said is not None:
                last.content, last.reasoning_content = said.content, said.reasoning_content
                last.tool_calls = said.tool_calls + last.tool_calls
                last.new_refs, last.logprobs = said.new_refs, said.logprobs
            said = last
        if audio:
            said = said or SpokenDelta(id=self._id, model=self._model)
            said.audio = audio
        return said

    def _chat(self, data: dict[str, Any], name: str) -> SpokenDelta | None:
        delta = super()._object(data, name)
        return None if delta is None else _spoken(delta)

    def _frame(self, data: dict[str, Any]) -> SpeechFrame:
        self._begun = True
        try:
            frame = read_frame({name: value for name, value in data.items() if name != "choices"}, self._head)
        except (APIError, UnexpectedAnswer) as error:
            error.partial = self.partial()
            raise
        if frame.audio and not self._is_turn:
            self._audio.append(frame.audio)
        if frame.characters is not None:
            self._characters = frame.characters
        self._spoken = self._spoken or frame.status == FINISH
        return frame

    def _last(self) -> SpokenDelta:
        last = _spoken(super()._last())
        last.characters = self._characters
        return last


def _is_speech(data: Mapping[str, Any]) -> bool:
    # The table of text to voice calls the sound `data` (wire-facts C.27).
    return "audioFrame" in data or is_frame(data) or ("choices" not in data and isinstance(data.get("data"), str))


def _spoken(delta: ChatDelta) -> SpokenDelta:
    return SpokenDelta(**{one.name: getattr(delta, one.name) for one in fields(delta)})
