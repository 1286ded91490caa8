"""Two scripted services: one turns a text into its number, the other reads a file by giving its name back."""

from __future__ import annotations

import email.parser
import email.policy
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.scripted import Reply, ScriptedServer, Seen, json_reply
from tests.waiting import until

KEY = "a-key-of-sophnet-that-nobody-may-see"


class _Counting:
    """Answer requests, and count how many are under way at once."""

    def __init__(self, server: ScriptedServer) -> None:
        self.server = server
        self.now = self.most = 0
        self.together = 1
        """The first ones are answered when so many are under way."""
        self._lock = threading.Lock()
        server.script(self._reply)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        until(lambda: self.most >= self.together)
        yield
        with self._lock:
            self.now -= 1

    def _reply(self, seen: Seen) -> Reply:
        raise NotImplementedError

    def settings(self, **more: Any) -> dict[str, Any]:
        known = {"api_key": KEY, "base_url": self.server.url, "project_id": "P", "easyllm_id": "E"}
        return {**known, "timeout": 30, "max_retries": 0, **more}


class VectorCloud(_Counting):
    """Answer each text with its number first in the vector, and each image with the length of what was sent."""

    def __init__(self, server: ScriptedServer, pause_s: Callable[[float], float] = lambda _: 0.0) -> None:
        self._pause_s = pause_s
        super().__init__(server)

    def _reply(self, seen: Seen) -> Reply:
        with self._counted():
            body = seen.json
            numbers = [float(text) for text in body["input_texts"]]
            numbers += [float(len(image)) for image in body.get("input_images", [])]
            time.sleep(self._pause_s(numbers[0]))
            data = [
                {"embedding": [number, *[0.0] * (body["dimensions"] - 1)], "index": index}
                for index, number in enumerate(numbers)
            ]
        return json_reply({"data": data[::-1], "usage": None})

    @property
    def sizes(self) -> list[int]:
        """Give how many texts and images each request held."""
        bodies = [seen.json for seen in self.server.seen]
        return sorted(len(body["input_texts"]) + len(body.get("input_images", [])) for body in bodies)


class ReadingCloud(_Counting):
    """Answer each document or picture with its name as a heading; a picture sent as bytes has none."""

    def __init__(self, server: ScriptedServer) -> None:
        self.bad: set[str] = set()
        self.pause_s: Callable[[str], float] = lambda _: 0.0
        super().__init__(server)

    def _reply(self, seen: Seen) -> Reply:
        name = self._name(seen)
        with self._counted():
            time.sleep(self.pause_s(name))
        if name in self.bad:
            return json_reply({"message": "out of order"}, 500)
        if seen.path.endswith("/doc-parse"):
            return json_reply({"data": f"# {name}"})
        blocks = [
            {"label": "title", "texts": name, "position": "1,2,3,4"},
            {"label": "figure"},
            {"label": "text", "texts": "正文"},
        ]
        return json_reply({"status": 0, "result": blocks, "markdown": {"text": f"# {name}\n\n正文"}})

    @staticmethod
    def _name(seen: Seen) -> str:
        if not seen.path.endswith("/doc-parse"):
            url = str(seen.json["image_url"]["url"])
            return "picture" if url.startswith("data:") else url.rpartition("/")[2]
        head = f"Content-Type: {seen.headers['content-type']}\r\n\r\n".encode()
        message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + seen.body)
        parts = message.iter_parts()  # type: ignore[attr-defined]
        return next(part.get_filename() for part in parts if part.get_filename())


class Limiter:
    """Count how often it is asked; as LlamaIndex's rate limiters are."""

    def __init__(self) -> None:
        self.asked = 0

    def acquire(self, num_tokens: int = 0) -> None:
        self.asked += 1

    async def async_acquire(self, num_tokens: int = 0) -> None:
        self.asked += 1
