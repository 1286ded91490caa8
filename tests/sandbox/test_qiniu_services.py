"""Qiniu's OCR, recognition by URL, speech and voices, judged with the document's own calls."""

from __future__ import annotations

import base64
import io
import itertools
import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import websockets
from PIL import Image, ImageDraw, ImageFont
from websockets.sync.client import connect

from maaskit.sandbox import Sandbox, qiniu_asr
from maaskit.sandbox.engines import audio, containers, speech, voices
from maaskit.sandbox.engines.sound import Sound
from tests.sandbox.clouds import Cloud
from tests.sandbox.engines.sentences import word_errors
from tests.sandbox.leaving import leave

SAMPLES = Path(__file__).parents[1] / "samples"
SAID = "the old man bought an interesting story last winter"
VOICE = "zh_male_M392_conversation_wvae_bigtts"

ORDER: dict[str, Any] = {
    "audio": {"voice_type": VOICE, "encoding": "mp3", "speed_ratio": 1.0},
    "request": {"text": "你好，世界！"},
}
"""The document's own."""


@pytest.fixture(scope="module")
def spoken() -> Sound:
    return speech.speak(SAID, voices.named("a male"))


@pytest.fixture
def hosted(sandbox: Sandbox) -> Callable[[bytes, str], str]:
    """Give bytes a URL on loopback, as the document puts files on Qiniu's."""
    return sandbox._state.keep


def asked(cloud: Cloud, path: str, body: Any) -> Any:
    response = cloud.http.post(f"{cloud.url}{path}", json=body)
    assert response.status_code == 200, response.text
    return response.json()


def refusal(cloud: Cloud, path: str, body: Any) -> tuple[int, str]:
    response = cloud.http.post(f"{cloud.url}{path}", json=body)
    return response.status_code, response.json()["error"]["param"]


def curl(cloud: Cloud, path: str, body: Any) -> Any:
    """Ask as the document does, but for the host and the key."""
    done = subprocess.run(  # noqa: S603 - the document's own command
        [
            *("curl", "-sS", "--location", f"{cloud.url}{path}"),
            *("--header", "Content-Type: application/json"),
            *("--header", f"Authorization: Bearer {cloud.sandbox.api_key}"),
            *("--data", json.dumps(body, ensure_ascii=False)),
        ],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return json.loads(done.stdout)


def drawn(text: str) -> bytes:
    picture = Image.new("RGB", (900, 120), "white")
    ImageDraw.Draw(picture).text((30, 30), text, font=ImageFont.load_default(40), fill="black")
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


class TestOcr:
    def test_the_documents_call(self, qiniu: Cloud, hosted: Callable[[bytes, str], str]) -> None:
        url = hosted(drawn("Invoice 4711 of 2026"), "image/png")
        answer = curl(qiniu, "/images/ocr", {"model": "ocr", "url": url})
        assert answer["text"] == "Invoice 4711 of 2026"
        assert answer["id"]

    def test_a_pdf(self, qiniu: Cloud, hosted: Callable[[bytes, str], str]) -> None:
        url = hosted((SAMPLES / "report.pdf").read_bytes(), "application/pdf")
        text = asked(qiniu, "/images/ocr", {"model": "ocr", "url": url})["text"]
        assert len(text) > 20

    @pytest.mark.parametrize(
        ("shape", "path"),
        [
            ("text", ["text"]),
            ("data_text", ["data", "text"]),
            ("result_text", ["result", "text"]),
            ("data", ["data"]),
            ("result", ["result"]),
            ("content", ["content"]),
        ],
    )
    def test_every_shape(self, qiniu: Cloud, hosted: Callable[[bytes, str], str], shape: Any, path: list[str]) -> None:
        qiniu.sandbox.variants.qiniu_ocr = shape
        answer = asked(qiniu, "/images/ocr", {"model": "ocr", "url": hosted(drawn("Harbour"), "image/png")})
        for name in path:
            answer = answer[name]
        assert answer == "Harbour"

    def test_bad_input(self, qiniu: Cloud, hosted: Callable[[bytes, str], str]) -> None:
        url = hosted(b"no picture", "image/png")
        for body, param in (
            ({"url": url}, "model"),
            ({"model": "gpt", "url": url}, "model"),
            ({"model": "ocr"}, "url"),
            ({"model": "ocr", "url": ["x"]}, "url"),
            ({"model": "ocr", "url": "data:image/png;base64,AA=="}, "url"),
            ({"model": "ocr", "url": "/etc/passwd"}, "url"),
            ({"model": "ocr", "url": f"{qiniu.sandbox.origin}/-/media/none.png"}, "url"),
            ({"model": "ocr", "url": url}, "url"),
            ({"model": "ocr", "url": hosted(b"%PDF-1.4 broken", "application/pdf")}, "url"),
        ):
            assert refusal(qiniu, "/images/ocr", body) == (400, param), body
        bare = qiniu.http.post(f"{qiniu.url}/images/ocr", headers={"Authorization": ""}, json={})
        assert bare.status_code == 401


class TestRecognitionByUrl:
    def test_the_documents_call(self, qiniu: Cloud, hosted: Callable[[bytes, str], str], spoken: Sound) -> None:
        url = hosted(containers.encode(spoken, "mp3"), "audio/mpeg")
        answer = curl(qiniu, "/voice/asr", {"model": "asr", "audio": {"format": "mp3", "url": url}})
        assert set(answer) == {"reqid", "operation", "data"}
        assert answer["operation"] == "asr"
        result = answer["data"]["result"]
        assert word_errors(SAID, result["text"]) <= 0.3
        assert answer["data"]["audio_info"]["duration"] == pytest.approx(spoken.duration_ms, abs=150)
        assert result["additions"]["duration"] == str(answer["data"]["audio_info"]["duration"])

    @pytest.mark.parametrize("form", ["raw", "wav", "ogg"])
    def test_every_format_is_heard(
        self, qiniu: Cloud, hosted: Callable[[bytes, str], str], spoken: Sound, form: str
    ) -> None:
        data = containers.encode(spoken, "pcm" if form == "raw" else form, rate=16_000)
        audio_ = {"format": form, "url": hosted(data, "application/octet-stream")}
        result = asked(qiniu, "/voice/asr", {"model": "asr", "audio": audio_})["data"]
        assert word_errors(SAID, result["result"]["text"]) <= 0.3
        assert result["audio_info"]["duration"] == pytest.approx(spoken.duration_ms, abs=100)

    @pytest.mark.parametrize("place", ["data_result", "result", "data", "top"])
    @pytest.mark.parametrize("shape", ["object", "list"])
    def test_every_shape(self, qiniu: Cloud, hosted: Callable[[bytes, str], str], place: Any, shape: Any) -> None:
        qiniu.sandbox.variants.asr_text, qiniu.sandbox.variants.asr_result = place, shape
        audio_ = {"format": "raw", "url": hosted(bytes(32_000), "audio/pcm")}
        answer = asked(qiniu, "/voice/asr", {"model": "asr", "audio": audio_})
        where = {
            "data_result": lambda: answer["data"]["result"],
            "result": lambda: answer["result"],
            "data": lambda: answer["data"],
            "top": lambda: answer,
        }[place]()
        if place in ("data_result", "result") and shape == "list":
            (where,) = where
        assert where["text"] == ""
        assert answer.get("data", answer)["audio_info"] == {"duration": 1000}

    def test_a_client_that_leaves_is_listened_to_no_longer(
        self, qiniu: Cloud, hosted: Callable[[bytes, str], str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        begun, ended = threading.Event(), threading.Event()

        def listening(blocks: Iterator[bytes]) -> Iterator[Any]:
            for _ in blocks:
                begun.set()
                time.sleep(0.01)
            ended.set()
            return iter(())

        monkeypatch.setattr(qiniu_asr, "_samples", lambda *_: itertools.repeat(bytes(qiniu_asr.BLOCK_BYTES)))
        monkeypatch.setattr(qiniu_asr, "recognise", listening)
        body = {"model": "asr", "audio": {"format": "raw", "url": hosted(bytes(32), "audio/pcm")}}
        leave(qiniu.sandbox, f"{qiniu.url}/voice/asr", body, when=begun.is_set)
        assert ended.wait(30)

    def test_bad_input(self, qiniu: Cloud, hosted: Callable[[bytes, str], str], spoken: Sound) -> None:
        wav = hosted(containers.encode(spoken, "wav"), "audio/wav")
        for body, param in (
            ({"audio": {"format": "wav", "url": wav}}, "model"),
            ({"model": "asr"}, "audio"),
            ({"model": "asr", "audio": "x"}, "audio"),
            ({"model": "asr", "audio": {"url": wav}}, "audio.format"),
            ({"model": "asr", "audio": {"format": "flac", "url": wav}}, "audio.format"),
            ({"model": "asr", "audio": {"format": "wav"}}, "audio.url"),
            ({"model": "asr", "audio": {"format": "wav", "url": "file:///x.wav"}}, "audio.url"),
            ({"model": "asr", "audio": {"format": "mp3", "url": wav}}, "audio.url"),
            ({"model": "asr", "audio": {"format": "ogg", "url": hosted(b"text", "audio/ogg")}}, "audio.url"),
            ({"model": "asr", "audio": {"format": "wav", "url": "http://127.0.0.1:9/x.wav"}}, "audio.url"),
        ):
            assert refusal(qiniu, "/voice/asr", body) == (400, param), body


class TestSpeech:
    def test_the_documents_call(self, qiniu: Cloud) -> None:
        answer = curl(qiniu, "/voice/tts", ORDER)
        assert (answer["operation"], answer["sequence"]) == ("query", -1)
        data = base64.b64decode(answer["data"])
        assert containers.name_of(data) == "mp3"
        assert int(answer["addition"]["duration"]) == pytest.approx(audio.duration_ms(data), abs=150)
        assert not audio.is_silent(containers.decode(data))

    def test_encodings_speed_and_the_same_sound_twice(self, qiniu: Cloud) -> None:
        for encoding in ("wav", "ogg"):
            order = {"audio": {**ORDER["audio"], "encoding": encoding}, "request": {"text": SAID}}
            first, second = (asked(qiniu, "/voice/tts", order) for _ in range(2))
            assert first["data"] == second["data"]
            assert containers.name_of(base64.b64decode(first["data"])) == encoding
        fast = {"audio": {"voice_type": VOICE, "encoding": "pcm", "speed_ratio": 2}, "request": {"text": SAID}}
        answer = asked(qiniu, "/voice/tts", fast)
        assert int(answer["addition"]["duration"]) < int(first["addition"]["duration"]) * 0.7
        assert len(base64.b64decode(answer["data"])) == pytest.approx(
            int(answer["addition"]["duration"]) * 48, rel=0.01
        )

    def test_unset_fields_are_the_examples(self, qiniu: Cloud) -> None:
        whole = asked(qiniu, "/voice/tts", ORDER)["data"]
        for audio_ in ({}, {"voice_type": None, "encoding": None, "speed_ratio": None}):
            assert asked(qiniu, "/voice/tts", {"audio": audio_, "request": ORDER["request"]})["data"] == whole

    def test_no_addition(self, qiniu: Cloud) -> None:
        qiniu.sandbox.variants.tts_addition = "absent"
        assert "addition" not in asked(qiniu, "/voice/tts", ORDER)

    def test_what_is_spoken_is_understood(self, qiniu: Cloud, hosted: Callable[[bytes, str], str]) -> None:
        order = {"audio": {"voice_type": VOICE, "encoding": "mp3"}, "request": {"text": SAID}}
        data = base64.b64decode(asked(qiniu, "/voice/tts", order)["data"])
        audio_ = {"format": "mp3", "url": hosted(data, "audio/mpeg")}
        text = asked(qiniu, "/voice/asr", {"model": "asr", "audio": audio_})["data"]["result"]["text"]
        assert word_errors(SAID, text) <= 0.3

    def test_bad_input(self, qiniu: Cloud) -> None:
        plain = ORDER["audio"]
        for body, param in (
            ({}, "audio"),
            ({"audio": plain}, "request"),
            ({"audio": plain, "request": {}}, "request.text"),
            ({"audio": plain, "request": {"text": " \n"}}, "request.text"),
            ({"audio": plain, "request": {"text": ["x"]}}, "request.text"),
            ({"audio": plain, "request": {"text": "x" * 20_001}}, "request.text"),
            ({"audio": {**plain, "voice_type": "nobody"}, "request": {"text": "x"}}, "audio.voice_type"),
            ({"audio": {**plain, "encoding": "wma"}, "request": {"text": "x"}}, "audio.encoding"),
            ({"audio": {**plain, "speed_ratio": 0}, "request": {"text": "x"}}, "audio.speed_ratio"),
            ({"audio": {**plain, "speed_ratio": "1"}, "request": {"text": "x"}}, "audio.speed_ratio"),
            ({"audio": {**plain, "speed_ratio": 99}, "request": {"text": "x"}}, "audio.speed_ratio"),
        ):
            assert refusal(qiniu, "/voice/tts", body) == (400, param), body


class TestSpeechSocket:
    def frames(self, qiniu: Cloud, message: str | bytes, **headers: str) -> list[Any]:
        head = {"Authorization": f"Bearer {qiniu.sandbox.api_key}", "VoiceType": VOICE, **headers}
        with connect(f"{qiniu.url.replace('http', 'ws', 1)}/voice/tts", additional_headers=head) as talk:
            talk.send(message)
            return list(talk)

    def test_frames_are_the_file_and_the_last_one_is_negative(self, qiniu: Cloud) -> None:
        order = {**ORDER, "request": {"text": SAID}}
        whole = base64.b64decode(asked(qiniu, "/voice/tts", order)["data"])
        frames = [json.loads(frame) for frame in self.frames(qiniu, json.dumps(order).encode())]
        assert len(frames) > 2
        assert [frame["sequence"] for frame in frames] == [*range(1, len(frames)), -len(frames)]
        assert b"".join(base64.b64decode(frame["data"]) for frame in frames) == whole
        assert frames[-1]["data"]
        assert [("addition" in frame) for frame in frames] == [False] * (len(frames) - 1) + [True]

    def test_binary_frames_and_a_text_order(self, qiniu: Cloud) -> None:
        qiniu.sandbox.variants.tts_frames = "binary"
        frames = self.frames(qiniu, json.dumps(ORDER))
        assert all(isinstance(frame, bytes) for frame in frames)
        assert json.loads(frames[-1])["sequence"] < 0

    def test_bad_input(self, qiniu: Cloud) -> None:
        for headers, status in (({"VoiceType": "nobody"}, 400), ({"Authorization": "Bearer x"}, 401)):
            with pytest.raises(websockets.InvalidStatus) as refused:
                self.frames(qiniu, b"{}", **headers)
            assert refused.value.response.status_code == status
        for message in (b"{}", b"[]", b"no json", json.dumps({**ORDER, "request": {}})):
            (frame,) = self.frames(qiniu, message)
            assert json.loads(frame)["error"]["message"]


class TestVoices:
    def test_the_list_and_its_samples(self, qiniu: Cloud) -> None:
        listed = qiniu.http.get(f"{qiniu.url}/voice/list").json()
        assert VOICE in [voice["voice_type"] for voice in listed]
        assert {type(voice["updatetime"]) for voice in listed} == {int}
        sample = qiniu.http.get(listed[-1]["url"], headers={"Authorization": ""})
        assert containers.name_of(sample.content) == "mp3"
        assert qiniu.http.get(listed[-1]["url"].replace("qiniu_", "x_")).status_code == 404

    @pytest.mark.parametrize("wrapper", ["data", "voices", "result"])
    def test_every_wrapper(self, qiniu: Cloud, wrapper: Any) -> None:
        bare = qiniu.http.get(f"{qiniu.url}/voice/list").json()
        qiniu.sandbox.variants.voice_list = wrapper
        assert qiniu.http.get(f"{qiniu.url}/voice/list").json() == {wrapper: bare}
