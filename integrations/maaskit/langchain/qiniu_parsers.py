"""LangChain's blob parser over Qiniu: pictures and PDF that somebody else has found.

What becomes of an answer stands in ``maaskit.qiniu_reading``, where files are found in ``qiniu_loaders``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Unpack

from langchain_core.documents import Document
from langchain_core.documents.base import Blob

from maaskit.errors import MaasError
from maaskit.files import named
from maaskit.langchain.errors import ModelErrors
from maaskit.langchain.parsers import _Parser
from maaskit.media import Media
from maaskit.publishing import Uploads
from maaskit.qiniu_access import QiniuArgs, qiniu_settings
from maaskit.qiniu_reading import QiniuOCRReading


class QiniuOCRParser(_Parser):
    """Read the text in blobs of pictures and PDF with Qiniu's OCR.

    The service fetches what it reads: a blob whose ``path`` is an http or https URL as it is; any other is uploaded,
    for which there must be a storage.

    Args:
        storage: Where blobs are put: anything with ``upload(media)`` that gives a URL; by default
            ``maaskit.kodo.Storage()``, where QINIU_ACCESS_KEY, QINIU_SECRET_KEY, QINIU_BUCKET and QINIU_DOMAIN are set.
        extra_body: Further fields of each request.
        **connection: ``api_key``, ``base_url``, ``timeout``, ``max_retries``, ``http_client``, ``http_async_client``,
            ``default_headers``; see QiniuArgs.

    Raises:
        ConfigurationError: No key is given or set.
        InvalidInput: A value is out of its range.

    Source:
        qiniu-api, 图片文字识别.
    """

    def __init__(
        self,
        *,
        storage: Uploads | None = None,
        extra_body: Mapping[str, Any] | None = None,
        **connection: Unpack[QiniuArgs],
    ) -> None:
        with ModelErrors():
            super().__init__(QiniuOCRReading(storage, extra_body), qiniu_settings(**connection))

    def lazy_parse(self, blob: Blob) -> Iterator[Document]:
        """Read one blob.

        Args:
            blob: With ``path``, which is a file's or an http or https URL, or with ``data``; its metadata is kept.

        Yields:
            The Document; ``metadata["source"]`` says where it is from, ``metadata["way"]`` how it reached the service.

        Raises:
            MaasError: What went wrong, with the blob's name; each is one of langchain-core's ModelErrors as well.
        """
        media = _by_url(blob)
        if media is None:
            yield from super().lazy_parse(blob)
            return
        with ModelErrors():
            try:
                answer = self._settings.client().send(self._reading.flow(media))
            except MaasError as error:
                raise named(error, media.label) from error.__cause__
            yield from self._documents(answer, blob, media)

    async def alazy_parse(self, blob: Blob) -> AsyncIterator[Document]:
        """Read one blob without holding up the event loop.

        Args:
            blob: As for ``lazy_parse``.

        Yields:
            The Document.

        Raises:
            MaasError: As for ``lazy_parse``.
        """
        media = _by_url(blob)
        if media is None:
            async for document in super().alazy_parse(blob):
                yield document
            return
        with ModelErrors():
            try:
                answer = await (await self._settings.async_client()).send(self._reading.flow(media))
            except MaasError as error:
                raise named(error, media.label) from error.__cause__
            for document in self._documents(answer, blob, media):
                yield document


def _by_url(blob: Blob) -> Media | None:
    """Give the URL that stands where a path does, or nothing."""
    is_url = blob.data is None and isinstance(blob.path, str) and blob.path.lower().startswith(("http://", "https://"))
    return Media(url=str(blob.path)) if is_url else None
