"""What becomes of a recording that SophNet writes down: the way it goes there, and its passages.

What Qiniu hears stands in ``qiniu_reading``, where files come from in ``files``; no framework is known here.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from inspect import iscoroutinefunction
from itertools import groupby
from typing import Any, ClassVar, Literal, TypeAlias

from maaskit.errors import InvalidInput, MaasError, TaskCanceled, TaskFailed
from maaskit.extra_body import joined
from maaskit.media import Media
from maaskit.publishing import Uploads, published, refused, storage_or_default
from maaskit.reading import Passage
from maaskit.retry import is_seconds
from maaskit.sophnet import transcription
from maaskit.task import Task, TaskUpdate, Waiting
from maaskit.transcript import Segment, Transcript, joined_texts
from maaskit.wire import MAX_DOWNLOAD_BYTES, Call, Chore, Flow, FlowSteps

RecognitionMode: TypeAlias = Literal["task", "sync"]
"""A task takes recordings of hours; the synchronous recognition, a short WAV that the service fetches."""

Split: TypeAlias = Literal["whole", "segments", "turns"]
"""One passage for each recording, for each segment, or for each turn of a speaker."""

OnTaskUpdate: TypeAlias = Callable[[str, TaskUpdate], Any]
"""Is called with a recording's source and where its task stands."""


@dataclass(frozen=True, slots=True)
class Written:
    """Be what a recording says, and how that was found out.

    Args:
        transcript: What it says.
        way: How the recording got there: ``url``, ``upload``, ``storage``, or ``resumed`` for a task that ran already.
        task_id: The service's id of the task, if it was one.
    """

    transcript: Transcript
    way: str
    task_id: str | None = None


@dataclass(frozen=True, slots=True)
class SophNetTranscriptReading:
    """Turn a recording into one passage, or into one for each of its segments or turns, with SophNet's recognition.

    Args:
        mode: ``task`` or ``sync``.
        split: ``whole``, ``segments`` or ``turns``.
        storage: Where local files are put for ``sync``, which takes URLs only; by default ``maaskit.kodo.Storage()``
            where its variables are set. A task takes local files as they are.
        task_ids: Ids of tasks that run already, by their recordings' sources: their results are collected.
        task_timeout: Seconds to wait for a task; by default the task's own.
        on_update: Is told where each task stands.
        extra_body: Further fields of each request.

    Raises:
        InvalidInput: The options are none.
    """

    purpose: ClassVar[str] = "sophnet-transcript"
    max_bytes: ClassVar[int] = MAX_DOWNLOAD_BYTES

    mode: RecognitionMode = "task"
    split: Split = "whole"
    storage: Uploads | None = None
    task_ids: Mapping[str, str] = field(default_factory=dict)
    task_timeout: float | None = None
    on_update: OnTaskUpdate | None = field(default=None, repr=False)
    extra_body: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        """Refuse options that are none."""
        if self.mode not in ("task", "sync"):
            raise InvalidInput(
                f"mode must be 'task' or 'sync', not {self.mode!r:.100}; split says what becomes a Document."
            )
        if self.split not in ("whole", "segments", "turns"):
            raise InvalidInput(f"split must be 'whole', 'segments' or 'turns', not {self.split!r:.100}.")
        if not isinstance(self.task_ids, Mapping):
            raise InvalidInput("task_ids must be a dict of task ids by source.")
        for task_id in self.task_ids.values():
            transcription.resume(task_id)
        if self.task_ids and self.mode == "sync":
            raise InvalidInput("task_ids are for mode='task': the synchronous recognition has no tasks.")
        if self.task_timeout is not None and not is_seconds(self.task_timeout):
            raise InvalidInput(
                f"task_timeout must be a number of seconds of 0 or more, not {self.task_timeout!r:.100}."
            )
        if self.on_update is not None and not callable(self.on_update):
            raise InvalidInput("on_update must be a function that takes a source and a TaskUpdate.")
        if self.storage is not None:
            storage_or_default(self.storage)  # it checks
        joined({}, self.extra_body)

    def check(self, media: Media) -> None:
        """Refuse what cannot be written down, as far as it can be known without the network.

        Args:
            media: The recording.
        """
        if self.mode == "task":
            if media.source not in self.task_ids:
                transcription.check(media)
        elif media.url is not None:
            self._call(media.url)
        elif storage_or_default(self.storage) is not None:
            if not transcription.tells_format(self.extra_body):
                transcription.check_sync(media)
        else:
            try:
                refused(media, argument="the file")
            except InvalidInput as error:
                raise error.with_hint("Or use mode='task', which uploads it by itself.") from None

    def flow(self, media: Media) -> Flow[Written]:
        """Give the conversation that writes a recording down.

        Args:
            media: The recording.

        Returns:
            A Flow of what it says.
        """
        return Flow(partial(self._waited if self.mode == "task" else self._asked, media))

    def passages(self, answer: Written, identity: str, metadata: Mapping[str, Any]) -> Iterator[Passage]:
        """Give the transcript as one passage with its segments in the metadata, or each segment or turn as a passage.

        Args:
            answer: The transcript.
            identity: The id of the passage, or what the ids of several are made of.
            metadata: What is known of the recording.

        Yields:
            The passages. A transcript without segments, as the synchronous recognition gives it, is one.
        """
        said = answer.transcript
        common = {**metadata, "way": answer.way, "duration_s": said.duration_s}
        if answer.task_id is not None:
            common["task_id"] = answer.task_id
        if self.split == "whole":
            yield Passage(identity, said.text, {**common, "segments": [_plain(one) for one in said.segments]})
            return
        parts = said.segments if self.split == "segments" else turns(said.segments)
        told = [_plain(one) for one in parts] or [_plain(None, said.text)]
        for number, one in enumerate(told):
            text = one.pop("text")
            if text:
                name = "segment" if self.split == "segments" else "turn"
                # Turns and segments of one recording may stand in one store.
                id_ = str(uuid.uuid5(uuid.UUID(identity), f"{name} {number}"))
                yield Passage(id_, text, common | {name: number} | one)

    def _waited(self, media: Media) -> FlowSteps[Written]:
        known = self.task_ids.get(media.source)
        if known is None:
            task: Task[Transcript] = (
                yield Chore(lambda: transcription.transcribe(media, extra_body=self.extra_body))
            ).answer
        else:
            task = transcription.resume(known)
        ids: list[str] = [known] if known is not None else []

        def listen(update: TaskUpdate) -> Any:
            ids[:] = [update.task_id]
            return self.on_update(media.source, update) if self.on_update is not None else None

        async def awaited(update: TaskUpdate) -> None:
            await listen(update)

        # A driver that awaits nobody can tell it by the function, before anything is submitted that costs.
        listener = awaited if iscoroutinefunction(self.on_update) else listen
        try:
            transcript = (yield Waiting(task, listener, self.task_timeout)).answer
        except MaasError as error:
            if ids and not isinstance(error, TaskFailed | TaskCanceled):
                error.with_hint(f"Its result can be collected later: task_ids={{source: {ids[0]!r}}}.")
            raise
        way = "resumed" if known is not None else "url" if media.url is not None else "upload"
        return Written(transcript, way, ids[0] if ids else None)

    def _asked(self, media: Media) -> FlowSteps[Written]:
        if media.url is not None:
            return Written((yield self._call(media.url)).answer, "url")
        url = (yield Chore(lambda: published(media, self.storage, argument="the file"))).answer
        return Written((yield self._call(url)).answer, "storage")

    def _call(self, url: str) -> Call[Transcript]:
        return transcription.transcribe_sync(url, extra_body=self.extra_body)


def turns(segments: tuple[Segment, ...]) -> tuple[Segment, ...]:
    """Put together what one speaker says without another between.

    Args:
        segments: The segments, in order. Without a speaker, a segment is a turn of its own.

    Returns:
        The turns, in order.
    """
    found = []
    numbered = enumerate(segments)
    for _, group in groupby(numbered, lambda pair: pair[1].speaker if pair[1].speaker is not None else pair[0]):
        said = [segment for _, segment in group]
        text = joined_texts(segment.text for segment in said)
        found.append(Segment(said[0].begin_ms, max(one.end_ms for one in said), said[0].speaker, text))
    return tuple(found)


def _plain(one: Segment | None, text: str = "") -> dict[str, Any]:
    """Give a segment as JSON has it, so that it can be stored."""
    if one is None:
        return {"text": text, "begin_ms": None, "end_ms": None, "speaker": None}
    return {"text": one.text, "begin_ms": one.begin_ms, "end_ms": one.end_ms, "speaker": one.speaker}
