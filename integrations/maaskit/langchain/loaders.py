"""LangChain's document loaders over SophNet: files and URLs that a person names.

How they are read stands in ``maaskit.files``; no knowledge of the wire lives here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any, Unpack

from langchain_core.document_loaders import BaseLoader
from langchain_core.documents import Document

from maaskit.access import SophNetArgs, sophnet_settings
from maaskit.files import Files, several
from maaskit.langchain.documents import document_of
from maaskit.langchain.errors import ModelErrors
from maaskit.leaving import leaving
from maaskit.media import MediaSource
from maaskit.reading import DOCUMENT_TIMEOUT_S, DocumentReading, OCRMode, OCRReading, Reading
from maaskit.sophnet import ocr

if TYPE_CHECKING:
    from maaskit.connections import Settings


class _Loader(BaseLoader):
    """Read files in their order, a few at once."""

    _argument = "source"

    def __init__(
        self,
        sources: MediaSource | Iterable[MediaSource],
        reading: Reading[Any],
        settings: Settings,
        *,
        max_concurrency: int,
        show_progress: bool,
    ) -> None:
        self._sources = several(sources, self._argument)
        name = type(self).__name__
        self._files = Files(reading, settings, self._argument, name, max_concurrency, show_progress)

    def lazy_load(self) -> Iterator[Document]:
        """Read the files, and give each one's Documents as soon as its turn has come.

        No more than ``max_concurrency`` files are read ahead. All files on this machine are looked at before the first
        is sent, so that a missing or unfit one costs nothing.

        Yields:
            The Documents, in the order of the files; ``metadata["source"]`` says which file they are from.

        Raises:
            MaasError: What went wrong, with the file's name; each is one of langchain-core's ModelErrors as well.
        """
        with ModelErrors(), closing(self._begun().read(self._sources)) as passages:
            for passage in passages:
                yield document_of(passage)

    async def alazy_load(self) -> AsyncIterator[Document]:
        """Read the files without holding up the event loop; see ``lazy_load``.

        Yields:
            The Documents, in the order of the files.

        Raises:
            MaasError: As for ``lazy_load``.
        """
        with ModelErrors():
            async with leaving(self._abegun().aread(self._sources)) as passages:
                async for passage in passages:
                    yield document_of(passage)

    def _begun(self) -> Files:
        """Give what reads the files, in the context of whoever asks."""
        return self._files

    def _abegun(self) -> Files:
        """Give the same for an event loop."""
        return self._begun()


class SophNetDocumentLoader(_Loader):
    """Turn documents into Markdown with SophNet's doc-parse.

    Use::

        from maaskit.langchain import SophNetDocumentLoader

        documents = SophNetDocumentLoader(file_path=["合同.pdf", "https://example.com/report.docx"]).load()

    Args:
        file_path: A path, an http or https URL (which is downloaded first), bytes or Media, or a list of them; pdf,
            docx, doc, xlsx, txt or pptx of less than 50 MiB. Paths stream from disk.
        max_concurrency: Documents under way at once, 1 or more; default 4.
        show_progress: Whether to show a progress bar (needs tqdm).
        **connection: ``api_key``, ``base_url``, ``project_id``, ``easyllm_id``, ``timeout`` (default 600 s),
            ``max_retries``, ``http_client``, ``http_async_client``, ``default_headers``; see SophNetArgs.

    Raises:
        ConfigurationError: No key is given or set.
        InvalidInput: A value is out of its range.

    Source:
        sophnet-api, Document Parse.
    """

    _argument = "file_path"

    def __init__(
        self,
        file_path: MediaSource | Iterable[MediaSource],
        *,
        max_concurrency: int = 4,
        show_progress: bool = False,
        **connection: Unpack[SophNetArgs],
    ) -> None:
        with ModelErrors():
            connection.setdefault("timeout", DOCUMENT_TIMEOUT_S)
            super().__init__(
                file_path,
                DocumentReading(),
                sophnet_settings(**connection),
                max_concurrency=max_concurrency,
                show_progress=show_progress,
            )


class SophNetOCRLoader(_Loader):
    """Read the text in pictures with SophNet's OCR.

    Use::

        from maaskit.langchain import SophNetOCRLoader

        (document,) = SophNetOCRLoader(source="发票.jpg").load()
        document.page_content, document.metadata["blocks"][0]["position"]

    Args:
        source: A path, an http or https URL (which the service fetches), bytes or Media, or a list of them.
        model: ``PaddleOCR-VL-0.9B`` (default) or ``DeepSeek-OCR``; names that the document does not list pass.
        prompt: What to do with the picture; ``DeepSeek-OCR`` only.
        mode: ``single``: one Document of Markdown for each picture, with ``metadata["blocks"]``, a list of ``label``,
            ``text`` and ``position`` (left, top, right, bottom in pixels, or None); ``blocks``: one Document for each
            block, with ``block``, ``label`` and ``position`` in its metadata.
        prettify_markdown: Whether the Markdown is embellished; the service's default is true.
        show_formula_number: Whether the Markdown numbers formulas; the service's default is false.
        extra_body: Further fields of each request.
        max_concurrency: Pictures under way at once, 1 or more; default 4.
        show_progress: Whether to show a progress bar (needs tqdm).
        **connection: ``api_key``, ``base_url``, ``timeout``, ``max_retries``, ``http_client``, ``http_async_client``,
            ``default_headers``; see SophNetArgs.

    Raises:
        ConfigurationError: No key is given or set.
        InvalidInput: A value is out of its range, or the model takes no prompt.

    Source:
        sophnet-api, Image OCR.
    """

    def __init__(
        self,
        source: MediaSource | Iterable[MediaSource],
        *,
        model: str = ocr.DEFAULT_MODEL,
        prompt: str | None = None,
        mode: OCRMode = "single",
        prettify_markdown: bool | None = None,
        show_formula_number: bool | None = None,
        extra_body: Mapping[str, Any] | None = None,
        max_concurrency: int = 4,
        show_progress: bool = False,
        **connection: Unpack[SophNetArgs],
    ) -> None:
        with ModelErrors():
            super().__init__(
                source,
                OCRReading(model, prompt, mode, prettify_markdown, show_formula_number, extra_body),
                sophnet_settings(**connection),
                max_concurrency=max_concurrency,
                show_progress=show_progress,
            )
