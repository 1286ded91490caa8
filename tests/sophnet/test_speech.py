"""SophNet's text to voice: the document's samples, whole and piece by piece, and every form in which sound comes."""

from __future__ import annotations

import base64
import io
import json
import wave
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maaskit import (
    APIError,
    ConfigurationError,
    InvalidInput,
    MaasError,
    RateLimited,
    StreamInterrupted,
    UnexpectedAnswer,
)
from maaskit.sophnet import speech_frames
from maaskit.sophnet.speech import Speech, SpeechFrame, joined, synthesize, synthesize_stream
from maaskit.sophnet.speech_frames import SpeechReader
from maaskit.wire import Response
from tests.scripted import Reply, ScriptedServer, json_reply, sse_reply

Send = Callable[..., Any]

WAV, MP3, PCM = "WAV_16000HZ_MONO_16BIT", "MP3_16000HZ_MONO_128KBPS", "PCM_16000HZ_MONO_16BIT"
SETTINGS = {"voice": "longxiaochun", "format": WAV, "volume": 80, "speech_rate": 1.2, "pitch_rate": 1.0}
SAMPLE = {
    "easyllm_id": "E1",
    "text": ["这是要合成的文本", "第二段文本"],
    "synthesis_param": {
        "model": "cosyvoice-v1",
        "voice": "longxiaochun",
        "format": WAV,
        "volume": 80,
        "speechRate": 1.2,
        "pitchRate": 1.0,
    },
}
MPEG = b"ID3\x04\0\0\0\0\0\0" + bytes(range(256)) * 4


def wav(samples: bytes = b"\x01\x02" * 800, rate: int = 16000) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, rate, 0, "NONE", ""))
        writer.writeframes(samples)
    return file.getvalue()


def played(audio: bytes) -> tuple[int, bytes]:
    with wave.open(io.BytesIO(audio)) as reader:
        return reader.getframerate(), reader.readframes(reader.getnframes())


def sound(body: bytes, kind: str = "audio/mpeg", status: int = 200) -> Reply:
    return Reply(status, {"content-type": kind}, [body])


def piece(audio: bytes | None, status: str = "accepting", characters: int | None = None) -> dict[str, Any]:
    """Write an event as the document's sample does."""
    frame = None if audio is None else base64.b64encode(audio).decode()
    return {"status": status, "usage": characters and {"characters": characters}, "audioFrame": frame}


def events(*pieces: Any, **options: Any) -> Reply:
    return sse_reply(*pieces, space=False, done=False, **options)


# --- the request ---------------------------------------------------------------------------------------------------


def test_the_sample_goes_out_whole_as_documented(send: Send, scripted: ScriptedServer) -> None:
    scripted.script(sound(MPEG))
    said = send(synthesize(["这是要合成的文本", "第二段文本"], **SETTINGS))
    (seen,) = scripted.seen
    assert (seen.method, seen.path) == ("POST", "/projects/P1/easyllms/voice/synthesize-audio")
    assert seen.headers["authorization"] == "Bearer k"
    assert seen.json == SAMPLE
    assert said.audio == MPEG


def test_the_sample_goes_out_as_a_stream_as_documented(send: Send, scripted: ScriptedServer) -> None:
    scripted.script(events(piece(MPEG), piece(None, "finish", 14)))
    frames = send(synthesize_stream(["这是要合成的文本", "第二段文本"], **SETTINGS))
    (seen,) = scripted.seen
    assert (seen.method, seen.path) == ("POST", "/projects/P1/easyllms/voice/synthesize-audio-stream")
    assert seen.json == SAMPLE
    assert frames == [SpeechFrame(MPEG, "accepting"), SpeechFrame(b"", "finish", 14)]


def test_one_text_is_a_list_of_one_and_what_is_unset_is_not_sent(send: Send, scripted: ScriptedServer) -> None:
    scripted.script(sound(MPEG))
    send(synthesize("测试", model="cosyvoice-v2"), text_to_voice_easyllm_id="V1")
    assert scripted.seen[0].json == {
        "easyllm_id": "V1",
        "text": ["测试"],
        "synthesis_param": {"model": "cosyvoice-v2"},
    }


def test_further_fields_go_along() -> None:
    extra = {"top": 1, "synthesis_param": {"instruction": "cheerful"}}
    body = synthesize("x", easyllm_id="mine", extra_body=extra).request.json
    assert body["top"] == 1
    assert body["easyllm_id"] == "mine"
    assert body["synthesis_param"] == {"model": "cosyvoice-v1", "instruction": "cheerful"}
    with pytest.raises(InvalidInput, match="extra_body must be a dict"):
        synthesize("x", extra_body=["synthesis_param"])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"text": ""}, "text is empty"),
        ({"text": " \n"}, "text is empty"),
        ({"text": []}, "text is an empty list"),
        ({"text": ["a", " "]}, r"text\[1\] is empty"),
        ({"text": ["a", 3]}, r"text\[1\] must be a string, not int"),
        ({"text": None}, "text must be a string or a list"),
        ({"text": b"a"}, "text must be a string or a list"),
        ({"text": {"a": 1}}, "text must be a string or a list"),
        ({"text": "a", "volume": 101}, "volume must be a number from 0 to 100, not 101"),
        ({"text": "a", "speech_rate": 0.4}, r"speech_rate must be a number from 0\.5 to 2"),
        ({"text": "a", "pitch_rate": 2.5}, r"pitch_rate must be a number from 0\.5 to 2"),
        ({"text": "a", "format": "OGG_16000HZ_MONO_32KBPS"}, "must begin with MP3, WAV or PCM"),
        ({"text": "a", "model": ""}, "model must be a name"),
    ],
)
@pytest.mark.parametrize("speak", [synthesize, synthesize_stream])
def test_what_the_document_denies_is_refused_before_anything_is_sent(
    speak: Callable[..., Any], arguments: dict[str, Any], why: str
) -> None:
    with pytest.raises(InvalidInput, match=why):
        speak(**arguments)


def test_a_missing_id_names_its_variable(send: Send, scripted: ScriptedServer) -> None:
    with pytest.raises(ConfigurationError, match="SOPHNET_TEXT_TO_VOICE_EASYLLM_ID"):
        send(synthesize("x"), easyllm_id=None)
    with pytest.raises(ConfigurationError, match="SOPHNET_PROJECT_ID"):
        send(synthesize_stream("x"), project_id=None)
    assert scripted.seen == []


# --- the whole sound -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "asked", "body", "read", "name"),
    [
        ("audio/mpeg", MP3, MPEG, "audio/mpeg", "speech.mp3"),
        ("audio/wav", WAV, wav(), "audio/wav", "speech.wav"),
        ("audio/L16", PCM, b"\x01\x02" * 50, "audio/L16", "speech.pcm"),
        ("application/octet-stream", MP3, MPEG, "audio/mpeg", "speech.mp3"),
        ("application/octet-stream", None, MPEG, "audio/mpeg", "speech.mp3"),
        ("application/octet-stream", None, wav(), "audio/wav", "speech.wav"),
        ("audio/l16;rate=16000", None, b"\x01\x02" * 50, "audio/l16", "speech.pcm"),
        # Samples may look like anything.
        ("application/octet-stream", PCM, b"\xff\xfb" * 50, "audio/L16", "speech.pcm"),
        ("audio/L16", PCM, b'{"' * 50, "audio/L16", "speech.pcm"),
        ("application/octet-stream", None, b"\x01\x02" * 50, "application/octet-stream", "speech.bin"),
        # What is no WAV does not become one by asking.
        ("audio/mpeg", WAV, MPEG, "audio/mpeg", "speech.mp3"),
    ],
)
def test_every_media_type_of_the_document_is_read(kind: str, asked: Any, body: bytes, read: str, name: str) -> None:
    said = synthesize("x", format=asked).read(Response(200, {"content-type": kind}, body))
    assert said == Speech(body, read, asked)
    assert (said.media.data, said.media.name, said.media.content_type) == (body, name, read)
    assert "ID3" not in repr(said)


def test_a_header_that_was_written_before_the_length_was_known_is_made_true() -> None:
    samples = b"\x01\x02" * 800
    for told in (0, 0xFFFF_FFFF, 17, 10**6):
        broken = bytearray(wav(samples))
        broken[4:8] = broken[40:44] = told.to_bytes(4, "little")
        said = synthesize("x", format=WAV).read(Response(200, {"content-type": "audio/wav"}, bytes(broken)))
        assert played(said.audio) == (16000, samples)


def test_a_true_header_is_left_alone_with_what_follows_the_samples() -> None:
    body = bytearray(wav() + b"LIST\x04\0\0\0INFO")
    body[4:8] = (len(body) - 8).to_bytes(4, "little")
    said = synthesize("x").read(Response(200, {"content-type": "audio/wav"}, bytes(body)))
    assert said.audio == bytes(body)


@pytest.mark.parametrize(
    ("kind", "value", "error", "why"),
    [
        ("application/json", {"status": 1001, "message": "no such voice", "result": None}, APIError, "no such voice"),
        ("application/json;charset=UTF-8", {"code": "Throttling.RateQuota", "message": "slow"}, RateLimited, "slow"),
        ("audio/mpeg", {"status": 500, "message": "out of order"}, APIError, "out of order"),
        ("application/octet-stream", {"error": {"message": "no"}}, APIError, "no"),
        ("application/json", {"status": 0, "message": "请求成功", "result": None}, UnexpectedAnswer, "has no sound"),
        ("text/html", None, UnexpectedAnswer, "is not JSON"),
    ],
)
def test_json_in_place_of_sound_is_an_error(
    send: Send, scripted: ScriptedServer, kind: str, value: Any, error: type[Exception], why: str
) -> None:
    body = b"<html>gateway</html>" if value is None else json.dumps(value, ensure_ascii=False).encode()
    scripted.script(sound(body, kind))
    with pytest.raises(error, match=why):
        send(synthesize("x"))


def test_an_empty_answer_is_an_error(send: Send, scripted: ScriptedServer) -> None:
    scripted.script(Reply(200, {"content-type": "audio/mpeg"}, [], chunked=False))
    with pytest.raises(UnexpectedAnswer, match="no sound: it is empty"):
        send(synthesize("x"))


# --- the sound in pieces -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "event",
    [
        {"status": "accepting", "usage": None, "audioFrame": base64.b64encode(MPEG).decode()},
        {"status": "accepting", "audioFrame": {"array": base64.b64encode(MPEG).decode()}},
        {"status": "accepting", "data": base64.b64encode(MPEG).decode()},
        {"data": base64.encodebytes(MPEG).decode()},
        {"status": "accepting", "audioFrame": None, "data": base64.b64encode(MPEG).decode()},
    ],
)
@pytest.mark.parametrize(("space", "done"), [(True, True), (False, False)])
def test_every_written_form_of_a_piece_is_read(
    send: Send, scripted: ScriptedServer, event: dict[str, Any], space: bool, done: bool
) -> None:
    scripted.script(sse_reply(event, piece(None), space=space, done=done))
    frames = send(synthesize_stream("x"))
    assert [frame.audio for frame in frames] == [MPEG, b""]
    assert joined(frames).audio == MPEG


def test_bare_lines_and_lines_without_blanks_between_are_read(send: Send, scripted: ScriptedServer) -> None:
    lines = [json.dumps(piece(b"ID3a")), "data:" + json.dumps(piece(b"b")), json.dumps(piece(None, "finish", 3))]
    scripted.script(Reply(200, {"content-type": "text/event-stream"}, ["\n".join(lines).encode()]))
    said = joined(send(synthesize_stream("x")))
    assert (said.audio, said.characters, said.content_type) == (b"ID3ab", 3, "audio/mpeg")


def test_nothing_after_the_finish_is_waited_for(send: Send, scripted: ScriptedServer) -> None:
    scripted.script(events(piece(MPEG), piece(None, "finish", 2), 30.0))
    assert joined(send(synthesize_stream("x"))).characters == 2


def test_a_complete_transfer_of_a_piece_is_an_end_and_a_cut_is_none(send: Send, scripted: ScriptedServer) -> None:
    scripted.script(events(piece(b"ID3a"), piece(b"b")))
    assert joined(send(synthesize_stream("x"))).audio == b"ID3ab"

    scripted.script(events(piece(b"ID3a"), piece(b"b"), close=True))
    with pytest.raises(StreamInterrupted) as caught:
        send(synthesize_stream("x"))
    assert [frame.audio for frame in caught.value.partial] == [b"ID3a", b"b"]


def test_a_stream_without_sound_is_an_error(send: Send, scripted: ScriptedServer) -> None:
    scripted.script(events(piece(None)))
    with pytest.raises(StreamInterrupted, match="before any sound"):
        send(synthesize_stream("x"))
    scripted.script(Reply(200, {"content-type": "text/event-stream"}, []))
    with pytest.raises(StreamInterrupted, match="before any sound"):
        send(synthesize_stream("x"))


@pytest.mark.parametrize(
    "event",
    [
        {"status": 1002, "message": "quota used up"},
        {"error": {"message": "quota used up"}},
        {"status": "failed", "message": "quota used up"},
        {"code": "QuotaExceeded", "message": "quota used up"},
        b'event: error\ndata: {"message": "quota used up"}\n\n',
    ],
)
def test_an_error_in_mid_stream_is_raised_with_what_came(send: Send, scripted: ScriptedServer, event: Any) -> None:
    scripted.script(events(piece(MPEG), 0.05, event, piece(MPEG)))
    with pytest.raises(APIError, match="quota used up") as caught:
        send(synthesize_stream("x"))
    assert caught.value.partial == (SpeechFrame(MPEG, "accepting"),)


@pytest.mark.parametrize(
    "body", [{"status": 1001, "message": "no such voice"}, {"message": "no such voice", "code": 7}]
)
def test_json_in_place_of_events_is_an_error(send: Send, scripted: ScriptedServer, body: dict[str, Any]) -> None:
    scripted.script(json_reply(body))
    with pytest.raises(APIError, match="no such voice"):
        send(synthesize_stream("x"))


def test_events_under_a_wrong_media_type_are_read(send: Send, scripted: ScriptedServer) -> None:
    lines = f"data:{json.dumps(piece(MPEG))}\n\ndata:{json.dumps(piece(None, 'finish', 4))}\n\n"
    scripted.script(Reply(200, {"content-type": "application/json"}, [lines.encode()]))
    assert joined(send(synthesize_stream("x"))) == Speech(MPEG, "audio/mpeg", None, 4)


def test_much_sound_under_a_wrong_media_type_is_read_and_nothing_is_without_end(
    send: Send, scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = f"data:{json.dumps(piece(b'ID3' + bytes(300_000)))}\n\n".encode()
    scripted.script(Reply(200, {"content-type": "application/json"}, [line] * 4))
    assert len(joined(send(synthesize_stream("x"))).audio) == 4 * 300_003
    monkeypatch.setattr(speech_frames, "MAX_STREAM_BYTES", 1_000_000)
    scripted.script(Reply(200, {"content-type": "text/event-stream"}, [line] * 4))
    with pytest.raises(UnexpectedAnswer, match="goes on beyond 1000000 bytes") as caught:
        send(synthesize_stream("x"))
    assert len(caught.value.partial) == 2


@pytest.mark.parametrize(
    "event",
    [
        {"status": "accepting", "audioFrame": "!!!"},
        {"audioFrame": 7},
        {"choices": []},
        {"status": 0},
        b"data: hello\n\n",
    ],
)
def test_what_is_no_speech_is_an_error(send: Send, scripted: ScriptedServer, event: Any) -> None:
    scripted.script(events(event))
    with pytest.raises(UnexpectedAnswer, match=r"no speech|no base64"):
        send(synthesize_stream("x"))


def test_refusals_before_the_first_piece_are_tried_again(send: Send, scripted: ScriptedServer) -> None:
    scripted.script(json_reply({"message": "busy"}, 503), events(piece(MPEG), piece(None, "finish")))
    assert joined(send(synthesize_stream("x"))).audio == MPEG
    assert len(scripted.seen) == 2


@given(st.lists(st.integers(1, 400)))
def test_any_split_of_the_bytes_gives_the_same_pieces(cuts: list[int]) -> None:
    body = "".join(f"data:{json.dumps(one)}\n\n" for one in (piece(b"ID3"), piece(None), piece(b"x" * 99, "finish", 5)))
    rest, reader = body.encode(), SpeechReader(Response(200))
    frames: list[SpeechFrame] = []
    for cut in [*cuts, len(rest)]:
        frames += reader.feed(rest[:cut])
        rest = rest[cut:]
    frames += reader.feed(rest)
    frames += reader.end()
    assert frames == [
        SpeechFrame(b"ID3", "accepting"),
        SpeechFrame(b"", "accepting"),
        SpeechFrame(b"x" * 99, "finish", 5),
    ]


@given(st.binary(max_size=300))
def test_any_bytes_give_pieces_or_an_error_of_ours(body: bytes) -> None:
    reader = SpeechReader(Response(200))
    try:
        frames = reader.feed(body) + reader.end()
    except MaasError:
        return
    assert all(isinstance(frame, SpeechFrame) for frame in frames)


# --- one file ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("told", [0, 0xFFFF_FFFF, 2, None])
@pytest.mark.parametrize("size", [1, 30, 44, 700])
def test_the_pieces_of_a_wav_are_one_file_with_one_true_header(told: int | None, size: int) -> None:
    whole = bytearray(wav(b"\x01\x02" * 900))
    if told is not None:
        whole[4:8] = whole[40:44] = told.to_bytes(4, "little")
    frames = [SpeechFrame(bytes(whole[at : at + size])) for at in range(0, len(whole), size)]
    said = joined(frames, WAV)
    assert played(said.audio) == (16000, b"\x01\x02" * 900)
    assert (said.content_type, said.format) == ("audio/wav", WAV)


def test_the_header_of_a_second_text_is_taken_off() -> None:
    said = joined([SpeechFrame(wav(b"\x01\x02" * 10)), SpeechFrame(b"\x03\x04" * 5), SpeechFrame(wav(b"\x05\x06" * 7))])
    assert played(said.audio) == (16000, b"\x01\x02" * 10 + b"\x03\x04" * 5 + b"\x05\x06" * 7)
    with pytest.raises(InvalidInput, match="different kinds of samples"):
        joined([SpeechFrame(wav()), SpeechFrame(wav(rate=8000))])


def test_samples_without_a_header_get_the_one_that_was_asked_for() -> None:
    said = joined([SpeechFrame(b"\x01\x02" * 5), SpeechFrame(b"\x03\x04" * 5)], "WAV_8000HZ_MONO_16BIT")
    assert played(said.audio) == (8000, b"\x01\x02" * 5 + b"\x03\x04" * 5)
    assert joined([SpeechFrame(b"\x01\x02" * 5)], PCM) == Speech(b"\x01\x02" * 5, "audio/L16", PCM)


def test_no_sound_is_no_file() -> None:
    with pytest.raises(InvalidInput, match="frames hold no sound"):
        joined([SpeechFrame(b"", "finish", 0)])
