"""LangChain's blob parser over Qiniu: pictures and PDF that somebody else has found.

What becomes of an answer stands in ``maaskit.qiniu_reading``, where files are found in ``qiniu_loaders``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from maaskit.langchain.errors import ModelErrors
from maaskit.langchain.parsers import _Parser
from maaskit.qiniu_access import QiniuArgs, qiniu_settings
from maaskit.qiniu_reading import QiniuOCRReading, Uploads


class QiniuOCRParser(_Parser):
    """Read the text in blobs of pictures and PDF with Qiniu's OCR.

    The service fetches what it reads, and a blob is a local file: it is uploaded, for which there must be a storage.

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
