"""Tools on top of asking: which calls an answer holds, and core's ways to carry them out.

How an answer is read stands in ``responses``, structured output in ``predicting``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, MessageRole, ToolCallBlock
from llama_index.core.chat_engine.types import AgentChatResponse
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.tools.types import BaseTool
from typing_extensions import override

from maaskit.errors import InvalidInput
from maaskit.llama_index.arguments import arguments_of, whole_arguments
from maaskit.llama_index.predicting import PredictingLLM
from maaskit.llama_index.responses import finish_reason_of, is_cut, said_in
from maaskit.llama_index.structured import UnfitAnswer
from maaskit.openai_chat.answer import text_or_none


class ToolCallingLLM(PredictingLLM):
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
        written = [_written(tool) for tool in _told_apart(tools)]
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
            UnfitAnswer: No tool was called, and ``error_on_no_tool_call`` is set; or one that there is not.
            MaasError: What else went wrong.
        """
        with _missing_told(*args, **kwargs):
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
        with _missing_told(*args, **kwargs):
            return await super().apredict_and_call(*args, **self._with_react(kwargs))

    def _with_react(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        """Give core's ReAct fallback the two helpers that it needs and does not make (seen in core 0.14.25)."""
        if self.is_function_calling_model:
            return kwargs
        # With them come all of core's agents, which most users of an LLM do without.
        from llama_index.core.agent.react.formatter import ReActChatFormatter  # noqa: PLC0415
        from llama_index.core.agent.react.output_parser import ReActOutputParser  # noqa: PLC0415

        return {"react_chat_formatter": ReActChatFormatter(), "output_parser": ReActOutputParser(), **kwargs}


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


def _told_apart(tools: Sequence[BaseTool]) -> Iterable[BaseTool]:
    """Give each tool once, and refuse tools that a call could not tell apart: core would carry out the last one."""
    named = {tool.metadata.get_name(): tool for tool in tools}
    twice = dict.fromkeys(tool.metadata.get_name() for tool in tools if named[tool.metadata.get_name()] is not tool)
    if twice:
        raise InvalidInput(
            f"tools: there are several of the name {', '.join(twice)}. Where two tool specs give them, choose with "
            "include=[...] which cloud does what, or give one another name with "
            "to_tool_list(func_to_metadata_mapping={...})."
        )
    return named.values()


@contextmanager
def _missing_told(tools: Sequence[BaseTool] = (), *_: Any, **__: Any) -> Iterator[None]:
    """Tell that a model called a tool that there is not: core looks it up as it is, and leaves a bare KeyError."""
    try:
        yield
    except KeyError as error:
        names = [tool.metadata.get_name() for tool in tools]
        called = str(error.args[0]) if error.args else ""
        if called in names:
            raise
        raise UnfitAnswer(
            f"The model called {called[:100]!r}, which is none of the tools that it was given: {', '.join(names)}.",
            endpoint="chat",
            excerpt=called[:500],
        ) from None


def _written(tool: BaseTool) -> dict[str, Any]:
    written = tool.metadata.to_openai_tool(skip_length_check=True)
    # Under its own name, which core has replaced by underscores where it is not ASCII (see `tool_names`).
    return {**written, "function": {**written["function"], "name": tool.metadata.get_name()}}
