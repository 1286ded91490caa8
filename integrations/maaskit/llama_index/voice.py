"""``SophNetVoiceAgent``: a spoken conversation behind LlamaIndex's voice-agent bases, on asyncio and without a device.

Microphone and speaker are an interface's business; what is said over the socket stands in ``maaskit.sophnet``.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, Unpack

from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.tools import BaseTool
from llama_index.core.voice_agents import (
    BaseVoiceAgent,
    BaseVoiceAgentEvent,
    BaseVoiceAgentInterface,
)

from maaskit.access import SophNetArgs, sophnet_settings
from maaskit.errors import InvalidInput, SessionError
from maaskit.extra_body import named_options
from maaskit.llama_index.messages import Addressee, wire_messages
from maaskit.llama_index.voice_answers import AwaitedAnswers
from maaskit.llama_index.voice_events import recorded
from maaskit.llama_index.voice_socket import SophNetVoiceSocket
from maaskit.sophnet import speech_chat
from maaskit.sophnet.speech_chat_items import AsrMode
from maaskit.sophnet.speech_chat_turns import SpokenTurn, Turns

_PLAYS = ("start", "receive", "interrupt", "stop")  # what is called of an interface
MAX_RECORDS = 1000
"""How many messages and how many events an agent remembers; the oldest go."""


class SophNetVoiceAgent(BaseVoiceAgent):
    """Talk with a chat model of the SophNet cloud (算能云语音对话).

    Use::

        agent = SophNetVoiceAgent(model="Qwen2.5-32B-Instruct", system_prompt="你是人工智能助手。")
        async with agent:
            await agent.send(audio)  # as often as wanted
            turn = await agent.answer()
            turn.heard, turn.content, turn.speech.audio
            agent.export_messages()

    An agent holds one conversation, in one event loop. An error of the conversation is raised by whatever is awaited
    next: ``send``, ``answer``, ``interrupt`` or ``stop``.

    Args:
        model: The chat model; case counts.
        interface: Plays and records: ``start``, ``receive(audio)`` for each piece of sound, ``interrupt`` and ``stop``
            are called; they may be coroutines. By default none: the sound is in the turns and events.
        on_event: Is given each event of ``maaskit.sophnet.speech_chat.Event``; it may be a coroutine, and the service
            waits for it.
        system_prompt: Goes before everything that is said.
        messages: Go after it: an earlier conversation.
        tools: None: the service has no event that would take a tool's result.
        format: Form of the user's audio: ``pcm`` (16-bit mono samples alone), ``wav``, ``mp3``, ``opus``, ``speex``,
            ``aac`` or ``amr``.
        sample_rate: Samples per second of it; any, 16000 is heard best.
        asr_mode: ``online`` (default), ``refresh`` or ``dynamic``; see ``maaskit.sophnet.speech_chat.update``.
        voice: Who speaks; the service's default is ``longxiaochun``.
        speech_format: Form of the answers' sound; default ``MP3_22050HZ_MONO_256KBPS``.
        settings: Further arguments of ``maaskit.sophnet.speech_chat.update``, such as ``volume`` or ``temperature``.
        errors: ``raise`` (default) ends the conversation with the first failure that the service tells, ``tell`` gives
            it as an event where the conversation can go on.
        asr_easyllm_id: Id of the speech-to-text service; by default ``SOPHNET_SPEECH_TO_TEXT_EASYLLM_ID``, then
            ``SOPHNET_EASYLLM_ID``.
        tts_easyllm_id: Id of the text-to-voice service; by default ``SOPHNET_TEXT_TO_VOICE_EASYLLM_ID``, then
            ``SOPHNET_EASYLLM_ID``.
        **connection: ``api_key``, ``base_url``, ``project_id``, ``easyllm_id``, ``timeout``, ``max_retries``,
            ``default_headers``; see ``maaskit.access.SophNetArgs``.

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
        interface: BaseVoiceAgentInterface | None = None,
        on_event: Callable[[speech_chat.Event], Any] | None = None,
        system_prompt: str | None = None,
        messages: Sequence[ChatMessage] = (),
        tools: Sequence[BaseTool] | None = None,
        format: str = "pcm",  # noqa: A002 - the document's own word
        sample_rate: int = 16_000,
        asr_mode: AsrMode = "online",
        voice: str | None = None,
        speech_format: str | None = None,
        settings: Mapping[str, Any] | None = None,
        errors: speech_chat.Errors = "raise",
        asr_easyllm_id: str | None = None,
        tts_easyllm_id: str | None = None,
        **connection: Unpack[SophNetArgs],
    ) -> None:
        if tools:
            raise InvalidInput(
                "SophNet's speech chat takes no results of tools: leave tools out, or let a FunctionAgent with "
                "SophNetLLM(audio=…) answer what SophNetTranscriptReader or a transcriber heard."
            )
        session = speech_chat.converse(
            model=model,
            asr_easyllm_id=asr_easyllm_id,
            tts_easyllm_id=tts_easyllm_id,
            format=format,
            sample_rate=sample_rate,
            errors=errors,
        )
        if isinstance(messages, str | bytes) or not isinstance(messages, Sequence):
            raise InvalidInput(f"messages must be a list of ChatMessage, not {type(messages).__name__}.")
        _check_listeners(interface, on_event)
        system = [ChatMessage(role=MessageRole.SYSTEM, content=system_prompt)] if system_prompt else []
        self._update = speech_chat.update(
            messages=wire_messages([*system, *messages], Addressee(model)),
            asr_mode=asr_mode,
            voice=voice,
            speech_format=speech_format,
            **named_options(settings, "settings"),
        )
        socket = SophNetVoiceSocket(sophnet_settings(**connection), session)
        # The base keeps its `api_key` as plain text: the key stays with the provider.
        super().__init__(ws=socket, interface=interface, ws_url=socket.uri)
        self._socket = socket
        self._on_event = on_event
        self._turns = Turns(speech_format)
        self._listening: asyncio.Task[None] | None = None
        self._settled = asyncio.Event()
        self._answers = AwaitedAnswers()
        self._failure: Exception | None = None
        self._is_told = self._stopped = False

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop; an error that is under way already is not hidden by one of the conversation."""
        if error is None:
            await self.stop()
            return
        with suppress(Exception):
            await self.stop()

    async def start(self, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002 - the base's signature
        """Open the conversation and set it up.

        Args:
            *args: No meaning here.
            **kwargs: No meaning here.

        Raises:
            MaasError: The service refuses, or cannot be reached.
        """
        await self._socket.aconnect()
        self._listening = asyncio.create_task(self._listen())
        try:
            await self._socket.send(self._update)
            await self._settled.wait()
            self._check()
            await self._tell_interface("start")
        except BaseException:
            self._is_told = True
            await self._leave()
            raise

    async def send(self, audio: Any, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002 - the base's signature
        """Say something.

        Args:
            audio: Bytes in the agent's format, in pieces of any size; or an item of ``maaskit.sophnet.speech_chat``.
            *args: No meaning here.
            **kwargs: No meaning here.

        Raises:
            InvalidInput: It may not be said, or the agent was not started.
            MaasError: The conversation has failed.
        """
        self._check()
        if audio != speech_chat.complete():
            await self._socket.send(audio)
            return
        turn = self._answers.ask()  # nobody waits for it, and nobody else shall get it
        turn.cancel()
        try:
            await self._socket.send(audio)
        except BaseException:
            self._answers.withdraw(turn)
            raise

    async def answer(self) -> SpokenTurn:
        """End what the user says, and wait until it has been answered.

        Returns:
            What was heard, and the answer in text and sound.

        Raises:
            MaasError: The conversation has failed; or, with ``errors="tell"``, the answer alone.
        """
        self._check()
        turn = self._answers.ask()
        try:
            await self._socket.send(speech_chat.complete())
        except BaseException:
            self._answers.withdraw(turn)
            raise
        return await turn

    async def handle_message(self, message: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ARG002 - as above
        """Take an event of the conversation; the agent does so by itself.

        Args:
            message: An event of ``maaskit.sophnet.speech_chat.Event``.
            *args: No meaning here.
            **kwargs: No meaning here.

        Returns:
            The event as it is recorded.

        Raises:
            Exception: What the interface or ``on_event`` raises.
        """
        record: BaseVoiceAgentEvent = recorded(message)
        _remember(self._events, record)
        turn = self._turns.add(message)
        if turn is not None:
            self._complete(turn)
        elif isinstance(message, speech_chat.Failed):
            self._answers.refuse(message)
        elif isinstance(message, speech_chat.AudioCompleted):
            self._answers.begin()
        if isinstance(message, speech_chat.SpokenDelta) and message.audio:
            await self._tell_interface("receive", message.audio)
        if self._on_event is not None:
            await _done(self._on_event(message))
        if isinstance(message, speech_chat.Updated):
            self._settled.set()
        return record

    async def interrupt(self) -> None:
        """Interrupt the answer, here and at the service.

        Raises:
            MaasError: The conversation has failed.
        """
        self._check()
        await self._tell_interface("interrupt")
        await self._socket.send(speech_chat.cancel())

    async def stop(self) -> None:
        """End the conversation at once; what is being answered is not waited for.

        Raises:
            MaasError: The conversation had failed, and nothing has said so yet.
        """
        await self._leave()
        if self._failure is not None and not self._is_told:
            self._is_told = True
            raise self._failure

    def __repr__(self) -> str:
        """Show where it is connected to."""
        return f"{type(self).__name__}(ws_url={self.ws_url!r})"

    async def _listen(self) -> None:
        try:
            async for event in self._socket.events():
                await self.handle_message(event)
            self._fail(SessionError("The service has ended the conversation."))
        except Exception as error:  # noqa: BLE001 - it is raised to whoever awaits something
            self._fail(error)
        finally:
            self._settled.set()
            if self._answers.end(self._failure or SessionError("The agent was stopped.")):
                self._is_told = True

    def _fail(self, error: Exception) -> None:
        if not self._stopped:
            self._failure = error

    def _complete(self, turn: SpokenTurn) -> None:
        if turn.heard:
            _remember(self._messages, ChatMessage(role=MessageRole.USER, content=turn.heard))
        if turn.content:
            _remember(self._messages, ChatMessage(role=MessageRole.ASSISTANT, content=turn.content))
        self._answers.give(turn)

    def _check(self) -> None:
        if self._failure is not None:
            self._is_told = True
            raise self._failure
        if self._stopped:
            raise SessionError("The agent was stopped; make another one for another conversation.")

    async def _tell_interface(self, name: str, *arguments: Any) -> None:
        if self.interface is not None:
            await _done(getattr(self.interface, name)(*arguments))

    async def _leave(self) -> None:
        if self._stopped:
            return
        self._stopped = True
        try:
            if self._listening is not None:
                await self._tell_interface("stop")
        finally:
            await self._socket.close()
            if self._listening is not None:
                self._listening.cancel()
                await asyncio.gather(self._listening, return_exceptions=True)


def _check_listeners(interface: Any, on_event: Any) -> None:
    if on_event is not None and not callable(on_event):
        raise InvalidInput("on_event must be a function that takes an event.")
    lacking = [name for name in _PLAYS if not callable(getattr(interface, name, None))]
    if interface is not None and lacking:
        raise InvalidInput(f"interface must have {', '.join(_PLAYS)}; it has no {', '.join(lacking)}.")


def _remember(records: list[Any], record: Any) -> None:
    records.append(record)
    if len(records) > MAX_RECORDS:
        del records[: len(records) - MAX_RECORDS]


async def _done(result: Any) -> None:
    if inspect.isawaitable(result):
        await result
