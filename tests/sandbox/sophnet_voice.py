"""SophNet's speech services of a sandbox as the tests talk to them: raw HTTP, no client of maaskit's."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import httpx

from maaskit.sandbox import Sandbox
from maaskit.sandbox.engines import audio, containers, wav
from maaskit.sandbox.engines.sound import Sound, joined, silence

WAV = "WAV_16000HZ_MONO_16BIT"


class SophNetVoice:
    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.project = f"{sandbox.sophnet_url}/projects/{sandbox.project_id}/easyllms"
        self.projectless = f"{sandbox.sophnet_url}/projects/easyllms"
        self.http = httpx.Client(headers={"Authorization": f"Bearer {sandbox.api_key}"}, timeout=120)

    def close(self) -> None:
        self.http.close()

    # Text to voice

    def order(self, text: Any, **param: Any) -> dict[str, Any]:
        """Write a request's body; a setting of `...` is left out."""
        settings = {"model": "cosyvoice-v1", "format": WAV, **param}
        kept = {name: value for name, value in settings.items() if value is not ...}
        texts = [text] if isinstance(text, str) else text
        return {"easyllm_id": self.sandbox.easyllm_id, "text": texts, "synthesis_param": kept}

    def post_speech(self, body: dict[str, Any], *, stream: bool = False) -> httpx.Response:
        return self.http.post(f"{self.project}/voice/synthesize-audio{'-stream' if stream else ''}", json=body)

    def spoken(self, text: str | list[str], **param: Any) -> bytes:
        response = self.post_speech(self.order(text, **param))
        assert response.status_code == 200, response.text
        return response.content

    def sound(self, text: str | list[str], **param: Any) -> Sound:
        return containers.decode(self.spoken(text, **param))

    def pitch_hz(self, text: str, **param: Any) -> float:
        pitch = audio.pitch_hz(self.sound(text, **param))
        assert pitch is not None
        return pitch

    def events(self, text: str | list[str], **param: Any) -> list[dict[str, Any]]:
        response = self.post_speech(self.order(text, **param), stream=True)
        assert response.status_code == 200, response.text
        lines = [line.removeprefix("data:").strip() for line in response.text.splitlines()]
        return [json.loads(line) for line in lines if line.startswith("{")]

    def talk(self, *said: tuple[str, str], pause_ms: int = 500) -> bytes:
        """Let several voices speak one after the other into one WAV."""
        parts: list[Sound] = []
        for voice, text in said:
            parts += [containers.decode(self.spoken(text, voice=voice)), silence(pause_ms, 16_000)]
        return wav.pack(joined(parts))

    # Voice cloning

    def clone(self, recording: bytes, **fields: Any) -> httpx.Response:
        order = {"easyllm_id": self.sandbox.easyllm_id, "model": "cosyvoice-v1", "prompt_text": "Hello.", **fields}
        kept = {name: value for name, value in order.items() if value is not ...}
        files = {
            "audio_file": ("voice.wav", recording, "audio/wav"),
            "tts_speaker_voice_generate_req": (None, json.dumps(kept), "application/json"),
        }
        return self.http.post(f"{self.projectless}/voice/upload", files=files)

    def voices(self) -> list[dict[str, Any]]:
        answer = self.http.get(f"{self.projectless}/voice/{self.sandbox.easyllm_id}").json()
        assert answer["status"] == 0, answer
        found: list[dict[str, Any]] = answer["result"]
        return found

    def remove(self, voice_id: str, model: str = "cosyvoice-v1", **fields: Any) -> httpx.Response:
        body = {"easyllm_id": self.sandbox.easyllm_id, "model": model, "voice_id": voice_id, **fields}
        return self.http.request("DELETE", f"{self.projectless}/voice/remove", json=body)

    # Speech to text

    def link(self, url: Any, **fields: Any) -> httpx.Response:
        body = {"audio_url": url, "easyllm_id": self.sandbox.easyllm_id, **fields}
        kept = {name: value for name, value in body.items() if value is not ...}
        return self.http.post(f"{self.project}/speechtotext/transcriptions", json=kept)

    def upload(self, recording: bytes, name: str = "a.wav", kind: str = "audio/wav") -> httpx.Response:
        data = json.dumps({"easyllm_id": self.sandbox.easyllm_id})
        files = {"data": (None, data, "application/json"), "audio_file": (name, recording, kind)}
        return self.http.post(f"{self.project}/speechtotext/transcriptions", files=files)

    def look(self, task_id: str) -> httpx.Response:
        return self.http.get(f"{self.project}/speechtotext/transcriptions/{task_id}")

    def finished(self, task_id: str, within_s: float = 120) -> dict[str, Any]:
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            answer: dict[str, Any] = self.look(task_id).json()
            if answer["status"] in ("success", "failed"):
                return answer
            time.sleep(0.05)
        raise AssertionError(f"the task did not end within {within_s} s")

    def at_once(self, url: str, **fields: Any) -> httpx.Response:
        body = {"easyllm_id": self.sandbox.easyllm_id, "audio_url": url, **fields}
        kept = {name: value for name, value in body.items() if value is not ...}
        return self.http.post(f"{self.project}/speechtotext/non-stream", json=kept)


def frames(events: list[dict[str, Any]]) -> bytes:
    """Put the frames of a stream together."""
    return b"".join(base64.b64decode(event["audioFrame"]) for event in events if event["audioFrame"])
