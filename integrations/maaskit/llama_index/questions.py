"""One request, ready for a cloud: what stays of a framework's arguments is translated here.

Messages are translated in ``messages``; which fields a cloud takes is the core's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from maaskit.llama_index.responses import Reading
from maaskit.llama_index.tool_names import wire_name
from maaskit.openai_chat.request import ChatParams

if TYPE_CHECKING:  # httpx is imported with the drivers
    from maaskit.connections import Settings


@dataclass(frozen=True, slots=True)
class Written:
    """Be one request as it goes to a driver.

    Args:
        settings: The connection.
        request: A Call of an answer, or a Stream of its pieces, as was asked for.
        reading: How the answer is read.
    """

    settings: Settings
    request: Any
    reading: Reading


def write_tools(params: ChatParams) -> None:
    """Give tools names that every upstream takes, in place; without tools nothing may speak of them.

    Args:
        params: The fields of a request.
    """
    tools = params.get("tools")
    if not tools:
        for name in ("tools", "tool_choice", "parallel_tool_calls"):
            params.pop(name, None)  # type: ignore[misc]  # the names are keys of ChatParams
        return
    params["tools"] = [_wire_tool(tool) for tool in tools]
    choice = params.get("tool_choice")
    if choice == "any":
        params["tool_choice"] = "required"
    elif isinstance(choice, str) and choice not in ("auto", "none", "required"):
        params["tool_choice"] = {"type": "function", "function": {"name": wire_name(choice)}}
    elif isinstance(choice, Mapping):
        params["tool_choice"] = _wire_tool(choice)


def _wire_tool(tool: Any) -> Any:
    function = tool.get("function") if isinstance(tool, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        return tool
    name, description = function["name"], function.get("description")
    written = {**function, "name": wire_name(name)}
    if written["name"] != name and isinstance(description, str) and name not in description:
        written["description"] = f"{name}: {description}"  # people call the tool by its real name
    return {**tool, "function": written}
