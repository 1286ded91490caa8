"""How a spoken conversation is held: the defaults of SophNet's speech chat, and what ``chat.update`` changes.

The conversation itself is held in `speech_chat_talk`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from maaskit.sandbox.chat_rules import check_chat, refused
from maaskit.sandbox.dialects import SOPHNET
from maaskit.sandbox.hearing import stream_settings
from maaskit.sandbox.json_text import decode
from maaskit.sandbox.speech_orders import SpeechOrder, read_order
from maaskit.sandbox.state import SandboxState

MODES: Final = ("online", "refresh", "dynamic")
"""目前支持三种:"online"/"refresh"/"dynamic",默认为"online"模式."""

SOUND: Final[Mapping[str, Any]] = MappingProxyType({"sample_rate": 16000, "format": "wav"})
SPEECH: Final[Mapping[str, Any]] = MappingProxyType(
    {"model": "cosyvoice-v1", "voice": "longxiaochun", "format": "MP3_22050HZ_MONO_256KBPS"}
)
"""默认参数 of ``speech_recognition_param`` and ``synthesis_param``."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Hold the checked settings of a conversation.

    Args:
        form: How the sound is written that comes in.
        rate: Its samples per second, where it does not tell itself.
        silence_counts: Whether silence keeps the conversation open, or only speech does.
        mode: When it is listened to: one of `MODES`.
        chat: The chat request without the conversation; its ``messages`` come before it.
        order: How answers are spoken.
    """

    form: str
    rate: int
    silence_counts: bool
    mode: str
    chat: Mapping[str, Any]
    order: SpeechOrder


def default_settings(model: str, state: SandboxState) -> Settings:
    """Give the settings of a conversation that nobody has changed.

    Args:
        model: The model that the handshake names.
        state: The sandbox.

    Returns:
        The settings.

    Raises:
        RefusalError: There is no such model (404).

    Source:
        SophNet, 语音对话, 对话配置更新事件说明, 默认参数.
    """
    return _settings({}, {}, {}, "online", model=model, state=state)


def read_update(message: Any, model: str, state: SandboxState) -> Settings:
    """Read the message of a ``chat.update``; what it leaves out gets its default back.

    Args:
        message: A string of JSON.
        model: The model that the handshake names.
        state: The sandbox.

    Returns:
        The settings.

    Raises:
        RefusalError: It is no such string, lacks one of the three objects, or one of them is refused (400).

    Source:
        SophNet, 语音对话, 对话配置更新事件说明: 必须设置,其内容为空则所有字段使用默认参数.
    """
    if not isinstance(message, str):
        raise refused("message", "message is required and must be a string of JSON")
    try:
        value = decode(message)
    except ValueError as error:
        raise refused("message", f"message is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise refused("message", "message must be a JSON object")
    hearing = _object(value, "create_transcription_task_req")
    both = _object(value, "chat_completion_with_voice_output_req")
    chat = _object(both, "chat_completion_req", "chat_completion_with_voice_output_req.")
    speech = _object(both, "speech_synthesis_req", "chat_completion_with_voice_output_req.")
    return _settings(hearing, chat, speech, value.get("asr_mode") or "online", model=model, state=state)


def _object(value: Mapping[str, Any], name: str, place: str = "") -> Mapping[str, Any]:
    found = value.get(name)
    if not isinstance(found, dict):
        raise refused(place + name, f"{place}{name} is required and must be an object; an empty one keeps the defaults")
    return found


def _settings(
    hearing: Mapping[str, Any],
    chat: Mapping[str, Any],
    speech: Mapping[str, Any],
    mode: Any,
    *,
    model: str,
    state: SandboxState,
) -> Settings:
    if mode not in MODES:
        raise refused("asr_mode", f"asr_mode must be one of {', '.join(MODES)}")
    heartbeat = hearing.get("heartbeat")
    if not isinstance(heartbeat, bool | None):
        raise refused("heartbeat", "create_transcription_task_req.heartbeat must be true or false")
    param = hearing.get("speech_recognition_param") or {}
    if not isinstance(param, dict):
        raise refused("speech_recognition_param", "speech_recognition_param must be an object")
    # The defaults have format and rate in an object of their own, the parameters that are referred to have them flat.
    given = {name: value for source in (hearing, param) for name, value in source.items() if value not in (None, "")}
    form, rate = stream_settings({**SOUND, **given})
    for name, part in (("chat_completion_req", chat), ("speech_synthesis_req", speech)):
        if part.get("stream") not in (None, True):
            raise refused(f"{name}.stream", f"{name}.stream must be true: only streams are supported")
    synthesis = speech.get("synthesis_param")
    if isinstance(synthesis, dict):
        synthesis = {**SPEECH, **{name: value for name, value in synthesis.items() if value not in (None, "")}}
    return Settings(
        form=form,
        rate=rate,
        silence_counts=bool(heartbeat),
        mode=mode,
        chat=_chat(chat, model, state),
        order=read_order(dict(SPEECH) if synthesis is None else synthesis, state.shelf, place="synthesis_param"),
    )


def _chat(chat: Mapping[str, Any], model: str, state: SandboxState) -> Mapping[str, Any]:
    messages = chat.get("messages") or []
    if not isinstance(messages, list):
        raise refused("messages", "chat_completion_req.messages must be an array")
    # In the example the model is an empty string, which stands for the one that the handshake names.
    request = {**chat, "model": chat.get("model") or model, "messages": messages, "stream": True}
    check_chat({**request, "messages": [*messages, {"role": "user", "content": "?"}]}, SOPHNET, state.variants)
    return request
