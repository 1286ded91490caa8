"""SophNet's speech chat over a socket: ``/projects/{ProjectId}/chat/speech-chat``.

The conversation is held in `speech_chat_talk`.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from aiohttp import WSCloseCode, web

from maaskit.sandbox.replies import RefusalError, require_easyllm, require_project
from maaskit.sandbox.sockets import Socket, converse, require_query_key
from maaskit.sandbox.speech_chat_settings import Settings, default_settings
from maaskit.sandbox.speech_chat_talk import Conversation
from maaskit.sandbox.state import state_of

SCHEME: Final = "bearer "
"""token: 包含“Bearer ”前缀,后跟Apikey."""


async def talk(request: web.Request) -> web.WebSocketResponse:
    """Hold a spoken conversation.

    Args:
        request: The handshake, with ``token``, ``model``, ``asr_easyllm_id`` and ``tts_easyllm_id``.

    Returns:
        The response that aiohttp wants.

    Raises:
        RefusalError: What is asked for is refused, and `Variants.speech_chat_handshake` wants an HTTP error.

    Source:
        SophNet, 语音对话, 连接请求事件说明 and 连接请求事件响应: 0表示成功,非0表示失败.
    """
    try:
        settings = _checked(request)
    except RefusalError as refusal:
        if state_of(request).variants.speech_chat_handshake == "http":
            raise
        return await converse(request, partial(_refuse, refusal=refusal))
    return await converse(request, partial(_talk, settings=settings))


def _checked(request: web.Request) -> Settings:
    if not request.query.get("token", "").lower().startswith(SCHEME):
        raise RefusalError(
            401, 'token is required and must begin with "Bearer "', code="invalid_api_key", param="token"
        )
    require_query_key(request, "token")
    require_project(request)
    for kind in ("asr", "tts"):
        try:
            require_easyllm(request, request.query.get(f"{kind}_easyllm_id"))
        except RefusalError as refusal:
            message = f"{kind}_{refusal.message}"
            raise RefusalError(refusal.status, message, code=refusal.code, param=f"{kind}_easyllm_id") from None
    return default_settings(request.query.get("model", ""), state_of(request))


async def _refuse(socket: Socket, *, refusal: RefusalError) -> None:
    await socket.send_json({"status": refusal.status, "message": refusal.message, "event_type": "chat.created"})
    await socket.close(WSCloseCode.POLICY_VIOLATION, refusal.message)


async def _talk(socket: Socket, *, settings: Settings) -> None:
    await Conversation(socket, settings, socket.request.query["model"]).run()


ROUTES = [("GET", "/projects/{project_id}/chat/speech-chat", talk)]
