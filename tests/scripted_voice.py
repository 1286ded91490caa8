"""A chat with voice output as the document shows it, for scripted servers."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Callable
from typing import Any

from tests.scripted import Reply

MODEL = "Qwen2.5-32B-Instruct"
SOUND = [b"ID3\x04\x00\x00", b"\xff\xf3\xc4\xc4", b"\xff\xf3\xc0\xc4&\x11"]


def chat(content: str, **choice: Any) -> dict[str, Any]:
    return {
        "choices": [{"delta": {"content": content}, "index": 0, **choice}],
        "created": 1749037853,
        "id": "chatcmpl-xxx",
        "model": MODEL,
        "object": "chat.completion.chunk",
    }


def voice(sound: bytes | None, status: str = "accepting", usage: Any = None) -> dict[str, Any]:
    frame = None if sound is None else base64.b64encode(sound).decode()
    return {"status": status, "usage": usage, "audioFrame": frame}


# The document's own example, with sound that is whole.
EXAMPLE: list[dict[str, Any]] = [
    {**chat(""), "choices": [{"delta": {"content": "", "role": "assistant"}, "index": 0}]},
    chat("你好"),
    chat("!"),
    chat("有什么"),
    voice(SOUND[0]),
    chat("可以帮助你的吗?"),
    voice(None),
    voice(SOUND[1]),
    chat("", finish_reason="stop"),
    voice(SOUND[2]),
    voice(None, "finish", {"characters": 26}),
]


def sse(event: dict[str, Any]) -> bytes:
    return b"data:" + json.dumps(event).encode() + b"\n\n"


def line(event: dict[str, Any]) -> bytes:
    return json.dumps(event).encode() + b"\n"


def reply(events: list[dict[str, Any]], write: Callable[[dict[str, Any]], bytes] = sse, **options: Any) -> Reply:
    kind = options.pop("content_type", "text/event-stream")
    return Reply(200, {"content-type": kind}, [write(event) for event in events], **options)


def wav(samples: bytes, size: int) -> bytes:
    head = struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", size, b"WAVE", b"fmt ", 16, 1, 1, 16000, 32000, 2, 16, b"data", size
    )
    return head + samples
