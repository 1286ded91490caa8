"""SophNet's voice cloning: ``/projects/easyllms/voice/upload``, ``…/voice/{easyllmId}``, ``…/voice/remove``.

Voices are kept on the `voice_shelf`; what they say is spoken through `speech_orders`.
"""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from maaskit.sandbox.engines import CannotRead, audio, containers
from maaskit.sandbox.engines.sound import Sound
from maaskit.sandbox.engines.voices import Voice
from maaskit.sandbox.forms import Part, json_part, read_form
from maaskit.sandbox.replies import RefusalError, envelope, json_reply, read_json, require_easyllm
from maaskit.sandbox.speech_orders import SPEECH_MODELS
from maaskit.sandbox.state import state_of
from maaskit.sandbox.voice_shelf import MAX_VOICES, ClonedVoice

MAX_RECORDING_S: Final = 60
MAX_RECORDING_BYTES: Final = 10 * 1024 * 1024
"""不得超过60s,文件不得超过10MB: the limits themselves are let in."""

MEASURED_RATE: Final = 16_000
MEDIAN_TO_BASE: Final = 1.23
"""A voice of the sandbox is by so much higher, in the median over a sentence, than its lowest pitch (measured)."""

REQUEST: Final = "tts_speaker_voice_generate_req"


async def create(request: web.Request) -> web.Response:
    """Make a voice of a recording; it speaks at the pitch of the recording.

    Args:
        request: A form with ``audio_file`` and the JSON part ``tts_speaker_voice_generate_req``.

    Returns:
        ``{"status": 0, "message", "result": null, "timestamp"}``; the voice's id is found in the list.

    Raises:
        RefusalError: Another service (404), a form or recording that the document refuses (400), or one voice too
            many (400).

    Source:
        SophNet, 音色创建: 建议10-20s,不得超过60s,文件不得超过10MB … 单个组织下最多能创建100个音色.
    """
    form = await read_form(request)
    order = json_part(form, REQUEST)
    require_easyllm(request, order.get("easyllm_id"))
    model = _model(order.get("model"), f"{REQUEST}.model")
    _text(order.get("prompt_text"), f"{REQUEST}.prompt_text")
    name, des = (_text_or_none(order.get(field), f"{REQUEST}.{field}") for field in ("name", "des"))
    data = _recording(form.get("audio_file"))
    state = state_of(request)
    voice = await state.work(_measured, data)
    if state.shelf.is_full:
        message = f"the organisation has {MAX_VOICES} voices, the most there may be: remove one first"
        raise RefusalError(400, message, code="too_many_voices")
    state.shelf.add(voice, model=model, name=name, des=des)
    return json_reply(envelope(0, "请求成功"))


async def list_voices(request: web.Request) -> web.Response:
    """List the voices of a service.

    Args:
        request: A GET whose path ends with the service's id.

    Returns:
        The envelope with ``[{"model", "des", "name", "voice_id", "bucket_name", "file_name", "last_used_at"}]``.

    Raises:
        RefusalError: Another service (404).

    Source:
        SophNet, 音色查询.
    """
    require_easyllm(request, request.match_info["easyllm_id"])
    voices = [_entry(voice) for voice in state_of(request).shelf.voices]
    return json_reply(envelope(0, "请求成功", voices))


async def remove(request: web.Request) -> web.Response:
    """Remove a voice, so that it speaks no more.

    Args:
        request: A DELETE with ``{"easyllm_id", "model", "voice_id"}``.

    Returns:
        ``{"status": 0, "message", "result": null, "timestamp"}``.

    Raises:
        RefusalError: Another service or no such voice (404), or a field that is missing (400).

    Source:
        SophNet, 音色删除.
    """
    body = await read_json(request)
    require_easyllm(request, body.get("easyllm_id"))
    model = _model(body.get("model"), "model")
    voice_id = _text(body.get("voice_id"), "voice_id")
    if not state_of(request).shelf.remove(voice_id, model):
        raise RefusalError(404, f"{model} has no such voice", code="voice_not_found", param="voice_id")
    return json_reply(envelope(0, "请求成功"))


def _recording(part: Part | None) -> bytes:
    if part is None or part.filename is None:
        raise _refusal("audio_file", "is required, as a file with a name")
    if len(part.data) > MAX_RECORDING_BYTES:
        limit = MAX_RECORDING_BYTES // 2**20
        raise _refusal("audio_file", f"has {len(part.data)} bytes; it may have {limit} MB at most")
    return part.data


def _measured(data: bytes) -> Voice:
    try:
        sound: Sound = containers.decode(data, MEASURED_RATE)
    except CannotRead as error:
        raise _refusal("audio_file", f"cannot be read: {error}") from error
    if sound.duration_ms > MAX_RECORDING_S * 1000:
        seconds = sound.duration_ms / 1000
        raise _refusal("audio_file", f"lasts {seconds:.1f} s; it may last {MAX_RECORDING_S} s at most")
    pitch = audio.pitch_hz(sound)
    if pitch is None:
        raise _refusal("audio_file", "has no voice in it")
    return Voice(pitch / MEDIAN_TO_BASE)


def _model(value: Any, place: str) -> str:
    if value not in SPEECH_MODELS:
        raise _refusal(place, f"is required, one of {', '.join(SPEECH_MODELS)}")
    return str(value)


def _text(value: Any, place: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _refusal(place, "is required and must be a string that is not blank")
    return value


def _text_or_none(value: Any, place: str) -> str | None:
    if value is not None and not isinstance(value, str):
        raise _refusal(place, "must be a string")
    return value


def _entry(voice: ClonedVoice) -> dict[str, Any]:
    return {
        "model": voice.model,
        "des": voice.des,
        "name": voice.name,
        "voice_id": voice.voice_id,
        "bucket_name": None,
        "file_name": None,
        "last_used_at": voice.last_used_at,
    }


def _refusal(param: str, what: str) -> RefusalError:
    return RefusalError(400, f"{param} {what}", code="invalid_parameter", param=param)


ROUTES = [
    ("POST", "/projects/easyllms/voice/upload", create),
    ("GET", "/projects/easyllms/voice/{easyllm_id}", list_voices),
    ("DELETE", "/projects/easyllms/voice/remove", remove),
]
