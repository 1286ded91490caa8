"""LangChain's document loaders over SophNet: files and URLs that a person names.

What becomes of an answer stands in ``reading``; no knowledge of the wire lives here.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import aclosing, closing
from typing import TYPE_CHECKING, Any, Unpack

from langchain_core.document_loaders import BaseLoader
from langchain_core.documents import Document

from maaskit.access import SophNetArgs, sophnet_settings
from maaskit.errors import InvalidInput, MaasError
from maaskit.langchain.errors import ModelErrors
from maaskit.langchain.progress import Progress
from maaskit.langchain.reading import DOCUMENT_TIMEOUT_S, DocumentReading, OCRMode, OCRReading, Reading, named
from maaskit.media import Media, MediaSource
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
        self._sources = _kept(sources, self._argument)
        self._reading = reading
        self._settings = settings
        if isinstance(max_concurrency, bool) or not isinstance(max_concurrency, int) or max_concurrency < 1:
            raise InvalidInput(f"max_concurrency must be an int of 1 or more, not {max_concurrency!r}.")
        self._max_concurrency = max_concurrency
        self._show_progress = show_progress

    def lazy_load(self) -> Iterator[Document]:
        """Read the files, and give each one's Documents as soon as its turn has come.

        No more than ``max_concurrency`` files are read ahead. All files on this machine are looked at before the first
        is sent, so that a missing or unfit one costs nothing.

        Yields:
            The Documents, in the order of the files; ``metadata["source"]`` says which file they are from.

        Raises:
            MaasError: What went wrong, with the file's name; each is one of langchain-core's ModelErrors as well.
        """
        with ModelErrors():
            files = self._files()
            client = self._settings.client()
            with (
                Progress(len(files), type(self).__name__, show=self._show_progress) as progress,
                closing(client.each(map(self._reading.flow, files), min(self._max_concurrency, len(files)))) as answers,
            ):
                for number, media in enumerate(files):
                    try:
                        answer = next(answers)
                    except MaasError as error:
                        raise named(error, self._label(number, media)) from error.__cause__
                    progress.done()
                    yield from self._documents(answer, media)

    async def alazy_load(self) -> AsyncIterator[Document]:
        """Read the files without holding up the event loop; see ``lazy_load``.

        Yields:
            The Documents, in the order of the files.

        Raises:
            MaasError: As for ``lazy_load``.
        """
        with ModelErrors():
            files = await asyncio.to_thread(self._files)
            client = await self._settings.async_client()
            calls = map(self._reading.flow, files)
            with Progress(len(files), type(self).__name__, show=self._show_progress) as progress:
                async with aclosing(client.each(calls, min(self._max_concurrency, len(files)))) as answers:
                    for number, media in enumerate(files):
                        try:
                            answer = await anext(answers)
                        except MaasError as error:
                            raise named(error, self._label(number, media)) from error.__cause__
                        progress.done()
                        for document in self._documents(answer, media):
                            yield document

    def _files(self) -> list[Media]:
        """Look at everything that can be looked at without the network."""
        files = []
        for number, source in enumerate(self._sources):
            media = Media.of(source, argument=self._place(number))
            try:
                self._reading.check(media)
            except MaasError as error:
                raise named(error, self._label(number, media)) from error.__cause__
            files.append(media)
        return files

    def _label(self, number: int, media: Media) -> str:
        return self._place(number) if media.data is not None and media.name is None else media.label

    def _place(self, number: int) -> str:
        return f"{self._argument}[{number}]" if len(self._sources) > 1 else self._argument

    def _documents(self, answer: Any, media: Media) -> Iterator[Document]:
        identity = media.identity(self._reading.purpose)
        return self._reading.documents(answer, identity, {"source": media.source})


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


def _kept(sources: Any, argument: str) -> tuple[Any, ...]:
    """Tell one source from several, and keep what can be read once only."""
    if isinstance(sources, str | bytes | bytearray | memoryview | os.PathLike | Media) or hasattr(sources, "read"):
        several = [sources]
    elif isinstance(sources, Iterable):
        several = list(sources)
    else:
        raise InvalidInput(f"{argument} must be a path, a URL, bytes, Media or a list of them.")
    if not several:
        raise InvalidInput(f"{argument} is an empty list: there is nothing to read.")
    return tuple(
        Media.of(one, argument=argument) if hasattr(one, "read") and not isinstance(one, Media) else one
        for one in several
    )
