"""LangChain's document loaders over Qiniu: pictures, PDF and recordings that a person names.

By which way they reach the service stands in ``maaskit.qiniu_reading``; no knowledge of the wire lives here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Unpack

from maaskit.langchain.errors import ModelErrors
from maaskit.langchain.loaders import _Loader
from maaskit.media import MediaSource
from maaskit.publishing import Uploads
from maaskit.qiniu_access import QiniuArgs, qiniu_settings
from maaskit.qiniu_reading import QiniuOCRReading, QiniuTranscriptReading, Recordings, TranscriptMode


class QiniuOCRLoader(_Loader):
    """Read the text in pictures and PDF with Qiniu's OCR.

    Use::

        from maaskit.langchain import QiniuOCRLoader

        (document,) = QiniuOCRLoader(source="https://example.com/发票.jpg").load()

    Args:
        source: An http or https URL (which the service fetches), a path, bytes or Media, or a list of them. The service
            takes URLs only: a local file is uploaded, for which there must be a storage.
        storage: Where local files are put: anything with ``upload(media)`` that gives a URL; by default
            ``maaskit.kodo.Storage()``, where QINIU_ACCESS_KEY, QINIU_SECRET_KEY, QINIU_BUCKET and QINIU_DOMAIN are set.
        extra_body: Further fields of each request.
        max_concurrency: Files under way at once, 1 or more; default 4.
        show_progress: Whether to show a progress bar (needs tqdm).
        **connection: ``api_key``, ``base_url``, ``timeout``, ``max_retries``, ``http_client``, ``http_async_client``,
            ``default_headers``; see QiniuArgs.

    Each Document's ``metadata["way"]`` says how the file got there: ``url`` or ``storage``.

    Raises:
        ConfigurationError: No key is given or set.
        InvalidInput: A value is out of its range.

    Source:
        qiniu-api, 图片文字识别.
    """

    def __init__(
        self,
        source: MediaSource | Iterable[MediaSource],
        *,
        storage: Uploads | None = None,
        extra_body: Mapping[str, Any] | None = None,
        max_concurrency: int = 4,
        show_progress: bool = False,
        **connection: Unpack[QiniuArgs],
    ) -> None:
        with ModelErrors():
            super().__init__(
                source,
                QiniuOCRReading(storage, extra_body),
                qiniu_settings(**connection),
                max_concurrency=max_concurrency,
                show_progress=show_progress,
            )


class QiniuTranscriptLoader(_Loader):
    """Write down what is said in recordings, with Qiniu's recognition.

    Each recording goes by the way that it can: a URL is fetched by the service; a local WAV or PCM file of 16 kHz,
    16 bits and one channel goes over the socket and needs no upload; any other local file is uploaded, for which there
    must be a storage.

    Use::

        from maaskit.langchain import QiniuTranscriptLoader

        documents = QiniuTranscriptLoader(source=["会议.wav", "https://example.com/talk.mp3"]).load()

    Args:
        source: A path, an http or https URL, bytes (a WAV, or 16 kHz 16-bit mono samples) or Media, or a list of them.
        mode: ``single``: one Document for each recording, with ``metadata["segments"]``, a list of ``text``,
            ``begin_ms`` and ``end_ms``; ``segments``: one Document for each stretch, with ``segment``, ``begin_ms`` and
            ``end_ms`` in its metadata. Only the socket tells stretches: what came by URL is one.
        format: ``raw``, ``wav``, ``mp3`` or ``ogg``; by default what the file's name or content tells.
        storage: Where local files are put: anything with ``upload(media)`` that gives a URL; by default
            ``maaskit.kodo.Storage()``, where QINIU_ACCESS_KEY, QINIU_SECRET_KEY, QINIU_BUCKET and QINIU_DOMAIN are set.
        resume: Whether a socket that drops is replaced by another; default true.
        extra_body: Further fields of each request by URL.
        max_concurrency: Recordings under way at once, 1 or more; default 4.
        show_progress: Whether to show a progress bar (needs tqdm).
        **connection: ``api_key``, ``base_url``, ``timeout``, ``max_retries``, ``http_client``, ``http_async_client``,
            ``default_headers``; see QiniuArgs.

    Each Document's ``metadata["way"]`` says how the recording got there (``url``, ``storage`` or ``socket``), and
    ``metadata["duration_s"]`` how many seconds it lasts, where it is known.

    Raises:
        ConfigurationError: No key is given or set.
        InvalidInput: A value is out of its range.

    Source:
        qiniu-api, 语音文字识别.
    """

    def __init__(
        self,
        source: MediaSource | Iterable[MediaSource],
        *,
        mode: TranscriptMode = "single",
        format: str | None = None,  # noqa: A002 - the document's own word
        storage: Uploads | None = None,
        resume: bool = True,
        extra_body: Mapping[str, Any] | None = None,
        max_concurrency: int = 4,
        show_progress: bool = False,
        **connection: Unpack[QiniuArgs],
    ) -> None:
        with ModelErrors():
            settings = qiniu_settings(**connection)
            reading = QiniuTranscriptReading(settings, mode, format, storage, resume, extra_body)
            super().__init__(source, reading, settings, max_concurrency=max_concurrency, show_progress=show_progress)
            self._files = Recordings.of(self._files)
