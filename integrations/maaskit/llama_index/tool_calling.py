"""Tools and structured output on top of asking.

What a schema asks of the model, and how its answer is read, stands in ``structured``.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import closing
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, MessageRole, ToolCallBlock
from llama_index.core.chat_engine.types import AgentChatResponse
from llama_index.core.instrumentation.events.llm import LLMStructuredPredictEndEvent, LLMStructuredPredictStartEvent
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.program.function_program import get_function_tool
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools.types import BaseTool
from llama_index.core.types import PydanticProgramMode
from llama_index_instrumentation import get_dispatcher
from typing_extensions import override

from maaskit.leaving import leaving
from maaskit.llama_index.arguments import arguments_of, whole_arguments
from maaskit.llama_index.asking import AskingLLM
from maaskit.llama_index.responses import finish_reason_of, is_cut, said_in
from maaskit.llama_index.structured import Model, Plan, UnfitAnswer, response_format_of
from maaskit.openai_chat.answer import text_or_none
from maaskit.openai_chat.traits import thinks

_dispatcher = get_dispatcher(__name__)

# The plan decides on these; core's callers pass them along.
_PLANNED = ("tool_required", "tool_choice", "allow_parallel_tool_calls", "response_format")


class ToolCallingLLM(AskingLLM):
    """Ask a chat model that may call functions."""

    @override
    def _prepare_chat_with_tools(
        self,
        tools: Sequence[BaseTool],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        verbose: bool = False,
        allow_parallel_tool_calls: bool = False,
        tool_required: bool = False,
        **kwargs: Any,
    ) -> dict[str, Any]:
        if isinstance(user_msg, str):
            user_msg = ChatMessage(role=MessageRole.USER, content=user_msg)
        messages = [*(chat_history or ()), *([user_msg] if user_msg is not None else ())]
        given = {name: value for name, value in kwargs.items() if value is not None}
        written = [_written(tool) for tool in tools]
        if written:
            given = {"tools": written, "tool_choice": "required" if tool_required else "auto", **given}
        # Neither document has a field for this, so it is seen to when the answer is read.
        return {"messages": messages, "allow_parallel_tool_calls": allow_parallel_tool_calls, **given}

    @override
    def get_tool_calls_from_response(
        self,
        response: ChatResponse,
        error_on_no_tool_call: bool = True,
        **kwargs: Any,
    ) -> list[ToolSelection]:
        """Give the calls of an answer, whole or still coming.

        Args:
            response: The answer; its arguments may be cut anywhere.
            error_on_no_tool_call: Whether an answer without calls is an error.
            **kwargs: Nothing that is used.

        Returns:
            The calls, under the tools' own names, with their arguments as far as they have come.

        Raises:
            UnfitAnswer: There is no call, and one was wanted; or the whole answer was cut within a call, which must not
                be carried out with half its arguments. It is a ValueError too.
        """
        found = _calls_in(response.message)
        if not found and error_on_no_tool_call:
            raise UnfitAnswer("The model called no tool.", endpoint="chat", excerpt=(said_in(response) or "")[:500])
        if found and is_cut(response):
            _check_whole(found[-1], finish_reason_of(response))
        return [
            ToolSelection(tool_id=text_or_none(call_id) or "", tool_name=name, tool_kwargs=arguments_of(arguments))
            for call_id, name, arguments in found
            if name and isinstance(name, str)
        ]

    @override
    def predict_and_call(self, *args: Any, **kwargs: Any) -> AgentChatResponse:
        """Let the model call tools, and give what they return.

        Args:
            *args: ``tools``, and core's further arguments.
            **kwargs: Core's arguments, and fields of the request.

        Returns:
            The tools' outputs; a model that calls no functions is led by ReAct prompts.

        Raises:
            UnfitAnswer: No tool was called, and ``error_on_no_tool_call`` is set.
            MaasError: What else went wrong.
        """
        return super().predict_and_call(*args, **self._with_react(kwargs))

    @override
    async def apredict_and_call(self, *args: Any, **kwargs: Any) -> AgentChatResponse:
        """Let the model call tools, and give what they return; see ``predict_and_call``.

        Args:
            *args: ``tools``, and core's further arguments.
            **kwargs: Core's arguments, and fields of the request.

        Returns:
            The tools' outputs.

        Raises:
            MaasError: What went wrong.
        """
        return await super().apredict_and_call(*args, **self._with_react(kwargs))

    def _with_react(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        """Give core's ReAct fallback the two helpers that it needs and does not make (seen in core 0.14.25)."""
        if self.is_function_calling_model:
            return kwargs
        # With them come all of core's agents, which most users of an LLM do without.
        from llama_index.core.agent.react.formatter import ReActChatFormatter  # noqa: PLC0415
        from llama_index.core.agent.react.output_parser import ReActOutputParser  # noqa: PLC0415

        return {"react_chat_formatter": ReActChatFormatter(), "output_parser": ReActOutputParser(), **kwargs}

    # -- structured output --

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


def _calls_in(message: ChatMessage) -> list[tuple[Any, Any, Any]]:
    """Give id, name and arguments of each call; blocks win over the older form in ``additional_kwargs``."""
    blocks = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    if blocks:
        return [(block.tool_call_id, block.tool_name, block.tool_kwargs) for block in blocks]
    legacy = message.additional_kwargs.get("tool_calls") or ()
    functions = [(call.get("id"), call.get("function")) for call in legacy if isinstance(call, dict)]
    return [
        (call_id, function.get("name"), function.get("arguments"))
        for call_id, function in functions
        if isinstance(function, dict)
    ]


def _check_whole(call: tuple[Any, Any, Any], reason: str | None) -> None:
    """Refuse the last call of an answer that was cut: nobody knows what else it was to say."""
    call_id, name, arguments = call
    whole = whole_arguments(arguments) if isinstance(arguments, str) else arguments
    if not whole or not isinstance(whole, dict):
        raise UnfitAnswer(
            f"The answer was cut (finish_reason {reason}) within the call {call_id} of the tool {name}, which is "
            "therefore not carried out: allow more max_tokens, or ask for less.",
            endpoint="chat",
            excerpt=str(arguments or "")[:500],
        )


def _written(tool: BaseTool) -> dict[str, Any]:
    written = tool.metadata.to_openai_tool(skip_length_check=True)
    # Under its own name, which core has replaced by underscores where it is not ASCII (see `tool_names`).
    return {**written, "function": {**written["function"], "name": tool.metadata.get_name()}}
