from __future__ import annotations

import contextlib
import json
import re
import threading
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

import pytest
import websockets
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from maaskit.sandbox import Sandbox, hearing, inbox, record
from maaskit.sandbox.engines import containers, recognition, wav
from maaskit.sandbox.engines.recognition import Sentence, Word
from maaskit.sandbox.engines.sound import Sound, silence
from tests.sandbox.engines.sentences import word_errors
from tests.sandbox.sophnet_voice import SophNetVoice
from tests.sandbox.speex_file import speex_noise

TEXT = "We bought two green apples."
STEP = 3200
WORD = re.compile(r"Word\(beginTime=(\d+), endTime=(\d+), text=(.+), punctuation=, fixed=false\)")


@pytest.fixture(scope="module")
def recording(running_sandbox: Sandbox) -> Sound:
    talking = SophNetVoice(running_sandbox)
    sound = talking.sound(TEXT)
    talking.close()
    return sound


class Quick:
    """A recogniser that needs no time: it hears one word in every piece that is not silent."""

    def __init__(self) -> None:
        self.heard = 0

    def feed(self, pcm: bytes, *, partials: bool) -> list[Sentence]:
        if not partials and not pcm:
            return []  # the end of the sound
        if not any(pcm):
            return []
        self.heard += 1
        return [self._sentence(is_final=False)]

    def finish(self) -> list[Sentence]:
        return [self._sentence(is_final=True)] if self.heard else []

    def _sentence(self, *, is_final: bool) -> Sentence:
        words = tuple(Word(f"w{n}", n * 100, n * 100 + 90) for n in range(self.heard))
        return Sentence(words, 0, self.heard * 100, is_final)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hearing, "Recogniser", Quick)


def address(sandbox: Sandbox, project: str | None = None, **query: Any) -> str:
    asked = {
        "easyllm_id": sandbox.easyllm_id,
        "apikey": sandbox.api_key,
        "format": "pcm",
        "sample_rate": 16_000,
        "heartbeat": "true",
        **query,
    }
    kept = urlencode({name: value for name, value in asked.items() if value is not ...})
    base = sandbox.sophnet_url.replace("http", "ws", 1)
    place = "projects" if project == "" else f"projects/{project or sandbox.project_id}"
    return f"{base}/{place}/easyllms/stream-speech?{kept}"


def dial(sandbox: Sandbox, project: str | None = None, **query: Any) -> ClientConnection:
    return connect(address(sandbox, project, **query), max_size=None)


def pieces(data: bytes, step: int = STEP) -> Iterable[bytes]:
    return (data[at : at + step] for at in range(0, len(data), step))


def told(sandbox: Sandbox, data: bytes, step: int = STEP, **query: Any) -> list[dict[str, Any]]:
    """Send a sound and say goodbye; give the results."""
    with dial(sandbox, **query) as talk:
        assert json.loads(talk.recv()) == {"status": "ok"}
        for piece in pieces(data, step):
            talk.send(piece)
        talk.send("BYE")
        results = [json.loads(message) for message in talk]
        assert talk.close_code == 1000
    return results


async def test_the_documents_program(sandbox: Sandbox, recording: Sound) -> None:
    """Follow the document's lines for a browser, with their handlers as steps."""
    url = f"{sandbox.sophnet_url.replace('http', 'ws', 1)}/projects/{sandbox.project_id}/easyllms/stream-speech"
    url += f"?easyllm_id={sandbox.easyllm_id}&apikey={sandbox.api_key}&format=pcm&sample_rate=16000&heartbeat=true"
    log: list[Any] = []
    async with websockets.connect(url) as ws:
        log.append(json.loads(await ws.recv()))
        for byte_data in pieces(recording.pcm):
            await ws.send(byte_data)
        await ws.send("BYE")
        async for message in ws:
            assert isinstance(message, str)
            log.append(json.loads(message))
    assert (ws.close_code, log[0]) == (1000, {"status": "ok"})
    *partial, final = log[1:]
    assert partial
    for event in log[1:]:
        assert list(event) == ["text", "begin_time", "end_time", "words", "is_sentence_end"]
        words = [found for found in map(WORD.fullmatch, event["words"]) if found]
        assert len(words) == len(event["words"]) > 0
        assert " ".join(word[3] for word in words).lower() == event["text"].lower().removesuffix(".")
        assert event["begin_time"] == int(words[0][1])
        times = [int(time) for word in words for time in (word[1], word[2])]
        assert times == sorted(times)
    assert all((event["end_time"], event["is_sentence_end"]) == (None, False) for event in partial)
    assert final["is_sentence_end"] is True
    assert final["end_time"] == int(WORD.fullmatch(final["words"][-1])[2])  # type: ignore[index]
    assert word_errors(TEXT, final["text"]) <= 0.4


def test_sentences_come_one_after_the_other(voice: SophNetVoice) -> None:
    said = ("We bought two green apples.", "He walked along the river.")
    talk = wav.unpack(voice.talk(*zip(("longcheng", "longxiaochun"), said, strict=True)))
    results = told(voice.sandbox, talk.pcm)
    final = [event for event in results if event["is_sentence_end"]]
    assert [word_errors(one, event["text"]) <= 0.4 for one, event in zip(said, final, strict=True)] == [True, True]
    times = [event[name] for event in final for name in ("begin_time", "end_time")]
    assert times == sorted(set(times))
    assert times[0] >= 0
    assert times[-1] <= talk.duration_ms
    second = results[results.index(final[0]) + 1]
    assert second["begin_time"] > final[0]["end_time"]


def encoded(sound: Sound, form: str) -> bytes:
    return speex_noise(sound.duration_ms) if form == "speex" else containers.encode(sound, form)


@pytest.mark.parametrize("form", ["pcm", "wav", "mp3", "opus", "speex", "aac", "amr"])
@pytest.mark.parametrize("step", [STEP, 100_000])
def test_all_formats_are_decoded_as_they_come(
    sandbox: Sandbox, recording: Sound, monkeypatch: pytest.MonkeyPatch, form: str, step: int
) -> None:
    heard: list[bytes] = []

    class Listening(Quick):
        def feed(self, pcm: bytes, *, partials: bool) -> list[Sentence]:
            heard.append(pcm)
            return super().feed(pcm, partials=partials)

    monkeypatch.setattr(hearing, "Recogniser", Listening)
    results = told(sandbox, encoded(recording, form), step, format=form)
    assert results[-1]["is_sentence_end"] is True
    assert len(b"".join(heard)) / 32 == pytest.approx(recording.duration_ms, abs=200)


def test_sound_at_another_sample_rate(sandbox: Sandbox, recording: Sound) -> None:
    for rate in (8000, 44_100):
        final = told(sandbox, containers.resampled(recording, rate).pcm, sample_rate=rate)[-1]
        assert final["is_sentence_end"]
        assert final["end_time"] == pytest.approx(recording.duration_ms, abs=400)


def test_an_odd_number_of_bytes_in_a_piece_changes_nothing(sandbox: Sandbox, recording: Sound) -> None:
    (plain,) = (event for event in told(sandbox, recording.pcm) if event["is_sentence_end"])
    (odd,) = (event for event in told(sandbox, recording.pcm, 3333) if event["is_sentence_end"])
    assert odd == plain


def test_silence_and_nothing_say_nothing(sandbox: Sandbox) -> None:
    assert told(sandbox, silence(500, 16_000).pcm) == []
    assert told(sandbox, b"") == []


def refused(sandbox: Sandbox, project: str | None = None, **query: Any) -> tuple[int | None, str | None]:
    with dial(sandbox, project, **query) as talk, pytest.raises(ConnectionClosedError):
        talk.recv()
    return talk.close_code, talk.close_reason


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"apikey": ...}, "the API key in apikey is missing or wrong"),
        ({"apikey": "wrong"}, "the API key in apikey is missing or wrong"),
        ({"easyllm_id": ...}, "easyllm_id is required"),
        ({"easyllm_id": "other"}, "easyllm_id not found"),
        ({"project": "other"}, "project not found"),
        ({"format": ...}, "pcm, wav, mp3, opus, speex, aac, amr"),
        ({"format": "flac"}, "pcm, wav, mp3, opus, speex, aac, amr"),
        ({"sample_rate": ...}, "sample_rate is required"),
        ({"sample_rate": "16k"}, "sample_rate is required"),
        ({"sample_rate": 0}, "sample_rate is required"),
        ({"sample_rate": -16000}, "sample_rate is required"),
        ({"heartbeat": ...}, "heartbeat is required, true or false"),
        ({"heartbeat": "True"}, "heartbeat is required, true or false"),
    ],
)
def test_what_the_document_refuses_closes_the_socket(sandbox: Sandbox, query: dict[str, Any], named: str) -> None:
    code, reason = refused(sandbox, **query)
    assert code == 1008
    assert reason is not None
    assert named in reason


def test_a_refusal_may_be_silent_or_an_http_error(sandbox: Sandbox) -> None:
    sandbox.variants.stream_refusal = "silent"
    with dial(sandbox, apikey="wrong") as talk:
        assert list(talk) == []
        assert (talk.close_code, talk.close_reason) == (1000, "")
    sandbox.variants.stream_refusal = "http"
    with pytest.raises(InvalidStatus) as caught:
        dial(sandbox, apikey="wrong")
    assert caught.value.response.status_code == 401
    assert json.loads(caught.value.response.body or b"")["status"] == 401


def test_the_path_without_project_needs_no_service_id(sandbox: Sandbox, recording: Sound, quick: None) -> None:
    with dial(sandbox, "", easyllm_id=...) as talk:
        assert json.loads(talk.recv()) == {"status": "ok"}
    assert refused(sandbox, "", easyllm_id="other")[0] == 1008


def test_how_words_are_written(sandbox: Sandbox, recording: Sound, quick: None) -> None:
    def words() -> Any:
        return told(sandbox, recording.pcm[16_000 : 16_000 + 2 * STEP])[-1].get("words", "absent")

    one = "Word(beginTime=0, endTime=90, text=w0, punctuation=, fixed=false)"
    two = "Word(beginTime=100, endTime=190, text=w1, punctuation=, fixed=false)"
    assert words() == [one, two]
    sandbox.variants.stream_words = "string"
    assert words() == f"[{one}, {two}]"
    sandbox.variants.stream_words = "objects"
    assert words()[1] == {"beginTime": 100, "endTime": 190, "text": "w1", "punctuation": "", "fixed": False}
    sandbox.variants.stream_words = "null"
    assert words() is None
    sandbox.variants.stream_words = "absent"
    assert words() == "absent"


def test_what_is_no_sound_ends_the_conversation(sandbox: Sandbox) -> None:
    with dial(sandbox, format="mp3") as talk:
        talk.recv()
        talk.send(b"hello " * 20_000)
        talk.send("BYE")
        with pytest.raises(ConnectionClosedError):
            talk.recv()
    assert talk.close_code == 1007


def test_leaving_without_goodbye(sandbox: Sandbox, recording: Sound, quick: None) -> None:
    for leave in (ClientConnection.close, lambda talk: talk.socket.close()):
        with dial(sandbox) as talk:
            talk.recv()
            talk.send(recording.pcm[16_000:20_000])
            talk.recv()
            leave(talk)
    (first, second) = sandbox.requests.to("stream-speech")
    assert first.wait(30)
    assert second.wait(30)


def test_other_texts_are_no_goodbye(sandbox: Sandbox, recording: Sound, quick: None) -> None:
    with dial(sandbox) as talk:
        talk.recv()
        talk.send("bye")
        talk.send(recording.pcm[16_000:20_000])
        assert json.loads(talk.recv())["is_sentence_end"] is False
        talk.send("BYE")
        assert json.loads(talk.recv())["is_sentence_end"] is True


LOUD = b"\1\1" * 800
QUIET = bytes(1600)
OVER = "no message for 60 s"


def said_slowly(sandbox: Sandbox, said: Iterable[str | bytes], **query: Any) -> tuple[int | None, str | None]:
    """Say one thing every ten seconds and then goodbye; tell how the conversation ended."""
    with dial(sandbox, **query) as talk, contextlib.suppress(ConnectionClosedError):
        for one in (*said, "BYE"):
            talk.send(one)
        for _ in talk:
            pass
    return talk.close_code, talk.close_reason


@pytest.mark.parametrize(
    ("heartbeat", "said", "end"),
    [
        ("false", [QUIET] * 20, (1008, OVER)),
        ("false", ([LOUD] + [QUIET] * 4) * 4, (1000, "")),
        ("false", ["no sound", QUIET] * 10, (1008, OVER)),
        ("true", [QUIET] * 20, (1000, "")),
        ("true", ([QUIET] + ["no sound"] * 4) * 4, (1000, "")),
        ("true", [QUIET, *["no sound"] * 6, QUIET], (1008, OVER)),
    ],
)
def test_what_keeps_the_socket_open(
    sandbox: Sandbox, quick: None, ten_seconds_a_message: Any, heartbeat: str, said: list[Any], end: tuple[int, str]
) -> None:
    """Without heartbeat silence does not."""
    assert said_slowly(sandbox, said, heartbeat=heartbeat) == end


def test_the_time_for_listening_is_not_counted(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, ten_seconds_a_message: Any
) -> None:
    class Slow(Quick):
        def feed(self, pcm: bytes, *, partials: bool) -> list[Sentence]:
            ten_seconds_a_message.now_s += 1000
            return []

    monkeypatch.setattr(hearing, "Recogniser", Slow)
    assert said_slowly(sandbox, [LOUD] * 4, heartbeat="false") == (1000, "")


def test_nothing_does_not_keep_the_socket_open(sandbox: Sandbox) -> None:
    sandbox._state.socket_idle_s = 0.3
    with dial(sandbox) as talk, pytest.raises(ConnectionClosedError):
        for _ in range(2):
            talk.recv(timeout=30)
    assert (talk.close_code, talk.close_reason) == (1008, "no message for 0.3 s")


def test_pings_are_answered_while_a_backlog_is_listened_to(
    sandbox: Sandbox, recording: Sound, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    class Busy(Quick):
        def feed(self, pcm: bytes, *, partials: bool) -> list[Sentence]:
            assert go_on.wait(30)
            return super().feed(pcm, partials=partials)

    monkeypatch.setattr(hearing, "Recogniser", Busy)
    with dial(sandbox) as talk:
        talk.recv()
        for piece in pieces(recording.pcm):
            talk.send(piece)
        assert talk.ping().wait(30)
        talk.send("BYE")
        go_on.set()
        assert json.loads(list(talk)[-1])["is_sentence_end"] is True


def test_sound_that_comes_faster_than_it_is_understood_is_told_with_fewer_steps(
    sandbox: Sandbox, recording: Sound
) -> None:
    hasty = hearing.Hearing("pcm", 16_000)
    told_hastily = [s for piece in pieces(recording.pcm) for s in hasty.feed(piece, is_live=False)] + hasty.finish()
    patient = hearing.Hearing("pcm", 16_000)
    told_patiently = [s for piece in pieces(recording.pcm) for s in patient.feed(piece)] + patient.finish()
    assert [s.is_final for s in told_hastily] == [False, True]
    assert len(told_patiently) > 2
    assert told_hastily[-1] == told_patiently[-1]


def test_faults_spoil_the_conversation(sandbox: Sandbox, recording: Sound, quick: None) -> None:
    sandbox.faults.add(path="stream-speech", cut_after_bytes=3 * STEP)
    with dial(sandbox) as talk, pytest.raises(ConnectionClosedError):
        for piece in pieces(recording.pcm):
            talk.send(piece)
        talk.send("BYE")
        for _ in talk:
            pass
    assert talk.close_code == 1006
    sandbox.faults.add(path="stream-speech", error_event={"status": 500, "message": "boom"}, error_after_events=1)
    with dial(sandbox) as talk:
        assert [json.loads(message) for message in talk] == [{"status": "ok"}, {"status": 500, "message": "boom"}]


def test_several_conversations_at_once(sandbox: Sandbox, recording: Sound) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(lambda _: told(sandbox, recording.pcm), range(3)))
    assert results[0] == results[1] == results[2]
    assert results[0][-1]["is_sentence_end"]


def test_half_an_hour_at_full_speed_in_bounded_memory(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence, so that it is the conversation that is measured and not the recogniser."""
    import tracemalloc

    fed: list[int] = []
    real = recognition.Recogniser.feed

    def feed(self: recognition.Recogniser, pcm: bytes, *, partials: bool) -> list[Sentence]:
        fed.append(len(pcm))
        return real(self, pcm, partials=partials)

    monkeypatch.setattr(recognition.Recogniser, "feed", feed)
    monkeypatch.setattr(inbox, "MAX_BACKLOG_BYTES", 2**20)
    monkeypatch.setattr(record, "MAX_MESSAGE_BYTES", 2**20)
    sandbox.requests.clear()
    second = silence(1000, 16_000).pcm
    tracemalloc.start()
    try:
        with dial(sandbox) as talk:
            talk.recv()
            for _ in range(30 * 60):
                talk.send(second)
            talk.send("BYE")
            assert list(talk) == []
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sum(fed) == 30 * 60 * len(second)
    assert peak < 30 * 2**20  # of 57 that were sent
