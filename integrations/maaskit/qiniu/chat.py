"""Qiniu's chat: whole and streamed answers, with web search, images and PDF.

The dialect itself stands in ``openai_chat``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Unpack, cast

from maaskit.media import MIB
from maaskit.openai_chat.answer import ChatAnswer, read_answer
from maaskit.openai_chat.request import ChatParams, Message, chat_body, check_params
from maaskit.openai_chat.stream import ChatDelta, ChatStreamReader
from maaskit.openai_chat.traits import soften_tool_choice
from maaskit.wire import Call, Request, Stream

_PATH = "/chat/completions"

MAX_IMAGE_BYTES = 8 * MIB
"""qiniu-api, 图片文字识别推理: "image_url 指向的文件大小不能超过 8MB"; of the decoded content."""

_SEARCH = "?search"


def complete(
    messages: Sequence[Message], model: str, *, search: bool = False, **params: Unpack[ChatParams]
) -> Call[ChatAnswer]:
    """Ask for a whole chat answer.

    Args:
        messages: The conversation; an ``image_url`` part may hold a URL, Media, bytes or a ``pathlib.Path`` of a JPG,
            JPEG, PNG, BMP or PDF of at most 8 MiB.
        model: E.g. ``deepseek-v3``.
        search: Let the model search the web: ``?search`` is added to the model's name, once.
        **params: The fields of ``maaskit.openai_chat.ChatParams``.

    Returns:
        A Call of the answer. What a search adds beyond the text is not documented: unknown fields stay readable in
        ``raw`` and ``choices[0].message``.

    Raises:
        InvalidInput: A value is out of its range, or an image is too large.

    Source:
        qiniu-api, HTTP 调用示例; 联网搜索推理; 图片文字识别推理.
    """
    return Call(_request(messages, model, search, params, stream=False), read_answer)


def stream(
    messages: Sequence[Message], model: str, *, search: bool = False, **params: Unpack[ChatParams]
) -> Stream[ChatDelta]:
    """Ask for a chat answer in pieces.

    Args:
        messages: The conversation; an ``image_url`` part may hold a URL, Media, bytes or a ``pathlib.Path`` of a JPG,
            JPEG, PNG, BMP or PDF of at most 8 MiB.
        model: E.g. ``deepseek-v3``.
        search: Let the model search the web: ``?search`` is added to the model's name, once.
        **params: The fields of ``maaskit.openai_chat.ChatParams``; ``stream_options={"include_usage": True}`` asks for
            the usage.

    Returns:
        A Stream of pieces; the last one carries finish_reason, usage and further fields.

    Raises:
        InvalidInput: A value is out of its range, or an image is too large.

    Source:
        qiniu-api, HTTP 调用示例, ``"stream": true``.
    """
    return Stream(_request(messages, model, search, params, stream=True), ChatStreamReader)


def searching(model: str) -> str:
    """Give the name under which a model searches the web.

    Args:
        model: The model's name, with or without the suffix.

    Returns:
        The name with the suffix ``?search``, once.

    Source:
        qiniu-api, 联网搜索推理: "联网功能通过在模型后面加”?search”来开启".
    """
    return model if model.endswith(_SEARCH) else model + _SEARCH


# Which spelling an upstream understands is not in the document: Qwen's own service has `enable_thinking`, the others
# `thinking.type` (newer copies of the document name both, wire-facts A.2).
_QWEN = re.compile(r"qwen|qwq", re.IGNORECASE)


def _thinking_fields(model: str, enable_thinking: bool) -> dict[str, Any]:  # noqa: FBT001 - the value is the message
    if _QWEN.search(model):
        return {"enable_thinking": enable_thinking}
    return {"thinking": {"type": "enabled" if enable_thinking else "disabled"}}


def _request(
    messages: Sequence[Message],
    model: str,
    search: bool,  # noqa: FBT001 - private
    params: ChatParams,
    *,
    stream: bool,
) -> Request:
    check_params(params, stream=stream)
    fields: dict[str, Any] = dict(params)
    switch = fields.pop("enable_thinking", None)
    name = searching(model) if search and isinstance(model, str) and model.strip() else model
    body = chat_body(messages, name, cast("ChatParams", fields), stream=stream, max_image_bytes=MAX_IMAGE_BYTES)
    if switch is not None:
        for field, value in _thinking_fields(model, switch).items():
            body.setdefault(field, value)
    soften_tool_choice(body)
    return Request("POST", _PATH, json=body)
