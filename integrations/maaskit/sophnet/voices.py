"""SophNet's cloned voices: a recording in, a voice for text to voice out; their list, and their end.

Speaking with a voice is ``speech``'s business.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from maaskit import extra_body as further
from maaskit.answers import parse_object, unexpected
from maaskit.errors import ConnectionFailed, InvalidInput, MaasError, ServerError, UnexpectedAnswer
from maaskit.media import MIB, Media, MediaSource
from maaskit.sophnet import recording_formats
from maaskit.sophnet.service_ids import service_id
from maaskit.sophnet.speech_settings import DEFAULT_MODEL
from maaskit.wire import Call, Download, FilePart, Flow, FlowSteps, Request, Response, Sleep

_VOICES = "/projects/easyllms/voice"
_UPLOAD = f"{_VOICES}/upload"
_SERVICE = "text_to_voice"

# "用于创建音色的文件,建议10-20s,不得超过60s,文件不得超过10MB。"
MAX_RECORDING_BYTES = 10 * MIB
MAX_RECORDING_S = 60.0
MAX_VOICES = 100
"""The document: "单个组织下最多能创建100个音色"."""

# The service answers the upload without an id, and nothing says that the list knows the voice at once.
_PAUSES_S = (0.5, 1.0, 2.0, 4.0, 8.0)
_CREATED = (
    "The service had accepted the recording: only the list failed. Do not create it again: voices.list_voices() shows "
    "the new voice."
)


@dataclass(frozen=True, slots=True)
class Voice:
    """Be one cloned voice.

    Args:
        voice_id: The ``voice`` for ``speech.synthesize``.
        name: Its name, if it has one.
        model: The model that speaks with it, if told.
        des: Its description, if it has one.
        last_used_at: When it spoke last, as the service writes it, if it did.
        raw: The service's own object.
    """

    voice_id: str
    name: str | None = None
    model: str | None = None
    des: str | None = None
    last_used_at: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


def create(
    audio: MediaSource,
    *,
    model: str = DEFAULT_MODEL,
    prompt_text: str,
    name: str | None = None,
    des: str | None = None,
    easyllm_id: str | None = None,
    extra_body: Mapping[str, Any] | None = None,
) -> Flow[Voice]:
    """Clone a voice: list the voices, upload a recording, and find the one that is new.

    The service does not tell the new voice's id. Two creations at once under one name, or without any, cannot be told
    apart: that is an error which names both voices, never a guess. So give each voice a name of its own.

    Args:
        audio: The recording: a path, which streams from disk, bytes, a binary file or Media, of at most 10 MiB and 60
            seconds (as far as a WAV's header tells), 10 to 20 seconds at best; a URL is downloaded first.
        model: The model that will speak with the voice.
        prompt_text: What is said in the recording.
        name: A name to know the voice by.
        des: A description.
        easyllm_id: The service id, in place of the provider's.
        extra_body: Further fields of ``tts_speaker_voice_generate_req``.

    Returns:
        A Flow of the new voice. The upload is sent again only when the service cannot have accepted it.

    Raises:
        InvalidInput: The recording is missing, empty, too large or too long, a text is empty, or 100 voices exist
            already.
        UnexpectedAnswer: The voice was created, and cannot be told from another, or is not listed yet.

    Source:
        sophnet-api, 音色创建: "不得超过60s,文件不得超过10MB", "result 固定为null"; 音色查询.
    """
    media = Media.of(audio, argument="audio")
    _check_texts(model=model, prompt_text=prompt_text, name=name, des=des)
    if media.url is None:
        check(media)
    told = {"model": model, "name": name, "des": des, "prompt_text": prompt_text}
    body: dict[str, Any] = {"easyllm_id": service_id(easyllm_id)}
    body = further.joined(body | {key: value for key, value in told.items() if value is not None}, extra_body)
    return Flow(lambda: _cloning(media, told, body, easyllm_id))


def list_voices(*, easyllm_id: str | None = None) -> Call[tuple[Voice, ...]]:
    """Ask which cloned voices there are.

    Args:
        easyllm_id: The service id, in place of the provider's.

    Returns:
        A Call of the voices of that service, of all models, in its order.

    Source:
        sophnet-api, 音色查询.
    """
    known = service_id(easyllm_id)
    place = quote(known, safe="") if isinstance(known, str) else "{easyllm_id}"
    return Call(Request("GET", f"{_VOICES}/{place}", service=_SERVICE), _read_voices)


def delete(voice_id: str, *, model: str = DEFAULT_MODEL, easyllm_id: str | None = None) -> Call[None]:
    """Remove a cloned voice; nothing can be spoken with it any more.

    Args:
        voice_id: The voice.
        model: The model that it belongs to.
        easyllm_id: The service id, in place of the provider's.

    Returns:
        A Call of nothing.

    Raises:
        InvalidInput: A name is empty.

    Source:
        sophnet-api, 音色删除.
    """
    body = {
        "easyllm_id": service_id(easyllm_id),
        "model": _checked("model", model),
        "voice_id": _checked("voice_id", voice_id),
    }
    return Call(Request("DELETE", f"{_VOICES}/remove", json=body, service=_SERVICE), _read_nothing)


def check(audio: Media) -> None:
    """Refuse a recording that no voice can be made of, as far as it can be known without the network.

    Args:
        audio: The recording.

    Raises:
        InvalidInput: As for ``create``.
    """
    kind = audio.mime_type()
    if kind is not None and not kind.startswith(("audio/", "video/")):
        raise InvalidInput(f"audio is {kind}; it must be a recording, such as WAV or MP3.")
    audio.check_size(MAX_RECORDING_BYTES, argument="audio")
    recording_formats.check_length(audio, MAX_RECORDING_S, way_out="Cut it to 10 to 20 seconds, which are best.")
    _named(audio)


def _check_texts(*, model: str, prompt_text: str, name: str | None, des: str | None) -> None:
    _checked("model", model)
    _checked("prompt_text", prompt_text)
    for argument, text in (("name", name), ("des", des)):
        if text is not None:
            _checked(argument, text)


def _checked(argument: str, text: str) -> str:
    if not isinstance(text, str) or not text.strip(" ."):
        raise InvalidInput(f"{argument} must be a text that is not empty, not {text!r:.100}.")
    return text


def _cloning(
    media: Media, told: Mapping[str, str | None], body: Mapping[str, Any], easyllm_id: str | None
) -> FlowSteps[Voice]:
    recording = media
    if media.url is not None:
        recording = (yield Download(media.url, MAX_RECORDING_BYTES, "audio")).answer
        check(recording)
    before = {voice.voice_id for voice in (yield list_voices(easyllm_id=easyllm_id)).answer}
    if len(before) >= MAX_VOICES:
        raise InvalidInput(
            f"There are {len(before)} voices; an organisation has at most {MAX_VOICES}. voices.delete removes one."
        )
    try:
        yield Call(_upload(recording, body), parse_object)
    except (ConnectionFailed, ServerError, UnexpectedAnswer) as error:
        if getattr(error, "accepted", None) is not False:
            error.with_hint("The voice may have been created all the same: see voices.list_voices() first.")
        raise
    for pause_s in (0.0, *_PAUSES_S):
        yield Sleep(pause_s)
        try:
            voices = (yield list_voices(easyllm_id=easyllm_id)).answer
        except MaasError as error:
            raise error.with_hint(_CREATED) from None
        found = [one for one in voices if one.voice_id not in before and _fits(one, told)]
        if found:
            return _only(found)
    raise UnexpectedAnswer(
        "The service accepted the recording, and lists no new voice yet. Do not create it again: "
        "voices.list_voices() shows it when it is ready.",
        endpoint=_UPLOAD,
    )


def _upload(recording: Media, body: Mapping[str, Any]) -> Request:
    name, kind = _named(recording)
    content = recording.path if recording.data is None else recording.data
    parts = (
        FilePart("audio_file", name, content, kind),
        FilePart("tts_speaker_voice_generate_req", json=body, content_type="application/json"),
    )
    return Request("POST", _UPLOAD, files=parts, service=_SERVICE, resend="unaccepted")


def _named(recording: Media) -> tuple[str, str]:
    """Give a file name and a media type; the document lists no forms, so that a name of one's own is kept."""
    if recording.name is None:
        return recording_formats.upload_name(recording)
    return PurePath(recording.name).name, recording.mime_type() or "application/octet-stream"


def _fits(voice: Voice, told: Mapping[str, str | None]) -> bool:
    """Tell whether a new voice may be ours: it has what we told, where we told it."""
    if voice.model is not None and voice.model != told["model"]:
        return False
    pairs = ((voice.name, told["name"]), (voice.des, told["des"]))
    return all(ours is None or (theirs or "").strip() == ours.strip() for theirs, ours in pairs)


def _only(found: Collection[Voice]) -> Voice:
    if len(found) == 1:
        return next(iter(found))
    ids = ", ".join(repr(voice.voice_id) for voice in found)
    raise UnexpectedAnswer(
        f"The voice was created, but {len(found)} voices are new and fit: {ids}. Somebody created another at the same "
        "time under the same name, or under any, because none was given. Listen to each with "
        "speech.synthesize(voice=…), or delete yours and create it again under a name of its own.",
        endpoint=_UPLOAD,
    )


def _read_voices(response: Response) -> tuple[Voice, ...]:
    answer = parse_object(response)
    missing = object()
    voices = next((answer[name] for name in ("result", "data", "voices") if name in answer), missing)
    if voices is None:
        return ()
    if not isinstance(voices, list):
        raise unexpected(response, "has no list of voices")
    return tuple(_read_voice(entry, response) for entry in voices)


def _read_voice(entry: Any, response: Response) -> Voice:
    told = entry if isinstance(entry, Mapping) else {}
    voice_id = _text(told.get("voice_id")) or _text(told.get("voiceId"))
    if voice_id is None:
        raise unexpected(response, "lists a voice without an id")
    name, model, des, used = (_text(told.get(key)) for key in ("name", "model", "des", "last_used_at"))
    return Voice(voice_id, name, model, des, used, told)


def _text(value: Any) -> str | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and value else None


def _read_nothing(response: Response) -> None:
    parse_object(response)  # a refusal under HTTP 200 is raised here
