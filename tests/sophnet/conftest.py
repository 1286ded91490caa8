"""Fixtures for SophNet's services: one scripted cloud, both drivers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from maaskit import AsyncClient, Client, RetryPolicy, SophNet, task
from maaskit.task import Task
from maaskit.wire import Stream
from tests.scripted import ScriptedServer
from tests.sophnet.faces import Face

Send = Callable[..., Any]


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at tasks at once: how long to wait before a look is tested where tasks are (``tests/test_task.py``)."""
    monkeypatch.setattr(task, "FIRST_LOOK_S", 0.01)


@pytest.fixture(params=["sync", "async"])
def send(request: pytest.FixtureRequest, scripted: ScriptedServer) -> Send:
    """Perform a conversation with either driver; further arguments are the provider's.

    A Call and a Flow are sent, a Task is waited for (``on_update`` and ``timeout`` go along), a Stream gives the list
    of its pieces.
    """

    def run(what: Any, *, on_update: Any = None, timeout: float | None = None, **provider: Any) -> Any:
        cloud = SophNet(**{"api_key": "k", "base_url": scripted.url, "project_id": "P1", "easyllm_id": "E1"} | provider)
        settings: dict[str, Any] = {"timeout": 30.0, "retry_policy": RetryPolicy(first_delay_s=0.01)}
        if request.param == "sync":
            with Client(cloud, **settings) as client:
                if isinstance(what, Task):
                    return client.wait(what, on_update, timeout=timeout)
                return list(client.stream(what)) if isinstance(what, Stream) else client.send(what)

        async def main() -> Any:
            async with AsyncClient(cloud, **settings) as client:
                if isinstance(what, Task):
                    return await client.wait(what, on_update, timeout=timeout)
                if isinstance(what, Stream):
                    return [piece async for piece in client.stream(what)]
                return await client.send(what)

        return asyncio.run(main())

    return run


@pytest.fixture(params=["sync", "async"])
def face(request: pytest.FixtureRequest, scripted: ScriptedServer) -> Face:
    """Give either driver, pointed at the scripted cloud."""
    return Face(request.param, scripted.url)
