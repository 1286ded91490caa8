"""SophNet's Speech to text over a socket: ``/projects/{ProjectId}/easyllms/stream-speech``.

What is said is understood in `hearing`; the plumbing of sockets is in `sockets`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from aiohttp import WSCloseCode, web

from maaskit.sandbox.engines import CannotRead
from maaskit.sandbox.engines.recognition import Sentence
from maaskit.sandbox.hearing import Hearing, sentence_event, stream_settings
from maaskit.sandbox.inbox import Inbox
from maaskit.sandbox.patience import Patience
from maaskit.sandbox.replies import RefusalError, require_easyllm, require_project
from maaskit.sandbox.sockets import Socket, converse, require_query_key
from maaskit.sandbox.state import state_of

BYE: Final = "BYE"
"""发送一个字符串"BYE"来主动关闭连接."""

PIECE_BYTES: Final = 32_000
"""A second at 16 kHz."""


async def listen(request: web.Request) -> web.WebSocketResponse:
    """Recognise what comes over a socket.

    Args:
        request: The handshake, with ``easyllm_id``, ``apikey``, ``format``, ``sample_rate`` and ``heartbeat``.

    Returns:
        The response that aiohttp wants.

    Raises:
        RefusalError: What is asked for is refused, and `Variants.stream_refusal` wants an HTTP error.

    Source:
        SophNet, 流式Speech to text: 连接成功返回'ok',失败则直接关闭连接.
    """
    try:
        form, rate, silence_counts = _checked(request)
    except RefusalError as refusal:
        if state_of(request).variants.stream_refusal == "http":
            raise
        return await converse(request, partial(_refuse, refusal=refusal))
    return await converse(request, partial(_listen, form=form, rate=rate, silence_counts=silence_counts))


def _checked(request: web.Request) -> tuple[str, int, bool]:
    require_query_key(request, "apikey")
    if "project_id" in request.match_info:
        require_project(request)
    if "project_id" in request.match_info or "easyllm_id" in request.query:
        require_easyllm(request, request.query.get("easyllm_id"))
    form, rate = stream_settings(request.query)
    heartbeat = request.query.get("heartbeat")
    if heartbeat not in ("true", "false"):
        raise RefusalError(400, "heartbeat is required, true or false", code="invalid_parameter", param="heartbeat")
    return form, rate, heartbeat == "true"


async def _refuse(socket: Socket, *, refusal: RefusalError) -> None:
    if state_of(socket.request).variants.stream_refusal == "reason":
        await socket.close(WSCloseCode.POLICY_VIOLATION, refusal.message)


async def _listen(socket: Socket, *, form: str, rate: int, silence_counts: bool) -> None:
    await socket.send_json({"status": "ok"})
    hearing = Hearing(form, rate)
    try:
        async with Inbox(socket) as inbox:
            await _take(socket, inbox, hearing, silence_counts=silence_counts)
    except CannotRead as error:
        await socket.close(WSCloseCode.INVALID_TEXT, str(error))
    finally:
        # A thread that decodes is waited for there, while this conversation may have been cancelled.
        state_of(socket.request).ears.submit(hearing.close)


async def _take(socket: Socket, inbox: Inbox, hearing: Hearing, *, silence_counts: bool) -> None:
    state = state_of(socket.request)
    patience = Patience(inbox.receive, state.socket_idle_s)
    patience.start_listening()
    while (message := await patience.receive()) is not None:
        if message == BYE:
            await _tell(socket, await state.hear(hearing.finish))
            return
        for piece in _pieces(message):
            found = await state.hear(hearing.feed, piece, is_live=not inbox.has_more)
            if found or silence_counts:  # 若为false即使发送静音音频也会在60s后超时关闭连接
                patience.start_listening()
            await _tell(socket, found)


def _pieces(message: str | bytes) -> Iterator[bytes]:
    """Cut a large message, so that results come while it is listened to, and leaving ends that; texts are no sound."""
    if isinstance(message, bytes):
        for at in range(0, len(message), PIECE_BYTES):
            yield message[at : at + PIECE_BYTES]


async def _tell(socket: Socket, sentences: list[Sentence]) -> None:
    for sentence in sentences:
        await socket.send_json(sentence_event(sentence, state_of(socket.request).variants))


_PATH: Final = "easyllms/stream-speech"
ROUTES = [
    ("GET", f"/projects/{{project_id}}/{_PATH}", listen),
    ("GET", f"/projects/{_PATH}", listen),  # the newer path, without project and service
]
