"""What becomes of a picture or a recording that Qiniu reads: by which way it goes there, and its passages.

What SophNet reads stands in ``reading``, where files come from in ``files``; no framework is known here.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, closing, nullcontext
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeAlias, TypeVar, cast

from maaskit.conversations import Conversations
from maaskit.errors import InvalidInput
from maaskit.files import Files, Source
from maaskit.leaving import leaving
from maaskit.media import Media, check_kind
from maaskit.publishing import Uploads, published, refused, storage_or_default
from maaskit.qiniu import ocr, transcription, transcription_stream
from maaskit.qiniu.ocr import Recognized
from maaskit.reading import Passage
from maaskit.transcript import Utterance, joined_texts
from maaskit.wav import WavBody
from maaskit.wire import MAX_DOWNLOAD_BYTES, Call, Chore, Flow, FlowSteps

if TYPE_CHECKING:
    from maaskit.connections import Settings

T = TypeVar("T")

Way: TypeAlias = Literal["url", "storage", "socket"]
"""How a file reaches the service: it fetches the URL; it fetches what was uploaded; the audio goes over a socket."""

TranscriptMode: TypeAlias = Literal["single", "segments"]

_READABLE = ("image/png", "image/jpeg", "image/gif", "image/bmp", "image/webp", "image/tiff", "application/pdf")
_FORMATS = {"audio/wav": "wav", "audio/mpeg": "mp3", "audio/ogg": "ogg"}
_HEAD_BYTES = 64 * 1024
_BYTES_PER_S = transcription_stream.SAMPLE_RATE_HZ * transcription_stream.BITS // 8 * transcription_stream.CHANNELS


@dataclass(frozen=True, slots=True)
class Brought(Generic[T]):
    """Be what a service made of a file, and how the file got there.

    Args:
        answer: What it made of it.
        way: How it got there.
    """

    answer: T
    way: Way


@dataclass(frozen=True, slots=True)
class Heard:
    """Be what a recording says.

    Args:
        text: All of it.
        segments: Its stretches in order, where the service tells them.
        duration_s: Its length in seconds, where it is known.
    """

    text: str = field(repr=False)
    segments: tuple[Utterance, ...] = field(default=(), repr=False)
    duration_s: float | None = None


@dataclass(frozen=True, slots=True)
class QiniuOCRReading:
    """Turn a picture or a PDF into one passage, with Qiniu's OCR.

    Args:
        storage: Where local files are put; by default ``maaskit.kodo.Storage()`` where its variables are set.
        extra_body: See ``maaskit.qiniu.ocr.recognize``.
    """

    purpose: ClassVar[str] = "qiniu-ocr"
    max_bytes: ClassVar[int] = MAX_DOWNLOAD_BYTES

    storage: Uploads | None = None
    extra_body: Mapping[str, Any] | None = None

    def check(self, media: Media) -> None:
        """Refuse what is neither a picture nor a PDF, and a local file that cannot be put where the service fetches it.

        Args:
            media: The picture or PDF.
        """
        if media.url is None:
            check_kind(media, _READABLE, argument="the file", names="a picture or a PDF")
            if storage_or_default(self.storage) is None:
                refused(media, argument="the file")

    def flow(self, media: Media) -> Flow[Brought[Recognized]]:
        """Give the conversation that reads it.

        Args:
            media: The picture or PDF; the service fetches a URL, and a local file is uploaded.

        Returns:
            A Flow of the text.
        """
        return _fetched(media, self.storage, lambda url: ocr.recognize(url, extra_body=self.extra_body))

    def passages(self, answer: Brought[Recognized], identity: str, metadata: Mapping[str, Any]) -> Iterator[Passage]:
        """Give the text as one passage.

        Args:
            answer: The text.
            identity: The passage's id.
            metadata: What is known of the file.

        Yields:
            The passage; ``way`` in its metadata says how the file got there.
        """
        yield Passage(identity, answer.answer.text, {**metadata, "model": ocr.MODEL, "way": answer.way})


@dataclass(frozen=True, slots=True)
class QiniuTranscriptReading:
    """Turn a recording into one passage, or into one for each of its stretches, with Qiniu's recognition.

    A URL is fetched by the service. A WAV or PCM file that the socket takes (16 kHz, 16 bits, one channel) goes over
    the socket and needs no upload. Any other file is uploaded, where there is a storage.

    Args:
        settings: Whom to ask over the socket.
        mode: ``single`` or ``segments``.
        format: See ``maaskit.qiniu.transcription.transcribe``; needed for URLs whose ending does not tell it.
        storage: Where other local files are put; by default ``maaskit.kodo.Storage()`` where its variables are set.
        resume: Whether a dropped socket is replaced by another; see ``maaskit.qiniu.transcription_stream.listen``.
        extra_body: See ``maaskit.qiniu.transcription.transcribe``.
        talks: Holds the conversations over the socket, so that they can be ended.

    Raises:
        InvalidInput: The options are none.
    """

    purpose: ClassVar[str] = "qiniu-transcript"
    max_bytes: ClassVar[int] = MAX_DOWNLOAD_BYTES

    settings: Settings
    mode: TranscriptMode = "single"
    format: str | None = None
    storage: Uploads | None = None
    resume: bool = True
    extra_body: Mapping[str, Any] | None = None
    talks: Conversations | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Refuse options that are none."""
        if self.mode not in ("single", "segments"):
            raise InvalidInput(f"mode must be 'single' or 'segments', not {self.mode!r}.")
        self._call("https://example.com/recording.wav")

    def check(self, media: Media) -> None:
        """Refuse what cannot be heard, as far as it can be known without the network.

        Args:
            media: The recording.
        """
        if media.url is not None:
            self._call(media.url)
        else:
            self._chosen(media)

    def flow(self, media: Media) -> Flow[Brought[Heard]]:
        """Give the conversation that hears a recording.

        Args:
            media: The recording.

        Returns:
            A Flow of what it says.
        """

        def steps() -> FlowSteps[Brought[Heard]]:
            way, told = ("url", None) if media.url is not None else (yield Chore(lambda: self._chosen(media))).answer
            by_url = _fetched(media, self.storage, lambda url: self._call(url, told))
            return (yield from (self._spoken(media) if way == "socket" else by_url).steps())

        return Flow(steps)

    def passages(self, answer: Brought[Heard], identity: str, metadata: Mapping[str, Any]) -> Iterator[Passage]:
        """Give the transcript as one passage with its stretches in the metadata, or each stretch as a passage.

        Args:
            answer: The transcript.
            identity: The passage's id, or what the ids of the stretches are made of.
            metadata: What is known of the recording.

        Yields:
            The passages; ``way`` in the metadata says how the recording got there. Recognition by URL tells no
            stretches: its text is one.
        """
        heard = answer.answer
        common = {**metadata, "way": answer.way, "duration_s": heard.duration_s}
        if self.mode == "single":
            yield Passage(identity, heard.text, {**common, "segments": [_plain(one) for one in heard.segments]})
            return
        for number, one in enumerate(heard.segments or (Utterance(heard.text),)):
            told = _plain(one)
            text = told.pop("text")
            if text:
                yield Passage(
                    str(uuid.uuid5(uuid.UUID(identity), str(number))), text, common | {"segment": number} | told
                )

    def _call(self, url: str, told: str | None = None) -> Call[Heard]:
        asked = transcription.transcribe(url, self.format or told, extra_body=self.extra_body)
        return asked.map(lambda transcript: Heard(transcript.text, duration_s=transcript.duration_s))

    def _spoken(self, media: Media) -> Flow[Brought[Heard]]:
        session = transcription_stream.listen(resume=self.resume)

        def hear(talks: Conversations) -> Heard:
            size = 0

            def pieces() -> Iterator[bytes]:
                nonlocal size
                for piece in transcription_stream.pieces(media):
                    size += len(piece)
                    yield piece

            utterances = talks.hold(self.settings, session, pieces)
            return Heard(joined(utterances), tuple(utterances), size / _BYTES_PER_S)

        def steps() -> FlowSteps[Brought[Heard]]:
            # Alone, as a parser or a tool asks, a conversation ends with its own steps.
            with nullcontext(self.talks) if self.talks is not None else Conversations() as talks:
                return Brought((yield Chore(lambda: hear(talks))).answer, "socket")

        return Flow(steps)

    def _chosen(self, media: Media) -> tuple[Way, str | None]:
        """Choose the way of a local file, and tell its format, or say why there is no way."""
        if self.format in (None, "raw", "wav"):
            try:
                _check_samples(media)
            except InvalidInput as error:
                why = str(error)
            else:
                return "socket", None
        else:
            why = f"A local file of format {self.format!r} does not go over the socket, which takes WAV and PCM."
        told = self._format_of(media)
        if told is None:
            raise InvalidInput(why)
        if storage_or_default(self.storage) is None:
            raise InvalidInput(
                f"{why} Or let it be uploaded as it is: set QINIU_ACCESS_KEY, QINIU_SECRET_KEY, QINIU_BUCKET and "
                "QINIU_DOMAIN, or pass storage=maaskit.kodo.Storage(...)."
            )
        return "storage", told

    def _format_of(self, media: Media) -> str | None:
        if self.format is not None:
            return self.format
        other = (self.extra_body or {}).get("audio")
        if isinstance(other, Mapping) and other.get("format"):
            return str(other["format"])
        return "raw" if media.suffix in (".pcm", ".raw") else _FORMATS.get(media.mime_type() or "")


@dataclass(frozen=True, slots=True)
class Recordings(Files):
    """Read recordings in their order, a few at once; who stops reading leaves no socket open."""

    def read(self, sources: Sequence[Source]) -> Generator[Passage, None, None]:
        """Read the recordings; see ``Files.read``.

        Args:
            sources: The recordings, one or more.

        Yields:
            The passages, in the order of the recordings.

        Raises:
            MaasError: What went wrong, with the recording's name.
        """
        with Conversations() as talks, closing(self._within(talks).read(sources)) as passages:
            yield from passages

    async def aread(
        self, sources: Sequence[Source], places: AbstractAsyncContextManager[Any] | None = None
    ) -> AsyncGenerator[Passage, None]:
        """Read the recordings without holding up the event loop; see ``Files.aread``.

        Args:
            sources: The recordings, one or more.
            places: Entered around each recording.

        Yields:
            The passages, in the order of the recordings.

        Raises:
            MaasError: As for ``read``.
        """
        with Conversations() as talks:
            async with leaving(self._within(talks).aread(sources, places)) as passages:
                async for passage in passages:
                    yield passage

    @classmethod
    def of(cls, files: Files) -> Recordings:
        """Take files that are recordings.

        Args:
            files: Files that a QiniuTranscriptReading reads.

        Returns:
            The same, as recordings.
        """
        return cls(*(getattr(files, one.name) for one in fields(files)))

    def _within(self, talks: Conversations) -> Files:
        reading = replace(cast("QiniuTranscriptReading", self.reading), talks=talks)
        return Files(reading, self.settings, self.argument, self.name, self.max_concurrency, self.show_progress)


def joined(utterances: Iterable[Utterance]) -> str:
    """Put sentences together.

    Args:
        utterances: Those that are final, in order.

    Returns:
        Their text; a space stands between two of them where their languages write one.
    """
    return joined_texts(utterance.text for utterance in utterances)


def _fetched(media: Media, storage: Uploads | None, ask: Any) -> Flow[Brought[Any]]:
    def steps() -> FlowSteps[Brought[Any]]:
        if media.url is not None:
            return Brought((yield ask(media.url)).answer, "url")
        url = (yield Chore(lambda: published(media, storage, argument="the file"))).answer
        return Brought((yield ask(url)).answer, "storage")

    return Flow(steps)


def _check_samples(media: Media) -> None:
    """Refuse what the socket does not take; a WAV's header is looked at as far as it stands at the file's beginning."""
    transcription_stream.pieces(media)
    if media.mime_type() == "audio/wav":
        WavBody(transcription_stream.SAMPLE_RATE_HZ, transcription_stream.BITS, transcription_stream.CHANNELS).feed(
            media.head(_HEAD_BYTES)
        )


def _plain(one: Utterance) -> dict[str, Any]:
    """Give a stretch as JSON has it, so that it can be stored."""
    return {"text": one.text, "begin_ms": one.begin_ms, "end_ms": one.end_ms}
