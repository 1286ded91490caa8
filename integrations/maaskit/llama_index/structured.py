"""Structured output: what is asked of the model for a pydantic class, and how its answer becomes an object.

Asking and waiting is the LLM's business (``llms``), JSON that is asked for in words the core's.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeAlias, TypeVar

import pydantic_core
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ToolCallBlock
from llama_index.core.program.utils import FlexibleModel, create_flexible_model
from pydantic import BaseModel, ValidationError

from maaskit.answers import EXCERPT_CHARS
from maaskit.errors import UnexpectedAnswer
from maaskit.llama_index.arguments import arguments_of
from maaskit.llama_index.responses import finish_reason_of

Model = TypeVar("Model", bound=BaseModel)

StructuredMode: TypeAlias = Literal["auto", "tools", "json_schema", "json_object"]
"""How a schema reaches the model: as the only tool, which it must call; as ``response_format`` ``json_schema``; or in
words, with ``response_format`` ``json_object``. ``auto`` takes tools, and words where a forced call is refused."""

_MAX_STARTS = 32  # braces of sentences before the object, each of which costs one look
_WHY_CUT = {
    "length": " It was cut at max_tokens: allow more.",
    "content_filter": " The service's content filter withheld it.",
}


class UnfitAnswer(UnexpectedAnswer, ValueError):
    """Say that a model's answer does not fit the class that was asked for; core's own code looks for ValueError."""


@dataclass(slots=True)
class Plan(Generic[Model]):
    """Be one request for an object.

    Args:
        output_cls: What the object shall be.
        messages: The conversation to send.
        kwargs: Further arguments of the chat.
        by_tool: Whether the answer is a tool call.
    """

    output_cls: type[Model]
    messages: list[ChatMessage]
    kwargs: dict[str, Any]
    by_tool: bool
    _flexible: type[FlexibleModel] | None = None
    _seen: dict[str, Any] | None = None
    _given: BaseModel | None = None
    _response: ChatResponse | None = None

    def next(self, response: ChatResponse) -> Iterator[Model | FlexibleModel]:
        """Take the next piece of a streamed answer.

        Args:
            response: The cumulative piece.

        Yields:
            The object as far as it has come, if anything in it is new.
        """
        self._response = response
        found = self.growing(response)
        if found is not None:
            self._given = found
            yield found

    def last(self) -> Iterator[Model]:
        """Take the end of a streamed answer.

        Yields:
            The object, unless it has been given whole already.

        Raises:
            UnfitAnswer: The answer does not fit the class.
        """
        if self._response is None:
            raise UnfitAnswer("The model gave no answer.", endpoint="chat", excerpt="")
        result = self.result(self._response)
        if result != self._given:
            yield result

    def result(self, response: ChatResponse) -> Model:
        """Read the object off a whole answer.

        Args:
            response: The answer.

        Returns:
            The object.

        Raises:
            UnfitAnswer: The answer holds none, is cut, or does not fit the class.
        """
        text, found = self._said(response)
        try:
            if isinstance(found, dict):
                return self.output_cls.model_validate(found)
            return self.output_cls.model_validate_json(_object_in(text))
        except ValidationError as error:
            raise self._unfit(response, text, error) from error

    def growing(self, response: ChatResponse) -> Model | FlexibleModel | None:
        """Read the object as far as it has come.

        Args:
            response: A cumulative piece of a streamed answer.

        Returns:
            The object, of a class with all fields optional as long as some are missing; ``None`` when nothing is new.
        """
        text, found = self._said(response)
        fields = found if isinstance(found, dict) else arguments_of(text[text.find("{") :] if "{" in text else "")
        if not fields or fields == self._seen:
            return None
        self._seen = fields
        try:
            return self.output_cls.model_validate(fields)
        except ValidationError:
            if self._flexible is None:  # once: making a class costs more than reading a whole answer
                self._flexible = create_flexible_model(self.output_cls)
            return self._flexible.model_validate(fields)

    def _said(self, response: ChatResponse) -> tuple[str, Any]:
        """Give the answer's JSON text, or the object itself where it has been decoded already."""
        if self.by_tool:
            call = next((block for block in response.message.blocks if isinstance(block, ToolCallBlock)), None)
            if call is not None:
                return (call.tool_kwargs, None) if isinstance(call.tool_kwargs, str) else ("", call.tool_kwargs)
        return response.message.content or "", None

    def _unfit(self, response: ChatResponse, text: str, error: ValidationError) -> UnfitAnswer:
        refusal = response.message.additional_kwargs.get("refusal")
        if refusal:
            why = f"The model declined to answer: {str(refusal)[:EXCERPT_CHARS]}"
            return UnfitAnswer(why, endpoint="chat", excerpt=str(refusal)[:EXCERPT_CHARS])
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(place) for place in first["loc"])
        said = f"{where}: {first['msg']}" if where else first["msg"]
        cut = _WHY_CUT.get(finish_reason_of(response) or "", "")
        return UnfitAnswer(
            f"The model's answer is not a {self.output_cls.__name__} ({error.error_count()} errors; {said}).{cut}",
            endpoint="chat",
            excerpt=text[:EXCERPT_CHARS],
        )


def schema_of(output_cls: type[BaseModel]) -> dict[str, Any]:
    """Write a class's schema for ``response_format``.

    Args:
        output_cls: The class.

    Returns:
        Its JSON Schema, closed: objects take no other fields.
    """
    closed: dict[str, Any] = _closed(output_cls.model_json_schema())
    return closed


def response_format_of(output_cls: type[BaseModel]) -> dict[str, Any]:
    """Write the ``response_format`` that asks for a class.

    Args:
        output_cls: The class.

    Returns:
        A ``json_schema`` format.
    """
    # `strict` is left out: with it some upstreams refuse optional fields.
    return {"type": "json_schema", "json_schema": {"name": _name_of(output_cls), "schema": schema_of(output_cls)}}


def _name_of(output_cls: type[BaseModel]) -> str:
    name = "".join(sign if sign.isascii() and (sign.isalnum() or sign in "_-") else "_" for sign in output_cls.__name__)
    return name if name.strip("_") else "answer"


_MAPS = ("properties", "$defs", "definitions")  # names that are the user's, each with a schema
_VALUES = ("default", "examples", "enum", "const")  # the user's values, no schemas


def _closed(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed: dict[str, Any] = {}
    for name, value in schema.items():
        if name in _MAPS and isinstance(value, dict):
            closed[name] = {key: _closed(inner) for key, inner in value.items()}
        else:
            closed[name] = value if name in _VALUES else _closed(value)
    if isinstance(schema.get("properties"), dict):
        closed.setdefault("additionalProperties", False)
    return closed


def _object_in(text: str) -> str:
    """Take an object out of a code fence or of the sentences around it, which may hold braces of their own."""
    if _is_json(text):
        return text
    end = text.rfind("}") + 1
    starts = [found.start() for found in itertools.islice(re.finditer("{", text[:end]), _MAX_STARTS)]
    found = (text[start:end] for start in starts if _is_json(text[start:end]))
    return next(found, text[starts[0] : end] if starts else text)


def _is_json(text: str) -> bool:
    try:
        pydantic_core.from_json(text)
    except ValueError:
        return False
    return True
