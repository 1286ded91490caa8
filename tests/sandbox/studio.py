"""SophNet's endpoints for pictures and films as the tests talk to them: raw JSON, no client of maaskit's."""

from __future__ import annotations

import asyncio
import base64
import threading
import time
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from maaskit.sandbox import Sandbox, studio_jobs

IMAGES = "texttoimage/task"
VIDEOS = "videogenerator/task"
EDIT = "image-edit"


class Gate:
    """Takes the place of the pauses before and behind the work at a task: each lasts until the test lets it end."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._ended = threading.Semaphore(0)
        loop = {"get_running_loop": asyncio.get_running_loop}
        monkeypatch.setattr(studio_jobs, "asyncio", SimpleNamespace(sleep=self._pause, **loop))

    def open(self, pauses: int = 1) -> None:
        self._ended.release(pauses)

    async def _pause(self, _: float) -> None:
        while not self._ended.acquire(blocking=False):  # noqa: ASYNC110 -- another thread releases it
            await asyncio.sleep(0.005)


class Studio:
    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.headers = {"Authorization": f"Bearer {sandbox.api_key}"}
        self.http = httpx.Client(timeout=60)

    def call(self, method: str, path: str, body: Any = None) -> httpx.Response:
        url = f"{self.sandbox.sophnet_url}/projects/easyllms/{path}"
        return self.http.request(method, url, json=body, headers=self.headers)

    def get(self, path: str) -> Any:
        response = self.call("GET", path)
        assert response.status_code == 200, response.text
        return response.json()

    def wait(self, path: str, is_over: Any, seconds: float = 60) -> Any:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            answer = self.get(path)
            if is_over(answer):
                return answer
            time.sleep(0.02)
        raise AssertionError(f"{path} did not end: {answer}")

    def image_task(self, **body: Any) -> str:
        response = self.call("POST", IMAGES, image_body(**body))
        assert response.status_code == 200, response.text
        task_id: str = response.json()["output"]["taskId"]
        return task_id

    def image(self, task_id: str) -> dict[str, Any]:
        open_words = ("PENDING", "RUNNING", "SUSPENDED", "UNKNOWN")
        answer: dict[str, Any] = self.wait(
            f"{IMAGES}/{task_id}", lambda a: a["output"]["taskStatus"].upper() not in open_words
        )
        return answer

    def video_task(self, text: Any = "小猫在草原上奔跑", **body: Any) -> str:
        response = self.call("POST", VIDEOS, video_body(text, **body))
        assert response.status_code == 200, response.text
        return response.text

    def video(self, task_id: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.wait(f"{VIDEOS}/{task_id}", lambda a: a["status"] not in ("queued", "running"))
        return answer


def image_body(prompt: Any = "奔跑的小猫", model: Any = "z-image-turbo", **fields: Any) -> dict[str, Any]:
    said = {"prompt": prompt, **({"negative_prompt": fields.pop("negative")} if "negative" in fields else {})}
    return without({"model": model, "input": without(said), "parameters": without(fields)})


def video_body(
    text: Any = "旋转镜头,小猫在草原上奔跑", image: Any = ..., model: Any = None, **fields: Any
) -> dict[str, Any]:
    content: list[dict[str, Any]] = [] if text is ... else [{"type": "text", "text": text}]
    if "negative" in fields:
        content[0]["negative_prompt"] = fields.pop("negative")
    if image is not ...:
        content.append({"type": "image_url", "image_url": {"url": image}})
    chosen = model or ("Wan2.2-T2V-A14B" if image is ... else "Wan2.2-I2V-A14B")
    fields = {"size": "832*480", "duration": 1, **fields}
    return {"model": chosen, "content": content, "parameters": without(fields)}


def without(fields: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is an ellipsis."""
    return {name: value for name, value in fields.items() if value is not ...}


def data_url(data: bytes, kind: str = "image/jpeg") -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
