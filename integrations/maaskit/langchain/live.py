"""Live recognition as Runnables: audio goes in while it is spoken, utterances come out while they are heard.

What is said over the sockets stands in ``maaskit.qiniu``; recordings that become Documents, in ``qiniu_loaders``.
"""

from __future__ import annotations

import asyncio
import os
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, aclosing
from typing import TYPE_CHECKING, Any, Unpack

from langchain_core.runnables import Runnable, RunnableConfig

from maaskit.errors import InvalidInput
from maaskit.langchain.errors import ModelErrors
from maaskit.langchain.intake import Intake, SampleIntake
from maaskit.media import Media
from maaskit.qiniu import transcription_stream
from maaskit.qiniu_access import QiniuArgs, qiniu_settings
from maaskit.session import Session
from maaskit.transcript import Utterance

if TYPE_CHECKING:
    from maaskit.connections import Settings

_END: Any = object()


class StreamingTranscriber(Runnable[Any, Any], ABC):
    """Hear audio while it comes.

    ``transform`` and ``atransform`` are written directly and keep nothing: LangChain's own helpers, which trace them,
    keep all audio and write it into the trace. So these Runnables show up in a trace as a part of their chain only, and
    a chain around them keeps what it is given: for audio without an end, call ``transform`` itself. What stands behind
    them in a chain gets the final utterances, whether the chain is invoked or streamed; a generator function gets each
    utterance as it comes.

    Args:
        settings: Whom to ask.
        paced: Whether each piece waits until the earlier ones have been played.
    """

    def __init__(self, settings: Settings, *, paced: bool) -> None:
        self._settings = settings
        self._paced = paced

    @abstractmethod
    def _session(self) -> Session[bytes, Utterance]:
        """Give what is spoken with the service."""

    @abstractmethod
    def _intake(self) -> Intake:
        """Give what turns the callers' audio into what the session sends."""

    def transform(
        self,
        input: Iterator[Any],  # noqa: A002 - core's name
        config: RunnableConfig | None = None,  # noqa: ARG002 - see the class
        **kwargs: Any,  # noqa: ARG002 - as above
    ) -> Iterator[Utterance]:
        """Hear audio while it comes.

        Args:
            input: Pieces of audio: bytes of any size. It may block: it is read in a thread of its own, and is not asked
                again when the conversation has ended. A path or Media among them stands for its samples.
            config: LangChain's configuration; it has no meaning here.
            **kwargs: What other Runnables may be told; it has no meaning here.

        Yields:
            Utterances; the text of one that is not final is replaced by the next one, not appended to it. Who stops
            reading, and closes the generator or lets it go, closes the socket.

        Raises:
            MaasError: What went wrong; each is one of langchain-core's ModelErrors as well. An error of ``input`` is
                raised as it is.
        """
        with ModelErrors():
            _check_pieces(input)
            with self._settings.client().connect(self._session()) as talk:
                yield from talk.feed(self._samples(input), paced=self._paced)

    async def atransform(
        self,
        input: AsyncIterator[Any],  # noqa: A002 - core's name
        config: RunnableConfig | None = None,  # noqa: ARG002 - see the class
        **kwargs: Any,  # noqa: ARG002 - as above
    ) -> AsyncGenerator[Utterance, None]:
        """Hear audio while it comes, without holding up the event loop.

        Args:
            input: Pieces of audio, as for ``transform``; it is closed with the conversation.
            config: LangChain's configuration; it has no meaning here.
            **kwargs: What other Runnables may be told; it has no meaning here.

        Yields:
            Utterances, as for ``transform``. Who closes the generator, or is cancelled, closes the socket.

        Raises:
            MaasError: As for ``transform``.
        """
        with ModelErrors():
            _check_pieces(input)
            async with (await self._settings.async_client()).connect(self._session()) as talk:
                async for utterance in talk.feed(self._asamples(input), paced=self._paced):
                    yield utterance

    def stream(
        self,
        input: Any,  # noqa: A002 - core's name
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> Iterator[Utterance]:
        """Hear a whole recording, and give each utterance as soon as it comes.

        Args:
            input: A path, bytes, Media or an open binary file; or an iterable of pieces.
            config: See ``transform``.
            **kwargs: See ``transform``.

        Yields:
            Utterances, as for ``transform``.

        Raises:
            MaasError: As for ``transform``.
        """
        with ModelErrors():
            pieces = iter(self._pieces_of(input))
        yield from self.transform(pieces, config, **kwargs)

    async def astream(
        self,
        input: Any,  # noqa: A002 - core's name
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AsyncGenerator[Utterance, None]:
        """Hear a whole recording without holding up the event loop; see ``stream``.

        Args:
            input: As for ``stream``; an asynchronous iterable of pieces as well.
            config: See ``transform``.
            **kwargs: See ``transform``.

        Yields:
            Utterances, as for ``transform``.

        Raises:
            MaasError: As for ``transform``.
        """
        with ModelErrors():
            pieces = input if hasattr(input, "__aiter__") else stepped(await asyncio.to_thread(self._pieces_of, input))
        async with aclosing(self.atransform(aiter(pieces), config, **kwargs)) as heard:
            async for utterance in heard:
                yield utterance

    def invoke(
        self,
        input: Any,  # noqa: A002 - core's name
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> list[Utterance]:
        """Hear a whole recording.

        Args:
            input: As for ``stream``.
            config: See ``transform``.
            **kwargs: See ``transform``.

        Returns:
            The utterances that are final, in order; ``" ".join(one.text for one in heard)`` is the text.

        Raises:
            MaasError: As for ``transform``.
        """
        return [utterance for utterance in self.stream(input, config, **kwargs) if utterance.is_final]

    async def ainvoke(
        self,
        input: Any,  # noqa: A002 - core's name
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> list[Utterance]:
        """Hear a whole recording without holding up the event loop; see ``invoke``.

        Args:
            input: As for ``astream``.
            config: See ``transform``.
            **kwargs: See ``transform``.

        Returns:
            The utterances that are final, in order.

        Raises:
            MaasError: As for ``transform``.
        """
        return [utterance async for utterance in self.astream(input, config, **kwargs) if utterance.is_final]

    def _pieces_of(self, audio: Any) -> Iterable[Any]:
        if is_recording(audio):
            media = Media.of(audio, argument="audio")
            self._intake().take(media)  # refuses another kind before anything is opened
            return (media,)
        if isinstance(audio, Iterable):
            return audio
        raise InvalidInput(f"audio must be a path, bytes, Media or pieces of bytes, not {type(audio).__name__}.")

    def _samples(self, chunks: Iterator[Any]) -> Iterator[bytes]:
        intake = self._intake()
        for chunk in chunks:
            yield from intake.take(chunk)
        intake.end()

    async def _asamples(self, chunks: AsyncIterator[Any]) -> AsyncIterator[bytes]:
        intake = self._intake()
        async with AsyncExitStack() as leaving:
            if hasattr(chunks, "aclose"):
                leaving.push_async_callback(chunks.aclose)
            async for chunk in chunks:
                if isinstance(chunk, bytes | bytearray | memoryview):
                    for piece in intake.take(chunk):
                        yield piece
                else:
                    async for piece in stepped(await asyncio.to_thread(intake.take, chunk)):
                        yield piece
            intake.end()


class QiniuStreamingTranscriber(StreamingTranscriber):
    r"""Write down what is said while it is spoken, with Qiniu's live recognition (七牛云实时语音识别).

    Use::

        from maaskit.langchain import QiniuStreamingTranscriber

        transcriber = QiniuStreamingTranscriber()
        for utterance in transcriber.transform(microphone):  # an iterator of bytes
            print(utterance.text, end="\n" if utterance.is_final else "\r")
        transcriber.invoke("会议.wav")  # the final utterances of a recording
        text = transcriber | (lambda heard: " ".join(one.text for one in heard))  # a part of a chain

    Args:
        sample_rate: Samples per second; 16000.
        format: ``pcm`` (16-bit mono samples alone; a WAV's header is noticed and taken off) or ``wav``.
        resume: Replace a dropped connection by another and say again what may have been lost. It works as far as the
            service tells where sentences end; what is kept meanwhile is at most 64 MiB.
        enable_punc: Whether the text gets punctuation; default true.
        segment_ms: Length of one packet in milliseconds, 100 to 300; larger for a poor network; default 200.
        paced: Whether each piece waits until the earlier ones have been played, to send a recording as if it were
            spoken now.
        extra_request: Further fields of the ``request`` part of the configuration.
        **connection: ``api_key``, ``base_url``, ``timeout`` (seconds that the service may owe an answer or take
            nothing), ``max_retries``, ``default_headers``; see QiniuArgs.

    Raises:
        ConfigurationError: No key is given or set.
        InvalidInput: A value is out of its range.

    Source:
        qiniu-api, 语音文字识别, Python 示例.
    """

    def __init__(
        self,
        *,
        sample_rate: int = transcription_stream.SAMPLE_RATE_HZ,
        format: str = "pcm",  # noqa: A002 - the document's own word
        resume: bool = False,
        enable_punc: bool = True,
        segment_ms: int = 200,
        paced: bool = False,
        extra_request: Mapping[str, Any] | None = None,
        **connection: Unpack[QiniuArgs],
    ) -> None:
        with ModelErrors():
            super().__init__(qiniu_settings(**connection), paced=paced)
            transcription_stream.listen(format, sample_rate)  # refuses what is no such audio
            self._format = format
            # The intake takes a WAV's header off, so that what is sent, and said again, is always samples.
            self._options: dict[str, Any] = {
                "sample_rate": sample_rate,
                "enable_punc": enable_punc,
                "segment_ms": segment_ms,
                "resume": resume,
                "extra_request": extra_request,
            }
            self._session()  # refuses what is out of its range

    def _session(self) -> Session[bytes, Utterance]:
        return transcription_stream.listen("pcm", **self._options)

    def _intake(self) -> Intake:
        wav = self._format == "wav"
        return SampleIntake(transcription_stream.SAMPLE_RATE_HZ, transcription_stream.pieces, is_wav=wav)


def is_recording(audio: Any) -> bool:
    """Tell a whole recording from pieces of audio.

    Args:
        audio: What a caller hands over.

    Returns:
        Whether it is bytes, a path, Media or an open file.
    """
    return isinstance(audio, str | bytes | bytearray | memoryview | os.PathLike | Media) or hasattr(audio, "read")


def _check_pieces(chunks: Any) -> None:
    if is_recording(chunks):
        raise InvalidInput("transform takes an iterator of bytes; a whole recording goes to stream(audio) or invoke.")


async def stepped(items: Iterable[Any]) -> AsyncIterator[Any]:
    """Walk through what may block, such as a file that is read, without holding up the event loop.

    Args:
        items: The items.

    Yields:
        Each of them.
    """
    iterator = iter(items)
    while (item := await asyncio.to_thread(next, iterator, _END)) is not _END:
        yield item
