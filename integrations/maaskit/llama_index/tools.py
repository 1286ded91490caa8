"""``QiniuToolSpec`` and ``SophNetToolSpec``: LlamaIndex's tool specs over both clouds.

What a tool does, may read and may spend stands in ``maaskit.toolbox``; what LlamaIndex makes of it, in ``tool_spec``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from typing_extensions import override

from maaskit.access import settings_of
from maaskit.llama_index.sophnet import SophNetComponent
from maaskit.llama_index.tool_spec import Blocks, CloudToolSpec, twins
from maaskit.provider import Qiniu
from maaskit.toolbox import qiniu_tools, sophnet_tools
from maaskit.toolbox.kinds import ToolKind

if TYPE_CHECKING:
    from maaskit.connections import Settings


class SpeakingToolSpec(CloudToolSpec):
    """Speak, listen and read pictures, as both clouds do."""

    def synthesize_speech(self, text: str, voice: str | None = None) -> Blocks:
        """Speak a text.

        Args:
            text: What to say.
            voice: Who says it; by default the document's voice.

        Returns:
            What it is and where, then the sound.

        Raises:
            MaasError: What went wrong.
        """
        return self._blocks("synthesize_speech", text=text, voice=voice)

    async def asynthesize_speech(self, text: str, voice: str | None = None) -> Blocks:
        """Speak a text without holding up the event loop; see ``synthesize_speech``.

        Args:
            text: What to say.
            voice: Who says it.

        Returns:
            What it is and where, then the sound.
        """
        return await self._ablocks("synthesize_speech", text=text, voice=voice)

    def transcribe_audio(self, audio: str) -> str:
        """Write down what a recording says.

        Args:
            audio: An http or https URL, or a path inside ``root_dir``.

        Returns:
            The text.

        Raises:
            MaasError: What went wrong.
        """
        return self._text("transcribe_audio", audio=audio)

    async def atranscribe_audio(self, audio: str) -> str:
        """Write down what a recording says without holding up the event loop; see ``transcribe_audio``.

        Args:
            audio: An http or https URL, or a path inside ``root_dir``.

        Returns:
            The text.
        """
        return await self._atext("transcribe_audio", audio=audio)

    def recognize_text(self, image: str) -> str:
        """Read the text in a picture.

        Args:
            image: An http or https URL, or a path inside ``root_dir``.

        Returns:
            The text.

        Raises:
            MaasError: What went wrong.
        """
        return self._text("recognize_text", image=image)

    async def arecognize_text(self, image: str) -> str:
        """Read the text in a picture without holding up the event loop; see ``recognize_text``.

        Args:
            image: An http or https URL, or a path inside ``root_dir``.

        Returns:
            The text.
        """
        return await self._atext("recognize_text", image=image)


class QiniuToolSpec(SpeakingToolSpec):
    """Give an agent Qiniu's tools: it speaks, listens and reads pictures (七牛云).

    Each method can be called by a program as well: those that read give text, those that make something give blocks,
    the text first. What goes wrong is raised; an agent is told it.

    Both clouds name alike what both can do. An agent that has both needs a choice, by ``include``, or other names, by
    ``to_tool_list(func_to_metadata_mapping={"recognize_text": ToolMetadata("Read a PDF.", "qiniu_ocr",
    spec.get_fn_schema_from_fn_name("recognize_text"))})``; two tools of one name are refused when a model is asked.

    ``Context.to_dict`` of LlamaIndex leaves out, with a warning, a memory in which there is a picture, sound or video.
    An agent that shall remember one has a ``memory=`` of its own, whose messages ``ChatMessage.model_dump_json``
    stores; loaded again, they are the ``chat_history`` of ``ChatMemoryBuffer.from_defaults``.

    Args:
        root_dir: The folder whose files the model may name; by default it may name no file of this machine.
        output_dir: The folder where results are saved, under generated names; by default a tool's ``raw_output`` holds
            them as base64, up to 8 MiB.
        include: Names of the tools that are wanted, such as ``recognize_text``; by default all that are configured.
        allowed_hosts: Hosts that may be fetched from although their addresses are private.
        max_calls: How often each tool may ask its service, for all or by name; by default any number of times.
        task_timeout: Seconds to wait for long work; by default the work's own.
        options: Options of single tools by name, such as ``{"synthesize_speech": {"encoding": "wav"}}``: the
            arguments of LangChain's tools of the same names (``QiniuSpeechTool``).
        storage: Where local files are put for services that take URLs only; by default ``maaskit.kodo.Storage()`` where
            its variables are set. It is in no dump and no pickle.
        api_key: By default ``QINIU_API_KEY``; it is in no dump.
        base_url: By default ``QINIU_BASE_URL``, then ``https://api.qnaigc.com/v1``.
        timeout: Seconds to wait for an answer; default 120.
        max_retries: Further attempts after a passing failure; default 2.
        http_client, http_async_client: httpx clients of your own; they are not pickled.
        default_headers: Further header fields; they are in no dump but pickles.

    Raises:
        ConfigurationError: There is no key; the message names the variable.
        InvalidInput: An argument is unknown or out of its range.

    Example:
        >>> tools = QiniuToolSpec(root_dir="inbox", output_dir="results").to_tool_list()  # doctest: +SKIP
        >>> agent = FunctionAgent(tools=tools, llm=QiniuLLM(model="deepseek-v3"))  # doctest: +SKIP
    """

    kinds: ClassVar[tuple[ToolKind, ...]] = qiniu_tools.QINIU_TOOLS
    spec_functions: ClassVar[list[str | tuple[str, str]]] = twins(qiniu_tools.QINIU_TOOLS)  # type: ignore[misc]  # core's is an instance's

    @override
    def _settings(self) -> Settings:
        return settings_of(Qiniu(api_key=self.api_key, base_url=self.base_url), **self._connection())


class SophNetToolSpec(SophNetComponent, SpeakingToolSpec):
    """Give an agent SophNet's tools: it speaks, listens, reads, draws, retouches and films (算能云).

    Args:
        project_id: By default ``SOPHNET_PROJECT_ID``. Without it, and without the service's id, speech, transcription
            and documents are left out, and a line of the log at the level DEBUG says so.
        easyllm_id: By default each service's own variable, then ``SOPHNET_EASYLLM_ID``.
        api_key: By default ``SOPHNET_API_KEY``, then ``SOPH_API_KEY``.
        base_url: By default ``SOPHNET_BASE_URL``, then ``https://www.sophnet.com/api/open-apis``.

    All other arguments are those of ``QiniuToolSpec``.

    Raises:
        ConfigurationError: There is no key; the message names the variable.
        InvalidInput: An argument is unknown or out of its range.

    Example:
        >>> spec = SophNetToolSpec(root_dir="inbox", max_calls={"generate_video": 2})  # doctest: +SKIP
        >>> agent = FunctionAgent(tools=spec.to_tool_list(), llm=SophNetLLM(model="DeepSeek-v3"))  # doctest: +SKIP
    """

    kinds: ClassVar[tuple[ToolKind, ...]] = sophnet_tools.SOPHNET_TOOLS
    spec_functions: ClassVar[list[str | tuple[str, str]]] = twins(sophnet_tools.SOPHNET_TOOLS)  # type: ignore[misc]  # core's is an instance's

    def parse_document(self, document: str) -> str:
        """Turn a document into Markdown.

        Args:
            document: An http or https URL, which is downloaded, or a path inside ``root_dir``.

        Returns:
            The Markdown.

        Raises:
            MaasError: What went wrong.
        """
        return self._text("parse_document", document=document)

    async def aparse_document(self, document: str) -> str:
        """Turn a document into Markdown without holding up the event loop; see ``parse_document``.

        Args:
            document: An http or https URL, or a path inside ``root_dir``.

        Returns:
            The Markdown.
        """
        return await self._atext("parse_document", document=document)

    def generate_image(
        self, prompt: str, negative_prompt: str | None = None, size: str | None = None, seed: int | None = None
    ) -> Blocks:
        """Draw a picture.

        Args:
            prompt: What it shows.
            negative_prompt: What it must not show; ``qwen-image`` only.
            size: Width*height in pixels, one of the model's.
            seed: A whole number, the same for the same picture.

        Returns:
            What it is and where, then the picture.

        Raises:
            MaasError: What went wrong.
        """
        return self._blocks("generate_image", prompt=prompt, negative_prompt=negative_prompt, size=size, seed=seed)

    async def agenerate_image(
        self, prompt: str, negative_prompt: str | None = None, size: str | None = None, seed: int | None = None
    ) -> Blocks:
        """Draw a picture without holding up the event loop; see ``generate_image``.

        Args:
            prompt: What it shows.
            negative_prompt: What it must not show.
            size: Width*height in pixels.
            seed: A whole number.

        Returns:
            What it is and where, then the picture.
        """
        return await self._ablocks(
            "generate_image", prompt=prompt, negative_prompt=negative_prompt, size=size, seed=seed
        )

    def edit_image(self, prompt: str, images: list[str]) -> Blocks:
        """Change a picture, or make one of several.

        Args:
            prompt: What to change.
            images: http or https URLs, or paths inside ``root_dir``, which are uploaded.

        Returns:
            What it is and where, then the picture.

        Raises:
            MaasError: What went wrong.
        """
        return self._blocks("edit_image", prompt=prompt, images=images)

    async def aedit_image(self, prompt: str, images: list[str]) -> Blocks:
        """Change a picture without holding up the event loop; see ``edit_image``.

        Args:
            prompt: What to change.
            images: http or https URLs, or paths inside ``root_dir``.

        Returns:
            What it is and where, then the picture.
        """
        return await self._ablocks("edit_image", prompt=prompt, images=images)

    def generate_video(
        self,
        prompt: str,
        image: str | None = None,
        size: str | None = None,
        *,
        duration: int | None = None,
        seed: int | None = None,
    ) -> Blocks:
        """Make a short video.

        Args:
            prompt: What it shows.
            image: A picture that it begins with: an http or https URL, or a path inside ``root_dir``.
            size: Width*height in pixels.
            duration: Seconds, 1 or 5.
            seed: 0 to 4294967295.

        Returns:
            What it is and where, then the video.

        Raises:
            MaasError: What went wrong.
        """
        return self._blocks("generate_video", prompt=prompt, image=image, size=size, duration=duration, seed=seed)

    async def agenerate_video(
        self,
        prompt: str,
        image: str | None = None,
        size: str | None = None,
        *,
        duration: int | None = None,
        seed: int | None = None,
    ) -> Blocks:
        """Make a short video without holding up the event loop; see ``generate_video``.

        Args:
            prompt: What it shows.
            image: A picture that it begins with.
            size: Width*height in pixels.
            duration: Seconds, 1 or 5.
            seed: 0 to 4294967295.

        Returns:
            What it is and where, then the video.
        """
        return await self._ablocks(
            "generate_video", prompt=prompt, image=image, size=size, duration=duration, seed=seed
        )

    @override
    def _complete(self) -> None:
        given = self.easyllm_id
        super()._complete()
        self.easyllm_id = given  # each service has its own, which one for all must not hide
