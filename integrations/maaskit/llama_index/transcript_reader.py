"""``SophNetTranscriptReader``: LlamaIndex's reader over SophNet's recognition of recordings.

By which way recordings reach the service stands in ``maaskit.transcript_reading``; no knowledge of the wire lives here.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from maaskit.llama_index.sophnet import SophNetComponent
from maaskit.llama_index.storing_reader import StoringReader
from maaskit.transcript_reading import RecognitionMode, SophNetTranscriptReading, Split


class SophNetTranscriptReader(SophNetComponent, StoringReader):
    """Write down what is said in recordings, with SophNet's recognition (算能云语音识别).

    A recording is a path, which streams from disk, a URL, which the service fetches, or bytes; at most 5 hours and
    1 GiB of wav, mp3, m4a, flv, mp4, wma, 3gp, amr, aac, ogg (opus) or flac.

    Args:
        mode: ``task`` (default) takes all these and tells who says what when; ``sync`` answers at once, with a text
            alone, and takes WAV by URL: a local file is uploaded to ``storage``.
        split: ``whole`` (default): one Document for each recording; ``segments``: one for each segment; ``turns``: one
            for each turn of a speaker. The last two have ``speaker``, ``begin_ms``, ``end_ms`` and their number,
            ``segment`` or ``turn``, in the metadata; embeddings and prompts leave out all but the speaker.
        task_ids: Ids of tasks that run already, by source: ``{"会议.wav": "10047816884"}`` collects the result in place
            of submitting the recording again. An error that ends the waiting has its ``task_id``, and so has each
            Document's metadata. The service keeps a transcription for 24 hours.
        task_timeout: Seconds to wait for a task; default 3600.
        on_update: Is called with a source and a ``maaskit.task.TaskUpdate`` (``task_id``, ``phase``, ``word``,
            ``elapsed_s``) after each submission and each look; it is in no dump.
        storage: Where ``sync`` puts local files: anything with ``upload(media)`` that gives a URL; by default
            ``maaskit.kodo.Storage()``, where QINIU_ACCESS_KEY, QINIU_SECRET_KEY, QINIU_BUCKET and QINIU_DOMAIN are set.
            It is in no dump, and a ``Storage`` in no pickle: who loads one takes the environment's.
        extra_body: Further fields of each request.
        easyllm_id: By default ``SOPHNET_SPEECH_TO_TEXT_EASYLLM_ID``, then ``SOPHNET_EASYLLM_ID``.
        timeout: Seconds for one request; default 120.

    All other arguments are those of ``SophNetDocumentReader``.

    Raises:
        ConfigurationError: There is no key; the message names the variable.
        InvalidInput: An argument is unknown or out of its range.

    Example:
        >>> documents = SophNetTranscriptReader(split="turns").load_data("会议.wav")  # doctest: +SKIP

    Source:
        sophnet-api, Speech to text, 创建Task; 非流式同步Speech to text.
    """

    mode: RecognitionMode = Field(default="task", description="A task, or an answer at once.")
    split: Split = Field(default="whole", description="One Document for each recording, segment or turn.")
    task_ids: dict[str, str] = Field(default_factory=dict, description="Ids of tasks that run already, by source.")
    task_timeout: float | None = Field(default=None, description="Seconds to wait for a task; unset, 3600.")
    on_update: Any = Field(default=None, exclude=True, repr=False, description="Is told where each task stands.")
    extra_body: dict[str, Any] | None = Field(default=None, description="Fields that no document lists.")

    service: ClassVar[str | None] = "speech_to_text"
    for_programs: ClassVar[tuple[str, ...]] = (
        *("way", "duration_s", "task_id"),
        *("segment", "turn", "begin_ms", "end_ms"),
    )
    left_out: ClassVar[frozenset[str]] = frozenset({"segments"})

    def _reading(self) -> SophNetTranscriptReading:
        return SophNetTranscriptReading(
            mode=self.mode,
            split=self.split,
            storage=self.storage,
            task_ids=self.task_ids,
            task_timeout=self.task_timeout,
            on_update=self.on_update,
            extra_body=self.extra_body,
        )
