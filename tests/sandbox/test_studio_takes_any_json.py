"""Whatever stands in a request for pictures, films or spoken answers: an answer or a refusal, no breakdown."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from maaskit.sandbox import Sandbox
from tests.sandbox.studio import EDIT, IMAGES, VIDEOS, Studio, image_body, video_body

ODD: list[Any] = [
    None, True, 0, -1, 1.5, float("nan"), 10**30, "", "x", "\ud800", "写着“\ud800\u0000”", "9" * 400, [], {},
    [None], [[]], [{}], {"a": None}, {"url": []}, [{"type": []}],
    [{"role": "user", "content": [{"text": "\ud800", "image": None}]}],
]  # fmt: skip


def changed(body: Any) -> Iterator[Any]:
    """Put every odd value in the place of every part of a body."""
    yield from ODD
    parts = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for key, part in list(parts):
        for odd in changed(part):
            other = copy.copy(body)
            other[key] = odd
            yield other


@pytest.fixture
def studio(sandbox: Sandbox) -> Iterator[Studio]:
    studio = Studio(sandbox)
    jobs = sandbox._state.studio
    before, jobs.task_s = jobs.task_s, 0.0
    yield studio
    jobs.task_s = before
    studio.http.close()


def posted(studio: Studio, url: str, body: Any) -> int:
    import json

    data = json.dumps(body).encode()
    status = studio.http.post(url, content=data, headers=studio.headers).status_code
    assert status < 500, body
    return status


def test_pictures(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("maaskit.sandbox.sophnet_images._painted", lambda order, state: "made")
    url = f"{studio.sandbox.sophnet_url}/projects/easyllms/{IMAGES}"
    body = {**image_body(model="qwen-image", negative="dogs", size="1664*928", seed=1, prompt_extend=True), "more": 1}
    statuses = {posted(studio, url, other) for other in changed(body)}
    assert {200, 400} <= statuses <= {200, 400, 429}


def test_films(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("maaskit.sandbox.sophnet_videos._filmed", lambda order, state, stop: "made")
    url = f"{studio.sandbox.sophnet_url}/projects/easyllms/{VIDEOS}"
    statuses = {posted(studio, url, other) for other in changed(video_body(negative="dogs", seed="1"))}
    assert {200, 400} <= statuses <= {200, 400, 429}


def test_edits(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import Image

    small = Image.new("RGB", (8, 8))
    monkeypatch.setattr("maaskit.sandbox.engines.retouching.retouched", lambda *_, **__: small)
    url = f"{studio.sandbox.sophnet_url}/projects/easyllms/{EDIT}"
    body = {
        "model": "Qwen-Image-Edit-2509",
        "input": {"messages": [{"role": "user", "content": [{"text": "a cat"}]}]},
        "parameters": {"seed": 1, "negative_prompt": " ", "watermark": False},
    }
    assert {posted(studio, url, other) for other in changed(body)} == {200, 400}


def test_spoken_answers(studio: Studio) -> None:
    url = f"{studio.sandbox.sophnet_url}/v1/chat/completions-with-voice-output"
    param = {
        "model": "cosyvoice-v1",
        "voice": "longwan",
        "format": "PCM_8000HZ_MONO_16BIT",
        "volume": 1,
        "speechRate": 2,
    }
    speech = {"easyllm_id": studio.sandbox.easyllm_id, "synthesis_param": param}
    body = {"chat_completion_req": [], "speech_synthesis_req": speech}
    # The chat request is checked last, so that each of these is refused by what was put into it.
    statuses = {
        posted(studio, url, {**other, "chat_completion_req": {"stream": True}})
        for other in changed(body)
        if isinstance(other, dict)
    }
    assert statuses == {400, 404}


def test_odd_prompts_can_be_painted_filmed_and_obeyed() -> None:
    from maaskit.sandbox.engines import film, painting, retouching

    for prompt in (odd for odd in ODD if isinstance(odd, str)):
        assert painting.paint(prompt, 32, 32, seed=1)
        assert retouching.retouched([], prompt, seed=1)
    assert film.film(film.Order("写着“\ud800\u0000”", 32, 32, 1, 1))
    many = "a red cat and " * 20_000
    assert painting.paint(many, 32, 32, seed=1, negative=many)


def test_updates_of_a_spoken_conversation(sandbox: Sandbox) -> None:
    import json

    from maaskit.sandbox.replies import RefusalError
    from maaskit.sandbox.speech_chat_settings import read_update

    chat = {"messages": [{"role": "system", "content": "x"}], "model": "", "stream": True, "tools": [], "stop": []}
    param = {"synthesis_param": {"model": "cosyvoice-v1", "voice": "longwan", "volume": 1}, "stream": True}
    body = {
        "create_transcription_task_req": {"heartbeat": True, "speech_recognition_param": {"format": "pcm"}},
        "chat_completion_with_voice_output_req": {"chat_completion_req": chat, "speech_synthesis_req": param},
        "asr_mode": "online",
    }
    taken = refused = 0
    for other in changed(body):
        for message in (other, json.dumps(other)):
            try:
                read_update(message, "Qwen2.5-32B-Instruct", sandbox._state)
                taken += 1
            except RefusalError:
                refused += 1
    assert taken > 30
    assert refused > 100
