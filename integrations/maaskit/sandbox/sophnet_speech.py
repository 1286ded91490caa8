"""SophNet's Text to voice, whole and as a stream: ``POST …/easyllms/voice/synthesize-audio[-stream]``.

Settings are checked in `speech_orders`; sound is made in `speech_making`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from aiohttp import web

from maaskit.sandbox.body_stream import BodyStream
from maaskit.sandbox.dialects import SOPHNET, stream_headers
from maaskit.sandbox.faults import IN_FORCE
from maaskit.sandbox.replies import json_bytes, read_json, require_easyllm, require_project
from maaskit.sandbox.speech_making import SpeechMaker, finish_event, frame_events, read_texts, whole_file
from maaskit.sandbox.speech_orders import SpeechOrder, read_order
from maaskit.sandbox.state import SandboxState, state_of
from maaskit.sandbox.variants import Variants


async def synthesize(request: web.Request) -> web.Response:
    """Answer texts with one sound file.

    Args:
        request: ``{"text": [...], "synthesis_param": {...}, "easyllm_id"}``.

    Returns:
        The file, under the content type of its format.

    Raises:
        RefusalError: Another project or service (404), or a field that the document refuses (400).

    Source:
        SophNet, Text to voice, 非流式接口.
    """
    texts, order = await _read(request)
    state = state_of(request)
    data = await state.work(whole_file, texts, order)
    named = state.variants.speech_type == "by_format"
    return web.Response(body=data, content_type=order.form.content_type if named else "application/octet-stream")


async def synthesize_stream(request: web.Request) -> web.StreamResponse:
    """Answer texts with the frames of one sound file.

    Args:
        request: As for `synthesize`.

    Returns:
        Server-sent events; they have been sent when it is returned.

    Raises:
        RefusalError: As for `synthesize`.

    Source:
        SophNet, Text to voice, 流式接口.
    """
    texts, order = await _read(request)
    state = state_of(request)
    variants = replace(state.variants)
    counted = texts if variants.speech_wav_size == "true" else None
    maker = await state.work(SpeechMaker, order, counted)
    async with BodyStream(request, stream_headers(variants)) as stream:
        async for event in _events(state, maker, texts, variants):
            if stream.error_is_due:
                await stream.event(_line(IN_FORCE.get().error_event, variants))
                return stream.response
            await stream.event(_line(event, variants))
        if SOPHNET.done(variants):
            await stream.event(SOPHNET.line(b"[DONE]", variants))
    return stream.response


async def _read(request: web.Request) -> tuple[list[str], SpeechOrder]:
    if "project_id" in request.match_info:
        require_project(request)
    body = await read_json(request)
    if "project_id" in request.match_info or body.get("easyllm_id") is not None:
        require_easyllm(request, body.get("easyllm_id"))
    texts = read_texts(body.get("text"))
    # 是 in the table's column 必填 for synthesis_param and for its model, whatever default the next column names.
    return texts, read_order(body.get("synthesis_param"), state_of(request).shelf, model_required=True)


async def _events(
    state: SandboxState, maker: SpeechMaker, texts: list[str], variants: Variants
) -> AsyncIterator[dict[str, Any]]:
    for text in texts:
        for frame in await state.work(maker.feed, text):
            for event in frame_events(frame, variants):
                yield event
    last = await state.work(maker.finish)
    ending = last.pop() if variants.speech_finish == "with_audio" and last else None
    for frame in last:
        for event in frame_events(frame, variants):
            yield event
    yield finish_event(maker.characters, variants, ending)


def _line(value: Any, variants: Variants) -> bytes:
    return SOPHNET.line(json_bytes(value), variants)


_VOICE = "easyllms/voice"
ROUTES = [
    ("POST", f"/projects/{{project_id}}/{_VOICE}/synthesize-audio", synthesize),
    ("POST", f"/projects/{{project_id}}/{_VOICE}/synthesize-audio-stream", synthesize_stream),
    # The newer paths, without project.
    ("POST", f"/projects/{_VOICE}/synthesize-audio", synthesize),
    ("POST", f"/projects/{_VOICE}/synthesize-audio-stream", synthesize_stream),
]
