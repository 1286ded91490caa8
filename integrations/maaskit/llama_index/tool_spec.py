"""What LlamaIndex's tool specs over both clouds share: settings, the tools that are offered, and their outputs.

What a tool does, may read and may spend stands in ``maaskit.toolbox``; the specs themselves, in ``tools``.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

from llama_index.core.base.llms.types import AudioBlock, ContentBlock, ImageBlock, TextBlock, VideoBlock
from llama_index.core.instrumentation.events import BaseEvent
from llama_index.core.tools import FunctionTool, ToolMetadata, ToolOutput
from llama_index.core.tools.tool_spec.base import BaseToolSpec
from llama_index_instrumentation import get_dispatcher
from pydantic import Field, PrivateAttr, field_validator
from typing_extensions import override

from maaskit.kodo import Storage
from maaskit.llama_index.connected import Connected
from maaskit.toolbox.budget import Budget, calls_of, checked_calls
from maaskit.toolbox.kinds import ToolKind
from maaskit.toolbox.places import checked_folder
from maaskit.toolbox.results import Result
from maaskit.toolbox.saving import checked_output
from maaskit.toolbox.selection import checked_options, chosen, made_of, named
from maaskit.toolbox.tool import Means, Tool, ToolUpdate, rules

Blocks: TypeAlias = list[ContentBlock]

_dispatcher = get_dispatcher(__name__)
_FORMATS = {"audio/mpeg": "mp3", "audio/wav": "wav", "audio/x-wav": "wav", "audio/ogg": "ogg", "audio/l16": "pcm"}


class ToolProgressEvent(BaseEvent):
    """Tell how long work stands; goes to the handlers of LlamaIndex's instrumentation."""

    tool: str
    task_id: str
    phase: str
    word: str
    elapsed_s: float

    @classmethod
    def class_name(cls) -> str:
        """Give the event's name."""
        return "ToolProgressEvent"


class CloudTool(FunctionTool):
    """Be one tool of a spec: arguments that are wrong are explained to the model, and media stay out of the prompt.

    Args:
        tool: Makes the tool.
        metadata: Its name, description and schema.
    """

    def __init__(self, tool: Callable[[], Tool], metadata: ToolMetadata) -> None:
        self._make = tool

        def call(*args: Any, **kwargs: Any) -> Blocks:
            return blocks_of(self._result(args, kwargs), inline=False)

        async def acall(*args: Any, **kwargs: Any) -> Blocks:
            return blocks_of(await self._aresult(args, kwargs), inline=False)

        super().__init__(fn=call, async_fn=acall, metadata=metadata)

    @override
    def __call__(self, /, *args: Any, **kwargs: Any) -> ToolOutput:
        """Do the tool's work; a model may call an argument anything, ``self`` as well."""
        return self.call(*args, **kwargs)

    @override
    def call(self, /, *args: Any, **kwargs: Any) -> ToolOutput:
        """Do the tool's work.

        Args:
            *args: Arguments in their order.
            **kwargs: Arguments by name.

        Returns:
            The output: the text, then media by URL or path; ``raw_output`` is the result in plain JSON.

        Raises:
            MaasError: What went wrong.
        """
        return self._output(self._result(args, kwargs), kwargs)

    @override
    async def acall(self, /, *args: Any, **kwargs: Any) -> ToolOutput:
        """Do the tool's work without holding up the event loop; see ``call``.

        Args:
            *args: Arguments in their order.
            **kwargs: Arguments by name.

        Returns:
            The output.
        """
        return self._output(await self._aresult(args, kwargs), kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle what the tool is made of: its spec and what a model is told."""
        return type(self), (self._make, self.metadata)

    def _result(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Result:
        tool = replace(self._make(), name=self.metadata.get_name())  # as the model knows it
        return tool.call(_by_name(tool, args, kwargs), tell)

    async def _aresult(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Result:
        tool = replace(self._make(), name=self.metadata.get_name())
        return await tool.acall(_by_name(tool, args, kwargs), tell)

    def _output(self, result: Result, kwargs: Mapping[str, Any]) -> ToolOutput:
        return ToolOutput(
            tool_name=self.metadata.get_name(),
            blocks=blocks_of(result, inline=False),
            raw_input={"kwargs": dict(kwargs)},
            raw_output=result.block,
        )


class CloudToolSpec(Connected, BaseToolSpec):
    """Be all tools of a cloud."""

    root_dir: str | Path | None = Field(default=None, description="The folder whose files the model may name.")
    output_dir: str | Path | None = Field(default=None, description="The folder where results are saved.")
    include: list[str] | None = Field(default=None, description="Names of the tools that are wanted.")
    allowed_hosts: list[str] | None = Field(default=None, description="Private hosts that may be fetched from.")
    max_calls: int | dict[str, int] | None = Field(default=None, description="How often each tool may ask.")
    task_timeout: float | None = Field(default=None, description="Seconds to wait for long work.")
    options: dict[str, dict[str, Any]] | None = Field(default=None, description="Options of tools by name.")
    storage: Any = Field(default=None, exclude=True, repr=False, description="Where local files are put.")

    kinds: ClassVar[tuple[ToolKind, ...]] = ()
    spec_functions: ClassVar[list[str | tuple[str, str]]] = []  # type: ignore[misc]  # core's is an instance's

    _budgets: dict[str, Budget] = PrivateAttr(default_factory=dict)

    @field_validator("root_dir", "output_dir", mode="before")
    @classmethod
    def _as_text(cls, folder: Any) -> Any:
        return os.fsdecode(folder) if isinstance(folder, os.PathLike) else folder

    @override
    def to_tool_list(
        self,
        spec_functions: Any = None,
        func_to_metadata_mapping: dict[str, ToolMetadata] | None = None,
    ) -> list[FunctionTool]:
        """Give the tools.

        Args:
            spec_functions: Names of methods, alone or with their twins; by default those that ``include`` names, or all
                that are configured.
            func_to_metadata_mapping: Other names, descriptions or schemas, by method.

        Returns:
            The tools; their limits are shared with all other tools that this spec gives.

        Raises:
            InvalidInput: A name is unknown.
            ConfigurationError: A tool that is named is not configured; the message names the variable.
        """
        wanted = self.include if spec_functions is None else [self._method(one) for one in spec_functions]
        offered = chosen(self.kinds, self._settings().provider, wanted)
        return [CloudTool(self._maker(kind), self._metadata(kind, func_to_metadata_mapping)) for kind in offered]

    @override
    def get_metadata_from_fn_name(self, fn_name: str, spec_functions: Any = None) -> ToolMetadata | None:
        """Give what a model is told of a tool.

        Args:
            fn_name: The method's name.
            spec_functions: It has no meaning here.

        Returns:
            Name, description and schema.
        """
        (kind,) = named(self.kinds, [self._method(fn_name)])
        return self._metadata(kind, None)

    @override
    def get_fn_schema_from_fn_name(self, fn_name: str, spec_functions: Any = None) -> Any:
        """Give the schema of a tool's arguments.

        Args:
            fn_name: The method's name.
            spec_functions: It has no meaning here.

        Returns:
            The schema's class.
        """
        (kind,) = named(self.kinds, [self._method(fn_name)])
        return self._tool(kind).arguments

    @override
    def __getstate__(self) -> dict[str, Any]:
        """Give what is pickled: as every component, and a storage only where it is not one that holds keys."""
        copied = self.__copy__()
        copied.storage = None if isinstance(self.storage, Storage) else self.storage
        return super(CloudToolSpec, copied).__getstate__()

    def _text(self, method: str, **arguments: Any) -> str:
        tool = self._named(method)
        return str(tool.call(arguments, tell).block["text"])

    async def _atext(self, method: str, **arguments: Any) -> str:
        tool = self._named(method)
        return str((await tool.acall(arguments, tell)).block["text"])

    def _blocks(self, method: str, **arguments: Any) -> Blocks:
        tool = self._named(method)
        return blocks_of(tool.call(_filled(arguments), tell), inline=True)

    async def _ablocks(self, method: str, **arguments: Any) -> Blocks:
        tool = self._named(method)
        return blocks_of(await tool.acall(_filled(arguments), tell), inline=True)

    def _method(self, spec: Any) -> Any:
        """Read LlamaIndex's ways to name a method: alone, with its asynchronous twin, or the twin alone."""
        name = spec[0] if isinstance(spec, tuple | list) and spec else spec
        twins = {f"a{kind.method}": kind.method for kind in self.kinds}
        return twins.get(name, name)

    def _named(self, method: str) -> Tool:
        (kind,) = named(self.kinds, [method])
        return replace(self._tool(kind), name=method)

    def _tool(self, kind: ToolKind) -> Tool:
        settings = self._settings()
        budget = self._budgets.setdefault(kind.name, Budget(calls_of(self.max_calls, kind.name, kind.method)))
        allowance = rules(
            settings.provider,
            root_dir=self.root_dir,
            output_dir=self.output_dir,
            allowed_hosts=self.allowed_hosts,
            task_timeout=self.task_timeout,
        )
        return made_of(kind, Means(settings, allowance, budget), self.options, storage=self.storage)

    def _maker(self, kind: ToolKind) -> Callable[[], Tool]:
        return partial(self._tool, kind)  # which can be pickled

    def _metadata(self, kind: ToolKind, others: Mapping[str, ToolMetadata] | None) -> ToolMetadata:
        other = (others or {}).get(kind.method) or (others or {}).get(f"a{kind.method}")
        return other or ToolMetadata(kind.description, kind.method, self._tool(kind).arguments)

    def _complete(self) -> None:
        super()._complete()
        names = {kind.name for kind in self.kinds} | {kind.method for kind in self.kinds}
        checked_calls(self.max_calls, names)
        checked_options(self.kinds, self.options)
        if self.include is not None:
            named(self.kinds, self.include)
        # Where a relative path leads is settled now, not when the process has moved elsewhere.
        root, output = checked_folder(self.root_dir, "root_dir"), checked_output(self.output_dir)
        self.root_dir = None if root is None else str(root)
        self.output_dir = None if output is None else str(output)
        for kind in self.kinds:  # refuses folders, hosts and options that are none
            self._tool(kind)


def tell(update: ToolUpdate) -> None:
    """Tell LlamaIndex's instrumentation how long work stands.

    Args:
        update: Where it stands.
    """
    _dispatcher.event(
        ToolProgressEvent(
            tool=update.tool,
            task_id=update.task_id,
            phase=update.phase,
            word=update.word,
            elapsed_s=update.elapsed_s,
        )
    )


def blocks_of(result: Result, *, inline: bool) -> Blocks:
    """Turn a result into LlamaIndex's blocks.

    Args:
        result: The result.
        inline: Whether content that is neither saved nor behind a URL stands in a block: it may for a program, and may
            not for an agent, whose memory and prompts blocks go into.

    Returns:
        The text, then the media by URL or path.
    """
    block = result.block
    text = TextBlock(text=result.text)
    if block["type"] == "text":
        return [text]
    where: dict[str, Any] = {}
    if result.path is not None:
        where["path"] = result.path
    if not str(block.get("url", "file:")).startswith("file:"):
        where["url"] = block["url"]
    content = base64.b64decode(block["base64"]) if inline and "base64" in block else None
    if not where and content is None:
        return [text]
    kind = str(block["mime_type"])
    if block["type"] == "audio":
        return [text, AudioBlock(audio=content, format=_FORMATS.get(kind.lower()), **where)]
    if block["type"] == "image":
        return [text, ImageBlock(image=content, image_mimetype=kind, **where)]
    return [text, VideoBlock(video=content, video_mimetype=kind, **where)]


def _by_name(tool: Tool, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Give arguments by name: core hands a single one over by its place."""
    return dict(zip(tool.arguments.model_fields, args, strict=False)) | dict(kwargs)


def _filled(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what a program did not fill in: not every model takes every argument."""
    return {name: value for name, value in arguments.items() if value is not None}


def twins(kinds: Sequence[ToolKind]) -> list[str | tuple[str, str]]:
    """Name the methods of kinds of tools, each with its asynchronous twin.

    Args:
        kinds: The kinds.

    Returns:
        The names, as LlamaIndex wants them in ``spec_functions``.
    """
    return [(kind.method, f"a{kind.method}") for kind in kinds]
