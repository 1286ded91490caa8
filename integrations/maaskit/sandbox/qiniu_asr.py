"""Qiniu's ``POST /v1/voice/asr``: a sound behind a URL becomes text.

What comes over the socket of the same path is `qiniu_asr_socket`'s business; words are heard by
`engines.recognition`.
"""

from __future__ import annotations

import io
import re
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from aiohttp import web

from maaskit.sandbox.engines import CannotRead, containers
from maaskit.sandbox.engines.recognition import recognise
from maaskit.sandbox.fetch import fetch
from maaskit.sandbox.replies import RefusalError, json_reply, read_json
from maaskit.sandbox.state import state_of
from maaskit.sandbox.variants import Variants

MODEL: Final = "asr"
FORMATS: Final = ("raw", "wav", "mp3", "ogg")
"""音频容器格式支持: raw / wav / mp3 / ogg."""

RATE: Final = 16_000
BYTES_PER_MS: Final = RATE // 1000 * 2
"""``raw`` is what the document's microphone program sends: 16 kHz, 16 bits, one channel."""

BLOCK_BYTES: Final = 32_000

PLACES: Final[Mapping[str, Callable[[Any, str], dict[str, Any]]]] = MappingProxyType(
    {
        "data_result": lambda result, _: {"data": {"result": result}},
        "result": lambda result, _: {"result": result},
        "data": lambda _, text: {"data": {"text": text}},
        "top": lambda _, text: {"text": text},
    }
)
"""Where the text stands, by the name that `Variants.asr_text` takes."""


async def transcribe(request: web.Request) -> web.Response:
    """Answer a sound with what is said in it.

    Args:
        request: ``{"model": "asr", "audio": {"format", "url"}}``.

    Returns:
        ``{"reqid", "operation": "asr", "data": {"audio_info": {"duration"}, "result": {"additions", "text"}}}``;
        one duration is a number of milliseconds and the other one a string of it.

    Raises:
        RefusalError: Another model, another format, a URL that cannot be fetched, or data that is no sound of that
            format (400).

    Source:
        Qiniu, *语音文字识别*, *API使用方式*; the answer from the newer page 12981.
    """
    body = await read_json(request)
    form, url = _order(body)
    state = state_of(request)
    data = await fetch(url, param="audio.url", own=state.own_file)
    gone = threading.Event()
    try:
        text, duration_ms = await state.work(_heard, data, form, gone)
    except CannotRead as error:
        raise _refusal("audio.url", f"audio.url: {error}") from error
    finally:
        gone.set()  # nobody waits any more for what a thread still listens to
    return json_reply(_answer(text, duration_ms, state.variants))


def _order(body: Mapping[str, Any]) -> tuple[str, str]:
    if body.get("model") != MODEL:
        raise _refusal("model", f'model is required and must be "{MODEL}"')
    audio = body.get("audio")
    if not isinstance(audio, dict):
        raise _refusal("audio", 'audio is required and must be an object with "format" and "url"')
    form, url = audio.get("format"), audio.get("url")
    if form not in FORMATS:
        raise _refusal("audio.format", f"audio.format is required, one of {', '.join(FORMATS)}")
    if not isinstance(url, str) or not re.match(r"(?i)https?://", url):
        raise _refusal("audio.url", "audio.url is required and must be an http(s) URL")
    return form, url


def _heard(data: bytes, form: str, gone: threading.Event) -> tuple[str, int]:
    length = 0

    def blocks() -> Iterator[bytes]:
        nonlocal length
        for block in _samples(data, form):
            if gone.is_set():
                return
            length += len(block)
            yield block

    text = " ".join(sentence.text for sentence in recognise(blocks()))
    return text, length // BYTES_PER_MS


def _samples(data: bytes, form: str) -> Iterator[bytes]:
    if form == "raw":
        yield from (data[at : at + BLOCK_BYTES] for at in range(0, len(data), BLOCK_BYTES))
        return
    found = containers.name_of(data)
    if form != found:
        raise CannotRead(f"audio.format says {form}, but the data is {found}")
    yield from containers.blocks(io.BytesIO(data), RATE)


def _answer(text: str, duration_ms: int, variants: Variants) -> dict[str, Any]:
    result: Any = {"additions": {"duration": str(duration_ms)}, "text": text}
    if variants.asr_result == "list":
        result = [result]
    placed = PLACES[variants.asr_text](result, text)
    info = {"audio_info": {"duration": duration_ms}}
    if isinstance(placed.get("data"), dict):
        placed["data"] = {**info, **placed["data"]}
    else:
        placed = {**info, **placed}
    return {"reqid": secrets.token_hex(16), "operation": "asr", **placed}


def _refusal(param: str, message: str) -> RefusalError:
    return RefusalError(400, message, code="invalid_parameter", param=param)


ROUTES = [("POST", "/voice/asr", transcribe)]
