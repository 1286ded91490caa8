"""``SophNetSpeechChat``: a spoken conversation as a Runnable; audio goes in, what is heard and answered comes out.

What is said over the socket stands in ``maaskit.sophnet.speech_chat``; recognition alone, in ``live``.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from itertools import chain
from typing import TYPE_CHECKING, Any, Unpack

from langchain_core.runnables import Runnable, RunnableConfig

from maaskit.access import SophNetArgs, sophnet_settings
from maaskit.errors import InvalidInput
from maaskit.extra_body import named_options
from maaskit.langchain.errors import ModelErrors
from maaskit.langchain.live import is_recording, stepped
from maaskit.media import Media
from maaskit.openai_chat.request import Message
from maaskit.session import Session
from maaskit.sophnet import speech_chat, transcription_stream
from maaskit.sophnet.speech_chat_items import AsrMode, Item
from maaskit.sophnet.speech_chat_turns import Floor, SpokenTurn, Turns

if TYPE_CHECKING:
    from maaskit.connections import Settings

_COMPLETE = speech_chat.complete()
_PIECE_MS = 200


class SophNetSpeechChat(Runnable[Any, Any]):
    r"""Talk with a chat model of the SophNet cloud (算能云语音对话).

    Use::

        from maaskit.langchain import SophNetSpeechChat
        from maaskit.sophnet import speech_chat

        chat = SophNetSpeechChat(model="Qwen2.5-32B-Instruct", voice="longxiaochun")
        for event in chat.transform(microphone):  # bytes, and speech_chat.complete() where a turn ends
            if isinstance(event, speech_chat.SpokenDelta):
                print(event.content, end="")
                speaker.write(event.audio)
        first, second = chat.invoke(["问题一.wav", "问题二.wav"])  # a turn for each recording
        first.heard, first.content, first.speech.audio

    ``transform`` and ``atransform`` are written directly and keep nothing: LangChain's own helpers, which trace them,
    keep all audio and write it into the trace.

    Args:
        model: The chat model; case counts.
        format: Form of the user's audio: ``pcm`` (16-bit mono samples alone), ``wav``, ``mp3``, ``opus``, ``speex``,
            ``aac`` or ``amr``.
        sample_rate: Samples per second of it; any, 16000 is heard best.
        messages: What goes before everything that is said, such as a system message.
        asr_mode: ``online`` (default), ``refresh`` or ``dynamic``; see ``maaskit.sophnet.speech_chat.update``.
        voice: Who speaks; the service's default is ``longxiaochun``.
        speech_format: Form of the answers' sound; default ``MP3_22050HZ_MONO_256KBPS``.
        speech: Further settings of the voice: ``speech_model``, ``volume``, ``speech_rate``, ``pitch_rate``.
        chat: Further fields of the chat, such as ``{"temperature": 0.5}``.
        heartbeat: Whether silence keeps the conversation; default true.
        turn_taking: Whether what follows a ``complete()`` waits until it has been answered, so that the next turn is
            not heard into the answer; only ``cancel()`` and ``ping()`` pass. ``False`` for audio without pause.
        errors: ``raise`` (default) ends the conversation with the first failure that the service tells, ``tell`` gives
            it as an event where the conversation can go on.
        paced: Whether each piece waits until the earlier ones have been played.
        asr_easyllm_id: Id of the speech-to-text service; by default ``SOPHNET_SPEECH_TO_TEXT_EASYLLM_ID``, then
            ``SOPHNET_EASYLLM_ID``.
        tts_easyllm_id: Id of the text-to-voice service; by default ``SOPHNET_TEXT_TO_VOICE_EASYLLM_ID``, then
            ``SOPHNET_EASYLLM_ID``.
        **connection: ``api_key``, ``base_url``, ``project_id``, ``easyllm_id``, ``timeout`` (seconds that the service
            may owe an answer or take nothing), ``max_retries``, ``default_headers``; see SophNetArgs.

    Raises:
        ConfigurationError: No key is given or set.
        InvalidInput: A value is out of its range.

    Source:
        sophnet-api, 语音对话.
    """

    def __init__(
        self,
        *,
        model: str,
        format: str = "pcm",  # noqa: A002 - the document's own word
        sample_rate: int = transcription_stream.SAMPLE_RATE_HZ,
        messages: Sequence[Message] = (),
        asr_mode: AsrMode = "online",
        voice: str | None = None,
        speech_format: str | None = None,
        speech: Mapping[str, Any] | None = None,
        chat: Mapping[str, Any] | None = None,
        heartbeat: bool = True,
        turn_taking: bool = True,
        errors: speech_chat.Errors = "raise",
        paced: bool = False,
        asr_easyllm_id: str | None = None,
        tts_easyllm_id: str | None = None,
        **connection: Unpack[SophNetArgs],
    ) -> None:
        with ModelErrors():
            self._settings: Settings = sophnet_settings(**connection)
            self._options: dict[str, Any] = {
                "model": model,
                "asr_easyllm_id": asr_easyllm_id,
                "tts_easyllm_id": tts_easyllm_id,
                "format": format,
                "sample_rate": sample_rate,
                "heartbeat": heartbeat,
                "errors": errors,
            }
            self._update = speech_chat.update(
                messages=messages,
                asr_mode=asr_mode,
                voice=voice,
                speech_format=speech_format,
                **_known(speech, ("speech_model", "volume", "speech_rate", "pitch_rate"), "speech"),
                **named_options(chat, "chat"),
            )
            self._speech_format = speech_format
            self._turn_taking = turn_taking
            if paced and self._session().duration_s is None:
                raise InvalidInput(
                    f"paced=True needs format 'pcm' or 'wav': {format!r} does not tell how long it plays."
                )
            self._paced = paced
            self._session()  # refuses what is out of its range

    def _session(self) -> Session[Item, speech_chat.Event]:
        return speech_chat.converse(**self._options)

    def transform(
        self,
        input: Iterator[Any],  # noqa: A002 - core's name
        config: RunnableConfig | None = None,  # noqa: ARG002 - see the class
        **kwargs: Any,  # noqa: ARG002 - as above
    ) -> Iterator[speech_chat.Event]:
        """Hold a conversation.

        Args:
            input: Audio as bytes of any size, and the items of ``maaskit.sophnet.speech_chat``: ``complete()`` where it
                is to be answered, ``cancel()`` to interrupt, and so on. A path or Media stands for a whole turn: its
                audio, and ``complete()``. It may block: it is read in a thread of its own, and is not asked again when
                the conversation has ended. Its end ends the turn that is under way.
            config: LangChain's configuration; it has no meaning here.
            **kwargs: What other Runnables may be told; it has no meaning here.

        Yields:
            Events: Utterance (what is heard so far), SpokenDelta (the next piece of text or of sound), TurnCompleted,
            and the others of ``maaskit.sophnet.speech_chat.Event``. Who stops reading, and closes the generator or lets
            it go, closes the socket.

        Raises:
            MaasError: What went wrong; each is one of langchain-core's ModelErrors as well. An error of ``input`` is
                raised as it is.
        """
        floor = Floor(threading.Event())
        with ModelErrors():
            _check_pieces(input)
            with self._settings.client().connect(self._session()) as talk:
                try:
                    for event in talk.feed(self._items(input, floor), paced=self._paced):
                        floor.hear(event)
                        yield event
                finally:
                    floor.leave()

    async def atransform(
        self,
        input: AsyncIterator[Any],  # noqa: A002 - core's name
        config: RunnableConfig | None = None,  # noqa: ARG002 - see the class
        **kwargs: Any,  # noqa: ARG002 - as above
    ) -> AsyncGenerator[speech_chat.Event, None]:
        """Hold a conversation without holding up the event loop.

        Args:
            input: As for ``transform``; it is closed with the conversation.
            config: LangChain's configuration; it has no meaning here.
            **kwargs: What other Runnables may be told; it has no meaning here.

        Yields:
            Events, as for ``transform``. Who closes the generator, or is cancelled, closes the socket.

        Raises:
            MaasError: As for ``transform``.
        """
        floor = Floor(asyncio.Event())
        with ModelErrors():
            _check_pieces(input)
            async with (await self._settings.async_client()).connect(self._session()) as talk:
                async for event in talk.feed(self._aitems(input, floor), paced=self._paced):
                    floor.hear(event)
                    yield event

    def stream(
        self,
        input: Any,  # noqa: A002 - core's name
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> Iterator[speech_chat.Event]:
        """Ask with a recording, or with several, and give each event as soon as it comes.

        Args:
            input: A path, bytes, Media or an open binary file; or an iterable of what ``transform`` takes.
            config: See ``transform``.
            **kwargs: See ``transform``.

        Yields:
            Events, as for ``transform``.

        Raises:
            MaasError: As for ``transform``.
        """
        with ModelErrors():
            chunks = iter(self._chunks_of(input))
        yield from self.transform(chunks, config, **kwargs)

    async def astream(
        self,
        input: Any,  # noqa: A002 - core's name
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AsyncGenerator[speech_chat.Event, None]:
        """Ask with a recording, or with several, without holding up the event loop; see ``stream``.

        Args:
            input: As for ``stream``; an asynchronous iterable as well.
            config: See ``transform``.
            **kwargs: See ``transform``.

        Yields:
            Events, as for ``transform``.

        Raises:
            MaasError: As for ``transform``.
        """
        with ModelErrors():
            chunks = input if hasattr(input, "__aiter__") else stepped(await asyncio.to_thread(self._chunks_of, input))
        async with aclosing(self.atransform(aiter(chunks), config, **kwargs)) as events:
            async for event in events:
                yield event

    def invoke(
        self,
        input: Any,  # noqa: A002 - core's name
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> list[SpokenTurn]:
        """Ask with a recording, or with several, one turn after the other.

        Args:
            input: As for ``stream``.
            config: See ``transform``.
            **kwargs: See ``transform``.

        Returns:
            The turns: ``heard``, ``content`` and ``speech``.

        Raises:
            MaasError: As for ``transform``.
        """
        turns = Turns(self._speech_format)
        return [turn for event in self.stream(input, config, **kwargs) if (turn := turns.add(event)) is not None]

    async def ainvoke(
        self,
        input: Any,  # noqa: A002 - core's name
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> list[SpokenTurn]:
        """Ask with a recording, or with several, without holding up the event loop; see ``invoke``.

        Args:
            input: As for ``astream``.
            config: See ``transform``.
            **kwargs: See ``transform``.

        Returns:
            The turns.

        Raises:
            MaasError: As for ``transform``.
        """
        turns = Turns(self._speech_format)
        return [turn async for event in self.astream(input, config, **kwargs) if (turn := turns.add(event)) is not None]

    def _chunks_of(self, audio: Any) -> Iterable[Any]:
        if is_recording(audio):
            media = Media.of(audio, argument="audio")
            self._said(media)  # refuses another kind before anything is opened
            return (media,)
        if isinstance(audio, Iterable):
            return audio
        raise InvalidInput(f"audio must be a path, bytes, Media or pieces of bytes, not {type(audio).__name__}.")

    def _said(self, chunk: Any) -> Iterable[Item]:
        if isinstance(chunk, str | os.PathLike | Media):
            form, rate = self._options["format"], self._options["sample_rate"]
            return chain(transcription_stream.pieces(chunk, form, rate, piece_ms=_PIECE_MS), (_COMPLETE,))
        return (chunk,)

    def _items(self, chunks: Iterator[Any], floor: Floor) -> Iterator[Item]:
        yield self._update
        for chunk in chunks:
            for item in self._said(chunk):
                while self._turn_taking and floor.is_taken_from(item):
                    floor.news.wait()
                    floor.news.clear()
                if floor.left:
                    return
                floor.say(item)
                yield item

    async def _aitems(self, chunks: AsyncIterator[Any], floor: Floor) -> AsyncIterator[Item]:
        yield self._update
        async with AsyncExitStack() as leaving:
            if hasattr(chunks, "aclose"):
                leaving.push_async_callback(chunks.aclose)
            async for chunk in chunks:
                async for item in self._asaid(chunk):
                    while self._turn_taking and floor.is_taken_from(item):
                        await floor.news.wait()
                        floor.news.clear()
                    floor.say(item)
                    yield item

    async def _asaid(self, chunk: Any) -> AsyncIterator[Item]:
        if isinstance(chunk, str | os.PathLike | Media):
            async for item in stepped(await asyncio.to_thread(self._said, chunk)):
                yield item
        else:
            yield chunk


def _known(given: Mapping[str, Any] | None, names: tuple[str, ...], argument: str) -> dict[str, Any]:
    told = named_options(given, argument)
    if not told.keys() <= set(names):
        raise InvalidInput(f"{argument} may say {', '.join(names)}, not {', '.join(sorted(told.keys() - set(names)))}.")
    return told


def _check_pieces(chunks: Any) -> None:
    if is_recording(chunks):
        raise InvalidInput("transform takes an iterator; a whole recording goes to stream(audio) or invoke(audio).")
