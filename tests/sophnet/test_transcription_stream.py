"""SophNet's live recognition: what is said, what is heard, and every way it goes wrong, over both drivers."""

from __future__ import annotations

import asyncio
import contextlib
import io
import itertools
import json
import logging
import threading
import time
import wave
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.sync.server import ServerConnection

from maaskit import (
    AsyncClient,
    AuthenticationFailed,
    Client,
    ConfigurationError,
    InvalidInput,
    MaasError,
    SessionError,
    SessionTimedOut,
    SophNet,
)
from maaskit.sophnet import transcription_stream
from maaskit.sophnet.silences import Silences
from maaskit.transcript import Utterance, Word
from tests.memory import FEW_BYTES, Growth, half_an_hour
from tests.proportion import MOST, growth
from tests.scripted import ScriptedServer, json_reply
from tests.scripted_listener import BLOCK, Listener, recording, words
from tests.scripted_socket import ScriptedSocket, drop
from tests.talking import Face
from tests.waiting import until

KEY = "secret-key-1234567890"
PATH = "/projects/P1/easyllms/stream-speech"
# The document's own example, shortened to two sentences.
EXAMPLE = [
    {
        "text": "这是深度",
        "begin_time": 660,
        "end_time": None,
        "words": [
            "Word(beginTime=660, endTime=1148, text=这是, punctuation=, fixed=false)",
            "Word(beginTime=1148, endTime=1636, text=深度, punctuation=, fixed=false)",
        ],
        "is_sentence_end": False,
    },
    {
        "text": "这是深度学习。",
        "begin_time": 660,
        "end_time": 5540,
        "words": ["Word(beginTime=660, endTime=1148, text=这是, punctuation=, fixed=false)"],
        "is_sentence_end": True,
    },
    {
        "text": "请",
        "begin_time": 6001,
        "end_time": None,
        "words": ["Word(beginTime=6001, endTime=6502, text=请, punctuation=, fixed=false)"],
        "is_sentence_end": False,
    },
]


@pytest.fixture
def server() -> Iterator[ScriptedSocket]:
    server = ScriptedSocket()
    yield server
    server.close()
    assert server.errors == []


@pytest.fixture(params=[Client, AsyncClient], ids=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> Any:
    return request.param


def cloud(url: str, **ids: Any) -> SophNet:
    return SophNet(**{"api_key": KEY, "base_url": url, "project_id": "P1", "easyllm_id": "E1"} | ids)


@pytest.fixture
def face(kind: Any, server: ScriptedSocket) -> Callable[..., Face]:
    return lambda **settings: Face(kind, cloud(server.url), **settings)


def begun(**settings: Any) -> Any:
    protocol = transcription_stream.listen(**settings).protocol()
    assert list(protocol.opening()) == []
    return protocol


def told(protocol: Any, *messages: Any) -> list[Utterance]:
    return [heard for one in messages for heard in protocol.receive(one if isinstance(one, bytes) else json.dumps(one))]


def finals(heard: list[Utterance]) -> str:
    return " ".join(one.text for one in heard if one.is_final)


def until_bye(connection: ServerConnection, *answers: Any) -> list[Any]:
    """Say ok, wait for the goodbye, say the answers and close."""
    connection.send('{"status": "ok"}')
    said = list(itertools.takewhile(lambda message: message != "BYE", connection))
    for answer in answers:
        connection.send(answer if isinstance(answer, str | bytes) else json.dumps(answer))
    return said


# --- the handshake -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["pcm", "wav", "mp3", "opus", "speex", "aac", "amr"])
def test_the_query_is_the_documents(face: Any, server: ScriptedSocket, form: str) -> None:
    server.script(until_bye)
    with face().connect(transcription_stream.listen(form, 8000 if form == "amr" else 16000)) as talk:
        talk.close()
        assert talk.rest() == []
    rate = 8000 if form == "amr" else 16000
    assert server.paths == [f"{PATH}?easyllm_id=E1&apikey={KEY}&format={form}&sample_rate={rate}&heartbeat=true"]


def test_ids_and_parameters_of_ones_own_go_along(kind: Any, server: ScriptedSocket) -> None:
    server.script(until_bye)
    settings: dict[str, Any] = {"easyllm_id": "mine", "extra_query": {"hotwords": "算能"}, "heartbeat": False}
    with Face(kind, cloud(server.url, speech_to_text_easyllm_id="S1")).connect(
        transcription_stream.listen(**settings)
    ) as talk:
        talk.close()
        talk.rest()
    assert server.paths == [
        f"{PATH}?easyllm_id=mine&apikey={KEY}&format=pcm&sample_rate=16000&heartbeat=false&hotwords=%E7%AE%97%E8%83%BD"
    ]


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"format": "flac"}, "format must be one of pcm, wav, mp3, opus, speex, aac, amr, not 'flac'"),
        ({"format": ""}, "format must be one of"),
        ({"sample_rate": 0}, "sample_rate must be a number of samples per second above 0"),
        ({"sample_rate": "16000"}, "sample_rate must be"),
        ({"sample_rate": True}, "sample_rate must be"),
        ({"heartbeat": "true"}, "heartbeat must be True or False"),
        ({"format": "mp3", "resume": True}, "resume=True needs format='pcm'"),
        ({"format": "wav", "resume": True}, "resume=True needs format='pcm'"),
    ],
)
def test_other_audio_is_refused_before_anything_is_sent(settings: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        transcription_stream.listen(**settings)


def test_a_missing_id_is_named_before_anything_is_sent(kind: Any, server: ScriptedSocket) -> None:
    for missing, variable in (
        ("easyllm_id", "SOPHNET_SPEECH_TO_TEXT_EASYLLM_ID"),
        ("project_id", "SOPHNET_PROJECT_ID"),
    ):
        with (
            pytest.raises(ConfigurationError, match=variable),
            Face(kind, cloud(server.url, **{missing: None})).connect(transcription_stream.listen()),
        ):
            pass
    assert server.paths == []


def test_the_key_in_the_query_is_in_no_log_error_or_repr(face: Any, server: ScriptedSocket, caplog: Any) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="websockets")
    session = transcription_stream.listen()
    server.script(
        lambda connection: [connection.send(json.dumps({"status": 7, "message": f"bad {KEY}"})), connection.recv()]
    )
    with face().connect(session) as talk, pytest.raises(SessionError, match=r"bad \*\*\*") as caught:
        talk.next()
    assert f"apikey={KEY}" in server.paths[0]
    for shown in (str(caught.value), repr(caught.value), repr(session), caplog.text):
        assert KEY not in shown


def test_a_refused_handshake_is_an_error_of_ours(kind: Any, scripted: ScriptedServer) -> None:
    scripted.script(json_reply({"status": 401, "message": f"bad key {KEY}", "result": None}, 401))
    with (
        pytest.raises(AuthenticationFailed, match="bad key") as caught,
        Face(kind, cloud(scripted.url)).connect(transcription_stream.listen()),
    ):
        pass
    assert KEY not in str(caught.value)


def test_a_service_that_only_closes_is_an_error_that_says_what_to_check(face: Any, server: ScriptedSocket) -> None:
    server.script(lambda connection: connection.close(1000))
    with (
        face().connect(transcription_stream.listen()) as talk,
        pytest.raises(SessionError, match=r"never said ok.*easyllm_id"),
    ):
        talk.rest()


def test_nothing_is_said_before_ok(face: Any, server: ScriptedSocket) -> None:
    def serve(connection: ServerConnection) -> None:
        with pytest.raises(TimeoutError):
            connection.recv(timeout=0.2)
        until_bye(connection, EXAMPLE[1])

    server.script(serve)
    with face().connect(transcription_stream.listen()) as talk:
        talk.send(bytes(BLOCK))
        talk.close()
        assert finals(talk.rest()) == "这是深度学习。"


def test_a_service_that_never_says_ok_is_an_error(face: Any, server: ScriptedSocket) -> None:
    server.script(lambda connection: connection.recv())
    with (
        face(timeout=1).connect(transcription_stream.listen()) as talk,
        pytest.raises(SessionTimedOut, match="owes an answer"),
    ):
        talk.send(b"\0\0")


# --- what is said --------------------------------------------------------------------------------------------------


def test_audio_goes_in_messages_of_3200_bytes_and_ends_with_a_text(face: Any, server: ScriptedSocket) -> None:
    said: list[Any] = []
    server.script(lambda connection: said.extend(until_bye(connection)))
    with face().connect(transcription_stream.listen()) as talk:
        talk.send(bytes(10_000))
        talk.send(bytearray(b"\x01\x02" * 5))
        talk.close()
        assert talk.rest() == []
    assert [len(frame) for frame in said] == [3200, 3200, 3200, 400, 10]


@given(st.lists(st.binary(max_size=7000), max_size=8))
def test_any_split_of_the_audio_arrives(given: list[bytes]) -> None:
    protocol = begun()
    frames = [frame for piece in given for frame in protocol.send(piece)]
    assert all(len(frame) <= 3200 and not len(frame) % 2 for frame in frames)
    *rest, goodbye = protocol.closing()
    assert goodbye == "BYE"
    assert b"".join([*frames, *rest]) == b"".join(given)
    with pytest.raises(InvalidInput, match="closed"):
        protocol.send(b"more")


def test_what_is_no_audio_is_refused(face: Any, server: ScriptedSocket) -> None:
    server.script(until_bye)
    with face().connect(transcription_stream.listen()) as talk, pytest.raises(InvalidInput, match="bytes, not str"):
        talk.send("audio")


def wav(samples: bytes, rate: int = 16000) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, rate, 0, "NONE", ""))
        writer.writeframes(samples)
    return file.getvalue()


def test_a_local_recording_is_taken_apart_while_it_is_sent(tmp_path: Path) -> None:
    samples = b"\x01\x02" * 20_000
    (tmp_path / "a.wav").write_bytes(wav(samples, 8000))
    (tmp_path / "a.pcm").write_bytes(samples)
    for source in (tmp_path / "a.wav", str(tmp_path / "a.pcm"), samples, wav(samples, 8000)):
        taken = list(transcription_stream.pieces(source, sample_rate=8000, piece_ms=500))
        assert b"".join(taken) == samples
        assert max(map(len, taken)) <= 8000
    whole = wav(samples)
    assert b"".join(transcription_stream.pieces(whole, "wav")) == whole
    song = b"ID3\x04" + bytes(9000)
    assert b"".join(transcription_stream.pieces(song, "mp3")) == song


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("https://a/b.wav",), r"a URL goes to sophnet\.transcription\.transcribe"),
        (("nowhere.wav",), "no file"),
        ((b"ID3\x04" + bytes(50),), "audio/mpeg; the socket takes 16 kHz.*ffmpeg"),
        ((b"ID3\x04" + bytes(50), "wav"), "audio is audio/mpeg, and format is 'wav'"),
        ((wav(b"ab"), "mp3"), "audio is audio/wav, and format is 'mp3'"),
        ((b"ab", "flac"), "format must be one of"),
    ],
)
def test_other_recordings_are_refused_before_anything_is_sent(arguments: Any, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        transcription_stream.pieces(*arguments)


# --- what is heard -------------------------------------------------------------------------------------------------


def test_the_documents_example_is_heard(face: Any, server: ScriptedSocket) -> None:
    server.script(lambda connection: until_bye(connection, *EXAMPLE))
    with face().connect(transcription_stream.listen()) as talk:
        talk.feed([bytes(BLOCK)])
        heard = talk.rest()
    assert heard == [
        Utterance("这是深度", 660, None, is_final=False, words=(Word("这是", 660, 1148), Word("深度", 1148, 1636))),
        Utterance("这是深度学习。", 660, 5540, is_final=True, words=(Word("这是", 660, 1148),)),
        Utterance("请", 6001, None, is_final=False, words=(Word("请", 6001, 6502),)),
        # The service closed before it ended the sentence: nothing of it is lost.
        Utterance("请", 6001, 6502, is_final=True, words=(Word("请", 6001, 6502),)),
    ]


@pytest.mark.parametrize(
    "written",
    [
        ["Word(beginTime=1, endTime=2, text=a, (b), punctuation=, fixed=false)"],
        "[Word(beginTime=1, endTime=2, text=a, (b), punctuation=, fixed=false)]",
        '["Word(beginTime=1, endTime=2, text=a, (b), punctuation=, fixed=false)"]',
        "Word(beginTime=1, endTime=2, text=a, (b), punctuation=, fixed=true)",
        [{"beginTime": 1, "endTime": 2, "text": "a, (b)", "punctuation": "", "fixed": False}],
        [{"begin_time": "1", "end_time": 2.0, "text": "a, (b)"}],
    ],
)
def test_words_are_read_in_every_form(written: Any) -> None:
    (heard,) = told(begun(), EXAMPLE[0] | {"words": written})
    assert heard.words == (Word("a, (b)", 1, 2),)


@pytest.mark.parametrize("written", [None, "", [], "null", 7, {}])
def test_words_may_be_absent(written: Any) -> None:
    (heard,) = told(begun(), EXAMPLE[0] | {"words": written})
    assert (heard.text, heard.words) == ("这是深度", ())


def test_a_sentence_without_an_end_ends_with_its_last_word() -> None:
    (heard,) = told(begun(), EXAMPLE[1] | {"end_time": None})
    assert (heard.is_final, heard.end_ms) == (True, 1148)


@pytest.mark.parametrize("part", ["Word(beginTime=1, endTime=2, text=", ", punctuation=", "Word(", ", fixed=true)"])
def test_a_message_of_broken_words_takes_no_time(part: str) -> None:
    assert growth(lambda size: told(begun(), EXAMPLE[0] | {"words": part * (size // len(part))}), 20_000) < MOST


def test_what_says_nothing_is_nothing_and_what_comes_twice_is_heard_once() -> None:
    protocol = begun()
    silent = EXAMPLE[0] | {"text": "", "words": None}
    assert told(protocol, {"status": "ok"}, silent, {}, {"status": "connected"}) == []
    assert [*protocol.receive("pong"), *protocol.receive(b"\x00\xff"), *protocol.receive("BYE")] == []
    assert len(told(protocol, EXAMPLE[1], EXAMPLE[1], EXAMPLE[0], EXAMPLE[1] | {"begin_time": 661})) == 3
    untimed = {"text": "嗯。", "begin_time": None, "end_time": None, "is_sentence_end": True}
    assert len(told(protocol, untimed, untimed)) == 2  # nobody knows that it is the same


def test_results_may_come_before_ok_and_as_bytes() -> None:
    protocol = begun()
    assert not protocol.ready
    assert told(protocol, json.dumps(EXAMPLE[1]).encode()) != []
    assert protocol.ready


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ({"status": 1003, "message": "no balance"}, "no balance"),
        ({"status": "error", "message": "no balance"}, "no balance"),
        ({"error": {"message": "no balance", "code": "E1"}}, "no balance"),
        ({"code": 500, "msg": "no balance"}, "no balance"),
        (EXAMPLE[0] | {"error": "no balance"}, "no balance"),
        ([1], "what is no result"),
        (b'"text"', "what is no result"),
    ],
)
def test_a_failure_that_the_service_tells_is_raised(message: Any, why: str) -> None:
    with pytest.raises(SessionError, match=why):
        told(begun(), message)


def test_a_text_that_is_no_json_is_raised() -> None:
    with pytest.raises(SessionError, match="cannot be read: 'upstream"):
        begun().receive("upstream gone")


@given(st.text(max_size=60) | st.binary(max_size=60))
def test_any_message_is_read_or_an_error_of_ours(frame: str | bytes) -> None:
    with contextlib.suppress(MaasError):
        assert all(isinstance(heard, Utterance) for heard in begun().receive(frame))


# --- how it ends ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [1000, 1005])
def test_a_close_after_the_goodbye_is_the_end(code: int) -> None:
    protocol = begun()
    told(protocol, {"status": "ok"}, EXAMPLE[1])
    assert list(protocol.closing()) == ["BYE"]
    assert protocol.owing
    assert list(protocol.closed(code, "")) == []


@pytest.mark.parametrize("code", [None, 1001, 1006, 1011])
def test_any_other_end_is_an_error(code: int | None) -> None:
    protocol = begun()
    told(protocol, {"status": "ok"})
    protocol.closing()
    with pytest.raises(SessionError, match="broke off"):
        protocol.closed(code, "gone")


def test_a_producer_that_fails_is_raised_to_the_reader(face: Any, server: ScriptedSocket) -> None:
    server.script(Listener())
    heard: list[Utterance] = []
    with face().connect(transcription_stream.listen()) as talk:
        talk.produce(
            recording(1, 4),
            lambda: heard and heard[-1].text == words(1, 4),
            LookupError("the microphone is gone"),
        )
        with pytest.raises(LookupError, match="microphone"):
            talk.rest(heard)
    assert heard[-1].text == words(1, 4)
    assert server.ended.acquire(timeout=30)


def test_a_server_that_closes_early_is_an_error(face: Any, server: ScriptedSocket) -> None:
    def serve(connection: ServerConnection) -> None:
        connection.send('{"status": "ok"}')
        connection.recv()
        connection.send(json.dumps(EXAMPLE[1]))
        connection.close(1011, "no more workers")

    server.script(serve)
    heard: list[Utterance] = []
    with face().connect(transcription_stream.listen()) as talk:
        talk.produce(bytes(BLOCK), lambda: talk.ended)
        with pytest.raises(SessionError, match="1011: no more workers"):
            talk.rest(heard)
    assert finals(heard) == "这是深度学习。"
    assert server.ended.acquire(timeout=30)


def test_a_server_that_stalls_after_the_end_is_an_error(face: Any, server: ScriptedSocket) -> None:
    server.script(Listener(stall_after=3))
    heard: list[Utterance] = []
    with face(timeout=1).connect(transcription_stream.listen()) as talk:
        talk.feed([recording(1, 8)])
        with pytest.raises(SessionTimedOut, match="owes an answer"):
            talk.rest(heard)
    assert heard[-1].text == words(1, 4)
    assert server.ended.acquire(timeout=30)


def test_who_stops_listening_closes_the_socket(face: Any, server: ScriptedSocket) -> None:
    server.script(Listener())
    with face().connect(transcription_stream.listen()) as talk:
        talk.produce(recording(1, 3), lambda: talk.ended, recording(3, 5))
        assert talk.next().text == "w1"
    assert server.ended.acquire(timeout=30)


async def test_a_cancelled_task_closes_its_socket(server: ScriptedSocket) -> None:
    server.script(Listener())
    heard = asyncio.Event()

    async def work() -> None:
        async with AsyncClient(cloud(server.url)) as client, client.connect(transcription_stream.listen()) as talk:
            await talk.send(recording(1, 3))
            async for _ in talk:
                heard.set()

    task = asyncio.create_task(work())
    await asyncio.wait_for(heard.wait(), 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(server.ended.acquire, timeout=30)


def test_binary_and_text_come_mixed(face: Any, server: ScriptedSocket) -> None:
    server.script(Listener(binary=True))
    with face().connect(transcription_stream.listen()) as talk:
        talk.feed([recording(1, 26)])
        heard = talk.rest()
    assert finals(heard) == words(1, 26)
    assert [one.begin_ms for one in heard if one.is_final] == [0, 1000, 2000]


def test_a_message_after_the_end_of_the_audio_is_heard(face: Any, server: ScriptedSocket) -> None:
    late = [EXAMPLE[1], EXAMPLE[1] | {"begin_time": 6001, "end_time": 7000, "text": "谢谢。"}]
    server.script(lambda connection: until_bye(connection, *late))
    with face().connect(transcription_stream.listen()) as talk:
        talk.send(bytes(BLOCK))
        talk.close()
        talk.until(lambda: talk.ended)
        assert finals(talk.rest()) == "这是深度学习。 谢谢。"
        with pytest.raises(SessionError, match=r"close|ended"):
            talk.send(bytes(BLOCK))


def test_thirty_minutes_at_full_speed_stay_small(face: Any, server: ScriptedSocket) -> None:
    """57.6 MB of 16 kHz PCM in messages of 100 ms; every fourth is answered."""
    answer = '{"text":"t","begin_time":0,"end_time":null,"words":null,"is_sentence_end":false}'
    count = 0

    def serve(connection: ServerConnection) -> None:
        nonlocal count
        connection.send('{"status": "ok"}')
        for number, message in enumerate(connection):
            if message == "BYE":
                return
            count += len(message)
            if number % 4 == 0:
                connection.send(answer)

    memory = Growth()

    def producer() -> Iterator[bytes]:
        for second in half_an_hour():
            memory.look()
            yield second

    server.script(serve)
    with face(timeout=30).connect(transcription_stream.listen()) as talk:
        talk.feed(producer())
        heard = talk.rest()
    assert count == 1800 * 32_000
    assert heard[-1].is_final
    assert memory.most < FEW_BYTES


# --- the pace, and 60 seconds --------------------------------------------------------------------------------------


def test_paced_audio_plays_at_the_speed_of_life(face: Any, server: ScriptedSocket) -> None:
    server.script(Listener())
    began = time.monotonic()
    with face().connect(transcription_stream.listen()) as talk:
        talk.feed([recording(n, n + 2) for n in range(1, 7, 2)], paced=True)
        assert finals(talk.rest()) == words(1, 7)
    assert time.monotonic() - began >= 0.4
    for form in ("mp3", "opus", "speex", "aac", "amr"):
        assert transcription_stream.listen(form).duration_s is None


def test_silence_keeps_a_slow_producer_and_leaves_the_times_alone(face: Any, server: ScriptedSocket) -> None:
    """The producer waits until silence was said, before its first word and in the middle of one."""
    listener = Listener()
    server.script(listener)
    session = replace(transcription_stream.listen(), idle_s=0.15)
    with face().connect(session) as talk:
        talk.produce(
            lambda: len(listener.frames) >= 3,
            recording(1, 4) + b"\x04",
            lambda: len(listener.frames) >= 12,
            b"\0" + recording(4, 5)[2:],
            recording(5, 8),
        )
        heard = talk.rest()
    assert finals(heard) == words(1, 8)
    (last,) = [one for one in heard if one.is_final]
    assert (last.begin_ms, last.end_ms) == (0, 700)
    assert [word.begin_ms for word in last.words] == [0, 100, 200, 300, 400, 500, 600]
    assert len(listener.audio[0]) > 7 * BLOCK  # silence was said
    assert listener.audio[0].replace(bytes(BLOCK), b"") == recording(1, 8)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"format": "mp3"}, "no audio for 60 seconds; format='pcm' sends silence by itself"),
        ({"heartbeat": False}, "With heartbeat=False the service closes 60 seconds after the last voice"),
    ],
)
def test_where_silence_cannot_help_the_end_says_why(
    face: Any, server: ScriptedSocket, settings: dict[str, Any], why: str
) -> None:
    server.script(Listener(quiet_s=0.5))
    session = replace(transcription_stream.listen(**settings), idle_s=0.15)
    with face().connect(session) as talk:
        talk.produce(recording(1, 4), lambda: talk.ended)
        with pytest.raises(SessionError, match=why):
            talk.rest()


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 40)), min_size=1, max_size=30))
def test_times_are_those_of_the_audio_alone(steps: list[tuple[bool, int]]) -> None:
    silences, service_ms, alone_ms = Silences(32_000), 0, 0
    for silent, size in steps:
        if silent:
            for _ in range(size):
                assert silences.silence() == bytes(3200)
            service_ms += size * 100
        else:
            silences.audio(size * 3200)
            heard = Utterance("x", service_ms, service_ms + size * 100, is_final=size % 2 == 0)
            found = silences.without(heard)
            assert (found.begin_ms, found.end_ms) == (alone_ms, alone_ms + size * 100)
            service_ms, alone_ms = service_ms + size * 100, alone_ms + size * 100


# --- resuming ------------------------------------------------------------------------------------------------------


def test_five_drops_lose_no_word(face: Any, server: ScriptedSocket) -> None:
    listener = Listener(drop_after=17, drops=5)
    server.script(listener)
    audio = recording(1, 121)
    with face().connect(transcription_stream.listen(resume=True)) as talk:
        talk.feed([audio[at : at + 5000] for at in range(0, len(audio), 5000)])
        heard = talk.rest()
    assert len(server.paths) == 6
    assert finals(heard) == words(1, 121)
    for one in heard:
        if one.is_final:
            first = int(one.text.split()[0][1:])
            assert one.begin_ms == (first - 1) * 100
            assert [word.begin_ms for word in one.words] == [(int(word.text[1:]) - 1) * 100 for word in one.words]


def test_a_drop_during_silence_leaves_the_times_alone(face: Any, server: ScriptedSocket) -> None:
    server.script(Listener(drop_after=14, drops=1))
    session = replace(transcription_stream.listen(resume=True), idle_s=0.1)
    with face().connect(session) as talk:
        talk.produce(recording(1, 13), lambda: len(server.paths) == 2, recording(13, 25))
        heard = talk.rest()
    assert len(server.paths) == 2
    assert finals(heard) == words(1, 25)
    assert [(one.begin_ms, one.end_ms) for one in heard if one.is_final] == [(0, 1000), (1000, 2000), (2000, 2400)]


def test_without_resume_a_drop_is_an_error(face: Any, server: ScriptedSocket) -> None:
    server.script(lambda connection: [connection.send('{"status": "ok"}'), connection.recv(), drop(connection)])
    with face().connect(transcription_stream.listen()) as talk, pytest.raises(SessionError, match="broke off"):
        talk.feed([recording(1, 4)])
        talk.rest()


def test_a_drop_after_the_goodbye_is_resumed_as_well(face: Any, server: ScriptedSocket) -> None:
    def forget(connection: ServerConnection) -> None:
        connection.send('{"status": "ok"}')
        while connection.recv() != "BYE":
            pass
        drop(connection)

    server.script(forget, Listener())
    with face().connect(transcription_stream.listen(resume=True)) as talk:
        talk.feed([recording(1, 24)])
        assert finals(talk.rest()) == words(1, 24)


def test_no_thread_is_left_behind(server: ScriptedSocket) -> None:
    before = set(threading.enumerate())
    server.script(Listener())
    with Client(cloud(server.url)) as client, client.connect(transcription_stream.listen()) as talk:
        assert finals(list(talk.feed([recording(1, 4)]))) == words(1, 4)
    until(lambda: not [one for one in {*threading.enumerate()} - before if one.name.startswith("maaskit-")])
