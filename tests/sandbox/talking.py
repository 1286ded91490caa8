"""A spoken conversation as the tests hold it: a raw socket and the documents' events, no client of maaskit's."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any
from urllib.parse import quote

import aiohttp

from maaskit.sandbox import Sandbox
from maaskit.sandbox.engines import containers, speech, voices
from maaskit.sandbox.engines.sound import Sound, joined, silence

RATE = 16_000
CHUNK = 6400
"""200 ms."""
TIMEOUT_S = 60


@cache
def said(text: str, pause_ms: int = 300) -> bytes:
    """Speak a text as samples at 16 kHz, with a pause behind it."""
    sound = containers.resampled(speech.speak(text, voices.named("longlaotie")), RATE)
    return joined([Sound(sound.pcm, RATE), silence(pause_ms, RATE)]).pcm


class Talk:
    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.seen: list[dict[str, Any]] = []

    async def send(self, event_type: str, **fields: Any) -> None:
        await self.socket.send_str(json.dumps({"event_type": event_type, **fields}))

    async def update(self, message: Any = None, **parts: Any) -> dict[str, Any]:
        """Send a chat.update; asr, chat and speech are its three objects, other fields stand beside them."""
        if message is None:
            chat = {"chat_completion_req": parts.pop("chat", {}), "speech_synthesis_req": parts.pop("speech", {})}
            asr = parts.pop("asr", {})
            value = {"create_transcription_task_req": asr, "chat_completion_with_voice_output_req": chat, **parts}
            message = json.dumps(value, ensure_ascii=False)
        await self.send("chat.update", message=message)
        return await self.until("chat.updated", "error")

    async def speak(self, data: bytes) -> None:
        for at in range(0, len(data), CHUNK):
            await self.socket.send_bytes(data[at : at + CHUNK])

    async def next(self) -> dict[str, Any] | None:
        message = await self.socket.receive(TIMEOUT_S)
        if message.type is not aiohttp.WSMsgType.TEXT:
            return None
        event: dict[str, Any] = json.loads(message.data)
        self.seen.append(event)
        return event

    async def until(self, *kinds: str) -> dict[str, Any]:
        while True:
            event = await self.next()
            assert event is not None, f"closed with {self.socket.close_code} before {kinds}: {self.seen}"
            if event.get("event_type") in kinds:
                return event

    async def turn(self, data: bytes) -> list[dict[str, Any]]:
        """Say something and collect all that comes until the answer is complete."""
        start = len(self.seen)
        await self.speak(data)
        await self.send("input_audio_buffer.complete")
        await self.until("conversation.chat.completed")
        return self.seen[start:]


@asynccontextmanager
async def talking(sandbox: Sandbox, **changes: Any) -> AsyncIterator[Talk]:
    """Connect as the document's example does; a field that is changed to an ellipsis is left out."""
    fields = {
        "model": "Qwen2.5-32B-Instruct",
        "token": f"Bearer {sandbox.api_key}",
        "asr_easyllm_id": sandbox.easyllm_id,
        "tts_easyllm_id": sandbox.easyllm_id,
        **changes,
    }
    project = fields.pop("project_id", sandbox.project_id)
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in fields.items() if value is not ...)
    url = f"{sandbox.sophnet_url}/projects/{project}/chat/speech-chat?{query}".replace("http:", "ws:", 1)
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        yield Talk(socket)
        if not socket.closed:
            async with asyncio.timeout(30):
                await socket.close()


def kinds(events: list[dict[str, Any]]) -> list[str]:
    """Name each event: its type, or what it is by its fields."""
    return [
        event.get("event_type")
        or (
            "asr"
            if "is_sentence_end" in event
            else "llm"
            if "choices" in event
            else "tts"
            if "audioFrame" in event
            else "?"
        )
        for event in events
    ]


def heard(events: list[dict[str, Any]]) -> str:
    return " ".join(event["text"] for event in events if event.get("is_sentence_end"))


def answered(events: list[dict[str, Any]]) -> str:
    deltas = [choice["delta"] for event in events if "choices" in event for choice in event["choices"]]
    return "".join(delta.get("content") or "" for delta in deltas)
