"""JSON that is nested more deeply than it can be read: a refusal, no breakdown."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from maaskit.sandbox import Sandbox
from maaskit.sandbox.json_text import decode

DEEP = "[" * 100_000
CHATS = {"sophnet": "sophnet_url", "qiniu": "qiniu_url"}


def post(sandbox: Sandbox, url: str, **what: Any) -> httpx.Response:
    return httpx.post(url, headers={"Authorization": f"Bearer {sandbox.api_key}"}, timeout=30, **what)


@pytest.mark.parametrize("text", [DEEP, DEEP + "]" * 100_000, '{"a":' * 100_000, b"\xff", "{", ""])
def test_what_cannot_be_read_is_one_error(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(text)
    assert decode(b'{"a": [1]}') == {"a": [1]}


@pytest.mark.parametrize(
    "path", ["v1/chat/completions", "projects/easyllms/texttoimage/task", "projects/easyllms/image-ocr"]
)
def test_a_deep_body_is_refused(sandbox: Sandbox, path: str) -> None:
    answer = post(sandbox, f"{sandbox.sophnet_url}/{path}", content=DEEP)
    assert (answer.status_code, answer.json()["status"], answer.json()["result"]) == (400, 400, None)
    assert "nested too deeply" in answer.json()["message"]
    assert sandbox.requests[-1].json is None


def test_a_deep_part_of_a_form_is_refused(sandbox: Sandbox) -> None:
    form = {"data": (None, DEEP, "application/json"), "audio_file": ("a.wav", b"RIFF", "audio/wav")}
    url = f"{sandbox.sophnet_url}/projects/{sandbox.project_id}/easyllms/speechtotext/transcriptions"
    answer = post(sandbox, url, files=form)
    assert (answer.status_code, answer.json()["message"]) == (400, "data is not JSON")


@pytest.mark.parametrize("cloud", CHATS)
def test_deep_json_in_messages_is_only_a_text(sandbox: Sandbox, cloud: str) -> None:
    url, model = getattr(sandbox, CHATS[cloud]), {"sophnet": "DeepSeek-v3", "qiniu": "deepseek-v3"}[cloud]
    url = f"{url}/v1/chat/completions" if cloud == "sophnet" else f"{url}/chat/completions"
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": DEEP}}
    history = [
        {"role": "user", "content": "Look it up."},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": DEEP},
    ]
    for messages in (history, [{"role": "user", "content": DEEP}]):
        answer = post(sandbox, url, json={"model": model, "messages": messages})
        assert answer.status_code in (200, 400), answer.text[:300]  # 400: longer than the model's context
