"""One cloud of a sandbox as the tests talk to it: raw JSON and raw bytes, no client of maaskit's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Self

import httpx

from maaskit.sandbox import Sandbox

WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the current weather in a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


class Cloud:
    def __init__(self, sandbox: Sandbox, url: str, model: str, thinker: str) -> None:
        self.sandbox, self.url, self.model, self.thinker = sandbox, url, model, thinker
        self.is_sophnet = "open-apis" in url
        self.http = httpx.Client(headers={"Authorization": f"Bearer {sandbox.api_key}"}, timeout=30)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def post(self, messages: Any = "Hello", **fields: Any) -> httpx.Response:
        said = [{"role": "user", "content": messages}] if isinstance(messages, str) else messages
        body = {"model": self.model, "messages": said, **fields}
        return self.http.post(f"{self.url}/chat/completions", json=body)

    def ask(self, messages: Any = "Hello", **fields: Any) -> dict[str, Any]:
        response = self.post(messages, **fields)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def say(self, messages: Any = "Hello", **fields: Any) -> str:
        text: str = self.ask(messages, **fields)["choices"][0]["message"]["content"]
        return text

    def calls(self, messages: Any, **fields: Any) -> list[tuple[str, dict[str, Any]]]:
        message = self.ask(messages, **fields)["choices"][0]["message"]
        return [(c["function"]["name"], json.loads(c["function"]["arguments"])) for c in message.get("tool_calls", [])]

    def stream(self, messages: Any = "Hello", **fields: Any) -> bytes:
        response = self.post(messages, stream=True, **fields)
        assert response.status_code == 200, response.text
        return response.content

    def chunks(self, messages: Any = "Hello", **fields: Any) -> list[dict[str, Any]]:
        lines = [line.removeprefix("data:").strip() for line in self.stream(messages, **fields).decode().splitlines()]
        return [json.loads(line) for line in lines if line.startswith("{")]

    def refusal(self, messages: Any = "Hello", **fields: Any) -> tuple[int, str]:
        response = self.post(messages, **fields)
        body = response.json()
        message: str = body["message"] if self.is_sophnet else body["error"]["message"]
        return response.status_code, message


def joined(chunks: list[dict[str, Any]], field: str = "content", index: int = 0) -> str:
    """Join one field of a stream's deltas."""
    parts: list[Mapping[str, Any]] = [c for chunk in chunks for c in chunk["choices"] if c["index"] == index]
    return "".join(part["delta"].get(field) or "" for part in parts)
