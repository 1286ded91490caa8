"""How the chat models of both clouds ask: whole or streamed, with tools, for answers that follow a schema.

What a model is set to stands in ``chat_settings``, what a cloud's document says in ``maaskit.qiniu`` and
``maaskit.sophnet``; sockets belong to the drivers.
"""

from __future__ import annotations

import builtins
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable

from maaskit.errors import InvalidInput
from maaskit.langchain.answers import ChunkWriter, chat_result, partial_chunk
from maaskit.langchain.call_options import options_of_call, usual_names
from maaskit.langchain.chat_settings import WIRE_FIELDS, ChatSettings
from maaskit.langchain.errors import ModelErrors
from maaskit.langchain.messages import write_messages
from maaskit.langchain.token_estimate import estimate, split_content, tools_text
from maaskit.langchain.tool_binding import Method, ToolChoice, ToolLike, written_choice, written_format, written_tools
from maaskit.openai_chat.answer import ChatAnswer
from maaskit.openai_chat.json_mode import JSON_OBJECT, ask_for_json, schema_in_prompt
from maaskit.openai_chat.request import PARAMETER_NAMES, ChatParams, Message, mentions_json
from maaskit.openai_chat.stream import ChatDelta
from maaskit.openai_chat.traits import replays_reasoning
from maaskit.wire import Call, Stream

# What a call may set that is no field of the wire.
_OPTIONS = (
    "stream_usage",
    "replay_reasoning",
    "unsupported_params",
    "search",
    "timeout",
    "max_retries",
    "extra_headers",
)


@dataclass(frozen=True, slots=True)
class Asking:
    """Be one question, ready to be said to the cloud.

    Args:
        messages: The conversation.
        model: The model.
        params: The fields of the request.
        options: What steers the asking and is no field of the wire.
    """

    messages: list[Message]
    model: str
    params: ChatParams
    options: Mapping[str, Any]


class MaasChatModel(ChatSettings):
    """Be a chat model of one of the clouds; ``ChatQiniu`` and ``ChatSophNet`` say which."""

    @abstractmethod
    def _complete(self, asking: Asking) -> Call[ChatAnswer]:
        """Give the question for a whole answer."""

    @abstractmethod
    def _open(self, asking: Asking) -> Stream[ChatDelta]:
        """Give the question for a streamed answer."""

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002 - core's signature
        **kwargs: Any,
    ) -> ChatResult:
        with ModelErrors():
            asking = self._ask(messages, stop, kwargs, stream=False)
            answer = self._settings(asking.options).client().send(self._complete(asking))
        return chat_result(answer, self.provider_name, asking.model)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002 - core's signature
        **kwargs: Any,
    ) -> ChatResult:
        with ModelErrors():
            asking = self._ask(messages, stop, kwargs, stream=False)
            client = await self._settings(asking.options).async_client()
            answer = await client.send(self._complete(asking))
        return chat_result(answer, self.provider_name, asking.model)

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        with ModelErrors(self._partials(kwargs)):
            asking = self._ask(messages, stop, kwargs, stream=True)
            writer = self._writer(asking)
            with self._settings(asking.options).client().stream(self._open(asking)) as deltas:
                for delta in deltas:
                    for chunk in writer.chunks(delta):
                        if run_manager:
                            run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                        yield chunk

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        with ModelErrors(self._partials(kwargs)):
            asking = self._ask(messages, stop, kwargs, stream=True)
            writer = self._writer(asking)
            client = await self._settings(asking.options).async_client()
            async with client.stream(self._open(asking)) as deltas:
                async for delta in deltas:
                    for chunk in writer.chunks(delta):
                        if run_manager:
                            await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                        yield chunk

    def _writer(self, asking: Asking) -> ChunkWriter:
        return ChunkWriter(self.provider_name, asking.model)

    def _partials(self, kwargs: Mapping[str, Any]) -> Callable[[Any], Any]:
        """Give what writes what a broken stream had brought; a call may have asked another model."""
        return partial(self._partial, model=usual_names(kwargs).get("model", self.model))

    def _partial(self, answer: Any, model: str) -> Any:
        return partial_chunk(answer, self.provider_name, model) if isinstance(answer, ChatAnswer) else answer

    def _ask(
        self, messages: list[BaseMessage], stop: list[str] | None, kwargs: Mapping[str, Any], *, stream: bool
    ) -> Asking:
        params, options = self._params(stop, kwargs)
        model = params.pop("model")
        policy = options.get("replay_reasoning", self.replay_reasoning)
        written: Sequence[Message] = write_messages(
            messages, self.intake, lambda calls: replays_reasoning(model, policy, has_tool_calls=calls)
        )
        written, response_format = self._shaped(written, params.pop("response_format", None))
        if response_format is not None:
            params["response_format"] = response_format
        if not stream:
            params.pop("stream_options", None)  # a model whose streams have them is invoked as well
        elif options.get("stream_usage", self.stream_usage):
            params.setdefault("stream_options", {"include_usage": True})
        return Asking(list(written), model, ChatParams(**params), options)  # type: ignore[typeddict-item]

    def _params(
        self, stop: list[str] | None, kwargs: Mapping[str, Any]
    ) -> tuple[builtins.dict[str, Any], builtins.dict[str, Any]]:
        """Put together the fields of a request and what steers it, the call's own over the model's."""
        merged: dict[str, Any] = {name: getattr(self, name) for name in WIRE_FIELDS}
        merged |= {"model": self.model, **self.model_kwargs, **options_of_call(kwargs)}
        if not isinstance(merged["model"], str) or not merged["model"].strip():
            raise InvalidInput(f"model must be the non-empty name of a model, not {merged['model']!r}.")
        if stop is not None:
            merged["stop"] = stop
        merged.pop("stream", None)
        merged["stop"] = merged.get("stop") or None  # an empty list says nothing
        options = {name: merged.pop(name) for name in (*_OPTIONS, *self.own_options) if name in merged}
        extra = {**self.extra_body, **(merged.pop("extra_body", None) or {})}
        params: dict[str, Any] = {}
        for name, value in merged.items():
            if name == "model" or (name in PARAMETER_NAMES and value is not None):
                params[name] = value
            elif name not in PARAMETER_NAMES and value is not None:
                extra[name] = value
        if extra:
            params["extra_body"] = extra
        return self._tooled(params), options

    def _tooled(self, params: builtins.dict[str, Any]) -> builtins.dict[str, Any]:
        """Write tools, choice and format, which a call may bring in LangChain's forms."""
        tools = written_tools(params.pop("tools", None) or ())
        choice = written_choice(params.pop("tool_choice", None), tools)
        if tools:
            params["tools"] = tools
        else:
            params.pop("parallel_tool_calls", None)
        if choice is not None:
            params["tool_choice"] = choice
        if params.get("response_format") is not None:
            params["response_format"] = written_format(params["response_format"])
        return params

    def _shaped(
        self, messages: Sequence[Message], response_format: Mapping[str, Any] | None
    ) -> tuple[Sequence[Message], Mapping[str, Any] | None]:
        """Say in the prompt what the format does not say."""
        if response_format is not None and response_format.get("type") == "json_object":
            if not mentions_json(messages):
                messages = ask_for_json(messages, response_format.get("schema"))
            return messages, JSON_OBJECT
        if self.knows_json_schema:
            return messages, response_format
        return schema_in_prompt(messages, response_format)

    def bind_tools(
        self,
        tools: Sequence[ToolLike],
        *,
        tool_choice: ToolChoice = None,
        strict: bool | None = None,
        parallel_tool_calls: bool | None = None,
        response_format: builtins.dict[str, Any] | type | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Give the model functions that it may call.

        Args:
            tools: Tools, functions, pydantic or TypedDict classes, or schemas in OpenAI's or Anthropic's form; with a
                ``response_format`` there may be none.
            tool_choice: ``auto``, ``none``, ``any`` or ``required`` or ``True`` (some function must be called), the
                name of one, or a mapping that names one. Thinking models refuse to be forced: they are asked instead.
            strict: Whether calls must follow the schema exactly; ``None`` leaves it to the tool.
            parallel_tool_calls: Whether several calls may come in one answer.
            response_format: The form of the final answer: a format of the dialect, or a class or schema.
            **kwargs: Further fields of the request.

        Returns:
            The model with the functions.

        Raises:
            InvalidInput: Something is no tool, or ``tool_choice`` names no function that is there.
        """
        with ModelErrors():
            written = written_tools(tools, strict=strict)
            choice = written_choice(tool_choice, written)
            answer = written_format(response_format, strict=strict) if response_format is not None else None
        named = {"tool_choice": choice, "parallel_tool_calls": parallel_tool_calls, "response_format": answer}
        fields: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
        if written:
            fields["tools"] = written
        return self.bind(**{**fields, **kwargs})

    def with_structured_output(
        self,
        schema: builtins.dict[str, Any] | type | None = None,
        *,
        method: Method | None = None,
        include_raw: bool = False,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, Any]:
        """Make the model answer with what a schema describes.

        Args:
            schema: A pydantic class (the answer is an object of it), or a TypedDict class, a JSON Schema or a
                function's schema (the answer is a dict). ``json_mode`` does without one.
            method: ``function_calling``, the default; ``json_schema``; ``json_mode``, in which the prompt describes
                the JSON.
            include_raw: Whether to give ``{"raw", "parsed", "parsing_error"}`` in place of the parsed answer alone.
            strict: Whether the service shall enforce the schema.
            **kwargs: Further fields of the request.

        Returns:
            A runnable from the model's input to the parsed answer.

        Raises:
            InvalidInput: The schema is none, or the method is unknown or does not go with the other arguments.
        """
        # The parsers wait for those who parse.
        from maaskit.langchain.structured_output import Wish, structured  # noqa: PLC0415

        with ModelErrors():
            return structured(self, Wish(schema, method, strict, kwargs), include_raw=include_raw)

    def get_token_ids(self, text: str) -> list[int]:
        """Give the tokens of a text, if ``custom_get_token_ids`` is set.

        Args:
            text: The text.

        Returns:
            Their ids.

        Raises:
            NotImplementedError: There is no such function; ``get_num_tokens`` estimates without one.
        """
        if self.custom_get_token_ids is None:
            raise NotImplementedError(
                "The clouds do not publish their vocabularies; set custom_get_token_ids, or use get_num_tokens."
            )
        return super().get_token_ids(text)

    def get_num_tokens(self, text: str) -> int:
        """Estimate the tokens of a text, offline: 0.6 for a Chinese character, 0.3 for every other one.

        Args:
            text: The text.

        Returns:
            The estimate, or the exact number where ``custom_get_token_ids`` is set.
        """
        return estimate(text) if self.custom_get_token_ids is None else len(self.get_token_ids(text))

    def get_num_tokens_from_messages(
        self,
        messages: list[BaseMessage],
        tools: Sequence[builtins.dict[str, Any] | type | Callable[..., Any] | Any] | None = None,
    ) -> int:
        """Estimate the tokens of a conversation, offline; a picture counts 1000.

        Args:
            messages: The conversation.
            tools: Functions that go along.

        Returns:
            The estimate.
        """
        total = self.get_num_tokens(tools_text(written_tools(tools))) if tools else 0
        for message in messages:
            texts, fixed = split_content(message)
            total += fixed + sum(self.get_num_tokens(text) for text in texts)
        return total
