"""``POST .../chat/completions`` of both clouds: from the request to the bytes of the answer.

The clouds' differences are values of `dialects`; the answer is planned by the responder.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from aiohttp import web

from maaskit.sandbox.body_stream import BodyStream
from maaskit.sandbox.chat_chunks import Reply, chunks, whole
from maaskit.sandbox.chat_refs import refs_of
from maaskit.sandbox.chat_rules import check_chat
from maaskit.sandbox.chat_usage import prompt_tokens
from maaskit.sandbox.dialects import Dialect, stream_headers
from maaskit.sandbox.faults import IN_FORCE
from maaskit.sandbox.looking import look
from maaskit.sandbox.models import thinks
from maaskit.sandbox.own_pages import WEB
from maaskit.sandbox.replies import RefusalError, json_bytes, json_reply, read_json
from maaskit.sandbox.responder import Answer, Ask, read_ask, respond
from maaskit.sandbox.state import SandboxState, state_of
from maaskit.sandbox.variants import Variants


async def complete(request: web.Request, dialect: Dialect) -> web.StreamResponse:
    """Answer a chat request, whole or as a stream.

    Args:
        request: The request in hand.
        dialect: The cloud that it came to.

    Returns:
        The response; a stream has been sent when it is returned.

    Raises:
        RefusalError: The documents refuse the request.
    """
    body = await read_json(request)
    reply = await plan(request, body, dialect)
    if body.get("stream"):
        return await _stream(request, reply)
    return json_reply(whole(reply))


async def plan(request: web.Request, body: Mapping[str, Any], dialect: Dialect) -> Reply:
    """Check a chat request and plan the answer to it.

    Args:
        request: The request in hand.
        body: The chat request in it.
        dialect: The cloud that it came to.

    Returns:
        The answer, ready to be written.

    Raises:
        RefusalError: The documents refuse the request.
    """
    state = state_of(request)
    variants = replace(state.variants)
    asked = check_chat(body, dialect, variants)
    pictures, digests = await look(request, asked["messages"], dialect)
    model, searches = dialect.base_model(asked["model"])
    ask = read_ask(asked, pictures, thinks=thinks(model, asked), web_root=state.origin + WEB if searches else None)
    answers = await state.work(_answers, ask, asked.get("n", 1))
    tokens = await state.work(prompt_tokens, asked, pictures, digests)
    _check_length(len(tokens), state)
    cached = await state.work(state.prefixes.visit, model, tokens)
    refs = [refs_of(a.quotes, state) if variants.refs != "none" else [] for a in answers]
    return Reply(
        dialect=dialect,
        variants=variants,
        id=f"chatcmpl-{secrets.token_hex(12)}",
        created=int(time.time()),
        model=_echo(asked["model"], variants),
        answers=answers,
        refs=refs,
        prompt=len(tokens),
        cached=cached,
        top_logprobs=asked.get("top_logprobs", 0) if asked.get("logprobs") else None,
        asks_usage=bool((asked.get("stream_options") or {}).get("include_usage")),
        seed=ask.seed,
    )


def _answers(ask: Ask, number: int) -> list[Answer]:
    return [respond(ask, index) for index in range(number)]


def _check_length(tokens: int, state: SandboxState) -> None:
    if tokens > state.context_tokens:
        message = f"the model's maximum context length is {state.context_tokens} tokens, but the prompt has {tokens}"
        raise RefusalError(400, message, code="context_length_exceeded", param="messages")


def _echo(model: str, variants: Variants) -> str:
    # SophNet's example answers Qwen/Qwen2.5-72B-Instruct to a request for Qwen2.5-72B-Instruct.
    return f"Qwen/{model}" if variants.model_echo == "prefixed" else model


async def _stream(request: web.Request, reply: Reply) -> web.StreamResponse:
    async with BodyStream(request, stream_headers(reply.variants)) as stream:
        for chunk in chunks(reply):
            if stream.error_is_due:
                await stream.event(_event(IN_FORCE.get().error_event, reply))
                return stream.response
            await stream.event(_event(chunk, reply))
            # A breath, so that a client's leaving is noticed and others are served.
            await asyncio.sleep(0)
        if reply.dialect.done(reply.variants):
            await stream.event(reply.dialect.line(b"[DONE]", reply.variants))
    return stream.response


def _event(value: Any, reply: Reply) -> bytes:
    return reply.dialect.line(json_bytes(value), reply.variants)
