"""LangChain's tools, tool choices and schemas in the dialect's form.

What a model may be forced to do, and what a tool does, is not known here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from langchain_core.utils.function_calling import convert_to_json_schema, convert_to_openai_tool
from pydantic import BaseModel

from maaskit.errors import InvalidInput

# Core reads the hints of a model's methods when they are called on one with fallbacks, so each name must be there.
if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

    ToolLike: TypeAlias = dict[str, Any] | type | Callable[..., Any] | BaseTool
else:
    ToolLike = Any
ToolChoice: TypeAlias = str | bool | Mapping[str, Any] | None
Method: TypeAlias = Literal["function_calling", "json_schema", "json_mode"]

_FORMATS = ("text", "json_object", "json_schema")


def written_tools(tools: Sequence[ToolLike], *, strict: bool | None = None) -> list[dict[str, Any]]:
    """Write tools.

    Args:
        tools: Tools, functions, pydantic or TypedDict classes, or schemas in OpenAI's or Anthropic's form.
        strict: Whether calls must follow the schema exactly; ``None`` leaves it to the tool.

    Returns:
        The tools in the dialect's form.

    Raises:
        InvalidInput: Something is no tool.
    """
    convert = partial(convert_to_openai_tool, strict=strict)
    return [_converted(convert, tool, f"tools[{number}]") for number, tool in enumerate(tools)]


def written_choice(choice: ToolChoice, tools: Sequence[Mapping[str, Any]]) -> str | dict[str, Any] | None:
    """Write a tool choice.

    Args:
        choice: ``auto``, ``none``, ``any``, ``required``, ``True`` (any), ``False`` or ``None`` (nothing is said), a
            tool's name, or a mapping that names one.
        tools: The tools, written.

    Returns:
        The choice in the dialect's form, or ``None`` when nothing is to be sent.

    Raises:
        InvalidInput: No such tool is there.
    """
    names = [function.get("name") for tool in tools if isinstance(function := tool.get("function"), Mapping)]
    if choice is None or choice is False:
        return None
    if isinstance(choice, Mapping):
        choice = _chosen(choice)
    if choice is True or choice in ("any", "required"):
        if not names:
            raise InvalidInput("tool_choice asks for a call, but there are no tools.")
        return "required"
    if choice in ("auto", "none"):
        return choice if names else None
    if choice not in names:
        known = ", ".join(map(str, names)) or "none"
        raise InvalidInput(f"tool_choice names {choice!r}, which is not among the tools ({known}).")
    return {"type": "function", "function": {"name": choice}}


def _chosen(choice: Mapping[str, Any]) -> str:
    """Read the name, or the word, out of OpenAI's and Anthropic's mappings."""
    function = choice.get("function")
    name = function.get("name") if isinstance(function, Mapping) else choice.get("name")
    word = name or choice.get("type")
    if not isinstance(word, str) or (name is None and word not in ("auto", "none", "any", "required")):
        raise InvalidInput('tool_choice must have the form {"type": "function", "function": {"name": …}}.')
    return word


def written_format(schema: Any, *, strict: bool | None = None) -> dict[str, Any]:
    """Write a response format.

    Args:
        schema: A format in the dialect's form, or what it shall describe: a pydantic or TypedDict class or a schema.
        strict: Whether the answer must follow the schema exactly; ``None`` says nothing.

    Returns:
        The format.
    """
    if isinstance(schema, Mapping) and schema.get("type") in _FORMATS and "properties" not in schema:
        return dict(schema)
    described = json_schema_of(schema, strict=strict)
    name = re.sub(r"[^a-zA-Z0-9_-]", "_", str(described.get("title") or "answer"))[:64]
    written: dict[str, Any] = {"name": name, "schema": described}
    if strict is not None:
        written["strict"] = strict
    return {"type": "json_schema", "json_schema": written}


def json_schema_of(schema: Any, *, strict: bool | None = None) -> dict[str, Any]:
    """Give the JSON Schema of what a user handed over.

    Args:
        schema: A pydantic or TypedDict class, a JSON Schema, or a schema of a function.
        strict: Whether the answer must follow the schema exactly.

    Returns:
        The JSON Schema, with a title.

    Raises:
        InvalidInput: It is none of these.
    """
    return _converted(partial(convert_to_json_schema, strict=strict), named(schema), "schema")


def _converted(convert: Callable[[Any], dict[str, Any]], schema: Any, what: str) -> dict[str, Any]:
    try:
        return convert(_recursive(schema) or schema)
    except (AttributeError, KeyError, TypeError, ValueError) as error:  # core's are of all these kinds
        raise InvalidInput(
            f"{what} ({type(schema).__name__}) cannot be put to a model: pass a tool, a function, a pydantic or "
            "TypedDict class, or a dict with a name and parameters or with a title and properties."
        ) from error


def _recursive(schema: Any) -> dict[str, Any] | None:
    """Give the JSON Schema of a class that speaks of itself: core would leave such a field without any schema."""
    if not (isinstance(schema, type) and issubclass(schema, BaseModel)):
        return None
    described = schema.model_json_schema()
    named_parts = described.get("$defs", {})
    refs = {name: set(re.findall(r'"#/\$defs/([^"]+)"', json.dumps(part))) for name, part in named_parts.items()}
    while ended := [name for name, names in refs.items() if not names & refs.keys()]:
        for name in ended:
            del refs[name]
    if not refs:
        return None
    root = named_parts.get(str(described.get("$ref", "")).rpartition("/")[2], described)
    return {**root, "$defs": named_parts}


def named(schema: Any) -> Any:
    """Give a JSON Schema without title one, because core wants to name it.

    Args:
        schema: Anything that core takes for a schema.

    Returns:
        The same, or a copy with the title ``answer``.
    """
    is_schema = isinstance(schema, Mapping) and ("properties" in schema or schema.get("type") == "object")
    if is_schema and not schema.get("title"):
        return {**schema, "title": "answer"}
    return schema
