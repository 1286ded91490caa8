"""What follows from what in SophNet's speech chat: who may say what when, what the service owes, and how it ends.

How items are written and events read stands in ``speech_chat_items`` and ``speech_chat_events``; no clock is here.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, TypeAlias

from maaskit.errors import APIError, InvalidInput, SessionError, UnexpectedAnswer
from maaskit.session import Frame, broken_off
from maaskit.sophnet import speech_chat_events as events
from maaskit.sophnet.speech_chat_events import Event, Failed, Pong, Unlisted
from maaskit.sophnet.speech_chat_items import (
    Audio,
    Command,
    Item,
    Listening,
    Update,
    audio,
    complete,
    ping,
    written_command,
)

Errors: TypeAlias = Literal["raise", "tell"]

PATH = "/projects/{project_id}/chat/speech-chat"
BYTES_OF_SAMPLE = 2
_FRAME_MS = 200  # "可按照100ms、200ms传输,根据实际情况调整"

_ANSWERS = {
    "input_audio_buffer.complete": ("input_audio_buffer.completed", events.TURN_COMPLETED),
    "input_audio_buffer.clear": ("input_audio_buffer.cleared",),
    "conversation.clear": ("conversation.cleared",),
    "conversation.chat.cancel": ("conversation.chat.canceled",),
    "ping": (),
}
"""What the service owes for each command."""


class Conversation:
    """Speak the language of one connection (see ``maaskit.session.SessionProtocol``).

    Args:
        model: The chat model.
        listening: How the user is listened to, where no update says it otherwise.
        errors: What a failure does that does not end the conversation.
    """

    def __init__(self, model: str, listening: Listening, errors: Errors) -> None:
        self._model = model
        self._listening = listening
        self._set = Update()
        self._errors = errors
        self._turn = events.Turn(PATH)
        self._owed: Counter[str] = Counter({"chat.created": 1})
        self._pings: deque[bool] = deque()
        """Pings without an answer: whether each is ours."""
        self._is_set = self._heard_audio = self._is_talking = self._said_all = False
        self._is_canceling = False
        """Whether the answer that is under way shall be interrupted."""
        self._was_canceled = False
        """Whether the last answer was interrupted, and none was asked for since: what still comes is nobody's."""
        self._quiet = True
        """Whether no audio was sent since the last ping."""
        self._sent_bytes = 0
        self.finished = False

    @property
    def ready(self) -> bool:
        """Tell whether items may be sent: the chat is created, and its settings are taken."""
        # "需要等连接响应返回后才能执行其他事件"; and what is said to settings that are not taken would be misheard.
        return not self._owed["chat.created"] and not self._owed["chat.updated"]

    @property
    def owing(self) -> bool:
        """Tell whether the service must speak next."""
        return not self.finished and self._is_owed

    @property
    def _is_owed(self) -> bool:
        return self._is_answer_owed or bool(self._pings)

    @property
    def _is_answer_owed(self) -> bool:
        answering = self._turn.answering and not self._was_canceled
        return answering or self._owed.total() > 0

    def opening(self) -> Iterable[Frame]:
        """Give nothing: the service speaks first."""
        return ()

    def send(self, item: Item) -> Iterable[Frame]:
        """Say something.

        Args:
            item: What to say.

        Returns:
            The frames that say it; before the first audio the settings, if nobody has sent any.

        Raises:
            InvalidInput: It may not be said, or not now.
        """
        if isinstance(item, bytes | bytearray | memoryview):
            item = audio(item)
        if self._said_all:
            raise InvalidInput("The conversation was closed: open another one for more.")
        if isinstance(item, Update):
            return [self._update(item)]
        if isinstance(item, Audio):
            return self._audio(item.data) if item.data else ()
        if isinstance(item, Command) and item.event_type in _ANSWERS:
            return self._command(item)
        raise InvalidInput(
            "What is sent must be bytes, or be made by update, audio, complete, clear_audio, clear_conversation, "
            f"cancel or ping of maaskit.sophnet.speech_chat, not {type(item).__name__}."
        )

    def receive(self, frame: Frame) -> Iterable[Event]:
        """Hear something.

        Args:
            frame: What came.

        Returns:
            What it says.

        Raises:
            SessionError: It tells a failure, or cannot be read.
            APIError: It tells that an answer failed.
            UnexpectedAnswer: It is a piece of an answer that cannot be read.
        """
        message = events.read_message(frame)
        if isinstance(message.get("event_type"), str):
            came = list(self._named(message))
        else:
            came = list(self._unnamed(message, len(frame)))
        self.finished = self._said_all and not self._is_owed
        return came

    def idle(self, quiet_s: float) -> Iterable[Frame]:  # noqa: ARG002 - it is asked when it is time
        """Keep the conversation.

        Args:
            quiet_s: Seconds since this was asked last.

        Returns:
            A ping, and silence where nothing else was said since the last one.
        """
        frames: list[Frame] = [self._ping(ours=True)]
        listening = self._set.listened(self._listening)
        quiet, self._quiet = self._quiet and self._heard_audio and not self._said_all, True
        # Audio would switch a dynamic recognition on; of the other forms nobody here knows the silence.
        wanted = listening.heartbeat and listening.format == "pcm" and self._set.asr_mode != "dynamic"
        is_whole = self._sent_bytes % BYTES_OF_SAMPLE == 0  # silence may not get into a sample
        if quiet and wanted and is_whole:
            frames.append(bytes(BYTES_OF_SAMPLE * max(1, listening.sample_rate // 10)))
        return frames

    def closing(self) -> Sequence[Frame]:
        """End what the user was saying, and see to it that everything is heard to its end."""
        self._said_all = True
        if self._owed["chat.created"]:
            return ()
        frames: list[Frame] = []
        if self._is_talking:
            frames += self._command(complete())
        # The document has no word for the end. The answer to a last ping shows that everything was heard.
        return [*frames, self._ping(ours=True)]

    def closed(self, code: int | None, reason: str) -> Iterable[Event]:
        """Take the end of the connection.

        Args:
            code: The WebSocket close code, or ``None`` when the connection was simply gone.
            reason: What the service said with it.

        Returns:
            Nothing more.

        Raises:
            SessionError: It came too early.
        """
        if not self.finished and (self._is_answer_owed or not self._said_all):
            raise broken_off(code, reason)
        self.finished = True
        return ()

    # What is said.

    def _update(self, item: Update) -> Frame:
        if self._heard_audio:
            raise InvalidInput(
                "update may be sent only before the first audio; for other settings open another conversation."
            )
        frame = item.written(self._model, self._listening)
        self._set, self._is_set = item, True
        self._owed["chat.updated"] += 1
        return frame

    def _audio(self, data: bytes) -> Iterator[Frame]:
        if not self._is_set:
            yield self._update(Update())
        self._heard_audio = self._is_talking = True
        self._quiet = False
        size = BYTES_OF_SAMPLE * max(1, self._set.listened(self._listening).sample_rate * _FRAME_MS // 1000)
        for start in range(0, len(data), size):
            frame = data[start : start + size]
            self._sent_bytes += len(frame)
            yield frame

    def _command(self, command: Command) -> Iterator[Frame] | list[Frame]:
        name = command.event_type
        if name == "ping":
            return [self._ping(ours=False)]
        if name == "input_audio_buffer.clear" and not self._heard_audio:
            # "若在未发送过音频bytes数据情况下执行该事件,将报错"
            raise InvalidInput("clear_audio may be sent only after audio; there is none to forget.")
        return self._said(command)

    def _said(self, command: Command) -> Iterator[Frame]:
        name = command.event_type
        if name == "input_audio_buffer.complete" and not self._is_set:
            yield self._update(Update())
        if name in ("input_audio_buffer.complete", "input_audio_buffer.clear"):
            self._is_talking = False
        if name == "input_audio_buffer.complete":
            self._was_canceled = False
        elif name == "conversation.chat.cancel":
            self._is_canceling = self._turn.answering or self._owed[events.TURN_COMPLETED] > 0
        self._owed.update(_ANSWERS[name])
        yield written_command(command)

    def _ping(self, *, ours: bool) -> Frame:
        self._pings.append(ours)
        return written_command(ping())

    # What comes.

    def _named(self, message: dict[str, object]) -> Iterator[Event]:
        name = str(message["event_type"])
        failure = events.failure_in(message)
        if failure is not None:
            yield self._failed(failure)
            return
        if self._owed[name] > 0:
            self._owed[name] -= 1
        if name == events.TURN_COMPLETED:
            self._owed["input_audio_buffer.completed"] = 0  # an answer that is over was begun
            last, turn = self._turn.complete(canceled=self._is_canceling)
            self._is_canceling, self._was_canceled = False, turn.canceled
            yield from (last, turn) if last is not None else (turn,)
        elif name == "pong":
            if not (self._pings and self._pings.popleft()):
                yield Pong()
        elif name in events.PLAIN:
            if name == "input_audio_buffer.cleared":
                self._turn.forget()
            yield events.PLAIN[name]()
        else:
            yield Unlisted(message)

    def _unnamed(self, message: dict[str, object], size: int) -> Iterator[Event]:
        try:
            event = events.read_unnamed(self._turn, message, size)
        except (APIError, UnexpectedAnswer) as error:
            if self._errors == "raise":
                raise
            self._forgive()
            event = events.told(error)
        if event is not None:
            yield event

    def _failed(self, failure: Failed) -> Failed:
        # Settings that were not taken are not what is talked with.
        settled = failure.event_type not in ("chat.created", "chat.updated") and self.ready
        if self._errors == "tell" and settled:
            self._forgive()
            return failure
        number = "" if failure.status is None else f" ({failure.status})"
        what = "told an error" if failure.event_type == "error" else f"answered {failure.event_type}"
        raise SessionError(
            f"The service {what}{number}: {failure.message}",
            code=None if failure.status is None else str(failure.status),
        )

    def _forgive(self) -> None:
        """Wait no longer for what a failure may have come in place of."""
        self._owed.clear()
