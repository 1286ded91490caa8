from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests

from maaskit.sandbox.engines import audio, containers, wav
from tests.sandbox.sophnet_voice import WAV, SophNetVoice, frames

TEXT = "We bought two green apples."
MP3 = "MP3_16000HZ_MONO_128KBPS"


def payload(voice: SophNetVoice) -> str:
    """Give the body of the document's two programs."""
    settings = {
        "model": "cosyvoice-v1",
        "voice": "longxiaochun",
        "format": MP3,
        "volume": 80,
        "speechRate": 1.2,
        "pitchRate": 1,
    }
    return json.dumps({"easyllm_id": voice.sandbox.easyllm_id, "text": ["测试"], "synthesis_param": settings})


def headers(voice: SophNetVoice) -> dict[str, str]:
    return {"Content-Type": "application/json", "Authorization": "Bearer " + voice.sandbox.api_key}


def test_the_documents_program_for_the_stream(voice: SophNetVoice, tmp_path: Path) -> None:
    url = f"{voice.project}/voice/synthesize-audio-stream"
    response = requests.request("POST", url, headers=headers(voice), data=payload(voice), timeout=30)
    assert response.headers["Content-Type"] == "text/event-stream"
    for chunk in response.iter_lines(decode_unicode=True):
        with (tmp_path / "output.mp3").open("ab") as f:
            if chunk and (frame := json.loads(chunk[5:])["audioFrame"]):
                f.write(base64.b64decode(frame))
    data = (tmp_path / "output.mp3").read_bytes()
    assert data.startswith(b"ID3")
    sound = containers.decode(data)
    assert sound.rate == 16_000
    assert sound.duration_ms > 300
    assert not audio.is_silent(sound)


def test_the_documents_program_for_the_whole(voice: SophNetVoice, tmp_path: Path) -> None:
    url = f"{voice.project}/voice/synthesize-audio"
    response = requests.request("POST", url, headers=headers(voice), data=payload(voice), timeout=30)
    (tmp_path / "output.mp3").write_bytes(response.content)
    assert response.headers["Content-Type"] == "audio/mpeg"
    sound = containers.decode((tmp_path / "output.mp3").read_bytes())
    assert sound.duration_ms > 300
    assert not audio.is_silent(sound)


def test_the_documents_curl_with_two_texts(voice: SophNetVoice) -> None:
    events = voice.events(
        ["这是要合成的文本", "第二段文本"], voice="longxiaochun", volume=80, speechRate=1.2, pitchRate=1.0
    )
    assert {tuple(event) for event in events} == {("status", "usage", "audioFrame")}
    assert [event["status"] for event in events] == ["accepting"] * (len(events) - 1) + ["finish"]
    assert all(event["usage"] is None and event["audioFrame"] for event in events[:-1])
    assert events[-1]["usage"] == {"characters": len("这是要合成的文本第二段文本")}
    assert events[-1]["audioFrame"] is None
    one, two = (voice.sound(text, speechRate=1.2) for text in ("这是要合成的文本", "第二段文本"))
    assert wav.unpack(frames(events)).duration_ms > one.duration_ms + two.duration_ms


@pytest.mark.parametrize(
    ("form", "kind", "rate"),
    [
        (MP3, "audio/mpeg", 16_000),
        ("MP3_48000HZ_MONO_64KBPS", "audio/mpeg", 48_000),
        (WAV, "audio/wav", 16_000),
        ("WAV_44100HZ_MONO_16BIT", "audio/wav", 44_100),
        ("PCM_16000HZ_MONO_16BIT", "audio/L16", 16_000),
        ("PCM_8000HZ_MONO_16BIT", "audio/L16", 8_000),
        (None, "audio/mpeg", 22_050),
        (..., "audio/mpeg", 22_050),
    ],
)
def test_formats(voice: SophNetVoice, form: Any, kind: str, rate: int) -> None:
    response = voice.post_speech(voice.order(TEXT, format=form))
    assert response.headers["Content-Type"] == kind
    streamed = frames(voice.events(TEXT, format=form))
    for data in (response.content, streamed):
        sound = wav.unpack(wav.header(rate, len(data)) + data) if "L16" in kind else containers.decode(data)
        assert sound.rate == rate
        assert sound.duration_ms == pytest.approx(voice.sound(TEXT).duration_ms, abs=120)
        assert audio.loudness_dbfs(sound) > -35
    if kind != "audio/mpeg":
        assert streamed == response.content


def test_the_bit_rate_of_an_mp3(voice: SophNetVoice) -> None:
    small, large = (len(voice.spoken(TEXT, format=f"MP3_16000HZ_MONO_{kbps}KBPS")) for kbps in (32, 128))
    assert large == pytest.approx(4 * small, rel=0.1)


def test_volume(voice: SophNetVoice) -> None:
    soft, plain, loud = (audio.loudness_dbfs(voice.sound(TEXT, volume=volume)) for volume in (25, None, 100))
    assert plain - soft == pytest.approx(6, abs=0.5)
    assert 4 < loud - plain < 6.5
    assert audio.is_silent(voice.sound(TEXT, volume=0))
    assert voice.spoken(TEXT, volume=50) == voice.spoken(TEXT)


def test_speed(voice: SophNetVoice) -> None:
    slow, plain, fast = (voice.sound(TEXT, speechRate=rate).duration_ms for rate in (0.5, None, 2))
    assert slow == pytest.approx(2 * plain, rel=0.15)
    assert fast == pytest.approx(plain / 2, rel=0.15)


def test_pitch(voice: SophNetVoice) -> None:
    low, plain, high = (voice.pitch_hz(TEXT, voice="longcheng", pitchRate=rate) for rate in (0.7, None, 2))
    assert low == pytest.approx(0.7 * plain, rel=0.1)
    assert high == pytest.approx(2 * plain, rel=0.1)


def test_the_same_request_gives_the_same_sound_and_another_voice_another(voice: SophNetVoice) -> None:
    default = voice.spoken(TEXT)
    assert voice.spoken(TEXT) == default
    assert voice.spoken(TEXT, voice="longxiaochun") == default
    assert voice.spoken(TEXT, voice="longcheng") != default


@pytest.mark.parametrize("name", [None, "longxiaochun_v2", "longyumi_v2", "longwan"])
def test_the_second_model(voice: SophNetVoice, name: str | None) -> None:
    assert not audio.is_silent(voice.sound("Hello.", model="cosyvoice-v2", voice=name))


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"text": ...}, "text is required"),
        ({"text": []}, "text is required"),
        ({"text": "one string"}, "array of strings"),
        ({"text": ["a", 5]}, "array of strings"),
        ({"text": [" ", "\n"]}, "text is blank"),
        ({"text": ["word " * 5000]}, "20000 characters"),
        ({"easyllm_id": ...}, "easyllm_id is required"),
        ({"synthesis_param": ...}, "synthesis_param.model"),
        ({"synthesis_param": "cosyvoice-v1"}, "must be an object"),
        ({"synthesis_param": {}}, "cosyvoice-v1, cosyvoice-v2"),
        ({"model": "cosyvoice-v9"}, "cosyvoice-v1, cosyvoice-v2"),
        ({"voice": "somebody"}, "no voice of cosyvoice-v1"),
        ({"voice": "longxiaochun_v2"}, "no voice of cosyvoice-v1"),
        ({"voice": 5}, "synthesis_param.voice must be a string"),
        ({"format": "mp3"}, "WAV_16000HZ_MONO_16BIT"),
        ({"format": "OGG_16000HZ_MONO_16BIT"}, "WAV, MP3 or PCM, not OGG"),
        ({"format": "WAV_16000HZ_STEREO_16BIT"}, "MONO, not STEREO"),
        ({"format": "WAV_16001HZ_MONO_16BIT"}, "not 16001"),
        ({"format": "WAV_16000HZ_MONO_24BIT"}, "16BIT, not 24BIT"),
        ({"format": "MP3_16000HZ_MONO_500KBPS"}, "8 to 320 KBPS"),
        ({"format": "MP3_16000HZ_MONO_16BIT"}, "8 to 320 KBPS"),
        ({"format": 16000}, "must look like"),
        ({"volume": -1}, "volume must be a number from 0 to 100"),
        ({"volume": 101}, "volume must be a number from 0 to 100"),
        ({"volume": "80"}, "volume must be a number"),
        ({"volume": True}, "volume must be a number"),
        ({"speechRate": 0.49}, "speechRate must be a number from 0.5 to 2"),
        ({"speechRate": 2.01}, "speechRate must be a number from 0.5 to 2"),
        ({"pitchRate": 0.49}, "pitchRate must be a number from 0.5 to 2"),
        ({"pitchRate": 2.01}, "pitchRate must be a number from 0.5 to 2"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_the_document_refuses(voice: SophNetVoice, fields: dict[str, Any], named: str, stream: bool) -> None:
    top = {name: value for name, value in fields.items() if name in ("text", "easyllm_id", "synthesis_param")}
    body = {**voice.order(TEXT, **{n: v for n, v in fields.items() if n not in top}), **top}
    response = voice.post_speech({name: value for name, value in body.items() if value is not ...}, stream=stream)
    assert response.status_code == 400
    error = response.json()
    assert set(error) == {"status", "message", "result", "timestamp"}
    assert (error["status"], error["result"]) == (400, None)
    assert named in error["message"]


def test_another_service_project_or_key(voice: SophNetVoice) -> None:
    assert voice.post_speech({**voice.order(TEXT), "easyllm_id": "other"}).status_code == 404
    other = voice.project.replace(voice.sandbox.project_id, "other")
    assert voice.http.post(f"{other}/voice/synthesize-audio", json=voice.order(TEXT)).status_code == 404
    keyless = httpx.post(f"{voice.project}/voice/synthesize-audio", json=voice.order(TEXT), timeout=60)
    assert (keyless.status_code, keyless.json()["status"]) == (401, 401)


def test_the_path_without_project_needs_no_service_id(voice: SophNetVoice) -> None:
    body = voice.order("Hello.")
    del body["easyllm_id"]
    whole = voice.http.post(f"{voice.projectless}/voice/synthesize-audio", json=body)
    assert whole.content == voice.spoken("Hello.")
    other = {**body, "easyllm_id": "other"}
    assert voice.http.post(f"{voice.projectless}/voice/synthesize-audio-stream", json=other).status_code == 404


def test_where_the_frame_lies(voice: SophNetVoice) -> None:
    whole = voice.spoken(TEXT)
    voice.sandbox.variants.audio_frame = "object"
    events = voice.events(TEXT)
    assert events[-1]["audioFrame"] is None
    assert b"".join(base64.b64decode(event["audioFrame"]["array"]) for event in events[:-1]) == whole
    voice.sandbox.variants.audio_frame = "data"
    events = voice.events(TEXT)
    assert not any("audioFrame" in event for event in events)
    assert b"".join(base64.b64decode(event["data"]) for event in events[:-1]) == whole


def test_events_without_a_frame_between(voice: SophNetVoice) -> None:
    voice.sandbox.variants.empty_frames = True
    events = voice.events(TEXT)
    assert {"status": "accepting", "usage": None, "audioFrame": None} in events
    assert frames(events) == voice.spoken(TEXT)


def test_the_last_frame_may_come_with_the_end(voice: SophNetVoice) -> None:
    plain = voice.events(TEXT)
    voice.sandbox.variants.speech_finish = "with_audio"
    events = voice.events(TEXT)
    assert events[-1] == {**plain[-2], "status": "finish", "usage": {"characters": len(TEXT)}}
    assert frames(events) == frames(plain)


def test_a_streamed_wav_may_not_know_its_length(voice: SophNetVoice) -> None:
    texts = ["We bought two green apples.", "He walked along the river."]
    plain = frames(voice.events(texts))
    voice.sandbox.variants.speech_wav_size = "unknown"
    data = frames(voice.events(texts))
    found = wav.layout(data)
    assert found is not None
    assert found.size > 2**31
    assert data.count(b"RIFF") == 1
    assert len(data) == pytest.approx(len(plain), abs=200)


def test_a_file_may_have_no_name_of_its_own(voice: SophNetVoice) -> None:
    voice.sandbox.variants.speech_type = "octet_stream"
    assert voice.post_speech(voice.order("Hello.")).headers["Content-Type"] == "application/octet-stream"


@pytest.mark.parametrize(
    ("field", "value", "beginning"),
    [
        ("sse_prefix", "cloud", b'data:{"status":"accepting"'),
        ("sse_prefix", "space", b'data: {"status":"accepting"'),
        ("sse_prefix", "bare", b'{"status":"accepting"'),
        ("comments", True, b": keep-alive\n\ndata:{"),
    ],
)
def test_the_beginning_of_events(voice: SophNetVoice, field: str, value: Any, beginning: bytes) -> None:
    setattr(voice.sandbox.variants, field, value)
    assert voice.post_speech(voice.order("Hello."), stream=True).content.startswith(beginning)


def test_the_end_of_lines_and_of_streams(voice: SophNetVoice) -> None:
    variants = voice.sandbox.variants
    assert b"[DONE]" not in voice.post_speech(voice.order("Hello."), stream=True).content
    variants.newline, variants.blank_lines, variants.done = "crlf", False, "sent"
    data = voice.post_speech(voice.order("Hello."), stream=True).content
    assert data.endswith(b"}\r\ndata:[DONE]\r\n")
    assert b"\r\n\r\n" not in data


@pytest.mark.parametrize("stream", [False, True])
def test_an_error_may_come_as_json_under_200(voice: SophNetVoice, stream: bool) -> None:
    voice.sandbox.variants.error_shape = "envelope_200"
    response = voice.post_speech(voice.order(TEXT, volume=500), stream=stream)
    assert (response.status_code, response.headers["Content-Type"]) == (200, "application/json")
    assert response.json()["status"] == 400


def test_faults_in_mid_stream(voice: SophNetVoice) -> None:
    faults = voice.sandbox.faults
    faults.add(path="synthesize-audio-stream", error_event={"status": 500, "message": "boom"}, error_after_events=2)
    assert voice.events(TEXT)[2:] == [{"status": 500, "message": "boom"}]
    faults.add(path="synthesize-audio-stream", cut_after_events=3, clean=True)
    assert [event["status"] for event in voice.events(TEXT)] == ["accepting"] * 3
    faults.add(path="synthesize-audio-stream", cut_after_events=3)
    with pytest.raises(httpx.RemoteProtocolError):
        voice.events(TEXT)
    faults.add(path="synthesize-audio", cut_after_bytes=1000)
    with pytest.raises(httpx.RemoteProtocolError):
        voice.spoken(TEXT)
