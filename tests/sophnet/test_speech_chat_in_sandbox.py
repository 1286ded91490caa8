"""A conversation with the sandbox, which was written apart from the client: it hears, answers, and is interrupted."""

from __future__ import annotations

import array
import asyncio
import contextlib
import io
import threading
import wave
from collections.abc import AsyncIterator
from functools import cache
from typing import Any

import pytest

from maaskit import AsyncClient, AuthenticationFailed, Client, SessionError, SophNet
from maaskit.langchain import SophNetSpeechChat
from maaskit.llama_index import SophNetVoiceAgent
from maaskit.sandbox import Sandbox, speech_chat_talk
from maaskit.sophnet import speech, transcription_stream
from maaskit.sophnet import speech_chat as chat
from maaskit.sophnet.speech_chat_turns import SpokenTurn, Turns
from tests.talking import Face

MODEL = "Qwen2.5-32B-Instruct"
WAV = "WAV_16000HZ_MONO_16BIT"
# What the sandbox hears well of what it says.
ORDER = "please read the book on the table"
QUESTION = "how many people live in this city"


def cloud(sandbox: Sandbox, **ids: Any) -> SophNet:
    told = {"project_id": sandbox.project_id, "easyllm_id": sandbox.easyllm_id, "api_key": sandbox.api_key} | ids
    return SophNet(base_url=sandbox.sophnet_url, **told)


@pytest.fixture(params=[Client, AsyncClient], ids=["sync", "async"])
def face(request: pytest.FixtureRequest, sandbox: Sandbox) -> Any:
    return lambda **ids: Face(request.param, cloud(sandbox, **ids), timeout=60.0)


@pytest.fixture
def one_face(sandbox: Sandbox) -> Any:
    """Give one driver, where the other has nothing new to show and listening takes its time."""
    return lambda **ids: Face(AsyncClient, cloud(sandbox, **ids), timeout=60.0)


@cache
def _spoken(url: str, key: str, easyllm_id: str, project_id: str, words: str) -> bytes:
    provider = SophNet(api_key=key, base_url=url, easyllm_id=easyllm_id, project_id=project_id)
    with Client(provider) as client:
        return client.send(speech.synthesize(words, format=WAV)).audio


@pytest.fixture
def said(sandbox: Sandbox) -> Any:
    """Give words as samples, spoken by the sandbox itself."""

    def say(words: str) -> bytes:
        wav = _spoken(sandbox.sophnet_url, sandbox.api_key, sandbox.easyllm_id, sandbox.project_id, words)
        return b"".join(transcription_stream.pieces(wav))

    return say


@pytest.fixture
def go_on(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Hold every answer behind its first chunk until this is set."""
    gate, answer = threading.Event(), speech_chat_talk.spoken

    async def held(*order: Any) -> AsyncIterator[dict[str, Any]]:
        async with contextlib.aclosing(answer(*order)) as events:
            async for event in events:
                yield event
                while not gate.is_set():  # noqa: ASYNC110 - another thread sets it
                    await asyncio.sleep(0.01)

    monkeypatch.setattr(speech_chat_talk, "spoken", held)
    return gate


def of(kind: Any, events: list[Any]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def until(talk: Any, kind: Any) -> list[Any]:
    events = []
    while not (events and isinstance(events[-1], kind)):
        events.append(talk.next())
    return events


def loudness(turn: SpokenTurn) -> tuple[float, int]:
    """Measure the sound of an answer: seconds, and the loudest sample."""
    assert turn.speech is not None
    with wave.open(io.BytesIO(turn.speech.audio)) as file:
        samples = array.array("h", file.readframes(file.getnframes()))
        return len(samples) / file.getframerate(), max(map(abs, samples))


@pytest.mark.parametrize(
    ("face", "mode"), [(Client, "online"), (AsyncClient, "refresh"), (AsyncClient, "dynamic")], indirect=["face"]
)
def test_several_turns_in_every_mode(face: Any, said: Any, mode: Any) -> None:
    turns, events = Turns(WAV), []
    with face().connect(chat.converse(model=MODEL)) as talk:
        talk.send(chat.update(asr_mode=mode, speech_format=WAV))
        for words in (ORDER, QUESTION):
            talk.send(said(words))
            talk.send(chat.complete())
            events += until(talk, chat.TurnCompleted)
        talk.close()
        events += talk.rest()
    first, second = [turn for event in events if (turn := turns.add(event)) is not None]
    assert "book" in first.heard.lower()
    assert "people" in second.heard.lower()
    for turn in (first, second):
        seconds, loudest = loudness(turn)
        assert turn.content
        assert (turn.finish_reason, turn.canceled) == ("stop", False)
        assert 0.3 < seconds < 120
        assert loudest > 1000
    assert any(not one.is_final for one in of(chat.Utterance, events))


@pytest.mark.parametrize("form", ["wav", "mp3"])
def test_other_formats_go_up(one_face: Any, sandbox: Sandbox, form: str) -> None:
    with Client(cloud(sandbox)) as client:
        name = {"wav": WAV, "mp3": "MP3_16000HZ_MONO_128KBPS"}[form]
        sound = client.send(speech.synthesize(ORDER, format=name)).audio
    with one_face().connect(chat.converse(model=MODEL, format=form)) as talk:
        talk.feed([sound])
        (turn,) = of(chat.TurnCompleted, talk.rest())
    assert "book" in turn.heard.lower()


def test_a_system_message_survives_the_clearing_of_the_conversation(one_face: Any, said: Any, sandbox: Sandbox) -> None:
    with one_face().connect(chat.converse(model=MODEL)) as talk:
        talk.send(chat.update(messages=[{"role": "system", "content": "You answer about ships."}]))
        talk.send(said(ORDER))
        talk.send(chat.complete())
        until(talk, chat.TurnCompleted)
        talk.send(chat.clear_conversation())
        assert until(talk, chat.ConversationCleared)
        talk.send(said(ORDER))
        talk.send(chat.complete())
        assert until(talk, chat.TurnCompleted)[-1].content
        talk.close()
        assert talk.rest() == []


def test_what_was_cleared_is_not_answered(one_face: Any, said: Any) -> None:
    with one_face().connect(chat.converse(model=MODEL)) as talk:
        talk.send(said(ORDER))
        until(talk, chat.Utterance)
        talk.send(chat.clear_audio())
        until(talk, chat.AudioCleared)
        talk.send(said(QUESTION))
        talk.send(chat.complete())
        turn = until(talk, chat.TurnCompleted)[-1]
        talk.close()
        talk.rest()
    assert "book" not in turn.heard.lower()
    assert "people" in turn.heard.lower()


def test_an_answer_is_interrupted_and_the_next_question_is_heard(
    one_face: Any, said: Any, go_on: threading.Event
) -> None:
    with one_face().connect(chat.converse(model=MODEL)) as talk:
        talk.send(said("tell me a long story about a river and a mountain"))
        talk.send(chat.complete())
        until(talk, chat.SpokenDelta)
        talk.send(chat.cancel())
        events = until(talk, chat.TurnCompleted)
        go_on.set()
        talk.send(said(ORDER))
        talk.send(chat.complete())
        turn = until(talk, chat.TurnCompleted)[-1]
        talk.close()
        talk.rest()
    assert chat.Canceled() in events
    assert events[-1].canceled
    assert "book" in turn.heard.lower()
    assert turn.content


@pytest.mark.parametrize("handshake", ["event", "http"])
def test_a_wrong_key_is_refused(face: Any, sandbox: Sandbox, handshake: Any) -> None:
    sandbox.variants.speech_chat_handshake = handshake
    with (
        pytest.raises((SessionError, AuthenticationFailed)) as caught,
        face(api_key="a-wrong-key-0123456789").connect(chat.converse(model=MODEL)) as talk,
    ):
        talk.send(b"\0\0" * 1600)
    assert "a-wrong-key" not in str(caught.value)


@pytest.mark.parametrize("shape", ["error", "own_event"])
def test_what_the_service_refuses_is_an_error_or_told(face: Any, sandbox: Sandbox, shape: Any) -> None:
    sandbox.variants.speech_chat_refusal = shape
    bad = chat.update(extra_body={"asr_mode": "sometimes"})
    with face().connect(chat.converse(model=MODEL)) as talk, pytest.raises(SessionError):
        talk.send(bad)
        talk.rest()


def test_a_dropped_conversation_is_an_error(face: Any, said: Any, sandbox: Sandbox) -> None:
    sandbox.faults.add("speech-chat", cut_after_events=3)
    with face().connect(chat.converse(model=MODEL)) as talk:
        talk.feed([said(ORDER)])
        with pytest.raises(SessionError):
            talk.rest()


def test_langchain_and_llama_index_hold_the_same_conversation(said: Any, sandbox: Sandbox) -> None:
    way = {
        "api_key": sandbox.api_key,
        "base_url": sandbox.sophnet_url,
        "project_id": sandbox.project_id,
        "easyllm_id": sandbox.easyllm_id,
    }
    first, second = SophNetSpeechChat(model=MODEL, speech_format=WAV, **way).invoke(
        [said(ORDER), chat.complete(), said(QUESTION), chat.complete()]
    )
    assert "book" in first.heard.lower()
    assert loudness(second)[1] > 1000

    async def main() -> tuple[SpokenTurn, SophNetVoiceAgent]:
        agent = SophNetVoiceAgent(model=MODEL, speech_format=WAV, **way)
        async with agent:
            await agent.send(said(ORDER))
            return await agent.answer(), agent

    turn, agent = asyncio.run(main())
    assert (turn.heard, turn.content) == (first.heard, first.content)
    assert [message.role.value for message in agent.export_messages()] == ["user", "assistant"]
