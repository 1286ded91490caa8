"""SophNet's Speech to text at once: ``POST …/easyllms/speechtotext/non-stream``.

Recordings of other kinds than WAV, and long ones, are for the task of `sophnet_transcription`.
"""

from __future__ import annotations

import io
import threading
from typing import Any

from aiohttp import web

from maaskit.sandbox.engines import CannotRead, conversations, wav
from maaskit.sandbox.engines.conversations import Heard
from maaskit.sandbox.fetch import fetch, is_web_url
from maaskit.sandbox.replies import RefusalError, json_reply, read_json, require_easyllm, require_project
from maaskit.sandbox.state import state_of


async def transcribe(request: web.Request) -> web.Response:
    """Answer a recording with its text.

    Args:
        request: ``{"audio_url", "easyllm_id", "speech_recognition_param": {"model", "sample_rate", "format"}}``.

    Returns:
        ``{"result": text, "audio_duration": seconds}``.

    Raises:
        RefusalError: Another project or service (404), a field that the document refuses, or a recording that cannot
            be fetched or is no WAV (400).

    Source:
        SophNet, 非流式同步Speech to text: 支持的音频格式:wav. A ``model`` changes nothing: 仅支持内部默认模型,不可选择.
    """
    if "project_id" in request.match_info:
        require_project(request)
    body = await read_json(request)
    if "project_id" in request.match_info or body.get("easyllm_id") is not None:
        require_easyllm(request, body.get("easyllm_id"))
    url = body.get("audio_url")
    if not isinstance(url, str) or not is_web_url(url):
        raise _refusal("audio_url", "is required and must be an http(s) URL")
    _check_param(body.get("speech_recognition_param"))
    state = state_of(request)
    data = await fetch(url, param="audio_url", own=state.own_file)
    if not wav.is_wav(data):
        raise _refusal("audio_url", "leads to no WAV file, the one kind that is recognised at once")
    gone = threading.Event()
    try:
        heard = await state.hear(_heard, data, gone)
    except CannotRead as error:
        raise _refusal("audio_url", f"cannot be read: {error}") from error
    finally:
        gone.set()
    text = " ".join(line.text for line in heard.lines)
    return json_reply({"result": text, "audio_duration": heard.duration_ms / 1000})


def _heard(data: bytes, gone: threading.Event) -> Heard:
    def check() -> None:
        if gone.is_set():
            raise CannotRead("nobody waits for it")

    return conversations.listen(io.BytesIO(data), check)


def _check_param(param: Any) -> None:
    if param is None:
        return
    if not isinstance(param, dict):
        raise _refusal("speech_recognition_param", "must be an object")
    model, rate, form = (param.get(name) for name in ("model", "sample_rate", "format"))
    if model is not None and not isinstance(model, str):
        raise _refusal("speech_recognition_param.model", "must be a string")
    if rate is not None and (not isinstance(rate, int) or isinstance(rate, bool) or rate <= 0):
        raise _refusal("speech_recognition_param.sample_rate", "must be a whole number above 0")
    if form is not None and form != "wav":
        raise _refusal("speech_recognition_param.format", "must be wav")


def _refusal(param: str, what: str) -> RefusalError:
    return RefusalError(400, f"{param} {what}", code="invalid_parameter", param=param)


_PATH = "easyllms/speechtotext/non-stream"
ROUTES = [
    ("POST", f"/projects/{{project_id}}/{_PATH}", transcribe),
    ("POST", f"/projects/{_PATH}", transcribe),  # the newer path
]
