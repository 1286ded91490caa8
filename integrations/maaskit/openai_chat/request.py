"""The body of a chat request, and the checks that hold for both clouds.

A provider's own limits stand with the provider; frameworks' messages are translated before they come here.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias, TypedDict

from maaskit.errors import InvalidInput
from maaskit.media import MIB, Media, check_kind, checked_url, too_large

Message: TypeAlias = Mapping[str, Any]
"""One message in the documents' own form: ``role``, ``content`` (text or parts), ``tool_calls``, ``tool_call_id`` …
The ``url`` of an ``image_url`` part may also be Media, bytes or a ``pathlib.Path``."""

_ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
_GENERIC_IMAGE_LIMIT = 64 * MIB
# With line ends and the letters of the form for URLs: what the service makes of those is its own business.
_BASE64_LETTERS = (string.ascii_letters + string.digits + "+/-_=" + string.whitespace).encode()
_DATA_URL_HEAD = re.compile(r"data:([^;,]*)(?:;[^;,]*)*;base64,", re.IGNORECASE)


class ChatParams(TypedDict, total=False):
    """Name the fields of a chat request; all are optional, and an unset one is not sent.

    Attributes:
        tools: Functions that the model may call: ``{"type": "function", "function": {...}}``.
        tool_choice: ``auto``, ``none``, ``required``, or ``{"type": "function", "function": {"name": ...}}``.
        parallel_tool_calls: Whether several calls may come in one answer.
        max_tokens: Longest answer, in tokens, at least 1.
        temperature: 0 to 2.0; the service's default is 1.0.
        top_p: 0 to 1; the service's default is 1.0.
        stop: Up to 4 strings that end the answer.
        seed: For repeatable answers, where the model supports it.
        n: How many answers; more than 1 cannot be streamed.
        presence_penalty: -2.0 to 2.0.
        frequency_penalty: -2.0 to 2.0.
        logprobs: Whether log probabilities are wanted.
        top_logprobs: 0 to 20; only together with ``logprobs``.
        response_format: ``{"type": "text"}``, ``{"type": "json_object"}`` and, where the cloud has it, ``json_schema``.
        enable_thinking: Switch thinking on or off; it is written in the form that the model wants.
        thinking: The literal field ``thinking``, e.g. ``{"type": "enabled"}``.
        chat_template_kwargs: The literal field, e.g. ``{"enable_thinking": True}``.
        stream_options: E.g. ``{"include_usage": True}``; only with a stream.
        user: An id of the end user.
        extra_body: Further fields, written as they are; they win over the others.
    """

    tools: Sequence[Mapping[str, Any]] | None
    tool_choice: str | Mapping[str, Any] | None
    parallel_tool_calls: bool | None
    max_tokens: int | None
    temperature: float | None
    top_p: float | None
    stop: str | Sequence[str] | None
    seed: int | None
    n: int | None
    presence_penalty: float | None
    frequency_penalty: float | None
    logprobs: bool | None
    top_logprobs: int | None
    response_format: Mapping[str, Any] | None
    enable_thinking: bool | None
    thinking: Mapping[str, Any] | None
    chat_template_kwargs: Mapping[str, Any] | None
    stream_options: Mapping[str, Any] | None
    user: str | None
    extra_body: Mapping[str, Any] | None


PARAMETER_NAMES = frozenset(ChatParams.__annotations__)


def chat_body(
    messages: Sequence[Message],
    model: str,
    params: ChatParams,
    *,
    stream: bool,
    max_image_bytes: int | None = None,
) -> dict[str, Any]:
    """Build the body of a chat request.

    Args:
        messages: The conversation, at least one message.
        model: The model's name, passed on as it is.
        params: The other fields; ``enable_thinking`` must have been translated by the provider.
        stream: Whether the answer shall come in pieces.
        max_image_bytes: Largest image or PDF, decoded, in bytes.

    Returns:
        The body.

    Raises:
        InvalidInput: A value is of the wrong shape or out of its range; the message names it.
    """
    check_model(model)
    check_params(params, stream=stream)
    body: dict[str, Any] = {"messages": chat_messages(messages, max_image_bytes), "model": model}
    if stream:
        body["stream"] = True
    for name, value in params.items():
        if value is not None and name not in ("extra_body", "enable_thinking"):
            body[name] = list(value) if isinstance(value, tuple) else value
    if isinstance(body.get("stop"), str):
        body["stop"] = [body["stop"]]  # both documents want an array
    body.update(params.get("extra_body") or {})
    return body


def check_model(model: Any) -> None:
    """Refuse what is no model's name.

    Args:
        model: The name.

    Raises:
        InvalidInput: It is no string, or empty.
    """
    if not isinstance(model, str) or not model.strip():
        raise InvalidInput("model must be the non-empty name of a model.")


def check_params(params: ChatParams, *, stream: bool) -> None:
    """Refuse parameters of the wrong shape or out of their range.

    Args:
        params: The fields.
        stream: Whether the answer shall come in pieces.

    Raises:
        InvalidInput: The message names the field, its limit and what was given.
    """
    unknown = sorted(set(params) - PARAMETER_NAMES)
    if unknown:
        raise InvalidInput(
            f"Unknown chat field {', '.join(unknown)}; fields that no document lists go into extra_body."
        )
    _number(params, "temperature", 0, 2.0)
    _number(params, "top_p", 0, 1.0)
    _number(params, "presence_penalty", -2.0, 2.0)
    _number(params, "frequency_penalty", -2.0, 2.0)
    _whole(params, "max_tokens", 1)
    _whole(params, "n", 1)
    _whole(params, "seed", None)
    _whole(params, "top_logprobs", 0, 20)
    for name in ("logprobs", "parallel_tool_calls", "enable_thinking"):
        value = params.get(name)
        if value is not None and not isinstance(value, bool):
            raise InvalidInput(f"{name} must be True or False, not {value!r}.")
    for name in ("thinking", "chat_template_kwargs", "stream_options", "extra_body"):
        value = params.get(name)
        if value is not None and not isinstance(value, Mapping):
            raise InvalidInput(f"{name} must be a mapping, not {type(value).__name__}.")
    if params.get("top_logprobs") is not None and not params.get("logprobs"):
        # sophnet-api: "仅当 logprobs为true 时可以设置 top_logprobs 参数"
        raise InvalidInput("top_logprobs may only be set together with logprobs=True.")
    if stream and (params.get("n") or 1) > 1:
        raise InvalidInput("A stream carries one answer: n must be 1 (or ask without streaming).")
    _check_stop(params.get("stop"))
    _check_tools(params)
    _check_format(params.get("response_format"))


def chat_messages(messages: Sequence[Message], max_image_bytes: int | None = None) -> list[dict[str, Any]]:
    """Check a conversation and write its images as URLs.

    Args:
        messages: The conversation.
        max_image_bytes: Largest image or PDF, decoded, in bytes.

    Returns:
        The conversation for the wire; the caller's own is not changed.

    Raises:
        InvalidInput: It is empty, a message is of no known shape, or an image is too large or no image.
    """
    if isinstance(messages, str | bytes | Mapping) or not isinstance(messages, Sequence) or not messages:
        raise InvalidInput('messages must be a non-empty list such as [{"role": "user", "content": "你好"}].')
    return [_message(message, number, max_image_bytes) for number, message in enumerate(messages)]


def mentions_json(messages: Sequence[Message]) -> bool:
    """Tell whether anybody who may ask for JSON does so.

    Args:
        messages: The conversation.

    Returns:
        Whether the word stands in a text of a system, developer or user message; what the model or a tool said asks for
        nothing.

    Source:
        sophnet-api, Chat completions, response_format: "必须通过系统或用户消息提示模型自行生成JSON".
    """
    known = [message for message in messages if isinstance(message, Mapping)] if isinstance(messages, Sequence) else ()
    asking = (message for message in known if message.get("role") in ("system", "developer", "user"))
    return any("json" in text.lower() for message in asking for text in _texts(message.get("content")))


def _texts(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content]
    if not isinstance(content, list | tuple):
        return []
    return [part["text"] for part in content if isinstance(part, Mapping) and isinstance(part.get("text"), str)]


def _message(message: Message, number: int, max_image_bytes: int | None) -> dict[str, Any]:
    role = message.get("role") if isinstance(message, Mapping) else None
    if not isinstance(role, str) or role not in _ROLES:
        raise InvalidInput(f"messages[{number}] must be a mapping with a role of {', '.join(sorted(_ROLES))}.")
    written = dict(message)
    content = written.get("content")
    if isinstance(content, list | tuple):
        if not content:
            raise InvalidInput(f"messages[{number}] has an empty list as its content.")
        written["content"] = [
            _part(part, f"messages[{number}].content[{place}]", max_image_bytes) for place, part in enumerate(content)
        ]
    elif content is not None and not isinstance(content, str):
        raise InvalidInput(f"messages[{number}].content must be text or a list of parts.")
    elif content is None and written["role"] in ("user", "system", "tool"):
        raise InvalidInput(f"messages[{number}] ({written['role']}) has no content.")
    if written["role"] == "tool" and not written.get("tool_call_id"):
        raise InvalidInput(f"messages[{number}] is a tool message without tool_call_id.")
    return written


def _part(part: Any, where: str, max_image_bytes: int | None) -> dict[str, Any]:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    if not isinstance(part, Mapping) or not isinstance(part.get("type"), str):
        raise InvalidInput(f"{where} must be a mapping with a type.")
    if part["type"] != "image_url":
        return dict(part)
    image = part.get("image_url")
    detail: dict[str, Any] = {}
    if isinstance(image, Mapping):
        detail = {name: value for name, value in image.items() if name != "url"}
        image = image.get("url")
    url = _image_url(image, f"{where}.image_url", max_image_bytes)
    return {**part, "image_url": {"url": url, **detail}}


def _image_url(image: Any, where: str, max_image_bytes: int | None) -> str:
    limit = max_image_bytes or _GENERIC_IMAGE_LIMIT
    if isinstance(image, str):
        # A text is never taken for a path: conversations come from strangers, and files must not leave unasked.
        if image[:5].lower() != "data:":
            return checked_url(image, argument=where)
        head = _DATA_URL_HEAD.match(image)
        if head is None:
            raise InvalidInput(f"{where}: a data URL must have the form data:image/png;base64,<content>.")
        _check_kind_name(head[1].lower(), where)
        size = (len(image) - head.end()) * 3 // 4 - image[-2:].count("=")
        if size <= 0:
            raise InvalidInput(f"{where}: the image is empty.")
        if size > limit:
            raise too_large(where, size, limit)
        if image[head.end() :].encode(errors="replace").translate(None, _BASE64_LETTERS):
            raise InvalidInput(f"{where}: the data URL's content is not base64.")
        return image
    if not isinstance(image, Media | bytes | bytearray | memoryview | Path):
        raise InvalidInput(f"{where} needs a url: an http(s) or data URL, bytes, a pathlib.Path or Media.")
    media = Media.of(image, argument=where)
    media.check_size(limit, argument=where)
    if media.url is None:
        kind = media.mime_type()
        if kind is None:
            raise InvalidInput(f"{where} is neither an image nor a PDF that is known (JPG, PNG, BMP, WEBP, GIF, TIFF).")
        _check_kind_name(kind, where)
    return media.data_url(limit=limit, argument=where)


def _check_kind_name(kind: str, where: str) -> None:
    if kind and not kind.startswith("image/") and kind not in ("application/pdf", "application/octet-stream"):
        check_kind(Media(data=b"-", content_type=kind), (), argument=where, names="images and PDF")


def _number(params: ChatParams, name: str, low: float, high: float) -> None:
    value = params.get(name)
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidInput(f"{name} must be a number from {low:g} to {high:g}, not {value!r}.")
    if not low <= value <= high:  # NaN is refused as well
        raise InvalidInput(f"{name} must be from {low:g} to {high:g}, not {_shown(value)}.")


def _whole(params: ChatParams, name: str, low: int | None, high: int | None = None) -> None:
    value = params.get(name)
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidInput(f"{name} must be a whole number, not {value!r}.")
    if (low is not None and value < low) or (high is not None and value > high):
        limits = f"at least {low}" if high is None else f"from {low} to {high}"
        raise InvalidInput(f"{name} must be {limits}, not {_shown(value)}.")


def _shown(value: float) -> str:
    # Python refuses to write integers of thousands of digits.
    return str(value) if abs(value) < 1e18 else "a number beyond all bounds"


def _check_stop(stop: Any) -> None:
    if stop is None:
        return
    strings = [stop] if isinstance(stop, str) else stop
    if not isinstance(strings, list | tuple) or not all(isinstance(text, str) and text for text in strings):
        raise InvalidInput("stop must be a string or a list of non-empty strings.")
    if len(strings) > 4:
        # sophnet-api: "停止生成更多Tokens的最多4个字符串"; the OpenAI dialect has the same limit.
        raise InvalidInput(f"stop may hold at most 4 strings, not {len(strings)}.")


def _check_tools(params: ChatParams) -> None:
    tools = params.get("tools")
    if tools is not None and (isinstance(tools, str | Mapping) or not isinstance(tools, Sequence)):
        raise InvalidInput(f"tools must be a list, not {type(tools).__name__}.")
    for number, tool in enumerate(tools or ()):
        function = tool.get("function") if isinstance(tool, Mapping) else None
        name = function.get("name") if isinstance(function, Mapping) else None
        if not isinstance(name, str) or not name or tool.get("type") != "function":
            # sophnet-api: "工具列表,只支持function"
            raise InvalidInput(f'tools[{number}] must be {{"type": "function", "function": {{"name": …}}}}.')
    _check_tool_choice(params.get("tool_choice"), {tool["function"]["name"] for tool in tools or ()})


def _check_tool_choice(choice: Any, names: set[str]) -> None:
    if choice is None:
        return
    if isinstance(choice, str):
        if choice not in ("auto", "none", "required"):
            raise InvalidInput(f"tool_choice must be auto, none, required or a function, not {choice[:80]!r}.")
        named = None
    else:
        function = choice.get("function") if isinstance(choice, Mapping) else None
        named = function.get("name") if isinstance(function, Mapping) else None
        if not isinstance(named, str) or not named:
            raise InvalidInput('tool_choice must have the form {"type": "function", "function": {"name": …}}.')
    if named is not None and named not in names:
        raise InvalidInput(f"tool_choice names {named!r}, which is not among the tools.")
    if choice == "required" and not names:
        raise InvalidInput("tool_choice='required' needs tools.")


def _check_format(response_format: Any) -> None:
    if response_format is None:
        return
    kind = response_format.get("type") if isinstance(response_format, Mapping) else None
    if kind not in ("text", "json_object", "json_schema"):
        raise InvalidInput('response_format must be {"type": "text"}, {"type": "json_object"} or a json_schema.')
