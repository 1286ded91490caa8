from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest
import requests

from maaskit.sandbox.engines import conversations, wav
from tests.sandbox.engines.sentences import word_errors
from tests.sandbox.leaving import leave
from tests.sandbox.sophnet_voice import SophNetVoice

TEXT = "We bought two green apples."


@pytest.fixture
def url(voice: SophNetVoice) -> str:
    return voice.sandbox._state.keep(voice.spoken(TEXT), "audio/wav")


def test_the_documents_curl(voice: SophNetVoice, url: str) -> None:
    body = json.dumps({"easyllm_id": voice.sandbox.easyllm_id, "audio_url": url})
    headers = {"Authorization": f"Bearer {voice.sandbox.api_key}", "Content-Type": "application/json"}
    response = requests.post(f"{voice.project}/speechtotext/non-stream", headers=headers, data=body, timeout=60)
    assert response.headers["Content-Type"] == "application/json"
    answer = response.json()
    assert set(answer) == {"result", "audio_duration"}
    assert answer["audio_duration"] == pytest.approx(wav.unpack(voice.spoken(TEXT)).duration_ms / 1000, abs=0.01)
    assert word_errors(TEXT, answer["result"]) <= 0.4


@pytest.mark.parametrize(
    "param",
    [
        None,
        {},
        {"model": None, "sample_rate": None, "format": None},
        {"model": "any", "sample_rate": 8000, "format": "wav"},
    ],
)
def test_settings(voice: SophNetVoice, param: Any) -> None:
    link = voice.sandbox._state.keep(wav.pack(wav.unpack(voice.spoken(TEXT)).louder(0)), "audio/wav")
    answer = voice.at_once(link, speech_recognition_param=param).json()
    assert answer["result"] == ""


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"audio_url": ...}, "audio_url is required"),
        ({"audio_url": "a.wav"}, "must be an http(s) URL"),
        ({"easyllm_id": ...}, "easyllm_id is required"),
        ({"speech_recognition_param": "wav"}, "must be an object"),
        ({"speech_recognition_param": {"format": "mp3"}}, "format must be wav"),
        ({"speech_recognition_param": {"sample_rate": 0}}, "sample_rate must be a whole number above 0"),
        ({"speech_recognition_param": {"sample_rate": "16000"}}, "sample_rate must be a whole number above 0"),
        ({"speech_recognition_param": {"sample_rate": True}}, "sample_rate must be a whole number above 0"),
        ({"speech_recognition_param": {"model": 5}}, "model must be a string"),
    ],
)
def test_fields_that_the_document_refuses(voice: SophNetVoice, fields: dict[str, Any], named: str) -> None:
    response = voice.at_once("http://127.0.0.1/a.wav", **fields)
    assert response.status_code == 400
    error = response.json()
    assert (error["status"], error["result"]) == (400, None)
    assert named in error["message"]


def test_what_is_no_wav(voice: SophNetVoice) -> None:
    def refused(data: bytes) -> str:
        response = voice.at_once(voice.sandbox._state.keep(data, "audio/wav"))
        assert response.status_code == 400
        message: str = response.json()["message"]
        return message

    assert "no WAV file" in refused(voice.spoken("Hello.", format="MP3_16000HZ_MONO_64KBPS"))
    assert "cannot be read" in refused(b"RIFF\x24\0\0\0WAVEfmt ")
    assert voice.at_once(f"{voice.sandbox.origin}/-/nowhere.wav").status_code == 400


def test_another_service_or_project_and_the_newer_path(voice: SophNetVoice, url: str) -> None:
    assert voice.at_once(url, easyllm_id="other").status_code == 404
    other = voice.project.replace(voice.sandbox.project_id, "other")
    assert voice.http.post(f"{other}/speechtotext/non-stream", json={}).status_code == 404
    newer = voice.http.post(f"{voice.projectless}/speechtotext/non-stream", json={"audio_url": url}).json()
    assert newer == voice.at_once(url).json()


def test_listening_ends_when_nobody_waits(voice: SophNetVoice, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    started, ended = threading.Event(), threading.Event()

    def endless(_source: Any, check: Any) -> Any:
        started.set()
        try:
            while True:
                check()
                time.sleep(0.01)
        finally:
            ended.set()

    monkeypatch.setattr(conversations, "listen", endless)
    body = {"easyllm_id": voice.sandbox.easyllm_id, "audio_url": url}
    leave(voice.sandbox, f"{voice.project}/speechtotext/non-stream", body, when=started.is_set)
    assert ended.wait(30)
