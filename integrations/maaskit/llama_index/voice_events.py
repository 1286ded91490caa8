"""What happens in a spoken conversation as LlamaIndex's voice-agent events: what an agent records, without sound.

How the conversation is held stands in ``voice``.
"""

from __future__ import annotations

import re

from llama_index.core.voice_agents import BaseVoiceAgentEvent

from maaskit.sophnet import speech_chat


class HeardEvent(BaseVoiceAgentEvent):
    """Be a sentence of the user as it is heard; one that is not final is replaced by the next."""

    text: str
    is_final: bool
    begin_ms: int | None = None
    end_ms: int | None = None


class AnswerEvent(BaseVoiceAgentEvent):
    """Be a piece of the answer: its text, and how many bytes of sound came with it."""

    text: str = ""
    audio_bytes: int = 0


class TurnEvent(BaseVoiceAgentEvent):
    """Be the end of an answer."""

    heard: str = ""
    content: str = ""
    finish_reason: str | None = None
    canceled: bool = False


class NoticeEvent(BaseVoiceAgentEvent):
    """Be one of the service's other events; ``message`` explains a failure."""

    status: int | None = None
    message: str = ""


def recorded(event: speech_chat.Event) -> BaseVoiceAgentEvent:
    """Give an event as an agent records it.

    Args:
        event: What came.

    Returns:
        The record.
    """
    if isinstance(event, speech_chat.Utterance):
        return HeardEvent(
            type_t="utterance",
            text=event.text,
            is_final=event.is_final,
            begin_ms=event.begin_ms,
            end_ms=event.end_ms,
        )
    if isinstance(event, speech_chat.SpokenDelta):
        return AnswerEvent(type_t="answer", text=event.content, audio_bytes=len(event.audio))
    if isinstance(event, speech_chat.TurnCompleted):
        return TurnEvent(
            type_t="turn_completed",
            heard=event.heard,
            content=event.content,
            finish_reason=event.finish_reason,
            canceled=event.canceled,
        )
    if isinstance(event, speech_chat.Failed):
        return NoticeEvent(type_t="failed", status=event.status, message=event.message)
    return NoticeEvent(type_t=re.sub(r"(?<!^)(?=[A-Z])", "_", type(event).__name__).lower())
