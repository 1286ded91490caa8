"""``SophNetDocumentReader`` and ``SophNetOCRReader``: LlamaIndex's readers over SophNet.

How files are read stands in ``maaskit.files``; no knowledge of the wire lives here.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing, closing
from typing import TYPE_CHECKING, Any, ClassVar

from llama_index.core.readers.base import BasePydanticReader
from llama_index.core.schema import Document
from pydantic import Field
from typing_extensions import override

from maaskit.files import Files, Source, several
from maaskit.llama_index.sophnet import SophNetComponent
from maaskit.llama_index.stored_files import is_local, stored
from maaskit.reading import DOCUMENT_TIMEOUT_S, DocumentReading, OCRMode, OCRReading, Passage, Reading
from maaskit.sophnet import ocr

if TYPE_CHECKING:
    from maaskit.async_client import Mapped

# What helps a program and would only blur a vector or a prompt.
_FOR_PROGRAMS = ("model", "block", "label", "position")


class SophNetReader(SophNetComponent, BasePydanticReader):
    """Read files in their order, a few at once, and say of each Document where it is from."""

    is_remote: bool = Field(default=True, description="The work is done by the cloud.")
    show_progress: bool = Field(default=False, description="Whether to show a progress bar (needs tqdm).")

    @override
    def lazy_load_data(
        self, file_path: Any, extra_info: Mapping[str, Any] | None = None, fs: Any = None, **load_kwargs: Any
    ) -> Iterator[Document]:
        """Read files, and give each one's Documents as soon as its turn has come.

        No more than ``max_concurrency`` files are read ahead. All files on this machine are looked at before the first
        is sent, so that a missing or unfit one costs nothing.

        Args:
            file_path: A path, an http or https URL, bytes, a binary file or Media, or several of them.
            extra_info: Metadata for every Document; where a name of ours is in it, it wins.
            fs: A file system of fsspec that the paths belong to; by default this machine's.
            **load_kwargs: What other readers may be told; it has no meaning here.

        Yields:
            The Documents, in the order of the files. ``metadata["source"]`` says which file they are from, and ``id_``
            is the same whenever the same source is read, so that what is stored anew replaces what was stored before.

        Raises:
            MaasError: What went wrong, with the file's name.
        """
        with closing(self._files().read(self._sources(file_path, fs))) as passages:
            for passage in passages:
                yield _document(passage, extra_info)

    @override
    def load_data(
        self, file_path: Any, extra_info: Mapping[str, Any] | None = None, fs: Any = None, **load_kwargs: Any
    ) -> list[Document]:
        """Read files; see ``lazy_load_data``.

        Args:
            file_path: A path, an http or https URL, bytes, a binary file or Media, or several of them.
            extra_info: Metadata for every Document.
            fs: A file system of fsspec that the paths belong to.
            **load_kwargs: What other readers may be told; it has no meaning here.

        Returns:
            The Documents, in the order of the files.

        Raises:
            MaasError: What went wrong, with the file's name.
        """
        return list(self.lazy_load_data(file_path, extra_info, fs, **load_kwargs))

    @override
    def alazy_load_data(  # type: ignore[override]  # core's coroutine of an Iterable could not be lazy
        self, file_path: Any, extra_info: Mapping[str, Any] | None = None, fs: Any = None, **load_kwargs: Any
    ) -> Mapped[Document]:
        """Read files without holding up the event loop; see ``lazy_load_data``.

        Args:
            file_path: A path, an http or https URL, bytes, a binary file or Media, or several of them.
            extra_info: Metadata for every Document.
            fs: A file system of fsspec that the paths belong to.
            **load_kwargs: What other readers may be told; it has no meaning here.

        Returns:
            What ``async for`` takes one Document after the other from, and ``await`` the list of them all.

        Raises:
            MaasError: What went wrong, with the file's name.
        """
        # The drivers are loaded where they are used, so that importing a reader costs nothing.
        from maaskit.async_client import Mapped  # noqa: PLC0415

        return Mapped(self._adocuments(file_path, extra_info, fs))

    @override
    async def aload_data(
        self, file_path: Any, extra_info: Mapping[str, Any] | None = None, fs: Any = None, **load_kwargs: Any
    ) -> list[Document]:
        """Read files without holding up the event loop; see ``lazy_load_data``.

        Args:
            file_path: A path, an http or https URL, bytes, a binary file or Media, or several of them.
            extra_info: Metadata for every Document.
            fs: A file system of fsspec that the paths belong to.
            **load_kwargs: What other readers may be told; it has no meaning here.

        Returns:
            The Documents, in the order of the files.

        Raises:
            MaasError: What went wrong, with the file's name.
        """
        return await self.alazy_load_data(file_path, extra_info, fs, **load_kwargs)

    @abstractmethod
    def _reading(self) -> Reading[Any]:
        """Give what the service makes of a file."""

    async def _adocuments(
        self, file_path: Any, extra_info: Mapping[str, Any] | None, fs: Any
    ) -> AsyncGenerator[Document, None]:
        sources = self._sources(file_path, fs)
        # SimpleDirectoryReader reads all its files at once, so the places are shared by all that this reader reads.
        async with aclosing(self._files().aread(sources, self._here())) as passages:
            async for passage in passages:
                yield _document(passage, extra_info)

    def _files(self) -> Files:
        name = type(self).__name__
        return Files(
            self._reading(), self._settings(), "file_path", name, self.max_concurrency, show_progress=self.show_progress
        )

    def _sources(self, file_path: Any, fs: Any) -> tuple[Source, ...]:
        found = several(file_path, "file_path")
        if is_local(fs):
            return found
        limit = self._reading().max_bytes
        return tuple(stored(fs, path, limit) for path in found)

    def _check(self) -> None:
        self._reading()


class SophNetDocumentReader(SophNetReader):
    """Turn documents into Markdown with SophNet's doc-parse (算能云文档解析).

    A document is pdf, docx, doc, xlsx, txt or pptx of less than 50 MiB. Paths stream from disk; a URL is downloaded.

    Args:
        max_concurrency: Documents under way at once, 1 or more; default 4.
        show_progress: Whether to show a progress bar (needs tqdm); default off.
        api_key: By default ``SOPHNET_API_KEY``, then ``SOPH_API_KEY``. It is in no dump; loaded from a pickle in
            another process, or with ``from_dict``, the reader takes the environment's key, unless one is given.
        base_url: By default ``SOPHNET_BASE_URL``, then ``https://www.sophnet.com/api/open-apis``.
        project_id: By default ``SOPHNET_PROJECT_ID``.
        easyllm_id: By default ``SOPHNET_DOC_PARSE_EASYLLM_ID``, then ``SOPHNET_EASYLLM_ID``.
        timeout: Seconds to wait for an answer; default 600, because large documents take the service minutes.
        max_retries: Further attempts after a passing failure; default 2.
        http_client, http_async_client: httpx clients of your own; they are not pickled.
        default_headers: Further header fields; they are in no dump but pickles.

    Raises:
        ConfigurationError: There is no key; the message names the variable.
        InvalidInput: An argument is unknown or out of its range.

    Example:
        >>> reader = SophNetDocumentReader()  # doctest: +SKIP
        >>> documents = reader.load_data("合同.pdf", extra_info={"case": "A7"})  # doctest: +SKIP
        >>> SimpleDirectoryReader("files", file_extractor={".pdf": reader}).load_data()  # doctest: +SKIP

    Source:
        sophnet-api, Document Parse.
    """

    timeout: float | None = Field(default=DOCUMENT_TIMEOUT_S, description="Seconds to wait.")

    service: ClassVar[str | None] = "doc_parse"

    def _reading(self) -> DocumentReading:
        return DocumentReading()


class SophNetOCRReader(SophNetReader):
    r"""Read the text in pictures with SophNet's OCR (算能云图像文字识别).

    The service fetches a URL itself. Metadata stays flat, as LlamaIndex's vector stores want it.

    Args:
        model: ``PaddleOCR-VL-0.9B`` (default) or ``DeepSeek-OCR``; names that the document does not list pass.
        prompt: What to do with the picture; ``DeepSeek-OCR`` only, whose own default is ``<image>\nFree OCR.``.
        mode: ``single`` (default): one Document of Markdown for each picture; ``blocks``: one for each block, with its
            number ``block``, its ``label`` and its ``position`` (``"left,top,right,bottom"`` in pixels, or None) in
            the metadata, which embeddings and prompts leave out.
        prettify_markdown: Whether the Markdown is embellished; the service's default is true.
        show_formula_number: Whether the Markdown numbers formulas; the service's default is false.
        extra_body: Further fields of each request.
        timeout: Seconds to wait for an answer; default 120.

    All other arguments are those of ``SophNetDocumentReader``; project and service id have no meaning here.

    Raises:
        ConfigurationError: There is no key; the message names the variable.
        InvalidInput: An argument is unknown or out of its range, or the model takes no prompt.

    Example:
        >>> (document,) = SophNetOCRReader().load_data("发票.jpg")  # doctest: +SKIP

    Source:
        sophnet-api, Image OCR.
    """

    model: str = Field(default=ocr.DEFAULT_MODEL, description="Name of the model, exactly as SophNet spells it.")
    prompt: str | None = Field(default=None, description="What to do with the picture; DeepSeek-OCR only.")
    mode: OCRMode = Field(default="single", description="One Document for each picture, or for each block.")
    prettify_markdown: bool | None = Field(default=None, description="Whether the Markdown is embellished.")
    show_formula_number: bool | None = Field(default=None, description="Whether the Markdown numbers formulas.")
    extra_body: dict[str, Any] | None = Field(default=None, description="Fields that no document lists.")

    synonyms: ClassVar[dict[str, str]] = {"model_name": "model"}

    def _reading(self) -> OCRReading:
        return OCRReading(
            self.model, self.prompt, self.mode, self.prettify_markdown, self.show_formula_number, self.extra_body
        )


def _document(passage: Passage, extra_info: Mapping[str, Any] | None) -> Document:
    return Document(
        id_=passage.id,
        text=passage.text,
        metadata={**_flat(passage.metadata), **(extra_info or {})},
        excluded_embed_metadata_keys=["source", *_FOR_PROGRAMS],
        excluded_llm_metadata_keys=list(_FOR_PROGRAMS),
    )


def _flat(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Keep what vector stores can filter by: a position as text, no list of blocks, which every chunk would carry."""
    flat = {name: value for name, value in metadata.items() if name != "blocks"}
    position = flat.get("position")
    if position is not None:
        flat["position"] = ",".join(map(str, position))
    return flat
