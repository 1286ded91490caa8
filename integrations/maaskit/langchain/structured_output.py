"""Answers that follow a schema: the three methods of asking, and parsers that say why there is nothing to parse.

How a cloud is told about a schema is the chat model's and the core's business.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeAlias

from langchain_core.exceptions import OutputParserException
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.output_parsers import JsonOutputParser, PydanticOutputParser
from langchain_core.output_parsers.openai_tools import JsonOutputKeyToolsParser, PydanticToolsParser
from langchain_core.outputs import ChatGeneration, Generation
from langchain_core.runnables import Runnable, RunnableLambda, RunnableParallel, RunnablePassthrough, RunnablePick
from langchain_core.utils.pydantic import is_basemodel_subclass
from pydantic import BaseModel

from maaskit.errors import InvalidInput
from maaskit.langchain.errors import AnswerCutOff, AnswerRefused
from maaskit.langchain.tool_binding import Method, json_schema_of, named, written_format, written_tools

Answer: TypeAlias = Runnable[LanguageModelInput, AIMessage]
Parser: TypeAlias = Runnable[AIMessage, Any]


class Binds(Protocol):
    """Be a model whose requests can be given further fields."""

    def bind(self, **kwargs: Any) -> Answer:
        """Give the model with further fields.

        Args:
            **kwargs: The fields.
        """

    def bind_tools(self, tools: Any, **kwargs: Any) -> Answer:
        """Give the model with tools.

        Args:
            tools: The tools.
            **kwargs: Further fields.
        """


@dataclass(frozen=True, slots=True)
class Wish:
    """Say what kind of answer is wanted.

    Args:
        schema: A pydantic or TypedDict class, a JSON Schema or a function's schema; ``json_mode`` does without.
        method: How the model is asked; ``None`` means ``function_calling``, which every tool-calling model has.
        strict: Whether the service shall enforce the schema.
        fields: Further fields of the request.
    """

    schema: Any
    method: Method | None = None
    strict: bool | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def wants_object(self) -> bool:
        """Tell whether the parsed answer is a pydantic object."""
        return isinstance(self.schema, type) and is_basemodel_subclass(self.schema)

    @property
    def traced(self) -> dict[str, Any]:
        """Give what LangChain writes into traces; core keeps it from the wire."""
        if self.schema is None:
            return {}
        kwargs = {"method": self.method} if self.strict is None else {"method": self.method, "strict": self.strict}
        return {"ls_structured_output_format": {"kwargs": kwargs, "schema": self.schema}}


def structured(model: Binds, wish: Wish, *, include_raw: bool) -> Runnable[LanguageModelInput, Any]:
    """Make a model answer with what a schema describes.

    Args:
        model: The model.
        wish: What kind of answer is wanted.
        include_raw: Whether to give ``{"raw", "parsed", "parsing_error"}`` in place of the parsed answer alone.

    Returns:
        A runnable.

    Raises:
        InvalidInput: The method is unknown, or does not go with the other arguments.
    """
    wish = _checked_wish(wish)
    llm, parser = (_by_function if wish.method == "function_calling" else _by_format)(model, wish)
    if not include_raw:
        return llm | parser
    parsed = RunnablePassthrough.assign(parsed=RunnablePick("raw") | parser, parsing_error=RunnableLambda(_nothing))
    failed = RunnablePassthrough.assign(parsed=RunnableLambda(_nothing))
    return RunnableParallel(raw=llm) | parsed.with_fallbacks([failed], exception_key="parsing_error")


def _nothing(_: Any) -> None:
    return None


def _checked_wish(wish: Wish) -> Wish:
    method = wish.method
    if method not in (None, "function_calling", "json_schema", "json_mode"):
        raise InvalidInput(f"method must be function_calling, json_schema or json_mode, not {method!r}.")
    if wish.schema is None and method != "json_mode":
        raise InvalidInput("with_structured_output needs a schema; only json_mode does without one.")
    if wish.strict is not None and method == "json_mode":
        raise InvalidInput("strict does not go with json_mode, in which the service knows no schema.")
    if method == "json_schema" and wish.wants_object and not issubclass(wish.schema, BaseModel):
        method = None  # pydantic.v1 writes schemas of another draft
    return replace(wish, schema=named(wish.schema), method=method or "function_calling")


def _by_function(model: Binds, wish: Wish) -> tuple[Answer, Parser]:
    tool = written_tools([wish.schema], strict=wish.strict)[0]
    name = tool["function"]["name"]
    fields = {"tool_choice": name, "parallel_tool_calls": False, **wish.fields}
    llm = model.bind_tools([tool, *fields.pop("tools", ())], **fields, **wish.traced)
    if wish.wants_object:
        return llm, _PydanticCall(tools=[wish.schema], first_tool_only=True)
    return llm, _DictCall(key_name=name, first_tool_only=True)


def _by_format(model: Binds, wish: Wish) -> tuple[Answer, Parser]:
    if wish.method == "json_schema":
        response_format = written_format(wish.schema, strict=wish.strict)
    else:
        # The schema goes along for prompts that do not speak of JSON themselves; it is no field of the wire.
        response_format = {"type": "json_object"}
        if wish.schema is not None:
            response_format["schema"] = json_schema_of(wish.schema)
    fields = {**wish.fields, **wish.traced, "response_format": response_format}
    tools = fields.pop("tools", None)
    llm = model.bind_tools(tools, **fields) if tools else model.bind(**fields)
    return llm, _PydanticText(pydantic_object=wish.schema) if wish.wants_object else _DictText()


def check_whole(message: BaseMessage) -> None:
    """Say why an answer holds no result, where the service told.

    Args:
        message: The answer, or its pieces so far.

    Raises:
        AnswerRefused: The model declined, or a filter took the answer.
        AnswerCutOff: The answer ended at its length limit.
    """
    refusal = message.additional_kwargs.get("refusal")
    reason = message.response_metadata.get("finish_reason")
    if refusal:
        raise AnswerRefused(f"The model declined to answer: {refusal}", raw_message=message)
    if reason == "content_filter":
        raise AnswerRefused("The service's content filter withheld the answer.", raw_message=message)
    if reason == "length":
        raise AnswerCutOff(
            "The answer was cut off at its length limit (finish_reason length) and cannot be parsed: "
            "raise max_tokens, or ask for less.",
            llm_output=str(message.text),
        )


def _checked(parse: Callable[..., Any], result: list[Generation], *, partial: bool, call: str | None = None) -> Any:
    message = result[0].message if isinstance(result[0], ChatGeneration) else None
    if message is not None:
        check_whole(message)
    parsed = parse(result, partial=partial)
    if call is None or parsed is not None or message is None:
        return parsed
    if not partial or message.response_metadata.get("finish_reason"):
        broken = message.invalid_tool_calls if isinstance(message, AIMessage) else []
        what = f"called {call} with arguments that are not valid JSON" if broken else f"answered without calling {call}"
        raise OutputParserException(f"The model {what}.", llm_output=str(message.text))
    return None


class _PydanticCall(PydanticToolsParser):
    """Parse a call into a pydantic object."""

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        return _checked(super().parse_result, result, partial=partial, call=self.tools[0].__name__)


class _DictCall(JsonOutputKeyToolsParser):
    """Parse a call into a dict."""

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        return _checked(super().parse_result, result, partial=partial, call=self.key_name)


class _PydanticText(PydanticOutputParser[Any]):
    """Parse JSON text into a pydantic object."""

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        return _checked(super().parse_result, result, partial=partial)


class _DictText(JsonOutputParser):
    """Parse JSON text into a dict."""

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        return _checked(super().parse_result, result, partial=partial)
