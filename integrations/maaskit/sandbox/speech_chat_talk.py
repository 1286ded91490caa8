"""SophNet's spoken conversation: who speaks when, what is heard, answered, cleared and cancelled.

Events' names are the document's; the socket is handled by `sockets`, sound is heard in `speech_chat_ear`, answers are
made in `spoken_answers`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final, Literal

from maaskit.sandbox.body_stream import CutError
from maaskit.sandbox.chat import plan
from maaskit.sandbox.dialects import SOPHNET
from maaskit.sandbox.engines import CannotRead
from maaskit.sandbox.engines.recognition import Sentence
from maaskit.sandbox.hearing import sentence_event
from maaskit.sandbox.json_text import decode
from maaskit.sandbox.patience import Patience
from maaskit.sandbox.replies import RefusalError
from maaskit.sandbox.sockets import Socket
from maaskit.sandbox.speech_chat_ear import Ear
from maaskit.sandbox.speech_chat_settings import Settings, read_update
from maaskit.sandbox.spoken_answers import spoken, text_in
from maaskit.sandbox.state import state_of

MAX_WAITING: Final = 32
"""Pieces of sound that wait to be listened to; beyond them the socket is not read."""

Waiting = tuple[Literal["sound", "complete", "clear"], bytes, int]
"""What is to be done, the sound, and how many clearings came before it."""

UNHEARD: Final = "nothing was recognised in the audio"

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Turn:
    """One answer in the making.

    Args:
        asked: What was heard.
        said: What has been answered so far.
        forgotten: Whether the context was cleared meanwhile.
    """

    asked: str
    said: str = ""
    forgotten: bool = False


class Conversation:
    """Hold one conversation.

    Args:
        socket: The other side.
        settings: How it is held, unless it is updated.
        model: The model that the handshake names.
    """

    def __init__(self, socket: Socket, settings: Settings, model: str) -> None:
        self._socket, self._settings, self._model = socket, settings, model
        self._state = state_of(socket.request)
        self._patience = Patience(lambda idle_s: socket.receive(idle_s=idle_s), self._state.socket_idle_s)
        self._patience.expect_pings()  # 如果超过60s,将关闭连接
        self._ear: Ear | None = None
        self._waiting: asyncio.Queue[Waiting] = asyncio.Queue(MAX_WAITING)
        self._held: Waiting | None = None
        self._clearings = 0
        self._heard: list[str] = []
        self._history: list[dict[str, str]] = []
        self._turn: Turn | None = None
        self._completing = self._unwanted = False
        self._answering: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Talk until the other side closes.

        Raises:
            IdleError: The other side sent no ping, or no sound, for too long.
            CutError: A fault ends it.
        """
        await self._tell("chat.created")
        listening = asyncio.create_task(self._listen())
        try:
            while (message := await self._patience.receive()) is not None:
                await (self._hear(message) if isinstance(message, bytes) else self._obey(message))
        finally:
            tasks = [task for task in (listening, self._answering) if task is not None]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self._ear is not None:
                self._ear.close()

    async def _hear(self, data: bytes) -> None:
        if self._ear is None:
            self._ear = Ear(self._settings.form, self._settings.rate)
        listening = self._turn is None and not self._completing
        self._patience.sound_came(counts=self._settings.silence_counts, listening=listening)
        await self._waiting.put(("sound", data, self._clearings))

    async def _obey(self, text: str) -> None:
        try:
            event = decode(text)
            kind = event.get("event_type") if isinstance(event, dict) else None
        except ValueError:
            event, kind = {}, None
        steps: dict[Any, Callable[[dict[str, Any]], Awaitable[None]]] = {
            "chat.update": self._update,
            "input_audio_buffer.complete": self._complete,
            "input_audio_buffer.clear": self._clear_sound,
            "conversation.clear": self._clear_context,
            "conversation.chat.cancel": self._cancel,
            "ping": self._ping,
        }
        if not isinstance(kind, str) or kind not in steps:
            await self._tell("error", 400, f"event_type must be one of {', '.join(steps)}")
            return
        await steps[kind](event)

    async def _update(self, event: dict[str, Any]) -> None:
        if self._ear is not None:  # 在执行流式上传音频片段前,可更新多次,之后将不能更新
            await self._refuse("chat.updated", "the settings cannot be updated once audio has been sent")
            return
        try:
            self._settings = read_update(event.get("message"), self._model, self._state)
        except RefusalError as refusal:
            await self._refuse("chat.updated", refusal.message, refusal.status)
            return
        await self._tell("chat.updated")

    async def _complete(self, _: dict[str, Any]) -> None:
        if self._ear is None:
            await self._refuse("input_audio_buffer.completed", "no audio has been sent")
        elif self._turn is not None or self._completing:
            message = "the answer before is not complete: wait for it, or send conversation.chat.cancel"
            await self._refuse("input_audio_buffer.completed", message)
        else:
            self._completing, self._unwanted = True, False
            self._patience.stop_listening()
            await self._waiting.put(("complete", b"", self._clearings))

    async def _clear_sound(self, _: dict[str, Any]) -> None:
        if self._ear is None:  # 若在未发送过音频bytes数据情况下执行该事件,将报错
            await self._refuse("input_audio_buffer.cleared", "no audio has been sent that could be cleared")
            return
        self._clearings += 1
        await self._waiting.put(("clear", b"", self._clearings))

    async def _clear_context(self, _: dict[str, Any]) -> None:
        self._history.clear()
        if self._turn is not None:
            self._turn.forgotten = True
        await self._tell("conversation.cleared")

    async def _cancel(self, _: dict[str, Any]) -> None:
        turn = self._turn
        if turn is not None and self._answering is not None:
            self._answering.cancel()
            await asyncio.gather(self._answering, return_exceptions=True)
        self._unwanted = self._completing
        await self._tell("conversation.chat.canceled")
        if turn is not None:
            await self._end_turn(turn)

    async def _ping(self, _: dict[str, Any]) -> None:
        self._patience.expect_pings()
        await self._tell("pong")

    async def _listen(self) -> None:
        """Listen to what waits, in order, until the conversation ends."""
        while True:
            kind, data = await self._next()
            try:
                if kind == "complete":
                    await self._close_turn()
                elif kind == "clear":
                    await self._forget_sound()
                elif data:
                    await self._report(await self._state.hear(self._known_ear.feed, data))
            except CannotRead as error:
                await self._tell("error", 400, f"audio: {error}")
            except (CutError, ConnectionResetError):
                return  # who receives notices that the connection is lost
            except Exception as error:
                logger.exception("speech chat")
                await self._tell("error", 500, f"the sandbox broke down: {type(error).__name__}: {error}")

    async def _next(self) -> tuple[str, bytes]:
        """Take what waits longest; sound that waits behind sound comes with it, so that nobody hears it piecemeal."""
        kind, data, clearing = self._held or await self._waiting.get()
        self._held = None
        pieces = [data] if clearing == self._clearings else []
        while kind == "sound" and not self._waiting.empty():
            item = self._waiting.get_nowait()
            if item[0] != "sound":
                self._held = item
                break
            pieces += [item[1]] if item[2] == self._clearings else []
        return kind, b"".join(pieces)

    @property
    def _known_ear(self) -> Ear:
        if self._ear is None:
            raise RuntimeError("nothing can wait before audio has been sent")
        return self._ear

    async def _report(self, sentences: list[Sentence]) -> None:
        if sentences:
            self._patience.words_came()
        for sentence in sentences:
            if sentence.is_final:
                self._heard.append(sentence.text)
            await self._socket.send_json(sentence_event(sentence, self._state.variants))

    async def _forget_sound(self) -> None:
        """Drop the sound that is not understood yet, and what was understood of the turn so far."""
        self._heard.clear()
        # 可能会发送一条ASR识别结果
        sentences = await self._state.hear(self._known_ear.finish, goes_on=self._settings.mode == "online")
        await self._report(sentences)
        self._heard.clear()
        await self._tell("input_audio_buffer.cleared")

    async def _close_turn(self) -> None:
        """End listening, and let what was understood be answered."""
        failed = ""
        try:
            await self._report(await self._state.hear(self._known_ear.finish, goes_on=self._settings.mode == "online"))
        except CannotRead as error:
            failed = f"audio: {error}"
        asked, self._heard = " ".join(self._heard), []
        if self._settings.mode == "refresh":  # 每次执行llm+tts时清空asr音频缓存
            self._clearings += 1
        await self._tell("input_audio_buffer.completed")
        if not self._unwanted and (failed or not asked):
            await self._tell("error", 400, failed or UNHEARD)
        # Nothing is awaited from here until the turn is there: an interruption meets it whole or not at all.
        wanted = asked and not failed and not self._unwanted
        self._completing = False
        turn = Turn(asked)
        if wanted:
            self._turn = turn
            self._answering = asyncio.create_task(self._answer(turn))
        else:
            await self._end_turn(turn)

    async def _answer(self, turn: Turn) -> None:
        try:
            await self._speak(turn)
            await self._end_turn(turn)
        except (CutError, ConnectionResetError):
            return  # who receives notices that the connection is lost

    async def _speak(self, turn: Turn) -> None:
        chat = self._settings.chat
        messages = [*chat["messages"], *self._history, {"role": "user", "content": turn.asked}]
        try:
            reply = await plan(self._socket.request, {**chat, "messages": messages}, SOPHNET)
            async with aclosing(spoken(reply, self._settings.order, self._state)) as events:
                async for event in events:
                    turn.said += text_in(event) if "choices" in event else ""
                    await self._socket.send_json(event)
                    await asyncio.sleep(0)  # a breath, so that an interruption is heard
        except (CutError, ConnectionResetError):
            raise
        except RefusalError as refusal:
            await self._tell("error", refusal.status, refusal.message)
        except Exception as error:
            logger.exception("speech chat")
            await self._tell("error", 500, f"the sandbox broke down: {type(error).__name__}: {error}")

    async def _end_turn(self, turn: Turn) -> None:
        """Remember what was said, and listen again."""
        if turn.asked and turn.said and not turn.forgotten:
            self._history += [
                {"role": "user", "content": turn.asked},
                {"role": "assistant", "content": turn.said},
            ]
        self._turn = None
        if self._settings.mode != "dynamic" or self._known_ear.is_open:
            self._patience.start_listening()
        await self._tell("conversation.chat.completed")

    async def _refuse(self, kind: str, message: str, status: int = 400) -> None:
        own = self._state.variants.speech_chat_refusal == "own_event"
        await self._tell(kind if own else "error", status, message)

    async def _tell(self, kind: str, status: int = 0, message: str = "") -> None:
        await self._socket.send_json({"status": status, "message": message, "event_type": kind})
