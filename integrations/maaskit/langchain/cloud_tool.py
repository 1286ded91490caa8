"""What LangChain's tools over both clouds share: their fields, how they are called, what becomes of results and errors.

What a tool does, may read and may spend stands in ``maaskit.toolbox``; the tools themselves, in ``tools``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from langchain_core.callbacks import (
    AsyncCallbackManagerForToolRun,
    CallbackManagerForToolRun,
    adispatch_custom_event,
    dispatch_custom_event,
)
from langchain_core.tools import BaseTool, ToolException
from pydantic import ConfigDict, Field, PrivateAttr, SecretStr, ValidationError
from typing_extensions import override

from maaskit.access import ConnectionArgs, invalid, sophnet_settings
from maaskit.errors import MaasError
from maaskit.langchain.errors import ModelErrors
from maaskit.provider import SophNet
from maaskit.qiniu_access import qiniu_settings
from maaskit.toolbox.arguments import Arguments, explained
from maaskit.toolbox.budget import Budget
from maaskit.toolbox.kinds import ToolKind
from maaskit.toolbox.places import checked_folder
from maaskit.toolbox.results import Result
from maaskit.toolbox.saving import checked_output
from maaskit.toolbox.selection import patient
from maaskit.toolbox.tool import Means, Tool, ToolUpdate, rules

if TYPE_CHECKING:
    from maaskit.connections import Settings

PROGRESS_EVENT = "maaskit_task"
"""Name of the custom event that tells how long work stands."""


class CloudTool(BaseTool):
    """Be a tool that asks a cloud; the fields that all tools share.

    A call gives a short text for the model and an artifact for the program: a v1-style content block in plain JSON
    (``text``, ``audio``, ``image`` or ``video``), in which media are by ``url`` or ``base64``. ``tool.invoke({...})``
    gives the text alone, ``tool.invoke({"type": "tool_call", "id": "1", "name": ..., "args": {...}})`` a ToolMessage
    with both.

    What goes wrong becomes a tool error that the model can act on; with ``handle_tool_error=False`` it is raised as a
    ``ToolException``, whose ``__cause__`` is the MaasError.
    """

    # Inputs stay out of errors, because a key is among them.
    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True, hide_input_in_errors=True)

    name: str = ""
    description: str = ""
    response_format: Any = "content_and_artifact"
    handle_tool_error: Any = True
    handle_validation_error: Any = None
    api_key: SecretStr | None = None
    base_url: str | None = None
    timeout: float | None = None
    max_retries: int | None = None
    # Any, because importing this class must not load httpx.
    http_client: Any = Field(default=None, repr=False, exclude=True)
    http_async_client: Any = Field(default=None, repr=False, exclude=True)
    default_headers: Mapping[str, str] | None = Field(default=None, repr=False, exclude=True)
    root_dir: Any = None
    output_dir: Any = None
    allowed_hosts: Sequence[str] | None = None
    max_calls: int | None = None

    kind: ClassVar[ToolKind]
    options: ClassVar[tuple[str, ...]] = ()
    """The fields that are the kind's own options."""

    _budget: Budget = PrivateAttr(default_factory=Budget)

    if not TYPE_CHECKING:  # type checkers read the signature off the fields

        def __init__(self, **data: Any) -> None:
            """Check everything that can be known now, and read the environment once."""
            with ModelErrors():
                try:
                    super().__init__(**data)
                except ValidationError as error:
                    raise invalid(error) from None
                self._complete()

    @property
    @override
    def tool_call_schema(self) -> Any:
        """Give what a model is told of the arguments; core's own copy of a schema says more, and less simply."""
        schema = self.args_schema
        is_ours = isinstance(schema, type) and issubclass(schema, Arguments)
        return schema if is_ours else super().tool_call_schema

    def _run(self, *args: Any, run_manager: CallbackManagerForToolRun | None = None, **arguments: Any) -> Any:
        try:
            tool = self._tool()
            return _given(tool.call(_named(tool, args, arguments), _teller(run_manager)))
        except MaasError as error:
            raise ToolException(str(error)) from error

    async def _arun(
        self, *args: Any, run_manager: AsyncCallbackManagerForToolRun | None = None, **arguments: Any
    ) -> Any:
        try:
            tool = self._tool()
            return _given(await tool.acall(_named(tool, args, arguments), _async_teller(run_manager)))
        except MaasError as error:
            raise ToolException(str(error)) from error

    def _tool(self) -> Tool:
        settings = self._settings()
        self._budget.max_calls = self.max_calls
        allowance = rules(
            settings.provider,
            root_dir=self.root_dir,
            output_dir=self.output_dir,
            allowed_hosts=self.allowed_hosts,
            task_timeout=getattr(self, "task_timeout", None),
        )
        options = {name: getattr(self, name) for name in self.options}
        made = self.kind.make(Means(patient(settings, self.kind), allowance, self._budget), **options)
        return replace(made, name=self.name)  # as the model knows it

    def _complete(self) -> None:
        self.name = self.name or self.kind.name
        self.description = self.description or self.kind.description
        self._budget = Budget(self.max_calls)
        provider = self._settings().provider
        self.api_key, self.base_url = provider.api_key, provider.base_url
        if isinstance(provider, SophNet) and hasattr(self, "project_id"):
            self.project_id = provider.project_id
            self.easyllm_id = provider.easyllm_ids.get(self.kind.service or "") or provider.easyllm_id
        # Where a relative path leads is settled now, not when the process has moved elsewhere.
        self.root_dir = checked_folder(self.root_dir, "root_dir")
        self.output_dir = checked_output(self.output_dir)
        made = self._tool()
        self.args_schema = self.args_schema or made.arguments
        if "handle_validation_error" not in self.model_fields_set:
            self.handle_validation_error = partial(_explained, made.arguments, self.name)

    def _settings(self) -> Settings:
        raise NotImplementedError

    def _connection(self) -> ConnectionArgs:
        return {
            "timeout": self.timeout,
            "max_retries": self.max_retries,
            "http_client": self.http_client,
            "http_async_client": self.http_async_client,
            "default_headers": self.default_headers,
        }


class QiniuTool(CloudTool):
    """Be a tool that asks Qiniu."""

    def _settings(self) -> Settings:
        return qiniu_settings(api_key=self.api_key, base_url=self.base_url, **self._connection())


class SophNetTool(CloudTool):
    """Be a tool that asks SophNet."""

    project_id: str | None = None
    easyllm_id: str | None = None

    def _settings(self) -> Settings:
        return sophnet_settings(
            api_key=self.api_key,
            base_url=self.base_url,
            project_id=self.project_id,
            easyllm_id=self.easyllm_id,
            **self._connection(),
        )


def _named(tool: Tool, args: tuple[Any, ...], arguments: dict[str, Any]) -> dict[str, Any]:
    """Give arguments by name: a plain text stands for the first one."""
    return dict(zip(tool.arguments.model_fields, args, strict=False)) | arguments


def _given(result: Result) -> tuple[str, dict[str, Any]]:
    return result.text, result.block


def _explained(schema: Any, name: str, error: ValidationError) -> str:
    return explained(error, schema, name)


def _teller(run_manager: CallbackManagerForToolRun | None) -> Callable[[ToolUpdate], None] | None:
    if run_manager is None:
        return None

    def tell(update: ToolUpdate) -> None:
        _write(update)
        dispatch_custom_event(PROGRESS_EVENT, asdict(update), config={"callbacks": run_manager.get_child()})

    return tell


def _async_teller(run_manager: AsyncCallbackManagerForToolRun | None) -> Callable[[ToolUpdate], Any] | None:
    if run_manager is None:
        return None

    async def tell(update: ToolUpdate) -> None:
        _write(update)
        await adispatch_custom_event(PROGRESS_EVENT, asdict(update), config={"callbacks": run_manager.get_child()})

    return tell


def _write(update: ToolUpdate) -> None:
    """Tell a graph that streams in the mode ``custom``: LangGraph has a channel of its own."""
    graph = sys.modules.get("langgraph.config")  # who runs in a graph has loaded it
    if graph is None:
        return
    try:
        write = graph.get_stream_writer()
    except (RuntimeError, KeyError):  # no graph runs here
        return
    write({"type": PROGRESS_EVENT, **asdict(update)})
