from __future__ import annotations

import base64
import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from maaskit.sandbox import Sandbox
from maaskit.sandbox.engines import audio, containers, recognition, wav
from tests.sandbox.clouds import WEATHER, joined

URL = "/v1/chat/completions-with-voice-output"
SAID = "The weather is nice today. We will go to the park in the morning! Do you want to come with us?"
REPEAT = f"Repeat after me exactly: {SAID}"


class Spoken:
    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.http = httpx.Client(headers={"Authorization": f"Bearer {sandbox.api_key}"}, timeout=120)

    def body(self, content: Any = "你好", speech: Any = ..., **chat: Any) -> dict[str, Any]:
        fields = {
            "messages": [{"role": "user", "content": content}],
            "model": "Qwen2.5-32B-Instruct",
            "stream": True,
            **chat,
        }
        said = {"easyllm_id": self.sandbox.easyllm_id} if speech is ... else speech
        return {
            "chat_completion_req": {name: value for name, value in fields.items() if value is not ...},
            "speech_synthesis_req": said,
        }

    def post(self, body: Any) -> httpx.Response:
        return self.http.post(f"{self.sandbox.sophnet_url}{URL}", json=body)

    def events(self, content: Any = "你好", param: Any = None, **chat: Any) -> list[dict[str, Any]]:
        speech = {"easyllm_id": self.sandbox.easyllm_id, **({} if param is None else {"synthesis_param": param})}
        response = self.post(self.body(content, speech, **chat))
        assert response.status_code == 200, response.text
        lines = [re.sub(r"^data: ?", "", line) for line in response.text.splitlines()]
        return [json.loads(line) for line in lines if line and line != "[DONE]"]


@pytest.fixture
def spoken(sandbox: Sandbox) -> Iterator[Spoken]:
    spoken = Spoken(sandbox)
    yield spoken
    spoken.http.close()


def is_chunk(event: dict[str, Any]) -> bool:
    return "choices" in event


def text_of(events: list[dict[str, Any]]) -> str:
    return joined([event for event in events if is_chunk(event)])


def sound_of(events: list[dict[str, Any]]) -> bytes:
    frames = [event.get("audioFrame") for event in events if not is_chunk(event)]
    return b"".join(base64.b64decode(frame) for frame in frames if frame)


def heard_in(data: bytes) -> list[str]:
    sound = containers.decode(data, 16_000)
    return " ".join(s.plain for s in recognition.recognise([sound.pcm])).split()


def test_the_answer_looks_like_the_documents_example(spoken: Spoken) -> None:
    response = spoken.post(spoken.body())
    assert response.headers["content-type"] == "text/event-stream"
    lines = response.text.split("\n")
    assert lines.pop() == ""
    assert all(line.startswith("{") for line in lines)  # bare JSON, no blank lines between
    events = [json.loads(line) for line in lines]
    assert events[0]["choices"][0]["delta"]["role"] == "assistant"
    assert events[-1]["status"] == "finish"
    assert events[-1]["audioFrame"] is None
    assert events[-1]["usage"] == {"characters": len(text_of(events))}
    frames = [event for event in events[:-1] if not is_chunk(event)]
    assert all((e["status"], e["usage"]) == ("accepting", None) for e in frames)
    assert set(frames[0]) == {"status", "usage", "audioFrame"}


def test_text_and_sound_are_interleaved_and_sound_goes_on_after_the_finish(spoken: Spoken) -> None:
    events = spoken.events(REPEAT)
    assert text_of(events) == SAID
    kinds = [is_chunk(event) for event in events]
    assert len(list(itertools.groupby(kinds))) >= 4  # text, sound, text, ..., sound
    finish = next(n for n, e in enumerate(events) if is_chunk(e) and e["choices"][0].get("finish_reason"))
    assert events[finish]["choices"][0]["finish_reason"] == "stop"
    assert not any(kinds[finish + 1 :])
    assert sound_of(events[finish:])


def test_what_is_spoken_can_be_recognised(spoken: Spoken) -> None:
    events = spoken.events(REPEAT)
    expected = re.findall(r"[a-z]+", SAID.lower())
    heard = heard_in(sound_of(events))
    assert len(set(expected) & set(heard)) >= 0.7 * len(set(expected))
    sound = containers.decode(sound_of(events))
    assert not audio.is_silent(sound)
    assert 4000 < sound.duration_ms < 15_000


@pytest.mark.parametrize(
    ("form", "kind", "rate"),
    [
        (None, "mp3", 22050),
        ("MP3_16000HZ_MONO_128KBPS", "mp3", 16000),
        ("WAV_16000HZ_MONO_16BIT", "wav", 16000),
        ("PCM_16000HZ_MONO_16BIT", "pcm", 16000),
    ],
)
def test_frames_are_one_file_of_the_format_that_was_asked_for(spoken: Spoken, form: Any, kind: str, rate: int) -> None:
    param = None if form is None else {"format": form}
    data = sound_of(spoken.events("Repeat after me exactly: Hello there. How are you?", param))
    if kind == "pcm":
        assert 1.0 < len(data) / 2 / rate < 6.0
        return
    assert wav.is_wav(data) == (kind == "wav")
    assert containers.name_of(data) == kind
    assert containers.decode(data).rate == rate


def test_settings_are_obeyed(spoken: Spoken) -> None:
    def length(**param: Any) -> int:
        return len(sound_of(spoken.events("Repeat after me exactly: one two three four", {**wave, **param})))

    wave = {"format": "PCM_16000HZ_MONO_16BIT"}
    assert length(speechRate=2) < 0.75 * length() < 0.75 * length(speechRate=0.5)
    plain = sound_of(spoken.events("Repeat after me exactly: one", wave))
    other = sound_of(spoken.events("Repeat after me exactly: one", {**wave, "voice": "longlaotie"}))
    loud = sound_of(spoken.events("Repeat after me exactly: one", {**wave, "volume": 100}))
    assert len({plain, other, loud}) == 3


def test_the_same_request_gives_the_same_sound(spoken: Spoken) -> None:
    first, second = spoken.events(REPEAT), spoken.events(REPEAT)
    assert sound_of(first) == sound_of(second)
    assert [is_chunk(e) for e in first] == [is_chunk(e) for e in second]


def test_calls_of_tools_and_reasoning_are_not_spoken(spoken: Spoken) -> None:
    events = spoken.events("What is the weather in Oslo?", tools=[WEATHER], tool_choice="required")
    assert [e["choices"][0]["finish_reason"] for e in events if is_chunk(e)][-1] == "tool_calls"
    assert events[-1]["usage"] == {"characters": 0}
    thought = spoken.events("Hello", model="DeepSeek-R1")
    assert any(e["choices"][0]["delta"].get("reasoning_content") for e in thought if is_chunk(e))
    assert thought[-1]["usage"] == {"characters": len(text_of(thought))}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"chat_completion_req": None}, "chat_completion_req is required"),
        ({"chat_completion_req": []}, "chat_completion_req is required"),
        ({"speech_synthesis_req": None}, "speech_synthesis_req is required"),
        ({"speech_synthesis_req": {}}, "easyllm_id is required"),
    ],
)
def test_both_parts_are_required(spoken: Spoken, change: dict[str, Any], named: str) -> None:
    response = spoken.post({**spoken.body(), **change})
    assert response.status_code == 400
    assert named in response.json()["message"]


@pytest.mark.parametrize("stream", [False, ..., None, "true"])
def test_only_streams_are_supported(spoken: Spoken, stream: Any) -> None:
    response = spoken.post(spoken.body(stream=stream))
    assert response.status_code == 400
    assert "chat_completion_req.stream must be true" in response.json()["message"]


@pytest.mark.parametrize(
    ("param", "named"),
    [
        ({"model": "cosyvoice-v9"}, "cosyvoice-v1"),
        ({"voice": "nobody"}, "nobody"),
        ({"format": "OGG_16000HZ_MONO_16BIT"}, "WAV, MP3 or PCM"),
        ({"volume": 101}, "from 0 to 100"),
        ({"speechRate": 0.4}, "from 0.5 to 2"),
        ({"pitchRate": 2.1}, "from 0.5 to 2"),
        ("fast", "must be an object"),
    ],
)
def test_wrong_settings_are_refused(spoken: Spoken, param: Any, named: str) -> None:
    response = spoken.post(spoken.body(speech={"easyllm_id": spoken.sandbox.easyllm_id, "synthesis_param": param}))
    assert response.status_code == 400
    message = response.json()["message"]
    assert named in message
    assert "speech_synthesis_req.synthesis_param" in message


def test_wrong_services_keys_and_chats_are_refused(spoken: Spoken) -> None:
    assert spoken.post(spoken.body(speech={"easyllm_id": "other"})).status_code == 404
    assert spoken.post(spoken.body(model="gpt-9")).status_code == 404
    assert spoken.post(spoken.body(temperature=3)).status_code == 400
    off = {"easyllm_id": spoken.sandbox.easyllm_id, "stream": False}
    assert "must be true" in spoken.post(spoken.body(speech=off)).json()["message"]
    assert spoken.post(spoken.body(speech={**off, "stream": True, "synthesis_param": None})).status_code == 200
    spoken.http.headers["Authorization"] = "Bearer wrong"
    assert spoken.post(spoken.body()).status_code == 401


@pytest.mark.parametrize(("prefix", "beginning"), [("space", "data: {"), ("no_space", "data:{"), ("bare", "{")])
def test_lines_can_be_server_sent_events(spoken: Spoken, prefix: Any, beginning: str) -> None:
    spoken.sandbox.variants.sse_prefix = prefix
    spoken.sandbox.variants.done = "sent"
    blocks = spoken.post(spoken.body()).text.split("\n\n")
    assert blocks.pop() == ""
    assert blocks.pop().endswith("[DONE]")
    assert all(block.startswith(beginning) for block in blocks)


def test_frames_can_be_objects_and_some_can_be_empty(spoken: Spoken) -> None:
    variants = spoken.sandbox.variants
    variants.audio_frame = "object"
    variants.empty_frames = True
    frames = [e["audioFrame"] for e in spoken.events() if not is_chunk(e)]
    assert None in frames[:-1]
    assert all(frame is None or set(frame) == {"array"} for frame in frames)
    variants.audio_frame = "data"
    assert any(e.get("data") for e in spoken.events())
    variants.audio_frame = "string"
    variants.speech_finish = "with_audio"
    assert spoken.events()[-1]["audioFrame"]


def test_a_stream_can_be_cut_and_can_tell_an_error(spoken: Spoken) -> None:
    faults = spoken.sandbox.faults
    faults.add(path=URL, cut_after_events=3)
    with pytest.raises(httpx.HTTPError):
        spoken.post(spoken.body())
    faults.add(path=URL, error_event={"status": 500, "message": "no breath"}, error_after_events=4)
    lines = spoken.post(spoken.body()).text.splitlines()
    assert len(lines) == 5
    assert json.loads(lines[-1])["message"] == "no breath"
