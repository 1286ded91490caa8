"""Both clouds as far as the agents' tools ask them, answering what was asked so that a test can see it."""

from __future__ import annotations

import base64
import struct
import threading
import wave
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

from tests.multipart import form
from tests.scripted import Reply, ScriptedServer, Seen, json_reply

KEY = "a-key-of-the-tools-that-nobody-may-see"
MP3 = b"ID3\x04\x00" + b"\x00" * 300
MP4 = b"\x00\x00\x00\x18ftypmp42" + b"\x00" * 200


def wav(seconds: float = 0.2) -> bytes:
    sound = BytesIO()
    with wave.open(sound, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(b"\0\0" * int(16000 * seconds))
    return sound.getvalue()


def png(width: int = 400, height: int = 320) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = b"".join(b"\0" + b"\xff" * width for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


class ToolClouds:
    """Answer as both clouds do; what is made lies under ``/files/``."""

    def __init__(self, server: ScriptedServer) -> None:
        self.server = server
        self.looks = 0
        self.fail: dict[str, Reply] = {}
        self._lock = threading.Lock()
        server.script(self._reply)

    @property
    def sophnet(self) -> dict[str, Any]:
        """Give the settings of what asks SophNet here."""
        return {"api_key": KEY, "base_url": self.server.url, "project_id": "P", "easyllm_id": "E", **self._patience}

    @property
    def qiniu(self) -> dict[str, Any]:
        return {"api_key": KEY, "base_url": f"{self.server.url}/v1", **self._patience}

    _patience: dict[str, Any] = {"timeout": 30, "max_retries": 0}  # noqa: RUF012 - never changed

    @property
    def asked(self) -> list[Seen]:
        """Give the requests to services, without those for files."""
        return [seen for seen in self.server.seen if "/files/" not in seen.path]

    def _reply(self, seen: Seen) -> Reply:
        for part, reply in self.fail.items():
            if part in seen.path:
                return reply
        answers = {
            "/files/": self._file,
            "/v1/voice/tts": self._qiniu_speech,
            "/v1/images/ocr": lambda seen: json_reply({"text": f"text of {seen.json['url']}"}),
            "/v1/voice/asr": self._qiniu_heard,
            "synthesize-audio": lambda _: Reply(200, {"content-type": "audio/mpeg"}, [MP3]),
            "speechtotext/transcriptions": self._heard,
            "image-ocr": self._read,
            "doc-parse": self._parsed,
            "texttoimage/task": self._drawn,
            "image-edit": self._edited,
            "videogenerator/task": self._filmed,
        }
        for part, answer in answers.items():
            if part in seen.path:
                return answer(seen)
        return json_reply({"message": f"nothing at {seen.path}"}, 404)

    def _file(self, seen: Seen) -> Reply:
        kinds = {
            ".png": ("image/png", png()),
            ".mp4": ("video/mp4", MP4),
            ".mp3": ("audio/mpeg", MP3),
            ".wav": ("audio/wav", wav()),
        }
        kind, content = kinds.get(Path(seen.path).suffix, ("text/plain", f"content of {seen.path}".encode()))
        return Reply(200, {"content-type": kind}, [content])

    def _qiniu_speech(self, seen: Seen) -> Reply:
        return json_reply({"data": base64.b64encode(MP3).decode(), "addition": {"duration": "1500"}, "reqid": "r"})

    def _qiniu_heard(self, seen: Seen) -> Reply:
        told = {"text": f"{seen.json['audio']['format']} of {seen.json['audio']['url']}"}
        return json_reply({"reqid": "r", "data": {"audio_info": {"duration": 2500}, "result": told}})

    def _heard(self, seen: Seen) -> Reply:
        if seen.method == "POST":
            return json_reply({"taskId": "heard-1"})
        result = "[0:0.020,0:2.000,0]  你好。\n[0:2.500,0:4.000,1]  再见。\n"
        return self._look(json_reply({"taskId": "heard-1", "status": "success", "result": result}), "doing")

    def _read(self, seen: Seen) -> Reply:
        url = str(seen.json["image_url"]["url"])
        text = "picture" if url.startswith("data:") else url
        block = {"label": "text", "texts": text, "position": "1,2,3,4"}
        return json_reply({"status": 0, "result": [block], "markdown": {"text": f"# {text}"}})

    def _parsed(self, seen: Seen) -> Reply:
        files = [part for part in form(seen).values() if part.get_filename()]
        content = files[0].get_payload(decode=True)
        return json_reply({"data": f"# {files[0].get_filename()}\n\n{content.decode('utf-8', 'replace')}"})

    def _drawn(self, seen: Seen) -> Reply:
        if seen.method == "POST":
            return json_reply({"output": {"taskId": "drawn-1", "taskStatus": "PENDING"}})
        results = [{"url": f"{self.server.url}/files/drawn.png"}]
        done = json_reply({"output": {"taskId": "drawn-1", "taskStatus": "SUCCEEDED", "results": results}})
        return self._look(done, "RUNNING")

    def _edited(self, seen: Seen) -> Reply:
        content = [{"image": f"{self.server.url}/files/edited.png"}]
        choices = [{"message": {"role": "assistant", "content": content}}]
        usage = {"width": 640, "height": 480}
        return json_reply({"output": {"choices": choices}, "usage": usage, "request_id": "edit-1"})

    def _filmed(self, seen: Seen) -> Reply:
        if seen.method == "POST":
            return Reply(200, {"content-type": "text/plain"}, [b"filmed-1"])
        content = {"video_url": f"{self.server.url}/files/filmed.mp4"}
        usage = {"duration": 5, "resolution": "1280*720", "ratio": "16:9"}
        return json_reply({"id": "filmed-1", "status": "succeeded", "content": content, "usage": usage})

    def _look(self, done: Reply, running: str) -> Reply:
        """Answer every second look with the result, the others with a task that runs."""
        with self._lock:
            self.looks += 1
            last = self.looks % 2 == 0
        if last:
            return done
        return json_reply({"output": {"taskId": "drawn-1", "taskStatus": running}, "taskId": "x", "status": running})
