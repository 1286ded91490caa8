"""SophNet's speech between client and sandbox, which share no code: every route, every variant, and drops."""

from __future__ import annotations

import io
import itertools
import random
import statistics
import wave
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from maaskit import (
    APIError,
    AsyncClient,
    AuthenticationFailed,
    Client,
    InvalidInput,
    Media,
    NotFound,
    SessionError,
    SophNet,
    StreamInterrupted,
)
from maaskit.sandbox import Sandbox
from maaskit.sophnet import speech, transcription, transcription_stream, voices
from maaskit.sophnet.transcription import Transcript
from maaskit.transcript import Utterance
from tests.sandbox.engines.sentences import word_errors
from tests.talking import Face

WAV, MP3, PCM = "WAV_16000HZ_MONO_16BIT", "MP3_16000HZ_MONO_128KBPS", "PCM_16000HZ_MONO_16BIT"
WHO = ("the doctor", "the farmer", "the old man", "every child", "the student")
DOES = ("lost", "wanted", "found", "opened")
WHAT = ("some fresh bread", "the broken chair", "a small house", "an interesting story")
PAUSE = bytes(19_200)  # 0.6 s


def sentences(count: int, seed: int = 1) -> list[str]:
    chance = random.Random(seed)  # noqa: S311 - sentences, not secrets
    return [" ".join(chance.choice(part) for part in (WHO, DOES, WHAT)) for _ in range(count)]


SAID = sentences(6)


def cloud(sandbox: Sandbox, **ids: Any) -> SophNet:
    told = {"project_id": sandbox.project_id, "easyllm_id": sandbox.easyllm_id, "api_key": sandbox.api_key} | ids
    return SophNet(base_url=sandbox.sophnet_url, **told)


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[Client]:
    with Client(cloud(sandbox), timeout=120, max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def spoken(running_sandbox: Sandbox) -> list[bytes]:
    """Speak the sentences, as samples, each with a pause behind it."""
    with Client(cloud(running_sandbox), timeout=60) as client:
        return [sound.audio + PAUSE for sound in client.map([speech.synthesize(one, format=PCM) for one in SAID], 2)]


def wav_of(*parts: bytes) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, 16000, 0, "NONE", ""))
        writer.writeframes(b"".join(parts))
    return file.getvalue()


def played(audio: bytes) -> tuple[float, int]:
    """Give seconds, and the loudest sample."""
    with wave.open(io.BytesIO(audio)) as reader:
        samples = reader.readframes(reader.getnframes())
        return reader.getnframes() / reader.getframerate(), max(memoryview(samples).cast("h"))


def median_errors(said: Sequence[str], heard: Sequence[str]) -> float:
    assert len(said) == len(heard), heard
    return statistics.median(word_errors(*pair) for pair in zip(said, heard, strict=True))


def texts(transcript: Transcript) -> list[str]:
    return [segment.text for segment in transcript.segments]


# --- speaking ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["cosyvoice-v1", "cosyvoice-v2"])
@pytest.mark.parametrize(
    ("form", "kind"), [(None, "audio/mpeg"), (MP3, "audio/mpeg"), (WAV, "audio/wav"), (PCM, "audio/L16")]
)
def test_speech_whole(client: Client, model: str, form: str | None, kind: str) -> None:
    said = client.send(speech.synthesize(["你好。", "Open the window."], model=model, format=form, speech_rate=1.2))
    assert (said.content_type, said.format) == (kind, form)
    assert len(said.audio) > 8000
    if form == WAV:
        seconds, loudest = played(said.audio)
        assert 0.5 < seconds < 6
        assert loudest > 1000


@pytest.mark.parametrize(
    "variants",
    [
        {},
        {"audio_frame": "object"},
        {"audio_frame": "data", "empty_frames": True},
        {"speech_finish": "with_audio", "sse_prefix": "space", "newline": "crlf", "comments": True},
        {"speech_wav_size": "unknown", "sse_prefix": "bare"},
        {"done": "sent", "blank_lines": False},
    ],
)
def test_speech_in_pieces_is_the_whole_one_in_every_variant(
    sandbox: Sandbox, client: Client, variants: dict[str, Any]
) -> None:
    for name, value in variants.items():
        setattr(sandbox.variants, name, value)
    texts = ["Please open the window.", "And close the door."]
    with client.stream(speech.synthesize_stream(texts, format=WAV)) as stream:
        frames = list(stream)
    assert sum(bool(frame.audio) for frame in frames) > 2
    said = speech.joined(frames, WAV)
    assert said.characters == sum(map(len, texts))
    seconds, loudest = played(said.audio)
    assert 1 < seconds < 6
    assert loudest > 1000
    whole = client.send(speech.synthesize(texts, format=WAV)).audio
    # A stream that does not know its length is made sentence by sentence, each rounded to a whole sample.
    assert len(said.audio) == pytest.approx(len(whole), abs=2 * len(texts))
    assert "unknown" in variants.values() or said.audio == whole


def test_speech_under_faults(sandbox: Sandbox, client: Client) -> None:
    sandbox.faults.add(path="synthesize-audio-stream", cut_after_events=2)
    with pytest.raises(StreamInterrupted) as caught:
        list(client.stream(speech.synthesize_stream("Please open the window.", format=WAV)))
    assert len(caught.value.partial) == 2
    with pytest.raises(APIError):
        client.send(speech.synthesize("x", voice="nobody-of-this-name"))
    with (
        Client(cloud(sandbox, api_key="wrong"), max_retries=0) as stranger,
        pytest.raises(AuthenticationFailed),
    ):
        stranger.send(speech.synthesize("x"))


# --- voices --------------------------------------------------------------------------------------------------------


def test_voices_are_made_found_used_and_removed(client: Client, spoken: list[bytes]) -> None:
    recording = Media(data=wav_of(*spoken[:3]), name="我的.wav")
    made = [
        client.send(voices.create(recording, prompt_text=SAID[0], name=name, des=des, model=model))
        for name, des, model in (
            ("甲", "one", "cosyvoice-v1"),
            ("甲", None, "cosyvoice-v1"),
            (None, None, "cosyvoice-v2"),
        )
    ]
    listed = {voice.voice_id: voice for voice in client.send(voices.list_voices())}
    assert len({voice.voice_id for voice in made}) == 3
    for voice, (name, des, model) in zip(
        made, (("甲", "one", "cosyvoice-v1"), ("甲", None, "cosyvoice-v1"), (None, None, "cosyvoice-v2")), strict=True
    ):
        assert listed[voice.voice_id] == voice
        assert voice.model == model
        assert name is None or voice.name == name
        assert des is None or voice.des == des
        sound = client.send(speech.synthesize("Hello.", model=model, voice=voice.voice_id, format=WAV)).audio
        assert played(sound)[0] > 0.2
    for voice in made:
        client.send(voices.delete(voice.voice_id, model=voice.model or ""))
    assert not {voice.voice_id for voice in client.send(voices.list_voices())} & listed.keys()
    with pytest.raises((APIError, NotFound)):
        client.send(voices.delete(made[0].voice_id))


def test_the_sandbox_refuses_what_the_client_cannot_know(client: Client) -> None:
    # Of an MP3 only the service knows how long it plays.
    long = client.send(speech.synthesize("This goes on. " * 60, format=MP3)).audio
    with pytest.raises(APIError, match="60"):
        client.send(voices.create(long, prompt_text="This goes on."))


# --- writing down --------------------------------------------------------------------------------------------------


def test_an_uploaded_recording_is_written_down(client: Client, spoken: list[bytes]) -> None:
    words = []
    said = client.wait(transcription.transcribe(Media(data=wav_of(*spoken[:3]), name="a.wav")), words.append)
    assert median_errors(SAID[:3], texts(said)) <= 0.3
    assert said.text.splitlines() == texts(said)
    assert all(one.begin_ms < one.end_ms for one in said.segments)
    assert words[0].word == ""
    assert words[-1].word == "success"
    # And again, in another process as it were.
    assert client.wait(transcription.resume(words[0].task_id)) == said


def test_a_recording_by_url_is_written_down(sandbox: Sandbox, client: Client, spoken: list[bytes]) -> None:
    url = sandbox._state.keep(wav_of(*spoken[3:]), "audio/wav")
    assert median_errors(SAID[3:], texts(client.wait(transcription.transcribe(url)))) <= 0.3


def test_a_recording_is_written_down_at_once(sandbox: Sandbox, client: Client, spoken: list[bytes]) -> None:
    url = sandbox._state.keep(wav_of(*spoken[1:4]), "audio/wav")
    said = client.send(transcription.transcribe_sync(url, sample_rate=16000, format="wav"))
    assert median_errors(SAID[1:4], said.text.removesuffix(".").split(". ")) <= 0.3
    assert said.duration_s == pytest.approx(sum(map(len, spoken[1:4])) / 32000, abs=0.05)


@pytest.mark.parametrize(
    "variants",
    [
        {"transcription_id": "task_id", "transcription_id_type": "number"},
        {"transcription_id": "taskId", "transcription_nesting": "result", "transcription_duration": True},
        {"transcription_result": "transcripts", "transcription_nesting": "data", "transcription_id": "id"},
        {"transcription_result": "plain", "transcription_nesting": "output"},
        {"transcription_nesting": "bare_id"},
    ],
)
def test_every_variant_of_a_task_is_read(
    sandbox: Sandbox, client: Client, spoken: list[bytes], variants: dict[str, Any]
) -> None:
    for name, value in variants.items():
        setattr(sandbox.variants, name, value)
    said = client.wait(transcription.transcribe(Media(data=wav_of(spoken[0]), name="a.wav")))
    assert word_errors(SAID[0], said.text) <= 0.5
    assert (said.duration_s is not None) is sandbox.variants.transcription_duration


def test_an_unknown_task_is_told_the_24_hours(client: Client) -> None:
    with pytest.raises(APIError, match="keeps a transcription for 24 hours"):
        client.wait(transcription.resume("99999999999"))


# --- listening -----------------------------------------------------------------------------------------------------


def listened(kind: Any, sandbox: Sandbox, audio: bytes, **settings: Any) -> list[Utterance]:
    face = Face(kind, cloud(sandbox), timeout=120)
    with face.connect(transcription_stream.listen(**settings)) as talk:
        talk.feed([audio[at : at + 16_000] for at in range(0, len(audio), 16_000)])
        return talk.rest()


def final(heard: list[Utterance]) -> list[str]:
    return [one.text for one in heard if one.is_final]


@pytest.mark.parametrize("kind", [Client, AsyncClient], ids=["sync", "async"])
def test_live_audio_is_heard_and_five_drops_lose_no_word(kind: Any, sandbox: Sandbox, spoken: list[bytes]) -> None:
    count = 6 if kind is AsyncClient else 3
    audio = b"".join(spoken[:count])
    heard = listened(kind, sandbox, audio)
    assert median_errors(SAID[:count], final(heard)) <= 0.3
    sandbox.faults.add(path="stream-speech", cut_after_events=3 if count == 6 else 1, times=5)
    before = len(sandbox.requests)
    again = listened(kind, sandbox, audio, resume=True)
    assert len(sandbox.requests) - before == 6
    assert final(again) == final(heard)
    times = [(one.begin_ms, one.end_ms) for one in again if one.is_final]
    for (begin, end), (begin_before, end_before) in zip(
        times, ((one.begin_ms, one.end_ms) for one in heard if one.is_final), strict=True
    ):
        assert begin == pytest.approx(begin_before, abs=150)
        assert end == pytest.approx(end_before, abs=150)


@pytest.mark.parametrize("words", ["string", "objects", "null", "absent"])
def test_words_are_read_in_every_variant(sandbox: Sandbox, spoken: list[bytes], words: Any) -> None:
    sandbox.variants.stream_words = words
    (last,) = [one for one in listened(Client, sandbox, spoken[1]) if one.is_final]
    assert bool(last.words) is (words in ("string", "objects"))
    if last.words:
        assert " ".join(word.text for word in last.words).lower() == last.text.lower().rstrip(".")
        assert last.words[0].begin_ms == last.begin_ms


@pytest.mark.parametrize("refusal", ["reason", "silent", "http"])
def test_a_refused_conversation_is_an_error(sandbox: Sandbox, refusal: Any) -> None:
    sandbox.variants.stream_refusal = refusal
    face = Face(Client, cloud(sandbox, api_key="a-wrong-key"), timeout=60)
    with (
        pytest.raises((SessionError, APIError)) as caught,
        face.connect(transcription_stream.listen()) as talk,
    ):
        talk.rest()
    assert "a-wrong-key" not in str(caught.value)
    assert refusal == "http" or "never said ok" in str(caught.value)


def test_what_comes_twice_or_makes_no_sense_is_no_word_more(sandbox: Sandbox, spoken: list[bytes]) -> None:
    sandbox.faults.add(path="stream-speech", duplicate_events=True, garbage=True)
    (heard,) = final(listened(Client, sandbox, spoken[1]))
    assert word_errors(SAID[1], heard) <= 0.5
    sandbox.faults.add(path="stream-speech", error_event={"status": 1003, "message": "out of balance"})
    with pytest.raises(SessionError, match="out of balance"):
        listened(Client, sandbox, spoken[1])


def test_other_forms_and_rates_are_heard(sandbox: Sandbox, client: Client) -> None:
    for form, rate in (("mp3", 16000), ("wav", 22050)):
        name = f"{form.upper()}_{rate}HZ_MONO_{'128KBPS' if form == 'mp3' else '16BIT'}"
        audio = client.send(speech.synthesize(SAID[1], format=name)).audio
        heard = final(listened(Client, sandbox, audio, format=form, sample_rate=rate))
        assert word_errors(SAID[1], " ".join(heard)) <= 0.67


def test_a_paced_recording_is_heard(sandbox: Sandbox, client: Client, spoken: list[bytes]) -> None:
    with client.connect(transcription_stream.listen()) as talk:
        pieces = transcription_stream.pieces(spoken[0], piece_ms=100)
        heard = list(talk.feed(itertools.islice(pieces, 12), paced=True))
    assert heard
    with pytest.raises(InvalidInput):
        transcription_stream.pieces(b"ID3")
