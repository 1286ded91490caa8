"""Fixtures for SophNet's services: one scripted cloud, both drivers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from maaskit import AsyncClient, Client, RetryPolicy, SophNet
from tests.scripted import ScriptedServer

Send = Callable[..., Any]


@pytest.fixture(params=["sync", "async"])
def send(request: pytest.FixtureRequest, scripted: ScriptedServer) -> Send:
    """Send a call with either driver; further arguments are the provider's."""

    def run(call: Any, **provider: Any) -> Any:
        ids = {"project_id": "P1", "easyllm_id": "E1"} | provider
        cloud = SophNet(api_key="k", base_url=scripted.url, **ids)
        settings: dict[str, Any] = {"timeout": 10.0, "retry_policy": RetryPolicy(first_delay_s=0.01)}
        if request.param == "sync":
            with Client(cloud, **settings) as client:
                return client.send(call)

        async def main() -> Any:
            async with AsyncClient(cloud, **settings) as client:
                return await client.send(call)

        return asyncio.run(main())

    return run
