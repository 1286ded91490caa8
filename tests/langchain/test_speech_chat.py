"""``SophNetSpeechChat``: recordings and live audio in, turns out; and what goes wrong on the way."""

from __future__ import annotations

import asyncio
import collections
import copy
import io
import itertools
import pickle
import threading
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.exceptions import ModelError, ModelInvalidRequestError, ModelTimeoutError
from langchain_core.runnables import Runnable, RunnableLambda

from maaskit import AuthenticationFailed, ConfigurationError, InvalidInput, Media, SessionError, SessionTimedOut
from maaskit.langchain import SophNetSpeechChat
from maaskit.sophnet import speech_chat as said
from tests.scripted import ScriptedServer, json_reply
from tests.scripted_recogniser import recording, wav_of
from tests.scripted_socket import ScriptedSocket, drop
from tests.scripted_talker import Talker, event, spoken, written
from tests.waiting import until_threads_end

KEY = "secret-key-1234567890"
Hold = Callable[..., list[Any]]


@pytest.fixture
def server() -> Iterator[ScriptedSocket]:
    server = ScriptedSocket()
    yield server
    server.close()
    assert server.errors == []


@pytest.fixture
def talker(server: ScriptedSocket) -> Talker:
    talker = Talker()
    server.script(talker)
    return talker


def chat(server: ScriptedSocket | ScriptedServer, **settings: Any) -> SophNetSpeechChat:
    told: dict[str, Any] = {"model": "M", "timeout": 30, "max_retries": 0, "project_id": "P1", "easyllm_id": "E1"}
    return SophNetSpeechChat(api_key=KEY, base_url=server.url, **told | settings)


async def played(chunks: Any) -> AsyncIterator[Any]:
    for chunk in chunks:
        await asyncio.sleep(0)
        yield chunk


@pytest.fixture(params=["sync", "async"])
def hold(request: pytest.FixtureRequest) -> Hold:
    """Hold a conversation to its end, either way."""

    def run(talk: SophNetSpeechChat, chunks: Any, into: list[Any] | None = None) -> list[Any]:
        events: list[Any] = [] if into is None else into

        async def main() -> None:
            async for one in talk.atransform(played(chunks)):
                events.append(one)  # noqa: PERF401 - what came before an error counts

        if request.param == "sync":
            events.extend(talk.transform(iter(chunks)))
        else:
            asyncio.run(main())
        return events

    return run


@pytest.fixture(params=["sync", "async"])
def ask(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Ask with recordings, either way."""

    def run(talk: SophNetSpeechChat, audio: Any) -> Any:
        return talk.invoke(audio) if request.param == "sync" else asyncio.run(talk.ainvoke(audio))

    return run


def turns(events: list[Any]) -> list[tuple[str, str]]:
    return [(one.heard, one.content) for one in events if isinstance(one, said.TurnCompleted)]


def left(server: ScriptedSocket) -> bool:
    return server.ended.acquire(timeout=30)


def test_bytes_go_in_and_typed_events_come_out(server: ScriptedSocket, talker: Talker, hold: Hold) -> None:
    talk = chat(server, messages=[{"role": "system", "content": "你是助手。"}], asr_mode="refresh", voice="longwan")
    assert isinstance(talk, Runnable)
    events = hold(talk, [recording(1), recording(2)])
    assert turns(events) == [("问1。", "答1")]
    assert b"".join(one.audio for one in events if isinstance(one, said.SpokenDelta)) == b"ID3-sound!"
    assert talker.events[0] == "chat.update"
    assert b"".join(talker.audio) == recording(1) + recording(2)
    (update,) = talker.updates
    assert update["asr_mode"] == "refresh"
    assert update["create_transcription_task_req"] == {
        "heartbeat": True,
        "speech_recognition_param": {"sample_rate": 16000, "format": "pcm"},
    }
    speech = update["chat_completion_with_voice_output_req"]
    assert speech["chat_completion_req"]["messages"] == [{"role": "system", "content": "你是助手。"}]
    assert speech["speech_synthesis_req"]["synthesis_param"]["voice"] == "longwan"


def test_settings_of_voice_and_chat_are_passed_on(server: ScriptedSocket, talker: Talker) -> None:
    settings = {"speech": {"volume": 80, "speech_rate": 1.5}, "chat": {"temperature": 0.5}, "heartbeat": False}
    chat(server, format="amr", sample_rate=8000, **settings).invoke([b"#!AMR\n123", said.complete()])
    (update,) = talker.updates
    assert update["create_transcription_task_req"] == {
        "heartbeat": False,
        "speech_recognition_param": {"sample_rate": 8000, "format": "amr"},
    }
    both = update["chat_completion_with_voice_output_req"]
    assert both["chat_completion_req"]["temperature"] == 0.5
    assert both["speech_synthesis_req"]["synthesis_param"] == {
        "volume": 80,
        "speechRate": 1.5,
        "format": "MP3_22050HZ_MONO_256KBPS",
    }


@pytest.mark.parametrize("as_path", ["path", "text", "bytes", "file", "media"])
def test_a_recording_is_a_turn(
    server: ScriptedSocket, talker: Talker, ask: Callable[..., Any], tmp_path: Path, as_path: str
) -> None:
    file = tmp_path / "问题.wav"
    file.write_bytes(wav_of(recording(12)))
    audio = {
        "path": file,
        "text": str(file),
        "bytes": file.read_bytes(),
        "file": io.BytesIO(file.read_bytes()),
        "media": Media(path=file),
    }[as_path]
    (turn,) = ask(chat(server), audio)
    assert (turn.heard, turn.content, turn.finish_reason, turn.canceled) == ("问1。", "答1", "stop", False)
    assert (turn.speech.audio, turn.speech.content_type, turn.speech.characters) == (b"ID3-sound!", "audio/mpeg", 2)
    assert turn.media.name == "speech.mp3"
    assert b"".join(talker.audio) == recording(12)
    assert talker.events.count("input_audio_buffer.complete") == 1


def test_several_recordings_are_several_turns_and_each_waits_for_the_answer_before_it(
    server: ScriptedSocket, ask: Callable[..., Any], tmp_path: Path
) -> None:
    class Attentive(Talker):
        """Refuses whoever talks while it answers."""

        def turn(self, connection: Any) -> None:
            if self.turns < 2:  # after the last one the conversation is closed
                with pytest.raises(TimeoutError):
                    connection.recv(timeout=0.2)
            super().turn(connection)

    server.script(talker := Attentive())
    for name in "ab":
        (tmp_path / f"{name}.wav").write_bytes(wav_of(recording(3)))
    heard = ask(chat(server), [tmp_path / "a.wav", str(tmp_path / "b.wav"), recording(1), said.complete()])
    assert [(turn.heard, turn.content) for turn in heard] == [(f"问{n}。", f"答{n}") for n in (1, 2, 3)]
    assert talker.events.count("audio") == 5


def test_without_turn_taking_audio_goes_on_while_it_is_answered(server: ScriptedSocket, hold: Hold) -> None:
    class Slow(Talker):
        def turn(self, connection: Any) -> None:
            for _ in range(0 if self.turns else 3):
                assert connection.recv(timeout=30) == recording(1)
            super().turn(connection)

    server.script(Slow())
    events = hold(chat(server, turn_taking=False), [recording(1), said.complete(), *[recording(1)] * 3])
    assert turns(events)[0] == ("问1。", "答1")


def test_an_answer_can_be_interrupted(server: ScriptedSocket, hold: Hold) -> None:
    class Slow(Talker):
        def turn(self, connection: Any) -> None:
            if self.turns == 0:
                self.turns = 1
                connection.send(written("很长"))
                connection.send(spoken(b"long"))
            else:
                super().turn(connection)

        def answer(self, connection: Any, kind: str) -> None:
            super().answer(connection, kind)
            if kind == "conversation.chat.cancel":
                connection.send(event("conversation.chat.completed"))

    server.script(talker := Slow())
    events = hold(chat(server), [recording(1), said.complete(), said.cancel(), recording(1), said.complete()])
    first, second = [one for one in events if isinstance(one, said.TurnCompleted)]
    assert first.canceled
    assert (second.content, second.canceled) == ("答2", False)
    assert talker.events[:4] == ["chat.update", "audio", "input_audio_buffer.complete", "conversation.chat.cancel"]


def test_both_clears_may_stand_in_the_input(server: ScriptedSocket, talker: Talker, hold: Hold) -> None:
    events = hold(chat(server), [recording(1), said.clear_audio(), said.clear_conversation()])
    assert said.AudioCleared() in events
    assert said.ConversationCleared() in events
    assert turns(events) == []


def test_events_come_while_the_user_still_speaks(server: ScriptedSocket, talker: Talker) -> None:
    heard_first = threading.Event()

    def speaking() -> Iterator[bytes]:
        yield recording(1)
        assert heard_first.wait(30), "nothing was heard before the end of the audio"
        yield recording(1)

    events = chat(server).transform(speaking())
    while not isinstance(next(events), said.Utterance):
        pass
    heard_first.set()
    assert turns(list(events)) == [("问1。", "答1")]


def test_it_works_within_chains(server: ScriptedSocket, talker: Talker, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(wav_of(recording(1)))
    text = chat(server) | RunnableLambda(lambda heard: heard[0].content)
    assert text.invoke(tmp_path / "a.wav") == "答1"
    assert asyncio.run(text.ainvoke(tmp_path / "a.wav")) == "答2"


# What goes wrong.


def test_an_error_of_the_producer_is_raised_as_it_is(server: ScriptedSocket, talker: Talker, hold: Hold) -> None:
    def broken() -> Iterator[bytes]:
        yield recording(1)
        raise ZeroDivisionError("the microphone fell down")

    with pytest.raises(ZeroDivisionError, match="microphone"):
        hold(chat(server), broken())
    assert left(server)


@pytest.mark.parametrize("wrong", [7, None, "no-such-file.wav", ["bytes"], said.update()])
def test_what_cannot_be_said_is_refused(server: ScriptedSocket, talker: Talker, hold: Hold, wrong: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        hold(chat(server), [recording(1), wrong])
    assert isinstance(caught.value, ModelInvalidRequestError)
    assert left(server)


def test_a_recording_is_no_iterator(server: ScriptedSocket) -> None:
    talk = chat(server)
    with pytest.raises(InvalidInput, match="invoke"):
        list(talk.transform(recording(1)))  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="audio must be a path"):
        talk.invoke(7)
    with pytest.raises(InvalidInput, match="empty"):
        talk.invoke(b"")
    assert server.paths == []


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"format": "flac"}, "format must be one of"),
        ({"asr_mode": "never"}, "asr_mode"),
        ({"speech": {"volume": 101}}, "volume"),
        ({"speech": {"tempo": 1}}, "speech may say"),
        ({"speech": "loud"}, "speech must be a dict"),
        ({"speech": {1: 2}}, "speech must be a dict"),
        ({"chat": [("temperature", 1)]}, "chat must be a dict"),
        ({"chat": {"temperature": 3}}, "temperature"),
        ({"errors": "hide"}, "errors"),
        ({"format": "mp3", "paced": True}, "paced"),
    ],
)
def test_settings_are_checked_when_it_is_made(server: ScriptedSocket, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as caught:
        chat(server, **settings)
    assert isinstance(caught.value, ModelInvalidRequestError)


def test_a_missing_key_is_named() -> None:
    with pytest.raises(ConfigurationError, match="SOPHNET_API_KEY"):
        SophNetSpeechChat(model="M")


def test_an_error_of_the_service_is_raised_or_told(server: ScriptedSocket, hold: Hold) -> None:
    class Broken(Talker):
        def turn(self, connection: Any) -> None:
            self.turns += 1
            connection.send(event("error", 5, "no model"))
            connection.send(event("conversation.chat.completed"))

    server.script(Broken())
    with pytest.raises(SessionError, match="no model") as caught:
        hold(chat(server), [recording(1), said.complete()])
    assert isinstance(caught.value, ModelError)
    events = hold(chat(server, errors="tell"), [recording(1), said.complete(), recording(1), said.complete()])
    assert [one.message for one in events if isinstance(one, said.Failed)] == ["no model"] * 2


def test_a_dropped_or_stalled_service_is_an_error(server: ScriptedSocket, hold: Hold) -> None:
    class Lost(Talker):
        def turn(self, connection: Any) -> None:
            drop(connection)

    class Stalled(Talker):
        def turn(self, connection: Any) -> None:
            for _ in connection:
                pass

    server.script(Lost(), Stalled())
    with pytest.raises(SessionError, match="lost"):
        hold(chat(server), [recording(1), said.complete(), recording(1)])
    with pytest.raises(SessionTimedOut) as caught:
        hold(chat(server, timeout=2), [recording(1), said.complete(), recording(1)])
    assert isinstance(caught.value, ModelTimeoutError)


def test_a_refused_key_is_an_error_without_it(scripted: ScriptedServer, hold: Hold) -> None:
    scripted.script(json_reply({"message": f"invalid key {KEY}"}, 401))
    with pytest.raises(AuthenticationFailed) as caught:
        hold(chat(scripted), [recording(1)])
    assert isinstance(caught.value, ModelError)
    assert KEY not in str(caught.value)


def test_who_stops_reading_closes_the_socket(server: ScriptedSocket, talker: Talker) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            time.sleep(0.001)
            yield recording(1)

    events = chat(server).transform(endless())
    next(events)
    events.close()  # type: ignore[attr-defined]
    assert left(server)
    until_threads_end("maaskit-feed")  # who asks the producer


def test_who_leaves_while_a_turn_is_waited_for_leaves_no_thread(server: ScriptedSocket) -> None:
    class Slow(Talker):
        def turn(self, connection: Any) -> None:
            connection.send(written("…"))
            for _ in connection:
                pass

    server.script(Slow())
    events = chat(server).transform(iter([recording(1), said.complete(), recording(1)]))
    while not isinstance(next(events), said.SpokenDelta):
        pass
    events.close()  # type: ignore[attr-defined]
    assert left(server)
    until_threads_end("maaskit-feed")


async def test_who_stops_reading_closes_the_socket_and_the_producer(server: ScriptedSocket, talker: Talker) -> None:
    closed = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                await asyncio.sleep(0.001)
                yield recording(1)
        finally:
            closed.set()

    events = chat(server).atransform(endless())
    while not isinstance(await anext(events), said.Utterance):
        pass
    await events.aclose()
    assert await asyncio.to_thread(left, server)
    await asyncio.wait_for(closed.wait(), 30)


async def test_a_cancelled_task_closes_its_socket(server: ScriptedSocket, talker: Talker) -> None:
    begun = asyncio.Event()

    async def main() -> None:
        async for _ in chat(server).atransform(played([recording(1), *itertools.repeat(said.ping(), 10_000)])):
            begun.set()

    task = asyncio.create_task(main())
    await asyncio.wait_for(begun.wait(), 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 30)
    assert await asyncio.to_thread(left, server)


def test_ten_minutes_of_answer_stay_small(server: ScriptedSocket) -> None:
    """Nothing of the audio in either direction is kept by the Runnable, but for the one answer in its turn."""

    class Long(Talker):
        def __init__(self) -> None:
            super().__init__()
            self.said: Any = collections.deque(maxlen=1)  # nor here

        def turn(self, connection: Any) -> None:
            for _ in range(400):
                connection.send(spoken(bytes(64 * 1024)))
            connection.send(written("完", "stop"))
            connection.send(event("conversation.chat.completed"))

    server.script(Long())
    size = 0
    tracemalloc.start()
    try:
        for one in chat(server).transform(itertools.repeat(recording(10), 200)):
            size += len(one.audio) if isinstance(one, said.SpokenDelta) else 0
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size == 400 * 64 * 1024
    assert peak < 40 * 1024 * 1024


def test_it_is_copied_and_pickled_without_a_trace_of_the_key(server: ScriptedSocket, talker: Talker) -> None:
    talk = chat(server)
    assert KEY not in repr(talk)
    for again in (copy.deepcopy(talk), pickle.loads(pickle.dumps(talk))):  # noqa: S301
        assert turns(list(again.stream(recording(1)))) != []
