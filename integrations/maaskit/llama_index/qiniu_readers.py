"""``QiniuOCRReader`` and ``QiniuTranscriptReader``: LlamaIndex's readers over Qiniu.

By which way files reach the service stands in ``maaskit.qiniu_reading``; no knowledge of the wire lives here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field
from typing_extensions import override

from maaskit.access import settings_of
from maaskit.files import Files
from maaskit.llama_index.storing_reader import StoringReader
from maaskit.provider import Qiniu
from maaskit.qiniu_reading import QiniuOCRReading, QiniuTranscriptReading, Recordings, TranscriptMode

if TYPE_CHECKING:
    from maaskit.connections import Settings


class QiniuReader(StoringReader):
    """Read files with Qiniu, which takes most of them by URL only."""

    for_programs: ClassVar[tuple[str, ...]] = ("model", "way", "duration_s", "segment", "begin_ms", "end_ms")
    left_out: ClassVar[frozenset[str]] = frozenset({"segments"})

    @override
    def _settings(self) -> Settings:
        return settings_of(Qiniu(api_key=self.api_key, base_url=self.base_url), **self._connection())


class QiniuOCRReader(QiniuReader):
    """Read the text in pictures and PDF with Qiniu's OCR (七牛云图片文字识别).

    The service takes URLs only: a local file is uploaded, for which there must be a storage.

    Args:
        storage: Where local files are put: anything with ``upload(media)`` that gives a URL; by default
            ``maaskit.kodo.Storage()``, where QINIU_ACCESS_KEY, QINIU_SECRET_KEY, QINIU_BUCKET and QINIU_DOMAIN are set.
            It is in no dump, and a ``Storage`` in no pickle: who loads one takes the environment's.
        extra_body: Further fields of each request.
        max_concurrency: Files under way at once, 1 or more; default 4.
        show_progress: Whether to show a progress bar (needs tqdm); default off.
        api_key: By default ``QINIU_API_KEY``. It is in no dump; loaded from a pickle in another process, or with
            ``from_dict``, the reader takes the environment's key, unless one is given.
        base_url: By default ``QINIU_BASE_URL``, then ``https://api.qnaigc.com/v1``.
        timeout: Seconds to wait for an answer; default 120.
        max_retries: Further attempts after a passing failure; default 2.
        http_client, http_async_client: httpx clients of your own; they are not pickled.
        default_headers: Further header fields; they are in no dump but pickles.

    Raises:
        ConfigurationError: There is no key; the message names the variable.
        InvalidInput: An argument is unknown or out of its range.

    Example:
        >>> (document,) = QiniuOCRReader().load_data("https://example.com/发票.jpg")  # doctest: +SKIP

    Source:
        qiniu-api, 图片文字识别.
    """

    extra_body: dict[str, Any] | None = Field(default=None, description="Fields that no document lists.")

    def _reading(self) -> QiniuOCRReading:
        return QiniuOCRReading(self.storage, self.extra_body)


class QiniuTranscriptReader(QiniuReader):
    """Write down what is said in recordings, with Qiniu's recognition (七牛云语音识别).

    Each recording goes by the way that it can, and ``metadata["way"]`` says by which: the service fetches a URL
    (``url``); a local WAV or PCM file of 16 kHz, 16 bits and one channel goes over the socket and needs no upload
    (``socket``); any other local file is uploaded (``storage``), for which there must be a storage.

    Args:
        mode: ``single`` (default): one Document for each recording; ``segments``: one for each stretch, with its number
            ``segment``, ``begin_ms`` and ``end_ms`` in the metadata, which embeddings and prompts leave out. Only the
            socket tells stretches: what came by URL is one.
        format: ``raw``, ``wav``, ``mp3`` or ``ogg``; by default what the file's name or content tells.
        resume: Whether a socket that drops is replaced by another; default true.
        extra_body: Further fields of each request by URL.

    All other arguments are those of ``QiniuOCRReader``.

    Raises:
        ConfigurationError: There is no key; the message names the variable.
        InvalidInput: An argument is unknown or out of its range.

    Example:
        >>> documents = QiniuTranscriptReader(mode="segments").load_data("会议.wav")  # doctest: +SKIP

    Source:
        qiniu-api, 语音文字识别.
    """

    mode: TranscriptMode = Field(default="single", description="One Document for each recording, or each stretch.")
    format: str | None = Field(default=None, description="raw, wav, mp3 or ogg; unset, what the file tells.")
    resume: bool = Field(default=True, description="Whether a dropped socket is replaced by another.")
    extra_body: dict[str, Any] | None = Field(default=None, description="Fields that no document lists.")

    def _reading(self) -> QiniuTranscriptReading:
        return QiniuTranscriptReading(
            self._settings(), self.mode, self.format, self.storage, self.resume, self.extra_body
        )

    @override
    def _files(self) -> Files:
        return Recordings.of(super()._files())
