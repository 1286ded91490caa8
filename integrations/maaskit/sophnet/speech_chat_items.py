"""What is said to SophNet's speech chat: the settings, audio, and the commands that the document lists.

When each may be said is known in ``speech_chat``; what the service answers, in ``speech_chat_events``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias, Unpack

import pydantic_core

from maaskit.errors import InvalidInput
from maaskit.extra_body import joined
from maaskit.openai_chat.request import ChatParams, Message
from maaskit.sophnet.chat import written_body
from maaskit.sophnet.profiles import UnsupportedParams, check_unsupported_params
from maaskit.sophnet.speech_settings import speech_param
from maaskit.sophnet.transcription_stream import FORMATS

# 对话配置更新事件说明, 默认参数. It is sent in any case, so that what comes is known here.
SPEECH_FORMAT = "MP3_22050HZ_MONO_256KBPS"

AsrMode: TypeAlias = Literal["online", "refresh", "dynamic"]
ASR_MODES: tuple[AsrMode, ...] = ("online", "refresh", "dynamic")

_NOTHING: tuple[Message, ...] = ({"role": "user", "content": "JSON"},)
"""Stands for what will be said, which may ask for JSON, where fields are checked."""


@dataclass(frozen=True, slots=True)
class Audio:
    """Be a piece of what the user says.

    Args:
        data: Bytes in the format of the conversation.
    """

    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Command:
    """Be one command.

    Args:
        event_type: The document's name for it.
    """

    event_type: str


@dataclass(frozen=True, slots=True)
class Listening:
    """Say how the user is listened to.

    Args:
        format: Form of the user's audio.
        sample_rate: Samples per second of it.
        heartbeat: Whether silence keeps the conversation.
    """

    format: str = "pcm"
    sample_rate: int = 16_000
    heartbeat: bool = True

    def __post_init__(self) -> None:
        """Refuse what the document does not know; it refers to streaming recognition."""
        if self.format not in FORMATS:
            raise InvalidInput(f"format must be one of {', '.join(FORMATS)}, not {self.format!r:.100}.")
        rate = self.sample_rate
        if isinstance(rate, bool) or not isinstance(rate, int) or rate <= 0:
            raise InvalidInput(f"sample_rate must be a number of samples per second such as 16000, not {rate!r:.100}.")
        if not isinstance(self.heartbeat, bool):
            raise InvalidInput(f"heartbeat must be True or False, not {self.heartbeat!r:.100}.")


@dataclass(frozen=True, slots=True)
class Update:
    """Be the settings of a conversation; what is unset in them is the service's default, not what was set before.

    Args:
        listening: What is other in how the user is listened to than ``converse`` was told.
        asr_mode: ``online``, ``refresh`` or ``dynamic``.
        messages: What goes before everything that is said.
        model: The chat model, or ``None`` for that of ``converse``.
        params: Further fields of the chat.
        speech: The ``synthesis_param`` object.
        unsupported_params: What happens to a field that the document's table denies to the model.
        extra_body: Further fields of the message.
    """

    listening: Mapping[str, Any] = field(default_factory=dict)
    asr_mode: AsrMode = "online"
    messages: tuple[Message, ...] = field(default=(), repr=False)
    model: str | None = None
    params: ChatParams = field(default_factory=ChatParams, repr=False)
    speech: Mapping[str, Any] = field(default_factory=dict)
    unsupported_params: UnsupportedParams = "warn"
    extra_body: Mapping[str, Any] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Refuse what cannot be said, before it is."""
        if self.asr_mode not in ASR_MODES:
            raise InvalidInput(f"asr_mode must be one of {', '.join(ASR_MODES)}, not {self.asr_mode!r:.100}.")
        joined({}, self.extra_body)
        check_unsupported_params(self.unsupported_params)
        model = "-" if self.model is None else self.model
        written_body(self.messages or _NOTHING, model, "send", self.params, stream=True)
        self.listened(Listening())  # it checks

    def listened(self, listening: Listening) -> Listening:
        """Tell how the user is listened to.

        Args:
            listening: What the conversation was opened with.

        Returns:
            The same, with what the update changes.
        """
        return replace(listening, **self.listening)

    def written(self, model: str, listening: Listening) -> str:
        """Write the event.

        Args:
            model: The chat model of the conversation.
            listening: How the conversation was told to listen to the user.

        Returns:
            The text message. ``message`` in it is a JSON string, with the three parts that the document requires.

        Raises:
            InvalidInput: A value is out of its documented range.
        """
        listening = self.listened(listening)
        policy, messages = self.unsupported_params, self.messages or _NOTHING
        chat = written_body(messages, self.model or model, policy, self.params, stream=True)
        if not self.messages:
            chat["messages"] = []  # the document's own default
        message = {
            "create_transcription_task_req": {
                "heartbeat": listening.heartbeat,
                "speech_recognition_param": {"sample_rate": listening.sample_rate, "format": listening.format},
            },
            "chat_completion_with_voice_output_req": {
                "chat_completion_req": chat,
                "speech_synthesis_req": {
                    "stream": True,
                    "synthesis_param": {"format": SPEECH_FORMAT} | dict(self.speech),
                },
            },
            "asr_mode": self.asr_mode,
        }
        return _event("chat.update", joined(message, self.extra_body))


Item: TypeAlias = "Audio | Command | Update | bytes"
"""What may be said; bytes are audio."""


def update(
    *,
    messages: Sequence[Message] = (),
    model: str | None = None,
    format: str | None = None,  # noqa: A002 - the document's own word
    sample_rate: int | None = None,
    heartbeat: bool | None = None,
    asr_mode: AsrMode = "online",
    voice: str | None = None,
    speech_format: str | None = None,
    speech_model: str | None = None,
    volume: float | None = None,
    speech_rate: float | None = None,
    pitch_rate: float | None = None,
    unsupported_params: UnsupportedParams = "warn",
    **params: Unpack[ChatParams],
) -> Update:
    """Set the conversation up; only before its first audio, and as often as wanted.

    An update sets everything: what it leaves unset is the service's default, whatever an earlier one said.

    Args:
        messages: What goes before everything that is said, such as a system message; ``clear_conversation`` keeps it.
        model: Another chat model than that of ``converse``.
        format: Another form of the user's audio than that of ``converse``, one of those that it lists.
        sample_rate: Another sampling rate than that of ``converse``, in samples per second.
        heartbeat: Whether silence keeps the conversation, if other than in ``converse``.
        asr_mode: ``online`` listens always, for audio without pause; ``refresh`` forgets at each answer the audio that
            came before it, for audio in pieces; ``dynamic`` does not listen during an answer.
        voice: Who speaks; the service's default is ``longxiaochun``.
        speech_format: Form of the answer's sound; default ``MP3_22050HZ_MONO_256KBPS``, as the service's.
        speech_model: ``cosyvoice-v1``, the service's default, or ``cosyvoice-v2``.
        volume: 0 to 100; the service's default is 50.
        speech_rate: Speed, 0.5 to 2; the service's default is 1.
        pitch_rate: Pitch, 0.5 to 2; the service's default is 1.
        unsupported_params: What happens to a field that the document's table denies to the model.
        **params: The fields of ``maaskit.openai_chat.ChatParams``; ``extra_body`` joins the whole message, for instance
            ``{"create_transcription_task_req": {"service_uuid": "…"}}``.

    Returns:
        The item to send.

    Raises:
        InvalidInput: A value is out of its documented range.

    Source:
        sophnet-api, 语音对话, 对话配置更新事件说明.
    """
    extra_body = params.pop("extra_body", None)
    voiced = {"volume": volume, "speech_rate": speech_rate, "pitch_rate": pitch_rate}
    return Update(
        _known(format=format, sample_rate=sample_rate, heartbeat=heartbeat),
        asr_mode,
        _listed(messages),
        model,
        params,
        speech_param(model=speech_model, voice=voice, format=speech_format, **voiced),
        unsupported_params,
        extra_body,
    )


def _known(**given: Any) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}


def _listed(messages: Any) -> tuple[Message, ...]:
    if isinstance(messages, str | bytes | Mapping) or not isinstance(messages, Sequence):
        raise InvalidInput('messages must be a list such as [{"role": "system", "content": "…"}].')
    return tuple(messages)


def audio(data: bytes) -> Audio:
    """Say something; bytes may be sent as they are as well.

    Args:
        data: Audio in the format of the conversation, in pieces of any size; they are sent in such of 200 ms.

    Returns:
        The item to send.

    Raises:
        InvalidInput: They are no bytes.

    Source:
        sophnet-api, 语音对话, 流式上传音频片段.
    """
    if not isinstance(data, bytes | bytearray | memoryview):
        raise InvalidInput(f"Audio must be sent as bytes, not {type(data).__name__}.")
    return Audio(bytes(data))


def complete() -> Command:
    """End what the user says: it is answered now.

    Returns:
        The item to send.

    Source:
        sophnet-api, 语音对话, 音频提交事件说明: "将ASR识别结果作为LLM输入,转为LLM+TTS推理".
    """
    return Command("input_audio_buffer.complete")


def clear_audio() -> Command:
    """Forget what the user said since the last answer; only after audio. One more result may still come.

    Returns:
        The item to send.

    Source:
        sophnet-api, 语音对话, 音频缓存清理事件说明: "(可能会发送一条ASR识别结果)".
    """
    return Command("input_audio_buffer.clear")


def clear_conversation() -> Command:
    """Forget the conversation; what an update set is kept.

    Returns:
        The item to send.

    Source:
        sophnet-api, 语音对话, 上下文清理事件说明.
    """
    return Command("conversation.clear")


def cancel() -> Command:
    """Interrupt the answer, and listen again.

    Returns:
        The item to send.

    Source:
        sophnet-api, 语音对话, 打断事件说明.
    """
    return Command("conversation.chat.cancel")


def ping() -> Command:
    """Keep the conversation; maaskit does it by itself.

    Returns:
        The item to send.

    Source:
        sophnet-api, 语音对话, 心跳事件说明: "需要定时发送该消息,如果超过60s,将关闭连接".
    """
    return Command("ping")


def written_command(command: Command) -> str:
    """Write a command.

    Args:
        command: The command.

    Returns:
        The text message.
    """
    return _event(command.event_type)


def _event(event_type: str, message: Any = None) -> str:
    event = {"event_type": event_type}
    if message is not None:
        try:
            event["message"] = pydantic_core.to_json(message).decode()
        except ValueError as error:
            raise InvalidInput(f"The update cannot be written as JSON: {str(error)[:300]}.") from None
    return pydantic_core.to_json(event).decode()
