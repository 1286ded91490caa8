"""LangChain's blob parsers over SophNet: documents and pictures that somebody else has found.

What becomes of an answer stands in ``maaskit.reading``, where files are found in ``loaders``; the wire is unknown.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Unpack

from langchain_core.document_loaders import BaseBlobParser
from langchain_core.documents import Document
from langchain_core.documents.base import Blob

from maaskit.access import SophNetArgs, sophnet_settings
from maaskit.errors import InvalidInput, MaasError
from maaskit.files import named
from maaskit.langchain.documents import document_of
from maaskit.langchain.errors import ModelErrors
from maaskit.media import Media
from maaskit.reading import DOCUMENT_TIMEOUT_S, DocumentReading, OCRMode, OCRReading, Reading
from maaskit.sophnet import ocr

if TYPE_CHECKING:
    from maaskit.connections import Settings


class _Parser(BaseBlobParser):
    """Read blobs one at a time; a loader that holds this parser decides how many there are."""

    def __init__(self, reading: Reading[Any], settings: Settings) -> None:
        self._reading = reading
        self._settings = settings

    def lazy_parse(self, blob: Blob) -> Iterator[Document]:
        """Read one blob.

        Args:
            blob: With ``path``, which streams from disk, or with ``data``; its metadata is kept.

        Yields:
            The Documents; ``metadata["source"]`` says where they are from.

        Raises:
            MaasError: What went wrong, with the blob's name; each is one of langchain-core's ModelErrors as well.
        """
        with ModelErrors():
            try:
                media = _media(blob)
                self._reading.check(media)
                answer = self._settings.client().send(self._reading.flow(media))
            except MaasError as error:
                raise named(error, _label(blob)) from error.__cause__
            yield from self._documents(answer, blob, media)

    async def alazy_parse(self, blob: Blob) -> AsyncIterator[Document]:
        """Read one blob without holding up the event loop.

        Args:
            blob: As for ``lazy_parse``.

        Yields:
            The Documents.

        Raises:
            MaasError: As for ``lazy_parse``.
        """
        with ModelErrors():
            try:
                media = _media(blob)
                self._reading.check(media)
                answer = await (await self._settings.async_client()).send(self._reading.flow(media))
            except MaasError as error:
                raise named(error, _label(blob)) from error.__cause__
            for document in self._documents(answer, blob, media):
                yield document

    def _documents(self, answer: Any, blob: Blob, media: Media) -> Iterator[Document]:
        source = blob.source or media.source
        identity = media.identity(self._reading.purpose, blob.source)
        passages = self._reading.passages(answer, identity, {**blob.metadata, "source": source})
        return map(document_of, passages)


class SophNetDocumentParser(_Parser):
    """Turn blobs of pdf, docx, doc, xlsx, txt or pptx into Markdown with SophNet's doc-parse.

    Args:
        **connection: ``api_key``, ``base_url``, ``project_id``, ``easyllm_id``, ``timeout`` (default 600 s),
            ``max_retries``, ``http_client``, ``http_async_client``, ``default_headers``; see SophNetArgs.

    Raises:
        ConfigurationError: No key is given or set.
        InvalidInput: A value is out of its range.

    Source:
        sophnet-api, Document Parse.
    """

    def __init__(self, **connection: Unpack[SophNetArgs]) -> None:
        with ModelErrors():
            connection.setdefault("timeout", DOCUMENT_TIMEOUT_S)
            super().__init__(DocumentReading(), sophnet_settings(**connection))


class SophNetOCRParser(_Parser):
    """Read the text in blobs of pictures with SophNet's OCR.

    Args:
        model: ``PaddleOCR-VL-0.9B`` (default) or ``DeepSeek-OCR``; names that the document does not list pass.
        prompt: What to do with the picture; ``DeepSeek-OCR`` only.
        mode: ``single``: one Document of Markdown for each picture, with ``metadata["blocks"]``; ``blocks``: one for
            each block, with ``block``, ``label`` and ``position`` in its metadata.
        prettify_markdown: Whether the Markdown is embellished; the service's default is true.
        show_formula_number: Whether the Markdown numbers formulas; the service's default is false.
        extra_body: Further fields of the request.
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
        *,
        model: str = ocr.DEFAULT_MODEL,
        prompt: str | None = None,
        mode: OCRMode = "single",
        prettify_markdown: bool | None = None,
        show_formula_number: bool | None = None,
        extra_body: Mapping[str, Any] | None = None,
        **connection: Unpack[SophNetArgs],
    ) -> None:
        with ModelErrors():
            reading = OCRReading(model, prompt, mode, prettify_markdown, show_formula_number, extra_body)
            super().__init__(reading, sophnet_settings(**connection))


def _media(blob: Blob) -> Media:
    if blob.data is None:
        if blob.path is None:
            raise InvalidInput("The blob has neither data nor a path.")
        return Media.of(Path(blob.path), argument="blob")
    data = blob.data.encode(blob.encoding) if isinstance(blob.data, str) else blob.data
    name = PurePath(blob.source).name if blob.source else None
    return Media.of(Media(data=data, name=name or None, content_type=blob.mimetype), argument="blob")


def _label(blob: Blob) -> str:
    return blob.source or "blob"
