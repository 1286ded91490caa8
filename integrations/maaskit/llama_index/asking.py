"""The eight ways to ask: chat and completion, whole and in pieces, with and without an event loop.

Messages and answers are translated next door; tools and structured output come on top (``tool_calling``).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from typing import Any, TypeVar, cast

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseAsyncGen,
    CompletionResponseGen,
    MessageRole,
)
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
from typing_extensions import override

from maaskit.errors import InvalidInput, MaasError
from maaskit.llama_index.growing import Growing
from maaskit.llama_index.messages import Addressee, need_files, wire_messages
from maaskit.llama_index.questions import Written, write_tools
from maaskit.llama_index.responses import Reading, completion_of
from maaskit.llama_index.settings import LLMSettings
from maaskit.openai_chat.json_mode import schema_in_prompt
from maaskit.openai_chat.request import Message

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


def traced_chat(function: F) -> F:
    """Let core see a chat method: events, callbacks, rate limiter.

    Args:
        function: The method.

    Returns:
        The method as core wraps it, with the type that it had.
    """
    return cast("F", llm_chat_callback()(function))


def traced_completion(function: F) -> F:
    """Let core see a completion method: events, callbacks, rate limiter.

    Args:
        function: The method.

    Returns:
        The method as core wraps it, with the type that it had.
    """
    return cast("F", llm_completion_callback()(function))


class AskingLLM(LLMSettings):
    """Ask a chat model."""

    @override
    @traced_chat
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Ask for a whole answer.

        Args:
            messages: The conversation; it is not changed.
            **kwargs: Fields of this request, over the LLM's own: ``temperature``, ``stop``, ``tools``, ``model`` …

        Returns:
            The answer: ThinkingBlock, TextBlock and ToolCallBlocks, ``raw`` a dict with ``choices`` and ``usage``.

        Raises:
            InvalidInput: An argument is out of its range, before anything is sent.
            MaasError: What went wrong; refusals are APIError.
        """
        return self._chat(messages, kwargs)

    @override
    @traced_chat
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Ask for a whole answer; see ``chat``.

        Args:
            messages: The conversation; it is not changed.
            **kwargs: Fields of this request.

        Returns:
            The answer.

        Raises:
            MaasError: What went wrong.
        """
        return await self._achat(messages, kwargs)

    @override
    @traced_chat
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """Ask for an answer in pieces.

        Args:
            messages: The conversation; it is not changed.
            **kwargs: Fields of this request, over the LLM's own.

        Returns:
            Cumulative responses; the last one has ``usage``, references and the finish reason.

        Raises:
            InvalidInput: An argument is out of its range, before anything is sent.
            MaasError: What went wrong, while iterating; ``StreamInterrupted.partial`` is a ChatResponse.
        """
        return self._streamed(messages, kwargs, _same)

    @override
    @traced_chat
    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:
        """Ask for an answer in pieces; see ``stream_chat``.

        Args:
            messages: The conversation; it is not changed.
            **kwargs: Fields of this request.

        Returns:
            Cumulative responses.

        Raises:
            MaasError: What went wrong.
        """
        return await self._astreamed(messages, kwargs, _same)

    @override
    @traced_completion
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """Ask with a prompt: it becomes one user message.

        Args:
            prompt: The prompt.
            formatted: Whether ``completion_to_prompt`` has been applied already.
            **kwargs: Fields of this request.

        Returns:
            The answer.

        Raises:
            MaasError: What went wrong.
        """
        return completion_of(self._chat(self._prompt(prompt, formatted=formatted), kwargs))

    @override
    @traced_completion
    async def acomplete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """Ask with a prompt; see ``complete``.

        Args:
            prompt: The prompt.
            formatted: Whether ``completion_to_prompt`` has been applied already.
            **kwargs: Fields of this request.

        Returns:
            The answer.

        Raises:
            MaasError: What went wrong.
        """
        return completion_of(await self._achat(self._prompt(prompt, formatted=formatted), kwargs))

    @override
    @traced_completion
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        """Ask with a prompt for an answer in pieces.

        Args:
            prompt: The prompt.
            formatted: Whether ``completion_to_prompt`` has been applied already.
            **kwargs: Fields of this request.

        Returns:
            Cumulative answers.

        Raises:
            MaasError: What went wrong, while iterating; ``StreamInterrupted.partial`` is a CompletionResponse.
        """
        return self._streamed(self._prompt(prompt, formatted=formatted), kwargs, completion_of)

    @override
    @traced_completion
    async def astream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseAsyncGen:
        """Ask with a prompt for an answer in pieces; see ``stream_complete``.

        Args:
            prompt: The prompt.
            formatted: Whether ``completion_to_prompt`` has been applied already.
            **kwargs: Fields of this request.

        Returns:
            Cumulative answers.

        Raises:
            MaasError: What went wrong.
        """
        return await self._astreamed(self._prompt(prompt, formatted=formatted), kwargs, completion_of)

    def _prompt(self, prompt: str, *, formatted: bool) -> list[ChatMessage]:
        if not isinstance(prompt, str):
            raise InvalidInput(f"prompt must be a string, not {type(prompt).__name__}; messages go to chat.")
        if not formatted and self.completion_to_prompt is not None:
            prompt = self.completion_to_prompt(prompt)
        return [ChatMessage(role=MessageRole.USER, content=prompt)]

    def _speaks(self, kwargs: Mapping[str, Any]) -> bool:
        return kwargs.get("audio", getattr(self, "audio", None)) is not None

    def _chat(self, messages: Sequence[ChatMessage], kwargs: Mapping[str, Any]) -> ChatResponse:
        if self._speaks(kwargs):  # "仅支持流式": the last piece holds the whole
            return deque(self._streamed(messages, kwargs, _same), maxlen=1).pop()
        written = self._written(messages, kwargs, stream=False)
        return written.reading.whole(written.settings.client().send(written.request))

    async def _achat(self, messages: Sequence[ChatMessage], kwargs: Mapping[str, Any]) -> ChatResponse:
        if self._speaks(kwargs):
            last: deque[ChatResponse] = deque(maxlen=1)
            async for response in await self._astreamed(messages, kwargs, _same):
                last.append(response)
            return last.pop()
        written = await self._awritten(messages, kwargs, stream=False)
        client = await written.settings.async_client()
        return written.reading.whole(await client.send(written.request))

    def _streamed(
        self, messages: Sequence[ChatMessage], kwargs: Mapping[str, Any], form: Callable[[ChatResponse], T]
    ) -> Generator[T, None, None]:
        # Everything that can be refused unsent is refused here, not at the first piece.
        written = self._written(messages, kwargs, stream=True)

        def pieces() -> Generator[T, None, None]:
            add = Growing(written.reading).add
            try:
                with written.settings.client().stream(written.request) as stream:
                    while deltas := stream.batch():
                        for delta in deltas:
                            response = add(delta)
                            if response is not None:
                                yield form(response)
            except MaasError as error:
                written.reading.error(error, form)
                raise

        return pieces()

    async def _astreamed(
        self, messages: Sequence[ChatMessage], kwargs: Mapping[str, Any], form: Callable[[ChatResponse], T]
    ) -> AsyncGenerator[T, None]:
        written = await self._awritten(messages, kwargs, stream=True)

        async def pieces() -> AsyncGenerator[T, None]:
            add = Growing(written.reading).add
            client = await written.settings.async_client()
            try:
                async with client.stream(written.request) as stream:
                    while deltas := await stream.batch():
                        for delta in deltas:
                            response = add(delta)
                            if response is not None:
                                yield form(response)
            except MaasError as error:
                written.reading.error(error, form)
                raise

        return pieces()

    async def _awritten(self, messages: Sequence[ChatMessage], kwargs: Mapping[str, Any], *, stream: bool) -> Written:
        if need_files(messages):
            return await asyncio.to_thread(self._written, messages, kwargs, stream=stream)
        return self._written(messages, kwargs, stream=stream)

    def _written(self, messages: Sequence[ChatMessage], kwargs: Mapping[str, Any], *, stream: bool) -> Written:
        told, given = self._told(kwargs)
        if told is not self:
            return type(self)._written(told, messages, given, stream=stream)  # noqa: SLF001 - a copy of ourselves
        parallel = given.pop("allow_parallel_tool_calls", True)
        in_words = given.pop("schema_in_prompt", not self.cloud.knows_schemas)
        params = self._params(given)
        write_tools(params)
        if not stream:
            params.pop("stream_options", None)
        elif self.stream_usage:
            params.setdefault("stream_options", {"include_usage": True})
        addressee = Addressee(
            self.model, self.replay_reasoning, sees=self.cloud.sees(self.model), intake=self.cloud.intake
        )
        wire: list[Message] = [*wire_messages(messages, addressee)]
        if in_words and "response_format" in params:
            wire, params["response_format"] = schema_in_prompt(wire, params["response_format"])
        options = {name: getattr(self, name) for name in self.cloud.options}
        voice = self._voice()
        reading = Reading(self.think_tags, self.reasoning_as_answer, parallel, (voice or {}).get("format"))
        ask = self.cloud.stream if stream else self.cloud.complete
        if voice is not None and self.cloud.speak is not None:
            ask, options = self.cloud.speak, options | voice
        return Written(self._settings(), ask(wire, self.model, **options, **params), reading)


def _same(response: ChatResponse) -> ChatResponse:
    return response
