from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from requests_toolbelt.multipart.encoder import MultipartEncoder

from maaskit.sandbox import Sandbox
from maaskit.sandbox.engines import wav
from maaskit.sandbox.engines.sound import Sound, joined, silence
from maaskit.sandbox.voice_shelf import MAX_VOICES
from tests.sandbox.sophnet_voice import SophNetVoice

TEXT = "We bought two green apples."
MIB = 1024 * 1024


@pytest.fixture(autouse=True)
def _empty_shelf(voice: SophNetVoice) -> Iterator[None]:
    yield
    for made in voice.voices():
        assert voice.remove(made["voice_id"], made["model"]).json()["status"] == 0


@pytest.fixture(scope="module")
def recording(running_sandbox: Sandbox) -> bytes:
    talking = SophNetVoice(running_sandbox)
    data = talking.spoken("He walked along the river until the sun went down.", voice="longcheng", pitchRate=1.3)
    talking.close()
    return data


def test_the_documents_programs(voice: SophNetVoice, recording: bytes, tmp_path: Path) -> None:
    path = tmp_path / "声音.wav"
    path.write_bytes(recording)
    authorization = {"Authorization": f"Bearer {voice.sandbox.api_key}"}
    easyllm_id = voice.sandbox.easyllm_id
    voice_data = {"easyllm_id": easyllm_id, "model": "cosyvoice-v1", "name": "voice1", "prompt_text": TEXT}
    with path.open("rb") as file:
        multipart_data = MultipartEncoder(
            fields={
                "audio_file": (path.name, file, "audio/wav"),
                "tts_speaker_voice_generate_req": (None, json.dumps(voice_data), "application/json"),
            }
        )
        headers = {**authorization, "Content-Type": multipart_data.content_type}
        response = requests.post(
            f"{voice.projectless}/voice/upload", headers=headers, data=multipart_data, timeout=30
        ).json()
    assert response == {"status": 0, "message": "请求成功", "result": None, "timestamp": response["timestamp"]}
    assert response["timestamp"] > 1e12

    listed = requests.request(
        "GET", f"{voice.projectless}/voice/{easyllm_id}", headers=authorization, timeout=30
    ).json()
    assert set(listed) == {"status", "message", "result", "timestamp"}
    (made,) = listed["result"]
    assert list(made) == ["model", "des", "name", "voice_id", "bucket_name", "file_name", "last_used_at"]
    assert (made["model"], made["name"], made["des"]) == ("cosyvoice-v1", "voice1", None)
    assert (made["bucket_name"], made["file_name"], made["last_used_at"]) == (None, None, None)

    payload = json.dumps({"easyllm_id": easyllm_id, "model": made["model"], "voice_id": made["voice_id"]})
    headers = {"Content-Type": "application/json", **authorization}
    removed = requests.request(
        "DELETE", f"{voice.projectless}/voice/remove", headers=headers, data=payload, timeout=30
    ).json()
    assert (removed["status"], removed["result"]) == (0, None)
    assert voice.voices() == []


def test_a_new_voice_speaks_with_its_own_pitch(voice: SophNetVoice, recording: bytes) -> None:
    assert voice.clone(recording, name="high", des="a high voice").json()["status"] == 0
    low = voice.spoken("He walked along the river.", voice="longcheng", pitchRate=0.8)
    assert voice.clone(low, name="low").json()["status"] == 0
    high, deep = voice.voices()
    assert (high["name"], high["des"], deep["name"]) == ("high", "a high voice", "low")
    longcheng = voice.pitch_hz(TEXT, voice="longcheng")
    assert voice.pitch_hz(TEXT, voice=high["voice_id"]) == pytest.approx(1.3 * longcheng, rel=0.12)
    assert voice.pitch_hz(TEXT, voice=deep["voice_id"]) == pytest.approx(0.8 * longcheng, rel=0.12)
    used, _ = voice.voices()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", used["last_used_at"])


def test_a_voice_belongs_to_its_model_until_it_is_removed(voice: SophNetVoice, recording: bytes) -> None:
    assert voice.clone(recording, model="cosyvoice-v2").status_code == 200
    (made,) = voice.voices()
    assert made["model"] == "cosyvoice-v2"
    v2 = voice.order("Hello.", model="cosyvoice-v2", voice=made["voice_id"])
    assert voice.post_speech(v2).status_code == 200
    v1 = voice.post_speech(voice.order("Hello.", voice=made["voice_id"]))
    assert (v1.status_code, "no voice of cosyvoice-v1" in v1.json()["message"]) == (400, True)
    assert voice.remove(made["voice_id"]).status_code == 404
    assert voice.remove(made["voice_id"], "cosyvoice-v2").status_code == 200
    assert voice.remove(made["voice_id"], "cosyvoice-v2").status_code == 404
    assert voice.post_speech(v2).status_code == 400


def test_two_voices_may_have_one_name_and_never_one_id(voice: SophNetVoice, recording: bytes) -> None:
    voice.clone(recording, name="twin")
    (first,) = voice.voices()
    voice.remove(first["voice_id"])
    voice.clone(recording, name="twin")
    voice.clone(recording, name="twin")
    ids = {first["voice_id"], *(made["voice_id"] for made in voice.voices())}
    assert len(ids) == 3


def test_one_voice_too_many(voice: SophNetVoice, recording: bytes) -> None:
    for _ in range(MAX_VOICES):
        assert voice.clone(recording).status_code == 200
    response = voice.clone(recording)
    assert response.status_code == 400
    assert "100 voices" in response.json()["message"]
    voice.remove(voice.voices()[0]["voice_id"])
    assert voice.clone(recording).status_code == 200


def long_recording(seconds: float, data: bytes) -> bytes:
    sound = wav.unpack(data)
    return wav.pack(joined([sound, silence(seconds * 1000 - sound.duration_ms, sound.rate)]))


def test_the_longest_recording(voice: SophNetVoice, recording: bytes) -> None:
    assert voice.clone(long_recording(60, recording)).status_code == 200
    response = voice.clone(long_recording(60.1, recording))
    assert response.status_code == 400
    assert "lasts 60.1 s; it may last 60 s at most" in response.json()["message"]


def test_the_largest_recording(voice: SophNetVoice, recording: bytes) -> None:
    full = recording + bytes(10 * MIB - len(recording))  # what lies behind the samples is no sound
    assert voice.clone(full).status_code == 200
    response = voice.clone(full + b"\0")
    assert response.status_code == 400
    assert "10485761 bytes; it may have 10 MB at most" in response.json()["message"]


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"easyllm_id": ...}, "easyllm_id is required"),
        ({"model": ...}, "model is required"),
        ({"model": "cosyvoice-v9"}, "cosyvoice-v1, cosyvoice-v2"),
        ({"prompt_text": ...}, "prompt_text is required"),
        ({"prompt_text": " "}, "prompt_text is required"),
        ({"name": 5}, "name must be a string"),
        ({"des": ["a"]}, "des must be a string"),
    ],
)
def test_fields_that_the_document_refuses(
    voice: SophNetVoice, recording: bytes, fields: dict[str, Any], named: str
) -> None:
    response = voice.clone(recording, **fields)
    assert response.status_code == 400
    assert named in response.json()["message"]
    assert response.json()["status"] == 400


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"hello", "no sound file"),
        (b"", "no sound file"),
        (wav.pack(Sound(bytes(64_000), 16_000)), "no voice in it"),
    ],
)
def test_recordings_that_are_none(voice: SophNetVoice, data: bytes, named: str) -> None:
    response = voice.clone(data)
    assert response.status_code == 400
    assert named in response.json()["message"]


def test_forms_with_something_missing(voice: SophNetVoice, recording: bytes) -> None:
    url = f"{voice.projectless}/voice/upload"
    order = json.dumps({"easyllm_id": voice.sandbox.easyllm_id, "model": "cosyvoice-v1", "prompt_text": "Hello."})
    name = "tts_speaker_voice_generate_req"
    file = {"audio_file": ("a.wav", recording, "audio/wav")}

    def refused(files: dict[str, Any]) -> str:
        response = voice.http.post(url, files=files)
        assert response.status_code == 400
        message: str = response.json()["message"]
        return message

    assert f"{name} is required" in refused(file)
    assert "audio_file is required" in refused({name: (None, order, "application/json")})
    assert "of type application/json, not without a type" in refused({**file, name: (None, order)})
    assert "is not JSON" in refused({**file, name: (None, "{", "application/json")})
    assert "must be a JSON object" in refused({**file, name: (None, "[]", "application/json")})
    unnamed = {"audio_file": (None, recording, "audio/wav"), name: (None, order, "application/json")}
    assert "as a file with a name" in refused(unnamed)
    assert voice.http.post(url, json=json.loads(order)).status_code == 400


def test_another_service(voice: SophNetVoice, recording: bytes) -> None:
    assert voice.clone(recording, easyllm_id="other").status_code == 404
    assert voice.http.get(f"{voice.projectless}/voice/other").status_code == 404
    assert voice.remove("any", easyllm_id="other").status_code == 404


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"easyllm_id": None}, "easyllm_id is required"),
        ({"model": None}, "model is required"),
        ({"voice_id": None}, "voice_id is required"),
        ({"voice_id": ""}, "voice_id is required"),
    ],
)
def test_removals_that_the_document_refuses(voice: SophNetVoice, fields: dict[str, Any], named: str) -> None:
    body = {"easyllm_id": voice.sandbox.easyllm_id, "model": "cosyvoice-v1", "voice_id": "any", **fields}
    response = voice.http.request("DELETE", f"{voice.projectless}/voice/remove", json=body)
    assert response.status_code == 400
    assert named in response.json()["message"]
