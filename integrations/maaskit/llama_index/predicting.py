"""Structured output on top of asking: an object in place of an answer, whole or growing.

What a schema asks of the model, and how its answer is read, stands in ``structured``; calls of tools in
``tool_calling``.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from contextlib import closing
from typing import Any

from llama_index.core.instrumentation.events.llm import LLMStructuredPredictEndEvent, LLMStructuredPredictStartEvent
from llama_index.core.program.function_program import get_function_tool
from llama_index.core.prompts import PromptTemplate
from llama_index.core.types import PydanticProgramMode
from llama_index_instrumentation import get_dispatcher
from typing_extensions import override

from maaskit.leaving import leaving
from maaskit.llama_index.asking import AskingLLM
from maaskit.llama_index.structured import Model, Plan, response_format_of
from maaskit.openai_chat.traits import thinks

_dispatcher = get_dispatcher(__name__)

# The plan decides on these; core's callers pass them along.
_PLANNED = ("tool_required", "tool_choice", "allow_parallel_tool_calls", "response_format")


class PredictingLLM(AskingLLM):
    """Ask a chat model for objects."""

    @override
    @_dispatcher.span
    def structured_predict(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Model:
        """Ask for an object.

        Args:
            output_cls: What it shall be.
            prompt: The prompt.
            llm_kwargs: Fields of this request; the dict is not changed.
            **prompt_args: What fills the prompt in.

        Returns:
            The object.

        Raises:
            UnfitAnswer: The model's answer is none, or is cut; it is a ValueError too.
            MaasError: What else went wrong.
        """
        if not self._plans():
            found: Model = super().structured_predict(output_cls, prompt, llm_kwargs, **prompt_args)
            return found
        _dispatcher.event(
            LLMStructuredPredictStartEvent(output_cls=output_cls, template=prompt, template_args=prompt_args)
        )
        plan = self._plan(output_cls, prompt, llm_kwargs, prompt_args)
        result = plan.result(self.chat(plan.messages, **plan.kwargs))
        _dispatcher.event(LLMStructuredPredictEndEvent(output=result))
        return result

    @override
    @_dispatcher.span
    async def astructured_predict(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Model:
        """Ask for an object; see ``structured_predict``.

        Args:
            output_cls: What it shall be.
            prompt: The prompt.
            llm_kwargs: Fields of this request.
            **prompt_args: What fills the prompt in.

        Returns:
            The object.

        Raises:
            MaasError: What went wrong.
        """
        if not self._plans():
            found: Model = await super().astructured_predict(output_cls, prompt, llm_kwargs, **prompt_args)
            return found
        _dispatcher.event(
            LLMStructuredPredictStartEvent(output_cls=output_cls, template=prompt, template_args=prompt_args)
        )
        plan = self._plan(output_cls, prompt, llm_kwargs, prompt_args)
        result = plan.result(await self.achat(plan.messages, **plan.kwargs))
        _dispatcher.event(LLMStructuredPredictEndEvent(output=result))
        return result

    @override
    def _structured_stream_call(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Generator[Any, None, None]:
        """Ask for an object that grows: what core's ``stream_structured_predict`` iterates over."""
        if not self._plans():
            return super()._structured_stream_call(output_cls, prompt, llm_kwargs, **prompt_args)
        plan = self._plan(output_cls, prompt, llm_kwargs, prompt_args)
        pieces = self.stream_chat(plan.messages, **plan.kwargs)

        def objects() -> Generator[Any, None, None]:
            with closing(pieces):
                for response in pieces:
                    yield from plan.next(response)
            yield from plan.last()

        return objects()

    @override
    async def _structured_astream_call(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> AsyncGenerator[Any, None]:
        """Ask for an object that grows: what core's ``astream_structured_predict`` iterates over."""
        if not self._plans():
            return await super()._structured_astream_call(output_cls, prompt, llm_kwargs, **prompt_args)
        plan = self._plan(output_cls, prompt, llm_kwargs, prompt_args)
        pieces = await self.astream_chat(plan.messages, **plan.kwargs)

        async def objects() -> AsyncGenerator[Any, None]:
            async with leaving(pieces):
                async for response in pieces:
                    for found in plan.next(response):
                        yield found
            for found in plan.last():
                yield found

        return objects()

    def _plans(self) -> bool:
        """Tell whether structured output is planned here; the other modes are core's own programs."""
        return self.pydantic_program_mode in (PydanticProgramMode.DEFAULT, PydanticProgramMode.FUNCTION)

    def _plan(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None,
        prompt_args: dict[str, Any],
    ) -> Plan[Model]:
        # The system prompt is put in here: core's own programs forget it on their asynchronous path.
        messages = self._extend_messages(prompt.format_messages(llm=self, **prompt_args))
        kwargs = {name: value for name, value in (llm_kwargs or {}).items() if name not in _PLANNED}
        mode = self._mode(kwargs)
        if mode == "tools":
            prepared = self._prepare_chat_with_tools(
                [get_function_tool(output_cls)], chat_history=messages, tool_required=True, **kwargs
            )
            return Plan(output_cls, prepared.pop("messages"), prepared, by_tool=True)
        kwargs["response_format"] = response_format_of(output_cls)
        if mode == "json_object":
            kwargs["schema_in_prompt"] = True
        return Plan(output_cls, messages, kwargs, by_tool=False)

    def _mode(self, kwargs: dict[str, Any]) -> str:
        if self.pydantic_program_mode == PydanticProgramMode.FUNCTION:
            return "tools"
        if self.structured_mode != "auto":
            return self.structured_mode
        # A model that thinks refuses a forced call, and a call that is not forced may not come.
        told, given = self._told(kwargs)
        forced = self.is_function_calling_model and not thinks(told.model, told._params(given))  # noqa: SLF001 - ours
        return "tools" if forced else "json_object"
