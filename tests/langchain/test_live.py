"""The streaming transcribers of both clouds: live audio in, utterances out; and what goes wrong on the way."""

from __future__ import annotations

import asyncio
import copy
import gc
import io
import pickle
import resource
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.exceptions import ModelError, ModelInvalidRequestError, ModelTimeoutError
from langchain_core.runnables import Runnable, RunnableLambda

from maaskit import AuthenticationFailed, ConfigurationError, InvalidInput, Media, SessionError, SessionTimedOut
from maaskit.langchain import QiniuStreamingTranscriber, SophNetStreamingTranscriber
from maaskit.transcript import Utterance, Word
from tests.scripted import ScriptedServer, json_reply
from tests.scripted_listener import Listener
from tests.scripted_recogniser import Recogniser, recording, wav_of, words
from tests.scripted_socket import ScriptedSocket
from tests.waiting import until_threads_end

KEY = "sk-live-0123"

Hear = Callable[..., list[Utterance]]


@pytest.fixture
def server() -> Iterator[ScriptedSocket]:
    server = ScriptedSocket()
    yield server
    server.close()
    assert server.errors == []


class Cloud:
    """One cloud's transcriber and recogniser."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_qiniu = name == "qiniu"
        self.kind: Any = QiniuStreamingTranscriber if self.is_qiniu else SophNetStreamingTranscriber

    def transcriber(self, server: ScriptedSocket | ScriptedServer, **settings: Any) -> Any:
        told: dict[str, Any] = {"api_key": KEY, "timeout": 30, "max_retries": 0}
        if self.is_qiniu:
            return self.kind(base_url=server.url + "/v1", **told | {"segment_ms": 100} | settings)
        return self.kind(**{"base_url": server.url, "project_id": "P1", "easyllm_id": "E1"} | told | settings)

    def recogniser(self, **settings: Any) -> Any:
        return Recogniser(**settings) if self.is_qiniu else Listener(hears_zero=True, **settings)


@pytest.fixture(params=["qiniu", "sophnet"])
def cloud(request: pytest.FixtureRequest) -> Cloud:
    return Cloud(request.param)


def cut(audio: bytes, size: int = 1111) -> list[bytes]:
    return [audio[start : start + size] for start in range(0, len(audio), size)]


async def played(chunks: Any) -> AsyncIterator[Any]:
    for chunk in chunks:
        await asyncio.sleep(0)
        yield chunk


@pytest.fixture(params=["sync", "async"])
def hear(request: pytest.FixtureRequest) -> Hear:
    """Hear chunks to the end, either way."""

    def run(live: Any, chunks: Any, into: list[Utterance] | None = None) -> list[Utterance]:
        heard: list[Utterance] = [] if into is None else into

        async def main() -> None:
            async for utterance in live.atransform(played(chunks)):
                heard.append(utterance)  # noqa: PERF401 - what came before an error counts

        if request.param == "sync":
            heard.extend(live.transform(iter(chunks)))
        else:
            asyncio.run(main())
        return heard

    return run


@pytest.fixture(params=["sync", "async"])
def ask(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Hear a whole recording, either way."""

    def run(live: Runnable[Any, Any], audio: Any) -> Any:
        return live.invoke(audio) if request.param == "sync" else asyncio.run(live.ainvoke(audio))

    return run


def finals(heard: list[Utterance]) -> list[tuple[str, int | None, int | None]]:
    return [(one.text, one.begin_ms, one.end_ms) for one in heard if one.is_final]


def said(count: int) -> list[tuple[str, int, int]]:
    return [(words(at, min(at + 10, count)), at * 100, min(at + 10, count) * 100) for at in range(0, count, 10)]


def all_left(server: ScriptedSocket, connections: int = 1) -> bool:
    return all(server.ended.acquire(timeout=30) for _ in range(connections))


def test_it_is_a_runnable_that_hears_live_audio(cloud: Cloud, server: ScriptedSocket, hear: Hear) -> None:
    server.script(recogniser := cloud.recogniser())
    live = cloud.transcriber(server)
    assert isinstance(live, Runnable)
    heard = hear(live, cut(recording(25)))
    assert finals(heard) == said(25)
    assert any(not one.is_final for one in heard)
    assert heard[-1].words[0] == Word("w20", 2000, 2100)
    assert recogniser.audio == [recording(25)]
    if cloud.is_qiniu:
        assert recogniser.configs[0]["audio"]["sample_rate"] == 16000
        assert (server.paths, server.headers[0]["authorization"]) == (["/v1/voice/asr"], f"Bearer {KEY}")
    else:
        query = {"format": "pcm", "sample_rate": "16000", "heartbeat": "true", "easyllm_id": "E1", "apikey": KEY}
        assert recogniser.queries == [query]
        assert recogniser.goodbyes == ["BYE"]


def test_utterances_come_while_the_audio_is_still_spoken(cloud: Cloud, server: ScriptedSocket) -> None:
    server.script(cloud.recogniser())
    heard_first = threading.Event()

    def speaking() -> Iterator[bytes]:
        yield recording(3)
        assert heard_first.wait(30), "nothing was heard before the end of the audio"
        yield recording(2)

    heard = cloud.transcriber(server).transform(speaking())
    assert next(heard).text.startswith("w0")
    heard_first.set()
    assert list(heard)[-1].is_final


@pytest.mark.parametrize("as_path", ["path", "text", "bytes", "samples", "file", "media", "pieces"])
def test_a_whole_recording_gives_its_final_utterances(
    cloud: Cloud, server: ScriptedSocket, ask: Callable[..., Any], tmp_path: Path, as_path: str
) -> None:
    server.script(recogniser := cloud.recogniser())
    file = tmp_path / "会议.wav"
    file.write_bytes(wav_of(recording(12)))
    audio = {
        "path": file,
        "text": str(file),
        "bytes": file.read_bytes(),
        "samples": recording(12),
        "file": io.BytesIO(file.read_bytes()),
        "media": Media(path=file),
        "pieces": cut(recording(12)),
    }[as_path]
    heard = ask(cloud.transcriber(server), audio)
    assert isinstance(heard, list)
    assert finals(heard) == said(12)
    assert recogniser.audio == [recording(12)]


def test_a_recording_can_be_streamed(cloud: Cloud, server: ScriptedSocket, tmp_path: Path) -> None:
    server.script(cloud.recogniser())
    (tmp_path / "a.pcm").write_bytes(recording(12))
    live = cloud.transcriber(server)
    assert finals(list(live.stream(tmp_path / "a.pcm"))) == said(12)

    async def main() -> list[Utterance]:
        return [one async for one in live.astream(tmp_path / "a.pcm")]

    assert finals(asyncio.run(main())) == said(12)


@pytest.mark.parametrize("settings", [{"format": "wav"}, {"format": "wav", "resume": True}, {}])
def test_the_header_of_a_wav_is_taken_off(
    cloud: Cloud, server: ScriptedSocket, hear: Hear, settings: dict[str, Any]
) -> None:
    if not cloud.is_qiniu and settings == {"format": "wav"}:
        settings = {"format": "wav", "paced": True}  # else the service reads the WAV itself
    server.script(recogniser := cloud.recogniser())
    size = 7 if "resume" in settings else 1000  # without a word about it, a header is noticed when it comes whole
    assert finals(hear(cloud.transcriber(server, **settings), cut(wav_of(recording(3)), size))) == said(3)
    assert recogniser.audio == [recording(3)]


@pytest.mark.parametrize("form", ["wav", "mp3", "opus", "speex", "aac", "amr"])
@pytest.mark.parametrize("as_path", [False, True])
def test_sophnet_takes_other_forms_as_they_are(
    server: ScriptedSocket, ask: Callable[..., Any], tmp_path: Path, form: str, as_path: bool
) -> None:
    cloud = Cloud("sophnet")
    server.script(recogniser := cloud.recogniser())
    whole = wav_of(recording(5)) if form == "wav" else b"#!any bytes" + recording(5)
    (tmp_path / f"a.{form}").write_bytes(whole)
    ask(cloud.transcriber(server, format=form, sample_rate=8000), tmp_path / f"a.{form}" if as_path else cut(whole))
    assert recogniser.audio == [whole]
    assert (recogniser.queries[0]["format"], recogniser.queries[0]["sample_rate"]) == (form, "8000")


def test_it_works_within_chains(cloud: Cloud, server: ScriptedSocket, tmp_path: Path) -> None:
    server.script(cloud.recogniser())
    (tmp_path / "a.wav").write_bytes(wav_of(recording(12)))
    live = cloud.transcriber(server)
    text = live | RunnableLambda(lambda heard: " ".join(one.text for one in heard))
    assert text.invoke(tmp_path / "a.wav") == words(0, 12)
    assert asyncio.run(text.ainvoke(tmp_path / "a.wav")) == words(0, 12)
    # A chain that streams adds up what the transcriber says before a plain function gets it.
    assert list(text.stream(tmp_path / "a.wav")) == [words(0, 12)]
    assert list(text.stream(recording(1))) == [words(0, 1)]

    async def streamed() -> list[str]:
        return [part async for part in text.astream(tmp_path / "a.wav")]

    assert asyncio.run(streamed()) == [words(0, 12)]
    assert [finals(one) for one in live.batch([str(tmp_path / "a.wav")] * 2)] == [said(12)] * 2

    def upper(heard: Iterator[Utterance]) -> Iterator[str]:
        for one in heard:
            yield one.text.upper()

    assert list((live | upper).stream(tmp_path / "a.wav"))[-1] == words(10, 12).upper()


# What goes wrong.


def test_an_error_of_the_producer_is_raised_as_it_is(cloud: Cloud, server: ScriptedSocket, hear: Hear) -> None:
    server.script(cloud.recogniser())

    def broken() -> Iterator[bytes]:
        yield recording(3)
        raise ZeroDivisionError("the microphone fell down")

    with pytest.raises(ZeroDivisionError, match="microphone"):
        hear(cloud.transcriber(server), broken())
    assert all_left(server)


@pytest.mark.parametrize("wrong", [7, None, "no-such-file.wav", ["bytes"]])
def test_what_is_no_audio_is_refused(cloud: Cloud, server: ScriptedSocket, hear: Hear, wrong: Any) -> None:
    server.script(cloud.recogniser())
    with pytest.raises(InvalidInput) as caught:
        hear(cloud.transcriber(server), [recording(1), wrong])
    assert isinstance(caught.value, ModelInvalidRequestError)
    assert all_left(server)


def test_a_wav_of_another_kind_or_without_samples_is_refused(cloud: Cloud, server: ScriptedSocket, hear: Hear) -> None:
    server.script(cloud.recogniser())
    with pytest.raises(InvalidInput, match="8000 Hz"):
        hear(cloud.transcriber(server), [wav_of(recording(1), 8000)])
    with pytest.raises(InvalidInput, match="ended before its samples"):
        hear(cloud.transcriber(server, format="wav", resume=True), [wav_of(recording(1))[:30]])
    assert all_left(server, 2)


def test_a_recording_is_no_iterator_of_pieces(cloud: Cloud, server: ScriptedSocket) -> None:
    live = cloud.transcriber(server)
    with pytest.raises(InvalidInput, match="invoke"):
        list(live.transform(recording(1)))  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="audio must be a path"):
        live.invoke(7)
    with pytest.raises(InvalidInput, match="empty"):
        live.invoke(b"")
    with pytest.raises(InvalidInput, match="transcribe"):
        live.invoke("https://example.com/a.wav")


def test_who_stops_reading_closes_the_socket(cloud: Cloud, server: ScriptedSocket) -> None:
    server.script(cloud.recogniser())

    def endless() -> Iterator[bytes]:
        while True:
            yield recording(1)

    heard = cloud.transcriber(server).transform(endless())
    next(heard)
    heard.close()  # type: ignore[attr-defined]
    assert all_left(server)
    until_threads_end("maaskit-feed")  # who asks the producer


async def test_who_stops_reading_closes_the_socket_and_the_producer(cloud: Cloud, server: ScriptedSocket) -> None:
    server.script(cloud.recogniser())
    closed = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                await asyncio.sleep(0)
                yield recording(1)
        finally:
            closed.set()

    heard = cloud.transcriber(server).atransform(endless())
    await anext(heard)
    await heard.aclose()
    assert await asyncio.to_thread(all_left, server)
    await asyncio.wait_for(closed.wait(), 30)


async def test_a_cancelled_task_closes_its_socket(cloud: Cloud, server: ScriptedSocket) -> None:
    server.script(recogniser := cloud.recogniser(stall_after=1))

    async def waiting() -> AsyncIterator[bytes]:
        yield recording(2)
        await asyncio.Event().wait()

    async def main() -> None:
        async for _ in cloud.transcriber(server).atransform(waiting()):
            pass

    task = asyncio.create_task(main())
    assert await asyncio.to_thread(recogniser.heard_something.wait, 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 30)
    assert await asyncio.to_thread(all_left, server)


def test_a_dropped_socket_is_an_error_that_keeps_what_came(cloud: Cloud, server: ScriptedSocket, hear: Hear) -> None:
    server.script(cloud.recogniser(drop_after=12, drops=1))
    heard: list[Utterance] = []

    def slowly() -> Iterator[bytes]:
        for piece in cut(recording(30), 3200):
            time.sleep(0.005)
            yield piece

    with pytest.raises(SessionError) as caught:
        hear(cloud.transcriber(server), slowly(), heard)
    assert isinstance(caught.value, ModelError)
    assert finals(heard)[:1] in ([], said(30)[:1])


def test_resume_loses_and_doubles_no_word(cloud: Cloud, server: ScriptedSocket, hear: Hear) -> None:
    server.script(cloud.recogniser(drop_after=14, drops=5))
    assert finals(hear(cloud.transcriber(server, resume=True), cut(recording(95)))) == said(95)
    assert len(server.paths) == 6


def test_a_stalled_recogniser_is_an_error(cloud: Cloud, server: ScriptedSocket, hear: Hear) -> None:
    server.script(cloud.recogniser(stall_after=2))
    with pytest.raises(SessionTimedOut) as caught:
        hear(cloud.transcriber(server, timeout=2), cut(recording(5)))
    assert isinstance(caught.value, ModelTimeoutError)
    assert all_left(server)


def test_a_refused_key_is_an_error(cloud: Cloud, scripted: ScriptedServer, hear: Hear) -> None:
    scripted.script(json_reply({"error": {"message": "invalid key"}}, 401))
    with pytest.raises(AuthenticationFailed) as caught:
        hear(cloud.transcriber(scripted), [recording(1)])
    assert isinstance(caught.value, ModelError)
    assert KEY not in str(caught.value)


def test_half_an_hour_stays_small(cloud: Cloud, server: ScriptedSocket, hear: Hear) -> None:
    seconds = 1800
    sizes: list[int] = []

    def spoken() -> Iterator[bytes]:
        for number in range(seconds):
            if number % 100 == 0:
                sizes.append(int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize())
            yield bytes(32000)

    def swallow(connection: Any) -> None:
        from tests.scripted_recogniser import _frame

        while True:
            frame = connection.recv()
            if frame[1] & 2:
                connection.send(_frame({"result": {"text": "done"}}, -1, last=True))
                connection.recv()
                return

    def swallow_all(connection: Any) -> None:
        connection.send('{"status": "ok"}')
        while connection.recv() != "BYE":
            pass
        connection.send('{"text": "done", "begin_time": 0, "end_time": 1, "is_sentence_end": true}')

    server.script(swallow if cloud.is_qiniu else swallow_all)
    heard = hear(cloud.transcriber(server, **({"segment_ms": 300} if cloud.is_qiniu else {})), spoken())
    assert [one.text for one in heard] == ["done"]
    assert max(sizes) - sizes[0] < 24 * 1024 * 1024, f"of {seconds * 32000} bytes of audio"


# Settings.


@pytest.mark.parametrize(
    ("name", "settings", "why"),
    [
        ("qiniu", {"format": "mp3"}, "format must be one of pcm, wav"),
        ("qiniu", {"sample_rate": 8000}, "sample_rate must be 16000"),
        ("qiniu", {"segment_ms": 20}, "segment_ms"),
        ("qiniu", {"resume": "yes"}, "resume must be"),
        ("qiniu", {"enable_punc": "yes"}, "enable_punc must be"),
        ("qiniu", {"timeout": -1}, "timeout"),
        ("sophnet", {"format": "flac"}, "format must be one of pcm, wav, mp3, opus, speex, aac, amr"),
        ("sophnet", {"sample_rate": 0}, "sample_rate must be"),
        ("sophnet", {"heartbeat": "yes"}, "heartbeat must be"),
        ("sophnet", {"format": "mp3", "resume": True}, "resume=True needs format='pcm'"),
        ("sophnet", {"format": "mp3", "paced": True}, "paced=True needs format='pcm' or 'wav'"),
        ("sophnet", {"timeout": -1}, "timeout"),
    ],
)
def test_settings_are_refused_at_once(name: str, settings: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidInput, match=why) as caught:
        Cloud(name).kind(api_key=KEY, **settings)
    assert isinstance(caught.value, ModelError)


def test_a_missing_key_or_id_names_its_variable(cloud: Cloud, server: ScriptedSocket, hear: Hear) -> None:
    with pytest.raises(ConfigurationError, match=f"{cloud.name.upper()}_API_KEY"):
        cloud.kind()
    if not cloud.is_qiniu:
        with pytest.raises(ConfigurationError, match="SOPHNET_SPEECH_TO_TEXT_EASYLLM_ID"):
            hear(cloud.transcriber(server, easyllm_id=None), [recording(1)])


def test_it_shows_no_key_and_survives_copies(cloud: Cloud, server: ScriptedSocket, hear: Hear) -> None:
    server.script(cloud.recogniser())
    live = cloud.transcriber(server, **({"enable_punc": False} if cloud.is_qiniu else {"heartbeat": False}))
    assert KEY not in repr(live) + str(live)
    for other in (copy.deepcopy(live), pickle.loads(pickle.dumps(live))):  # noqa: S301 - our own
        assert finals(hear(other, [recording(2)])) == said(2)


def test_a_forgotten_generator_closes_its_socket(cloud: Cloud, server: ScriptedSocket) -> None:
    server.script(cloud.recogniser())
    heard = cloud.transcriber(server).transform(iter(cut(recording(50))))
    next(heard)
    del heard
    gc.collect()
    assert all_left(server)


def test_importing_it_loads_no_socket_library() -> None:
    code = (
        "import sys; from maaskit.langchain import QiniuStreamingTranscriber, SophNetStreamingTranscriber; "
        "assert not {'websockets', 'httpx', 'qiniu', 'llama_index'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": "integrations"}, timeout=60)  # noqa: S603
