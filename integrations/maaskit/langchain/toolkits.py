"""LangChain's toolkits: all tools of one cloud that its configuration allows.

The tools themselves stand in ``tools``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from langchain_core.tools import BaseTool
from langchain_core.tools.base import BaseToolkit
from pydantic import ConfigDict, Field, PrivateAttr, SecretStr, ValidationError

from maaskit.access import invalid
from maaskit.langchain import tools
from maaskit.langchain.cloud_tool import CloudTool
from maaskit.langchain.errors import ModelErrors
from maaskit.provider import Provider, Qiniu, SophNet
from maaskit.toolbox.budget import calls_of, checked_calls
from maaskit.toolbox.kinds import ToolKind
from maaskit.toolbox.places import checked_folder
from maaskit.toolbox.saving import checked_output
from maaskit.toolbox.selection import checked_options, chosen, named, options_of

_MINE = frozenset({"include", "max_calls", "options", "storage"})


class CloudToolkit(BaseToolkit):
    """Be all tools of a cloud; the fields that both toolkits share."""

    # Inputs stay out of errors, because a key is among them.
    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True, hide_input_in_errors=True)

    root_dir: Any = None
    output_dir: Any = None
    include: Sequence[str] | None = None
    allowed_hosts: Sequence[str] | None = None
    max_calls: int | Mapping[str, int] | None = None
    task_timeout: float | None = None
    options: Mapping[str, Mapping[str, Any]] | None = None
    api_key: SecretStr | None = None
    base_url: str | None = None
    timeout: float | None = None
    max_retries: int | None = None
    # Any, because importing this class must not load httpx.
    http_client: Any = Field(default=None, repr=False, exclude=True)
    http_async_client: Any = Field(default=None, repr=False, exclude=True)
    default_headers: Mapping[str, str] | None = Field(default=None, repr=False, exclude=True)
    storage: Any = Field(default=None, repr=False, exclude=True)

    kinds: ClassVar[tuple[type[CloudTool], ...]] = ()

    _tools: list[BaseTool] | None = PrivateAttr(default=None)

    if not TYPE_CHECKING:  # type checkers read the signature off the fields

        def __init__(self, **data: Any) -> None:
            """Check everything that can be known now, and read the environment once."""
            with ModelErrors():
                try:
                    super().__init__(**data)
                except ValidationError as error:
                    raise invalid(error) from None
                self._complete()

    def get_tools(self) -> list[BaseTool]:
        """Give the tools; the same ones each time, so that ``max_calls`` holds for all who ask.

        Returns:
            Those that ``include`` names, or all that are configured: a service without an id is left out, and a line
            of the log at the level DEBUG says so.

        Raises:
            ConfigurationError: A tool that ``include`` names is not configured; the message names the variable.
        """
        with ModelErrors():
            if self._tools is None:
                kinds = chosen([one.kind for one in self.kinds], self._provider(), self.include)
                self._tools = [self._made(kind) for kind in kinds]
            return list(self._tools)

    def _made(self, kind: ToolKind) -> BaseTool:
        own = next(one for one in self.kinds if one.kind is kind)
        shared = {name: getattr(self, name) for name in type(self).model_fields if name not in _MINE}
        if "storage" in own.model_fields:
            shared["storage"] = self.storage
        if "task_timeout" not in own.model_fields:
            del shared["task_timeout"]
        shared |= options_of(self.options, kind)
        return own(max_calls=calls_of(self.max_calls, kind.name, kind.method), **shared)

    def _complete(self) -> None:
        every = [one.kind for one in self.kinds]
        if self.include is not None:
            named(every, self.include)
        checked_options(every, self.options)
        checked_calls(self.max_calls, {kind.name for kind in every} | {kind.method for kind in every})
        provider = self._provider()
        self.api_key, self.base_url = provider.api_key, provider.base_url
        # Where a relative path leads is settled now, not when the tools are asked for.
        self.root_dir = checked_folder(self.root_dir, "root_dir")
        self.output_dir = checked_output(self.output_dir)
        for kind in every:  # refuses folders, hosts and options that are none
            self._made(kind)

    def _provider(self) -> Provider:
        raise NotImplementedError


class QiniuToolkit(CloudToolkit):
    """Give an agent Qiniu's tools: it speaks, listens and reads pictures.

    Use::

        from langchain.agents import create_agent
        from maaskit.langchain import ChatQiniu, QiniuToolkit

        tools = QiniuToolkit(root_dir="inbox", output_dir="results").get_tools()
        agent = create_agent(ChatQiniu(model="deepseek-v3"), tools)

    Args:
        root_dir: The folder whose files the model may name; by default it may name no file of this machine.
        output_dir: The folder where results are saved, under generated names; by default they ride in the artifacts of
            the ToolMessages, up to 8 MiB.
        include: Names of the tools that are wanted, such as ``qiniu_ocr``; by default all that are configured.
        allowed_hosts: Hosts that may be fetched from although their addresses are private.
        max_calls: How often each tool may ask its service, for all or by name; by default any number of times.
        task_timeout: Seconds to wait for long work; by default the work's own.
        options: Options of single tools by name, such as ``{"sophnet_image": {"model": "z-image-turbo"}}``.
        storage: Where local files are put for services that take URLs only; by default ``maaskit.kodo.Storage()`` where
            its variables are set.
        api_key: The key; by default ``QINIU_API_KEY``.
        base_url: Where the service is; by default ``QINIU_BASE_URL``, then the cloud.
        timeout: Seconds to wait for an answer.
        max_retries: Further attempts after a passing failure; default 2.
        http_client, http_async_client: httpx clients of your own; you close them.
        default_headers: Further header fields for every request.

    Raises:
        ConfigurationError: No key is given or set.
        InvalidInput: A value is out of its range, or ``include`` names a tool that does not exist.
    """

    kinds: ClassVar[tuple[type[CloudTool], ...]] = (
        tools.QiniuSpeechTool,
        tools.QiniuTranscriptionTool,
        tools.QiniuOCRTool,
    )

    def _provider(self) -> Provider:
        return Qiniu(api_key=self.api_key, base_url=self.base_url)


class SophNetToolkit(CloudToolkit):
    """Give an agent SophNet's tools: it speaks, listens, reads pictures and documents, draws, retouches and films.

    Use::

        from langchain.agents import create_agent
        from maaskit.langchain import ChatSophNet, SophNetToolkit

        toolkit = SophNetToolkit(root_dir="inbox", output_dir="results", max_calls={"sophnet_video": 2})
        agent = create_agent(ChatSophNet(model="DeepSeek-v3"), toolkit.get_tools())

    Args:
        project_id: The project; by default ``SOPHNET_PROJECT_ID``. Without it, and without the service's id, speech,
            transcription and documents are left out.
        easyllm_id: The service id; by default each service's own variable, then ``SOPHNET_EASYLLM_ID``.

    All other arguments are those of ``QiniuToolkit``; the key is by default ``SOPHNET_API_KEY``, then ``SOPH_API_KEY``.

    Raises:
        ConfigurationError: No key is given or set.
        InvalidInput: A value is out of its range, or ``include`` names a tool that does not exist.
    """

    project_id: str | None = None
    easyllm_id: str | None = None

    kinds: ClassVar[tuple[type[CloudTool], ...]] = (
        tools.SophNetSpeechTool,
        tools.SophNetTranscriptionTool,
        tools.SophNetOCRTool,
        tools.SophNetDocumentTool,
        tools.SophNetImageTool,
        tools.SophNetImageEditTool,
        tools.SophNetVideoTool,
    )

    def _provider(self) -> Provider:
        return SophNet(
            api_key=self.api_key, base_url=self.base_url, project_id=self.project_id, easyllm_id=self.easyllm_id
        )
