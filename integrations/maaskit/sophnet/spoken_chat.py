"""SophNet's chat with voice output: one question, an answer in text and in sound.

How the pieces are read stands in ``spoken_pieces``, what the voice may be in ``speech_settings``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Unpack, cast

from maaskit.errors import InvalidInput
from maaskit.openai_chat.answer import Choice, ToolCall
from maaskit.openai_chat.request import ChatParams, Message
from maaskit.openai_chat.stream import joined_logprobs
from maaskit.sophnet import speech
from maaskit.sophnet.chat import written_body
from maaskit.sophnet.profiles import UnsupportedParams
from maaskit.sophnet.service_ids import service_id
from maaskit.sophnet.speech_frames import SpeechFrame
from maaskit.sophnet.speech_settings import speech_param
from maaskit.sophnet.spoken_pieces import SpokenAnswer, SpokenDelta, SpokenStreamReader
from maaskit.wire import Request, Response, Stream, StreamReader

__all__ = ["SpokenAnswer", "SpokenDelta", "joined", "stream", "voice_fields"]

_PATH = "/v1/chat/completions-with-voice-output"

_VOICE = {"voice": "voice", "format": "format", "model": "speech_model"} | {
    name: name for name in ("volume", "speech_rate", "pitch_rate")
}
"""What the frameworks' ``audio`` may say, and what ``stream`` calls it."""


def stream(
    messages: Sequence[Message],
    model: str,
    *,
    voice: str | None = None,
    format: str | None = None,  # noqa: A002 - the document's own word
    speech_model: str | None = None,
    volume: float | None = None,
    speech_rate: float | None = None,
    pitch_rate: float | None = None,
    easyllm_id: str | None = None,
    unsupported_params: UnsupportedParams = "warn",
    **params: Unpack[ChatParams],
) -> Stream[SpokenDelta]:
    """Ask for a chat answer that is spoken while it is written.

    Args:
        messages: The conversation in the document's form; image parts may hold Media, bytes or a ``pathlib.Path``.
        model: The chat model, e.g. ``Qwen2.5-32B-Instruct``; names are case-sensitive.
        voice: Who speaks, e.g. ``longxiaochun``; the service's default.
        format: Form of the sound, e.g. ``MP3_16000HZ_MONO_128KBPS``; by default what the service recommends for the
            voice.
        speech_model: ``cosyvoice-v1``, the service's default, or ``cosyvoice-v2``.
        volume: 0 to 100; the service's default is 50.
        speech_rate: Speed, 0.5 to 2; the service's default is 1.
        pitch_rate: Pitch, 0.5 to 2; the service's default is 1.
        easyllm_id: Id of the text-to-voice service, in place of the provider's.
        unsupported_params: What happens to a field that the document's table denies to the model.
        **params: The fields of ``maaskit.openai_chat.ChatParams``; ``extra_body`` goes to the chat.

    Returns:
        A Stream of pieces, text and sound interleaved; the last one carries finish_reason, usage, references and the
        number of characters spoken. ``joined`` makes one answer of them.

    Raises:
        InvalidInput: A value is out of its documented range.

    Source:
        sophnet-api, Chat completions + Text to voice: "仅支持流式".
    """
    param = speech_param(
        model=speech_model, voice=voice, format=format, volume=volume, speech_rate=speech_rate, pitch_rate=pitch_rate
    )
    speech: dict[str, Any] = {"easyllm_id": service_id(easyllm_id)}
    if param:
        speech["synthesis_param"] = param
    body = {
        "chat_completion_req": written_body(messages, model, unsupported_params, params, stream=True),
        "speech_synthesis_req": speech,
    }
    # Each piece that the reader gives is a SpokenDelta, though the class that it extends says ChatDelta.
    reader = cast("Callable[[Response], StreamReader[SpokenDelta]]", SpokenStreamReader)
    return Stream(Request("POST", _PATH, json=body, service="text_to_voice"), reader)


def joined(deltas: Iterable[SpokenDelta], format: str | None = None) -> SpokenAnswer:  # noqa: A002 - as above
    """Make one answer of the pieces of a stream.

    Args:
        deltas: The pieces, in order.
        format: The form of the sound that was asked for, or ``None``.

    Returns:
        The answer, its sound as one playable file: a WAV has one header, which tells its true length.

    Raises:
        InvalidInput: The pieces of the sound are no one sound.
    """
    pieces = list(deltas)
    last = pieces[-1] if pieces else SpokenDelta()
    calls: dict[int, ToolCall] = {}
    for piece in (piece for delta in pieces for piece in delta.tool_calls):
        call = calls.get(piece.index, ToolCall("", "", ""))
        calls[piece.index] = ToolCall(
            piece.id or call.id, call.name + (piece.name or ""), call.arguments + piece.arguments
        )
    choice = Choice(
        content="".join(delta.content for delta in pieces),
        reasoning_content="".join(delta.reasoning_content for delta in pieces),
        tool_calls=tuple(calls[index] for index in sorted(calls)),
        refs=last.refs,
        finish_reason=last.finish_reason,
        logprobs=joined_logprobs(delta.logprobs for delta in pieces),
    )
    answer = SpokenAnswer((choice,), last.id, last.model, usage=last.usage, raw=last.extras or {})
    if not any(delta.audio for delta in pieces):
        return replace(answer, characters=last.characters)
    sound = speech.joined([SpeechFrame(delta.audio) for delta in pieces], format)
    return replace(
        answer,
        audio=sound.audio,
        content_type=sound.content_type,
        format=sound.format,
        characters=last.characters,
    )


def voice_fields(audio: Any) -> dict[str, Any] | None:
    """Read what the frameworks' chat models call ``audio``: how answers are spoken.

    Args:
        audio: A dict with any of ``voice``, ``format``, ``model``, ``volume``, ``speech_rate`` and ``pitch_rate``; or
            ``None``.

    Returns:
        The arguments of ``stream``, or ``None`` when nothing shall be spoken.

    Raises:
        InvalidInput: It says something else, or a value is out of its documented range.
    """
    if audio is None:
        return None
    if not isinstance(audio, Mapping) or not audio.keys() <= _VOICE.keys():
        raise InvalidInput(
            f"audio must be a dict with any of {', '.join(_VOICE)}, such as {{'voice': 'longxiaochun'}}."
        )
    speech_param(**{"model": None, **audio})
    return {_VOICE[name]: value for name, value in audio.items()}
