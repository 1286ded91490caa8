"""Qiniu's OCR, recognition by URL, speech, voices and storage: our client and the sandbox, written by two hands."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from maaskit import APIError, AuthenticationFailed, BadRequest, Client, ConfigurationError, Qiniu, kodo
from maaskit.doctor import examine, render
from maaskit.qiniu import models, ocr, speech, storage, transcription
from maaskit.sandbox import Sandbox
from maaskit.wav import WavBody
from tests.qiniu.conftest import Ask
from tests.sandbox.engines.sentences import word_errors
from tests.spoken import SAID, WRITTEN, letter

SAMPLES = Path(__file__).parents[1] / "samples"


def test_models(ask: Ask) -> None:
    assert "deepseek-v3" in [model.id for model in ask(models.list_models())]


@pytest.mark.parametrize("shape", ["text", "data_text", "result_text", "data", "result", "content"])
@pytest.mark.parametrize("ask", ["sync"], indirect=True)  # an answer is read alike by either driver
def test_ocr_of_a_local_picture_in_every_shape(stored: Sandbox, ask: Ask, shape: Any) -> None:
    stored.variants.qiniu_ocr = shape
    assert ask(ocr.recognize(kodo.publish(letter()))).text == WRITTEN


def test_ocr_of_a_pdf_by_a_signed_link_of_a_private_bucket(stored: Sandbox, ask: Ask) -> None:
    stored.variants.storage_bucket = "private"
    assert len(ask(ocr.recognize(kodo.publish(SAMPLES / "report.pdf"))).text) > 20


def test_the_models_key_never_goes_to_the_storage(stored: Sandbox, ask: Ask) -> None:
    ask(ocr.recognize(kodo.publish(letter())))
    uploads = [entry for entry in stored.requests if not entry.path.startswith("/v1")]
    assert {entry.method for entry in uploads} == {"POST", "GET"}
    for entry in uploads:
        assert stored.api_key not in str(entry.headers.items())
        assert stored.api_key.encode() not in entry.body


def test_a_large_file_goes_up_in_parts(stored: Sandbox) -> None:
    data = os.urandom(9 * 2**20)
    url = kodo.publish(data)
    assert [entry.method for entry in stored.requests if entry.path.startswith("/buckets/")].count("PUT") == 3
    import httpx

    assert httpx.get(url).content == data


def test_an_upload_with_a_token_made_elsewhere(stored: Sandbox, ask: Ask) -> None:
    token = kodo.Storage().upload_token("dir/a.txt")
    done = ask(storage.upload(b"abc", key="dir/a.txt", token=token, upload_url=stored.origin))
    assert done.key == "dir/a.txt"
    with pytest.raises(AuthenticationFailed, match="bad token"):
        ask(storage.upload(b"abc", key="dir/a.txt", token=token + "x", upload_url=stored.origin))
    with pytest.raises(APIError, match="key doesn't match scope"):
        ask(storage.upload(b"abc", key="other", token=token, upload_url=stored.origin))


@pytest.mark.parametrize("place", ["data_result", "result", "data", "top"])
@pytest.mark.parametrize("ask", ["sync"], indirect=True)  # an answer is read alike by either driver
def test_recognition_of_what_was_spoken_in_every_shape(stored: Sandbox, ask: Ask, place: Any) -> None:
    stored.variants.asr_text = place
    stored.variants.asr_result = "list" if place == "result" else "object"
    spoken = ask(speech.synthesize(SAID[0]))
    assert spoken.duration_ms > 1000
    heard = ask(transcription.transcribe(kodo.publish(spoken.media)))
    assert word_errors(SAID[0], heard.text) <= 0.3
    assert heard.duration_s == pytest.approx(spoken.duration_ms / 1000, abs=0.2)


@pytest.mark.parametrize("encoding", ["wav", "mp3", "ogg", "pcm"])
def test_speech_in_every_encoding(sandbox: Sandbox, ask: Ask, encoding: str) -> None:
    sandbox.variants.tts_addition = "absent" if encoding == "ogg" else "sent"
    spoken = ask(speech.synthesize("Good morning", encoding=encoding, speed_ratio=1.5))
    assert len(spoken.audio) > 1000
    assert spoken.encoding == encoding
    assert (spoken.duration_ms is None) is (encoding == "ogg")
    if encoding == "wav":
        WavBody(24_000, 16, 1).feed(spoken.audio)  # it refuses any other header


@pytest.mark.parametrize("wrapper", ["bare", "data", "voices", "result"])
def test_every_listed_voice_speaks(sandbox: Sandbox, ask: Ask, wrapper: Any) -> None:
    sandbox.variants.voice_list = wrapper
    listed = ask(speech.list_voices())
    assert len(listed) > 3
    voice = listed[["bare", "data", "voices", "result"].index(wrapper)]
    assert ask(speech.synthesize("Hi", voice.voice_type)).audio[:3] in (b"ID3", b"\xff\xf3\x84")
    assert ask(speech.synthesize("Hi", voice_type=None)).audio


def test_what_the_service_refuses_comes_back_in_its_words(sandbox: Sandbox, ask: Ask) -> None:
    with pytest.raises(BadRequest, match="voice_type"):
        ask(speech.synthesize("Hi", "nobody"))
    with pytest.raises(BadRequest, match="could not be fetched"):
        ask(ocr.recognize(f"{sandbox.origin}/-/media/none.png"))
    with pytest.raises(BadRequest, match=r"audio\.url"):
        ask(transcription.transcribe(f"{sandbox.origin}/-/media/none.wav"))


def test_a_local_file_without_a_storage_says_what_to_set() -> None:
    with pytest.raises(ConfigurationError, match="QINIU_ACCESS_KEY"):
        kodo.publish(letter())


def test_the_doctor_finds_all_well_and_prints_no_key(stored: Sandbox) -> None:
    sections = list(examine())
    findings = [finding for section in sections for finding in section.findings]
    assert not [finding for finding in findings if finding.is_wrong]
    told = "".join(map(render, sections))
    assert "qiniu" in told.lower()
    for secret in (stored.api_key, stored.storage.secret_key):
        assert secret not in told


def test_the_doctor_finds_a_wrong_key(stored: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QINIU_API_KEY", "wrong")
    assert [finding for section in examine() for finding in section.findings if finding.is_wrong]


def test_a_wrong_key_is_an_error_of_its_own(sandbox: Sandbox) -> None:
    with (
        Client(Qiniu(api_key="wrong", base_url=sandbox.qiniu_url)) as client,
        pytest.raises(AuthenticationFailed),
    ):
        client.send(speech.list_voices())
