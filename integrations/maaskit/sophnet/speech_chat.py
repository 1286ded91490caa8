"""SophNet's speech chat: audio goes up a socket; what was heard and an answer in text and sound come down it.

What can be said stands in ``speech_chat_items``, what can come in ``speech_chat_events``, what follows from what in
``speech_chat_protocol``; sockets and time belong to the drivers.
"""

from __future__ import annotations

from functools import partial

from maaskit.errors import InvalidInput
from maaskit.openai_chat.request import check_model
from maaskit.session import Session
from maaskit.sophnet.service_ids import service_id
from maaskit.sophnet.speech_chat_events import (
    AudioCleared,
    AudioCompleted,
    Canceled,
    ConversationCleared,
    Created,
    Event,
    Failed,
    Pong,
    TurnCompleted,
    Unlisted,
    Updated,
)
from maaskit.sophnet.speech_chat_items import (
    Audio,
    Item,
    Listening,
    audio,
    cancel,
    clear_audio,
    clear_conversation,
    complete,
    ping,
    update,
)
from maaskit.sophnet.speech_chat_protocol import BYTES_OF_SAMPLE, PATH, Conversation, Errors
from maaskit.sophnet.spoken_pieces import SpokenDelta
from maaskit.transcript import Utterance
from maaskit.wire import Request, Variable

__all__ = [
    "PING_LIMIT_S",
    "AudioCleared",
    "AudioCompleted",
    "Canceled",
    "ConversationCleared",
    "Created",
    "Errors",
    "Event",
    "Failed",
    "Item",
    "Pong",
    "SpokenDelta",
    "TurnCompleted",
    "Unlisted",
    "Updated",
    "Utterance",
    "audio",
    "cancel",
    "clear_audio",
    "clear_conversation",
    "complete",
    "converse",
    "ping",
    "update",
]

# "需要定时发送该消息,如果超过60s,将关闭连接"
PING_LIMIT_S = 60.0
_PING_S = PING_LIMIT_S / 3


def converse(
    *,
    model: str,
    asr_easyllm_id: str | None = None,
    tts_easyllm_id: str | None = None,
    format: str = "pcm",  # noqa: A002 - the document's own word
    sample_rate: int = 16_000,
    heartbeat: bool = True,
    errors: Errors = "raise",
) -> Session[Item, Event]:
    """Talk with a chat model.

    Send ``update(…)`` first, if anything shall be other than usual; then audio, ``complete()`` when it is to be
    answered, more audio, and so on. Closing ends what the user was saying, and the answer to it can be read to its end.
    The form of the audio is sent in any case, with an update of the driver's own where there is none; and so is a
    ``ping`` every 20 seconds, which the service wants within 60. Where ``pcm`` is sent and nothing is said for so
    long, a tenth of a second of silence goes along, which keeps a conversation with ``heartbeat``.

    Args:
        model: The chat model, e.g. ``Qwen2.5-32B-Instruct``; names are case-sensitive.
        asr_easyllm_id: Id of the speech-to-text service, by default the provider's.
        tts_easyllm_id: Id of the text-to-voice service, by default the provider's.
        format: Form of the user's audio: ``pcm`` (16 bits, one channel), ``wav``, ``mp3``, ``opus``, ``speex``, ``aac``
            or ``amr``. The service's own default is ``wav``; it is never left to it.
        sample_rate: Samples per second of it; any, 16000 is heard best.
        heartbeat: Whether silence keeps the conversation; otherwise it ends 60 seconds after the last word. The
            service's own default is ``False``.
        errors: ``raise`` ends the conversation with the first failure that the service tells; ``tell`` gives it as an
            event (Failed) where the conversation can go on.

    Returns:
        A Session that takes items and gives events.

    Raises:
        InvalidInput: The audio is of a kind that the document does not list, or the model has no name.

    Source:
        sophnet-api, 语音对话.
    """
    check_model(model)
    listening = Listening(format, sample_rate, heartbeat)
    if errors not in ("raise", "tell"):
        raise InvalidInput(f"errors must be raise or tell, not {errors!r:.100}.")
    query: dict[str, str | Variable] = {
        "token": Variable("bearer"),
        "model": model,
        "asr_easyllm_id": service_id(asr_easyllm_id, "speech_to_text", argument="asr_easyllm_id"),
        "tts_easyllm_id": service_id(tts_easyllm_id, "text_to_voice", argument="tts_easyllm_id"),
    }
    return Session(
        Request("GET", PATH, query=query, service="speech_chat"),
        lambda: Conversation(model, listening, errors),
        idle_s=_PING_S,
        steady=True,
        duration_s=partial(_duration_s, sample_rate=sample_rate) if format in ("pcm", "wav") else None,
        passing=_is_passing,
        weigh=_weigh,
    )


def _duration_s(item: Item, *, sample_rate: int) -> float:
    data = item.data if isinstance(item, Audio) else item
    return len(data) / (BYTES_OF_SAMPLE * sample_rate) if isinstance(data, bytes) else 0.0


def _is_passing(event: Event) -> bool:
    return isinstance(event, Utterance) and not event.is_final


def _weigh(event: Event) -> int:
    if isinstance(event, Utterance):
        return event.weight
    if isinstance(event, SpokenDelta):
        return 512 + len(event.audio) + 4 * len(event.content)
    return 512
