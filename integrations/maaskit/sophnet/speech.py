"""SophNet's text to voice: texts in, spoken audio out, whole or piece by piece.

What the settings may be stands in ``speech_settings``; playing and saving are the caller's business.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from maaskit import extra_body as further
from maaskit.answers import parse_object, unexpected
from maaskit.errors import InvalidInput
from maaskit.lenient_json import from_json
from maaskit.media import Media, sniff
from maaskit.sophnet.service_ids import service_id
from maaskit.sophnet.speech_frames import SpeechFrame, SpeechReader
from maaskit.sophnet.speech_settings import DEFAULT_MODEL, AudioFormat, speech_param
from maaskit.sophnet.wav_pieces import one_wav
from maaskit.wire import Call, Request, Response, Stream

__all__ = ["DEFAULT_MODEL", "AudioFormat", "Speech", "SpeechFrame", "joined", "synthesize", "synthesize_stream"]

_PATH = "/projects/{project_id}/easyllms/voice/synthesize-audio"

# Two hours of 16 kHz WAV; the figure is ours, so that an answer does not grow without bound.
MAX_SPEECH_BYTES = 256 * 1024 * 1024

_UNTOLD = "application/octet-stream"
_SUFFIXES = {"audio/mpeg": "mp3", "audio/wav": "wav", "audio/l16": "pcm", "audio/ogg": "ogg", "audio/flac": "flac"}


@dataclass(frozen=True, slots=True)
class Speech:
    """Be a spoken text.

    Args:
        audio: The sound file; a WAV's header tells its true length.
        content_type: Its media type.
        format: The form that was asked for, such as ``MP3_16000HZ_MONO_128KBPS``, or ``None``.
        characters: How many characters were spoken, where the service tells it.
    """

    audio: bytes = field(repr=False)
    content_type: str
    format: str | None = None
    characters: int | None = None

    @property
    def media(self) -> Media:
        """Give the sound as a file with a name and a type."""
        suffix = _SUFFIXES.get(self.content_type.partition(";")[0].strip().lower(), "bin")
        return Media(data=self.audio, name=f"speech.{suffix}", content_type=self.content_type)


def synthesize(
    text: str | Sequence[str],
    *,
    model: str = DEFAULT_MODEL,
    voice: str | None = None,
    format: str | None = None,  # noqa: A002 - the document's own word
    volume: float | None = None,
    speech_rate: float | None = None,
    pitch_rate: float | None = None,
    easyllm_id: str | None = None,
    extra_body: Mapping[str, Any] | None = None,
) -> Call[Speech]:
    """Speak a text, and give the sound when it is whole.

    Args:
        text: What to say: a text, or several that are spoken one after the other.
        model: ``cosyvoice-v1`` or ``cosyvoice-v2``; names that the document does not list pass.
        voice: Who says it: a voice of the document, such as ``longxiaochun``, or the ``voice_id`` of a cloned one.
            Unset, none is sent: the service's default is ``longxiaochun``, a voice of cosyvoice-v1.
        format: Such as ``MP3_16000HZ_MONO_128KBPS``, ``WAV_16000HZ_MONO_16BIT`` or ``PCM_16000HZ_MONO_16BIT``; by
            default what the service recommends for the voice.
        volume: 0 to 100; the service's default is 50.
        speech_rate: Speed, 0.5 to 2; the service's default is 1.
        pitch_rate: Pitch, 0.5 to 2; the service's default is 1.
        easyllm_id: The service id, in place of the provider's.
        extra_body: Further fields of the request; ``{"synthesis_param": {…}}`` joins the other parameters.

    Returns:
        A Call of the sound.

    Raises:
        InvalidInput: There is nothing to say, or a value is out of its documented range.

    Source:
        sophnet-api, Text to voice, 非流式接口.
    """
    param = speech_param(
        model=model, voice=voice, format=format, volume=volume, speech_rate=speech_rate, pitch_rate=pitch_rate
    )
    request = _request(_PATH, text, param, easyllm_id=easyllm_id, extra_body=extra_body)
    return Call(request, lambda response: _read(response, param.get("format")))


def synthesize_stream(
    text: str | Sequence[str],
    *,
    model: str = DEFAULT_MODEL,
    voice: str | None = None,
    format: str | None = None,  # noqa: A002 - the document's own word
    volume: float | None = None,
    speech_rate: float | None = None,
    pitch_rate: float | None = None,
    easyllm_id: str | None = None,
    extra_body: Mapping[str, Any] | None = None,
) -> Stream[SpeechFrame]:
    """Speak a text, and give the sound while it is made.

    Args:
        text: As for ``synthesize``.
        model: As for ``synthesize``.
        voice: As for ``synthesize``.
        format: As for ``synthesize``.
        volume: As for ``synthesize``.
        speech_rate: As for ``synthesize``.
        pitch_rate: As for ``synthesize``.
        easyllm_id: As for ``synthesize``.
        extra_body: As for ``synthesize``.

    Returns:
        A Stream of pieces; ``joined`` makes one playable file of them.

    Raises:
        InvalidInput: As for ``synthesize``.

    Source:
        sophnet-api, Text to voice, 流式接口.
    """
    param = speech_param(
        model=model, voice=voice, format=format, volume=volume, speech_rate=speech_rate, pitch_rate=pitch_rate
    )
    request = _request(f"{_PATH}-stream", text, param, easyllm_id=easyllm_id, extra_body=extra_body)
    return Stream(request, SpeechReader)


def joined(frames: Iterable[SpeechFrame], format: str | None = None) -> Speech:  # noqa: A002 - the document's own word
    """Make one playable file of the pieces of a stream.

    Args:
        frames: The pieces, in order.
        format: The form that was asked for, or ``None``.

    Returns:
        The sound: of a WAV with one header that tells its true length.

    Raises:
        InvalidInput: There is no sound in the pieces, or they are no one sound.
    """
    sound: list[bytes] = []
    characters: int | None = None
    for frame in frames:
        sound.append(frame.audio)
        characters = frame.characters if frame.characters is not None else characters
    if not any(sound):
        raise InvalidInput("frames hold no sound: pass all that synthesize_stream gave.")
    return _speech(sound, "", format, characters)


def _request(
    path: str,
    text: str | Sequence[str],
    param: Mapping[str, Any],
    *,
    easyllm_id: str | None,
    extra_body: Mapping[str, Any] | None,
) -> Request:
    body = {"easyllm_id": service_id(easyllm_id), "text": _texts(text), "synthesis_param": dict(param)}
    json = further.joined(body, extra_body)
    return Request("POST", path, json=json, service="text_to_voice", max_answer_bytes=MAX_SPEECH_BYTES)


def _texts(text: str | Sequence[str]) -> list[str]:
    """Give what is said as the list that the service wants."""
    if not isinstance(text, str | Sequence) or isinstance(text, bytes | bytearray | memoryview):
        raise InvalidInput(f"text must be a string or a list of strings, not {type(text).__name__}.")
    texts = [text] if isinstance(text, str) else list(text)
    if not texts:
        raise InvalidInput("text is an empty list: there is nothing to say.")
    for number, one in enumerate(texts):
        name = "text" if isinstance(text, str) else f"text[{number}]"
        if not isinstance(one, str):
            raise InvalidInput(f"{name} must be a string, not {type(one).__name__}.")
        if not one.strip():
            raise InvalidInput(f"{name} is empty: there is nothing to say.")
    return texts


def _read(response: Response, format: str | None) -> Speech:  # noqa: A002 - the document's own word
    told = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if "json" in told or told.startswith("text/") or _is_json(response.body):
        parse_object(response)  # a refusal under HTTP 200 is raised here (wire-facts C.28)
        raise unexpected(response, "has no sound")
    if not response.body:
        raise unexpected(response, "has no sound: it is empty")
    return _speech([response.body], told, format, None)


def _is_json(body: bytes) -> bool:
    if body[:64].lstrip()[:1] != b"{":
        return False
    try:
        return isinstance(from_json(body), dict)
    except ValueError:  # raw samples may begin like it
        return False


def _speech(sound: Sequence[bytes], told: str, format: str | None, characters: int | None) -> Speech:  # noqa: A002
    form = AudioFormat.of(format, listed_only=False) if format is not None else None
    audio = b"".join(sound)
    seen = sniff(audio[:64]) or ""
    if seen == "audio/wav" or (form is not None and form.container == "wav" and not seen.startswith("audio/")):
        audio, kind = one_wav(sound, form), "audio/wav"
    else:
        kind = _kind(audio, told, form)
    return Speech(audio, kind, form.name if form is not None else None, characters)


def _kind(audio: bytes, told: str, form: AudioFormat | None) -> str:
    """Tell the media type; samples alone may look like anything, so that the form that was asked for goes first."""
    if form is not None and form.container == "pcm":
        return form.content_type
    seen = sniff(audio[:64]) or ""
    if seen.startswith("audio/"):
        return seen
    if told.startswith("audio/"):
        return told
    return form.content_type if form is not None else told or _UNTOLD
