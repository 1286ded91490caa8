"""SophNet's Chat completions + Text to voice: ``POST /v1/chat/completions-with-voice-output``.

The answer is written and spoken in `spoken_answers`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

from aiohttp import web

from maaskit.sandbox.body_stream import BodyStream
from maaskit.sandbox.chat import plan
from maaskit.sandbox.chat_rules import refused
from maaskit.sandbox.dialects import SOPHNET, stream_headers
from maaskit.sandbox.faults import IN_FORCE
from maaskit.sandbox.replies import json_bytes, read_json, require_easyllm
from maaskit.sandbox.speech_orders import read_order
from maaskit.sandbox.spoken_answers import spoken
from maaskit.sandbox.state import state_of
from maaskit.sandbox.studio_fields import object_of
from maaskit.sandbox.variants import Variants


async def complete(request: web.Request) -> web.StreamResponse:
    """Answer a chat request in text and sound.

    Args:
        request: ``{"chat_completion_req": {...}, "speech_synthesis_req": {"easyllm_id", "synthesis_param"}}``.

    Returns:
        A stream of lines, one JSON object on each; it has been sent when it is returned.

    Raises:
        RefusalError: Another service (404), or a field that the document refuses (400).

    Source:
        SophNet, Chat completions + Text to voice: 会返回两类消息,分别是Chat completions响应消息和Text to voice响应消息.
    """
    body = await read_json(request)
    state = state_of(request)
    chat, speech = (object_of(body, name, required=True) for name in ("chat_completion_req", "speech_synthesis_req"))
    if chat.get("stream") is not True:  # 仅支持流式
        raise refused(
            "chat_completion_req.stream", "chat_completion_req.stream must be true: only streams are supported"
        )
    if speech.get("stream") not in (None, True):
        raise refused("speech_synthesis_req.stream", "speech_synthesis_req.stream must be true")
    require_easyllm(request, speech.get("easyllm_id"))
    place = "speech_synthesis_req.synthesis_param"
    order = read_order(speech.get("synthesis_param"), state.shelf, place=place)
    reply = await plan(request, chat, SOPHNET)
    async with BodyStream(request, stream_headers(reply.variants)) as stream:
        async with aclosing(spoken(reply, order, state)) as events:
            async for event in events:
                if stream.error_is_due:
                    await stream.event(_line(IN_FORCE.get().error_event, reply.variants))
                    return stream.response
                await stream.event(_line(event, reply.variants))
                await asyncio.sleep(0)  # a breath, so that a client's leaving is noticed
        if SOPHNET.done(reply.variants):
            await stream.event(SOPHNET.line(b"[DONE]", reply.variants))
    return stream.response


def _line(value: Mapping[str, Any], variants: Variants) -> bytes:
    """Write an event: by default on a bare line, as the document's example has it."""
    data = json_bytes(value)
    return data + b"\n" if variants.sse_prefix == "cloud" else SOPHNET.line(data, variants)


ROUTES = [("POST", "/v1/chat/completions-with-voice-output", complete)]
