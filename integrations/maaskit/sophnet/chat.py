"""SophNet's chat: whole and streamed answers of every model behind ``/v1/chat/completions``.

The dialect itself stands in ``openai_chat``, the table of models in ``profiles``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack, cast

from maaskit.errors import InvalidInput
from maaskit.openai_chat.answer import ChatAnswer, read_answer
from maaskit.openai_chat.request import ChatParams, Message, chat_body, check_model, check_params, mentions_json
from maaskit.openai_chat.stream import ChatDelta, ChatStreamReader
from maaskit.openai_chat.traits import soften_tool_choice
from maaskit.sophnet.profiles import UnsupportedParams, apply_policy, check_thinking, thinking_fields
from maaskit.wire import Call, Request, Stream

# The multimodal sample posts to /projects/v1/chat/completions: a slip; every other place says /v1/chat/completions.
_PATH = "/v1/chat/completions"


def complete(
    messages: Sequence[Message],
    model: str,
    *,
    unsupported_params: UnsupportedParams = "warn",
    **params: Unpack[ChatParams],
) -> Call[ChatAnswer]:
    """Ask for a whole chat answer.

    Args:
        messages: The conversation in the document's form; image parts may hold Media, bytes or a ``pathlib.Path``.
        model: E.g. ``DeepSeek-v3``; names are case-sensitive.
        unsupported_params: What happens to a field that the document's table denies to the model.
        **params: The fields of ``maaskit.openai_chat.ChatParams``.

    Returns:
        A Call of the answer.

    Raises:
        InvalidInput: A value is out of its documented range.

    Source:
        sophnet-api, Chat completions.
    """
    return Call(_request(messages, model, unsupported_params, params, stream=False), read_answer)


def stream(
    messages: Sequence[Message],
    model: str,
    *,
    unsupported_params: UnsupportedParams = "warn",
    **params: Unpack[ChatParams],
) -> Stream[ChatDelta]:
    """Ask for a chat answer in pieces.

    Args:
        messages: The conversation in the document's form; image parts may hold Media, bytes or a ``pathlib.Path``.
        model: E.g. ``DeepSeek-v3``; names are case-sensitive.
        unsupported_params: What happens to a field that the document's table denies to the model.
        **params: The fields of ``maaskit.openai_chat.ChatParams``. Usage is read when it comes; the document does not
            know ``stream_options``, so it is sent only when it is given.

    Returns:
        A Stream of pieces; the last one carries finish_reason, usage and references.

    Raises:
        InvalidInput: A value is out of its documented range.

    Source:
        sophnet-api, Chat completions, "stream 是否以流式接口的形式返回数据".
    """
    return Stream(_request(messages, model, unsupported_params, params, stream=True), ChatStreamReader)


def _request(
    messages: Sequence[Message], model: str, policy: UnsupportedParams, params: ChatParams, *, stream: bool
) -> Request:
    return Request("POST", _PATH, json=written_body(messages, model, policy, params, stream=stream))


def written_body(
    messages: Sequence[Message], model: str, policy: UnsupportedParams, params: ChatParams, *, stream: bool
) -> dict[str, Any]:
    """Write the body of a chat request, which chat with voice output sends as a part of its own.

    Args:
        messages: The conversation.
        model: The model.
        policy: What happens to a field that the document's table denies to the model.
        params: The fields.
        stream: Whether the answer shall come in pieces.

    Returns:
        The body, checked.

    Raises:
        InvalidInput: A value is out of its documented range.
    """
    fields = written_fields(model, policy, params, stream=stream)
    body = chat_body(messages, model, cast("ChatParams", fields), stream=stream)
    _check_format(body)
    soften_tool_choice(body)
    return body


def written_fields(model: str, policy: UnsupportedParams, params: ChatParams, *, stream: bool) -> dict[str, Any]:
    """Check the fields of a chat request, and write them as the model wants them.

    Args:
        model: The model.
        policy: What happens to a field that the document's table denies to the model.
        params: The fields.
        stream: Whether the answer shall come in pieces.

    Returns:
        The fields.

    Raises:
        InvalidInput: A value is out of its documented range.
    """
    check_model(model)
    check_params(params, stream=stream)
    check_thinking(params.get("thinking"))
    fields: dict[str, Any] = apply_policy(model, dict(params), policy)
    switch = fields.pop("enable_thinking", None)
    if switch is not None:
        for name, value in thinking_fields(model, switch).items():
            fields.setdefault(name, value)
    return fields


def _check_format(body: dict[str, Any]) -> None:
    response_format = body.get("response_format")
    if not isinstance(response_format, Mapping):
        return  # unset, or the caller's own in extra_body
    if response_format.get("type") == "json_schema":
        raise InvalidInput(
            'SophNet documents response_format {"type": "text"} and {"type": "json_object"} only; '
            "put the schema into the prompt and ask for json_object."
        )
    if response_format.get("type") == "json_object" and not mentions_json(body["messages"]):
        # The document: "使用 JSON 模式时,您还必须通过系统或用户消息提示模型自行生成JSON"
        raise InvalidInput("With response_format json_object a system or user message must ask for JSON.")
