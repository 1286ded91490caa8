"""A speech chat on a scripted socket, written by the document: it hears how often each 100 ms of audio came."""

from __future__ import annotations

import base64
import json
from typing import Any

from websockets.sync.server import ServerConnection


def event(event_type: str, status: int = 0, message: str = "") -> str:
    return json.dumps({"status": status, "message": message, "event_type": event_type})


def heard(text: str, *, final: bool = True, begin_ms: int = 0) -> str:
    end = begin_ms + 100 if final else None
    said = {"text": text, "begin_time": begin_ms, "end_time": end, "words": [], "is_sentence_end": final}
    return json.dumps(said, ensure_ascii=False)


def written(text: str, finish_reason: str | None = None) -> str:
    choice: dict[str, Any] = {"delta": {"content": text}, "index": 0}
    if finish_reason:
        choice["finish_reason"] = finish_reason
    chunk = {"choices": [choice], "created": 1, "id": "chatcmpl-1", "model": "M", "object": "chat.completion.chunk"}
    return json.dumps(chunk, ensure_ascii=False)


def spoken(sound: bytes | None, status: str = "accepting", usage: Any = None) -> str:
    frame = None if sound is None else base64.b64encode(sound).decode()
    return json.dumps({"status": status, "usage": usage, "audioFrame": frame})


class Talker:
    """Answers as the document describes; each turn's answer is ``答n`` in text and in three pieces of sound.

    Args:
        created: What is said first.
    """

    def __init__(self, *, created: str | None = None) -> None:
        self.created = created if created is not None else event("chat.created")
        self.said: list[str | bytes] = []
        self.turns = 0

    def __call__(self, connection: ServerConnection) -> None:
        connection.send(self.created)
        for frame in connection:
            self.said.append(frame)
            if isinstance(frame, bytes):
                connection.send(heard(f"音{len(self.audio)}", final=False))
            else:
                self.answer(connection, json.loads(frame)["event_type"])

    def answer(self, connection: ServerConnection, kind: str) -> None:
        if kind == "input_audio_buffer.complete":
            self.turn(connection)
            return
        names = {
            "chat.update": "chat.updated",
            "input_audio_buffer.clear": "input_audio_buffer.cleared",
            "conversation.clear": "conversation.cleared",
            "conversation.chat.cancel": "conversation.chat.canceled",
            "ping": "pong",
        }
        connection.send(event(names[kind]))

    def turn(self, connection: ServerConnection) -> None:
        self.turns += 1
        connection.send(heard(f"问{self.turns}。"))
        connection.send(event("input_audio_buffer.completed"))
        connection.send(written("答"))
        connection.send(spoken(b"ID3-"))
        connection.send(written(str(self.turns), "stop"))
        connection.send(spoken(None))
        connection.send(spoken(b"sound"))
        connection.send(spoken(b"!", "finish", {"characters": 2}))
        connection.send(event("conversation.chat.completed"))

    @property
    def audio(self) -> list[bytes]:
        return [frame for frame in self.said if isinstance(frame, bytes)]

    @property
    def events(self) -> list[str]:
        """Give what was said in order, audio as ``audio``."""
        return ["audio" if isinstance(frame, bytes) else json.loads(frame)["event_type"] for frame in self.said]

    @property
    def updates(self) -> list[dict[str, Any]]:
        told = [json.loads(frame) for frame in self.said if isinstance(frame, str)]
        return [json.loads(one["message"]) for one in told if one["event_type"] == "chat.update"]
