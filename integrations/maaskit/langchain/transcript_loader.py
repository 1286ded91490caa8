"""``SophNetTranscriptLoader``: LangChain's loader over SophNet's recognition of recordings.

By which way recordings reach the service stands in ``maaskit.transcript_reading``; no knowledge of the wire lives here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Unpack

from typing_extensions import override

from maaskit.access import SophNetArgs, sophnet_settings
from maaskit.files import Files
from maaskit.langchain.errors import ModelErrors
from maaskit.langchain.loaders import _Loader
from maaskit.langchain.task_events import atelling, telling
from maaskit.media import MediaSource
from maaskit.publishing import Uploads
from maaskit.transcript_reading import OnTaskUpdate, RecognitionMode, SophNetTranscriptReading, Split


class SophNetTranscriptLoader(_Loader):
    """Write down what is said in recordings, with SophNet's recognition (算能云语音识别).

    Use::

        from maaskit.langchain import SophNetTranscriptLoader

        documents = SophNetTranscriptLoader(source=["会议.wav", "https://example.com/talk.mp3"], split="turns").load()
        documents[0].metadata["speaker"], documents[0].metadata["begin_ms"]

    Args:
        source: A path, which streams from disk, an http or https URL, which the service fetches, bytes or Media, or a
            list of them; at most 5 hours and 1 GiB of wav, mp3, m4a, flv, mp4, wma, 3gp, amr, aac, ogg (opus) or flac.
        mode: ``task`` (default) takes all these and tells who says what when; ``sync`` answers at once, with a text
            alone, and takes WAV by URL: a local file is uploaded to ``storage``.
        split: ``whole`` (default): one Document for each recording, with ``metadata["segments"]``, a list of ``text``,
            ``begin_ms``, ``end_ms`` and ``speaker``; ``segments``: one Document for each segment; ``turns``: one for
            each turn of a speaker. The last two have ``begin_ms``, ``end_ms`` and ``speaker`` in their metadata, and
            their number: ``segment`` or ``turn``.
        task_ids: Ids of tasks that run already, by source: ``{"会议.wav": "10047816884"}`` collects the result in place
            of submitting the recording again. An error that ends the waiting has its ``task_id``, and so has each
            Document's metadata. The service keeps a transcription for 24 hours.
        task_timeout: Seconds to wait for a task; default 3600.
        on_update: Is called with a source and a ``maaskit.task.TaskUpdate`` (``task_id``, ``phase``, ``word``,
            ``elapsed_s``) after each submission and each look, from whichever thread looks. Within a run, custom events
            named ``maaskit_task`` say the same.
        storage: Where ``sync`` puts local files: anything with ``upload(media)`` that gives a URL; by default
            ``maaskit.kodo.Storage()``, where QINIU_ACCESS_KEY, QINIU_SECRET_KEY, QINIU_BUCKET and QINIU_DOMAIN are set.
        extra_body: Further fields of each request.
        max_concurrency: Recordings under way at once, 1 or more; default 4.
        show_progress: Whether to show a progress bar (needs tqdm).
        **connection: ``api_key``, ``base_url``, ``project_id``, ``easyllm_id``, ``timeout`` (seconds for one request),
            ``max_retries``, ``http_client``, ``http_async_client``, ``default_headers``; see SophNetArgs.

    Each Document's ``metadata["way"]`` says how the recording got there (``url``, ``upload``, ``storage`` or
    ``resumed``), and ``metadata["duration_s"]`` how many seconds it lasts, where the service tells it.

    Raises:
        ConfigurationError: No key is given or set.
        InvalidInput: A value is out of its range.

    Source:
        sophnet-api, Speech to text, 创建Task; 非流式同步Speech to text.
    """

    def __init__(
        self,
        source: MediaSource | Iterable[MediaSource],
        *,
        mode: RecognitionMode = "task",
        split: Split = "whole",
        task_ids: Mapping[str, str] | None = None,
        task_timeout: float | None = None,
        on_update: OnTaskUpdate | None = None,
        storage: Uploads | None = None,
        extra_body: Mapping[str, Any] | None = None,
        max_concurrency: int = 4,
        show_progress: bool = False,
        **connection: Unpack[SophNetArgs],
    ) -> None:
        with ModelErrors():
            self._reading = SophNetTranscriptReading(
                mode=mode,
                split=split,
                storage=storage,
                task_ids={} if task_ids is None else task_ids,
                task_timeout=task_timeout,
                on_update=on_update,
                extra_body=extra_body,
            )
            super().__init__(
                source,
                self._reading,
                sophnet_settings(**connection),
                max_concurrency=max_concurrency,
                show_progress=show_progress,
            )

    @override
    def _begun(self) -> Files:
        return self._told_by(telling(self._reading.on_update))

    @override
    def _abegun(self) -> Files:
        return self._told_by(atelling(self._reading.on_update))

    def _told_by(self, on_update: OnTaskUpdate) -> Files:
        return replace(self._files, reading=replace(self._reading, on_update=on_update))
