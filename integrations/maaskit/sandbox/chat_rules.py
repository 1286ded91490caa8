"""What the documents allow in a chat request, field by field.

The messages themselves are checked in `chat_messages`; nothing is answered here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from maaskit.sandbox.chat_messages import check_messages
from maaskit.sandbox.dialects import Dialect
from maaskit.sandbox.models import takes_pictures, thinks
from maaskit.sandbox.replies import RefusalError
from maaskit.sandbox.responder.ask import picture_url, text_of
from maaskit.sandbox.schema_rules import fault_in
from maaskit.sandbox.variants import Variants

MAX_STOPS: Final = 4
"""SophNet: 停止生成更多Tokens的最多4个字符串."""
RANGES: Final = {
    "temperature": (0.0, 2.0),  # 取值范围[0,2.0]
    "presence_penalty": (-2.0, 2.0),  # 取值范围:[-2.0, 2.0]
    "frequency_penalty": (-2.0, 2.0),  # 取值范围:[-2.0, 2.0]
}
MAX_TOP_LOGPROBS: Final = 20
"""SophNet: top_logprobs 取值范围为 [0, 20]."""
MAX_ANSWERS: Final = 16
FUNCTION_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""OpenAI's pattern, which compatible services share; the documents are silent."""

BOOLEANS: Final = ("stream", "logprobs", "enable_thinking", "parallel_tool_calls")
INTEGERS: Final = ("max_tokens", "max_completion_tokens", "n", "top_logprobs", "seed")
OBJECTS: Final = ("chat_template_kwargs", "thinking", "reasoning", "stream_options", "response_format")


def check_chat(body: Mapping[str, Any], dialect: Dialect, variants: Variants) -> dict[str, Any]:
    """Refuse what the documents refuse.

    Args:
        body: The chat request.
        dialect: The cloud that it came to.
        variants: The switches.

    Returns:
        The request without its null fields, which mean "unset".

    Raises:
        RefusalError: 404 for an unknown model, 400 for the rest.
    """
    request = {name: value for name, value in body.items() if value is not None}
    model = _check_model(request, dialect)
    _check_types(request)
    _check_numbers(request)
    _check_logprobs(request)
    _check_stop(request)
    check_messages(request.get("messages"), dialect, variants)
    _check_tools(request)
    _check_tool_choice(request)
    _check_format(request, dialect)
    _check_thinking(request, model, variants)
    if dialect.name == "sophnet" and not takes_pictures(model) and _has_pictures(request):
        raise refused("messages", f"{model} takes text only: pictures need a Qwen VL model")
    return request


def refused(param: str, message: str) -> RefusalError:
    """Make the refusal of a field.

    Args:
        param: The field.
        message: What is wrong with it.

    Returns:
        The refusal, HTTP 400.
    """
    return RefusalError(400, message, code="invalid_parameter", param=param)


def _check_model(request: Mapping[str, Any], dialect: Dialect) -> str:
    model = request.get("model")
    if not isinstance(model, str) or not model:
        raise refused("model", "model is required")
    base, _ = dialect.base_model(model)
    if base not in dialect.models:
        raise RefusalError(404, f"model not found: {model}", code="model_not_found", param="model")
    return base


def _check_types(request: Mapping[str, Any]) -> None:
    for name in BOOLEANS:
        if name in request and not isinstance(request[name], bool):
            raise refused(name, f"{name} must be true or false")
    for name in INTEGERS:
        if name in request and (not isinstance(request[name], int) or isinstance(request[name], bool)):
            raise refused(name, f"{name} must be an integer")
    for name in OBJECTS:
        if name in request and not isinstance(request[name], dict):
            raise refused(name, f"{name} must be an object")
    for name in (*RANGES, "top_p"):
        if name in request and (not isinstance(request[name], int | float) or isinstance(request[name], bool)):
            raise refused(name, f"{name} must be a number")


def _check_numbers(request: Mapping[str, Any]) -> None:
    for name, (low, high) in RANGES.items():
        if name in request and not low <= request[name] <= high:
            raise refused(name, f"{name} must lie in [{low:g}, {high:g}]")
    if not 0 <= request.get("top_p", 1) <= 1:
        raise refused("top_p", "top_p must lie in [0, 1]")
    for name in ("max_tokens", "max_completion_tokens"):
        if request.get(name, 1) < 1:
            raise refused(name, f"{name} must be at least 1")
    if "max_tokens" in request and "max_completion_tokens" in request:
        raise refused("max_completion_tokens", "max_tokens and max_completion_tokens exclude each other")
    if not 1 <= request.get("n", 1) <= MAX_ANSWERS:
        raise refused("n", f"n must lie in [1, {MAX_ANSWERS}]")


def _check_logprobs(request: Mapping[str, Any]) -> None:
    if "top_logprobs" in request:
        if not request.get("logprobs"):
            raise refused("top_logprobs", "top_logprobs may be set only when logprobs is true")
        if not 0 <= request["top_logprobs"] <= MAX_TOP_LOGPROBS:
            raise refused("top_logprobs", f"top_logprobs must lie in [0, {MAX_TOP_LOGPROBS}]")


def _check_stop(request: Mapping[str, Any]) -> None:
    stop = request.get("stop", [])
    stops = [stop] if isinstance(stop, str) else stop
    if not isinstance(stops, list) or not all(isinstance(text, str) and text for text in stops):
        raise refused("stop", "stop must be a list of strings that are not empty")
    if len(stops) > MAX_STOPS:
        raise refused("stop", f"stop takes at most {MAX_STOPS} strings, not {len(stops)}")


def _check_tools(request: Mapping[str, Any]) -> None:
    tools = request.get("tools", [])
    if not isinstance(tools, list):
        raise refused("tools", "tools must be a list")
    for index, tool in enumerate(tools):
        place = f"tools[{index}]"
        if not isinstance(tool, dict) or tool.get("type") != "function":
            raise refused(place, f"{place}: only tools of type function are supported")  # 只支持function
        function = tool.get("function")
        if not isinstance(function, dict):
            raise refused(place, f"{place}.function must be an object")
        name = function.get("name")
        if not isinstance(name, str) or not FUNCTION_NAME.fullmatch(name):
            raise refused(place, f"{place}.function.name must match ^[a-zA-Z0-9_-]{{1,64}}$")
        if not isinstance(function.get("description"), str | None):
            raise refused(place, f"{place}.function.description must be a string")
        parameters = function.get("parameters")
        if not isinstance(parameters, dict | None):
            raise refused(place, f"{place}.function.parameters must be a JSON schema")
        if parameters is not None and (fault := fault_in(parameters)):
            raise refused(place, f"{place}.function.parameters must be a JSON schema, and {fault}")


def _check_tool_choice(request: Mapping[str, Any]) -> None:
    choice = request.get("tool_choice")
    names = {tool["function"]["name"] for tool in request.get("tools", [])}
    if choice is None or choice in ("auto", "none"):
        return
    if choice == "required":
        if not names:
            raise refused("tool_choice", "tool_choice needs tools")
        return
    function = choice.get("function") if isinstance(choice, dict) and choice.get("type") == "function" else None
    if not isinstance(function, dict):
        raise refused("tool_choice", 'tool_choice must be "auto", "none", "required" or name a function')
    name = function.get("name")
    if not isinstance(name, str) or name not in names:
        raise refused("tool_choice", f"tool_choice names {name!r:.100}, which is not among the tools")


def _check_format(request: Mapping[str, Any], dialect: Dialect) -> None:
    wanted = request.get("response_format")
    if wanted is None:
        return
    kinds = ("text", "json_object", "json_schema") if dialect.takes_schema else ("text", "json_object")
    if wanted.get("type") not in kinds:
        raise refused("response_format", f"response_format.type must be one of {', '.join(kinds)}")
    if wanted["type"] == "json_object":
        # 使用 JSON 模式时,您还必须通过系统或用户消息提示模型自行生成JSON
        said = " ".join(text_of(m) for m in request["messages"] if m["role"] in ("system", "developer", "user"))
        if "json" not in said.lower():
            raise refused("response_format", "json_object needs the word JSON in a system or user message")
    if wanted["type"] == "json_schema":
        schema = wanted.get("json_schema")
        if not isinstance(schema, dict) or not isinstance(schema.get("schema"), dict) or not schema.get("name"):
            raise refused("response_format", "json_schema needs a name and a schema")
        if fault := fault_in(schema["schema"]):
            raise refused("response_format", f"json_schema.schema must be a JSON schema, and {fault}")


def _check_thinking(request: Mapping[str, Any], model: str, variants: Variants) -> None:
    switch = request.get("thinking", {}).get("type")
    if switch not in (None, "enabled", "disabled"):  # 可填"enabled","disabled"
        raise refused("thinking", 'thinking.type must be "enabled" or "disabled"')
    budget = request.get("thinking", {}).get("budget_tokens")
    if budget is not None and (not isinstance(budget, int) or budget < 1):
        raise refused("thinking", "thinking.budget_tokens must be a positive integer")
    template = request.get("chat_template_kwargs", {}).get("enable_thinking")
    if template is not None and not isinstance(template, bool):
        raise refused("chat_template_kwargs", "chat_template_kwargs.enable_thinking must be true or false")
    if not thinks(model, request):
        return
    forced = request.get("tool_choice") not in (None, "auto", "none")
    if variants.forced_tools_while_thinking == "refused" and forced:
        raise refused("tool_choice", "tool_choice must be auto or none in thinking mode")
    if variants.reasoning_replay == "required":
        for message in request["messages"]:
            if message["role"] == "assistant" and message.get("tool_calls") and not message.get("reasoning_content"):
                raise refused("messages", "reasoning_content of a message that calls tools must be sent back")


def _has_pictures(request: Mapping[str, Any]) -> bool:
    parts = [part for m in request["messages"] if isinstance(m.get("content"), list) for part in m["content"]]
    return any(picture_url(part) for part in parts)
