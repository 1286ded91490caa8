"""SophNet's speech chat over both drivers: what is said and when, what comes, and every way in which it goes wrong."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maaskit import (
    APIError,
    AsyncClient,
    AuthenticationFailed,
    Client,
    ConfigurationError,
    InvalidInput,
    MaasError,
    SessionError,
    SessionTimedOut,
    SophNet,
    UnexpectedAnswer,
)
from maaskit.errors import RateLimited
from maaskit.sophnet import speech_chat as chat
from maaskit.sophnet import speech_chat_events as events
from maaskit.transcript import Utterance
from tests import waiting
from tests.memory import FEW_BYTES, Growth, half_an_hour
from tests.scripted import ScriptedServer, json_reply
from tests.scripted_socket import ScriptedSocket, drop
from tests.scripted_talker import Talker, event, heard, spoken, written
from tests.talking import Face

KEY = "secret-key-1234567890"
TENTH = b"\x01\x02" * 1600
SYSTEM = [{"role": "system", "content": "你是人工智能助手。"}]

Open = Callable[..., Any]


def cloud(url: str, **ids: str) -> SophNet:
    return SophNet(api_key=KEY, base_url=url, **({"project_id": "P1", "easyllm_id": "E1"} | ids))


def session(**settings: Any) -> Any:
    return chat.converse(**({"model": "M"} | settings))


@pytest.fixture
def server() -> Iterator[ScriptedSocket]:
    server = ScriptedSocket()
    yield server
    server.close()
    assert server.errors == []


@pytest.fixture(params=[Client, AsyncClient], ids=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def face(kind: Any, server: ScriptedSocket) -> Open:
    return lambda **settings: Face(kind, cloud(server.url), **settings)


@pytest.fixture
def talker(server: ScriptedSocket) -> Talker:
    talker = Talker()
    server.script(talker)
    return talker


def of(kind: Any, events: list[Any]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def turns(events: list[Any]) -> list[tuple[str, str]]:
    return [(turn.heard, turn.content) for turn in of(chat.TurnCompleted, events)]


def until(talk: Any, kind: Any) -> list[Any]:
    """Read up to an event of a kind."""
    events = []
    while not (events and isinstance(events[-1], kind)):
        events.append(talk.next())
    return events


# The protocol, without a socket.


def begun(**settings: Any) -> Any:
    protocol = session(**settings).protocol()
    assert list(protocol.opening()) == []
    assert not protocol.ready
    assert protocol.owing
    assert [*protocol.receive(event("chat.created"))] == [chat.Created()]
    assert protocol.ready
    assert not protocol.owing
    return protocol


def told(frame: Any) -> Any:
    """Take the message of a chat.update apart."""
    value = json.loads(frame)
    assert value["event_type"] == "chat.update"
    assert isinstance(value["message"], str)
    return json.loads(value["message"])


def test_an_update_has_the_three_parts_and_the_format_even_when_nothing_is_set() -> None:
    (frame,) = begun().send(chat.update())
    assert told(frame) == {
        "create_transcription_task_req": {
            "heartbeat": True,
            "speech_recognition_param": {"sample_rate": 16000, "format": "pcm"},
        },
        "chat_completion_with_voice_output_req": {
            "chat_completion_req": {"messages": [], "model": "M", "stream": True},
            "speech_synthesis_req": {
                "stream": True,
                "synthesis_param": {"format": "MP3_22050HZ_MONO_256KBPS"},
            },
        },
        "asr_mode": "online",
    }


def test_an_update_says_every_documented_field() -> None:
    item = chat.update(
        messages=SYSTEM,
        model="Other",
        format="wav",
        sample_rate=8000,
        heartbeat=False,
        asr_mode="refresh",
        voice="longwan",
        speech_format="wav_16000hz_mono_16bit",
        speech_model="cosyvoice-v2",
        volume=80,
        speech_rate=1.2,
        pitch_rate=0.8,
        temperature=0.5,
        max_tokens=64,
        extra_body={"create_transcription_task_req": {"service_uuid": "S"}},
    )
    (frame,) = begun().send(item)
    assert told(frame) == {
        "create_transcription_task_req": {
            "heartbeat": False,
            "speech_recognition_param": {"sample_rate": 8000, "format": "wav"},
            "service_uuid": "S",
        },
        "chat_completion_with_voice_output_req": {
            "chat_completion_req": {
                "messages": SYSTEM,
                "model": "Other",
                "stream": True,
                "temperature": 0.5,
                "max_tokens": 64,
            },
            "speech_synthesis_req": {
                "stream": True,
                "synthesis_param": {
                    "model": "cosyvoice-v2",
                    "voice": "longwan",
                    "format": "WAV_16000HZ_MONO_16BIT",
                    "volume": 80,
                    "speechRate": 1.2,
                    "pitchRate": 0.8,
                },
            },
        },
        "asr_mode": "refresh",
    }


def test_an_update_leaves_the_format_to_converse_where_it_says_none() -> None:
    (frame,) = begun(format="amr", sample_rate=8000, heartbeat=False).send(chat.update(sample_rate=16000))
    assert told(frame)["create_transcription_task_req"] == {
        "heartbeat": False,
        "speech_recognition_param": {"sample_rate": 16000, "format": "amr"},
    }


@pytest.mark.parametrize("mode", ["online", "refresh", "dynamic"])
def test_all_three_modes_are_known(mode: Any) -> None:
    (frame,) = begun().send(chat.update(asr_mode=mode))
    assert told(frame)["asr_mode"] == mode


@pytest.mark.parametrize("form", ["pcm", "wav", "mp3", "opus", "speex", "aac", "amr"])
def test_every_documented_format_is_sent_before_the_first_audio(form: str) -> None:
    protocol = begun(format=form, sample_rate=8000)
    update, data = protocol.send(b"audio")
    assert told(update)["create_transcription_task_req"]["speech_recognition_param"] == {
        "sample_rate": 8000,
        "format": form,
    }
    assert data == b"audio"
    assert not protocol.ready
    list(protocol.receive(event("chat.updated")))
    assert protocol.ready
    assert list(protocol.send(chat.audio(b"more"))) == [b"more"]
    assert list(protocol.send(b"")) == []


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: chat.update(asr_mode="always"), "asr_mode must be one of online, refresh, dynamic"),
        (lambda: chat.update(format="ogg"), "format must be one of pcm, wav"),
        (lambda: chat.update(sample_rate=0), "sample_rate"),
        (lambda: chat.update(heartbeat="yes"), "heartbeat"),
        (lambda: chat.update(volume=101), "volume .*0 to 100"),
        (lambda: chat.update(speech_rate=3), "speech_rate"),
        (lambda: chat.update(pitch_rate=0.1), "pitch_rate"),
        (lambda: chat.update(speech_format="ogg"), "format"),
        (lambda: chat.update(temperature=3), "temperature"),
        (lambda: chat.update(n=2), "n must be 1"),
        (lambda: chat.update(messages="你好"), "messages must be a list"),
        (lambda: chat.update(messages=[{"content": "x"}]), "role"),
        (lambda: chat.update(extra_body=7), "extra_body"),
        (lambda: chat.audio("text"), "bytes, not str"),
        (lambda: session(format="flac"), "format must be one of"),
        (lambda: session(sample_rate=True), "sample_rate"),
        (lambda: session(model=" "), "model"),
        (lambda: session(errors="ignore"), "errors"),
    ],
)
def test_what_the_document_does_not_know_is_refused_at_once(make: Callable[[], Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        make()


def test_update_comes_before_audio_and_clear_after_it() -> None:
    protocol = begun()
    with pytest.raises(InvalidInput, match="clear_audio may be sent only after audio"):
        list(protocol.send(chat.clear_audio()))
    list(protocol.send(chat.update()))
    list(protocol.send(chat.update(asr_mode="dynamic")))
    with pytest.raises(InvalidInput, match="clear_audio"):
        list(protocol.send(chat.clear_audio()))
    list(protocol.send(TENTH))
    with pytest.raises(InvalidInput, match="only before the first audio"):
        list(protocol.send(chat.update()))
    assert list(protocol.send(chat.clear_audio())) == ['{"event_type":"input_audio_buffer.clear"}']


@pytest.mark.parametrize("item", ["text", 7, None, {"event_type": "ping"}, chat.Pong()])
def test_what_is_no_item_is_refused(item: Any) -> None:
    with pytest.raises(InvalidInput, match=r"bytes, or be made by update"):
        begun().send(item)


def test_commands_are_the_documents_words() -> None:
    protocol = begun()
    list(protocol.send(TENTH))
    made = [chat.complete(), chat.clear_audio(), chat.clear_conversation(), chat.cancel(), chat.ping()]
    assert [json.loads(frame) for item in made for frame in protocol.send(item)] == [
        {"event_type": "input_audio_buffer.complete"},
        {"event_type": "input_audio_buffer.clear"},
        {"event_type": "conversation.clear"},
        {"event_type": "conversation.chat.cancel"},
        {"event_type": "ping"},
    ]


@pytest.mark.parametrize(
    ("item", "answers"),
    [
        (chat.complete(), ["input_audio_buffer.completed", "conversation.chat.completed"]),
        (chat.clear_audio(), ["input_audio_buffer.cleared"]),
        (chat.clear_conversation(), ["conversation.cleared"]),
        (chat.cancel(), ["conversation.chat.canceled"]),
        (chat.ping(), ["pong"]),
    ],
)
def test_the_service_owes_an_answer_to_each_command(item: Any, answers: list[str]) -> None:
    protocol = begun()
    list(protocol.send(TENTH))
    list(protocol.receive(event("chat.updated")))
    list(protocol.send(item))
    for answer in answers:
        assert protocol.owing
        list(protocol.receive(event(answer)))
    assert not protocol.owing


def test_the_events_of_both_directions_have_types() -> None:
    protocol = begun()
    list(protocol.send(TENTH))
    list(protocol.send(chat.complete()))
    came = [
        *protocol.receive(event("chat.updated")),
        *protocol.receive(heard("你", final=False)),
        *protocol.receive(heard("你好。")),
        *protocol.receive(event("input_audio_buffer.completed")),
        *protocol.receive(written("有")),
        *protocol.receive(spoken(b"x")),
        *protocol.receive(written("", "stop")),
        *protocol.receive(spoken(None, "finish", {"characters": 1})),
        *protocol.receive(event("conversation.chat.completed")),
        *protocol.receive(event("input_audio_buffer.cleared")),
        *protocol.receive(event("conversation.cleared")),
        *protocol.receive(event("conversation.chat.canceled")),
        *protocol.receive(event("pong")),
        *protocol.receive('{"status":"ok"}'),
        *protocol.receive(event("chat.renamed")),
    ]
    assert [type(one) for one in came] == [
        chat.Updated,
        Utterance,
        Utterance,
        chat.AudioCompleted,
        chat.SpokenDelta,
        chat.SpokenDelta,
        chat.SpokenDelta,
        chat.TurnCompleted,
        chat.AudioCleared,
        chat.ConversationCleared,
        chat.Canceled,
        chat.Pong,
        chat.Unlisted,
        chat.Unlisted,
    ]
    assert (came[4].content, came[5].audio) == ("有", b"x")
    assert (came[6].last, came[6].finish_reason, came[6].characters) == (True, "stop", 1)
    assert came[7] == chat.TurnCompleted("你好。", "有", "stop")
    assert came[12].raw == {"status": "ok"}


def test_json_may_come_as_a_binary_message() -> None:
    (said,) = begun().receive(heard("你好。").encode())
    assert said.text == "你好。"


@pytest.mark.parametrize("frame", ["no json", "[1]", b"\x00\x01", "7"])
def test_a_message_that_cannot_be_read_is_an_error(frame: Any) -> None:
    with pytest.raises(SessionError, match="cannot be read"):
        list(begun().receive(frame))


@pytest.mark.parametrize("status", [1, 4001, "500", -1])
@pytest.mark.parametrize(
    "name", ["chat.updated", "input_audio_buffer.completed", "input_audio_buffer.cleared", "conversation.cleared"]
)
def test_a_status_other_than_zero_is_an_error(name: str, status: Any) -> None:
    with pytest.raises(SessionError, match=rf"answered {name} \({status}\): no more") as caught:
        list(begun().receive(event(name, status, "no more")))
    assert caught.value.code == str(status)


def test_an_error_event_is_an_error_even_without_a_status() -> None:
    with pytest.raises(SessionError, match=r"told an error \(3\): bad param"):
        list(begun().receive(event("error", 3, "bad param")))
    with pytest.raises(SessionError, match="no explanation"):
        list(begun().receive('{"event_type":"error"}'))


def test_errors_can_be_told_where_the_conversation_goes_on() -> None:
    protocol = begun(errors="tell")
    list(protocol.send(TENTH))
    list(protocol.receive(event("chat.updated")))
    list(protocol.send(chat.complete()))
    assert [*protocol.receive(event("error", 3, "no model"))] == [chat.Failed("error", 3, "no model")]
    assert not protocol.owing
    (turn,) = protocol.receive(event("conversation.chat.completed"))
    assert turn == chat.TurnCompleted()
    list(protocol.receive(written("半")))
    (failed,) = protocol.receive('{"error":{"message":"busy","code":429}}')
    assert (failed.status, "busy" in failed.message) == (429, True)
    with pytest.raises(SessionError, match=r"chat\.updated"):
        list(protocol.receive(event("chat.updated", 1, "bad format")))


def test_the_models_own_refusal_is_raised_as_such() -> None:
    protocol = begun()
    with pytest.raises(RateLimited, match="busy"):
        list(protocol.receive('{"error":{"message":"busy","code":429}}'))
    with pytest.raises(UnexpectedAnswer, match="base64"):
        list(protocol.receive('{"status":"accepting","audioFrame":"###"}'))


def test_an_answer_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("maaskit.sophnet.speech_chat_events.MAX_TURN_BYTES", 1000)
    protocol = begun()
    with pytest.raises(UnexpectedAnswer, match="beyond 1000 bytes"):
        for _ in range(10):
            list(protocol.receive(spoken(bytes(100))))


def test_silence_goes_with_the_ping_where_it_keeps_the_conversation() -> None:
    protocol = begun()
    assert [json.loads(frame)["event_type"] for frame in protocol.idle(20)] == ["ping"]
    list(protocol.send(TENTH))
    assert len(list(protocol.idle(20))) == 1
    ping, silence = protocol.idle(20)
    assert (json.loads(ping)["event_type"], silence) == ("ping", bytes(3200))
    for settings in ({"asr_mode": "dynamic"}, {"heartbeat": False}, {"format": "wav"}):
        protocol = begun()
        list(protocol.send(chat.update(**settings)))
        list(protocol.send(TENTH))
        assert [len(list(protocol.idle(20))) for _ in range(3)] == [1, 1, 1]


def test_the_ping_is_well_within_the_documents_minute() -> None:
    what = session()
    assert what.steady
    assert what.idle_s * 1.25 + 5 < 60


def test_what_was_cleared_is_not_heard() -> None:
    protocol = begun()
    list(protocol.send(TENTH))
    list(protocol.receive(heard("一。")))
    list(protocol.receive(event("input_audio_buffer.cleared")))
    list(protocol.receive(heard("二。")))
    list(protocol.receive(heard("Yes.")))
    list(protocol.receive(heard("No.")))
    list(protocol.receive(written("答", "stop")))
    *_, turn = protocol.receive(event("conversation.chat.completed"))
    assert turn.heard == "二。Yes. No."


def test_only_samples_have_a_pace() -> None:
    assert session(format="mp3").duration_s is None
    pace = session(sample_rate=8000).duration_s
    assert (pace(TENTH), pace(chat.audio(TENTH)), pace(chat.complete())) == (0.2, 0.2, 0.0)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_FIELDS = st.sampled_from(
    ["event_type", "status", "message", "choices", "audioFrame", "usage", "text", "is_sentence_end", "words", "error"]
)
_KINDS = st.sampled_from([*events.PLAIN, events.TURN_COMPLETED, "error", "chat.renamed"])


@given(
    frames=st.lists(
        st.binary(max_size=30)
        | st.text(max_size=30)
        | st.builds(json.dumps, st.dictionaries(_FIELDS, _JSON, max_size=5))
        | st.builds(
            lambda kind, rest: json.dumps({**rest, "event_type": kind}), _KINDS, st.dictionaries(_FIELDS, _JSON)
        ),
        max_size=6,
    ),
    errors=st.sampled_from(["raise", "tell"]),
)
def test_whatever_comes_is_events_or_an_error_of_ours(frames: list[Any], errors: str) -> None:
    protocol = session(errors=errors).protocol()
    for frame in frames:
        try:
            assert all(event is not None for event in protocol.receive(frame))
        except MaasError:
            break
    assert isinstance(protocol.owing, bool)


@given(pieces=st.lists(st.binary(max_size=20_000), max_size=8))
def test_audio_goes_up_whole_in_pieces_of_200_ms(pieces: list[bytes]) -> None:
    protocol = begun()
    frames = [frame for piece in pieces for frame in protocol.send(piece)]
    sent = [frame for frame in frames if isinstance(frame, bytes)]
    assert b"".join(sent) == b"".join(pieces)
    assert all(0 < len(frame) <= 6400 for frame in sent)
    assert len(frames) - len(sent) == bool(sent)


# Over a socket, with both drivers.


def test_the_handshake_is_the_documents(face: Open, server: ScriptedSocket, talker: Talker) -> None:
    with face().connect(session(model="Qwen2.5-32B 甲")) as talk:
        assert talk.next() == chat.Created()
    path = f"/projects/P1/chat/speech-chat?token=Bearer%20{KEY}&model=Qwen2.5-32B%20%E7%94%B2"
    assert server.paths == [path + "&asr_easyllm_id=E1&tts_easyllm_id=E1"]


def test_ids_of_the_services_and_of_the_call(kind: Any, server: ScriptedSocket, talker: Talker) -> None:
    provider = cloud(server.url, speech_to_text_easyllm_id="A2", text_to_voice_easyllm_id="T3")
    for settings in ({}, {"asr_easyllm_id": "A9", "tts_easyllm_id": "T9"}):
        with Face(kind, provider).connect(session(**settings)) as talk:
            talk.next()
    assert "&asr_easyllm_id=A2&tts_easyllm_id=T3" in server.paths[0]
    assert "&asr_easyllm_id=A9&tts_easyllm_id=T9" in server.paths[1]


def test_a_missing_id_is_named(kind: Any, scripted: ScriptedServer) -> None:
    with (
        pytest.raises(ConfigurationError, match="SOPHNET_SPEECH_TO_TEXT_EASYLLM_ID"),
        Face(kind, SophNet(api_key=KEY, base_url=scripted.url, project_id="P")).connect(session()),
    ):
        pass
    with (
        pytest.raises(ConfigurationError, match="SOPHNET_PROJECT_ID"),
        Face(kind, SophNet(api_key=KEY, base_url=scripted.url, easyllm_id="E")).connect(session()),
    ):
        pass
    assert scripted.seen == []


def test_several_turns(face: Open, talker: Talker) -> None:
    with face().connect(session()) as talk:
        talk.send(chat.update(messages=SYSTEM, asr_mode="refresh"))
        said = []
        for _ in range(3):
            talk.send(TENTH)
            talk.send(chat.audio(TENTH))
            talk.send(chat.complete())
            said += until(talk, chat.TurnCompleted)
        talk.close()
        assert talk.rest() == []
    assert turns(said) == [("问1。", "答1"), ("问2。", "答2"), ("问3。", "答3")]
    pieces = of(chat.SpokenDelta, said)
    assert b"".join(piece.audio for piece in pieces) == b"ID3-sound!" * 3
    assert [piece.finish_reason for piece in pieces if piece.last] == ["stop"] * 3
    assert talker.events == ["chat.update", *["audio", "audio", "input_audio_buffer.complete"] * 3, "ping"]
    assert len(talker.updates) == 1


def test_closing_ends_what_the_user_says_and_the_answer_is_read_to_its_end(face: Open, talker: Talker) -> None:
    with face().connect(session()) as talk:
        talk.feed([TENTH, TENTH])
        said = talk.rest()
    assert turns(said) == [("问1。", "答1")]
    assert talker.events == ["chat.update", "audio", "audio", "input_audio_buffer.complete", "ping"]


def test_closing_without_a_word_asks_for_no_answer(face: Open, talker: Talker) -> None:
    with face().connect(session()) as talk:
        assert talk.next() == chat.Created()
        talk.close()
        assert talk.rest() == []
    assert talker.events == ["ping"]


def test_nothing_is_said_before_the_service_has_created_the_chat(face: Open, server: ScriptedSocket) -> None:
    talker = Talker()

    def serve(connection: Any) -> None:
        with pytest.raises(TimeoutError):
            connection.recv(timeout=0.3)
        talker(connection)

    server.script(serve)
    with face().connect(session()) as talk:
        talk.feed([TENTH])
        assert turns(talk.rest()) == [("问1。", "答1")]


def test_audio_waits_until_the_settings_are_taken(face: Open, server: ScriptedSocket) -> None:
    def serve(connection: Any) -> None:
        connection.send(event("chat.created"))
        assert json.loads(connection.recv())["event_type"] == "chat.update"
        with pytest.raises(TimeoutError):
            connection.recv(timeout=0.3)
        connection.send(event("chat.updated"))
        assert connection.recv() == TENTH

    server.script(serve)
    with face().connect(session()) as talk:
        talk.send(TENTH)
        with pytest.raises(SessionError):
            talk.rest()


def test_a_chat_that_is_not_created_is_an_error(face: Open, server: ScriptedSocket) -> None:
    server.script(Talker(created=event("chat.created", 1003, f"no such service for {KEY}")))
    with face().connect(session()) as talk, pytest.raises(SessionError, match="no such service") as caught:
        talk.send(TENTH)
    assert caught.value.code == "1003"
    assert KEY not in str(caught.value)


def test_settings_that_are_not_taken_are_an_error(face: Open, server: ScriptedSocket) -> None:
    class Stubborn(Talker):
        def answer(self, connection: Any, kind: str) -> None:
            connection.send(event("chat.updated", 2, "bad format"))

    server.script(Stubborn())
    with face().connect(session(errors="tell")) as talk, pytest.raises(SessionError, match="bad format"):
        talk.send(TENTH)
        talk.rest()


def test_an_answer_is_interrupted_and_the_conversation_goes_on(face: Open, server: ScriptedSocket) -> None:
    class Slow(Talker):
        def turn(self, connection: Any) -> None:
            if self.turns:
                super().turn(connection)
                return
            self.turns += 1
            connection.send(event("input_audio_buffer.completed"))
            connection.send(written("很长"))
            connection.send(spoken(b"long"))

        def answer(self, connection: Any, kind: str) -> None:
            super().answer(connection, kind)
            if kind == "conversation.chat.cancel":
                connection.send(event("conversation.chat.completed"))
                connection.send(spoken(b"straggler"))

    talker = Slow()
    server.script(talker)
    with face().connect(session()) as talk:
        talk.send(TENTH)
        talk.send(chat.complete())
        assert until(talk, chat.SpokenDelta)[-1].content == "很长"
        talk.send(chat.cancel())
        first = until(talk, chat.TurnCompleted)
        assert chat.Canceled() in first
        assert first[-1] == replace(first[-1], content="很长", canceled=True)
        talk.send(TENTH)
        talk.send(chat.complete())
        second = until(talk, chat.TurnCompleted)[-1]
        assert (second.content.endswith("答2"), second.canceled) == (True, False)
        talk.close()
        assert talk.rest() == []


def test_what_an_interrupted_answer_still_says_does_not_keep_the_conversation_open(
    face: Open, server: ScriptedSocket
) -> None:
    class Slow(Talker):
        def turn(self, connection: Any) -> None:
            connection.send(event("input_audio_buffer.completed"))
            connection.send(written("很长"))

        def answer(self, connection: Any, kind: str) -> None:
            super().answer(connection, kind)
            if kind == "conversation.chat.cancel":
                connection.send(event("conversation.chat.completed"))
                connection.send(spoken(b"straggler"))

    server.script(Slow())
    with face().connect(session()) as talk:
        talk.send(TENTH)
        talk.send(chat.complete())
        until(talk, chat.SpokenDelta)
        talk.send(chat.cancel())
        talk.close()
        assert of(chat.TurnCompleted, talk.rest())[0].canceled


def test_both_clears(face: Open, talker: Talker) -> None:
    with face().connect(session()) as talk:
        with pytest.raises(InvalidInput, match="clear_audio"):
            talk.send(chat.clear_audio())
        talk.send(TENTH)
        talk.send(chat.clear_audio())
        assert until(talk, chat.AudioCleared)
        talk.send(chat.clear_conversation())
        assert until(talk, chat.ConversationCleared)
        with pytest.raises(InvalidInput, match="before the first audio"):
            talk.send(chat.update())
        talk.close()
        assert talk.rest() == []
    assert talker.events == [
        "chat.update",
        "audio",
        "input_audio_buffer.clear",
        "conversation.clear",
        "ping",
    ]


def test_a_ping_of_the_users_is_answered_and_one_of_ours_is_not_told(face: Open, talker: Talker) -> None:
    quick = replace(session(), idle_s=0.1)
    began = time.monotonic()
    with face().connect(quick) as talk:
        talk.send(chat.ping())
        assert until(talk, chat.Pong) == [chat.Created(), chat.Pong()]
        talk.until(lambda: talker.events.count("ping") >= 4)
        talk.close()
        assert talk.rest() == []
    ours = talker.events.count("ping") - 2  # without the user's, and the one that says goodbye
    assert ours * 0.1 <= time.monotonic() - began


def test_pings_go_on_while_audio_never_stops_and_while_an_answer_is_awaited(face: Open, server: ScriptedSocket) -> None:
    class Thinking(Talker):
        def turn(self, connection: Any) -> None:
            threading.Thread(target=self.think, args=[connection, len(self.said)]).start()

        def think(self, connection: Any, end: int) -> None:
            waiting.until(lambda: self.events[end:].count("ping") >= 3)
            super().turn(connection)

    talker = Thinking()
    server.script(talker)
    said = []

    def never_stop() -> Iterator[bytes | float]:
        began = time.monotonic()
        while talker.events.count("ping") < 3:
            assert time.monotonic() - began < waiting.DEADLINE_S
            said.append(TENTH)
            yield from (TENTH, 0.02)

    with face().connect(replace(session(), idle_s=0.1)) as talk:
        talk.produce(never_stop())
        assert turns(talk.rest()) == [("问1。", "答1")]
    assert talker.audio == said


def test_a_long_pause_is_no_fault_of_the_services(face: Open, talker: Talker) -> None:
    """It owes an answer from the ping on, not since it spoke last."""
    with face(timeout=2).connect(replace(session(), idle_s=2.5)) as talk:
        talk.send(TENTH)
        talk.until(lambda: "ping" in talker.events)
        talk.close()
        assert turns(talk.rest()) == [("问1。", "答1")]


def test_a_producer_slower_than_the_heartbeat_is_covered(face: Open, talker: Talker) -> None:
    with face().connect(replace(session(), idle_s=0.2)) as talk:
        talk.produce(TENTH, lambda: talker.events.count("ping") >= 3 and bytes(3200) in talker.audio, TENTH)
        assert turns(talk.rest()) == [("问1。", "答1")]


def test_an_error_of_the_producer_reaches_the_reader(face: Open, server: ScriptedSocket, talker: Talker) -> None:
    with face().connect(session()) as talk:
        talk.produce(TENTH, 0.1, LookupError("the microphone is gone"))
        with pytest.raises(LookupError, match="microphone"):
            talk.rest()
    assert server.ended.acquire(timeout=30)


def test_a_server_that_closes_early_is_an_error(face: Open, server: ScriptedSocket) -> None:
    server.script(lambda connection: [connection.send(event("chat.created")), connection.close(1011, "worn out")])
    with face().connect(session()) as talk, pytest.raises(SessionError, match="1011: worn out"):
        talk.rest()


def test_a_normal_close_before_the_answer_is_an_error(face: Open, server: ScriptedSocket) -> None:
    class Curt(Talker):
        def turn(self, connection: Any) -> None:
            connection.send(written("半"))
            connection.close()

    server.script(Curt())
    with face().connect(session()) as talk:
        talk.feed([TENTH])
        came: list[Any] = []
        with pytest.raises(SessionError, match="code 1000"):
            talk.rest(came)
    assert of(chat.SpokenDelta, came)[0].content == "半"


def test_a_lost_connection_is_an_error(face: Open, server: ScriptedSocket) -> None:
    class Lost(Talker):
        def turn(self, connection: Any) -> None:
            drop(connection)

    server.script(Lost())
    with face().connect(session()) as talk:
        talk.feed([TENTH])
        with pytest.raises(SessionError, match="lost"):
            talk.rest()


def test_a_server_that_stalls_is_an_error(face: Open, server: ScriptedSocket) -> None:
    class Deaf(Talker):
        def turn(self, connection: Any) -> None:
            connection.send(event("input_audio_buffer.completed"))
            for _ in connection:
                pass

    server.script(Deaf())
    with face(timeout=1).connect(session()) as talk:
        talk.feed([TENTH])
        began = time.monotonic()
        with pytest.raises(SessionTimedOut, match="owes an answer"):
            talk.rest()
        assert time.monotonic() - began < 15
    assert server.ended.acquire(timeout=30)


def test_a_server_that_answers_pings_alone_stalls_as_well(face: Open, server: ScriptedSocket) -> None:
    class Absent(Talker):
        def turn(self, connection: Any) -> None:
            connection.send(event("input_audio_buffer.completed"))

    server.script(talker := Absent())
    with face(timeout=2).connect(replace(session(), idle_s=0.2)) as talk:
        talk.feed([TENTH])
        with pytest.raises(SessionTimedOut, match="owes an answer"):
            talk.rest()
    assert talker.events.count("ping") >= 3


def test_a_service_that_never_creates_the_chat_is_an_error(face: Open, server: ScriptedSocket) -> None:
    server.script(lambda connection: connection.recv())
    with face(timeout=1).connect(session()) as talk, pytest.raises(SessionTimedOut, match="owes an answer"):
        talk.send(TENTH)


@pytest.mark.parametrize(
    ("status", "error"), [(401, AuthenticationFailed), (429, RateLimited), (302, APIError), (200, UnexpectedAnswer)]
)
def test_a_refused_handshake_is_an_error_without_the_key(
    kind: Any, scripted: ScriptedServer, status: int, error: type[Exception]
) -> None:
    scripted.script(json_reply({"message": "no"}, status, location=f"{scripted.url}/?token={KEY}"))
    with pytest.raises(error) as caught, Face(kind, cloud(scripted.url)).connect(session()):
        pass
    assert KEY not in str(caught.value)
    assert len(scripted.seen) == (3 if status == 429 else 1)


def test_a_reader_who_stops_early_closes_the_socket(face: Open, server: ScriptedSocket, talker: Talker) -> None:
    with face().connect(session()) as talk:
        talk.feed(itertools.repeat(TENTH))
        until(talk, Utterance)
        began = time.monotonic()
    assert time.monotonic() - began < 15
    assert server.ended.acquire(timeout=30)


async def test_a_cancelled_task_closes_its_socket(server: ScriptedSocket, talker: Talker) -> None:
    began = asyncio.Event()

    async def work() -> None:
        async with AsyncClient(cloud(server.url)) as client, client.connect(session()) as talk:
            async for _ in talk:
                began.set()

    task = asyncio.create_task(work())
    await asyncio.wait_for(began.wait(), 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(server.ended.acquire, timeout=30)


def test_binary_and_text_come_mixed(face: Open, server: ScriptedSocket) -> None:
    class Mixed(Talker):
        def turn(self, connection: Any) -> None:
            connection.send(heard("问。").encode())
            connection.send(event("input_audio_buffer.completed").encode())
            connection.send(written("答", "stop"))
            connection.send(spoken(b"x").encode())
            connection.send(event("conversation.chat.completed"))

    server.script(Mixed())
    with face().connect(session()) as talk:
        talk.feed([TENTH])
        came = talk.rest()
    assert turns(came) == [("问。", "答")]


def test_what_comes_after_the_end_is_not_heard(face: Open, server: ScriptedSocket) -> None:
    class Chatty(Talker):
        def answer(self, connection: Any, kind: str) -> None:
            super().answer(connection, kind)
            if kind == "ping":
                connection.send(written("zu spät"))

    server.script(Chatty())
    with face().connect(session()) as talk:
        talk.feed([TENTH])
        came = talk.rest()
        assert turns(came) == [("问1。", "答1")]
        with pytest.raises(SessionError, match=r"close|ended"):
            talk.send(TENTH)
    assert not [piece for piece in of(chat.SpokenDelta, came) if "spät" in piece.content]


def test_thirty_minutes_of_audio_at_full_speed_stay_small(face: Open, server: ScriptedSocket, talker: Talker) -> None:
    """57.6 MB of 16 kHz PCM in packets of a second; each is heard, and the answer is long as well."""

    class Long(Talker):
        bytes_heard = 0

        def __call__(self, connection: Any) -> None:
            connection.send(event("chat.created"))
            for frame in connection:
                if isinstance(frame, bytes):
                    self.bytes_heard += len(frame)
                    connection.send(heard("还没完", final=False))
                else:
                    self.answer(connection, json.loads(frame)["event_type"])

        def turn(self, connection: Any) -> None:
            connection.send(event("input_audio_buffer.completed"))
            for _ in range(500):
                connection.send(spoken(bytes(64 * 1024)))
            connection.send(written("完", "stop"))
            connection.send(event("conversation.chat.completed"))

    long = Long()
    server.script(long)
    memory = Growth(10)
    size = 0
    with face().connect(session()) as talk:
        talk.feed(half_an_hour())
        while True:
            memory.look()
            try:
                came = talk.next()
            except (StopIteration, StopAsyncIteration):
                break
            size += len(came.audio) if isinstance(came, chat.SpokenDelta) else 0
    assert long.bytes_heard == 1800 * 32_000
    assert size == 500 * 64 * 1024
    assert memory.most < 2 * FEW_BYTES  # of 90 MB; 16 MiB of sound may wait to be read


def test_the_key_is_in_no_log_error_or_repr(
    face: Open, server: ScriptedSocket, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="websockets")
    server.script(lambda connection: connection.send(event("error", 9, f"who is {KEY}?")))
    what = session()
    with face().connect(what) as talk, pytest.raises(SessionError) as caught:
        talk.rest()
    assert KEY in server.paths[0]
    assert KEY not in caplog.text
    assert KEY not in f"{caught.value}{caught.value!r}{what!r}"
